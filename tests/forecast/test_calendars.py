"""Calendars: the step that times keep, its ticks, and times for ticks again."""

import numpy as np
import pandas as pd
import pytest

from cutaway.data.timeline import moments
from cutaway.errors import ArgumentError, DataError
from cutaway.forecast.calendars import asked_calendar, found_calendar


def calendar_of(times):
    when = moments(pd.Series(times), "when")
    return found_calendar(when, np.ones(len(when.order) - 1, bool), "when"), when


@pytest.mark.parametrize(("freq", "words", "seasons"), [
    ("15min", "15 minutes", [96, 672]), ("h", "1 hour", [24, 168, 8760]), ("D", "1 day", [7, 365]),
    ("B", "1 business day", [5]), ("W", "1 week", [52]), ("MS", "1 month", [12]), ("ME", "1 month", [12]),
    ("QS", "1 quarter", [4]), ("YS", "1 year", []), ("2h", "2 hours", [12, 84, 4380]),
])
def test_a_step_is_found_and_its_times_come_back(freq, words, seasons):
    times = pd.date_range("2024-01-31", periods=40, freq=freq)
    calendar, when = calendar_of(times)
    ticks = calendar.ticks(when)
    assert calendar.words == words and calendar.seasons == seasons
    assert calendar.times(ticks).tolist() == times.tolist()
    after = ticks[-1] + calendar.size * np.arange(1, 4)
    assert calendar.times(after).tolist() == pd.date_range(times[-1], periods=4, freq=freq)[1:].tolist()


def test_years_as_numbers_have_steps_too():
    calendar, when = calendar_of(np.arange(1950, 1980))
    assert (calendar.unit, calendar.words) == ("number", "1")
    assert calendar.times(calendar.ticks(when)).tolist()[:2] == [1950, 1951]


def test_hours_of_a_zone_go_on_across_its_clock_change():
    times = pd.date_range("2026-03-28", periods=60, freq="h", tz="Europe/Berlin")
    calendar, when = calendar_of(times)
    ticks = calendar.ticks(when)
    assert calendar.zone == "Europe/Berlin" and set(np.diff(ticks)) == {calendar.size}
    assert calendar.times(ticks).tolist() == times.tolist()
    assert calendar.clock(ticks)[26].astype(str).startswith("2026-03-29T03")  # two o'clock is none


def test_days_of_a_zone_are_days_by_its_clock():
    times = pd.date_range("2026-03-20", periods=20, freq="D", tz="Europe/Berlin")
    calendar, when = calendar_of(times)
    assert (calendar.unit, calendar.words) == ("days", "1 day")
    assert calendar.times(calendar.ticks(when)).tolist() == times.tolist()


def test_times_without_a_step_say_what_to_do():
    with pytest.raises(DataError, match=r"keeps no step of time: its rows are from .* apart.*step='1 hour'"):
        calendar_of(pd.to_datetime(["2026-01-01", "2026-01-02", "2026-01-09", "2026-02-20", "2026-02-23"]) +
                    pd.to_timedelta([0, 0, 0, 5, 7], unit="h"))


@pytest.mark.parametrize(("asked", "words"), [
    ("15 minutes", "15 minutes"), ("1 hour", "1 hour"), ("h", "1 hour"), ("1 day", "1 day"), ("D", "1 day"),
    ("business day", "1 business day"), ("B", "1 business day"), ("week", "1 week"), ("1 month", "1 month"),
    ("2 quarters", "6 months"), ("year", "1 year"),
])
def test_a_step_can_be_asked_for(asked, words):
    when = moments(pd.Series(pd.date_range("2026-01-01", periods=3)), "when")
    assert asked_calendar(asked, when, "when").words == words


@pytest.mark.parametrize("asked", ["fortnight", "", "0 days", 3, None])
def test_a_step_that_nobody_knows_is_refused(asked):
    when = moments(pd.Series(pd.date_range("2026-01-01", periods=3)), "when")
    with pytest.raises(ArgumentError, match="give one such as '15 minutes'"):
        asked_calendar(asked, when, "when")


def test_the_calendar_says_hour_weekday_and_time_of_the_year():
    calendar, when = calendar_of(pd.date_range("2026-01-05", periods=48, freq="h"))
    values, names = calendar.parts(calendar.ticks(when), years=False)
    assert names[:2] == ["hour sin", "hour cos"] and "weekday sin 3" in names and not any("year" in n for n in names)
    np.testing.assert_allclose(values[6, :2], [1, 0], atol=1e-12)  # six in the morning
    np.testing.assert_allclose(values[24, names.index("weekday sin")], np.sin(2 * np.pi / 7))  # a Tuesday
    assert any("time of year" in n for n in calendar.parts(calendar.ticks(when), years=True)[1])


def test_one_row_tells_no_step_and_the_error_says_so():
    with pytest.raises(DataError, match="each series has one row"):
        calendar_of(["2026-01-05"])
