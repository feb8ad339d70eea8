"""What a forecaster is made of: the best of each kind, weighted by their errors, each learnt before it is scored."""

import numpy as np
import pandas as pd
import pytest
from made_tracks import DAYS, track

import cutaway as ct
from cutaway.forecast.choice import ForecastSettings, best_of_each, choose, kind_of, trained_parts
from cutaway.forecast.members import Member, in_units, mean_of
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
            candidate("linear", "smooth", 1.4), candidate("none", "smooth", 1.6), candidate("mlp", "level", 1.45)]
    assert [one.name for one in best_of_each(some)] == ["linear level", "linear series", "linear smooth", "mlp level"]
    assert [kind_of(one) for one in some] == ["series", "window", "window", "beside", "smoothing", "mlp"]


def test_the_mean_is_of_forecasts_and_weights_fall_with_the_error_squared(fitted):
    members = fitted.members_
    assert len(members) > 2 and sum(m.weight for m in members) == pytest.approx(1)
    errors = dict(fitted.trials_)
    best, other = members[:2]
    assert best.weight / other.weight == pytest.approx((errors[other.words] / errors[best.words]) ** 2)
    assert fitted.trials_[-1][0] == f"mean of {len(members)}"
    assert [row[1] for row in fitted.design_ if not row[0]] == [m.words for m in members]


def test_a_mean_of_two_members_by_hand():
    """One has logarithms: exp(0 + 1 · log 4) = 4; the other 1 + 2 · 3.5 = 8; a quarter and three quarters are 7."""
    log, plain = Layout(4, 1, 0, log=True), Layout(4, 1, 0)
    members = [Member(log, {}, 9.0, 0.25), Member(plain, {}, 9.0, 0.75)]
    nothing = np.zeros(1, int)
    rows = [WindowRows(np.zeros((1, 1)), np.array([[base]]), np.array([scale]), np.zeros((1, 1)), nothing, nothing)
            for base, scale in ((0.0, 1.0), (1.0, 2.0))]
    z = mean_of(members, rows, np.array([[np.log(4.0), 3.5]]))
    np.testing.assert_allclose(z, [[np.log(7.0)]])
    np.testing.assert_allclose(in_units(log, rows[0], np.array([[7.0]])), z)


def test_all_members_survive_a_file(tmp_path, fitted):
    ct.save(fitted, tmp_path / "m.safetensors")
    back = ct.load(tmp_path / "m.safetensors")
    pd.testing.assert_frame_equal(back.predict(), fitted.predict(), check_exact=True)
    assert back.members_ == fitted.members_


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
    assert trained_parts("auto", 5000) == ["mlp", "gru", "tcn"] and trained_parts("lstm", 50) == ["lstm"]


@pytest.mark.parametrize(("network", "parts"), [("linear", ["linear"]), ("smoothing", ["none"]), ("mlp", ["mlp"]),
                                                ("both", ["linear", "mlp"]), ("gru", ["gru"]), ("tcn", ["tcn"])])
def test_what_is_asked_for_is_taken(network, parts):
    y = 10 + np.sin(np.arange(90) / 3)
    trial = FoldTrial([track(y)], DAYS, Layout(8, 2, 0, memory=30))
    chosen = choose(trial, ForecastSettings(network=network, threads=1), 80)
    assert [one.part for one in chosen.some] == parts and chosen.why == "as asked"
