"""ARFF, dense and sparse, beside scipy's reader."""

import numpy as np
import pandas as pd
import pytest
from scipy.io import arff

from cutaway.data import read_table
from cutaway.data.written_numbers import NOTES
from cutaway.errors import DataError

HEADER = "% made by hand\n@RELATION 'a house'\n\n@attribute area REAL\n@Attribute 'the zone' {RL, 'R M', 'it\\'s'}\n" \
         "@attribute rooms integer\n@attribute built date 'yyyy-MM-dd'\n"
DENSE = HEADER + "@data\n120.5, RL, 4, 1999-01-02\n% between rows\n?, 'R M', 3, ?\n85,\"it's\",0,\"2001-12-31\"\n"


@pytest.fixture
def read(tmp_path):
    def read(text, name="t.arff"):
        (tmp_path / name).write_bytes(text if isinstance(text, bytes) else text.encode())
        return read_table(tmp_path / name)

    return read


def test_dense_rows_are_what_the_header_declares(read):
    table = read(DENSE)
    assert table["area"].tolist()[::2] == [120.5, 85] and np.isnan(table["area"][1])
    assert table["the zone"].tolist() == ["RL", "R M", "it's"]
    assert list(table["the zone"].cat.categories) == ["RL", "R M", "it's"]
    assert table["rooms"].tolist() == [4, 3, 0] and table["rooms"].dtype.kind == "i"
    assert table["built"].tolist()[::2] == [pd.Timestamp("1999-01-02"), pd.Timestamp("2001-12-31")]
    assert pd.isna(table["built"][1])


def test_scipy_reads_the_same(read, tmp_path):
    rng = np.random.default_rng(0)
    lines = [f"{rng.normal():.6g},{rng.choice(['no', 'yes', '?'])},{rng.choice(['1', '2', '?'])}" for _ in range(200)]
    text = "@relation t\n@attribute x numeric\n@attribute y {no,yes}\n@attribute n numeric\n@data\n" + "\n".join(lines)
    table = read(text)
    theirs = pd.DataFrame(arff.loadarff(tmp_path / "t.arff")[0])
    assert table["x"].tolist() == theirs["x"].tolist()
    assert table["n"].fillna(-1).tolist() == theirs["n"].fillna(-1).tolist()
    assert table["y"].astype(object).where(table["y"].notna(), "?").tolist() == theirs["y"].str.decode("utf-8").tolist()


def test_what_is_absent_in_a_sparse_row_is_zero_or_the_first_value(read):
    table = read(HEADER + "@data\n{0 2.5, 1 'R M', 3 2020-05-06}\n{}\n{1 ?, 2 7}\n")
    assert table["area"].tolist() == [2.5, 0, 0] and table["rooms"].tolist() == [0, 0, 7]
    assert table["the zone"].astype(object).tolist()[:2] == ["R M", "RL"] and table["the zone"].isna().tolist()[2]
    assert table.attrs[NOTES] == [
        "its rows are sparse: what is absent is 0, of nominal attributes their first value: the zone is RL"]


def test_a_question_mark_in_quotation_marks_is_a_value(read):
    table = read("@relation t\n@attribute a {'?', b}\n@attribute s string\n@data\n'?', 'x\\ty'\n?, ?\nb, '?'\n")
    assert table["a"].isna().tolist() == [False, True, False] and table["a"][0] == "?"
    assert table["s"].tolist()[::2] == ["x\ty", "?"]


def test_bytes_of_utf_8_and_latin_1_are_words(read):
    text = "@relation t\n@attribute stadt {Köln, Ulm}\n@data\nKöln\nUlm\n"
    assert read(text)["stadt"].tolist() == read(text.encode("latin-1"))["stadt"].tolist() == ["Köln", "Ulm"]


@pytest.mark.parametrize(("rows", "says"), [
    ("1, RL, 2\n", "line 9: 3 values for 4 attributes"), ("1, XX, 2, ?\n", "'XX' is none of the values of 'the zone'"),
    ("one, RL, 2, ?\n", "'one' is no number, as 'area' is declared to be"),
    ("1, RL, 2, 2020-13-01\n", "'2020-13-01' is no date in the form of 'built'"), ("", "has no rows under @data"),
    ("{4 1}\n", "attribute 4 behind -1: they rise, and the last of 4 is 3"), ("{1 RL, 0 3}\n", "attribute 0 behind 1"),
    ("{0}\n", "'0' is no number of an attribute and a value"), ("{0 1\n", "a sparse row ends with a brace"),
    ("{0 1} 2\n", "a sparse row ends with a brace"), ("{0 1}, {5}\n", r"\{5\} is the row's weight"),
    ("1, RL, 2, ?, {5}\n", r"\{5\} is the row's weight.* as sample_weight"),
    ("1, 'RL, 2, ?\n", "is no value: put quotation marks"), ("1 2, RL, 2, ?\n", "'1 2' is no number"),
])
def test_rows_that_are_not_as_declared_are_named(read, rows, says):
    with pytest.raises(DataError, match=says):
        read(HEADER + "@data\n" + rows)


@pytest.mark.parametrize(("header", "says"), [
    ("@relation t\n@attribute a numeric\n", "no line @data"), ("@relation t\n@data\n1\n", "declares no @attribute"),
    ("@relation t\n@attribute a colour\n@data\n1\n", "is of the type 'colour'"),
    ("@relation t\n@attribute a numeric\n@attribute a real\n@data\n1,2\n", "more than one column is named 'a'"),
    ("@relation t\n@attribute a {x, x}\n@data\nx\n", "values of 'a': more than one"),
    ("@relation t\nattribute a numeric\n@data\n1\n", "is no @relation, @attribute or @data"),
    ("@relation t\n@attribute a date 'QQQ'\n@data\n1\n", "dates in the form 'QQQ' are not read"),
])
def test_headers_that_declare_no_table_are_named(read, header, says):
    with pytest.raises(DataError, match=says):
        read(header)
