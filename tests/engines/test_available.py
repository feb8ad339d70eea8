"""What ct.engines.available and `cutaway engines` say of the engines here."""

import builtins
import sys

import pytest

import cutaway as ct
from cutaway.cli import main
from cutaway.engines.registry import Engines


def test_each_engine_says_what_it_runs_on():
    found = ct.engines.available()
    assert list(found)[:2] == ["cpu", "portable"]
    assert found["cpu"] and found["cpu"].what.endswith("as machine code; the default")
    assert str(found).splitlines()[0].split()[:2] == ["cpu", "yes"]


def test_one_that_cannot_be_imported_says_what_brings_it(monkeypatch):
    real = builtins.__import__

    def without_jax(name, *how):
        if name.split(".")[0] == "jax":
            raise ModuleNotFoundError("No module named 'jax'", name="jax")
        return real(name, *how)

    monkeypatch.setattr(builtins, "__import__", without_jax)
    monkeypatch.setattr("cutaway.engines.availability.ENGINES", Engines())
    for name in [name for name in sys.modules if name.startswith("cutaway.engines.xla")]:
        monkeypatch.delitem(sys.modules, name)
    found = ct.engines.available()["xla"]
    assert not found
    assert found.what == (
        'needs jax, which is not installed: pip install "cutaway[xla]" (for a GPU of NVIDIA: pip install '
        '"cutaway[xla]" "jax[cuda13]", or jax[cuda12] for older drivers)')


def test_xla_names_its_devices():
    pytest.importorskip("jax")
    found = ct.engines.available()["xla"]
    assert found
    assert ", by JAX " in found.what


def test_the_command_prints_the_same(capsys):
    assert main(["engines"]) == 0
    assert capsys.readouterr().out.split() == str(ct.engines.available()).split()
