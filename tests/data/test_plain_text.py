"""Plain text that pyarrow reads is the frame that pandas makes, whole or in pieces; what may differ is refused."""

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cutaway.data import plain_text, read_table, table_files
from cutaway.data.plain_text import NotPlain, PlainText
from cutaway.errors import DataError
from depth import every, examples

CELLS = st.sampled_from([
    "", "0", "-0", "7", "007", "+7", "12345678901234567", "9007199254740993", "9223372036854775808",
    "99999999999999999999", "1.5", "-2.25", "0.1", "1e5", "1E-3", ".5", "5.", "1e", "1e400", "-1e-400",
    "0.30000000000000004",
    "179769313486231580793728971405301e277", "2.2250738585072011e-308", "inf", "-Infinity", "nan", "NAN", "-nan", "NA",
    "n/a", "null", "None", "<NA>", "#N/A", " 1", "2 ", "\t3", " ", "1_0", "0x10", "True", "true", "FALSE", "yes",
    "2024-01-31", "10:30", "red", "Zoë", "blue green", "=1+1", "#", "a;b", "\u00a05", "'", "nan(1)", "1d3", "1f",
])
NUMBERS = st.one_of(st.floats().map(repr), st.floats().map("{:.17g}".format), st.integers().map(str),
                    st.integers(-99, 99).map(str), st.sampled_from(["", "NA"]))
ENDS = st.sampled_from(["\n", "\r\n"])


@st.composite
def tables(draw):
    """A text of two to four columns, each of one sort of cells or of any."""
    sorts = st.sampled_from([CELLS, NUMBERS, st.sampled_from("01"), st.floats(-9, 9).map("{:.3f}".format),
                             st.sampled_from(["True", "False"]), st.sampled_from(["a", "b", ""])])
    columns = draw(st.lists(sorts, min_size=2, max_size=4))
    rows = draw(st.lists(st.tuples(*columns), min_size=1, max_size=12))
    end, between = draw(ENDS), draw(st.sampled_from(",;\t|"))
    lines = [between.join(f"c{i}" for i in range(len(columns)))]
    lines += [between.join(cell.replace(between, " ") for cell in row) for row in rows]
    lines += draw(st.lists(st.sampled_from(["", "  "]), max_size=2))
    return end.join(lines) + draw(st.sampled_from(["", end])), between, len(columns)


def careful(path):
    """What pandas reads."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(table_files, "LARGE_TEXT", 10**18)
        return read_table(path)


@settings(max_examples=examples(60), deadline=None)
@given(tables(), st.sampled_from([2, 5, 1000]))
def test_plain_text_is_the_frame_that_pandas_makes(tmp_path_factory, table, first):
    text, between, columns = table
    path = tmp_path_factory.mktemp("t") / "a.csv"
    path.write_bytes(text.encode())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(plain_text, "FIRST_ROWS", first)
        patch.setattr(plain_text, "PIECE", 200)
        try:
            found = PlainText.of(path, [f"c{i}" for i in range(columns)], between).read()
        except NotPlain:
            return
    pd.testing.assert_frame_equal(found, careful(path), check_exact=True)


@settings(max_examples=examples(30), deadline=None)
@given(tables())
def test_pieces_are_the_rows_of_the_whole(tmp_path_factory, table):
    text, between, columns = table
    path = tmp_path_factory.mktemp("t") / "a.csv"
    path.write_bytes(text.encode())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(plain_text, "FIRST_ROWS", 3)
        patch.setattr(plain_text, "PIECE", 200)
        try:
            found = list(PlainText.of(path, [f"c{i}" for i in range(columns)], between).pieces())
        except NotPlain:
            return
    whole = careful(path)
    assert all((piece.dtypes == whole.dtypes).all() for piece in found)
    pd.testing.assert_frame_equal(pd.concat(found, ignore_index=True), whole, check_exact=True)


def large(tmp_path, last="", rows=300_000):
    lines = [f"{i},{i / 8},{'red' if i % 3 else 'blue'}" for i in range(rows)]
    path = tmp_path / "large.csv"
    path.write_text("\n".join(["n,x,colour", *lines, last]))
    return path


@pytest.mark.parametrize(("last", "dtype"), [
    ("", "int64"), ("0.5,1,red", "float64"), (",1,red", "float64"), ("seven,1,red", "str"), ('1,1,"red"', "int64"),
    ("9223372036854775809,1,red", "float64"), ("NAN,1,red", "str"),
    *every(2, [("0x10,1,red", "str"), ("0X1f,1,red", "str")]),
])
def test_the_whole_column_decides_what_it_is(tmp_path, monkeypatch, last, dtype):
    path = large(tmp_path, last, rows=20_000)
    monkeypatch.setattr(table_files, "LARGE_TEXT", 2**10)
    monkeypatch.setattr(plain_text, "PIECE", 2**16)
    assert path.stat().st_size > 4 * 2**16
    found = read_table(path)
    pd.testing.assert_frame_equal(found, careful(path), check_exact=True)
    assert dtype in (str(found["n"].dtype), "float64")


def test_a_large_plain_file_is_read_by_pyarrow(tmp_path, monkeypatch):
    path = large(tmp_path)
    assert path.stat().st_size > 2**20
    monkeypatch.setattr(table_files, "LARGE_TEXT", 2**20)
    monkeypatch.setattr(pd, "read_csv", lambda *_, nrows=1, read=pd.read_csv, **how: read(*_, nrows=nrows, **how))
    assert len(read_table(path)) == 300_000


@pytest.mark.parametrize("row", ["1,2,red,4", "1,2"])
def test_a_row_of_another_length_is_named_by_its_line_in_large_files_too(tmp_path, monkeypatch, row):
    path = tmp_path / "ragged.csv"
    path.write_text(f"n,x,colour\n0,1,red\n{row}\n2,3,blue\n")
    monkeypatch.setattr(table_files, "LARGE_TEXT", 0)
    with pytest.raises(DataError, match=rf"line 3: {row.count(',') + 1} cells under 3 column names"):
        read_table(path)
