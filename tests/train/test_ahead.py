"""Stages that are read ahead: in order, the next while this one is trained on, errors in their turn, in own arrays."""

import itertools
import threading

import numpy as np
import pytest

import cutaway as ct
from cutaway.errors import DataError
from cutaway.train import feeding
from cutaway.train.ahead import ahead
from cutaway.train.feeding import Data, stages


def test_the_next_is_made_while_this_one_is_used():
    made = threading.Event()

    def parts():
        yield 1
        made.set()
        yield 2

    some = ahead(parts())
    assert next(some) == 1 and made.wait(10)
    assert list(some) == [2]


def test_an_error_is_raised_in_its_turn():
    def parts():
        yield 1
        raise DataError("row 7")

    some = ahead(parts())
    assert next(some) == 1
    with pytest.raises(DataError, match="row 7"):
        next(some)


def test_who_stops_early_leaves_no_thread_behind():
    some = ahead(iter([1, 2, 3]))
    assert next(some) == 1
    some.close()
    assert not [t for t in threading.enumerate() if t.name.startswith("cutaway-reads-ahead")]


@pytest.fixture
def on_disk(tmp_path, monkeypatch):
    monkeypatch.setattr(feeding, "STAGE", 2000)  # some 3 batches of 8
    rng = np.random.default_rng(0)
    X, y = rng.standard_normal((100, 4)).astype(np.float32), rng.integers(0, 3, 100)
    np.save(tmp_path / "X.npy", X)
    return np.load(tmp_path / "X.npy", mmap_mode="r"), X, y


def test_each_stage_is_in_arrays_of_its_own(on_disk):
    """JAX may go on reading an array that it was given; one that is filled again would spoil training silently."""
    X, _, y = on_disk
    parts = [part for part, _ in stages(Data(X, y), np.arange(100), 8)]
    assert len(parts) == 3
    for one, two in itertools.pairwise(parts):
        assert not np.shares_memory(one.inputs.arrays["x"], two.inputs.arrays["x"])
        assert not np.shares_memory(one.y, two.y)


def test_a_memory_map_trains_on_xla_as_an_array_does(on_disk):
    pytest.importorskip("jax")
    X, whole, y = on_disk
    runs = [ct.fit(ct.nn.MLP(4, [6], 3).init(0), data, y, loss="cross_entropy", epochs=2, batch_size=8, engine="xla",
                   progress=False) for data in (X, whole)]
    np.testing.assert_allclose(runs[0].steps["loss"], runs[1].steps["loss"], rtol=1e-6)
