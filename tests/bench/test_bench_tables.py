"""The tables of a run, from a result as small as can be."""

import copy
import math

from benchmarks import tables

LINE = {"min": 9.0, "max": 11.0, "threads": 1, "memory": 90.0}
RESULT = {
    "family": "mlp", "date": "2026-01-01", "quick": False, "unit": "a step", "proof": "The loss", "tolerance": 0.01,
    "machine": {"processor": "P", "cores": 2, "vector": "avx2", "system": "Linux", "load": 0.5, "blas": "openblas",
                "gflops": 91.2, "bandwidth": {"1": 11.0, "2": 20.0}},
    "settings": {"rounds": 5, "seconds": 0.5, "threads": [1, 2]},
    "targets": {"A": {"PyTorch": 40, "limit": 1.6}}, "install": {"cutaway": {"own": 2e6, "all": 300e6}},
    "start": {"workload": "A", "seconds": {"Cutaway": {"first": 3.7, "later": 0.29}}},
    "workloads": {"A": {"about": "a small net", "competitors": {
        "Cutaway": LINE | {"group": "Cutaway", "us": 10.0, "loss": 1.0, "versions": {"cutaway": "0.1"},
                           "profile": " 0  linear  5.0 µs"},
        "PyTorch eager": LINE | {"group": "PyTorch", "us": 400.0, "loss": 1.001},
        "PyTorch, fused AdamW": LINE | {"group": "PyTorch", "us": 256.0, "loss": 1.001},
        "JAX": {"group": "JAX", "by_threads": {}, "missing": "not installed"},
        "matrix products alone": LINE | {"group": "products", "us": 6.0},
        "memory traffic alone": LINE | {"group": "traffic", "us": 2.0},
    }}},
}


def test_summary_has_the_best_of_each_library_its_target_and_the_limit():
    table = tables.summary([RESULT])
    assert table.head == ["", "Cutaway", "PyTorch", "JAX", "/ products", "/ (products + traffic)"]
    assert table.rows == [["A", "10.0 µs a step", "26x (≥ 40x)", "-", "1.67 (≤ 1.6)", "1.25"]]


def test_summary_fits_a_terminal():
    table = tables.summary([RESULT], brief=True)
    assert table.head == ["", "µs", "PyTorch", "JAX", "/ limit"]
    assert table.rows == [["A", "10.0", "26x", "-", "1.25"]]


def test_times_have_ratio_spread_and_threads():
    rows = dict(map(tuple, tables.times(RESULT).rows))
    assert rows["Cutaway"] == "10.0 (9.0-11.0; 1t)"
    assert rows["PyTorch eager"] == "400 **40x** (9.0-11.0; 1t)"
    assert rows["JAX"] == "not installed"


def test_without_products_the_limit_is_the_traffic():
    result = copy.deepcopy(RESULT)
    del result["workloads"]["A"]["competitors"]["matrix products alone"]
    assert tables.summary([result]).rows[0][-2:] == ["-", "5.00"]


def test_work_that_is_not_the_same_is_named():
    result = copy.deepcopy(RESULT)
    assert tables.losses_apart(result) == []
    lines = result["workloads"]["A"]["competitors"]
    lines["PyTorch eager"]["loss"], lines["PyTorch, fused AdamW"]["loss"] = 1.02, math.nan
    assert tables.losses_apart(result) == ["PyTorch eager on A", "PyTorch, fused AdamW on A"]


def test_a_run_without_cutaway_still_has_tables():
    result = copy.deepcopy(RESULT)
    del result["workloads"]["A"]["competitors"]["Cutaway"]
    assert tables.summary([result]).rows == [["A", "-", "- (≥ 40x)", "-", "-", "-"]]
    assert tables.losses_apart(result) == []


def test_memory_sizes_and_start():
    assert tables.memory_used([RESULT]).rows == [["A", "90", "90"]]
    assert tables.install(RESULT).rows == [["Cutaway", "2 MB", "300 MB"]]
    assert tables.start(RESULT).rows == [["Cutaway", "3.70 s", "0.29 s"]]


def test_conditions_name_machine_and_versions():
    text = tables.conditions(RESULT)
    for part in ("P, 2 cores", "91 GFLOP/s", "11.0 GB/s on 1, 20.0 GB/s on 2", "cutaway 0.1", "5 rounds of 0.5 s"):
        assert part in text
