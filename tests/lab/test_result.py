"""What all experiments give back has the same four ways out, and says what it found."""

import json

import pytest

import cutaway as ct
from cutaway.errors import ArgumentError
from cutaway.files.formats import EXPORTS
from cutaway.lab.result import Result

RESULTS = sorted((cls for cls in vars(ct.lab).values() if isinstance(cls, type) and issubclass(cls, Result)),
                 key=lambda cls: cls.__name__)


@pytest.mark.parametrize("cls", RESULTS, ids=lambda cls: cls.__name__)
def test_every_result_has_numbers_a_figure_and_words_of_its_own(cls):
    for name in ("to_pandas", "to_json", "plot", "__str__"):
        assert any(name in vars(c) for c in cls.__mro__[: cls.__mro__.index(Result)]), name
    assert cls.kind and all(cls.kind != other.kind for other in RESULTS if other is not cls)


@pytest.fixture(scope="module")
def descent():
    return ct.lab.descend("bowl", [ct.optim.SGD(0.1)], steps=3)


@pytest.mark.parametrize("ending", Result.endings())
def test_a_result_is_written_by_the_ending_of_the_file(descent, tmp_path, ending):
    path = descent.save(tmp_path / f"r{ending}")
    content = path.read_bytes()
    assert len(content) > 100
    if ending == ".json":
        assert json.loads(content)["kind"] == "descent"


def test_a_format_more_is_one_entry_and_messages_name_it(descent, tmp_path, monkeypatch):
    monkeypatch.setitem(EXPORTS, ".words", lambda result, path: path.write_text(str(result)))
    assert descent.save(tmp_path / "r.words").read_text() == str(descent)
    with pytest.raises(ArgumentError, match=r"ends in \.svg, .*, \.words"):
        descent.save(tmp_path / "r.txt")


def test_another_ending_is_refused_with_those_there_are(descent, tmp_path):
    with pytest.raises(ArgumentError, match=r"\.svg, \.png, \.pdf, \.json, \.csv, \.html"):
        descent.save(tmp_path / "r.txt")
    assert not list(tmp_path.iterdir())


def test_a_result_that_lacks_a_way_out_says_which(tmp_path):
    class Bare(Result):
        kind = "bare result"

    with pytest.raises(NotImplementedError, match="Bare needs a method to_json"):
        Bare().save(tmp_path / "r.json")
