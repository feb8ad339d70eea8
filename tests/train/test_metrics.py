"""Scores where their formulas have a hole: targets that do not vary, ties, and outputs that are not numbers."""

import numpy as np
import pytest

from cutaway.train.metrics import accuracy, mae, r2, rmse


@pytest.mark.parametrize("value", [0.1, 3.0, 1e9 / 3])
def test_r2_of_a_target_that_does_not_vary(value):
    """1 if it is met, else 0, as in scikit-learn. (The mean of 0.1s is not 0.1, so the variance is not zero.)"""
    y = np.full(1_000, value)
    assert r2(y[:, None], y) == 1
    assert r2(y[:, None] + 1e-3 * value, y) == 0


def test_r2_of_a_target_that_varies_where_it_has_weight():
    assert r2(np.array([[1.0], [1.0], [5.0]]), np.array([1.0, 1.0, 2.0]), np.array([1.0, 1.0, 0.0])) == 1


def test_r2_far_from_zero():
    y = 1e9 + np.arange(100.0)
    assert r2(y[:, None] + 1, y) == pytest.approx(1 - 1 / np.arange(100).var(), rel=1e-6)


def test_a_tie_counts_as_predict_decides_it():
    """Equal outputs: the first class; an output of zero, a probability of one half: the second."""
    assert accuracy(np.zeros((2, 3)), np.array([0, 1])) == 0.5
    assert accuracy(np.zeros((2, 1)), np.array([1.0, 0.0])) == 0.5
    assert accuracy(np.zeros((1, 1)), np.array([1.0])) == 1


@pytest.mark.parametrize("score", [r2, rmse, mae])
def test_outputs_that_are_no_numbers_give_no_score(score):
    assert np.isnan(score(np.array([[np.nan], [1.0]]), np.array([0.0, 1.0])))
