"""Memory that is asked for: no more than the rows at hand need, in pieces where data are copied, refused in words."""

import re
import subprocess
import sys

import numpy as np
import pytest

import cutaway as ct
from cutaway.program import feed as given
from cutaway.text import size


def evaluator_of(net):
    *_, program = net._evaluators.values()
    return program.engine


def test_one_row_is_planned_for_one_row():
    net, X = ct.nn.MLP(1, [2**20], 1), np.random.default_rng(0).normal(size=(9, 1))
    alone = net.predict(X[4:5])
    assert evaluator_of(net).batch_size == 1 and evaluator_of(net).plan.bytes < 2**24
    among = net.predict(X)
    assert evaluator_of(net).batch_size == 16
    assert net.predict(X[4:5]) == among[4] == alone
    assert len(net._evaluators) == 2  # the single row's program stays beside the larger one


def test_a_batch_of_predict_keeps_within_its_room(monkeypatch):
    monkeypatch.setattr(sys.modules["cutaway.engines.compile"], "ROOM", 2**20)
    net, X = ct.nn.MLP(64, [512], 2).init(0), np.random.default_rng(0).normal(size=(3000, 64))
    a, program = net.predict(X), evaluator_of(net)
    assert program.batch_size == 128 and program.plan.bytes <= 2**20
    monkeypatch.undo()
    b = ct.nn.MLP(64, [512], 2).init(0).predict(X)
    np.testing.assert_array_equal(a, b)


NETWORKS = {
    "mlp": (lambda: ct.nn.MLP(6, [40, 24], 3, norm="layer"), (6,)),
    "batch norm": (lambda: ct.nn.MLP(6, [200], 3, "gelu", norm="batch"), (6,)),
    "lstm": (lambda: ct.nn.Sequential(ct.nn.LastState(ct.nn.LSTM(2, 9)), ct.nn.Linear(9, 3)), (3, 2)),
    "cnn": (lambda: ct.nn.Sequential(ct.nn.Conv2d(1, 5, 2), ct.nn.ReLU(), ct.nn.Flatten(), ct.nn.Linear(10, 3)),
            (2, 3, 1)),
}


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_row_has_the_same_bits_whatever_the_batch(name, dtype):
    network, shape = NETWORKS[name]
    net = network().astype(dtype).init(0)
    X = np.random.default_rng(0).normal(size=(33, *shape))
    expected = net.predict(X)
    for rows in (1, 2, 4, 8, 16):
        np.testing.assert_array_equal(net.predict(X, batch_size=rows), expected)
        np.testing.assert_array_equal(net.predict(X[7:8], batch_size=rows), expected[7:8])


@pytest.mark.skipif(sys.platform != "linux", reason="limits of memory are Linux's")
def test_what_cannot_be_had_is_named():
    run = subprocess.run([sys.executable, "-W", "ignore", "-c", """
import resource, numpy as np, cutaway as ct
one = np.ones((1, 1))
ct.nn.MLP(1, [2], 1).predict(one, threads=1)
resource.setrlimit(resource.RLIMIT_AS, (2 * 2**30, 2 * 2**30))
print(ct.nn.MLP(1, [2**20], 1).predict(one, threads=1).shape)
net = ct.nn.Linear(1, 2**22)
for f in (lambda: net.predict(one, threads=1), lambda: ct.nn.Linear(2**16, 2**16),
          lambda: ct.compile(ct.nn.MLP(2**10, [2**10], 1), batch_size=2**20, threads=1),
          lambda: ct.nn.Linear(1, 2**12).predict(np.ones((2**18, 1)))):
    try:
        f()
    except ct.errors.CutawayError as error:
        print(type(error).__name__, isinstance(error, MemoryError), error)
"""], capture_output=True, text=True, timeout=120)
    assert run.returncode == 0, run.stderr[-2000:]
    shape, *errors = run.stdout.splitlines()
    assert shape == "(1, 1)" and all(line.startswith("ResourceError True ") for line in errors)
    for line, says in zip(errors, ("needs 4 GiB for one row", "needs 16 GiB", "GiB for a batch of 1,048,576 rows",
                                   "262,144 rows need 4 GiB"), strict=True):
        assert re.search(says, line), line


def test_what_predict_copies_it_copies_in_pieces(monkeypatch):
    """As of a memory map of whole numbers that is larger than memory."""
    net = ct.nn.Sequential(ct.nn.Embedding(10, 4), ct.nn.Flatten(), ct.nn.Linear(8, 1)).init(0)
    X = np.random.default_rng(0).integers(0, 10, (5000, 2), dtype=np.int32)
    expected, fed = net.predict(X), []
    monkeypatch.setattr(given, "STAGE", 10_000)
    feed = evaluator_of(net).feed
    monkeypatch.setattr(evaluator_of(net), "feed", lambda data: (fed.append(len(data["x"])), feed(data)))
    np.testing.assert_array_equal(net.predict(X), expected)
    assert fed == [1024] * 4 + [904]
    X[4999] = 10
    with pytest.raises(ct.errors.ArgumentError, match="from 0 to 9"):
        net.predict(X)


def test_pieces_of_several_inputs_belong_together(monkeypatch):
    class Two(ct.nn.Module):
        def __init__(self):
            self.a, self.b = ct.nn.Linear(2, 3), ct.nn.Linear(4, 3)

        def forward(self, u, v):
            return self.a(u) + self.b(v)

    net, rng = Two().init(0), np.random.default_rng(0)
    u, v = rng.normal(size=(3000, 2)), rng.normal(size=(3000, 4)).astype(np.float32)
    expected = net.predict((u, v))
    monkeypatch.setattr(given, "STAGE", 1000)
    np.testing.assert_array_equal(net.predict((u, v)), expected)
    with pytest.raises(ct.errors.ShapeError, match="same number of rows"):
        net.predict((u[:1024], v))


@pytest.mark.parametrize(("bytes_", "words"), [(0, "0 bytes"), (1023, "1023 bytes"), (2**20, "1 MiB"),
                                               (1500 * 2**30, "1.46 TiB"), (2**90, "1.07e+09 EiB")])
def test_bytes_in_words(bytes_, words):
    assert size(bytes_, binary=True) == words
