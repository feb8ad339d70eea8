"""Forecaster.update: newer rows join the history, and nothing is learnt."""

import copy

import numpy as np
import pandas as pd
import pytest

import cutaway as ct
from cutaway.errors import ArgumentError, DataError

HOURS = pd.date_range("2026-01-05", periods=400, freq="h")
LOAD = pd.DataFrame({"when": HOURS, "load": 200 + 40 * np.sin(2 * np.pi * HOURS.hour / 24) + np.arange(400) % 7})


@pytest.fixture(scope="module")
def learnt():
    return ct.forecast.Forecaster(horizon=6, window=24, network="linear", view="level").fit(LOAD[:300], "load", "when")


def test_it_forecasts_behind_the_new_rows_as_predict_with_them_does(learnt):
    model = copy.copy(learnt)
    wanted = learnt.predict(frame=LOAD[300:350])
    theta = learnt.model_.theta.copy()
    assert model.update(LOAD[300:350]) is model
    assert model.predict().equals(wanted) and np.array_equal(model.model_.theta, theta)
    assert str(wanted["when"][0]) == str(HOURS[350])


def test_rows_that_end_before_what_is_known_are_told(learnt):
    with pytest.warns(UserWarning, match="the rows end at 2026-01-15 09:00:00, and the forecaster knows some up to "
                                         "2026-01-17 11:00:00: it forecasts behind those"):
        coming = learnt.predict(frame=LOAD[240:250])
    assert coming.equals(learnt.predict())


def test_rows_without_times_follow_the_last_one():
    y = LOAD[["load"]]
    model = ct.forecast.Forecaster(horizon=2, window=24, network="linear", view="level").fit(y[:300], "load")
    wanted = model.predict(frame=y[:310])
    for load in y["load"][300:310]:
        model.update({"load": load})
    assert model.predict().equals(wanted) and wanted["step"].tolist() == [310, 311]


def test_row_by_row_is_all_at_once(learnt):
    one, all_at_once = copy.copy(learnt), copy.copy(learnt).update(LOAD[300:320])
    for row in LOAD[300:320].to_dict("records"):
        one.update(row)
    assert one.predict().equals(all_at_once.predict())


def test_a_file_keeps_what_was_told(learnt, tmp_path):
    model = copy.copy(learnt).update(LOAD[300:310])
    ct.save(model, tmp_path / "m.safetensors")
    assert ct.load(tmp_path / "m.safetensors").predict().equals(model.predict())


def test_a_gap_before_the_new_rows_is_empty_steps(learnt):
    model = copy.copy(learnt).update(LOAD[305:310])
    assert np.isnan(model.tails_[0].y[-10:-5]).all() and (model.tails_[0].y[-5:] == LOAD["load"][305:310]).all()


def test_a_correction_takes_the_place_of_what_was_told(learnt):
    model = copy.copy(learnt).update({"when": HOURS[299], "load": 5.0})
    assert model.tails_[0].y[-1] == 5.0 and len(model.tails_[0]) == len(learnt.tails_[0])


def test_other_series_stay_and_new_ones_come():
    both = pd.concat([LOAD.assign(shop=shop, load=LOAD["load"] * k) for k, shop in ((1, "a"), (2, "b"))])
    early = both[both["when"] < HOURS[300]]
    model = ct.forecast.Forecaster(horizon=3, window=24, network="linear", view="level")
    model.fit(early, "load", "when", id="shop")
    before = model.predict()
    model.update(LOAD[:60].assign(shop="c")).update({"when": HOURS[300], "load": 210.0, "shop": "a"})
    after = model.predict()
    assert after["shop"].tolist() == ["a"] * 3 + ["b"] * 3 + ["c"] * 3
    assert after[after["shop"] == "b"].equals(before[before["shop"] == "b"])
    assert str(after["when"][0]) == str(HOURS[301])


@pytest.mark.parametrize(("row", "kind", "says"), [
    ({"when": "2026-02-30", "load": 1.0}, DataError, "neither a number nor a date"),
    ({"when": HOURS[300] + pd.Timedelta("20min"), "load": 1.0}, DataError, "between the steps"),
    ({"when": HOURS[300], "loat": 1.0}, DataError, "no value of 'load'"),
    ({"when": HOURS[300], "load": "much"}, DataError, "load"),
])
def test_rows_that_cannot_be_are_refused_and_change_nothing(learnt, row, kind, says):
    model = copy.copy(learnt)
    with pytest.raises(kind, match=says):
        model.update(row)
    assert model.predict().equals(learnt.predict())


def test_rows_of_long_ago_take_nothing_away(learnt):
    model = copy.copy(learnt).update(LOAD[:200])
    assert model.predict().equals(learnt.predict())


def test_it_must_be_fitted():
    with pytest.raises(Exception, match="not fitted"):
        ct.forecast.Forecaster().update(LOAD)


def test_a_predictor_of_a_forecaster_is_refused_with_what_to_do(learnt):
    with pytest.raises(ArgumentError, match=r"got Forecaster; it takes new rows itself, forecaster\.update"):
        ct.predictor(learnt)
