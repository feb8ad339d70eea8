"""Long runs: what a fit or a prediction took is given back with what it made, and nothing is kept for later.

The short version of `python tools/long_run.py`.
"""

import gc
import os
import tracemalloc
import weakref
from pathlib import Path

import numpy as np
import pytest

import cutaway as ct
from cutaway.engines.cpu import native
from depth import examples

rng = np.random.default_rng(0)
X = rng.standard_normal((60, 3)).astype(np.float32)
y = np.arange(60) % 2
QUIET = {"loss": "cross_entropy", "epochs": 1, "progress": False}


def mlp(width=3):
    return ct.nn.MLP(width, [4], 2, dropout=0.1, norm="batch")


def cnn():
    return ct.nn.CNN((8, 8, 1), 2, (2,), (4,))


def rnn():
    return ct.nn.Sequential(ct.nn.LastState(ct.nn.LSTM(2, 3)), ct.nn.Linear(3, 2))


DATA = {mlp: X, cnn: rng.random((60, 8, 8, 1)), rnn: [rng.standard_normal((2 + k % 3, 2)) for k in range(60)]}


@pytest.fixture
def no_collector():
    gc.disable()
    yield
    gc.enable()


@pytest.mark.usefixtures("kernels_as_written")
@pytest.mark.parametrize("make", DATA)
def test_a_network_and_its_run_go_with_their_last_name(no_collector, make):
    """At once: a collector that counts objects does not see how large an array is."""
    net = make()
    run = ct.fit(net, DATA[make], y, validation=0.2, **QUIET)
    net.predict(DATA[make])
    gone = [weakref.ref(part) for part in (net, net.theta.base, run, run.program, run.program.engine, run.history)]
    del net, run
    assert [ref() for ref in gone] == [None] * len(gone)


@pytest.mark.usefixtures("kernels_as_written")
@pytest.mark.parametrize("learn", [ct.Classifier.fit, ct.Classifier.partial_fit, ct.Regressor.fit])
def test_so_does_an_estimator(no_collector, learn):
    model = learn(ct.Regressor([4], epochs=1) if learn is ct.Regressor.fit else ct.Classifier([4], epochs=1), X, y)
    model.predict(X)
    gone = [weakref.ref(model), weakref.ref(model.model_), weakref.ref(model.encoder_)]
    del model
    assert [ref() for ref in gone] == [None] * 3


def test_so_do_many_models(no_collector):
    runs = ct.fit_many([{"model": mlp(), "X": X, "y": y} | QUIET for _ in range(3)], workers=2)
    gone = [weakref.ref(part) for run in runs for part in (run, run.model, run.program)]
    del runs
    assert [ref() for ref in gone] == [None] * len(gone)


def test_a_network_keeps_no_rows_that_it_predicted():
    net = mlp()
    rows, outputs = np.zeros((5000, 3), np.float32), weakref.ref(net.predict(X))
    given = weakref.ref(rows)
    net.predict(rows)
    del rows
    assert given() is None
    assert outputs() is None


def grown(work, times):
    """Bytes of Python and NumPy that are there afterwards and were not before."""
    work(0)
    gc.collect()
    gc.freeze()  # what is there already is not walked through again
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        for k in range(1, times + 1):
            work(k)
        gc.collect()
        return tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()
        gc.unfreeze()


def fit_of_another_shape(k):
    rows, width = 40 + k % 11, 3 + k % 7
    table = rng.standard_normal((rows, width)).astype(np.float32)
    net = mlp(width)
    ct.fit(net, table, np.arange(rows) % 2, batch_size=20 + k % 5, threads=1 + k % 2, drop_last=True, **QUIET)
    net.predict(table)


def test_fits_of_ever_other_shapes_keep_nothing():
    fit_of_another_shape(1)
    kernels, files, threads = len(native.linked), open_files(), threads_of()
    assert grown(fit_of_another_shape, examples(8)) < 40_000  # each takes ten times that while it lasts
    assert (len(native.linked), open_files(), threads_of()) == (kernels, files, threads)


def test_ten_thousand_steps_keep_two_numbers_each():
    """The loss and the epoch, in columns that double; snapshots at epochs' starts are 16 at most."""
    rows, classes, runs = np.tile(X, (10, 1)), np.tile(y, 10), []

    def fit(k):
        options = QUIET | {"batch_size": 6, "epochs": 100 if k else 1}
        runs[:] = [ct.fit(ct.nn.MLP(3, [4], 2), rows, classes, **options)]

    assert grown(fit, 1) < 10_000 * 16 * 2 + 300_000
    assert len(runs[0].steps) == 10_000


def test_checkpoints_and_memory_maps_leave_no_file_open(tmp_path):
    np.save(tmp_path / "X.npy", X)

    def fit(k):
        for _ in range(2):  # anew, then from its checkpoints
            table = np.load(tmp_path / "X.npy", mmap_mode="r")
            ct.fit(mlp(), table, y, checkpoint=tmp_path / str(k), resume=True, **QUIET)

    fit("first")
    files = open_files()
    assert grown(fit, 2) < 50_000
    assert open_files() == files


def open_files():
    return len(os.listdir("/proc/self/fd")) if Path("/proc").exists() else 0


def threads_of():
    return len(os.listdir("/proc/self/task")) if Path("/proc").exists() else 0
