"""Rivals against forecasts worked out by hand."""

import numpy as np
import pytest
from made_tracks import track

from cutaway.forecast.rivals import (
    RIVALS,
    Contest,
    drift,
    exponential_smoothing,
    last_value,
    ridge_on_lags,
    seasonal_naive,
)
from cutaway.forecast.smoothing import smooth, smooth_windows


def contest(y, season=1, horizon=3, length=4, cut=None):
    one = track(y)
    past = track(y[:cut])
    return Contest([past], [one], season, horizon, length)


def test_simple_forecasts_by_hand():
    y = np.array([1.0, 3.0, 2.0, 4.0, 3.0, 5.0])
    c, at = contest(y, 2), [np.array([4, 6])]
    assert last_value(c, at).tolist() == [[4, 4, 4], [5, 5, 5]]
    assert seasonal_naive(c, at).tolist() == [[2, 4, 2], [3, 5, 3]]
    np.testing.assert_allclose(drift(c, at), [[5, 6, 7], [5.8, 6.6, 7.4]])


def test_a_gap_is_as_before():
    y = np.array([1.0, 3.0, 2.0, 4.0, np.nan, np.nan])
    assert last_value(contest(y), [np.array([6])]).tolist() == [[4, 4, 4]]
    assert seasonal_naive(contest(y, 2), [np.array([6])]).tolist() == [[2, 4, 2]]


def test_smoothing_by_hand():
    """l = 1, b = 0; y = 2: expected 1, e = 1, l = 1.5, b = 0.25; y = 3: expected 1.5 + 0.9 · 0.25 = 1.725, ..."""
    setting = np.array([[0.5, 0.25, 0.0, 0.9]])
    total, ahead = smooth(np.array([1.0, 2.0, 3.0]), setting, 1, np.array([3]), 2)
    e = 3 - 1.725
    level, trend = 1.725 + 0.5 * e, 0.9 * 0.25 + 0.25 * e
    np.testing.assert_allclose(total, [1 + e**2])
    np.testing.assert_allclose(ahead[0, 0], [level + 0.9 * trend, level + (0.9 + 0.81) * trend])


def test_a_window_is_smoothed_as_a_series_is():
    """With one cycle to begin from, both begin alike: the season is what it was in the first cycle."""
    y = np.array([3.0, 5.0, 4.0, 6.0, 3.5, 5.5])
    setting = np.array([[0.3, 0.1, 0.2, 0.9]])
    _, series = smooth(y, setting, 1, np.array([6]), 3)
    window = smooth_windows(y[None], setting[0], 1, 3)
    np.testing.assert_allclose(window[0], smooth(y, setting, 1, np.array([6]), 3)[1][0, 0])
    assert series.shape == (1, 1, 3)
    season = smooth_windows(np.tile([1.0, 2.0, 6.0], 3)[None], (0.3, 0.1, 0.2, 0.9), 3, 4)
    np.testing.assert_allclose(season, [[1, 2, 6, 1]], atol=1e-9)


def test_smoothing_follows_a_season_and_a_trend():
    t = np.arange(120.0)
    y = 50 + 0.5 * t + 10 * np.sin(2 * np.pi * t / 12)
    found = exponential_smoothing(contest(y, 12, 12, cut=100), [np.array([100])])
    assert np.abs(found[0] - y[100:112]).mean() < 1.5


def test_smoothing_does_not_run_away_with_cycles_of_logarithms():
    """Lynx caught in Canada are like this: tenfold up and down every ten years, and no season to the year."""
    rng = np.random.default_rng(0)
    y = np.exp(7 + 1.3 * np.sin(2 * np.pi * np.arange(114) / 9.6) + rng.normal(0, 0.3, 114))
    found = exponential_smoothing(contest(y, 1, 10, cut=90), [np.arange(90, 104)])
    assert found.max() < 3 * y.max()


def test_ridge_on_all_lags_continues_a_wave():
    t = np.arange(300.0)
    y = np.sin(2 * np.pi * t / 17) + 5
    found = ridge_on_lags(contest(y, 1, 5, 40, cut=250), [np.array([250, 260])])
    np.testing.assert_allclose(found, [y[250:255], y[260:265]], atol=0.02)


@pytest.mark.parametrize("name", RIVALS)
def test_no_rival_sees_what_comes(name):
    rng = np.random.default_rng(0)
    y = 10 + np.sin(np.arange(120) / 2) + rng.normal(0, 0.1, 120)
    other = np.where(np.arange(120) >= 100, -99.0, y)
    a, b = (RIVALS[name](contest(some, 12, 4, 24, cut=90), [np.array([100])]) for some in (y, other))
    np.testing.assert_array_equal(a, b)
