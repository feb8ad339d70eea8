"""A large table is predicted in pieces, and what is written and said is as if it had been read whole."""

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from cutaway.cli import predictions
from cutaway.data import arrow_files, plain_text, table_files
from cutaway.data.doubts import Doubts, DoubtsOfPieces, range_doubts, word_doubts
from cutaway.data.formats import in_pieces
from cutaway.data.plain_text import NotPlain
from depth import each_once


@pytest.fixture
def in_small_pieces(monkeypatch):
    """Let every file be large, and pieces a few rows; what was read whole is counted."""
    monkeypatch.setattr(table_files, "LARGE_TEXT", 1)
    monkeypatch.setattr(arrow_files, "ROWS_AT_ONCE", 40)
    monkeypatch.setattr(plain_text, "PIECE", 2000)
    monkeypatch.setattr(plain_text, "FIRST_ROWS", 20)
    whole, read = [], predictions.Predictions.whole
    monkeypatch.setattr(predictions.Predictions, "whole", lambda self: whole.append(self) or read(self))
    return whole


def unlike(table):
    """Rows of which some are unlike training, far apart from each other."""
    frame = table.drop(columns=["same", "empty"]).fillna({"area": 100.0})
    frame.loc[[7, 250], "area"] = [9000.0, -4000.0]
    frame.loc[[20, 280, 281], "zone"] = ["moon", "mars", "moon"]
    frame.loc[200, "sold"] = "2031-05-05"
    return frame


@pytest.mark.parametrize(("model", "ending"), each_once(["price", "kind", "two", "labels"], ["csv", "parquet"]))
def test_pieces_give_the_lines_and_notes_of_the_whole(here, run, models, table, request, model, ending):
    unlike(table).to_csv("new.csv", index=False)
    unlike(table).to_parquet("new.parquet")
    words = ["predict", models / f"{model}.safetensors", f"new.{ending}", "--doubt", "--keep", "nr", "--keep", "zone"]
    expected = run(*words)
    assert expected[0] == 0 and "never seen: 'moon', 'mars' (3 rows)" in " ".join(expected[2].split())
    whole = request.getfixturevalue("in_small_pieces")
    assert run(*words) == expected
    status, out, err = run(*words, "-o", "out.csv")
    assert (status, out) == (0, "") and (here / "out.csv").read_text() == expected[1] and "300 predictions" in err
    assert not whole


@pytest.mark.parametrize(("column", "row", "cell"), [("area", 290, "wide"), ("nr", 260, ""), ("nr", 299, "x")])
def test_what_only_the_whole_column_tells_is_read_again(here, run, models, table, request, column, row, cell):
    frame = unlike(table).astype({column: object})
    frame.loc[row, column] = cell
    frame.to_csv("new.csv", index=False)
    words = ["predict", models / "price.safetensors", "new.csv", "--keep", "nr", "--keep", "zone"]
    expected = run(*words)
    whole = request.getfixturevalue("in_small_pieces")
    assert run(*words) == expected and len(whole) == 1


def test_nothing_is_left_of_pieces_where_the_whole_is_refused(here, run, models, table, in_small_pieces):
    unlike(table).drop(columns="area").to_csv("new.csv", index=False)
    (here / "out.csv").write_text("as it was")
    status, out, err = run("predict", models / "price.safetensors", "new.csv", "-o", "out.csv")
    assert status == 2 and out == "" and "lacks 1 column of training: 'area'" in err
    assert (here / "out.csv").read_text() == "as it was" and not list(here.glob(".*"))


def test_files_that_are_read_whole(here, table, in_small_pieces):
    table.to_csv("a.csv.gz", index=False)
    (here / "quoted.csv").write_text('a,b\n"1",2\n')
    (here / "comma.csv").write_text("a;b\n1,5;2\n")
    table.set_index("owner").to_parquet("index.parquet")
    table.rename_axis("row").to_parquet("counted.parquet")
    pq.write_table(pa.Table.from_arrays([pa.array(range(90))] * 2, ["a", "a"]), "twice.parquet")
    (here / "damaged.parquet").write_bytes(b"PAR1" + b"x" * 100)
    for name in ("a.csv.gz", "quoted.csv", "comma.csv", "index.parquet", "counted.parquet", "twice.parquet",
                 "damaged.parquet", "none.csv", "."):
        with pytest.raises(NotPlain):
            list(in_pieces(here / name))


def test_doubts_of_pieces_are_those_of_all_rows():
    x, words = np.array([1.0, 7.0, 2.5, np.nan, -3.0, 900.0]), ["a", "c", "b"]
    codes = np.array([0, 1, 1, -1, 2, 0])

    def found(rows):
        return Doubts(len(x[rows]), [*range_doubts("size", x[rows], 1.0, 2.0),
                                     *word_doubts("zone", codes[rows], words, {"a"})])

    joined = DoubtsOfPieces()
    for rows in (slice(0, 2), slice(2, 5), slice(5, 6)):
        joined.add(found(rows))
    whole = found(slice(None))
    assert len(joined.found) == len(whole.found) == 3 and joined.n == 6 and joined.unlike == whole.unlike
    assert [str(d) for d in joined if "size" in str(d)] == [str(d) for d in whole if "size" in str(d)]
    assert joined.worth_a_note == whole.worth_a_note


def test_a_frame_of_pieces_is_the_frame_of_the_whole(here, table, in_small_pieces):
    frame = unlike(table)
    frame.to_csv("new.csv", index=False)
    found = list(in_pieces(here / "new.csv"))
    assert len(found) > 3
    pd.testing.assert_frame_equal(pd.concat(found, ignore_index=True), pd.read_csv("new.csv"))
