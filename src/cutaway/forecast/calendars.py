"""The calendar of a series: the step that its times keep, numbers for them (ticks), and times for numbers again."""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from ..data.timeline import Moments, in_words, steps
from ..data.zones import name_of_zone, zone_called
from ..described import described
from ..errors import ArgumentError, DataError
from ..text import counted

#: Microseconds of a day, and of the units in which a step is asked for.
DAY = 86_400_000_000
SPANS = {"second": 1_000_000, "minute": 60_000_000, "hour": 3_600_000_000, "day": DAY, "week": 7 * DAY}
MONTHS = {"month": 1, "quarter": 3, "year": 12}
SHORT = {"s": "second", "min": "minute", "t": "minute", "h": "hour", "d": "day", "w": "week", "b": "business day",
         "ms": "month", "me": "month", "m": "month", "qs": "quarter", "qe": "quarter", "q": "quarter", "ys": "year",
         "ye": "year", "y": "year"}
#: The Monday from which business days and whole weeks are counted, and how far times may lie beside their step.
MONDAY, BESIDE = np.datetime64("1970-01-05", "D"), 0.26


@dataclass
class Calendar:
    """The step between the rows of a series: `size` of a unit.

    unit: "number" (times are numbers), "span" (microseconds, by UTC where a zone is known), "days" (by the clock on the
    wall), "months" or "business days". zone: whose clock times are shown by, or None. month_end: months are named by
    their last day; day: else the day of the month that they are named by.
    """

    unit: str
    size: float
    zone: str | None = None
    month_end: bool = False
    day: int = 1

    @property
    def words(self) -> str:
        """The step for people: "1 hour"."""
        if self.unit == "number":
            return f"{self.size:g}"
        if self.unit == "months":
            years, left = divmod(int(self.size), 12)
            return counted(years, "year") if not left else "1 quarter" if self.size == 3 else counted(
                int(self.size), "month")
        return counted(int(self.size), "business day") if self.unit == "business days" else in_words(self.size, 1e6)

    @property
    def seasons(self) -> list[int]:
        """The periods that people keep, in steps, shortest first: of hours the day and the week."""
        periods = {"months": [12.0], "business days": [5.0], "number": []}.get(
            self.unit, [DAY, 7 * DAY, 365 * DAY] if self.size < 27 * DAY else [])
        if self.unit == "span" and self.size < DAY / 24:
            periods = periods[:2]
        whole = [period / self.size for period in periods]
        if self.size == 7 * DAY:
            return [52]
        return [round(n) for n in whole if n >= 2 and abs(n - round(n)) < 1e-9]

    # ---- times to ticks and back ----

    def ticks(self, when: Moments) -> np.ndarray:
        """The number of each moment, which rises by `size` from step to step: float64, or int64 of dates."""
        if self.unit == "number":
            if when.dates is not None:
                raise DataError("times are dates, and the model has learnt from times that are numbers.")
            return np.asarray(when.order, np.float64)
        if when.dates is None:
            raise DataError(f"times are numbers, and the model has learnt from dates, {self.words} apart.")
        days = np.asarray(when.dates.normalize(), "datetime64[D]")
        if self.unit == "months":
            return days.astype("datetime64[M]").astype(np.int64)
        if self.unit == "business days":
            return np.busday_count(MONDAY, days).astype(np.int64)
        if self.unit == "span" and when.zone is not None:
            return np.asarray(when.order // (when.per_second / 10**6) if when.per_second > 10**6 else
                              when.order * (10**6 // int(when.per_second)), np.int64)
        return np.asarray(when.dates, "datetime64[us]").astype(np.int64)

    def times(self, ticks: np.ndarray) -> Any:
        """The times of ticks: an array of numbers, or a pandas DatetimeIndex by the zone's clock."""
        import pandas as pd

        if self.unit == "number":
            whole = bool(len(ticks)) and float(self.size).is_integer() and bool((ticks == np.rint(ticks)).all())
            return ticks.astype(np.int64) if whole else ticks
        if self.unit == "span" and self.zone is not None:
            found = pd.DatetimeIndex(ticks.astype("datetime64[us]")).tz_localize("UTC")
            return found.tz_convert(zone_called(self.zone))
        found = pd.DatetimeIndex(self.clock(ticks))
        return found if self.zone is None else found.tz_localize(
            zone_called(self.zone), ambiguous=np.ones(len(found), bool), nonexistent="shift_forward")

    def clock(self, ticks: np.ndarray) -> np.ndarray:
        """What the clock on the wall shows at ticks, datetime64[us]."""
        if self.unit == "months":
            months = ticks.astype("datetime64[M]")
            last = ((months + 1).astype("datetime64[D]") - np.timedelta64(1, "D"))
            day = months.astype("datetime64[D]") + np.timedelta64(self.day - 1, "D")
            return (last if self.month_end else np.minimum(day, last)).astype("datetime64[us]")
        if self.unit == "business days":
            return np.busday_offset(MONDAY, ticks.astype(np.int64)).astype("datetime64[us]")
        if self.unit == "span" and self.zone is not None:
            return np.asarray(self.times(ticks).tz_localize(None), "datetime64[us]")
        return ticks.astype("datetime64[us]")

    def places(self, ticks: np.ndarray, first: float) -> np.ndarray | None:
        """The steps from `first` to ticks, whole numbers; None where some lie between the steps."""
        away = (ticks - first) / self.size
        places = np.rint(away)
        return None if (np.abs(away - places) > BESIDE).any() else places.astype(np.int64)

    # ---- what the calendar says of a step ----

    def parts(self, ticks: np.ndarray, years: bool) -> tuple[np.ndarray, list[str]]:
        """The hour, weekday and season of the year at ticks as sines and cosines (n, k), those that the step can tell,
        and their names. years: whether the time of the year was seen twice."""
        waves: list[tuple[str, np.ndarray, float, int]] = []
        if self.unit != "number" and len(ticks):
            clock = self.clock(np.asarray(ticks))
            day = clock.astype("datetime64[D]")
            weekday = (day.astype(np.int64) + 3) % 7
            of_year = (day - day.astype("datetime64[Y]").astype("datetime64[D]")).astype(np.int64) / 365.25
            hour = (clock - day).astype(np.int64) / DAY
            short = self.unit in ("span", "days")
            if self.unit == "span" and self.size < DAY:
                waves.append(("hour", hour, 1.0, 2))
            if self.unit == "business days" or (short and self.size <= DAY):
                waves.append(("weekday", weekday, 7.0, 3))
            if years and not (self.unit == "months" and self.size >= 12):
                waves.append(("time of year", of_year, 1.0, 2))
        columns, names = [], []
        for name, x, period, most in waves:
            for k in range(1, most + 1):
                for wave in ("sin", "cos"):
                    columns.append(getattr(np, wave)(2 * np.pi * k * x / period))
                    names.append(f"{name} {wave}" + f" {k}" * (k > 1))
        return (np.stack(columns, axis=1) if columns else np.zeros((len(ticks), 0))), names

    def spans_years(self, ticks: float) -> bool:
        """Whether so many ticks from first to last are two years or more."""
        per_year = {"months": 12.0, "business days": 260.0, "number": np.inf}.get(self.unit, 365.25 * DAY)
        return ticks >= 1.9 * per_year

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, state: Any) -> Calendar:
        return described(cls, state)


def found_calendar(when: Moments, together: np.ndarray, name: str) -> Calendar:
    """The calendar that moments keep, which rise within each series; together (n - 1,) says which neighbours are of
    one. Raises DataError where they keep no step."""
    found = steps(when, together)
    if not found.every:
        away = np.diff(when.order)[together]
        if not len(away):
            raise DataError(f"{name!r} tells no step of time: each series has one row. A forecast is learnt from many.")
        between = "from {} to {} apart".format(
            *(in_words(float(x), when.per_second) for x in (away.min(), away.max())))
        raise DataError(f"{name!r} keeps no step of time: its rows are {between}. Bring them to one step, "
                        "which takes means: step='1 hour', '1 day', '1 month', ...")
    zone = None if when.zone is None else name_of_zone(when.zone, name)
    if when.dates is None:
        return Calendar("number", float(found.size))
    if found.unit == "months":
        days = when.dates.day
        ends = bool((when.dates.days_in_month - days <= 3).all()) and int(days.max()) > 28
        return Calendar("months", int(found.size), zone, ends, int(np.bincount(days).argmax()))
    if found.unit == "business days":
        return Calendar("business days", 1, zone)
    size = round(float(found.size) * 10**6 / when.per_second)
    return Calendar("span" if size % DAY else "days", size, zone)


def asked_calendar(step: Any, when: Moments, name: str) -> Calendar:
    """The calendar of a step that was asked for: "15 minutes", "1 day", "h", or a number where times are numbers.

    >>> asked_calendar("2 hours", Moments(np.zeros(1), dates=True), "when").size
    7200000000
    """
    if when.dates is None:
        if isinstance(step, bool) or not isinstance(step, int | float) or not step > 0:
            raise ArgumentError(f"step is {step!r}, and {name!r} holds numbers: give a number above 0.")
        return Calendar("number", float(step))
    words = re.fullmatch(r"\s*(\d*)\s*([a-z][a-z ]*?)s?\s*", step.lower()) if isinstance(step, str) else None
    whole = re.fullmatch(r"\s*(\d*)\s*([a-z]+)\s*", step.lower()) if isinstance(step, str) else None
    count, unit = (whole.groups() if whole and whole[2] in SHORT else words.groups() if words else ("", ""))
    unit, many = SHORT.get(unit, unit), int(count or 1)
    zone = None if when.zone is None else name_of_zone(when.zone, name)
    if many > 0 and unit in SPANS:
        return Calendar("span" if many * SPANS[unit] % DAY else "days", many * SPANS[unit], zone)
    if many > 0 and unit in MONTHS:
        return Calendar("months", many * MONTHS[unit], zone)
    if many == 1 and unit == "business day":
        return Calendar("business days", 1, zone)
    raise ArgumentError(f"step is {step!r}: give one such as '15 minutes', '1 hour', '1 day', '1 business day', "
                        "'1 week', '1 month', '1 quarter' or '1 year'.")
