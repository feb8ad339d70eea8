"""Several files as one table, patterns, standard input and packed files."""

import gzip
import io
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
import zstandard

from cutaway.data import read_table, source_files
from cutaway.data.written_numbers import NOTES, WRITTEN
from cutaway.errors import ArgumentError, DataError


@pytest.fixture
def files(tmp_path):
    def write(**texts):
        for name, text in texts.items():
            (tmp_path / f"{name}.csv").write_text(text)
        return [tmp_path / f"{name}.csv" for name in texts]

    return write


def test_files_with_the_same_columns_are_one_table_in_any_order_of_columns(files):
    paths = files(a="x,y\n1,u\n2,v\n", b="y,x\nw,3\n")
    table = read_table(paths)
    assert table.to_dict("list") == {"x": [1, 2, 3], "y": ["u", "v", "w"]} and table.index.tolist() == [0, 1, 2]
    assert table.attrs[NOTES] == ["2 files, one below the other"]


def test_a_pattern_stands_for_files_in_the_order_of_their_names(files, tmp_path):
    files(b="x\n2\n", a="x\n1\n", c10="x\n3\n")
    assert read_table(str(tmp_path / "*.csv"))["x"].tolist() == [1, 2, 3]
    assert read_table([tmp_path / "[ab].csv", tmp_path / "a.csv"])["x"].tolist() == [1, 2, 1]
    with pytest.raises(DataError, match="no name here fits the pattern"):
        read_table(tmp_path / "*.tsv")
    (tmp_path / "odd[1].csv").write_text("x\n7\n")
    assert read_table(tmp_path / "odd[1].csv")["x"].tolist() == [7]


def test_files_of_several_formats_and_sheets_go_together(files, tmp_path):
    (path,) = files(a="x,y\n1,u\n")
    pd.DataFrame({"x": [2], "y": ["v"]}).to_excel(tmp_path / "b.xlsx", index=False, sheet_name="S")
    assert read_table([path, f"{tmp_path / 'b.xlsx'}::S"]).to_dict("list") == {"x": [1, 2], "y": ["u", "v"]}


@pytest.mark.parametrize(("a", "b", "says"), [
    ("x,y\n1,2\n", "x\n1\n", r"a\.csv has x, y, and .*b\.csv lacks y\."),
    ("x\n1\n", "x,z\n1,2\n", r"a\.csv has x, and .*b\.csv has z beside them\."),
    ("x,y\n1,2\n", "x,Y\n1,2\n", r"b\.csv lacks y, and has Y beside them\."),
])
def test_files_with_other_columns_are_refused_with_those_that_differ(files, a, b, says):
    with pytest.raises(DataError, match=says):
        read_table(files(a=a, b=b))


def test_what_one_file_does_not_tell_of_its_numbers_another_does(files):
    table = read_table(files(a="x;y\n1.234;u\n", b="x;y\n1.234,5;v\n"))
    assert table["x"].tolist() == [1234, 1234.5] and table.attrs[WRITTEN] == {"x": "1.234,5"}
    with pytest.raises(DataError, match=r"is written in percent in some of .* but not in .*a"):
        read_table(files(a="x;y\n12;u\n", b="x;y\n12 %;v\n"))


def test_a_query_asks_one_file(files):
    with pytest.raises(ArgumentError, match="A query asks one file"):
        read_table(files(a="x\n1\n", b="x\n1\n"), sql="select * from data")
    with pytest.raises(ArgumentError, match="are for files, and this is a table in memory"):
        read_table({"a": [1]}, sql="select * from data")


# ---- standard input --------------------------------------------------------------------------------------------------


class Piped(io.TextIOWrapper):
    def __init__(self, content):
        super().__init__(io.BytesIO(content))


@pytest.fixture
def piped(monkeypatch):
    def pipe(content):
        source_files._kept_input.cache_clear()
        monkeypatch.setattr(sys, "stdin", Piped(content))

    yield pipe
    source_files._kept_input.cache_clear()


@pytest.mark.parametrize("content", [b"a,b\n1,2\n", gzip.compress(b"a,b\n1,2\n", mtime=0), b'[{"a": 1, "b": 2}]'])
def test_standard_input_may_hold_any_format_and_is_read_as_often_as_wanted(piped, content):
    piped(content)
    assert read_table("-").to_dict("list") == read_table("-").to_dict("list") == {"a": [1], "b": [2]}


@pytest.mark.parametrize(("content", "says"), [
    (b"", "^standard input is empty"), (b"a,b\n1\n2,3,4\n", "^standard input, line"),
])
def test_messages_name_standard_input(piped, content, says):
    piped(content)
    with pytest.raises(DataError, match=says):
        read_table("-")


def test_the_copy_of_standard_input_goes_when_the_program_ends(tmp_path):
    code = ("from cutaway.data import read_table, source_files\nprint(len(read_table('-')))\n"
            "print(source_files._kept_input())")
    ended = subprocess.run([sys.executable, "-c", code], input="a\n1\n2\n", capture_output=True, text=True, check=True)
    rows, path = ended.stdout.splitlines()
    assert rows == "2" and not source_files.Path(path).parent.exists()


# ---- packed ----------------------------------------------------------------------------------------------------------

TEXT = b"a,b\n" + b"".join(b"%d,%d\n" % (i, i % 7) for i in range(5000))
PACKERS = {"gz": gzip.compress, "zst": zstandard.compress}


@pytest.mark.parametrize("ending", PACKERS)
@pytest.mark.parametrize("name", ["t.csv", "t"])
def test_packed_files_are_what_is_in_them(tmp_path, ending, name):
    pack = PACKERS[ending]
    (tmp_path / f"{name}.{ending}").write_bytes(pack(TEXT[:100]) + pack(TEXT[100:]))
    table = read_table(tmp_path / f"{name}.{ending}")
    assert len(table) == 5000 and table["b"].sum() == sum(i % 7 for i in range(5000))


@pytest.mark.parametrize("ending", PACKERS)
def test_packed_workbooks_are_read_and_messages_name_the_packed_file(tmp_path, ending):
    pd.DataFrame({"a": [1, 2]}).to_excel(tmp_path / "t.xlsx", index=False)
    content = (tmp_path / "t.xlsx").read_bytes()
    (tmp_path / f"p.xlsx.{ending}").write_bytes(PACKERS[ending](content))
    assert read_table(tmp_path / f"p.xlsx.{ending}")["a"].tolist() == [1, 2]
    (tmp_path / f"p.xlsx.{ending}").write_bytes(PACKERS[ending](content[:500]))
    with pytest.raises(DataError, match=rf"^{tmp_path / f'p.xlsx.{ending}'} is a damaged workbook"):
        read_table(tmp_path / f"p.xlsx.{ending}")


@pytest.mark.parametrize("ending", PACKERS)
@pytest.mark.parametrize("kept", [0.3, 0.95])
def test_what_is_cut_off_is_no_shorter_table(tmp_path, ending, kept):
    packed = PACKERS[ending](np.random.default_rng(0).bytes(30_000).hex(",").encode())
    (tmp_path / f"t.csv.{ending}").write_bytes(packed[: int(len(packed) * kept)])
    with pytest.raises(DataError, match="cannot be read"):
        read_table(tmp_path / f"t.csv.{ending}")


@pytest.mark.parametrize("ending", PACKERS)
def test_bombs_are_refused_before_they_are_in_memory(tmp_path, ending):
    pack = PACKERS[ending]
    (tmp_path / f"t.{ending}").write_bytes(pack(b"a,b\n") + pack(b"1,2\n" * 1_000_000) * 100)
    with pytest.raises(DataError, match="unpacks to more than 250 times its size"):
        read_table(tmp_path / f"t.{ending}")
