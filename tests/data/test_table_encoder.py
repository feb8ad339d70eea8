"""TableEncoder: understands every column once, then encodes tables like it, always finite, always the same."""

import contextlib
import datetime
import decimal
import json

import numpy as np
import pandas as pd
import polars as pl
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st

from cutaway.data import TableEncoder
from cutaway.errors import ArgumentError, DataError
from depth import examples

HOUSES = {
    "area": [120.0, 85.0, None, 64.0, 300.0, None],
    "zone": ["RL", "RM", "RL", None, "RM", None],
    "pool": [True, False, False, True, None, None],
    "sold": ["2006-05-01", "2010-01-31", None, "2007-07-07", None, "2008-02-29"],
}


def kinds(table, **settings):
    return {column.name: column.kind for column in TableEncoder(**settings).fit(table).columns}


def feature(table, name, **settings):
    """One encoded column by its name."""
    encoder = TableEncoder(**settings)
    return encoder.fit_transform(table, dtype=np.float64)[:, encoder.feature_names.index(name)]


def through_json(encoder):
    return TableEncoder.from_json(json.loads(json.dumps(encoder.to_json())))


# --- numbers ----------------------------------------------------------------------------------------------------------


def test_numbers_are_scaled_by_median_and_quartiles_then_clipped_smoothly():
    x = np.array([1.0, 2.0, 3.0, 4.0, 1000.0])
    z = (x - 3) / 2
    np.testing.assert_allclose(feature(x[:, None], "x0"), z / np.sqrt(1 + (z / 3) ** 2))
    np.testing.assert_allclose(feature(x[:, None], "x0", clip=None), z)


def test_a_gap_is_the_median_and_is_marked():
    assert feature(HOUSES, "area")[[2, 5]].tolist() == [0, 0]
    assert feature(HOUSES, "area missing").tolist() == [0, 0, 1, 0, 0, 1]


def test_gaps_fewer_than_min_count_get_no_column():
    assert TableEncoder(min_count=3).fit({"a": [1, 2, 3, None, None]}).feature_names == ["a"]
    assert TableEncoder(min_count=2).fit({"a": [1, 2, 3, None, None]}).feature_names == ["a", "a missing"]


def test_one_value_and_gaps_leave_only_the_mark():
    encoder = TableEncoder().fit({"a": [5, None, 5, None]})
    assert encoder.feature_names == ["a missing"]
    assert encoder.transform({"a": [None, 5, 7]}).tolist() == [[1], [0], [0]]


@pytest.mark.parametrize("wild", [1e6, 1e300, -1e308])
def test_a_wild_row_moves_the_others_little(wild):
    calm = np.random.default_rng(0).normal(size=500)
    with_wild = np.append(calm, wild)
    assert np.abs(feature(with_wild[:, None], "x0")[:-1] - feature(calm[:, None], "x0")).max() < 0.02
    assert np.abs(feature(with_wild[:, None], "x0")).max() <= 3


def test_coinciding_quartiles_fall_back_to_the_standard_deviation():
    x = np.array([0.0] * 9 + [10.0])
    np.testing.assert_allclose(feature(x[:, None], "x0", clip=None)[-1], 10 / x.std())


def test_rounding_noise_is_a_constant():
    assert kinds({"a": [0.3, 0.1 + 0.2] * 5, "b": range(10)})["a"] == "constant (dropped)"


def test_weights_move_median_and_quartiles_like_repeated_rows():
    x, weights = np.array([[1.0], [2.0], [4.0], [8.0], [16.0]]), np.array([1, 5, 1, 3, 1])
    weighted = TableEncoder().fit(x, weights).columns[0]
    order = np.repeat(x[:, 0], weights)
    assert weighted.center == np.quantile(order, 0.5, method="inverted_cdf") == 2
    assert weighted.scale == np.diff(np.quantile(order, [0.25, 0.75], method="inverted_cdf"))[0]


def test_equal_weights_change_nothing_and_zero_weights_remove_rows():
    x = np.random.default_rng(0).normal(size=(50, 3))
    assert TableEncoder().fit(x, np.full(50, 0.3)).to_json() == TableEncoder().fit(x).to_json()
    assert TableEncoder().fit(x, np.arange(50) < 30).to_json() == TableEncoder().fit(x[:30]).to_json()
    table = pd.DataFrame(x, columns=list("abc"))
    assert TableEncoder().fit(table, np.arange(50) < 30).to_json() == TableEncoder().fit(table[:30]).to_json()


@pytest.mark.parametrize("weights", [[1, 2], [1, -1, 1], [1, np.nan, 1], [0, 0, 0]])
def test_impossible_weights_are_refused(weights):
    with pytest.raises(DataError, match="weights"):
        TableEncoder().fit([[1], [2], [3]], weights)


@pytest.mark.parametrize("cells", [
    [" 12.5 ", "NA", "3", "?", "n/a", "1e2"],
    [12.5, None, 3, np.nan, pd.NA, 100],
    [decimal.Decimal("12.5"), None, 3, None, None, decimal.Decimal(100)],
    pd.array([12.5, None, 3, None, None, 100], dtype="Float64"),
    pd.to_timedelta([12.5, None, 3, None, None, 100], unit="s"),
], ids=["text", "object", "decimal", "nullable", "duration"])
def test_numbers_in_any_dress_are_the_same_numbers(cells):
    plain = TableEncoder().fit_transform({"a": [12.5, np.nan, 3, np.nan, np.nan, 100]})
    np.testing.assert_array_equal(TableEncoder().fit_transform({"a": cells}), plain)


def test_a_few_odd_words_among_many_numbers_are_gaps_and_are_reported():
    cells = [str(i / 7) for i in range(100)] + ["see note", "see note"]
    encoder = TableEncoder().fit({"a": cells})
    assert encoder.feature_names == ["a", "a missing"]
    assert "'see note' taken as gaps" in encoder.columns[0].how
    assert encoder.transform({"a": ["see note"]}).tolist() == [[0, 1]]


def test_integer_columns_get_a_column_a_value_when_asked():
    encoder = TableEncoder(integer_levels=5)
    encoded = encoder.fit_transform({"code": [20, 60, 20, 190, None], "x": [0.5, 1, 2, 3, 4]})
    assert encoder.feature_names == ["code", "code=20", "code=60", "code=190", "x"]
    assert encoded[:, 1:4].tolist() == [[1, 0, 0], [0, 1, 0], [1, 0, 0], [0, 0, 1], [0, 0, 0]]


# --- categories, booleans, dates --------------------------------------------------------------------------------------


def test_categories_are_one_hot_with_a_level_for_gaps():
    assert feature(HOUSES, "zone=RL").tolist() == [1, 0, 1, 0, 0, 0]
    assert feature(HOUSES, "zone=RM").tolist() == [0, 1, 0, 0, 1, 0]
    assert feature(HOUSES, "zone missing").tolist() == [0, 0, 0, 1, 0, 1]


def test_rare_and_unseen_levels_share_other():
    encoder = TableEncoder(min_count=2).fit({"a": ["x", "x", "y", "y", "rare"]})
    assert encoder.feature_names == ["a=x", "a=y", "a other"]
    assert encoder.transform({"a": ["rare", "new", "y"]}).tolist() == [[0, 0, 1], [0, 0, 1], [0, 1, 0]]


def test_an_unseen_level_is_all_zeros_where_training_had_no_rare_ones():
    encoder = TableEncoder().fit({"a": ["x", "x", "y", "y"]})
    assert encoder.transform({"a": ["new", None]}).tolist() == [[0, 0], [0, 0]]


def test_only_the_most_frequent_levels_get_a_column():
    cells = ["a"] * 4 + ["b"] * 3 + ["c"] * 2
    assert TableEncoder(max_levels=2).fit({"k": cells}).feature_names == ["k=a", "k=b", "k other"]


def test_levels_of_any_type_are_known_by_how_they_read():
    encoder = TableEncoder().fit({"a": pd.Series([1, 2, 1, 2], dtype="category")})
    assert encoder.transform({"a": [1.0, 2.0]}).tolist() == encoder.transform({"a": ["1", "2"]}).tolist()
    assert encoder.transform({"a": [1.0, 2.0]}).tolist() == [[1, 0], [0, 1]]


@pytest.mark.parametrize("cells", [[True, False, None], ["true", "FALSE", None], pd.array([1, 0, None], "boolean")])
def test_booleans_are_one_minus_one_and_zero_for_a_gap(cells):
    encoder = TableEncoder(min_count=1)
    assert encoder.fit_transform({"a": cells}).tolist() == [[1, 0], [-1, 0], [0, 1]]
    assert encoder.transform({"a": [1, 0]}).tolist() == [[1, 0], [-1, 0]]


@pytest.mark.parametrize("cells", [
    ["2020-01-31", "2021-06-01", None, "2020-03-09"],
    ["2020/1/31", "2021/6/1", "NA", "2020/03/09"],
    pd.to_datetime(["2020-01-31", "2021-06-01", None, "2020-03-09"]),
    pd.to_datetime(["2020-01-31", "2021-06-01", None, "2020-03-09"]).tz_localize("UTC"),
    [datetime.date(2020, 1, 31), datetime.date(2021, 6, 1), None, datetime.date(2020, 3, 9)],
], ids=["text", "slashes", "datetime", "time zone", "objects"])
def test_dates_in_any_dress_are_the_same_dates(cells):
    reference = pd.to_datetime(["2020-01-31", "2021-06-01", None, "2020-03-09"])
    encoder = TableEncoder(min_count=1).fit({"d": reference})
    np.testing.assert_array_equal(encoder.transform({"d": cells}), encoder.transform({"d": reference}))
    assert TableEncoder(min_count=1).fit({"d": cells}).feature_names == encoder.feature_names


def test_dates_become_days_year_and_places_in_year_week_and_day():
    dates = {"d": pd.to_datetime(["2020-01-01 06:00", "2020-04-01 00:00", "2021-07-01 00:00", None, None])}
    assert feature(dates, "d days", clip=None)[:3].argsort().tolist() == [0, 1, 2]
    assert feature(dates, "d year", clip=None).tolist() == [0, 0, 1, 0, 0]
    np.testing.assert_allclose(feature(dates, "d month sin")[:3], [0, 1, 0], atol=1e-12)
    np.testing.assert_allclose(feature(dates, "d month cos")[:3], [1, 0, -1], atol=1e-12)
    np.testing.assert_allclose(feature(dates, "d weekday sin")[:3], np.sin(2 * np.pi * np.array([2, 2, 3]) / 7))
    np.testing.assert_allclose(feature(dates, "d time sin")[:3], [1, 0, 0], atol=1e-12)
    assert feature(dates, "d missing").tolist() == [0, 0, 0, 1, 1]


def test_parts_of_a_date_that_never_vary_are_left_out():
    names = TableEncoder().fit({"d": ["2020-01-01", "2020-01-08", "2020-01-15"]}).feature_names
    assert names == ["d days"]


# --- what a column is taken for ---------------------------------------------------------------------------------------


def test_every_column_says_what_it_is_and_how_it_is_encoded():
    encoder = TableEncoder().fit(HOUSES)
    told = [(column.name, column.kind, column.gaps, column.distinct, column.example) for column in encoder.columns]
    assert told == [
        ("area", "number", 2, 4, "120"),
        ("zone", "category", 2, 2, "RL"),
        ("pool", "boolean", 2, 2, "True"),
        ("sold", "date", 2, 4, "2006-05-01 00:00:00"),
    ]
    assert [column.how for column in encoder.columns] == [
        "(x - 102.5) / 135.5, smooth clip at ±3, gaps marked",
        "a column for each of 2 levels, gaps marked",
        "true 1, false -1, gaps 0 and marked",
        "since 2006-05-01: days, year, month, weekday, month sin, month cos, weekday sin, weekday cos, gaps marked",
    ]


@pytest.mark.parametrize(("cells", "kind"), [
    ([7] * 30, "constant (dropped)"),
    (["x"] * 30, "constant (dropped)"),
    ([None] * 30, "constant (dropped)"),
    ([f"a{i}" for i in range(30)], "identifier (dropped)"),
    ([f"house {i} by the sea" for i in range(30)], "text (dropped)"),
    (["2020-01-01"] * 30, "constant (dropped)"),
    (["yes", "no"] * 15, "category"),
    (["1", "2"] * 15, "number"),
    ([*"0123456789A"] * 2 + ["B"] * 8, "category"),
])
def test_columns_are_taken_for_what_they_hold(cells, kind):
    assert kinds({"a": cells, "x": range(30)})["a"] == kind


@pytest.mark.parametrize(("name", "kind"), [
    ("id", "identifier (dropped)"), ("Customer_ID", "identifier (dropped)"), ("Unnamed: 0", "identifier (dropped)"),
    ("day", "number"), ("paid", "number"), ("x0", "number"),
])
def test_counting_columns_are_identifiers_by_their_name_only(name, kind):
    assert kinds({name: range(30), "v": [1, 2, 3] * 10})[name] == kind


def test_kinds_overrule_what_a_column_is_taken_for():
    table = {"zip": [2139, 2140] * 5, "id": range(10), "note": [[1]] * 10}
    assert kinds(table, kinds={"zip": "category", "note": "drop"}) == {
        "zip": "category", "id": "number", "note": "dropped",
    }
    with pytest.raises(ArgumentError, match=r"no such column: it has .a.\."):
        TableEncoder(kinds={"nowhere": "drop"}).fit({"a": [1, 2]})
    with pytest.raises(ArgumentError, match="choose one of number"):
        TableEncoder(kinds={"a": "float"})
    with pytest.raises(DataError, match="'abc' is not a number"):
        TableEncoder(kinds={"a": "number"}).fit({"a": ["1", "abc"] * 20})


# --- arrays -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("make", [
    np.asarray, np.asfortranarray, np.float32, np.ndarray.tolist, sp.csr_matrix, sp.csc_array, sp.coo_matrix,
    lambda x: pd.DataFrame(x, columns=["x0", "x1", "x2", "x3"]), lambda x: x.astype(object),
])
def test_every_container_of_one_array_gives_the_same(make):
    x = np.round(np.random.default_rng(0).normal(size=(40, 4)), 1).astype(np.float32).astype(np.float64)
    x[:, 2] = 1
    encoder = TableEncoder().fit(x)
    np.testing.assert_array_equal(encoder.transform(make(x)), encoder.transform(x))
    np.testing.assert_array_equal(TableEncoder().fit_transform(make(x)), encoder.transform(x))
    assert encoder.feature_names == ["x0", "x1", "x3"]


def test_masked_cells_are_gaps():
    x = np.ma.masked_greater(np.arange(8.0).reshape(4, 2), 5)
    np.testing.assert_array_equal(TableEncoder().fit_transform(x), TableEncoder().fit_transform(x.filled(np.nan)))


def test_rows_are_encoded_alike_alone_and_together():
    x = np.random.default_rng(0).normal(size=(3000, 700))  # more than one block
    x[::7, 3] = np.nan
    encoder = TableEncoder()
    together = encoder.fit_transform(x)
    np.testing.assert_array_equal(encoder.transform(x[2990:]), together[2990:])
    np.testing.assert_array_equal(TableEncoder().fit_transform(x[:, :8]), together[:, :9])  # x3 has its mark


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_result_is_contiguous_and_of_the_dtype_asked_for(dtype):
    encoded = TableEncoder().fit_transform(HOUSES, dtype=dtype)
    assert encoded.flags.c_contiguous
    assert encoded.dtype == dtype


def test_nothing_given_is_changed():
    x = np.array([[1.0, np.nan], [2.0, 3.0], [5.0, 4.0]])
    before = x.copy()
    TableEncoder().fit_transform(x, dtype=np.float64)
    np.testing.assert_array_equal(x, before)


# --- prediction time --------------------------------------------------------------------------------------------------


def test_columns_may_change_order_and_extra_ones_are_ignored():
    encoder = TableEncoder().fit(HOUSES)
    other = pl.DataFrame({"extra": [0] * 6, **dict(reversed(HOUSES.items()))})
    np.testing.assert_array_equal(encoder.transform(other), encoder.transform(HOUSES))


def test_columns_that_are_missing_are_all_named():
    encoder = TableEncoder().fit(HOUSES | {"always": [1] * 6})
    with pytest.raises(DataError, match=r"lacks 2 columns of training: 'zone', 'sold'"):
        encoder.transform({"area": [1], "pool": [True]})


@pytest.mark.parametrize(("column", "cells", "says"), [
    ("area", ["12", "big"], "'area', row 1 .*'big' is not a number"),
    ("area", [1.0, np.inf], "'area', row 1 .*infinity"),
    ("pool", ["true", "maybe"], "'pool', row 1 .*'maybe' is not true or false"),
    ("sold", ["2020-01-01", "soon"], "'sold', row 1 .*'soon' is not a date"),
])
def test_cells_that_cannot_be_encoded_are_named(column, cells, says):
    good = {"area": [1, 2], "zone": ["RL", "RM"], "pool": [True, False], "sold": ["2020-01-01", "2020-01-02"]}
    with pytest.raises(DataError, match=says):
        TableEncoder().fit(HOUSES).transform(good | {column: cells})


def test_arrays_are_taken_by_place_and_must_have_the_columns_of_training():
    encoder = TableEncoder().fit({"a": [1, 2, 3], "b": [4, 5, 7]})
    assert encoder.transform(np.array([[2, 5]])).tolist() == [[0, 0]]
    with pytest.raises(DataError, match="X has 3 features, but TableEncoder is expecting 2"):
        encoder.transform(np.zeros((1, 3)))


def test_infinity_is_named_in_arrays_too():
    x = np.zeros((3000, 400))
    x[:, 7] = np.arange(3000)
    encoder = TableEncoder().fit(x + np.arange(3000)[:, None])
    x[2999, 7] = -np.inf
    for encode in (encoder.transform, TableEncoder().fit):
        with pytest.raises(DataError, match=r"'x7', row 2999 .*infinity"):
            encode(x)


@pytest.mark.parametrize(("table", "says"), [
    ({"a": [1, 1]}, r"No column .*\('a': left out: every row holds 1"),
    ({"a": [[1], [2]]}, "'a', row 0 .*holds a list"),
    (np.array([[1 + 2j]]), "Complex data not supported"),
    (np.zeros((0, 2)), "0 sample"),
    ({"a": [1.0, np.inf]}, "'a', row 1 .*infinity"),
])
def test_tables_that_cannot_be_learnt_from_say_why(table, says):
    with pytest.raises(DataError, match=says):
        TableEncoder().fit(table)


def test_transform_before_fit_says_so():
    with pytest.raises(ArgumentError, match="call fit"):
        TableEncoder().transform(HOUSES)


# --- state ------------------------------------------------------------------------------------------------------------

CELLS = {
    "float": st.floats(allow_nan=False, allow_infinity=False),
    "integer": st.integers(-(2**53), 2**53),
    "few": st.sampled_from([0, 1, 2]),
    "word": st.sampled_from(["red", "green", "blue", "NA", "é, \"'"]),
    "text": st.text(max_size=5),
    "boolean": st.booleans(),
    "date": st.datetimes(datetime.datetime(1900, 1, 1), datetime.datetime(2100, 1, 1)),
    "mixed": st.one_of(st.integers(0, 3), st.sampled_from(["a", "b"]), st.booleans()),
}


@st.composite
def tables(draw):
    """Columns of every kind, gaps anywhere; the last column is sure to be of use."""
    rows = draw(st.integers(3, 30))
    drawn = draw(st.lists(st.sampled_from(sorted(CELLS)), max_size=4))
    columns = {
        f"{kind} {i}": draw(st.lists(st.one_of(st.none(), CELLS[kind]), min_size=rows, max_size=rows))
        for i, kind in enumerate(drawn)
    }
    return pd.DataFrame(columns | {"n": np.arange(rows) % 3})


@settings(max_examples=examples(25), deadline=None)
@given(tables(), tables(), st.sampled_from([0, 3]))
def test_any_table_is_finite_and_survives_json_bit_for_bit(table, other, integer_levels):
    encoder = TableEncoder(integer_levels=integer_levels)
    encoded = encoder.fit_transform(table)
    again = through_json(encoder)
    assert encoded.shape == (len(table), len(encoder.feature_names))
    assert np.isfinite(encoded).all()
    assert np.abs(encoded).max() <= 3
    assert encoded.tobytes() == again.transform(table).tobytes()
    assert (again.to_json(), again.feature_names) == (encoder.to_json(), encoder.feature_names)
    shared = other.reindex(columns=table.columns).astype(object)  # columns of other tables, or nothing but gaps
    with contextlib.suppress(DataError):
        unseen = encoder.transform(shared)
        assert unseen.tobytes() == again.transform(shared).tobytes()
        assert np.isfinite(unseen).all()


def test_repr_tells_the_size():
    assert repr(TableEncoder()) == "TableEncoder()"
    assert repr(TableEncoder().fit(HOUSES)) == "TableEncoder(4 columns -> 16 features)"


def test_dates_further_apart_than_nanoseconds_can_say():
    days = [pd.Timestamp(year, 1, 1).as_unit("ns") for year in (1700, 1800, 1900, 2000, 2100)]
    encoder = TableEncoder(kinds={"day": "date"}).fit({"day": days})
    column = encoder.transform({"day": days}, np.float64)[:, encoder.feature_names.index("day days")]
    assert (np.diff(column) > 0).all()
