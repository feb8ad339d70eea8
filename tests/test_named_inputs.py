"""Inputs of a network by name: parsed once, and what is done with all of them."""

import numpy as np
import pytest

from cutaway import Sequences, Tensor
from cutaway.errors import ShapeError
from cutaway.named_inputs import NamedInputs
from cutaway.staged import Staged

A, B, RAGGED = np.arange(6.0).reshape(3, 2), np.arange(3), [[1.0], [2.0, 3.0], [4.0]]


@pytest.mark.parametrize(("given", "names"), [
    (A, ["x"]),
    ((A, B), ["x1", "x2"]),
    ({"age": A, "b": B}, ["x.age", "x.b"]),
    (RAGGED, ["x", "lengths"]),
    ((A, RAGGED), ["x1", "x2", "x2.lengths"]),
    ({"a": RAGGED}, ["x.a", "x.a.lengths"]),
    ([[1, 2], [3, 4]], ["x"]),
])
def test_names_are_those_of_programs(given, names):
    assert list(NamedInputs.of(given).arrays) == names


def test_what_is_parsed_is_not_parsed_again():
    X = NamedInputs.of((A, B))
    assert NamedInputs.of(X) is X


def test_arrays_are_not_copied():
    assert NamedInputs.of((A, B)).arrays["x1"] is A


@pytest.mark.parametrize("given", [
    Tensor(A), A.tolist(), Sequences(Tensor(A), Tensor(np.array([1, 2, 1]))),
], ids=["Tensor", "list", "Sequences of Tensors"])
def test_what_is_no_array_becomes_one(given):
    assert all(type(array) is np.ndarray for array in NamedInputs.of(given).arrays.values())


@pytest.mark.parametrize("given", [A, (A, B), {"a": A, "b": B}, {}, ()])
def test_they_can_be_had_as_they_came(given):
    made = NamedInputs.of(given).as_given()
    assert type(made) is type(given)
    np.testing.assert_equal(made, given)


def test_a_dict_goes_to_a_function_by_name_and_a_tuple_by_position():
    def called(*given, **named):
        return len(given), sorted(named)

    assert NamedInputs.of({"a": A, "b": B}).passed_to(called) == (0, ["a", "b"])
    assert NamedInputs.of((A, B)).passed_to(called) == (2, [])
    assert NamedInputs.of(A).passed_to(called) == (1, [])


def test_rows_are_taken_of_every_part():
    some = NamedInputs.of((A, RAGGED))[np.array([2, 1])]
    assert len(some) == 2 and some.arrays["x1"].tolist() == [[4, 5], [2, 3]]
    assert some.arrays["x2.lengths"].tolist() == [1, 2]


@pytest.mark.parametrize(("n", "rows"), [(2, [0, 1]), (5, [0, 1, 2, 0, 1])])
def test_the_first_rows_repeat_where_there_are_fewer(n, rows):
    X = NamedInputs.of({"a": A, "b": RAGGED}).first(n)
    assert X.arrays["x.a"].tolist() == A[rows].tolist()
    assert X.arrays["x.b.lengths"].tolist() == np.array([1, 2, 1])[rows].tolist()


def test_the_first_rows_of_none_are_zeros_of_length_one():
    X = NamedInputs.of(Sequences.from_list(RAGGED)[:0]).first(2)
    assert X.arrays["x"].tolist() == [[[0], [0]]] * 2 and X.arrays["lengths"].tolist() == [1, 1]


def test_a_single_value_has_no_rows():
    with pytest.raises(ShapeError, match="the data must have a row for each sample, got a single value"):
        NamedInputs.of(3.0).first(2)


def test_rows_that_are_made_as_they_are_read_stay_so():
    asked = []

    def make(rows):
        asked.append(rows)
        return np.ones((4, 2))[rows]

    X = NamedInputs.of((np.ones(4), Staged(4, make)))
    asked.clear()
    assert X.kind[1] == ("x2", (2,), "f") and X.step and not asked
    assert len(X[:2].arrays["x2"]) == 2 and asked == [slice(None, 2)]


def test_kinds_are_the_same_whatever_the_number_of_rows():
    assert NamedInputs.of((A, B)).kind == NamedInputs.of((A[:1], B[:1])).kind
    assert NamedInputs.of((A, B)).kind != NamedInputs.of((A, A)).kind


@pytest.mark.parametrize("given", [((1.0, 2.0), (3.0, 4.0)), (A, (A, A)), {"a": (A, A)}])
def test_a_tuple_within_is_refused(given):
    with pytest.raises(ShapeError, match="got a tuple among them: give rows as a list or an array"):
        NamedInputs.of(given)
