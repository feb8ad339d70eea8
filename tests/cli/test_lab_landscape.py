"""cutaway lab landscape: one network's surroundings, and what lies between two."""

import importlib
import json

import pytest

import cutaway as ct

COMMAND = importlib.import_module("cutaway.cli.labs.landscape")


def test_a_short_look_prints_and_writes_figure_and_numbers(run, here):
    status, out, err = run("lab", "landscape", "--quick", "--data", "moons", "-o", "plane.svg", "-o", "plane.json")
    kept = json.loads((here / "plane.json").read_text())
    assert (status, err) == (0, "")
    assert f"The loss (binary cross entropy) is {kept['centre']:.4g} on 400 rows" in out and "plane.svg" in out
    assert len(kept["surface"]) == 17 and kept["surface"][8][8] == kept["curves"][0][8] == kept["centre"]
    assert "random direction" in (here / "plane.svg").read_text()


@pytest.mark.parametrize(("kind", "names"), [
    ("seeds", ["seed 3", "seed 4"]), ("batches", ["batches of 8", "batches of 120"]),
])
def test_two_networks_are_compared(run, here, kind, names):
    how = ("--between", kind, "--quick", "--data", "iris", "--hidden", "16", "--seed", "3")
    status, out, _ = run("lab", "landscape", *how, "-o", "line.json")
    kept = json.loads((here / "line.json").read_text())
    assert status == 0 and kept["names"] == names and kept["barrier"] >= 0
    assert f"from {names[0]} to {names[1]}" in out and "on held-out rows" in out
    if kind == "batches":  # trained until both losses are alike
        low, high = sorted(end["centre"] for end in kept["ends"])
        assert high < 1.5 * low


def test_ones_own_table(run, here):
    status, out, _ = run("lab", "landscape", "--data", "table.csv", "--target", "price", "--quick", "--directions", "1")
    assert status == 0 and "The loss (mse) is" in out


@pytest.mark.parametrize(("args", "says"), [
    (["--points", "10"], "odd number"), (["--span", "0"], "above zero"), (["--out", "plane.txt"], "must end in"),
    (["--data", "digts"], "digits"),
])
def test_what_cannot_be_drawn_is_said_before_training(run, here, args, says, monkeypatch):
    monkeypatch.setattr(COMMAND, "train", lambda entries: pytest.fail("trained"))
    status, _, err = run("lab", "landscape", *args)
    assert status == 2 and says in err


def test_ctrl_c_in_training_shows_the_network_so_far(run, monkeypatch):
    train = ct.train.fit_many

    def interrupted(entries):
        def stop(event):
            if getattr(event, "epoch", 0) == 2:
                event.run.stop("interrupted")  # what Ctrl-C does

        return train([{**entry, "callbacks": [*entry["callbacks"], stop]} for entry in entries])

    monkeypatch.setattr(ct.train, "fit_many", interrupted)
    status, out, err = run("lab", "landscape", "--quick", "--data", "moons")
    assert status == 0 and "The loss" in out and "Ctrl-C ended training after 2 epochs" in err
