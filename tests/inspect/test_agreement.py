"""What is measured of an engine, for each kind of layer: traces beside training, the engine beside the CPU engine."""

import pytest

import cutaway as ct
from cutaway.cli import main
from cutaway.errors import ArgumentError
from cutaway.files.architecture import LAYERS
from cutaway.inspect.agreement import KINDS, Agreement, agreements


def test_there_is_a_network_with_every_layer_that_files_hold():
    """But for those that do nothing while a network is trained."""
    there = {type(module).__name__ for make, _ in KINDS.values() for _, module in make().named_modules()}
    assert set(LAYERS) - there == {"FoundLinear", "RandomConvolutions"}


def test_exact_engines_trace_the_bits_that_they_train():
    for found in agreements("reference", ["Linear", "BatchNorm1d", "GRU"]):
        assert found.traced == 0 < found.cpu < 1e-5, found


def test_xla_is_within_roundings():
    pytest.importorskip("jax")
    for found in agreements("xla", ["LayerNorm"]):
        assert 0 <= found.traced < 1e-5 and 0 < found.cpu < 1e-5


def test_the_command_prints_a_line_for_each(capsys):
    assert main(["engines", "--check", "cpu"]) == 0
    head, *lines, _, _ = capsys.readouterr().out.splitlines()
    assert "cpu and cpu" in head and len(lines) == len(KINDS)
    assert [line.split("  ")[0] for line in lines] == list(KINDS)
    assert all(line.count("the same bits") == 2 for line in lines)
    assert str(Agreement("GRU", 0.0, 3.2e-7)).split("  ")[-1].strip() == "3e-07"


def test_an_engine_that_there_is_not():
    with pytest.raises(ArgumentError, match="no engine is called"):
        list(agreements("jax"))
    assert ct.engines.ENGINES["cpu"].exact
