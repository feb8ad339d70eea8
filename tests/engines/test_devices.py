"""Rows of a batch shared by several of JAX's devices: any number of rows, the same training up to roundings."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import cutaway as ct
from cutaway.errors import ArgumentError

pytest.importorskip("jax")
X, y = ct.datasets.make("moons", n=32, seed=0)


@pytest.fixture(scope="module")
def found():
    """What processes with eight devices found: for each network and number of devices, weights and losses; where bits
    are compared, by what XLA makes as it is, without the flags of conftest.py."""
    script, found = Path(__file__).with_name("on_eight_devices.py"), {}
    for part, flags in (([], {}), (["exact"], {"XLA_FLAGS": ""})):
        run = subprocess.run([sys.executable, script, *part], capture_output=True, text=True, check=True, timeout=300,
                             env=os.environ | flags)
        found |= json.loads(run.stdout)
    return found


def test_103_rows_on_two_and_on_eight_devices_train_as_on_one(found):
    """Neither number divides 103, nor the 7 rows of the last batch of 32; batch norm's moments are of the true rows."""
    cases = {name: runs for name, runs in found.items() if ", batches of " in name}
    assert len(cases) == 3
    assert {devices for runs in cases.values() for devices in runs} == {"None", "1", "2", "8"}
    for name, runs in cases.items():
        weights, losses = runs["1"]
        for devices in runs:  # None: the reference engine
            np.testing.assert_allclose(runs[devices][1], losses, rtol=2e-6, err_msg=f"{name}, {devices} devices")
            np.testing.assert_allclose(runs[devices][0], weights, rtol=1e-4, atol=2e-6, err_msg=f"{name}, {devices}")


def test_exact_mode_gives_the_same_bits_on_one_device_and_on_eight(found):
    """Batches of 50: eight parts of seven rows, the last filled up with rows of weight zero, which batch norm's moments
    and running averages do not see."""
    fast, *exact = (found[f"exact {devices}"] for devices in (1, None, 8))
    assert exact[0] == exact[1]
    np.testing.assert_allclose(exact[0], fast, rtol=0, atol=1e-6 * np.abs(fast).max())


def test_all_are_as_many_as_there_are(found):
    assert found["all"] == 8


def test_devices_add_up_whole_gradients(found):
    """Not parts of them, by reduce-scatter, whose sums over gloo were wrong without an error (jax #40830): each
    weight's gradient once, and the loss; beside them the outputs of 32 rows are brought together."""
    assert found["sent"] == {"all-reduce": found["weights"] + 1, "all-gather": 32 * 3}


def test_more_devices_than_there_are(found):
    assert found["nine"] == ("devices=9, and JAX finds 8 here, cpu; for several of them on a CPU, to try it: "
                             'jax.config.update("jax_num_cpu_devices", 9) before JAX is used')


@pytest.mark.parametrize(("devices", "engine", "words"), [
    (2, "cpu", "the engine 'cpu' runs on one device: leave out devices="),
    (0, "xla", "devices must be"),
    ("some", "xla", 'devices must be .*"all" or None'),
])
def test_what_devices_cannot_be(devices, engine, words):
    with pytest.raises(ArgumentError, match=words):
        ct.fit(ct.nn.MLP(2, [4], 2), X, y, loss="cross_entropy", engine=engine, devices=devices)


@pytest.mark.parametrize(("net", "how", "words"), [
    (ct.nn.MLP(2, [4], 2), {"engine": "cpu"}, "the engine 'cpu' has one"),
    (ct.nn.MLP(2, [4], 2), {"engine": "xla", "loss": lambda z, y, weight: (z[:, 0] * weight).mean()},
     "what loss: mean computes parts cannot add up: .* a loss by its name"),
    (ct.nn.MLP(2, [4], 2), {"engine": "xla", "loss": lambda z, y: (z ** 2).mean()}, "the loss .* takes none"),
])
def test_what_exact_mode_cannot_do(net, how, words):
    with pytest.raises(ArgumentError, match=words):
        ct.fit(net, X, y, **({"loss": "cross_entropy", "exact": True} | how))
