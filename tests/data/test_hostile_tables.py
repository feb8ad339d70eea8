"""Files made to do harm: each is a table or a DataError that says where, in bounded memory."""

import contextlib
import gzip
import os
import shutil
import subprocess
import sys

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cutaway.data import TableEncoder, arrow_files, read_table
from cutaway.errors import DataError
from depth import each_once


@pytest.fixture
def file(tmp_path):
    """Write bytes under a name, and give the path."""

    def write(content, name="t.csv"):
        (tmp_path / name).write_bytes(content)
        return tmp_path / name

    return write


def packed(before, piece):
    """Some bytes and then 400 MB of a piece, in 400 kB."""
    return gzip.compress(before) + gzip.compress(piece * (4_000_000 // len(piece))) * 100


GIANTS = {  # name: (content, what is said of it)
    "header.csv": (lambda: b"a" * 50_000_000 + b",b\n1,2\n", "line 1 has more than 8,388,607 characters"),
    "name.csv": (lambda: b"a," + b"x" * 1_000_000 + b"\n1,2\n", "line 1: a cell has more than 131,072 characters"),
    "million.csv": (lambda: (b",".join(b"c%d" % i for i in range(10**6)) + b"\n" + b"1," * (10**6 - 1) + b"1\n"),
                    "1,000,000 columns, and 50,000 are read at most"),
    "commas.csv": (lambda: b"," * 2_000_000 + b"\n", "2,000,001 columns"),
    "quote.csv": (lambda: b'a,b\n1,"2\n' + b"3,4\n" * 300_000, "a quotation mark opened near line 2 is never closed"),
    "rows.csv.gz": (lambda: packed(b"a,b\n", b"1,2\n"), "unpacks to more than 250 times its size"),
    "line.csv.gz": (lambda: packed(b"a,b\n", b"1"), "unpacks to more than 250 times its size"),
    "names.csv.gz": (lambda: packed(b"", b"a"), "unpacks to more than 250 times its size"),
}


def test_giants_are_refused_in_half_a_gigabyte(tmp_path):
    for name, (content, _) in GIANTS.items():
        (tmp_path / name).write_bytes(content())
    code = (
        "import pandas, resource, sys\nfrom cutaway.data import read_table\nfrom cutaway.errors import DataError\n"
        "now = int(open('/proc/self/statm').read().split()[0]) * resource.getpagesize()\n"
        "resource.setrlimit(resource.RLIMIT_AS, (now + 2**29,) * 2)\n"
        "for name in sys.argv[1:]:\n"
        "    try:\n        read_table(name)\n    except DataError as problem:\n        print(problem)\n"
    )
    ended = subprocess.run([sys.executable, "-c", code, *GIANTS], cwd=tmp_path, capture_output=True, text=True)
    assert ended.stderr == ""
    for (name, (_, says)), line in zip(GIANTS.items(), ended.stdout.splitlines(), strict=True):
        assert line.startswith(name) and says in line


def test_wide_and_long_cells_below_the_limits_are_read(file):
    wide = ",".join(f"c{i}" for i in range(5_000)), ",".join("1" * 5_000)
    assert read_table(file("\n".join(wide).encode())).shape == (1, 5_000)
    long = "x" * 1_000_000
    assert read_table(file(f"a,b\n{long},1\n{long},2\n".encode()))["a"].tolist() == [long, long]


def test_parquet_that_claims_far_more_than_it_holds_is_refused(tmp_path, monkeypatch):
    path = tmp_path / "t.parquet"
    pq.write_table(pa.table({"a": np.zeros(2_000_000, "i1")}), path)
    assert len(read_table(path)) == 2_000_000
    monkeypatch.setattr(arrow_files, "MOST_UNPACKED", 2**20)
    monkeypatch.setattr(arrow_files, "MOST_UNPACKING_CELLS", 100)
    with pytest.raises(DataError, match="says that it holds 2,000,000 rows of 1 column, far more"):
        read_table(path)


@pytest.mark.parametrize(("encoding", "name"), each_once(
    ["utf-8-sig", "utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be"], ["ä", '"ä"']))
def test_byte_order_marks_are_no_part_of_a_name(file, encoding, name):
    text = f"{name},b\n1,ß\n2,é\n"
    mark = "" if encoding == "utf-8-sig" else "\ufeff"
    table = read_table(file((mark + text).encode(encoding)))
    assert list(table.columns) == ["ä", "b"] and table["b"].tolist() == ["ß", "é"]


def test_lines_of_two_encodings_are_refused_with_both_lines(file):
    lines = ["a,b"] + ["1,plain"] * 5_000
    whole = "\n".join(lines).encode() + "\n2,é\n".encode() + "3,é\n".encode("latin-1")
    with pytest.raises(DataError, match="mixes encodings: line 5002 is UTF-8, line 5003 is not"):
        read_table(file(whole))
    assert read_table(file("a,b\n1,é\n2,ß\n".encode("latin-1")))["b"].tolist() == ["é", "ß"]


def test_a_nul_byte_beyond_the_first_lines_stays_in_its_cell(file):
    table = read_table(file(b"a,b\n" + b"1,z\n" * 5000 + b"2,x\x00y\n"))
    assert table["b"].iloc[-1] == "x\x00y" and len(table) == 5001


@pytest.mark.parametrize(("content", "says"), [
    (b'a,b\n1,"2\n3,4\n5,"6\n7,8\n', "line 4: text behind a quotation mark: an earlier one is never closed"),
    (b'a,"b\n1,2\n3,4\n', "a quotation mark opened near line 1 is never closed"),
    (b"a,b\n0,1,2\n1,3,4\n", "line 2: 3 cells under 2 column names"),
    (b"\n\na,b\n0,1,2\n", "line 4: 3 cells under 2 column names"),
    (b"a, a\n1,2\n", "line 1: more than one column is named 'a'"),
    (b"column 2,\n1,2\n", "more than one column is named 'column 2'"),
])
def test_quotes_and_rows_gone_wrong_name_their_line(file, content, says):
    with pytest.raises(DataError, match=f"t\\.csv.*{says}"):
        read_table(file(content))


@pytest.mark.parametrize(("content", "columns", "rows"), [
    (b"\n \n a ,b\n1,2\n", ["a", "b"], [[1, 2]]),
    (b"\tb\n1\t2\n", ["column 1", "b"], [[1, 2]]),
    (b'a;"x,y,z"\n1;"2,3"\n', ["a", "x,y,z"], [[1.0, 2.3]]),
    ("a\u2028b,c\n1,2\n".encode(), ["a\u2028b", "c"], [[1, 2]]),
    (b"a,b\r1,2\r3,4\r", ["a", "b"], [[1, 2], [3, 4]]),
    (b'a,b\n"1\n\n2",3\n', ["a", "b"], [["1\n\n2", 3]]),
    (b'"a\nb",c\n1,2\n', ["a\nb", "c"], [[1, 2]]),
    (b'a,b\n12" wide,1\n"say ""hi""",2\n', ["a", "b"], [['12" wide', 1], ['say "hi"', 2]]),
])
def test_odd_files_are_read_as_they_are_meant(file, content, columns, rows):
    table = read_table(file(content))
    assert list(table.columns) == columns and table.to_numpy().tolist() == rows


def test_what_is_no_regular_file_is_refused_without_waiting_for_it(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "zeros").symlink_to("/dev/zero")
    (tmp_path / "loop").symlink_to("loop")
    for name, says in {"pipe": "a pipe or a device", "zeros": "a pipe or a device", "loop": "symbolic links",
                       "a\0b": "null byte", "x" * 5000: "File name too long"}.items():
        with pytest.raises(DataError, match=says):
            read_table(tmp_path / name)


CHANGES = {
    "grows": lambda path: path.write_bytes(b"a,b\n1,2\n3,4\n"),
    "is emptied": lambda path: path.write_bytes(b""),
    "vanishes": lambda path: path.unlink(),
    "is replaced": lambda path: shutil.copy(path, path.with_name("new")).replace(path),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_file_that_changes_while_it_is_read_is_refused(file, monkeypatch, change):
    path = file(b"a,b\n1,2\n")
    read = pd.read_csv

    def slow(*args, **how):
        table = read(*args, **how)
        with contextlib.suppress(FileNotFoundError):
            CHANGES[change](path)
        return table

    monkeypatch.setattr(pd, "read_csv", slow)
    with pytest.raises(DataError, match=r"changed while it was read|cannot be read"):
        read_table(path)


@pytest.mark.parametrize("cells", [
    ["1e308", "-1e308", "1e-320", "0"], ["0001-01-01", "9999-12-31", "2024-02-29", "1677-09-20"],
    ["2024-02-30", "2023-02-29", "2024-13-01", "0000-01-01"], ["1", "x", "2024-01-01", "true"],
    ["99999999999999999999", "18446744073709551616", "-1", "9" * 300], ["0x10", "1_000", "١٢", "½"],
])
def test_extreme_cells_become_finite_numbers(file, cells):
    rows = [f"{cell},{i}" for i, cell in enumerate(cells * 20)]
    encoded = TableEncoder().fit_transform(file("\n".join(["a,b", *rows]).encode()))
    assert len(encoded) == 80 and np.isfinite(encoded).all()


@pytest.mark.parametrize("cell", ["inf", "-Infinity", "1e999", "9" * 400])
def test_infinities_are_refused_with_column_and_row(file, cell):
    rows = [f"{i},{i % 2}" for i in range(60)]
    rows[7] = f"{cell},1"
    with pytest.raises(DataError, match=r"Column 'a', row 7 .*infinity"):
        TableEncoder().fit(file("\n".join(["a,b", *rows]).encode()))


def test_a_million_categories_are_no_million_columns(file):
    table = file(b"a,b\n" + b"".join(b"cat%d,%d\n" % (i, i % 7) for i in range(100_000)))
    encoder = TableEncoder().fit(table)
    assert encoder.feature_names == ["b"] and encoder.columns[0].kind == "identifier (dropped)"


TEXT = st.text(st.characters(codec="utf-8") | st.sampled_from(list(',;\t|"\n\r=\x00\x1b\ufeff')), max_size=60)


@given(TEXT, st.sampled_from(["utf-8", "utf-16", "utf-32", "latin-1"]))
def test_any_text_gives_a_table_or_a_data_error(tmp_path_factory, text, encoding):
    path = tmp_path_factory.getbasetemp() / "text.csv"
    path.write_bytes(text.encode(encoding, "replace"))
    with contextlib.suppress(DataError):
        assert read_table(path).size > 0


LETTERS = st.characters(codec="utf-8", exclude_categories=["Cc"])
CELL = st.text(LETTERS | st.sampled_from(list(',;\t|"\n\r=')), max_size=60)


@given(st.lists(st.lists(CELL, min_size=2, max_size=2), min_size=1, max_size=6))
def test_what_a_spreadsheet_quotes_is_read_back(tmp_path_factory, rows):
    path = tmp_path_factory.getbasetemp() / "quoted.csv"
    quote = lambda cell: '"' + cell.replace('"', '""') + '"'  # noqa: E731
    body = "".join(f"{','.join(map(quote, row))},1\n" for row in rows)
    path.write_bytes(("first,second,third\n" + body).encode())
    assert len(read_table(path)) == len(rows)
