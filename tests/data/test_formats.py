"""The table of formats: what a path leads to, and a format of one's own beside those of the house."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

import cutaway as ct
from cutaway.data import formats, read_table
from cutaway.data.formats import Format, format_of
from cutaway.data.table_lines import in_lines
from cutaway.errors import ArgumentError, DataError


def read_json_lines(path):
    return pd.read_json(path, lines=True)


JSON_LINES = Format("JSON lines", "table", (".jsonl",), read_json_lines, package="pandas")
ROWS = '{"area": 120, "zone": "RL"}\n{"area": 85, "zone": "RM"}\n'


@pytest.fixture
def own(monkeypatch):
    """Registers formats for one test."""
    monkeypatch.setattr(formats, "FORMATS", list(formats.FORMATS))
    return formats.register


@pytest.fixture
def file(tmp_path):
    def write(text, name="t.jsonl"):
        (tmp_path / name).write_text(text)
        return tmp_path / name

    return write


@pytest.mark.parametrize(("name", "holds"), [
    ("a.csv", "table"), ("a.parquet", "table"), ("a.dat", "table"), ("a", "table"), ("a.csv.gz", "table"),
    ("a.ts", "sequences"), ("a.TS.gz", "sequences"), ("a.npz", "arrays"), ("a.JPG", "images"), (".", "images"),
])
def test_a_name_says_what_a_path_holds(name, holds):
    assert format_of(name).holds == holds


def test_every_ending_has_one_format_and_every_table_a_reader():
    endings = [ending for form in formats.FORMATS for ending in form.endings]
    assert len(set(endings)) == len(endings)
    assert all((form.read is not None) == (form.holds == "table") for form in formats.FORMATS)


def test_a_format_of_ones_own_is_read_wherever_a_path_is_taken(own, file):
    own(JSON_LINES)
    path = file(ROWS)
    assert read_table(path)["zone"].tolist() == ["RL", "RM"]
    rng = np.random.default_rng(0)
    rows = pd.DataFrame({"a": rng.normal(size=60), "b": rng.normal(size=60)})
    rows.to_json(path, orient="records", lines=True)
    model = ct.Classifier(epochs=1).fit(str(path), (rows["a"] > 0).to_list())
    assert model.predict(path).tolist() == model.predict(rows).tolist()


def test_what_begins_like_another_format_is_that_whatever_its_name(own, file):
    own(Format("Shouts", "table", (".shout",), lambda path: pd.DataFrame({"a": [1]}), b"HEY!"))
    assert read_table(file("HEY! and then", "t.csv"))["a"].tolist() == [1]
    assert read_table(file("a\n2\n", "t.shout"))["a"].tolist() == [2]


def test_without_its_entry_it_is_still_refused_and_messages_name_what_is_read(own, file):
    with pytest.raises(DataError, match=r"t\.jsonl is not a table but JSON: give a \.csv, \.tsv.*file\."):
        read_table(file(ROWS))
    own(JSON_LINES)
    with pytest.raises(DataError, match=r"t\.csv is not a table but JSON: give a \.csv, .* or \.jsonl file\."):
        read_table(file(ROWS, "t.csv"))


def test_what_its_reader_raises_becomes_words(own, file):
    own(JSON_LINES)
    with pytest.raises(DataError, match=r"t\.jsonl is a damaged JSON lines file \(.+\): write it again\."):
        read_table(file("{"))


@pytest.mark.parametrize(("extra", "says"), [("", "no-such-package"), ("excel", r'"cutaway\[excel\]"')])
def test_a_missing_package_is_named(own, file, extra, says):
    def read(path):
        import no_such_package  # noqa: F401

    own(Format("Excel", "table", (".xlsx",), read, package="no-such-package", extra=extra))
    with pytest.raises(DataError, match=f"Excel files are read by no-such-package: pip install {says}"):
        read_table(file("x", "t.xlsx"))


@pytest.mark.parametrize("ending", [".csv", ".npz", ".png", ".ts.gz"])
def test_an_ending_has_one_reader(own, ending):
    with pytest.raises(ArgumentError, match=f"end in {ending} are read as"):
        own(Format("mine", "table", (ending,), read_json_lines))


@pytest.mark.parametrize("wrong", [{"holds": "tables"}, {"read": None}, {"endings": ("jsonl",)}])
def test_what_no_table_can_be_read_by_is_refused(own, wrong):
    with pytest.raises(ArgumentError, match="JSON lines: a format of your own holds"):
        own(replace(JSON_LINES, **wrong))


def test_messages_name_lines_only_where_rows_have_lines(own, file):
    own(JSON_LINES)
    assert in_lines("row 1 is odd", file(ROWS)) == "row 1 is odd"
    assert in_lines("row 1 is odd", file("a\n1\n2\n", "t.csv")) == "line 3 is odd"
