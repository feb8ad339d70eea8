"""Numbers as people write them: a column is read as all of its cells are written, never as one of them is."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import cutaway as ct
from cutaway.data import TableEncoder, read_table, table_files
from cutaway.data.table_lines import in_lines
from cutaway.data.written_numbers import MARKS, NOTES, WRITTEN, Cell, NumberForm, Spelt, Unclear, way_of
from cutaway.errors import DataError


@pytest.fixture
def file(tmp_path):
    def write(text, name="t.csv"):
        (tmp_path / name).write_text(text)
        return tmp_path / name

    return write


@pytest.mark.parametrize(("cells", "numbers"), [
    (["1,5", "2"], [1.5, 2]), (["1.234,5", "7"], [1234.5, 7]), (["1,234.5", "7"], [1234.5, 7]),
    (["1.234.567", "1"], [1234567, 1]), (["1 234,5", "1234"], [1234.5, 1234]), (["1'234.5", "2"], [1234.5, 2]),
    (["1\u202f234,5", "−2"], [1234.5, -2]), (["1.234,50 €", "7 €"], [1234.5, 7]), (["$1,200.50", "-$3"], [1200.5, -3]),
    (["EUR 7,5", "EUR 1.200,0"], [7.5, 1200]), (["(1,200.5)", "3"], [-1200.5, 3]),
    (["12 %", "3.5%", "0"], [.12, .035, 0]),
    (["0,125", "0,250"], [.125, .25]), ([",5", "1,25"], [.5, 1.25]), (["1,5e3", "2"], [1500, 2]),
    (["1.234,5", "?", "", "n/a"], [1234.5, np.nan, np.nan, np.nan]),
])
@pytest.mark.parametrize("between", [";", "\t", "|"])
def test_a_column_is_read_as_all_its_cells_are_written(file, cells, numbers, between):
    path = file("\n".join(["a" + between + "b", *(f"{cell}{between}x" for cell in cells)]))
    assert np.array_equal(read_table(path)["a"].to_numpy(float), numbers, equal_nan=True)


@pytest.mark.parametrize("cells", [
    ["1,5", "x"], ["1,5", "1.234,5", "1,234.5"], ["5 €", "6 $"], ["12 %", "0.3"], ["1,23,456", "2"], ["1.2.3", "4"],
    ["12:30", "13:00"], ["1_000", "2"], ["$ 5 €", "6"], ["--5", "3"], ["1,5 kg", "2"], ["192.168.1.1", "10.0.0.1"],
])
def test_a_column_in_which_one_cell_is_written_otherwise_stays_text(file, cells):
    assert read_table(file("\n".join(["a;b", *(f"{cell};x" for cell in cells)])))["a"].tolist() == cells


def test_columns_of_one_file_are_read_each_in_its_own_way(file):
    table = read_table(file("price;width;rate;count\n1.234,5;1.5;12 %;1,234,567\n7,25;2.25;3 %;8\n"))
    assert table.to_dict("list") == {"price": [1234.5, 7.25], "width": [1.5, 2.25], "rate": [.12, .03],
                                     "count": [1234567, 8]}
    assert table.attrs[WRITTEN] == {"price": "1.234,5", "rate": "1234.5 %", "count": "1,234.5"}
    assert table.attrs[NOTES] == [
        "price is written like 1.234,5 and read as numbers",
        "rate is written like 1234.5 % and read as numbers, 12 % as 0.12",
        "count is written like 1,234.5 and read as numbers"]


def test_one_cell_far_down_decides_for_its_column_alone(file):
    rows = [f"{i},25;{i}.5" for i in range(500)]
    rows[400] = "1.000,25;400.5"
    table = read_table(file("\n".join(["a;b", *rows])))
    assert table["a"][400] == 1000.25 and table["b"][3] == 3.5


@pytest.mark.parametrize(("text", "read"), [
    ("a;b\n1.234;85,5\n10.000;7,5\n", [1234, 10000]),  # beside a column that has commas before decimals
    ("a;b\n1.234;85.5\n10.000;7.5\n", [1.234, 10.0]),
    ("a;b\n1.234;x\n10.000;y\n", [1.234, 10.0]),
    ("a;b\n1,234;x\n10,000;y\n", [1.234, 10.0]),  # ; stands between cells where commas stand before decimals
    ("a;b\n1,234;1.5\n10,000;2.5\n", [1234, 10000]),
    ('a,b\n"1,234",x\n"10,000",y\n', [1234, 10000]),
    ("a\tb\n1,234\t1.5\n10,000\t2.5\n", [1234, 10000]),
    ("a\tb\n1,234\t1,5\n10,000\t2,5\n", [1.234, 10]),
    ("a\tb\n1,234\tx\n10,000\ty\n", ["1,234", "10,000"]),
    ("a\tb\tc\n1,234\t1,5\t1.5\n10,000\t2,5\t2.5\n", ["1,234", "10,000"]),  # the others differ
])
def test_what_may_be_read_in_two_ways_is_read_as_the_others_are_sure_to_be(file, text, read):
    table = read_table(file(text))
    assert table["a"].tolist() == read
    if isinstance(read[0], str):
        assert table.attrs[NOTES][0] == "a is left as text: 1,234 may be 1234 or 1.234; write it without a comma"


def test_numbers_that_are_written_plainly_are_read_as_ever(file):
    table = read_table(file("a,b,c\n1,1.5,007\n2,2.5,?\n"))
    assert not table.attrs and table["c"].tolist() == ["007", "?"]


@given(st.lists(st.floats(-1e9, 1e9), min_size=1, max_size=8), st.sampled_from(MARKS), st.sampled_from(["", "€", "%"]))
def test_what_is_written_in_a_way_is_read_back(numbers, marks, around):
    decimal, thousands = marks
    swap = str.maketrans({",": thousands or "", ".": decimal})
    spelt = Spelt.of([f"{x:,.2f}".translate(swap) + around for x in numbers])
    way = way_of(spelt)
    assert isinstance(way, NumberForm) and NumberForm.of(repr(way)) == way
    wanted = np.array([float(f"{x:.2f}") for x in numbers]) / (100 if around == "%" else 1)
    assert way.numbers(spelt) == pytest.approx(wanted, rel=1e-12, abs=1e-12)


WORDS = st.text(st.sampled_from("0123456789.,' -+€%e()\n"), min_size=1, max_size=12)


@given(st.lists(WORDS, min_size=1, max_size=5))
def test_any_words_have_a_way_that_reads_them_all_or_none(words):
    if (spelt := Spelt.of(words)) is not None:
        way = way_of(spelt)
        assert way is None or isinstance(way, Unclear | NumberForm)
        if isinstance(way, NumberForm):
            assert len(way.numbers(spelt)) == len(words)


@pytest.mark.parametrize("cell", ["1,5e999", "-1.234e400"])
def test_numbers_beyond_all_are_refused_with_their_column(file, cell):
    with pytest.raises(DataError, match="Column 'a' holds a number beyond all that can be stored"):
        read_table(file(f"a;b\n1,5;x\n{cell};y\n"))


PLAIN_WORDS = st.from_regex(r"\A-?[0-9]{1,4}([.,][0-9]{1,4}){0,2}\Z")


@given(st.lists(PLAIN_WORDS, min_size=1, max_size=6), st.sampled_from(["", ",", "."]))
def test_words_that_are_looked_at_together_are_read_as_one_by_one(words, prior):
    together, apart = Spelt(words, None), Spelt(words, [Cell.of(word) for word in words])
    way, other = way_of(together, prior), way_of(apart, prior)
    assert repr(way)[:20] == repr(other)[:20] and together.shown == apart.shown
    if isinstance(way, NumberForm):
        assert way.numbers(together).tolist() == other.numbers(apart).tolist()


# ---- what a model remembers ------------------------------------------------------------------------------------------


def test_a_model_reads_other_files_as_its_own_were_written(file, tmp_path):
    rng = np.random.default_rng(0)
    prices = rng.integers(100, 3_000_000, 60) / 100
    swap = str.maketrans(",.", ".,")
    rows = [f"{p:,.2f}".translate(swap) + f";{'RL' if p > 9000 else 'RM'}" for p in prices]
    path = file("\n".join(["price;zone", *rows]))
    model = ct.Classifier(epochs=1, random_state=0).fit(read_table(path)[["price"]], read_table(path)["zone"])
    column = model.encoder_.columns[0]
    assert column.written == "1.234,5" and "written 1.234,5" in column.how
    ct.save(model, tmp_path / "m.safetensors")
    again = ct.load(tmp_path / "m.safetensors")
    alone = file("price;zone\n1.234;RL\n", "alone.csv")  # by itself, one and a bit
    assert read_table(alone)["price"].tolist() == [1.234]
    wanted = model.predict_proba(pd.DataFrame({"price": [1234]}))
    for one in (model, again):
        assert (one.predict_proba(alone) == wanted).all()


def test_a_state_of_another_form_is_refused():
    state = TableEncoder().fit({"a": [1.0, 2.5, 3.0]}).to_json()
    state["columns"][0]["written"] = "1;5"
    with pytest.raises(ct.errors.FileError):
        TableEncoder.from_json(state)


# ---- comments and units ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("above", "says"), [
    ("# made by hand\n", "line 1 is a comment and left out"),
    ("% made\n\n// in 2024, by hand\n", "lines 1 to 3 are comments and left out"),
])
def test_comments_above_the_names_are_left_out_and_said(file, above, says):
    path = file(above + "a,b\n1,2\n3,x\n")
    table = read_table(path)
    assert table.to_dict("list") == {"a": [1, 3], "b": ["2", "x"]} and table.attrs[NOTES] == [says]
    assert in_lines("row 1 is odd", path) == f"line {above.count(chr(10)) + 3} is odd"
    with pytest.raises(DataError, match=f"line {above.count(chr(10)) + 2}: 3 cells under 2"):
        read_table(file(above + "a,b\n1,2,3\n"))


def test_the_last_of_several_comments_may_be_the_names(file):
    assert list(read_table(file("# made\n#a,b\n1,2\n")).columns) == ["#a", "b"]


def test_a_row_of_units_is_no_data_and_said(file):
    path = file("area;price;zone\nm²;€;-\n85,5;1.200;RL\n90;950;RM\n")
    table = read_table(path)
    assert table.to_dict("list") == {"area": [85.5, 90], "price": [1200, 950], "zone": ["RL", "RM"]}
    assert table.attrs[NOTES][0] == (
        "the row under the names holds units and is no row of data: area in m², price in €")
    assert in_lines("row 1 is odd", path) == "line 4 is odd"
    assert read_table(file("a,b\n[m],(s)\n1,2\n3,4\n")).to_dict("list") == {"a": [1, 3], "b": [2, 4]}


@pytest.mark.parametrize("text", [
    "a,b\nunknown,1\n2,3\n", "a,b\nm,x\nn,y\n", "a,zone\nm,RL\n5,RM\n7,RL\n", "size,b\nm,1\nl,2\n",
])
def test_a_first_row_like_the_others_is_none_of_units(file, text):
    assert len(read_table(file(text))) == text.count("\n") - 1


def test_large_files_and_pieces_are_read_alike(file, monkeypatch):
    text = "\n".join(["price;zone", *(f"{i}.000,5;z{i % 3}" for i in range(1, 900))])
    path = file(text)
    whole = read_table(path)
    monkeypatch.setattr(table_files, "LARGE_TEXT", 1)
    pd.testing.assert_frame_equal(read_table(path), whole)
    from cutaway.data.formats import in_pieces
    from cutaway.data.plain_text import NotPlain

    with pytest.raises(NotPlain):
        next(in_pieces(path))
