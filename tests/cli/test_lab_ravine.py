"""cutaway lab ravine: what it prints and writes, surfaces and optimizers of one's own, and answers to nonsense."""

import json

import pytest


def test_by_itself_it_shows_plain_descent_bouncing_and_momentum_not(run, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    status, out, err = run("lab", "ravine", "--out", "r.svg", "--out", "r.json", "--out", "r.csv")
    assert (status, err) == (0, "")
    assert "SGD turned back at 99 of its 100 steps, Momentum at 0." in out
    assert all(f"Written: r.{ending}" in out for ending in ("svg", "json", "csv"))
    data = json.loads((tmp_path / "r.json").read_text("utf-8"))
    assert [p["name"] for p in data["paths"]] == ["SGD", "Momentum", "AdaGrad", "RMSProp", "Adam", "AdamW"]
    assert "turned back at 99 of 100 steps" in (tmp_path / "r.svg").read_text("utf-8")
    assert len((tmp_path / "r.csv").read_text("utf-8").splitlines()) == 1 + 6 * 101


def test_quick_it_takes_fewer_steps(run):
    status, out, _ = run("lab", "ravine", "--quick", "--condition", "200")
    assert status == 0 and "J = (x^2 + 200 * y^2) / 2" in out and "of its 50 steps" in out


def test_a_function_and_optimizers_of_ones_own(run, tmp_path):
    file = tmp_path / "p.json"
    status, out, _ = run("lab", "ravine", "--surface", "x^2 + 3 * sin(y)", "--optimizer", "adam:0.2", "--optimizer",
                         "AdaGrad", "--optimizer", "adam:0.1", "--start", "2,2.5", "--bounds", "-4,4,-6,6",
                         "--steps", "7", "--out", str(file))
    data = json.loads(file.read_text("utf-8"))
    assert status == 0 and "your surface: J = x^2 + 3 * sin(y) from (2, 2.5)" in out
    assert [(p["name"], len(p["points"])) for p in data["paths"]] == [
        ("Adam lr=0.2", 8), ("AdaGrad", 8), ("Adam lr=0.1", 8)]
    assert data["surface"]["bounds"] == [[-4, 4], [-6, 6]] and data["paths"][0]["points"][0] == [2, 2.5]


@pytest.mark.parametrize("kind", ["3d", "rates", "loss"])
def test_other_figures(run, tmp_path, kind):
    status, _, _ = run("lab", "ravine", "--surface", "bowl", "--steps", "5", "--figure", kind, "--optimizer", "sgd",
                       "--noise", "0.5", "--batch-size", "8", "--out", str(tmp_path / "f.png"))
    assert status == 0 and (tmp_path / "f.png").stat().st_size > 10_000


@pytest.mark.parametrize(("args", "says"), [
    (["--surface", "rosenbrok"], "did you mean 'rosenbrock'"), (["--surface", "x^y"], "an exponent must be a number"),
    (["--surface", "__import__('os')"], "there is no '__import__'"),
    (["--optimizer", "adem"], "no optimizer called 'adem'; did you mean 'adam'"),
    (["--optimizer", "adam:fast"], "--optimizer adam:fast: the learning rate must be a number of at least 0"),
    (["--optimizer", "adam:-1"], "the learning rate must be a number of at least 0"),
    (["--start", "1"], "--start '1': give 2 numbers"), (["--bounds", "1,0,1,2"], "x0 < x1"),
    (["--figure", "4d"], "no figure called '4d'"), (["--condition", "0"], "between 1 and 1e6"),
    (["--surface", "bowl", "--condition", "3"], "setting of the ravine"), (["--steps", "0"], "whole number from 1"),
    (["--out", "x.txt"], "its name must end in .svg"),
])
def test_nonsense_is_answered_in_a_line(run, args, says):
    status, _, err = run("lab", "ravine", *args)
    assert status == 2 and says in err and "Traceback" not in err
