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


def test_one_of_two_processes_speaks_and_writes(small):
    """That they train what one does, to the last bit in exact mode, is tested in tests/processes."""
    done = cutaway(small, "--exact", "--processes", "2", "-o", "m.safetensors")
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("On the 24 test rows") == 1
    model = ct.load(small.parent / "m.safetensors")
    assert model.exact and model.predict(small).tolist().count("yes")


@pytest.mark.parametrize(("options", "words"), [
    (("--processes", "2", "--engine", "cpu"), "--processes 2 of one machine train by --engine xla on its CPU"),
    (("--exact",), "--exact is of the engine that JAX compiles: add --engine xla"),
])
def test_what_does_not_go_together(run, small, options, words):
    status, out, err = run("fit", small, "-t", "y", *options)
    assert (status, out) == (2, "")
    assert words in " ".join(err.split())
