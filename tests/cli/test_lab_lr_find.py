"""cutaway lab lr-find, and cutaway fit --lr auto."""

import json

import pytest

import cutaway as ct


def test_it_prints_a_batch_size_and_a_rate_and_writes_figures(run, here):
    status, out, err = run("lab", "lr-find", "--quick", "--data", "moons", "-o", "lr.svg", "-o", "lr.json",
                           "--advice", "advice.svg")
    assert (status, err) == (0, "")
    kept = json.loads((here / "lr.json").read_text())
    assert f"Train with {kept['batch_size']} rows a step" in out
    assert f"Train with a learning rate of {kept['suggestion']:g} (AdamW" in out
    assert "suggestion" in (here / "lr.svg").read_text() and "noise scale" in (here / "advice.svg").read_text()


def test_ones_own_table_optimizer_and_batch_size(run, here):
    status, out, _ = run("lab", "lr-find", "--data", "table.csv", "--target", "price", "--hidden", "16",
                         "--optimizer", "momentum", "--batch-size", 20, "-o", "lr.json")
    kept = json.loads((here / "lr.json").read_text())
    assert status == 0 and "(Momentum, 20 rows a step)" in out and "Train with 20" not in out
    assert (kept["optimizer"], kept["loss"], kept["batch_size"]) == ("Momentum", "mse", 20)


@pytest.mark.parametrize(("args", "says"), [
    (["--optimizer", "Adan"], "did you mean 'Adam'"), (["--batch-size", "many"], "or auto"),
    (["--batch-size", "0"], "at least 1"), (["--low", "1", "--high", "0.1"], "0 < low < high"),
    (["--batch-size", "8", "--advice", "a.svg"], "--batch-size auto"), (["--out", "lr.txt"], "must end in"),
])
def test_what_makes_no_sense_is_refused(run, here, args, says):
    status, out, err = run("lab", "lr-find", "--quick", "--data", "moons", *args)
    assert status == 2 and says in err and "Train with" not in out


def test_fit_finds_its_rate_and_says_which(run, here):
    status, out, err = run("fit", "table.csv", "-t", "price", "--drop", "kind", "--epochs", 3, "--lr", "auto",
                           "--report", "r.html")
    assert (status, err) == (0, "")
    found = ct.load("model.safetensors").design_.lr
    assert "lr auto" in out and f"A highest learning rate of {found:g} was found first" in out
    assert f"lr {found:g}" in (here / "r.html").read_text(encoding="utf-8")
    status, out, _ = run("fit", "table.csv", "-t", "price", "--drop", "kind", "--epochs", 3, "--lr", f"{found:g}",
                         "-o", "given.safetensors")
    auto, given = ct.load("model.safetensors"), ct.load("given.safetensors")
    assert status == 0 and (auto.model_.theta == given.model_.theta).all()


def test_fit_refuses_a_rate_that_is_none(run, here):
    for wrong in ("fast", "-1", "0", "nan"):
        status, _, err = run("fit", "table.csv", "-t", "price", f"--lr={wrong}")
        assert status == 2 and "give a number above 0, or auto" in err
