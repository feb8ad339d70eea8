"""JSON and JSON lines: rows as objects, what is nested as columns with dots in their names."""

import contextlib
import gzip
import json

import pandas as pd
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cutaway.data import read_table
from cutaway.data.written_numbers import NOTES
from cutaway.errors import DataError

ROWS = [{"area": 120, "zone": "RL", "at": {"x": 1.5, "y": {"z": None}}}, {"area": 85, "zone": None, "new": True}]
READ = {"area": [120, 85], "zone": ["RL", None], "at.x": [1.5, None], "at.y.z": [None, None], "new": [None, True]}


def without_gaps(table):
    return {name: [None if cell != cell else cell for cell in cells] for name, cells in table.to_dict("list").items()}


@pytest.mark.parametrize("text", [
    json.dumps(ROWS), json.dumps(ROWS, indent=2), "\n".join(map(json.dumps, ROWS)),
    "\ufeff" + "\n\n".join(map(json.dumps, ROWS)) + "\n", json.dumps({"made": "today", "rows": ROWS}),
], ids=["list", "indented", "lines", "lines with gaps and a mark", "inside an object"])
@pytest.mark.parametrize("name", ["t.json", "t.jsonl.gz", "t.csv"])
def test_rows_are_objects_in_every_form(tmp_path, text, name):
    content = text.encode()
    (tmp_path / name).write_bytes(gzip.compress(content) if name.endswith("gz") else content)
    assert without_gaps(read_table(tmp_path / name)) == READ


@pytest.mark.parametrize("orient", ["records", "columns", "index", "split", "values"])
def test_what_pandas_writes_is_read(tmp_path, orient):
    frame = pd.DataFrame({"a": [1, 2, 3], "b": ["x", "y", None]})
    frame.to_json(tmp_path / "t.json", orient=orient)
    table = without_gaps(read_table(tmp_path / "t.json"))
    wanted = {"a": [1, 2, 3], "b": ["x", "y", None]}
    if orient == "index":  # whoever writes so knows that the rows are the outer names
        assert set(table) == {"0", "1", "2"}
    elif orient == "values":
        assert table == {"column 1": [1, 2, 3], "column 2": ["x", "y", None]}
    else:
        assert table == wanted


def test_what_polars_writes_is_read(tmp_path):
    frame = pl.DataFrame({"a": [1, None], "at": [{"x": 1, "y": "u"}, {"x": 2, "y": "v"}]})
    frame.write_ndjson(tmp_path / "t.jsonl")
    frame.write_json(tmp_path / "t.json")
    for name in ("t.json", "t.jsonl"):
        assert without_gaps(read_table(tmp_path / name)) == {"a": [1, None], "at.x": [1, 2], "at.y": ["u", "v"]}


def test_lists_of_one_length_are_columns_and_others_text(tmp_path):
    rows = [{"rgb": [1, 2, 3], "tags": ["a"]}, {"rgb": [4, 5, 6], "tags": ["a", "b"]}]
    (tmp_path / "t.json").write_text(json.dumps(rows))
    table = read_table(tmp_path / "t.json")
    assert table.to_dict("list") == {"rgb.0": [1, 4], "rgb.1": [2, 5], "rgb.2": [3, 6], "tags": ['["a"]', '["a", "b"]']}
    assert table.attrs[NOTES] == ["tags: lists of different lengths are kept as text"]


def test_numbers_in_quotation_marks_stay_what_they_are(tmp_path):
    (tmp_path / "t.json").write_text('[{"zip": "01234"}, {"zip": "99423"}]')
    assert read_table(tmp_path / "t.json")["zip"].tolist() == ["01234", "99423"]


@pytest.mark.parametrize(("text", "says"), [
    ("", "is empty"), ("[1, 2]", "is JSON, but no table"), ("{}", "holds no rows"), ("[]", "is JSON, but no table"),
    ('[{"a": 1}, 2]', "is JSON, but no table"), ('[{"a": 1},', "is damaged JSON"),
    ('{"a": 1}\n{"a": \n{"a": 3}\n', r"t\.json, line 2 is damaged JSON"),
    ('[{"a": 1, "a": 2}]', "more than one entry 'a'"),
    ('{"b": 1}\n{"a": 1, "a": 2}', "line 2: more than one entry 'a'"),
    ('[{"a.b": 1, "a": {"b": 2}}]', "two of its entries are called 'a.b'"),
    ('{"a": [1, 2], "b": [1]}', "its columns have 2, 1|its columns have 1, 2"),
    ('{"a": [{"x": 1}], "b": [{"x": 1}]}', "holds more than one table, a, b"),
    ("[" * 100_000, "too deep|damaged"), ('[{"a":' * 50_000 + "1", "too deep|damaged"),
    ('[{"a": ' + "9" * 5000 + "}]", "damaged JSON"), ("[[1, 2], [3]]", "row 1 of its list has not 2 cells"),
])
def test_what_is_no_table_is_named(tmp_path, text, says):
    (tmp_path / "t.json").write_text(text)
    with pytest.raises(DataError, match=says):
        read_table(tmp_path / "t.json")


def test_more_columns_than_are_read_are_refused(tmp_path):
    (tmp_path / "t.json").write_text(json.dumps([{f"c{i}": i for i in range(60_000)}]))
    with pytest.raises(DataError, match="60,000 columns, and 50,000 are read at most"):
        read_table(tmp_path / "t.json")


CELLS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5)
VALUES = st.recursive(CELLS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(
    st.text(max_size=3), inner, max_size=3), max_leaves=12)


@given(VALUES)
def test_any_json_is_a_table_or_a_data_error(tmp_path_factory, value):
    path = tmp_path_factory.getbasetemp() / "any.json"
    path.write_text(json.dumps(value))
    with contextlib.suppress(DataError):
        assert read_table(path).shape[1] > 0
