"""What is tried on sequences before a network is designed: their scale, and whether the place matters."""

import numpy as np
import pytest

import cutaway as ct
from cutaway.data import TargetEncoder, windows
from cutaway.estimators.sequence_trial import tried

RNG = np.random.default_rng(0)
N, T = 60, 50
LABELS = np.arange(N) % 2
SHAPES = np.sin(np.arange(T) * np.where(LABELS, 0.4, 0.7)[:, None] + RNG.uniform(0, 6, (N, 1)))
SHAPES = SHAPES + 0.3 * RNG.standard_normal((N, T))


def of(X, y):
    return tried(X, y, TargetEncoder().fit(y))


def test_series_that_differ_in_level_and_size_by_chance_are_scaled_each_by_itself():
    X = (SHAPES * 10.0 ** RNG.uniform(-2, 2, (N, 1)) + 100 * RNG.standard_normal((N, 1)))[:, :, None]
    found = of(X, LABELS)
    assert found.each and found.own > found.shared + 0.1
    assert "each series scaled by its own mean and deviation" in found.scale_reason
    plan = ct.design(X, LABELS)
    assert plan.encoder.each and plan.reasons["input"] == found.scale_reason


def test_series_of_very_different_sizes_are_scaled_each_by_itself_if_that_loses_nothing():
    """A linear model on shares of places hardly minds sizes; a network does."""
    X = (SHAPES - SHAPES.mean(1, keepdims=True)) * 10.0 ** RNG.uniform(-3, 3, (N, 1))
    found = of(X[:, :, None], LABELS)
    assert found.each and found.apart > 1000 and "sizes differ by a factor of" in found.scale_reason


def test_series_whose_size_is_what_tells_them_apart_stay_as_they_are():
    X = (RNG.standard_normal((N, T)) * np.where(LABELS, 1.0, 1.6)[:, None])[:, :, None]
    found = of(X, LABELS)
    assert not found.each and found.shared > found.own


def test_series_that_are_scaled_already_are_not_tried():
    X = (SHAPES - SHAPES.mean(1, keepdims=True)) / SHAPES.std(1, keepdims=True)
    found = of(X[:, :, None], LABELS)
    assert found.own is None and not found.each and "scaled already" in found.scale_reason


def test_windows_of_one_series_are_known_by_their_neighbours():
    cut = windows(np.cumsum(RNG.standard_normal(300)), length=24)
    found = of(cut.X, cut.y)
    assert found.windows and found.by_place and not found.each


def test_the_place_matters_where_a_number_is_that_of_one_step():
    X = RNG.standard_normal((200, 30, 1))
    found = of(X, X[:, 11, 0] - X[:, 29, 0])
    assert found.by_place and not found.windows and "with the steps in order" in found.place_reason


def test_the_place_does_not_matter_for_how_fast_a_series_swings():
    speed = RNG.uniform(0.2, 1.5, N)
    X = np.sin(np.arange(T) * speed[:, None] + RNG.uniform(0, 6, (N, 1)))
    assert not of(X[:, :, None], speed).by_place


@pytest.mark.parametrize(("X", "y"), [
    (np.zeros((20, 5, 1)), np.arange(20.0)), (RNG.standard_normal((4, 5, 1)), np.arange(4.0)),
], ids=["nothing in X", "few rows"])
def test_where_nothing_can_be_told_nothing_is_tried(X, y):
    assert of(X, y) is None


def test_gaps_lengths_and_several_labels_are_tried_too():
    rows = [row[: T - i % 9, None].copy() for i, row in enumerate(SHAPES)]
    rows[3][5] = np.nan
    for y in (LABELS, np.column_stack([LABELS, 1 - LABELS]), np.array(list("abc"))[np.arange(N) % 3]):
        assert np.isfinite(of(rows, y).shared)
