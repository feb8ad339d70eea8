"""Kinds asked for columns: what is taken, and what is refused in words."""

import pytest

from cutaway.data import TableEncoder
from cutaway.data.column_kinds import asked_kinds
from cutaway.errors import ArgumentError


def test_nothing_is_asked_by_none():
    assert asked_kinds(None) == {}


def test_names_become_text():
    assert asked_kinds({7: "drop"}) == {"7": "drop"}


@pytest.mark.parametrize(("columns", "said"), [
    (["shop"], r"columns is \['shop'\]: give kinds by the names of columns"),
    ({"shop": "categorical"}, r"columns\['shop'\] is 'categorical': choose one of .*Did you mean 'category'\?"),
    ({"shop": "datetime"}, r"Did you mean 'date'\?"),
    ({"shop": "ignore"}, r"Did you mean 'drop'\?"),
    ({"shop": "nmuber"}, r"Did you mean 'number'\?"),
    ({"shop": None}, r"is None: choose one of number, category, boolean, date, drop\.$"),
    ({"shop": ["category"]}, r"is \['category'\]: choose one of"),
    ({1: "number", "1": "date"}, "Column '1' is asked for as 'number' and as 'date': choose one"),
])
def test_what_is_no_kind_is_refused_in_words(columns, said):
    with pytest.raises(ArgumentError, match=said):
        asked_kinds(columns)


@pytest.mark.parametrize(("name", "guess"), [
    ("SHOP", r"did you mean 'shop'\?"), ("shpo", r"did you mean 'shop'\?"), ("xyz", "it has 'shop', 'area'"),
])
def test_a_name_that_is_no_columns_is_refused_with_the_nearest(name, guess):
    with pytest.raises(ArgumentError, match=f"{name!r} is to be taken as 'drop', but the table has no such column: "
                                            f"{guess}"):
        TableEncoder(kinds={name: "drop"}).fit({"shop": ["a", "b"], "area": [1, 2]})


def test_how_a_column_is_encoded_says_that_it_was_asked_for():
    encoder = TableEncoder(kinds={"zip": "category", "note": "drop"}).fit({
        "zip": [2139, 2140] * 3, "note": list("abcdef"), "area": range(6)})
    assert [column.how for column in encoder.columns] == [
        "a column for each of 2 levels, as asked", "left out: as asked", "(x - 2.5) / 3, smooth clip at ±3"]
