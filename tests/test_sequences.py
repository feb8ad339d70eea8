"""Sequences: padded values and lengths that fit each other."""

import numpy as np
import pytest

import cutaway as ct
from cutaway.errors import ArgumentError, DataError, ShapeError


def test_a_list_is_padded_with_zeros_at_the_end():
    s = ct.Sequences.from_list([[1.0, 2.0, 3.0], [4.0]])
    assert s.values[:, :, 0].tolist() == [[1, 2, 3], [4, 0, 0]]
    assert s.lengths.tolist() == [3, 1]
    assert [row.shape for row in s.rows()] == [(3, 1), (1, 1)]


def test_rows_are_taken_with_their_lengths():
    s = ct.Sequences(np.arange(12.0).reshape(3, 2, 2), [1, 2, 1])[[2, 1]]
    assert s.values[0, 0].tolist() == [8, 9] and s.lengths.tolist() == [1, 2]


@pytest.mark.parametrize(("lengths", "error", "says"), [
    ([0, 2], DataError, "sequence 0 has length 0.*leave empty sequences out"),
    ([2, 5], DataError, "sequence 1 has length 5.*from 1 to 4"),
    ([2], ShapeError, "2 sequences need as many lengths"),
    ([1.5, 2.0], DataError, "whole numbers"),
])
def test_lengths_that_do_not_fit_are_refused(lengths, error, says):
    with pytest.raises(error, match=says):
        ct.Sequences(np.zeros((2, 4, 3)), lengths)


@pytest.mark.parametrize(("rows", "error", "says"), [
    ([], DataError, "no sequences"),
    ([np.ones((2, 3)), np.ones((2, 4))], ShapeError, r"sequence 1 has shape \(2, 4\)"),
    ([np.ones((2, 3)), np.ones((0, 3))], DataError, "sequence 1 has no time steps"),
])
def test_lists_that_are_no_sequences_are_refused(rows, error, says):
    with pytest.raises(error, match=says):
        ct.Sequences.from_list(rows)


def test_whole_numbers_are_tokens_unless_something_else_is_said():
    rows = [[3, 1, 4], [1, 5]]
    assert ct.Sequences.from_list(rows).values.tolist() == [[3, 1, 4], [1, 5, 0]]
    measured = ct.Sequences.from_list(rows, tokens=False)
    assert measured.values.tolist() == [[[3], [1], [4]], [[1], [5], [0]]] and measured.dtype == np.float64
    assert ct.Sequences.from_list([[3.0, 1.0], [2.0]], tokens=True).values.tolist() == [[3, 1], [2, 0]]
    assert ct.Sequences.from_list([[3, 1], [2.5]]).shape == (2, 2, 1)
    assert ct.Sequences.from_list([[3, -1], [2]]).shape == (2, 2, 1)  # no row of a table has a number below 0
    assert "tokens" in repr(ct.Sequences.from_list(rows)) and "1 feature" in repr(measured)
    with pytest.raises(DataError, match="sequence 1 is no row of tokens"):
        ct.Sequences.from_list([[1], [2.5]], tokens=True)


def test_arrays_with_their_channels_first_are_turned():
    values = np.arange(24.0).reshape(2, 3, 4)
    assert ct.Sequences.from_array(values, channels="first").values.tolist() == values.swapaxes(1, 2).tolist()
    assert ct.Sequences.from_array(values).shape == (2, 3, 4)
    rows = [np.ones((2, 5)), np.zeros((2, 4))]
    assert ct.Sequences.from_list(rows, channels="first").shape == (2, 5, 2)
    with pytest.raises(ShapeError, match="channels='first'"):
        ct.Sequences.from_list(rows)
    with pytest.raises(ArgumentError, match="channels is 'time': choose 'first'"):
        ct.Sequences.from_array(values, channels="time")
