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


@pytest.fixture
def lies(on_disk, monkeypatch):
    """Train on the map, on an array larger than the device has room for, and on one that is there whole."""
    pytest.importorskip("jax")
    X, whole, y = on_disk

    def fit(kind):
        monkeypatch.setenv("CUTAWAY_DEVICE_BYTES", "1e9" if kind == "whole" else "4e3" if kind == "map" else "1600")
        given = X if kind == "map" else whole  # 84 rows of it: the last stage is the last batch, of four rows
        return ct.fit(ct.nn.MLP(4, [6], 3).init(0), given[:84], y[:84], loss="cross_entropy", epochs=2, batch_size=8,
                      engine="xla", progress=False)

    return fit


def test_data_that_go_to_xla_in_stages_give_the_same_bits(lies):
    """Each of them is sent by another thread while the one before is trained on; the last batch has four rows."""
    senders, sent = [], ct.engines.ENGINES["xla"].sent

    def watched(self, data):
        senders.append((threading.current_thread().name, len(data["y"])))
        return sent(self, data)

    runs = {}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ct.engines.ENGINES["xla"], "sent", watched)
        for kind in ("whole", "map", "array"):
            runs[kind] = lies(kind), len(senders)
    for run, _ in runs.values():
        assert (run.steps["loss"] == runs["whole"][0].steps["loss"]).all()
        assert (run.model.theta == runs["whole"][0].model.theta).all()
    assert [run.past.resident for run, _ in runs.values()] == [True, False, False]
    assert runs["whole"][0].program.state.t == 2 * 11
    assert [count for _, count in runs.values()] == [0, 6, 6 + 12], "3 stages of 40 rows an epoch, 6 of 16"
    assert all(name.startswith("cutaway-reads-ahead") for name, _ in senders)
    assert [rows for _, rows in senders[:3]] == [40, 40, 4]
    assert [rows for _, rows in senders[6:12]] == [16] * 5 + [4]


@pytest.mark.parametrize("given", ["much", "-1", "0", "inf", ""])
def test_room_on_a_device_is_a_number_of_bytes(lies, monkeypatch, given):
    from cutaway.engines.xla.devices import Devices

    monkeypatch.setenv("CUTAWAY_DEVICE_BYTES", given)
    with pytest.raises(ct.errors.ArgumentError, match="CUTAWAY_DEVICE_BYTES"):
        Devices().data_bytes()


def test_room_on_a_device_is_half_of_what_it_says_is_free(lies, monkeypatch):
    """Where it says it: a CPU does not, and takes all."""
    from cutaway.engines.xla import devices

    class Device:
        platform = "gpu"

        def memory_stats(self):
            return {"bytes_limit": 1000, "bytes_in_use": 200}

    monkeypatch.delenv("CUTAWAY_DEVICE_BYTES", raising=False)
    assert devices.Devices().data_bytes() is None
    monkeypatch.setattr(devices.jax, "local_devices", lambda: [Device()])
    assert devices.Devices().data_bytes() == 400


def test_models_in_stages_do_not_meet(lies, monkeypatch):
    """What they were fed last may lie where the stage before lay."""
    monkeypatch.setenv("CUTAWAY_DEVICE_BYTES", "10")
    from cutaway.train import many

    X = np.zeros((16, 2), np.float32)
    trainings = many._checked([{"model": ct.nn.MLP(2, [3], 1).init(k), "X": X, "y": X[:, :1], "engine": "xla"}
                               for k in range(2)])[0]
    assert many._meeting(trainings) == []
