"""Backtests: what is learnt before a cut knows nothing of what comes, rivals as little, and the winner is named."""

import numpy as np
import pandas as pd
import pytest

import cutaway as ct
from cutaway.errors import ArgumentError

Forecaster = ct.forecast.Forecaster
LINEAR = {"horizon": 12, "window": 24, "network": "linear", "view": "series", "threads": 1}


@pytest.fixture(scope="module")
def tested(one):
    return Forecaster(**LINEAR).backtest(one, "load", "when")


def test_every_rival_is_scored_behind_every_cut_and_at_every_step(tested):
    scores = tested.scores
    assert scores.groupby("rival").size().unique().tolist() == [3 * 12]
    assert set(scores["rival"]) == {"forecaster", "last value", "seasonal naive", "drift", "exponential smoothing",
                                    "ridge on all lags"}
    assert list(scores.columns[3:]) == ["MASE", "MAE", "RMSE", "WQL", "coverage"] and scores.notna().all().all()
    assert tested.by_step("MAE").shape == (12, 6) and (tested.summary()["coverage"].between(0, 1)).all()


def test_the_winner_is_named_even_if_it_is_another(tested):
    best = tested.summary().index[0]
    assert tested.best == best and ("The forecaster wins" in tested.verdict) == (best == "forecaster")
    walk = np.random.default_rng(3).normal(size=200).cumsum()
    other = Forecaster(**LINEAR).backtest(walk)
    assert "last value" in str(other) and other.verdict.split(" wins")[0].lower() in (
        "the last value", "drift", "exponential smoothing", "the seasonal naive forecast", "ridge on all lags",
        "the forecaster")


def test_cuts_follow_each_other_and_windows_stay_between_them(tested):
    ticks = [stretch.cut for stretch in tested.stretches]
    assert len(ticks) == 3 and ticks == sorted(ticks)
    size = tested.calendar.size
    for stretch, end in zip(tested.stretches, [*ticks[1:], np.inf], strict=True):
        starts = stretch.ticks(tested.calendar)
        assert (starts >= stretch.cut).all() and (starts + 12 * size <= end + 1).all()


def test_the_future_changes_nothing_that_was_forecast_before(one, tested):
    last = pd.to_datetime(tested.stretches[-1].cut, unit="us")
    changed = one.assign(load=one["load"].where(one["when"] < last, 1e4 - one["load"]))
    other = Forecaster(**LINEAR).backtest(changed, "load", "when")
    for before, after in zip(tested.stretches[:2], other.stretches[:2], strict=True):
        for name, said in before.said.items():
            np.testing.assert_array_equal(said, after.said[name], err_msg=name)
    first = tested.stretches[-1].origin.argmin()
    for name, said in tested.stretches[-1].said.items():  # made at the cut, of what was before it
        np.testing.assert_array_equal(said[:, first], other.stretches[-1].said[name][:, first], err_msg=name)


def test_mase_of_the_seasonal_naive_forecast_by_hand(one, tested):
    stretch, y = tested.stretches[0], one["load"].to_numpy()
    cut = int((one["when"] < pd.to_datetime(stretch.cut, unit="us")).sum())
    season = tested.seasons[0]
    size = np.abs(y[season:cut] - y[:cut - season]).mean()
    np.testing.assert_allclose(stretch.size, size)
    at = stretch.origin
    errors = np.abs(y[at[:, None] + np.arange(12)] - y[at[:, None] + np.arange(12) - season])
    row = tested.scores[(tested.scores["rival"] == "seasonal naive")][:12]
    np.testing.assert_allclose(row["MASE"], errors.mean(axis=0) / size)


def test_a_season_longer_than_the_window_is_the_rivals_all_the_same():
    rng = np.random.default_rng(0)
    days = pd.date_range("2026-01-05", periods=7 * 40)
    frame = pd.DataFrame({"t": days, "y": 10.0 * (days.day_of_week > 4) + rng.normal(0, 0.5, len(days))})
    tested = Forecaster(horizon=3, window=4, network="linear", view="level").backtest(frame, "y", "t", cuts=1)
    assert tested.seasons == [7] and tested.model.layout_.season == 0
    assert tested.summary().loc["seasonal naive", "MAE"] < 1


def test_the_worst_windows_do_not_overlap(tested):
    worst = tested.worst(4)
    apart = np.abs(np.diff(np.sort(worst["from"].to_numpy()))).astype("timedelta64[h]").astype(int)
    assert (apart >= 12).all() and worst["MASE"].is_monotonic_decreasing


def test_a_short_series_has_fewer_cuts_and_says_so():
    y = np.sin(np.arange(72) / 2) + np.arange(72) / 50
    tested = Forecaster(horizon=12, network="linear").backtest(y)
    assert len(tested.stretches) == 1 and tested.notes == ["the latest 20% has room for 1 cut, each with 12 steps"]


@pytest.mark.parametrize("how", [{"test": 0}, {"test": 1.2}, {"cuts": 0}, {"rivals": ["arima"]}])
def test_what_cannot_be_tested(one, how):
    with pytest.raises(ArgumentError):
        Forecaster(**LINEAR).backtest(one, "load", "when", **how)


def test_a_backtest_is_drawn(tmp_path, tested):
    tested.plot(tmp_path / "b.png")
    assert (tmp_path / "b.png").stat().st_size > 5000


def test_a_series_that_never_changes_has_a_verdict_without_a_share_of_nothing():
    days = pd.DataFrame({"when": pd.date_range("2026-01-01", periods=60), "load": 5.0})
    flat = Forecaster(horizon=2, network="linear", view="series", threads=1).backtest(days, "load", "when")
    assert flat.summary()["MASE"].isna().all() and "inf" not in flat.verdict and "nan" not in flat.verdict
