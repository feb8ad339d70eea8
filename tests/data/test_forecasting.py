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
}  # fmt: skip


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
