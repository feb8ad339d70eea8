"""cutaway bench: what it takes, what it refuses, and one short run."""

import json

import pytest

from benchmarks import FAMILIES


@pytest.fixture
def quiet(monkeypatch):
    """No measuring of the machine."""
    facts = {"processor": "P", "cores": 2, "vector": "", "system": "", "load": None, "blas": ""}
    monkeypatch.setattr("benchmarks.machine.machine", lambda: facts)
    monkeypatch.setattr("benchmarks.machine.install_sizes", lambda python, packages: {})


def test_help_names_every_family(run):
    status, out, _ = run("bench", "--help")
    assert status == 0 and all(family in out for family in FAMILIES)


@pytest.mark.parametrize(("args", "says"), [
    (["mpl"], "no family of workloads called 'mpl'; did you mean 'mlp'?"),
    (["mlp", "-w", "a"], "no workload called 'a'"),
    (["mlp", "--only", "fortran"], "--only fortran: no library is called so"),
    (["mlp", "--peers", "no-such-python"], "--peers no-such-python: there is no such program"),
    (["mlp", "--engine", "xla"], "--engine xla has workloads of its own: name them by -w"),
    (["--engine", "gpu"], "no engine with a benchmark called 'gpu'"),
    (["mlp", "--resume"], "--resume needs --out"),
    (["mlp", "--seconds", "0"], "--seconds 0: give a number above 0"),
    (["mlp", "--out", "results.txt"], "must end in .json"),
])
def test_what_cannot_be_measured_is_said_before_anything_is(run, args, says):
    status, _, err = run("bench", *args)
    assert status == 2 and says in " ".join(err.split())


def test_the_installed_package_says_where_the_benchmarks_are(here, run, monkeypatch):
    monkeypatch.setattr("cutaway.cli.bench.REPOSITORY", here)
    status, _, err = run("bench", "mlp")
    assert status == 2 and "in Cutaway's repository" in err and "pip install -e ." in err


SHORT = ["-w", "AdamW A", "--only", "cutaway", "--threads", "1", "--rounds", "1", "--seconds", "0.001"]


def test_a_short_run_prints_and_adds_to_its_file(here, run, quiet):
    (here / "r.json").write_text('{"cnn": {"kept": true}}')
    status, out, err = run("bench", "update", *SHORT, "--out", "r.json")
    assert status == 0, err
    assert "AdamW on 3,457 weights" in out and "µs an update" in out
    found = json.loads((here / "r.json").read_text())
    assert found["cnn"] == {"kept": True}
    assert found["update"]["workloads"]["AdamW A"]["competitors"]["Cutaway"]["us"] > 0


def test_resume_leaves_out_what_the_file_has(here, run, quiet):
    (here / "r.json").write_text('{"update": {"kept": true}}')
    status, out, _ = run("bench", "update", *SHORT, "--out", "r.json", "--resume")
    assert status == 0 and "AdamW" not in out
    assert json.loads((here / "r.json").read_text()) == {"update": {"kept": True}}
