"""CSV that is written here may be opened in a spreadsheet: no cell becomes a formula, no number is spoilt."""

import csv
import io
import re

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cutaway.files.spreadsheet import as_csv, harmless
from cutaway.lab.result import Result


@pytest.mark.parametrize("cell", ["=1+1", "+1+1", "-a", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "  =1", "\u00a0=1", "＝1",
                                  "-1-1", "=-1", "+", "\ttext"])
def test_formulas_get_an_apostrophe(cell):
    assert harmless(cell).startswith("'") and harmless(cell)[1:] == cell.replace("\r", "\n")


@pytest.mark.parametrize("cell", ["-1.5", "+2", "-1e-300", "-inf", "nan", " -3 ", "a=b", "a-b", "x@y.z", "", "'=",
                                  -3, -0.5, True])
def test_numbers_and_other_text_stay(cell):
    assert harmless(cell) == cell


def test_a_cell_that_another_country_splits_at_semicolons_holds_no_formula():
    assert harmless("x;=1+1;y") == "x;'=1+1;y" and harmless("a; b") == "a; b"


ODD = st.text(st.sampled_from(list("=+-@\t\r\n;,|'\" \ufeff＝a1.")), max_size=8) | st.text(max_size=8)


@given(st.lists(ODD, min_size=1, max_size=5), ODD)
def test_what_is_read_back_is_no_formula(cells, name):
    rows = list(csv.reader(io.StringIO(as_csv({name: cells, "n": range(len(cells))}), newline="")))
    assert len(rows) == len(cells) + 1 and {len(row) for row in rows} == {2}
    for cell, _ in rows:
        try:
            float(cell)
        except ValueError:
            assert not re.match(r"\s*[=+\-@＝]|[\t\r\n]", cell)
            assert ";=" not in cell.replace(";'=", "")


@pytest.mark.parametrize("values", [
    pd.Categorical(["=a", "b"]), pd.array(["=a", None], dtype="string"), np.array(["=a", "b"]), [["=a"], b"=b"],
    np.array(["=a", 1], dtype=object),
])
def test_every_kind_of_column_is_looked_at(values):
    rows = list(csv.reader(io.StringIO(as_csv({"c": values}))))
    assert not any(cell.startswith("=") for row in rows for cell in row)


class Found(Result):
    kind = "test"

    def to_pandas(self):
        return pd.DataFrame({"=name": ["=cmd()", "Adam"], "loss": [-0.5, np.nan]})

    def to_json(self):
        return {"bad": object()}


def test_results_of_the_lab_are_neutralised_and_written_whole(tmp_path):
    Found().save(tmp_path / "x.csv")
    assert (tmp_path / "x.csv").read_text() == "'=name,loss\n'=cmd(),-0.5\nAdam,\n"
    (tmp_path / "x.json").write_text("old")
    with pytest.raises(TypeError):
        Found().save(tmp_path / "x.json")
    assert (tmp_path / "x.json").read_text() == "old" and len(list(tmp_path.iterdir())) == 2
