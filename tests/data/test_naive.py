"""Simple forecasts: the last value and the season, found in what was learnt from and nowhere else."""

import numpy as np
import pytest

from cutaway.data import forecast_split, windows
from cutaway.data.naive import naive_forecasts, season_of

rng = np.random.default_rng(0)
T = np.arange(1200)


@pytest.mark.parametrize(("series", "season"), [
    (np.sin(2 * np.pi * T / 12), 12),
    (np.sin(2 * np.pi * T / 24) + 0.3 * rng.normal(size=len(T)), 24),
    ((T % 7 == 0) * 1.0, 7),
    (np.exp(T / 400) * (2 + np.sin(2 * np.pi * T / 12)), 12),
    (1e300 * np.sin(2 * np.pi * T / 12), 12),
    (np.where(T % 50 == 3, np.nan, np.sin(2 * np.pi * T / 24)), 24),
    (np.sin(2 * np.pi * T / 24) + 2 * np.sin(2 * np.pi * T / 168), 168),
    (rng.normal(size=len(T)), 0), (T * 1.0, 0), (np.ones(50), 0), (np.full(50, np.nan), 0), (T[:5] % 2, 0),
], ids=["sine", "noisy", "weekly spike", "growing", "huge", "gaps", "day and week", "noise", "line", "constant",
        "all gaps", "short"])
def test_the_season_of_a_series(series, season):
    with np.errstate(over="ignore"):
        assert season_of(series) == season


def test_forecasts_of_several_steps_never_look_ahead():
    series = np.sin(2 * np.pi * T / 12) + T / 100
    cut = windows(series, 5, horizon=20)
    train, test = forecast_split(cut, 0.2)
    found = naive_forecasts(cut, train, test)
    assert list(found) == ["the last value", "the value 12 steps before"]
    first = cut.starts[test[3]] + 5
    assert found["the last value"][3] == pytest.approx(np.full(20, series[first - 1]))
    steps = np.r_[np.arange(first - 12, first), np.arange(first - 12, first - 4)]  # the season, and its start again
    assert found["the value 12 steps before"][3] == pytest.approx(series[steps])


def test_the_season_is_found_in_what_was_learnt_from():
    series = np.r_[rng.normal(size=600), 5 * np.sin(2 * np.pi * T[:600] / 12)]
    cut = windows(series, 5)
    assert list(naive_forecasts(cut, np.arange(500), np.arange(700, 900))) == ["the last value"]


def test_several_targets_in_their_order():
    frame = np.c_[np.sin(2 * np.pi * T / 12), T, np.cos(2 * np.pi * T / 12)]
    cut = windows(frame, 4, horizon=3, target=[0, 2])
    found = naive_forecasts(cut, np.arange(900), np.arange(1000, 1100))
    assert found["the value 12 steps before"] == pytest.approx(cut.y[1000:1100], abs=1e-9)
    assert found["the last value"][0] == pytest.approx(np.tile(frame[1003, [0, 2]], 3))


def test_gaps_take_the_value_before():
    series = np.arange(40.0)
    series[10] = np.nan
    cut = windows(series, 3)
    at = int(np.flatnonzero(cut.starts == 8)[0])  # shows 8, 9 and the gap
    assert naive_forecasts(cut, np.arange(20), np.array([at]))["the last value"][0, 0] == 9


def test_behind_a_gap_in_time_a_season_is_not_counted_across_it():
    series = np.sin(2 * np.pi * T / 12)
    kept = np.r_[0:700, 705:1200]
    with pytest.warns(UserWarning, match="1 gap"):
        cut = windows(series[kept], 4, time=kept)
    behind = np.flatnonzero(cut.starts >= 700)
    found = naive_forecasts(cut, np.arange(650), behind)["the value 12 steps before"]
    assert found[:8] == pytest.approx(cut.X[behind[:8], -1])  # no season is known yet
    assert found[8:] == pytest.approx(cut.y[behind[8:]], abs=1e-9)
