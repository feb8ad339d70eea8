"""cutaway bench --engine xla, and the same on a GPU: the workloads made small, the table, what is refused."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from benchmarks import devices, peers, shown, xla

ROOT = Path(__file__).parent.parent.parent


def test_all_do_the_same_work():
    pytest.importorskip("jax")
    work = replace(xla.WORKLOADS["A"], rows=64)
    data = xla.data(work)
    ours, theirs, on_cpu = (c.prepare(work, data, 1)(2, True) for c in xla.COMPETITORS)
    assert ours.keys() == theirs.keys()
    assert xla.loss(work, data, ours) == pytest.approx(xla.loss(work, data, theirs), rel=1e-5)
    assert xla.loss(work, data, ours) == pytest.approx(xla.loss(work, data, on_cpu), rel=1e-5)
    assert xla.loss(work, data, ours) != pytest.approx(xla.loss(work, data, peers.initial(data)), rel=1e-3)


def test_the_table_has_both_clocks_and_the_first_call():
    ours = {"group": "Cutaway", "us": 20.0, "cpu": 18.0, "first": {"cpu": 1.0}}
    theirs = {"group": "JAX", "us": 22.0, "cpu": 9.0, "first": {"cpu": 2.0}}
    result = {"unit": "a step", "workloads": {"A": {"competitors": {"Cutaway": ours, "JAX": theirs, "PyTorch": {
        "group": "PyTorch", "missing": "not installed"}}}}}
    assert shown.beside(result).rows == [
        ["A", "Cutaway", "20.0", "", "18.0", "", "1.0"],
        ["A", "JAX", "22.0", "1.10", "9.0", "0.50", "2.0"],
        ["A", "PyTorch", "not installed", "", "", "", ""]]


def test_the_engines_are_held_against_each_other_by_the_processor():
    found = {"about": "20-64-32-1; more", "competitors": {
        "Cutaway": {"group": "Cutaway", "us": 9.0, "cpu": 18.0}, "JAX": {"group": "JAX", "us": 1.0, "cpu": 2.0},
        "Cutaway, engine cpu": {"group": "cpu", "us": 11.0, "cpu": 10.0}}}
    assert shown.engines({"workloads": {"A": found}}).rows == [["A: 20-64-32-1", "10.0", "18.0"]]


def test_adding_up_takes_as_long_as_computing_where_the_page_says():
    """docs/scaling.md: with many devices each must have flops · 4 / (3 · link) rows."""
    rows = 4096 * 30e12 / 200e9 * 4 / 3
    computing, adding = devices.expected(10**6, rows, 4096, 30e12, 200e9, 0)
    assert computing == pytest.approx(adding, rel=1e-3)


def test_one_device_is_measured():
    pytest.importorskip("jax")
    found = subprocess.run([sys.executable, "-m", "benchmarks.devices", "--one", "small", "1", "0.01"], cwd=ROOT,
                           capture_output=True, text=True, check=True)
    assert '"cpu"' in found.stdout and np.isfinite(devices.weights(devices.MODELS["small"]))
