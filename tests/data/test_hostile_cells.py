"""Objects of anyone's making in a data frame: an answer, or an error that names column and row."""

import numpy as np
import pandas as pd
import pytest

import cutaway as ct
from cutaway.data import TableEncoder, read_table
from cutaway.data.reading import LONGEST_NAME
from cutaway.errors import DataError


class Hostile:
    """Raises wherever it is asked."""

    def fail(self, *_):
        raise RuntimeError("hostile")

    __str__ = __repr__ = __eq__ = __bool__ = __lt__ = fail
    __hash__ = object.__hash__


class Liar:
    """Says of everything that it is the same, and of itself that it is a command to the terminal."""

    def __eq__(self, other):
        return True

    def __hash__(self):
        return 1

    def __str__(self):
        return "\x1b[2Jfoo"

    __repr__ = __str__


class NoText:
    def __str__(self):
        return 7


def frame(cell, n=40):
    return pd.DataFrame({"a": range(n), "b": pd.Series([cell if i % 3 else "x" for i in range(n)], dtype=object)})


@pytest.mark.parametrize("cell", [Hostile(), NoText(), [1], {"a": 1}, {1}, np.zeros(2), 2**20_000],
                         ids=lambda cell: type(cell).__name__)
def test_cells_that_are_no_values_are_named(cell):
    with pytest.raises(DataError, match=rf"Column 'b', row 1 .*holds a {type(cell).__name__}: a cell must be a number"):
        TableEncoder().fit(frame(cell))


@pytest.mark.parametrize("cell", [
    Liar(), object(), b"x", (1, 2), 1j, pd.NA, pd.NaT, None, 2**5000, -(2**70), np.float32("inf"), "\udcff", "\x00",
    pd.Interval(0, 1), pd.Period("2024-01", "M"), frozenset([1]), print, Hostile,
], ids=lambda cell: type(cell).__name__)
def test_other_objects_are_categories_or_gaps(cell):
    encoded = TableEncoder().fit_transform(frame(cell))
    assert encoded.shape[0] == 40 and np.isfinite(encoded).all()


@pytest.mark.parametrize("make", [
    lambda x: pd.DataFrame(np.c_[x, x**2], columns=pd.MultiIndex.from_tuples([("a", "b"), ("a", "c")])),
    lambda x: pd.DataFrame({"a": pd.arrays.SparseArray(x % 3), "b": pd.arrays.SparseArray(["x", "y"] * 20)}),
    lambda x: pd.DataFrame({"a": x}, index=[0] * 40),
    lambda x: pd.DataFrame({"a": x}, index=pd.MultiIndex.from_product([range(20), ["u", "v"]])),
    lambda x: pd.DataFrame({"a": pd.array([1, None] * 20, dtype="Int8"), "b": pd.array(["x", None] * 20, "string")}),
    lambda x: pd.DataFrame({"a": pd.Categorical([1, 2] * 20), "b": pd.interval_range(0, 40)}),
    lambda x: pd.DataFrame({"a": pd.date_range("2024", periods=40, tz="UTC"), "b": pd.to_timedelta(x, "D")}),
    lambda x: pd.DataFrame({True: x, 1.5: x + 1, None: x + 2}),
    lambda x: np.asfortranarray(np.c_[x, x].astype(">f8"))[::-1],
])
def test_odd_frames_are_learnt_from_row_by_row(make):
    table = make(np.arange(40.0))
    model = ct.Classifier(epochs=1, random_state=0).fit(table, np.arange(40) % 2)
    assert model.predict(table).shape == (40,)


@pytest.mark.parametrize(("names", "says"), [
    ([1, "1"], "more than one column is named '1'"),
    (["x" * (LONGEST_NAME + 1), "b"], r"the name of column 0 \(the first is 0\) has 10,001 characters"),
    ([Hostile(), "b"], r"a column's name is no text \(RuntimeError\)"),
    ([NoText(), "b"], r"a column's name is no text \(TypeError\)"),
], ids=["same", "long", "raises", "no text"])
def test_columns_without_a_usable_name_are_refused(names, says):
    table = pd.DataFrame(np.zeros((3, 2)))
    table.columns = pd.Index(names, dtype=object)
    with pytest.raises(DataError, match=says):
        read_table(table)


@pytest.mark.parametrize("labels", [[1, "x"], ["x", 1], ["x", b"x"], [True, "x"], ["x", 1.5]], ids=str)
def test_labels_of_several_types_are_refused(labels):
    with pytest.raises(DataError, match=r"labels of several types|Unknown label type"):
        ct.Classifier(epochs=1).fit(np.arange(40.0)[:, None], pd.Series(labels * 20, dtype=object))


def test_a_label_as_a_number_and_as_text_is_two_classes_that_nobody_meant():
    with pytest.raises(DataError, match=r"several types \(int, str\).*make all text, y.astype\(str\)"):
        ct.Classifier(epochs=1).fit(np.arange(40.0)[:, None], np.array([1, "1"] * 20, dtype=object))
