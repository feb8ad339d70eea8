"""--processes and --exact of cutaway fit: other processes of this machine train along; one talks and writes."""

import os
import subprocess
import sys

import pytest

import cutaway as ct

pytest.importorskip("jax")


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    rows = [f"{k % 7},{k % 5},{'yes' if k % 7 + k % 5 > 5 else 'no'}" for k in range(120)]
    path = tmp_path_factory.mktemp("table") / "t.csv"
    path.write_text("\n".join(["a,b,y", *rows]))
    return path


def cutaway(path, *options):
    small = ("--hidden", "4", "--epochs", "1", "--preset", "fast", "--split", "random", "--quiet")
    return subprocess.run([sys.executable, "-m", "cutaway", "fit", path.name, "-t", "y", *small, *options],
                          cwd=path.parent, capture_output=True, text=True,
                          env=os.environ | {"JAX_PLATFORMS": "cpu", "XLA_FLAGS": ""})


def test_two_processes_write_the_model_of_one_in_exact_mode(small):
    found = []
    for options in (("--engine", "xla"), ("--processes", "2")):
        done = cutaway(small, "--exact", *options, "-o", "m.safetensors")
        assert done.returncode == 0, done.stderr
        model = ct.load(small.parent / "m.safetensors")
        assert model.exact
        found.append((done.stdout, model.model_.theta.tolist()))
    assert found[0] == found[1]


@pytest.mark.parametrize(("options", "words"), [
    (("--processes", "2", "--engine", "cpu"), "--processes 2 of one machine train by --engine xla on its CPU"),
    (("--exact",), "--exact is of the engine that JAX compiles: add --engine xla"),
])
def test_what_does_not_go_together(run, small, options, words):
    status, out, err = run("fit", small, "-t", "y", *options)
    assert (status, out) == (2, "")
    assert words in " ".join(err.split())
