"""The table of formats: what a path leads to, and a format of one's own beside those of the house."""

import re
import tomllib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import cutaway as ct
from cutaway.data import formats, read_table
from cutaway.data.formats import Format, format_of
from cutaway.data.table_lines import in_lines
from cutaway.errors import ArgumentError, DataError


def read_fixed(path):
    return pd.read_fwf(path)


FIXED = Format("fixed width", "table", (".fwf",), read_fixed, package="pandas")
ROWS = "area zone\n 120   RL\n  85   RM\n"


@pytest.fixture
def own(monkeypatch):
    """Registers formats for one test."""
    monkeypatch.setattr(formats, "FORMATS", list(formats.FORMATS))
    return formats.register


@pytest.fixture
def file(tmp_path):
    def write(text, name="t.fwf"):
        (tmp_path / name).write_text(text)
        return tmp_path / name

    return write


@pytest.mark.parametrize(("name", "holds"), [
    ("a.csv", "table"), ("a.parquet", "table"), ("a.dat", "table"), ("a", "table"), ("a.csv.gz", "table"),
    ("a.xlsx::S", "table"), ("a.json.zst", "table"), ("-", "table"), ("*.csv", "table"), ("a.ts", "sequences"),
    ("a.TS.gz", "sequences"), ("a.npz", "arrays"), ("a.JPG", "images"), (".", "images"),
])
def test_a_name_says_what_a_path_holds(name, holds):
    assert format_of(name).holds == holds


def test_every_ending_has_one_format_and_every_table_a_reader():
    endings = [ending for form in formats.FORMATS for ending in form.endings]
    assert len(set(endings)) == len(endings)
    assert all((form.read is not None) == (form.holds == "table") for form in formats.FORMATS)


def test_a_format_of_ones_own_is_read_wherever_a_path_is_taken(own, file):
    own(FIXED)
    path = file(ROWS)
    assert read_table(path)["zone"].tolist() == ["RL", "RM"]
    rng = np.random.default_rng(0)
    rows = pd.DataFrame({"a": rng.normal(size=60), "b": rng.normal(size=60)})
    path.write_text(rows.to_string(index=False))
    rows = read_table(path)
    model = ct.Classifier(epochs=1).fit(str(path), (rows["a"] > 0).to_list())
    assert model.predict(path).tolist() == model.predict(rows).tolist()


def test_what_begins_like_another_format_is_that_whatever_its_name(own, file):
    own(Format("Shouts", "table", (".shout",), lambda path: pd.DataFrame({"a": [1]}), b"HEY!"))
    assert read_table(file("HEY! and then", "t.csv"))["a"].tolist() == [1]
    assert read_table(file("a\n2\n", "t.shout"))["a"].tolist() == [2]


def test_of_formats_that_may_begin_alike_it_is_the_one_that_says_most(tmp_path):
    path = tmp_path / "t.data"
    path.write_bytes(b'[{"a\xb4\0\0\0DUCK' + bytes(100))  # a database's first eight bytes are a sum of what follows
    assert formats.table_format(path).name == "DuckDB"


def test_messages_name_what_is_read(own, file):
    own(FIXED)
    with pytest.raises(DataError, match=r"t\.csv is not a table but HTML or XML: give a \.csv, .* or \.fwf file\."):
        read_table(file("<html></html>", "t.csv"))


def test_what_its_reader_raises_becomes_words(own, file):
    own(replace(FIXED, read=lambda path: pd.DataFrame({"a": [1]})["b"]))
    with pytest.raises(DataError, match=r"t\.fwf is a damaged fixed width file \(.+\): write it again\."):
        read_table(file("{"))


@pytest.mark.parametrize(("extra", "says"), [("", "no-such-package"), ("excel", r'"cutaway\[excel\]"')])
def test_a_missing_package_is_named(own, file, extra, says):
    def read(path):
        import no_such_package  # noqa: F401

    own(Format("Lotus", "table", (".wk1",), read, package="no-such-package", extra=extra))
    with pytest.raises(DataError, match=f"Lotus files are read by no-such-package: pip install {says}"):
        read_table(file("x", "t.wk1"))


@pytest.mark.parametrize("ending", [".csv", ".npz", ".png", ".ts.gz"])
def test_an_ending_has_one_reader(own, ending):
    with pytest.raises(ArgumentError, match=f"end in {ending} are read as"):
        own(Format("mine", "table", (ending,), read_fixed))


@pytest.mark.parametrize("wrong", [{"holds": "tables"}, {"read": None}, {"endings": ("jsonl",)}])
def test_what_no_table_can_be_read_by_is_refused(own, wrong):
    with pytest.raises(ArgumentError, match="fixed width: a format of your own holds"):
        own(replace(FIXED, **wrong))


def test_messages_name_lines_only_where_rows_have_lines(own, file):
    own(FIXED)
    assert in_lines("row 1 is odd", file(ROWS)) == "row 1 is odd"
    assert in_lines("row 1 is odd", file("a\n1\n2\n", "t.csv")) == "line 3 is odd"


def test_the_page_of_formats_has_the_table_that_is_in_the_code():
    rows = []
    for form in formats.FORMATS:
        if form.holds == "table":
            cells = [form.name, ", ".join(f"`{ending}`" for ending in form.endings), form.what.replace("|", "\\|"),
                     f'`"cutaway[{form.extra}]"`' if form.extra else ""]
            rows.append(f"| {' | '.join(cells)} |".replace("  ", " "))
    page = (Path(__file__).parents[2] / "docs" / "formats.md").read_text()
    found = [line for line in page.splitlines() if line.startswith("| ") and not line.startswith(("| ---", "| format"))]
    assert found == rows


@pytest.mark.parametrize("form", [form for form in formats.FORMATS if form.package and form.holds == "table"],
                         ids=lambda form: form.name)
def test_each_extra_brings_the_package_that_reads_its_format(form):
    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    brought = [re.match(r"[\w-]+", line)[0] for line in extras[form.extra]]
    assert form.package in brought
    test, short = (re.search(r"cutaway\[(.*)\]", extras[name][0])[1].split(",") for name in ("test", "short"))
    assert form.extra in test or ("short" in test and form.extra in short)
