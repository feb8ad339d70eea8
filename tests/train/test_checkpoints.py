"""A run goes on from its checkpoints with the same bits, wherever it was cut off; nothing that was written is lost."""

import errno
import os
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest

import cutaway as ct
from cutaway.errors import FileError
from cutaway.train import checkpoint, feeding
from cutaway.train.events import EpochEnded
from cutaway.train.fit import TrainingWarning

rng = np.random.default_rng(0)
X = rng.standard_normal((120, 3)).astype(np.float32)
Y = X[:, :1] * X[:, 1:2]
OPTIONS = {"epochs": 6, "batch_size": 16, "validation": 0.2, "progress": False,
           "optimizer": ct.optim.AdamW(ct.optim.schedules.cosine(1e-2))}  # fmt: skip


@pytest.fixture(autouse=True)
def often(monkeypatch):
    """A checkpoint after every epoch, and whenever the engine comes back to Python."""
    monkeypatch.setattr(checkpoint, "SECONDS", 0.0)
    free = property(lambda self: 0.0, lambda self, value: None)
    monkeypatch.setattr(checkpoint.Checkpoints, "cost", free, raising=False)


def net():
    return ct.nn.MLP(3, [8], 1, dropout=0.2, norm="batch").init(0)


def cut_off(folder, at_step, **options):
    """A run that is cut off after so many steps, as by a power cut: the last thing it wrote is a checkpoint there."""
    class Cut(Exception):
        pass

    saved = checkpoint.Checkpoints.save

    def save(self, training):
        saved(self, training)
        if training.program.engine.t >= at_step:
            raise Cut

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("cutaway.engines.cpu.SECONDS", 0.0)  # back in Python after every step
        patch.setattr(checkpoint.Checkpoints, "save", save)
        with pytest.raises(Cut):
            ct.fit(net(), X, Y, checkpoint=folder, **(OPTIONS | options))


def assert_same(run, other):
    np.testing.assert_equal(run.model.state_dict(), other.model.state_dict())
    np.testing.assert_equal(run.last, other.last)
    assert (run.best_epoch, run.epochs_done, run.stopped) == (other.best_epoch, other.epochs_done, other.stopped)
    for name in set(run.history) - {"seconds"}:
        np.testing.assert_array_equal(run.history[name], other.history[name])
    np.testing.assert_array_equal(run.steps["loss"], other.steps["loss"])
    np.testing.assert_array_equal(run.steps["epoch"], other.steps["epoch"])


@pytest.mark.parametrize("step", [8, 9, 12, 14, 21, 35])
@pytest.mark.parametrize("options", [{}, {"drop_last": True}, {"shuffle": False}, {"early_stopping": 2},
                                     {"sample_weight": np.arange(1.0, 121)}])  # fmt: skip
def test_a_run_cut_off_within_an_epoch_goes_on_to_the_same_bits(tmp_path, step, options):
    whole = ct.fit(net(), X, Y, **(OPTIONS | options))
    cut_off(tmp_path, min(step, len(whole.steps) - 1), **options)
    assert_same(ct.fit(net(), X, Y, checkpoint=tmp_path, resume=True, **(OPTIONS | options)), whole)


def test_a_run_on_a_memory_map_goes_on_within_a_stage(tmp_path, monkeypatch):
    np.save(tmp_path / "X.npy", X)
    monkeypatch.setattr(feeding, "STAGE", 32 * (4 * 3 + 32))
    mapped = {"validation": (X[:20], Y[:20])}
    whole = ct.fit(net(), X, Y, **(OPTIONS | mapped))
    cut_off(tmp_path / "run", 11, **mapped)
    again = ct.fit(net(), np.load(tmp_path / "X.npy", mmap_mode="r"), Y, checkpoint=tmp_path / "run", resume=True,
                   **(OPTIONS | mapped))  # fmt: skip
    assert_same(again, whole)


def test_a_run_cut_off_as_an_epoch_ends_goes_on_to_the_same_bits(tmp_path):
    whole = ct.fit(net(), X, Y, **OPTIONS)

    def stop(event):
        if isinstance(event, EpochEnded) and event.epoch == 3:
            raise SystemExit  # before epoch 3 is written

    with pytest.raises(SystemExit):
        ct.fit(net(), X, Y, checkpoint=tmp_path, callbacks=[stop], **OPTIONS)
    assert_same(ct.fit(net(), X, Y, checkpoint=tmp_path, resume=True, **OPTIONS), whole)
    assert len(list(tmp_path.iterdir())) == checkpoint.KEPT


def test_a_run_that_has_ended_is_not_trained_again(tmp_path):
    for options in ({}, {"early_stopping": 1, "epochs": 300}):
        whole = ct.fit(net(), X, Y, checkpoint=tmp_path / str(len(options)), **(OPTIONS | options))
        again = ct.fit(net(), X, Y, checkpoint=tmp_path / str(len(options)), resume=True, **(OPTIONS | options))
        assert_same(again, whole)


def test_what_ctrl_c_or_the_time_limit_ends_can_go_on(tmp_path):
    options = OPTIONS | {"batch_size": 4}
    whole = ct.fit(net(), X, Y, **options)
    first = ct.fit(net(), X, Y, checkpoint=tmp_path, time_limit=1e-9, **options)
    assert "time limit" in first.stopped and 0 < len(first.steps) < len(whole.steps) / 6
    assert_same(ct.fit(net(), X, Y, checkpoint=tmp_path, resume=True, **options), whole)


@pytest.mark.parametrize("damage", [lambda b: b[:100], lambda b: b[:-9] + bytes([b[-9] ^ 4]) + b[-8:], lambda b: b""])
def test_a_damaged_checkpoint_is_passed_over_for_the_one_before(tmp_path, damage):
    whole = ct.fit(net(), X, Y, checkpoint=tmp_path, **OPTIONS)
    newest = sorted(tmp_path.iterdir())[-1]
    newest.write_bytes(damage(newest.read_bytes()))
    with pytest.warns(UserWarning, match=f"{newest.name} is damaged.*the one before"):
        assert_same(ct.fit(net(), X, Y, checkpoint=tmp_path, resume=True, **OPTIONS), whole)


def test_checkpoints_of_another_run_are_refused(tmp_path):
    ct.fit(net(), X, Y, checkpoint=tmp_path, **OPTIONS)
    with pytest.raises(FileError, match=r"other settings \(batch_size"):
        ct.fit(net(), X, Y, checkpoint=tmp_path, resume=True, **(OPTIONS | {"batch_size": 7}))


def test_a_full_disk_ends_no_training_and_leaves_the_last_checkpoint_whole(tmp_path, monkeypatch):
    whole = ct.fit(net(), X, Y, **OPTIONS)
    fsync, calls = os.fsync, []

    def full(handle):
        calls.append(handle)
        if len(calls) > 4:  # a file and its folder take one each
            raise OSError(errno.ENOSPC, "No space left on device")
        fsync(handle)

    monkeypatch.setattr(os, "fsync", full)
    with pytest.warns(TrainingWarning, match="no checkpoint after step .*No space left.*Training goes on"):
        run = ct.fit(net(), X, Y, checkpoint=tmp_path, **OPTIONS)
    assert_same(run, whole)
    assert [path.suffix for path in tmp_path.iterdir()] == [".safetensors"] * 2
    monkeypatch.undo()
    assert_same(ct.fit(net(), X, Y, checkpoint=tmp_path, resume=True, **OPTIONS), whole)


def test_a_folder_that_cannot_be_made_is_told_before_training(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(FileError, match="no checkpoint folder can be made at"):
        ct.fit(net(), X, Y, checkpoint=tmp_path / "file" / "folder", **OPTIONS)


def test_killed_at_random_moments_a_run_ends_with_the_same_bits(monkeypatch, capsys):
    """The short version of `python tools/kill_and_resume.py 200`."""
    monkeypatch.syspath_prepend(Path(__file__).parents[2] / "tools")
    from kill_and_resume import main

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        main(2)
    assert "killed 2 times" in capsys.readouterr().out
    sys.modules.pop("kill_and_resume")


def test_checkpoints_take_a_twentieth_of_the_time_at_most(tmp_path, monkeypatch):
    monkeypatch.undo()
    now = [100.0]
    monkeypatch.setattr(checkpoint.time, "monotonic", lambda: now[0])
    kept = checkpoint.Checkpoints(tmp_path)
    for seconds, due in ((checkpoint.SECONDS - 0.1, False), (checkpoint.SECONDS, True)):
        now[0] = 100.0 + seconds
        assert kept.due() is due
    kept.saved, kept.cost = now[0], 2.0
    now[0] += 39.0
    assert not kept.due()
    now[0] += 1.0
    assert kept.due()
