"""Forecaster.evaluate: forecasts of rows that came later, by a forecaster as it is, beside rivals that know as much."""

import copy

import numpy as np
import pandas as pd
import pytest

import cutaway as ct
from cutaway.errors import DataError

HOURS = pd.date_range("2026-01-05", periods=300, freq="h")
rng = np.random.default_rng(0)
LOAD = pd.DataFrame({"when": HOURS, "load": 200 + 40 * np.sin(2 * np.pi * HOURS.hour / 24) + rng.normal(0, 2, 300)})


@pytest.fixture(scope="module")
def learnt():
    return ct.forecast.Forecaster(horizon=4, window=24, network="linear", view="level").fit(LOAD[:260], "load", "when")


def test_each_new_step_is_forecast_from_as_predict_would(learnt):
    tested = learnt.evaluate(LOAD)
    assert tested.windows == 40 and tested.horizon == 4
    stretch = tested.stretches[0]
    for k in (0, 7, 39):
        wanted = learnt.predict(frame=LOAD[: 260 + k])
        said = stretch.said["forecaster"][:, k]
        np.testing.assert_allclose(said, wanted[["forecast", "lower", "upper"]].to_numpy().T, rtol=1e-6)
        came = LOAD["load"][260 + k : 264 + k].to_numpy()
        np.testing.assert_array_equal(stretch.y[k][: len(came)], came)
        assert np.isnan(stretch.y[k][len(came) :]).all()


def test_the_scores_are_those_one_computes_by_hand(learnt):
    tested = learnt.evaluate(LOAD)
    truth, said = tested.stretches[0].y, tested.stretches[0].said["forecaster"]
    away = np.abs(truth - said[0])
    by_step = np.nanmean(away, axis=0)
    summary = tested.summary().loc["forecaster"]
    assert summary["MAE"] == pytest.approx(by_step.mean())
    season = np.abs(LOAD["load"][24:260].to_numpy() - LOAD["load"][:236].to_numpy()).mean()
    assert summary["MASE"] == pytest.approx((by_step / season).mean())
    inside = (truth >= said[1]) & (truth <= said[2])
    assert tested.by_step("coverage")["forecaster"][1] == pytest.approx(inside[:, 0].mean())


def test_rivals_know_the_rows_before_each_origin_alone(learnt):
    changed = LOAD.assign(load=np.where(np.arange(300) >= 280, -999.0, LOAD["load"]))
    one, two = (learnt.evaluate(frame).stretches[0].said for frame in (LOAD, changed))
    assert set(one) == {"forecaster", "last value", "seasonal naive", "drift", "exponential smoothing",
                        "ridge on all lags"}
    for name, forecasts in one.items():
        np.testing.assert_array_equal(forecasts[:, :20], two[name][:, :20])


def test_new_rows_alone_will_do(learnt):
    tested = learnt.evaluate(LOAD[260:], rivals=["last value"])
    np.testing.assert_array_equal(tested.stretches[0].said["forecaster"], learnt.evaluate(LOAD).stretches[0].said[
        "forecaster"])
    assert list(tested.stretches[0].said) == ["forecaster", "last value"]


def test_nothing_is_learnt_and_nothing_kept(learnt):
    before, theta = learnt.predict(), learnt.model_.theta.copy()
    learnt.evaluate(LOAD)
    assert learnt.predict().equals(before) and np.array_equal(learnt.model_.theta, theta)


def test_rows_that_were_told_are_no_longer_new(learnt):
    model = copy.copy(learnt).update(LOAD[260:290])
    assert model.evaluate(LOAD).windows == 10


def test_several_series_each_from_its_own_end():
    both = pd.concat([LOAD.assign(shop="a"), LOAD.assign(shop="b", load=LOAD["load"] * 2)])
    early = both[(both["when"] < HOURS[250]) | ((both["shop"] == "b") & (both["when"] < HOURS[280]))]
    model = ct.forecast.Forecaster(horizon=2, window=24, network="linear", view="level")
    model.fit(early, "load", "when", id="shop")
    stretch = model.evaluate(both).stretches[0]
    assert np.bincount(stretch.track).tolist() == [50, 20]


@pytest.mark.parametrize("frame", [LOAD[:260], LOAD[:100], LOAD.assign(load=np.nan)], ids=["same", "old", "empty"])
def test_rows_that_it_knows_are_refused_in_words(learnt, frame):
    with pytest.raises(DataError, match=r"lies behind 2026-01-15 19:00:00.*would look better than new ones"):
        learnt.evaluate(frame)
