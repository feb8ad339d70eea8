"""A run goes on from its checkpoints with the same bits, wherever it was cut off; nothing that was written is lost."""

import errno
import os
import shutil
import sys
import tempfile
import warnings
from pathlib import Path

import numpy as np
import pytest

import cutaway as ct
from cutaway.errors import FileError
from cutaway.files import container
from cutaway.train import checkpoint, feeding
from cutaway.train.events import EpochEnded
from cutaway.train.fit import TrainingWarning
from depth import each_once

rng = np.random.default_rng(0)
X = rng.standard_normal((120, 3)).astype(np.float32)
Y = X[:, :1] * X[:, 1:2]
OPTIONS = {"epochs": 6, "batch_size": 16, "validation": 0.2, "progress": False,
           "optimizer": ct.optim.AdamW(ct.optim.schedules.cosine(1e-2))}


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
        if training.program.state.t >= at_step:
            raise Cut

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("cutaway.engines.cpu.pool.SECONDS", 0.0)  # back in Python after every step
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


@pytest.mark.parametrize(("step", "options"), each_once([8, 9, 12, 14, 21, 35], [
    {}, {"drop_last": True}, {"shuffle": False}, {"early_stopping": 2}, {"sample_weight": np.arange(1.0, 121)}]))
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
                   **(OPTIONS | mapped))
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
    with pytest.warns(UserWarning, match=f"{newest.name}: .*Going on from step-.*, the one before"):
        assert_same(ct.fit(net(), X, Y, checkpoint=tmp_path, resume=True, **OPTIONS), whole)
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # what was damaged is gone
        assert_same(ct.fit(net(), X, Y, checkpoint=tmp_path, resume=True, **OPTIONS), whole)


def test_a_changed_number_in_the_note_is_damage(tmp_path):
    whole = ct.fit(net(), X, Y, checkpoint=tmp_path, **OPTIONS)
    newest = sorted(tmp_path.iterdir())[-1]
    content = newest.read_bytes()
    assert b"epochs_done\\\": 6" in content
    newest.write_bytes(content.replace(b"epochs_done\\\": 6", b"epochs_done\\\": 5"))
    with pytest.warns(UserWarning, match="does not fit its checksum.*Going on from"):
        assert_same(ct.fit(net(), X, Y, checkpoint=tmp_path, resume=True, **OPTIONS), whole)


def test_where_no_checkpoint_is_whole_nothing_is_trained_or_lost(tmp_path):
    ct.fit(net(), X, Y, checkpoint=tmp_path, **OPTIONS)
    for path in tmp_path.iterdir():
        path.write_bytes(path.read_bytes()[:-1])
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    with pytest.raises(FileError, match=r"no checkpoint in .* can be used \(.*cut short.*cut short.*another folder"):
        ct.fit(net(), X, Y, checkpoint=tmp_path, resume=True, **OPTIONS)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


ANOTHER = {
    "batch_size, optimizer": {"batch_size": 7},
    "epochs, optimizer": {"epochs": 7},
    "seed, validation": {"seed": 1},
    "shuffle": {"shuffle": False},
    "drop_last": {"drop_last": True},
    "rows, validation": {"validation": 0.25},
    "validation": {"validation": (X[20:40], Y[20:40])},
    "loss": {"loss": "mae"},
    "loss, data, validation": {"sample_weight": np.arange(1.0, 121)},
    "data, validation": {"y": Y + 1},
    "optimizer": {"optimizer": ct.optim.AdamW(ct.optim.schedules.cosine(2e-2))},
    "network": {"model": ct.nn.MLP(3, [8], 1, "tanh", dropout=0.2, norm="batch")},
    "parameters, network": {"model": ct.nn.MLP(3, [9], 1, dropout=0.2, norm="batch")},
}


@pytest.mark.parametrize("what", ANOTHER)
def test_checkpoints_of_another_run_are_refused(tmp_path, what):
    first = {"validation": (X[:20], Y[:20])} if what == "validation" else {}
    ct.fit(net(), X, Y, checkpoint=tmp_path, **(OPTIONS | first | {"epochs": 6}))
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    arguments = {"model": net(), "X": X, "y": Y, "checkpoint": tmp_path, "resume": True} | OPTIONS | ANOTHER[what]
    with pytest.raises(FileError, match=rf"other settings \({what}\)"):
        ct.fit(**arguments)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


@pytest.mark.parametrize("make", [
    lambda: ct.optim.SGD(lambda t: 1e-2 / t), lambda: ct.optim.clip(ct.optim.AdamW("auto"), norm=1.0),
])
def test_optimizers_that_print_otherwise_each_time_are_still_the_same(tmp_path, make):
    options = OPTIONS | {"epochs": 40}
    whole = ct.fit(net(), X, Y, **(options | {"optimizer": make()}))
    cut_off(tmp_path, 9, **(options | {"optimizer": make()}))
    assert_same(ct.fit(net(), X, Y, checkpoint=tmp_path, resume=True, **(options | {"optimizer": make()})), whole)


def test_a_run_that_begins_leaves_the_checkpoints_of_another_alone(tmp_path):
    whole = ct.fit(net(), X, Y, checkpoint=tmp_path / "a", **OPTIONS)
    before = sorted((tmp_path / "a").iterdir())
    for resume in (None, tmp_path / "b"):
        ct.fit(net(), X, Y, checkpoint=tmp_path / "b", **OPTIONS) if resume else None
        with pytest.raises(FileError, match=r"has checkpoints already .*resume=True \(--resume\) to go on"):
            ct.fit(net(), X, Y, checkpoint=tmp_path / "a", resume=resume, **OPTIONS)
    assert sorted((tmp_path / "a").iterdir()) == before
    again = ct.fit(net(), X, Y, checkpoint=tmp_path / "c", resume=tmp_path / "a", **OPTIONS)
    assert_same(again, whole)


def test_to_go_on_from_a_folder_without_checkpoints_is_refused(tmp_path):
    with pytest.raises(FileError, match=r"no checkpoints in .*nowhere"):
        ct.fit(net(), X, Y, resume=tmp_path / "nowhere", **OPTIONS)
    begun = ct.fit(net(), X, Y, checkpoint=tmp_path / "new", resume=True, **OPTIONS)  # a job that may be started again
    assert begun.epochs_done == 6


def test_what_else_lies_in_the_folder_stays_there(tmp_path):
    """But for parts of checkpoints, of processes that were killed while they wrote."""
    (tmp_path / "step-best.safetensors").write_text("mine")
    (tmp_path / "step-000000001.safetensors.bak").write_text("mine")
    (tmp_path / ".step-000000002.safetensors.0123.partial").write_text("half")
    cut_off(tmp_path, 9)
    (tmp_path / "step-000000002.safetensors").mkdir()
    whole = ct.fit(net(), X, Y, **OPTIONS)
    assert_same(ct.fit(net(), X, Y, checkpoint=tmp_path, resume=True, **OPTIONS), whole)
    names = {path.name for path in tmp_path.iterdir()}
    assert {"step-best.safetensors", "step-000000001.safetensors.bak"} < names
    assert not any(name.endswith("partial") for name in names)


class Scaled(ct.nn.Module):
    """With a parameter that has no dimensions."""

    def __init__(self):
        self.inner, self.gain = ct.nn.Linear(3, 1), ct.nn.Parameter((), ct.nn.init.ones)

    def forward(self, x):
        return self.gain * self.inner(x)


def test_a_single_number_is_a_parameter_like_others(tmp_path):
    whole = ct.fit(Scaled().init(0), X, Y, checkpoint=tmp_path, **OPTIONS)
    assert_same(ct.fit(Scaled().init(0), X, Y, checkpoint=tmp_path, resume=True, **OPTIONS), whole)


REWRITTEN = {
    "t": "9", "epochs_done": -1, "best_epoch": 2.5, "waited": None, "best_loss": "much", "seconds": [],
    "model.layer1.bias": np.zeros(3, np.float32), "state.m": np.zeros(1, np.float32), "losses": np.zeros(2),
    "history.loss": np.zeros(2), "best.layer9.bias": np.zeros(3, np.float32),
    "best.layer1.bias": np.zeros(3, np.float32), "kind": "model",
}


@pytest.mark.parametrize("name", REWRITTEN)
def test_what_somebody_wrote_with_valid_checksums_is_refused(tmp_path, name):
    ct.fit(net(), X, Y, checkpoint=tmp_path, **OPTIONS)
    newest = sorted(tmp_path.iterdir())[-1]
    header, arrays = container.read(str(newest))
    note = {k: v for k, v in header.description.items() if k not in ("format", "tensors_sha256")}
    changed = arrays if "." in name or name == "losses" else note
    changed[name] = REWRITTEN[name]
    newest.write_bytes(container.pack(note, arrays))
    model = net()
    with pytest.raises(FileError, match=f"{newest.name} is no checkpoint of this run"):
        ct.fit(model, X, Y, checkpoint=tmp_path, resume=True, **OPTIONS)


def rewrite(folder, change):
    """Let `change(note, arrays)` change the newest checkpoint, with checksums that fit; its name."""
    newest = sorted(folder.iterdir())[-1]
    header, arrays = container.read(str(newest))
    note = {k: v for k, v in header.description.items() if k not in ("format", "tensors_sha256")}
    arrays = {k: v.copy() for k, v in arrays.items()}
    change(note, arrays)
    newest.write_bytes(container.pack(note, arrays))
    return newest.name


def cast(name, dtype):
    def change(note, arrays):
        arrays[name] = arrays[name].astype(dtype)

    return change


def spoiled(name, number):
    def change(note, arrays):
        arrays[name].reshape(-1)[0] = number

    return change


FORGED = {
    "whole weights": cast("model.layer1.weight", np.int32), "double weights": cast("model.layer1.weight", np.float64),
    "whole state": cast("state.m", np.int32), "single losses": cast("losses", np.float32),
    "whole history": cast("history.loss", np.int32), "NaN": spoiled("model.layer1.weight", np.nan),
    "infinity": spoiled("best.layer1.weight", np.inf),
    "seconds before": lambda note, arrays: note.update(seconds=-1.0),
    "seconds in words": lambda note, arrays: note.update(seconds="3"),
    "true steps": lambda note, arrays: note.update(waited=True), "kind": lambda note, arrays: note.update(kind=3),
    "best loss": lambda note, arrays: note.update(best_loss=2.5),
}


@pytest.mark.parametrize("how", FORGED)
def test_kinds_and_types_of_a_forged_checkpoint_are_asked(tmp_path, how):
    ct.fit(net(), X, Y, checkpoint=tmp_path, **OPTIONS)
    name = rewrite(tmp_path, FORGED[how])
    model = net()
    before = model.theta.copy()
    with pytest.raises(FileError, match=f"{name}"):
        ct.fit(model, X, Y, checkpoint=tmp_path, resume=True, **OPTIONS)
    np.testing.assert_array_equal(model.theta, before)


def test_file_and_folder_reach_the_disk_in_this_order(tmp_path, monkeypatch):
    """Written, synced, renamed, folder synced; a folder that was made is synced in its parent."""
    said, fsync, replace = [], os.fsync, os.replace

    def synced(handle):
        said.append(f"sync {Path(os.readlink(f'/proc/self/fd/{handle}')).name.partition('.safetensors')[0]}")
        fsync(handle)

    monkeypatch.setattr(os, "fsync", synced)
    monkeypatch.setattr(os, "replace", lambda a, b: (said.append("rename"), replace(a, b)))
    ct.fit(net(), X, Y, checkpoint=tmp_path / "new" / "run", **(OPTIONS | {"epochs": 1}))
    assert said[:2] == ["sync new", f"sync {tmp_path.name}"]
    assert said[-3:] == ["sync .step-000000006", "rename", "sync run"]


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


def test_a_read_only_folder_is_told_before_training():
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o555)
        user = os.geteuid()
        try:
            if user == 0:
                os.seteuid(65534)  # the superuser may write anywhere
            with pytest.raises(FileError, match=r"cannot be written in .* \(Permission denied\): choose another"):
                checkpoint.Checkpoints(folder).make_folder(going_on=False)
        finally:
            os.seteuid(user)


def test_nor_does_one_that_does_not_fit_in_memory(tmp_path, monkeypatch):
    def too_much(*given):
        raise MemoryError

    monkeypatch.setattr(checkpoint.container, "pack", too_much)
    with pytest.warns(TrainingWarning, match=r"no checkpoint after step .* does not fit in memory\. Training goes on"):
        assert ct.fit(net(), X, Y, checkpoint=tmp_path, **OPTIONS).epochs_done == OPTIONS["epochs"]


def test_a_folder_that_goes_away_ends_no_training(tmp_path):
    whole = ct.fit(net(), X, Y, **OPTIONS)
    gone = [lambda event: isinstance(event, EpochEnded) and shutil.rmtree(tmp_path / "run", ignore_errors=True)]
    with pytest.warns(TrainingWarning, match="no checkpoint after step .*no folder.*Training goes on"):
        assert_same(ct.fit(net(), X, Y, checkpoint=tmp_path / "run", callbacks=gone, **OPTIONS), whole)


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
        main(1)
    assert "killed 1 times" in capsys.readouterr().out
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
