"""The column that says when rows are, where nobody names one."""

import numpy as np
import pandas as pd
import pytest

import cutaway as ct
from cutaway.forecast.time_column import timed

DAYS = pd.date_range("2026-01-01", periods=20)
Y = np.random.default_rng(0).normal(size=20)


@pytest.mark.parametrize(("columns", "time"), [
    ({"at": DAYS}, "at"),
    ({"heat": Y, "at": DAYS.astype(str)}, "at"),
    ({"n": np.arange(20), "at": DAYS}, "at"),                   # dates before numbers
    ({"from": DAYS, "to": DAYS + pd.Timedelta("1D")}, "from"),  # the first of several
    ({"year": np.r_[1990:2009, 2012]}, "year"),                 # a few steps may be missing
    ({"half": np.arange(20) / 2}, "half"),
    ({"heat": Y}, None), ({"total": np.abs(Y).cumsum()}, None), ({"sold": np.arange(20)[::-1]}, None),
    ({"kind": ["a", "b"] * 10}, None), ({"n": np.r_[:19, np.nan]}, None), ({"flag": Y > 0}, None),
])
def test_it_is_the_first_of_dates_or_one_that_rises_by_one_step(columns, time):
    _, roles, notes = timed(pd.DataFrame({"y": Y, **columns}), "y", None, None, ())
    assert roles.time == time and len(notes) == (time is not None)


def test_of_several_series_it_rises_within_each():
    frame = pd.DataFrame({"y": Y, "week": np.r_[:10, 5:15], "shop": ["a"] * 10 + ["b"] * 10})
    assert timed(frame, "y", None, "shop", ())[1].time == "week"
    assert timed(frame, "y", None, None, ())[1].time is None


def test_a_column_that_is_said_to_be_something_else_is_not_taken_and_a_named_one_is():
    frame = pd.DataFrame({"y": Y, "n": np.arange(20), "at": DAYS})
    assert timed(frame, "y", None, None, ("at",))[1].time == "n"
    assert timed(frame, "y", "n", None, ())[1:] == (timed(frame, "y", "n", None, ())[1], [])


def test_a_forecaster_tells_which_it_took_and_its_backtest_takes_it_too():
    hours = pd.date_range("2026-01-05", periods=200, freq="h")
    frame = pd.DataFrame({"load": 50 + 9 * np.sin(hours.hour * np.pi / 12), "when": hours})
    model = ct.forecast.Forecaster(horizon=2, window=24, network="linear", view="level")
    tested = model.backtest(frame, "load", rivals=["drift"], cuts=1)
    assert tested.calendar.words == "1 hour"
    assert "'when', the first column of dates" in model.fit(frame, "load").notes_[0]
    assert model.predict().columns[0] == "when"
