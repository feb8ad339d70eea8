"""cutaway warm: afterwards a first run compiles nothing."""

import os
import subprocess
import sys
from functools import partial
from itertools import groupby, islice
from operator import itemgetter

import numpy as np
import pandas as pd
import pytest

import cutaway as ct
from cutaway.cli import warm
from cutaway.engines import compile, evaluator
from cutaway.engines.cpu import building, native
from cutaway.estimators import presets, sequence_trial
from depth import THOROUGH

FIT = """
import numpy as np, cutaway as ct
from cutaway.engines.cpu import native
net, X = ct.nn.MLP(5, [9], 3).init(0), np.ones((40, 5), "f4")
ct.fit(net, X, np.arange(40) % 3, loss="cross_entropy", epochs=1, validation=0.2)
net.predict(X)
print(native.compiled)
"""


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setattr(native, "folder", lambda: tmp_path)
    return tmp_path


@pytest.fixture
def quick(monkeypatch):
    """Compiling that takes no time, and few networks."""
    every = warm.NETWORKS["rnn"]
    monkeypatch.setitem(warm.NETWORKS, "rnn", lambda: islice(every(), 4))
    monkeypatch.setattr(building.Source, "compile", lambda source: source.text.encode())
    monkeypatch.setattr(building, "_useful_helpers", lambda kernels: 0)


def test_it_compiles_what_is_missing_and_says_so(run, cache, quick):
    status, out, err = run("warm", "rnn")
    kernels = len(list(cache.glob("*.o")))
    assert (status, err) == (0, "") and kernels > 20
    assert f"{kernels} kernels: {kernels} compiled in" in out and "0 were there already" in out
    next(cache.glob("*.o")).unlink()
    assert f"{kernels} kernels: 1 compiled" in run("warm", "rnn")[1]
    assert f"{kernels} kernels: {kernels} were there already." in run("warm", "rnn")[1]


def test_float64_is_a_second_set(run, cache, quick):
    run("warm", "rnn")
    single = len(list(cache.glob("*.o")))
    run("warm", "rnn", "--double")
    assert len(list(cache.glob("*.o"))) == 2 * single


def test_an_unknown_network_is_named(run, cache):
    status, _, err = run("warm", "transformer")
    assert status == 2 and "transformer" in err and "lstm" in err


@pytest.fixture(scope="module")
def warmed():
    """The kernels of what is designed with the usual preset; of each network, of its first loss and optimizer."""
    with pytest.MonkeyPatch.context() as patch:
        if not THOROUGH:
            patch.setattr(presets, "PRESETS", {presets.DEFAULT: presets.PRESETS[presets.DEFAULT]})
            patch.setattr(sequence_trial, "TRIED_FEATURES", 100)
            for name in DESIGNED:
                patch.setitem(warm.NETWORKS, name, partial(first_of_each, warm.NETWORKS[name]))
        return warm.kernels(list(warm.NETWORKS) if THOROUGH else DESIGNED)


def first_of_each(cases):
    """The first case of each network."""
    return (next(own) for _, own in groupby(cases(), key=itemgetter(0)))


DESIGNED = ["table", "series", "cnn"]


IMAGES = np.random.default_rng(0).random((60, 12, 12, 1)).astype(np.float32)
WALKS = np.random.default_rng(0).normal(size=(60, 30, 2)).astype(np.float32)
TABLE, CLASSES = np.random.default_rng(0).normal(size=(60, 4)), np.arange(60) % 3
TYPICAL = {
    "numbers": (TABLE, TABLE[:, 0]), "two numbers": (TABLE, TABLE[:, :2]), "classes": (TABLE, CLASSES),
    "two classes": (TABLE, CLASSES > 0), "images": (IMAGES, CLASSES), "sequences": (WALKS, CLASSES),
    "sequences of different lengths": (ct.Sequences(WALKS, np.arange(60, dtype=np.int32) % 29 + 2), TABLE[:, 0]),
}

MANY = np.random.default_rng(0).normal(size=(600, 3))
SHOPS = pd.DataFrame({"shop": [f"s{k % 24}" for k in range(600)], "a": MANY[:, 0], "b": MANY[:, 1]})
BETWEEN = SHOPS.assign(c=MANY[:, 2])[["a", "shop", "b", "c"]]
TYPICAL |= {
    "numbers in bins": (MANY, MANY[:, 0]), "classes by bins": (MANY, np.arange(600) % 3),
    "labels by bins": (MANY, MANY[:, :2] > 0), "many numbers": (np.tile(MANY, 12), MANY[:, 0]),
    "a linear model beside": (MANY[:300], MANY[:300, 0]),
    "codes": (SHOPS, MANY[:, 2]), "codes between numbers": (BETWEEN, MANY[:, 2] > 0),
    "codes in two columns": (SHOPS.assign(again=SHOPS["shop"].to_numpy()[::-1]), MANY[:, 2]),
}


@pytest.mark.parametrize("data", TYPICAL)
def test_designed_networks_are_warm_afterwards(data, warmed, monkeypatch):
    monkeypatch.setattr(native, "is_kept", lambda digest: False)  # kernels of known sizes, of some longer training
    X, y = TYPICAL[data]
    plan = ct.design(X, y)
    X, y = plan.encoder.transform(X), plan.target_encoder.transform(y)
    with building.collecting() as sources:
        for threads in (1, 2):
            compile(plan.network(), plan.loss, plan.optimizer(), plan.batch_size, X, y, threads=threads)
            evaluator(plan.network(), X, threads=threads)
    assert sources and not {s.text for s in sources - warmed}


def test_a_first_fit_then_compiles_nothing(run, cache, monkeypatch):
    case = (ct.nn.MLP(2, [3], 2), np.ones((2, 2), np.float32), np.zeros(2, np.int32), "cross_entropy", None, False)
    monkeypatch.setitem(warm.NETWORKS, "mlp", lambda: iter([case]))
    monkeypatch.setattr(warm, "SMALL_TOO", ())
    monkeypatch.setattr(native, "cores", lambda: 1)
    assert run("warm", "mlp")[0] == 0
    done = subprocess.run([sys.executable, "-c", FIT], capture_output=True, text=True,
                          env=os.environ | {"CUTAWAY_CACHE": str(cache)})
    assert (done.stdout.strip(), done.stderr) == ("0", "")
