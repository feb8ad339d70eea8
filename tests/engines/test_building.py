"""Compiling several kernels at a time: helpers share the work, and whatever happens to them, all kernels come."""

import io
import sys

import pytest

from cutaway.engines.cpu import building, native
from cutaway.engines.cpu.building import Source

TEXT = "def k(p, s):\n    x = reals(p[0])\n"
SIX = [Source(f"k{i}", "float64", TEXT + f"    x[0] = F({i})\n" * (i + 1)) for i in range(6)]


@pytest.fixture
def cold(tmp_path, monkeypatch):
    """An empty cache folder, for helpers, too; and one helper, however few the kernels and cores."""
    monkeypatch.setattr(native, "folder", lambda: tmp_path)
    monkeypatch.setattr(native, "compiled", 0)
    monkeypatch.setattr(building, "_useful_helpers", lambda kernels: 1)
    return tmp_path


def test_every_worker_goes_through_all_kernels_and_starts_with_a_share_of_its_own():
    turns = [building._turns(SIX, k, 3) for k in range(3)]
    assert all(sorted(each) == SIX for each in turns)
    assert sorted(source for each in turns for source in each[:2]) == SIX
    assert turns[0][0] == SIX[-1], "the longest first"


def test_a_helper_compiles_a_share(cold, monkeypatch):
    """This process waits at its first kernel until a helper has compiled another."""
    def slow(source):
        while not list(cold.glob("*.o")):
            pass
        here.append(source)
        return compile_and_keep(source)

    here, compile_and_keep = [], building._compile_and_keep
    monkeypatch.setattr(building, "_compile_and_keep", slow)
    files = building.build(SIX)
    assert set(files) == set(SIX) and all(files.values())
    assert len(here) < 6 and native.compiled == 6
    assert len(list(cold.glob("*.o"))) == 6


def test_a_helper_that_dies_is_named_and_its_share_compiled_here(cold, monkeypatch):
    monkeypatch.setattr(building, "HELP", "raise SystemExit('no room')")
    monkeypatch.setattr(building, "_compile_and_keep", lambda source: b"code")
    dismiss = building._dismiss
    monkeypatch.setattr(building, "_dismiss", lambda helper: (helper.wait(), dismiss(helper)))
    with pytest.warns(RuntimeWarning, match=r"stopped \(no room\)"):
        files = building.build(SIX)
    assert set(files) == set(SIX)


def test_programs_that_carry_python_inside_are_not_started_again(monkeypatch):
    monkeypatch.setattr(native, "cores", lambda: 8)
    assert building._useful_helpers(6 * building.FOR_ONE) == 6
    assert building._useful_helpers(building.FOR_ONE - 1) == 0
    for executable in ("", "spreadsheet"):
        monkeypatch.setattr(sys, "executable", executable)
        assert building._useful_helpers(6 * building.FOR_ONE) == 0


def test_while_programs_are_only_collected_nothing_is_compiled(cold):
    with building.collecting() as sources:
        assert building.addresses(SIX) == [0] * 6
    assert sources == set(SIX)
    assert building.missing(SIX) == SIX and native.compiled == 0


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_a_terminal_shows_a_line_while_kernels_are_compiled_and_nothing_afterwards(cold, monkeypatch):
    monkeypatch.setattr(building, "_useful_helpers", lambda kernels: 0)
    monkeypatch.setattr(Source, "compile", lambda source: b"code")
    for stream in (Terminal(), io.StringIO()):
        monkeypatch.setattr(sys, "stderr", stream)
        building.build(SIX)
        text = stream.getvalue()
        if not stream.isatty():
            assert text == ""
            continue
        assert "\rcompiling 6 kernels for this processor, once: 0 done" in text and "6 done" in text
        assert text.endswith("\r") and text.split("\r")[-2].strip() == ""
        for path in cold.iterdir():
            path.unlink()
