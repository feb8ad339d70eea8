"""Forecasting: windows show what was and are asked what comes next; split by time, none sees what it will be asked."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from cutaway.data import SequenceEncoder, forecast_split, windows
from cutaway.errors import ArgumentError, DataError

FRAME = pd.DataFrame({"load": np.arange(6.0), "heat": np.arange(6.0) * 10})


def test_a_window_is_followed_by_its_targets():
    X, y = windows(np.arange(6.0), length=3, horizon=2)
    assert X[:, :, 0].tolist() == [[0, 1, 2], [1, 2, 3]]
    assert y.tolist() == [[3, 4], [4, 5]]


def test_windows_begin_every_step():
    cut = windows(range(10), length=3, horizon=2, step=2)
    assert cut.starts.tolist() == [0, 2, 4] and cut.X[:, 0, 0].tolist() == [0, 2, 4]


def test_all_features_are_forecast_one_step_after_the_other():
    cut = windows(FRAME, length=3, horizon=2)
    assert cut.X.shape == (2, 3, 2) and cut.X[1].tolist() == [[1, 10], [2, 20], [3, 30]]
    assert cut.target_names == ["load +1", "heat +1", "load +2", "heat +2"]
    assert cut.y.tolist() == [[3, 30, 4, 40], [4, 40, 5, 50]]


@pytest.mark.parametrize("target", ["heat", 1, ["heat"], [np.int64(1)]])
def test_one_feature_can_be_the_target(target):
    cut = windows(FRAME, length=4, target=target)
    assert cut.y.tolist() == [[40], [50]] and cut.X.shape == (2, 4, 2) and cut.target_names == ["heat +1"]


@given(st.integers(1, 6), st.integers(1, 4), st.integers(1, 4), st.integers(0, 20))
def test_every_window_is_its_part_of_the_series(length, horizon, step, more):
    series = np.arange(length + horizon + more, dtype=float)
    cut = windows(series, length, horizon, step)
    assert len(cut) == more // step + 1
    for X, y, start in zip(cut.X, cut.y, cut.starts, strict=True):
        assert np.r_[X[:, 0], y].tolist() == series[start : start + length + horizon].tolist()


def test_a_window_with_a_gap_in_its_targets_is_left_out():
    cut = windows([1.0, 2.0, 3.0, np.nan, 5.0, 6.0], length=2)
    assert cut.starts.tolist() == [0, 2, 3] and cut.notes == ["1 window left out: a gap in the targets"]
    np.testing.assert_array_equal(cut.X[1, :, 0], [3, np.nan])


def test_windows_are_the_callers_own():
    series = np.arange(6.0)
    cut = windows(series, length=3)
    cut.X[0] = 100
    assert series[0] == 0 and cut.X[1, 0, 0] == 1


def test_some_windows_are_windows():
    some = windows(range(10), length=3)[2:4]
    assert some.starts.tolist() == [2, 3] and repr(some) == "Windows(2 of 3 time steps of 1 feature -> 1 ahead)"


@pytest.mark.parametrize(("series", "says"), [
    ([1.0, 2.0, 3.0], "3 time steps, and a window of 3 with 1 to forecast needs 4"),
    ([1.0, np.inf, 3.0, 4.0, 5.0], "'value' is infinite at time step 1"),
    ([1.0, 2.0, 3.0, np.nan], "Every window has a gap"),
    (["a", "b", "c", "d"], "an array of numbers"),
    (np.zeros((2, 5, 3)), r"shape \(2, 5, 3\). Of many sequences, cut each on its own"),
    ([[1.0], [2.0, 3.0]], "an array of numbers"),
    (FRAME.assign(day="monday"), "Column 'day' does not hold numbers"),
    (FRAME.set_index(pd.date_range("2024-01-01", periods=6)[::-1]), "not in order of time"),
], ids=["short", "infinite", "gap", "text", "many", "ragged", "text column", "order"])
def test_a_series_that_cannot_be_cut_says_why(series, says):
    with pytest.raises(DataError, match=says):
        windows(series, length=3)


@pytest.mark.parametrize(("arguments", "says"), [
    ({"length": 0}, "length is a whole number of time steps of at least 1; got 0"),
    ({"length": 2, "horizon": 1.5}, "horizon is a whole number of time steps of at least 1; got 1.5"),
    ({"length": 2, "step": -1}, "step is a whole number"),
    ({"length": 2, "target": "cost"}, "target names 'cost', but the series has 'load', 'heat'"),
    ({"length": 2, "target": 2}, "target names 2"),
    ({"length": 2, "target": ["load", 0]}, "each once"),
    ({"length": 2, "target": []}, "name one feature or more"),
])
def test_arguments_that_mean_nothing_are_refused(arguments, says):
    with pytest.raises(ArgumentError, match=says):
        windows(FRAME, **arguments)


# --- split by time ----------------------------------------------------------------------------------------------------

CUTS = {
    "length": st.integers(1, 8), "horizon": st.integers(1, 6), "step": st.integers(1, 4), "steps": st.integers(30, 90),
    "fractions": st.sampled_from([0.1, 0.25, (0.2, 0.2), (0.1, 0.3), (0.1, 0.1, 0.2)]),
}


def parts_of(length, horizon, step, steps, fractions):
    """The parts of a split, each as windows; the value of a time step is its number."""
    cut = windows(np.arange(float(steps)), length, horizon, step)
    try:
        return cut, [cut[rows] for rows in forecast_split(cut, fractions)]
    except DataError:
        assume(False)


@given(**CUTS)
def test_no_earlier_part_has_seen_what_a_later_part_forecasts(**drawn):
    _, parts = parts_of(**drawn)
    for i, later in enumerate(parts):
        asked = later.y.min()
        assert all(max(earlier.X.max(), earlier.y.max()) < asked for earlier in parts[:i])


@given(**CUTS)
def test_parts_are_in_order_of_time(**drawn):
    _, parts = parts_of(**drawn)
    starts = np.concatenate([part.starts for part in parts])
    assert (np.diff(starts) > 0).all()


@given(**CUTS)
def test_held_back_parts_have_their_share(**drawn):
    cut, parts = parts_of(**drawn)
    shares = np.atleast_1d(drawn["fractions"])
    assert [len(part) for part in parts[1:]] == [max(1, round(share * len(cut))) for share in shares]


@given(**CUTS)
def test_only_windows_whose_targets_a_cut_divides_are_in_no_part(**drawn):
    cut, parts = parts_of(**drawn)
    cuts = [part.y.min() for part in parts[1:]]
    divided = [any(y.min() < moment <= y.max() for moment in cuts) for y in cut.y]
    assert len(cut) - sum(divided) == sum(map(len, parts))


def test_windows_in_any_order_are_split_by_time():
    cut = windows(range(20), length=3, horizon=2)
    shuffled = cut[np.random.default_rng(0).permutation(len(cut))]
    for rows, others in zip(forecast_split(cut, 0.25), forecast_split(shuffled, 0.25), strict=True):
        assert cut.starts[rows].tolist() == shuffled.starts[others].tolist()


def test_an_encoder_of_the_training_part_knows_nothing_of_the_test_part():
    series = np.r_[np.tile([0.0, 2.0], 10), np.full(10, 1e6)]
    cut = windows(series, length=4)
    train, _ = forecast_split(cut, 10 / len(cut))
    (column,) = SequenceEncoder().fit(cut.X[train]).columns
    assert (column.mean, column.scale) == (1, 1)


@pytest.mark.parametrize(("steps", "horizon", "fractions"), [(5, 1, (0.3, 0.3)), (12, 8, 0.5)])
def test_too_few_windows_for_the_parts_say_so(steps, horizon, fractions):
    with pytest.raises(DataError, match="parts that do not overlap: give a longer series, or set a smaller horizon"):
        forecast_split(windows(range(steps), 3, horizon), fractions)


@pytest.mark.parametrize("fractions", [0.0, 1.0, (0.5, 0.5), (), "half", -0.1])
def test_fractions_that_are_none_are_refused(fractions):
    with pytest.raises(ArgumentError, match="above 0, and their sum below 1"):
        forecast_split(windows(range(20), 3), fractions)


# ---- steps of time ---------------------------------------------------------------------------------------------------

FREQUENCIES = {
    "h": "1 hour", "15min": "15 minutes", "30s": "30 seconds", "D": "1 day", "W": "1 week", "B": "1 business day",
    "MS": "1 month", "ME": "1 month", "BME": "1 month", "QE": "1 quarter", "YS": "1 year", "2MS": "2 months",
}


def timed(index):
    return pd.Series(np.arange(float(len(index))), index=index)


@pytest.mark.parametrize("freq", FREQUENCIES)
def test_a_series_without_gaps_is_cut_in_silence(freq):
    assert windows(timed(pd.date_range("2024-01-01", periods=60, freq=freq)), 4).notes == []


@pytest.mark.parametrize("freq", FREQUENCIES)
def test_no_window_spans_steps_that_are_missing(freq):
    whole = timed(pd.date_range("2024-01-01", periods=60, freq=freq))
    with pytest.warns(UserWarning, match=f"1 gap, where 5 steps of {FREQUENCIES[freq]} are missing.*gaps='fill'"):
        cut = windows(whole.drop(whole.index[20:25]), 4)
    values = np.concatenate([cut.X[:, :, 0], cut.y], axis=1)
    assert (np.diff(values, axis=1) == 1).all() and len(cut) == (20 - 4) + (35 - 4)
    assert cut.notes[0].endswith("4 windows across a gap left out")


@pytest.mark.parametrize("when", [
    [0, 1, 2, 3, 6, 7, 8, 9],
    [0.0, 0.1, 0.2, 0.3, 0.6, 0.7, 0.8, 0.9],
    pd.to_timedelta([0, 1, 2, 3, 6, 7, 8, 9], unit="min"),
    pd.PeriodIndex(["2024-01", "2024-02", "2024-03", "2024-04", "2024-07", "2024-08", "2024-09", "2024-10"], freq="M"),
    [f"2024-01-{day:02}" for day in (1, 2, 3, 4, 7, 8, 9, 10)],
    [f"2024-01-01T{hour:02}:00+01:00" for hour in (1, 2, 3, 4, 7, 8, 9, 10)],
    [20240128, 20240129, 20240130, 20240131, 20240203, 20240204, 20240205, 20240206],
    pd.date_range("2024-03-30", periods=10, freq="D", tz="Europe/Berlin").delete([4, 5]),
    np.array([1, 2, 3, 4, 7, 8, 9, 10], "datetime64[D]"),
], ids=["ints", "floats", "durations", "periods", "text", "offsets", "yyyymmdd", "zones", "datetime64"])
@pytest.mark.parametrize("as_index", [True, False])
def test_time_in_any_form(when, as_index):
    series = timed(when) if as_index else np.arange(8.0)
    with pytest.warns(UserWarning, match="1 gap, where 2 steps"):
        cut = windows(series, 2, **({} if as_index else {"time": when}))
    assert cut.starts.tolist() == [0, 1, 4, 5]


def test_clocks_that_change_leave_no_gap_where_the_zone_is_known():
    whole = pd.date_range("2024-03-29", "2024-11-01", freq="h", tz="Europe/Berlin")
    assert windows(timed(whole), 4).notes == []
    assert windows(timed(pd.date_range("2024-03-29", periods=300, freq="D", tz="Europe/Berlin")), 4).notes == []
    with pytest.raises(DataError, match=r"2024-10-27 02:00:00 twice.*Sunday"):
        windows(timed(whole[whole.month == 10].tz_localize(None)), 4)


def test_a_clock_that_jitters_keeps_its_step():
    index = pd.date_range("2024-01-01", periods=50, freq="h") + pd.to_timedelta(np.arange(50) % 7 * 60, unit="s")
    assert windows(timed(index), 4).notes == []


def test_the_time_is_a_column_of_a_frame():
    frame = timed(pd.date_range("2024-01-01", periods=9, name="when").delete(4)).rename("load").reset_index()
    with pytest.warns(UserWarning, match="'when' has 1 gap, where 1 step of 1 day is missing after 2024-01-04"):
        cut = windows(frame, 2, time="when")
    assert cut.features == ["load"] and cut.starts.tolist() == [0, 1, 4, 5]


def test_gaps_are_filled_joined_or_refused_as_asked():
    series = timed([0, 1, 2, 5, 6])
    filled = windows(series, 2, gaps="fill")
    np.testing.assert_array_equal(filled.X[:, :, 0], [[0, 1], [np.nan, np.nan], [np.nan, 3]])
    assert filled.y[:, 0].tolist() == [2, 3, 4]
    joined = windows(series, 2, gaps="join")
    assert joined.starts.tolist() == [0, 1, 2] and joined.notes == []
    with pytest.raises(DataError, match="1 gap, where 2 steps of 1 are missing after 2"):
        windows(series, 2, gaps="refuse")
    with pytest.raises(ArgumentError, match="gaps is 'mend': choose one of 'cut', 'fill'"):
        windows(series, 2, gaps="mend")


@pytest.mark.parametrize(("when", "says"), [
    ([0, 1, 1, 2, 3, 4], r"time has 1 twice, in rows 1 and 2 \(the first row is 0\): keep one row"),
    ([0, 2, 1, 3, 4, 5], "not in order of time: time falls from 2 to 1 in row 2"),
    ([0, 1, 2, 3], "time has 4 entries, the series 6"),
    ([0, 1, 7.3, 8.9, 20, 29.7], "time keeps no step of time: its rows are from 1 to 11.1 apart.*gaps='join'"),
    ([0, 1, 2, 4, 5, 6], "at most 3 rows follow each other step by step, and a window of 3 with 1 to forecast needs 4"),
    (["1 May", "2 May", "3 May", "4 May", "5 May", "6 May"], "'1 May' is neither a number nor a date"),
], ids=["twice", "disorder", "length", "no step", "short runs", "words"])
def test_times_that_cannot_be_kept_say_why(when, says):
    with pytest.raises(DataError, match=says):
        windows(np.arange(6.0), 3, time=when)


def test_numbers_in_an_index_out_of_order_are_told():
    with pytest.warns(UserWarning, match="the index holds numbers and is not in order"):
        assert len(windows(timed([3, 1, 2, 0, 4]), 2)) == 3


def test_several_series_in_one_index_are_refused():
    with pytest.raises(DataError, match="2 levels, as of several series"):
        windows(pd.concat({"a": timed(range(5)), "b": timed(range(5))}), 2)


def test_a_split_by_time_holds_across_gaps():
    series = timed(pd.date_range("2024-01-01", periods=100, freq="h"))
    series = series.drop(series.index[24:33])
    with pytest.warns(UserWarning, match="1 gap"):
        cut = windows(series, 4, horizon=2)
    train, test = forecast_split(cut, 0.3)
    assert cut.y[train].max() < cut.y[test].min()
