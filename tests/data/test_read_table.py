"""read_table: any table becomes a DataFrame, and what is no table says where and why."""

import contextlib
import gzip
import subprocess
import sys

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
import scipy.sparse as sp
from hypothesis import given
from hypothesis import strategies as st

from cutaway.data import read_table, table_files
from cutaway.data.source_files import opened
from cutaway.data.targets import as_target
from cutaway.errors import DataError

FRAME = pd.DataFrame({"area": [120.5, 85.0], "zone": ["RL", "RM"], "rooms": [4, 3]})


@pytest.fixture
def file(tmp_path):
    """Write text or bytes under a name, and give the path."""

    def write(content, name="t.csv"):
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write


@pytest.mark.parametrize("source", [
    FRAME,
    FRAME.to_dict("list"),
    pl.DataFrame(FRAME.to_dict("list")),
    pl.DataFrame(FRAME.to_dict("list")).lazy(),
    pa.table(FRAME.to_dict("list")),
], ids=["pandas", "dict", "polars", "polars lazy", "pyarrow"])
def test_tables_in_memory_are_one_table(source):
    assert read_table(source).to_dict("list") == FRAME.to_dict("list")


@pytest.mark.parametrize("make", [np.array, sp.csr_matrix, list], ids=["array", "sparse", "list of rows"])
def test_columns_without_names_become_x0_x1(make):
    assert read_table(make([[1.0, 0.0], [0.0, 2.0]])).to_dict("list") == {"x0": [1.0, 0.0], "x1": [0.0, 2.0]}


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "latin-1", "utf-16"])
@pytest.mark.parametrize("packed", [False, True], ids=["plain", "gzip"])
def test_text_files_of_every_dialect_are_read(file, separator, encoding, packed):
    rows = [["straße", "note", "n"], ["Bücklestraße", f'"a{separator} ""b""\nc"', "1"], ["Ö", "", "2"]]
    content = "\r\n".join(separator.join(row) for row in rows).encode(encoding)
    table = read_table(file(gzip.compress(content) if packed else content, "t.csv.gz" if packed else "t.txt"))
    assert list(table.columns) == ["straße", "note", "n"]
    assert table["straße"].tolist() == ["Bücklestraße", "Ö"]
    assert table["note"][0] == f'a{separator} "b"\nc'
    assert table["note"].isna().tolist() == [False, True]
    assert table["n"].tolist() == [1, 2]


def test_semicolons_with_decimal_commas_are_numbers(file):
    assert read_table(file("a;b\n1,5;2,25\n-3,0;4\n")).to_dict("list") == {"a": [1.5, -3.0], "b": [2.25, 4.0]}


def test_parquet_is_read_whatever_its_name(tmp_path):
    FRAME.to_parquet(tmp_path / "t.data")
    assert read_table(str(tmp_path / "t.data")).equals(FRAME)


def test_empty_names_become_column_numbers(file):
    assert list(read_table(file(", b ,\n1,2,3\n")).columns) == ["column 1", "b", "column 3"]


def test_blank_lines_and_gaps_at_the_end_are_no_ragged_rows(file):
    assert read_table(file("a,b\n1,\n\n2,3\n\n"))["b"].isna().tolist() == [True, False]


@pytest.mark.parametrize(("content", "line", "cells"), [
    ("a,b,c\n1,2,3\n4,5\n", 3, 2),
    ("a,b,c\n1,2,3\n4,5,6,7\n", 3, 4),
    ("a,b,c\n1,2,3,4\n5,6,7,8\n", 2, 4),
    ("a,b,c\n1,2,3,\n5,6,7,\n", 2, 4),
    ('a,b,c\n"1\n1",2,3\n4,5\n', 4, 2),
])
def test_ragged_rows_name_their_line(file, content, line, cells):
    with pytest.raises(DataError, match=rf"t\.csv, line {line}: {cells} cells under 3 column names"):
        read_table(file(content))


@pytest.mark.parametrize(("content", "says"), [
    ("", "is empty"),
    (" \n\n", "is empty"),
    ("a,b\n", "no rows under it"),
    ("a,b,a\n1,2,3\n", "line 1: more than one column is named 'a'"),
    ('a,b\n1,"2\n3,4\n', "a quotation mark opened near line 2 is never closed"),
    ("<!DOCTYPE html><html></html>", "HTML"),
    (b"\x89PNG\r\n\x1a\n\x00\x00", "a PNG image"),
    (b"PK\x03\x04", "a damaged workbook"),
    (b"%PDF-1.7", "a PDF"),
    (np.random.default_rng(0).bytes(5000), "binary data"),
    (b"PAR1 and then nothing of the kind", "damaged Parquet"),
    (gzip.compress(b"a,b\n1,2\n" * 1000, mtime=0)[:-12], "cannot be read"),
], ids=lambda value: value if isinstance(value, str) and len(value) < 40 else "")
def test_what_is_no_table_is_named(file, content, says):
    with pytest.raises(DataError, match=says) as error:
        read_table(file(content))
    assert "t.csv" in str(error.value)


@pytest.mark.parametrize("content", ["a,b,a\n1,2,3\n", "a,b\n1,2,3\n4,5\n", "a,b\n1,2\n3\n", 'a,b\n1,"2\n3,4\n'])
def test_a_file_that_is_refused_is_closed_even_while_the_error_is_kept(file, content, monkeypatch):
    files = []
    monkeypatch.setattr(table_files, "opened", lambda *given, **how: files.append(opened(*given, **how)) or files[-1])
    with pytest.raises(DataError):
        read_table(file(content))
    assert files and all(one.closed for one in files)


def test_missing_files_and_folders_are_named(tmp_path):
    with pytest.raises(DataError, match=r"no file .*nowhere\.csv"):
        read_table(tmp_path / "nowhere.csv")
    with pytest.raises(DataError, match="is an address: download"):
        read_table("https://example.org/t.csv")
    with pytest.raises(DataError, match="is a folder"):
        read_table(tmp_path)


@pytest.mark.parametrize(("source", "says"), [
    (None, "None is no table"),
    ([1, 2, 3], r"shape \(3,\).*Reshape your data"),
    ([[1, 2], [3]], "different lengths"),
    ({"a": [1, 2], "b": [3]}, "lists of one length"),
    (np.zeros((3, 0)), "no columns"),
    (pd.DataFrame([[1, 2]], columns=["a", "a"]), "more than one column is named 'a'"),
])
def test_what_is_no_table_in_memory_says_why(source, says):
    with pytest.raises(DataError, match=says):
        read_table(source)


@given(st.binary(max_size=300))
def test_any_bytes_give_a_table_or_a_data_error(tmp_path_factory, content):
    path = tmp_path_factory.getbasetemp() / "any.csv"
    path.write_bytes(content)
    with contextlib.suppress(DataError):
        assert len(read_table(path)) > 0


def test_importing_the_room_loads_no_table_library():
    heavy = ["pandas", "sklearn", "scipy", "pyarrow", "polars"]
    code = f"import sys, cutaway.data.encoder; print([m for m in {heavy} if m in sys.modules])"
    before = "import sys, cutaway; " + code.partition("; ")[2]
    loaded, already = (
        subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
        for program in (code, before)
    )
    assert loaded == already
    assert "pandas" not in loaded


@pytest.mark.parametrize("between", [";", "\t", "|"])
@pytest.mark.parametrize("cells", [("1,5", "2,25"), ("1.5", "2.25")], ids=["comma", "point"])
def test_decimals_behind_a_comma_or_a_point(tmp_path, between, cells):
    path = tmp_path / "a.csv"
    path.write_text("\n".join(between.join(row) for row in (["a", "b"], cells, cells)))
    assert read_table(path).to_numpy().tolist() == [[1.5, 2.25]] * 2


def test_commas_that_may_stand_between_thousands_are_not_taken_for_decimals(tmp_path):
    (tmp_path / "a.tsv").write_text("a\tb\n1,200\t3\n2,500\t4\n")
    assert read_table(tmp_path / "a.tsv")["a"].tolist() == ["1,200", "2,500"]


def test_a_name_may_begin_like_a_comment(tmp_path):
    (tmp_path / "a.csv").write_text("#id,name\n1,a\n2,b\n")
    assert list(read_table(tmp_path / "a.csv").columns) == ["#id", "name"]


@pytest.mark.parametrize(("numbers", "read"), [
    ([1, 2, None], [1.0, 2.0]), ([10**30, 2, None], ["1" + 30 * "0", "2"]),
])
def test_whole_numbers_of_128_bits_in_polars_are_read(numbers, read):
    column = pl.Series("a", numbers, dtype=pl.Int128)
    assert read_table(pl.DataFrame([column]))["a"].tolist()[:2] == read
    assert read_table(pl.DataFrame([column]).lazy())["a"].tolist()[:2] == read


def test_a_target_of_128_bits_is_read():
    assert as_target(pl.Series("y", [1, 2], dtype=pl.Int128))[0].tolist() == [1, 2]
