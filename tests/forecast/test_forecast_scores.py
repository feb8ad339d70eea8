"""Scores and bands against numbers worked out by hand."""

import numpy as np
import pytest
from made_tracks import DAYS, track

from cutaway.errors import ArgumentError
from cutaway.forecast.bands import LEVELS, Bands, checked_coverage
from cutaway.forecast.scores import scores_by_step
from cutaway.forecast.seasons import error_at, find_season, scales


def test_scores_by_hand():
    y, forecast = np.array([[1.0, 4.0], [3.0, np.nan]]), np.array([[2.0, 2.0], [5.0, 7.0]])
    found = scores_by_step(y, forecast, forecast - 1, forecast + 3, np.array([2.0, 4.0]), (0.1, 0.9))
    np.testing.assert_allclose(found["MAE"], [1.5, 2.0])
    np.testing.assert_allclose(found["RMSE"], [np.sqrt((1 + 4) / 2), 2.0])
    np.testing.assert_allclose(found["MASE"], [(1 / 2 + 2 / 4) / 2, 2 / 2])
    np.testing.assert_allclose(found["coverage"], [0.5, 1.0])  # 1 in [1, 5], 3 not in [4, 8]; 4 in [1, 5]
    low, middle, high = (0.1 * 0 + 0.9 * 1), (0.5 * 1 + 0.5 * 2), (0.1 * 4 + 0.1 * 5)
    np.testing.assert_allclose(found["WQL"][0], 2 * (low + middle + high) / 3 / 4)


def test_a_series_that_never_changes_has_no_mase():
    size = scales([track([5.0] * 10), track([1.0, 2.0, 3.0])], 1)
    assert np.isnan(size[0]) and size[1] == 1.0
    one = np.ones((2, 1))
    assert scores_by_step(one, one + 1, one, one, np.array([np.nan, 2.0]), (0.1, 0.9))["MASE"].tolist() == [0.5]


def test_the_error_of_a_season_skips_gaps():
    assert error_at(np.array([1.0, 5.0, 2.0, np.nan, 4.0, 6.0]), 2) == pytest.approx((1 + 2) / 2)
    assert np.isnan(error_at(np.ones(3), 5))


@pytest.mark.parametrize("season", [7, 24])
def test_a_season_is_found_through_trend_noise_and_gaps(season):
    rng = np.random.default_rng(1)
    t = np.arange(400)
    y = 10 * np.sin(2 * np.pi * t / season) + 0.05 * t + rng.normal(0, 1, 400)
    assert find_season([track(np.where(rng.random(400) < 0.05, np.nan, y))], DAYS) == season


def test_a_walk_has_no_season():
    assert find_season([track(np.random.default_rng(0).normal(size=300).cumsum())], DAYS) == 1


def test_bands_hold_as_much_as_they_say_and_never_cross():
    rng = np.random.default_rng(0)
    bands = Bands.of(rng.normal(size=(4000, 3)) * np.array([1.0, 2.0, 3.0]))
    every = np.stack([bands.at(level) for level in LEVELS])
    assert (np.diff(every, axis=0) >= 0).all()
    new = rng.normal(size=(4000, 3)) * np.array([1.0, 2.0, 3.0])
    inside = (new >= bands.at(0.1)) & (new <= bands.at(0.9))
    assert abs(inside.mean() - 0.8) < 0.03


@pytest.mark.parametrize("coverage", [0, 1, 1.5, -0.1, "0.8", True, None])
def test_a_coverage_that_cannot_be(coverage):
    with pytest.raises(ArgumentError, match="coverage is"):
        checked_coverage(coverage)


def test_a_band_of_few_windows_that_do_not_overlap_is_wider_as_student_has_it():
    errors = np.random.default_rng(0).normal(size=(60, 2))
    few, many = Bands.of(errors, 4), Bands.of(errors)
    factor = 1.5332 / 1.2816 * np.sqrt(1 + 1 / 4)  # t of 4 degrees and the normal distribution, at 0.9
    np.testing.assert_allclose(few.at(0.9), factor * many.at(0.9), rtol=1e-4)
    assert (Bands.of(errors, 0.2).at(0.9) == Bands.of(errors, 1).at(0.9)).all()
