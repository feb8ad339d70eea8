"""Rows in whatever form they come: with names they go by name, without names by place, and cells by what they say."""

import datetime
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest

from cutaway.data import TableEncoder, TargetEncoder, read_table
from cutaway.errors import DataError

FRAME = pd.DataFrame({
    "area": [120.5, 85.0, 64.25, np.nan, 99.0, 101.0] * 5,
    "zone": ["RL", "RM", "RL", "FV", "RM", "FV"] * 5,
    "floors": [1, 2, 1, 3, 2, 2] * 5,
    "sold": [True, False, True, True, False, False] * 5,
    "since": pd.date_range("2024-01-01", periods=30),
})
ENCODER = TableEncoder().fit(FRAME)
EXPECTED = ENCODER.transform(FRAME)


class Stream:
    """A table that offers Arrow's stream and nothing else."""

    def __init__(self, frame):
        self.table = pytest.importorskip("pyarrow").Table.from_pandas(frame)

    def __arrow_c_stream__(self, requested_schema=None):
        return self.table.__arrow_c_stream__(requested_schema)


class Interchange:
    """A table that offers the dataframe interchange protocol and nothing else."""

    def __init__(self, frame):
        self.frame = frame

    def __dataframe__(self, *args, **kwargs):
        return self.frame.__dataframe__(*args, **kwargs)


def listed(frame):
    return frame.astype(object).to_numpy().tolist()


def array_of_lists(frame):
    out = np.empty(len(frame), object)
    out[:] = listed(frame)
    return out


def polars(frame):
    return pytest.importorskip("polars").from_pandas(frame)


def dask(frame):
    return pytest.importorskip("dask.dataframe").from_pandas(frame, npartitions=3)


NAMED = {
    "records": lambda frame: frame.to_dict("records"),
    "dict of columns": lambda frame: frame.to_dict("list"),
    "named fields": lambda frame: frame.to_records(index=False),
    "pandas rows": lambda frame: [row for _, row in frame.iterrows()],
    "columns in another order": lambda frame: frame[frame.columns[::-1]],
    "cells as objects": lambda frame: frame.astype(object),
    "cells as text": lambda frame: frame.astype(str),
    "polars": polars,
    "polars, lazy": lambda frame: polars(frame).lazy(),
    "pyarrow": lambda frame: pytest.importorskip("pyarrow").Table.from_pandas(frame),
    "pyarrow's stream": Stream,
    "interchange": Interchange,
    "dask": dask,
    "narwhals": lambda frame: pytest.importorskip("narwhals").from_native(polars(frame)),
}
UNNAMED = {
    "object array": lambda frame: frame.to_numpy().astype(object),
    "list of lists": listed,
    "list of tuples": lambda frame: list(map(tuple, listed(frame))),
    "array of lists": array_of_lists,
    "array of text": lambda frame: frame.astype(str).to_numpy().astype(str),
    "array of bytes": lambda frame: frame.astype(str).to_numpy().astype("S"),
    "numbers for names": lambda frame: frame.set_axis(range(frame.shape[1]), axis=1),
}


@pytest.mark.parametrize("form", NAMED.values(), ids=NAMED)
def test_rows_with_names_are_found_by_name(form):
    np.testing.assert_array_equal(ENCODER.transform(form(FRAME)), EXPECTED)
    np.testing.assert_array_equal(ENCODER.transform(form(FRAME[:1])), EXPECTED[:1])


@pytest.mark.parametrize("form", NAMED.values(), ids=NAMED)
def test_names_are_learnt_in_whatever_form_rows_come(form):
    assert {column.name for column in TableEncoder().fit(form(FRAME)).columns} == set(FRAME.columns)


@pytest.mark.parametrize("form", UNNAMED.values(), ids=UNNAMED)
def test_rows_without_names_are_taken_by_place(form):
    np.testing.assert_array_equal(ENCODER.transform(form(FRAME)), EXPECTED)
    np.testing.assert_array_equal(ENCODER.transform(form(FRAME[:1])), EXPECTED[:1])


@pytest.mark.parametrize("form", UNNAMED.values(), ids=UNNAMED)
def test_what_was_learnt_without_names_takes_a_frame_by_place(form):
    encoder = TableEncoder().fit(form(FRAME))
    np.testing.assert_array_equal(TableEncoder.from_json(encoder.to_json()).transform(FRAME), EXPECTED)


@pytest.mark.parametrize("row", [FRAME.iloc[1], FRAME.iloc[1].to_dict(), [FRAME.iloc[1].to_dict()]],
                         ids=["a pandas row", "a dict", "a record"])
def test_one_row_is_a_row(row):
    np.testing.assert_array_equal(ENCODER.transform(row), EXPECTED[1:2])


def test_numbers_among_text_stay_numbers():
    assert [dtype.kind for dtype in read_table([["a", 1.5], ["b", 2.0]]).dtypes][1] == "f"


def test_rows_without_names_of_another_width_are_refused():
    with pytest.raises(DataError, match="X has 3 features, but TableEncoder is expecting 5 features"):
        ENCODER.transform([["RL", 1, 2.5]])


@pytest.mark.parametrize(("renamed", "says"), [
    ({"area": "AREA", "zone": "Zone"}, r"Did you mean 'area' by 'AREA', 'zone' by 'Zone'\?"),
    ({"area": "areas"}, r"lacks 1 column of training: 'area'. Did you mean 'area' by 'areas'\? Rename what has another "
                        r"name, add what is not there \(cells may be empty\)\.$"),
    ({"area": "x"}, r"lacks 1 column of training: 'area'. Add it"),
])
def test_names_that_are_nearly_right_are_guessed(renamed, says):
    with pytest.raises(DataError, match=says):
        ENCODER.transform(FRAME.rename(columns=renamed))


# ---- the same value in other clothes ---------------------------------------------------------------------------------


@pytest.mark.parametrize("others", [
    [1, 2, 3], [1.0, 2.0, 3.0], ["1", "2", "3"], ["1.0", "2.00", "3e0"], [" 1", "2 ", "3"], [b"1", b"2", b"3"],
    [np.int8(1), np.float32(2), np.uint64(3)], [Decimal("1"), Decimal("2.0"), Decimal(3)], [True, 2, 3],
], ids=str)
@pytest.mark.parametrize("learnt", [[1, 2, 3], [1.0, 2.0, 3.0], ["1", "2", "3"], ["1.0", "2.0", "3.0"]], ids=str)
def test_a_category_is_the_same_number_however_it_is_written(learnt, others):
    encoder = TableEncoder(kinds={"c": "category"}).fit({"c": learnt * 3})
    np.testing.assert_array_equal(encoder.transform({"c": others}), np.eye(3))


@pytest.mark.parametrize(("learnt", "others"), [
    ([True, False], ["true", "FALSE"]),
    ([True, False], [1, 0]),
    (["2024-01-01", "2024-02-01"], [pd.Timestamp("2024-01-01"), datetime.date(2024, 2, 1)]),
    ([pd.Timestamp("2024-01-01"), pd.Timestamp("2024-02-01")], ["2024-01-01", np.datetime64("2024-02-01")]),
    (["a", "b"], [b"a", np.str_("b")]),
])
def test_truth_dates_and_bytes_are_the_same_however_they_are_written(learnt, others):
    encoder = TableEncoder(kinds={"c": "category"}).fit({"c": learnt * 3})
    np.testing.assert_array_equal(encoder.transform({"c": others}), encoder.transform({"c": learnt}))


def test_codes_that_begin_with_a_zero_are_no_numbers():
    encoder = TableEncoder(kinds={"zip": "category"}).fit({"zip": ["1234", "01234"] * 3})
    np.testing.assert_array_equal(encoder.transform({"zip": ["1234", "01234", "1234.0", "001234"]}),
                                  [[0, 1], [1, 0], [0, 1], [0, 0]])


def test_words_that_are_two_levels_are_not_merged():
    encoder = TableEncoder(kinds={"v": "category"}).fit({"v": ["1.0", "1"] * 3})
    np.testing.assert_array_equal(encoder.transform({"v": ["1.0", "1", "1.00"]}), [[0, 1], [1, 0], [0, 0]])


@pytest.mark.parametrize(("labels", "others"), [
    ([1, 2, 3], ["1", "2.0", 3.0]),
    (["1", "2", "3"], [1, 2.0, "3.0"]),
    ([1.0, 2.0, 3.0], ["1", 2, "3.0"]),
    (["a", "b", "c"], [b"a", b"b", np.str_("c")]),
])
def test_labels_are_the_same_however_they_are_written(labels, others):
    target = TargetEncoder("multiclass").fit(labels * 3)
    assert target.transform(np.array(others, dtype=object)).tolist() == [0, 1, 2]


def test_labels_are_told_as_training_wrote_them():
    target = TargetEncoder("multiclass").fit([1, 2, 3] * 3)
    assert target.known(["1.0", "3"]).tolist() == [1, 3]
    assert target.known([1, 4]) == [1, 4]  # numbers are compared as they are, and are wrong
    with pytest.raises(DataError, match="row 1: class '4' was not in training, which had 1, 2, 3"):
        target.known(["1.0", "4"])


def test_a_label_that_was_not_in_training_is_still_an_error():
    with pytest.raises(DataError, match="class '4' was not in training"):
        TargetEncoder("multiclass").fit([1, 2, 3] * 3).transform(["1", "4"])
