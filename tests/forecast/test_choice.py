"""What a forecaster is made of: the best of each kind, whose median is forecast, each learnt before it is scored."""

import copy
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from made_tracks import DAYS, track

import cutaway as ct
from cutaway.forecast.choice import ForecastSettings, best_of_each, choose, kind_of, trained_parts
from cutaway.forecast.members import Member, in_units, middle_of
from cutaway.forecast.smoothing import smooth_windows
from cutaway.forecast.trial import Candidate, FoldTrial
from cutaway.forecast.windows import Layout, WindowRows


def candidate(part, view, error, **more):
    return Candidate(f"{part} {view}", Layout(4, 2, 0, view, **more), part, error=error)


@pytest.fixture(scope="module")
def monthly():
    rng, t = np.random.default_rng(0), np.arange(144)
    y = (100 + t) * (1 + 0.2 * np.sin(2 * np.pi * t / 12)) * np.exp(rng.normal(0, 0.02, len(t)))
    return pd.DataFrame({"month": pd.date_range("2000-01-01", periods=144, freq="MS"), "y": y})


@pytest.fixture(scope="module")
def fitted(monthly):
    return ct.forecast.Forecaster(horizon=6, threads=1).fit(monthly, "y", "month")


def test_of_each_kind_the_best_is_taken_and_who_errs_much_more_is_left_out():
    some = [candidate("linear", "series", 1.2), candidate("linear", "level", 1.0), candidate("linear", "last", 1.1),
            candidate("linear", "smooth", 1.4), candidate("none", "smooth", 2.1), candidate("mlp", "level", 1.45),
            candidate("ridge", "series", 1.9), candidate("gru", "level", 1.3), candidate("lstm", "level", 1.25)]
    assert [one.name for one in best_of_each(some)] == ["linear level", "linear series", "lstm level", "linear smooth",
                                                        "mlp level", "ridge series"]
    assert [kind_of(one) for one in some] == ["series", "window", "window", "beside", "smoothing", "mlp", "ridge",
                                              "recurrent", "recurrent"]


def test_the_best_member_stands_first_and_the_median_last_among_those_tried(fitted):
    members, errors = fitted.members_, dict(fitted.trials_)
    assert len(members) > 2 and "ridge on all lags" in errors
    assert [errors[m.words] for m in members] == sorted(errors[m.words] for m in members)
    assert fitted.trials_[-1][0] == f"median of {len(members)}"
    assert [row[1] for row in fitted.design_ if not row[0]] == [m.words for m in members]


LOG, AS_IS, NOTHING = Layout(4, 1, 0, log=True), Layout(4, 1, 0), np.zeros(1, int)
ROWS = [WindowRows(np.zeros((1, 1)), np.array([[base]]), np.array([scale]), np.zeros((1, 1)), NOTHING, NOTHING)
        for base, scale in ((0.0, 1.0), (1.0, 2.0), (0.0, 1.0))]


def test_a_median_of_three_members_by_hand():
    """One has logarithms: exp(0 + 1 · log 4) = 4; the second 1 + 2 · 3.5 = 8; the third 0 + 1 · 5 = 5, the middle."""
    members = [Member(LOG, {}, 9.0), Member(AS_IS, {}, 9.0), Member(AS_IS, {}, 9.0)]
    z = middle_of(members, ROWS, np.array([[np.log(4.0), 3.5, 5.0]]))
    np.testing.assert_allclose(z, [[np.log(5.0)]])
    np.testing.assert_allclose(in_units(LOG, ROWS[0], np.array([[5.0]])), z)
    np.testing.assert_allclose(middle_of(members[:2], ROWS[:2], np.array([[np.log(4.0), 3.5]])), [[np.log(6.0)]])


def test_a_file_of_before_has_weights_and_forecasts_their_mean():
    """A quarter of 4 and three quarters of 8 are 7."""
    members = [Member(LOG, {}, 9.0, weight=0.25), Member(AS_IS, {}, 9.0, weight=0.75)]
    z = middle_of(members, ROWS[:2], np.array([[np.log(4.0), 3.5]]))
    np.testing.assert_allclose(z, [[np.log(7.0)]])


def test_all_members_survive_a_file(tmp_path, fitted):
    ct.save(fitted, tmp_path / "m.safetensors")
    back = ct.load(tmp_path / "m.safetensors")
    pd.testing.assert_frame_equal(back.predict(), fitted.predict(), check_exact=True)
    assert back.members_ == fitted.members_


def test_the_weights_of_before_survive_a_file(tmp_path, fitted):
    before = copy.copy(fitted)
    before.members_ = [replace(one, weight=1.0 + k) for k, one in enumerate(fitted.members_)]
    ct.save(before, tmp_path / "m.safetensors")
    back = ct.load(tmp_path / "m.safetensors")
    pd.testing.assert_frame_equal(back.predict(), before.predict(), check_exact=True)
    assert not back.predict().equals(fitted.predict())


def test_newer_rows_are_forecast_as_if_they_had_been_there(monthly, fitted):
    whole = fitted.predict(frame=monthly)
    pd.testing.assert_frame_equal(whole, fitted.predict(), check_exact=False)


def test_too_few_windows_to_compare_are_smoothed():
    t = np.arange(44)
    frame = pd.DataFrame({"month": pd.date_range("2000-01-01", periods=44, freq="MS"),
                          "y": 50 + t + 10 * np.sin(2 * np.pi * t / 12)})
    model = ct.forecast.Forecaster(horizon=12, season=12).fit(frame, "y", "month")
    assert [m.words for m in model.members_] == ["exponential smoothing", "as before"] and not model.trials_
    truth = 50 + np.arange(44, 56) + 10 * np.sin(2 * np.pi * np.arange(44, 56) / 12)
    assert np.abs(model.predict()["forecast"] - truth).max() < 15


def test_what_smoothing_is_set_to_for_a_fold_knows_nothing_of_what_comes():
    rng = np.random.default_rng(0)
    y = rng.normal(size=120).cumsum()
    later = np.where(np.arange(120) >= 90, 1e3 * y, y)
    layout = Layout(8, 4, 0, "smooth", memory=40)
    a, b = (FoldTrial([track(some)], DAYS, layout).settled(layout, 90 * DAYS.size) for some in (y, later))
    assert a.smoothing == b.smoothing != (0, 0, 0, 0)


def test_steps_before_a_series_began_are_none():
    y = np.array([3.0, 5.0, 4.0, 6.0, 3.5, 5.5])
    settings = np.array([[0.3, 0.1, 0.2, 0.9], [0.5, 0.0, 0.0, 0.0]])
    padded = np.concatenate([np.full(4, np.nan), y])
    for season in (1, 2):
        np.testing.assert_allclose(smooth_windows(padded[None], settings, season, 3),
                                   smooth_windows(y[None], settings, season, 3))


def test_what_reads_step_by_step_is_tried_where_there_are_many_windows():
    assert trained_parts("auto", 50) == [] and trained_parts("auto", 500) == ["mlp"]
    assert trained_parts("auto", 5000) == ["mlp", "gru", "lstm", "tcn"] and trained_parts("lstm", 50) == ["lstm"]


@pytest.mark.parametrize(("network", "parts"), [("linear", ["linear"]), ("smoothing", ["none"]), ("mlp", ["mlp"]),
                                                ("both", ["linear", "mlp"]), ("gru", ["gru"]), ("tcn", ["tcn"])])
def test_what_is_asked_for_is_taken(network, parts):
    y = 10 + np.sin(np.arange(90) / 3)
    trial = FoldTrial([track(y)], DAYS, Layout(8, 2, 0, memory=30))
    chosen = choose(trial, ForecastSettings(network=network, runs_on={"threads": 1}), 80)
    assert [one.part for one in chosen.some] == parts and chosen.why == "as asked"
