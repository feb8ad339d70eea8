"""Forecasts beyond the horizon, stretch by stretch."""

import numpy as np
import pandas as pd
import pytest
from made_tracks import track

import cutaway as ct
from cutaway.forecast.beyond import step_by_step, stretched


def test_a_stretch_begins_where_the_one_before_ended_and_errors_add_up():
    """Each stretch is the last value + 1, + 2, and its band 3 and 4 wide: behind two of them 5 at least."""
    def once(tracks):
        middle = np.stack([t.y[-1] + np.arange(1, 3) for t in tracks])
        away = np.array([3, 4])
        return [middle, middle - away, middle + away]

    middle, lower, upper = step_by_step([track([10.0]), track([0.0, 20.0])], 5, once)
    assert middle.tolist() == [[11, 12, 13, 14, 15], [21, 22, 23, 24, 25]]
    np.testing.assert_allclose((upper - middle)[0], [3, 4, 5, np.hypot(4, 4), np.hypot(3, np.hypot(4, 4))])
    np.testing.assert_allclose(middle - lower, upper - middle)


def test_a_series_goes_on_with_what_is_known_ahead_of_it():
    one = track([1.0, 2.0], known=np.array([[1.0], [2], [3]]), given=np.ones(3, bool), past=np.array([[5.0], [6.0]]))
    more = stretched(one, np.array([7.0, 8.0]))
    assert more.y.tolist() == [1, 2, 7, 8] and more.past.ravel().tolist() == [5, 6, 6, 6]
    assert more.known.ravel().tolist() == [1, 2, 3, 3] and more.given.tolist() == [True] * 3 + [False]


@pytest.mark.parametrize("season", [12, 1])
def test_the_first_steps_are_those_of_the_horizon_and_the_rest_goes_on(season):
    t = np.arange(150)
    y = 100 + t + 10 * np.sin(2 * np.pi * t / 12) * (season > 1)
    frame = pd.DataFrame({"month": pd.date_range("2000-01-01", periods=120, freq="MS"), "y": y[:120]})
    model = ct.forecast.Forecaster(horizon=8, season=season, network="linear", threads=1).fit(frame, "y", "month")
    far, near = model.predict(30), model.predict()
    pd.testing.assert_frame_equal(far.head(8), near)
    assert np.abs(far["forecast"] - y[120:]).max() < 3 and len(far) == 30
    width = (far["upper"] - far["lower"]).to_numpy()
    assert width[-1] > width[0] and str(far["month"].iloc[-1].date()) == "2012-06-01"
