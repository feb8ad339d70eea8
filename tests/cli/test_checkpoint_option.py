"""cutaway fit --checkpoint and --resume: what was cut off goes on to the same bits, and only as the same run."""

import os
import signal

import pytest

import cutaway as ct
from cutaway.cli import study
from cutaway.errors import FileError
from cutaway.train import checkpoint

HOW = ("-t", "y", "--preset", "fast", "--hidden", "4", "--epochs", "6")


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    rows = [f"{k % 7},{k % 5},{'yes' if k % 7 + k % 5 > 5 else 'no'}" for k in range(120)]
    for name, some in (("t.csv", rows), ("other.csv", rows[::-1])):
        (tmp_path / name).write_text("\n".join(["a,b,y", *some]))
    return tmp_path


@pytest.fixture
def cut_off(folder, monkeypatch, run):
    """What is printed by a command that Ctrl-C interrupts as it writes its first checkpoint."""
    save = checkpoint.Checkpoints.save

    def saved(self, training):
        save(self, training)
        os.kill(os.getpid(), signal.SIGINT)

    with monkeypatch.context() as here:
        here.setattr(checkpoint, "SECONDS", 0.0)
        here.setattr(checkpoint.Checkpoints, "save", saved)
        status, out, err = run("fit", "t.csv", *HOW, "--checkpoint", "kept")
    assert (status, err) == (0, "")
    return out


def test_an_interrupt_says_how_to_go_on_and_it_goes_on_to_the_same_bits(folder, cut_off, run):
    command = "cutaway fit t.csv -t y --preset fast --hidden 4 --epochs 6 --checkpoint kept --resume"
    assert f"To go on:\n  {command}\n" in cut_off
    found = []
    for options in ((), ("--checkpoint", "kept", "--resume")):
        assert run("fit", "t.csv", *HOW, "-q", *options)[0] == 0
        found.append(ct.load("model.safetensors").model_.theta.tolist())
    assert found[0] == found[1]


@pytest.mark.parametrize(("command", "words"), [
    (("t.csv", *HOW, "--checkpoint", "kept"), "kept has checkpoints already (step-000000001.safetensors): pass "
                                              "--resume to go on from them, or choose another folder"),
    (("other.csv", *HOW, "--checkpoint", "kept", "--resume"), "belongs to a run with other settings (data)"),
    (("t.csv", *HOW[:-1], "7", "--checkpoint", "kept", "--resume"), "belongs to a run with other settings (epochs"),
])
def test_the_checkpoints_of_another_run_are_refused(folder, cut_off, run, command, words):
    status, _, err = run("fit", *command)
    assert status == 2
    assert words in " ".join(err.split())


@pytest.mark.parametrize(("before", "now", "words"), [
    (1, 2, "kept has the checkpoints of one network, and this run trains 2"),
    (2, 1, "kept has the checkpoints of several networks, and this run trains one"),
])
def test_a_run_of_several_networks_is_another_than_that_of_one(folder, before, now, words):
    X, y = ct.datasets.make("moons", n=60, seed=0)

    def trained(networks):
        model = ct.Classifier(network={"hidden": [4], "networks": networks}, epochs=1)
        return model.train(model.prepare(X, y), checkpoint="kept")

    trained(before)
    with pytest.raises(FileError, match=words):
        trained(now)


@pytest.mark.parametrize(("options", "words"), [
    (("--resume",), "--resume goes on from the checkpoints in a folder: name it with --checkpoint."),
    (("--checkpoint", "t.csv"), "t.csv promises a table: checkpoints are folders"),
    (("--checkpoint", "kept", "--forecast", "a"), "ask for a network of your own (--epochs, --hidden, ...)"),
])
def test_what_does_not_go_together(folder, run, options, words):
    status, out, err = run("fit", "t.csv", *options)
    assert (status, out) == (2, "")
    assert words in " ".join(err.split())


def test_an_interrupt_before_training_says_how_to_go_on_too(folder, monkeypatch, run):
    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(study, "begin", interrupted)
    status, _, err = run("fit", "t.csv", "-t", "y", "--checkpoint", "kept")
    assert status == 130
    assert "nothing was written. To go on: cutaway fit t.csv -t y --checkpoint kept --resume" in " ".join(err.split())
