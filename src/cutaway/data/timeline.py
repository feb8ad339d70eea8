"""When the rows of a series are: their order, the step of time that they keep, and where steps are missing."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import numpy as np

from ..errors import ArgumentError, DataError
from ..text import counted
from .cells import parse_dates, row_words, shown, words_of
from .limits import DAYS_APART, JITTER, KEPT, MOST_FILLING
from .numbers import parse_numbers, plain_numbers

GAPS = ("cut", "fill", "join", "refuse")
UNITS = (("week", 604_800), ("day", 86_400), ("hour", 3_600), ("minute", 60), ("second", 1), ("millisecond", 1e-3))
PER_SECOND = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}


# --- moments ----------------------------------------------------------------------------------------------------------


@dataclass
class Moments:
    """The time of each row: `order` (n,) rises with it, `dates` is a DatetimeIndex by the clock on the wall, or None.

    `per_second` says how much of `order` is a second; 0 where that is not known. `zone` is whose clock that is, a
    tzinfo, or None where no offsets say it.
    """

    order: np.ndarray
    dates: Any = None
    per_second: float = 0
    zone: Any = None

    def __getitem__(self, rows: Any) -> Moments:
        dates = None if self.dates is None else self.dates[rows]
        return Moments(self.order[rows], dates, self.per_second, self.zone)

    def at(self, row: int) -> str:
        """Say a row's time in words."""
        if self.dates is not None:
            return str(self.dates[row]).removesuffix(" 00:00:00")
        if self.per_second:
            return str(timedelta(seconds=float(self.order[row] / self.per_second)))
        return f"{self.order[row]:.15g}"  # seconds since 1970 have ten digits


def moments(cells: Any, name: str) -> Moments:
    """Read a pandas Series of times: dates (also as text, or whole numbers such as 20240131), durations or numbers.

    Raises DataError, with column and row, for cells that are empty or none of these.
    """
    import pandas as pd
    from pandas.api import types

    refuse_gaps(cells.isna().to_numpy(), name)
    if isinstance(cells.dtype, pd.PeriodDtype):
        return _dated(pd.PeriodIndex(cells).to_timestamp())
    if types.is_datetime64_any_dtype(cells.dtype):
        return _dated(pd.DatetimeIndex(cells))
    if types.is_integer_dtype(cells.dtype):
        numbers = cells.to_numpy(np.int64)  # nanoseconds do not fit a float
        dates = _spelt_dates(numbers)
        return Moments(numbers) if dates is None else _dated(dates)
    if (plain := plain_numbers(cells)) is not None:
        return Moments(plain, per_second=int(types.is_timedelta64_dtype(cells.dtype)))
    words = words_of(cells, name)
    values, bad = parse_numbers(words)
    if not bad.any():
        refuse_gaps(np.isnan(words.spread(values, np.nan)), name)
        return Moments(words.spread(values, np.nan))
    dates = parse_dates(words.words)
    if (bad := np.asarray(dates.isna())).any():
        row = int(np.flatnonzero(words.spread(bad, False))[0])
        raise DataError(
            f"Column {name!r}, {row_words(row)}: {shown(cells.iloc[row])} is neither a number nor a date like "
            "2024-01-31, so the time steps have no order. Correct it."
        )
    return _dated(dates[words.codes])


def _dated(dates: Any) -> Moments:
    return Moments(dates.asi8, dates.tz_localize(None), PER_SECOND[dates.unit], dates.tz)


def _spelt_dates(numbers: np.ndarray) -> Any:
    """Read whole numbers as a DatetimeIndex where every one spells a day (20240131) or a month (202401), else None."""
    import pandas as pd

    for digits, form, several in ((8, "%Y%m%d", 2), (6, "%Y%m", 12)):
        low, high = 1800 * 10 ** (digits - 4), 2200 * 10 ** (digits - 4)
        if len(numbers) > several and low < numbers.min() and numbers.max() < high:
            dates = pd.to_datetime(pd.Index(numbers.astype(str)), format=form, errors="coerce")
            if not dates.isna().any():
                return dates
    return None


def refuse_gaps(gaps: np.ndarray, name: str) -> None:
    if gaps.any():
        raise DataError(
            f"Column {name!r} is empty in {counted(int(gaps.sum()), 'row')}, first in {row_words(int(gaps.argmax()))}: "
            "every row belongs to a sequence and has a time. Fill it in, or leave the row out."
        )


# --- steps ------------------------------------------------------------------------------------------------------------


@dataclass
class Steps:
    """How far apart rows in order of time are.

    `every` is the step that most of them keep, in words ("1 hour"), empty where they keep none; `apart` (n - 1,) counts
    the steps from each row to the next, 1 between neighbours in time. `unit` is what a step has `size` of: "months",
    "business days", or "span", what `order` counts.
    """

    every: str
    apart: np.ndarray
    unit: str = "span"
    size: float = 1

    @property
    def gaps(self) -> np.ndarray:
        """The rows behind which steps are missing."""
        return np.flatnonzero(self.apart != 1)

    @property
    def missing(self) -> int:
        return int((self.apart[self.gaps] - 1).sum())

    def places(self) -> np.ndarray:
        """Number the step at which each row is, the first at 0."""
        return np.concatenate([[0], np.cumsum(self.apart)])


def steps(when: Moments, together: np.ndarray | None = None) -> Steps:
    """The step that moments keep, which rise; `together` (n - 1,) says which neighbours are of one sequence."""
    away = np.diff(when.order)
    together = np.ones(len(away), bool) if together is None else together
    if not together.any():
        return Steps("", np.ones(len(away), np.int64))
    for every, apart, unit, size in _calendars(when, together):
        if (apart[together] >= 1).all() and (apart[together] == 1).mean() >= KEPT:
            return Steps(every, np.where(together, apart, 1), unit, size)
    step = _usual(away[together])
    ratio = away / step
    apart = np.maximum(np.rint(ratio), 1).astype(np.int64)
    near = np.abs(ratio - apart) <= JITTER + 1e-9
    if (near & (apart == 1))[together].mean() < KEPT or not (near[together].mean() >= 1 - KEPT):
        return Steps("", np.ones(len(away), np.int64))
    return Steps(in_words(step, when.per_second), np.where(together, apart, 1), "span", step)


def _usual(away: np.ndarray) -> float:
    """The distance that most neighbours have, or where hardly two agree, the middle one."""
    middle = float(np.median(away))
    rounded = np.round(away / middle, 6)
    values, counts = np.unique(rounded, return_counts=True)
    most = values[counts.argmax()]
    return float(np.median(away[rounded == most])) if counts.max() >= KEPT * len(away) else middle


def _calendars(when: Moments, together: np.ndarray) -> list[tuple[str, np.ndarray, str, int]]:
    """Try steps of the calendar that the dates may keep: words, how many lie between neighbours, unit and size."""
    if when.dates is None:
        return []
    dates = when.dates
    days = np.asarray(dates.normalize(), "datetime64[D]")
    between = np.diff(days).astype(np.int64)[together]
    usual = np.median(between)
    if usual >= 27:
        months = days.astype("datetime64[M]").astype(np.int64)
        if dates.day.max() - dates.day.min() > DAYS_APART:
            return []
        apart = np.diff(months)
        found, counts = np.unique(apart[together], return_counts=True)
        size = int(found[counts.argmax()])
        if size < 1 or (apart[together] % size).any():
            return []
        many = counted(size // 12, "year") if size % 12 == 0 else counted(size, "month")
        return [("1 quarter" if size == 3 else many, apart // size, "months", size)]
    weekend = np.asarray(dates.day_of_week >= 5).any()
    if usual == 1 and not weekend and (dates == dates.normalize()).all() and (between > 2).any():
        return [("1 business day", np.busday_count(days[:-1], days[1:]), "business days", 1)]
    return []


def in_words(step: float, per_second: float) -> str:
    """Write a span of time for people.

    >>> in_words(7200, 1), in_words(900, 1), in_words(5, 0)
    ('2 hours', '15 minutes', '5')
    """
    if not per_second:
        return f"{step:g}"
    seconds = step / per_second
    for unit, size in UNITS:
        count = seconds / size
        if count >= 1 and abs(count - round(count)) < 1e-6 * count:
            return counted(round(count), unit)
    unit, size = next((pair for pair in UNITS if seconds >= pair[1]), UNITS[-1])
    return f"{seconds / size:.3g} {unit}s"


# --- one series -------------------------------------------------------------------------------------------------------


def check_gaps(gaps: str) -> None:
    if gaps not in GAPS:
        raise ArgumentError(f"gaps is {gaps!r}: choose one of {', '.join(map(repr, GAPS))}.")


def refuse_disorder(when: Moments, what: str) -> None:
    """Raise DataError for times that fall, or stand twice."""
    away = np.diff(when.order)
    if (away < 0).any():
        row = int(np.flatnonzero(away < 0)[0]) + 1
        raise DataError(
            f"The series is not in order of time: {what} falls from {when.at(row - 1)} to {when.at(row)} in row {row} "
            "(the first row is 0). Sort it first (sort_index, or sort_values by its time)."
        )
    if (again := np.flatnonzero(away == 0)).size:
        row, clocks = int(again[0]), clocks_go_back(when, again)
        more = f", and {counted(again.size - 1, 'more row')} like that" * (again.size > 1)
        raise DataError(
            f"{what} has {when.at(row)} twice, in rows {row} and {row + 1} (the first row is 0){more}: keep one row "
            f"for each time, or their mean (series.groupby(level=0).mean()).{clocks}"
        )


def clocks_go_back(when: Moments, again: np.ndarray) -> str:
    """Give a hint where each time that stands twice is an early hour of a Sunday."""
    dates = when.dates
    if dates is None or not ((dates[again].day_of_week == 6) & (dates[again].hour <= 3)).all():
        return ""
    if (dates == dates.normalize()).all():
        return ""
    return " It is the night of a Sunday: if clocks were set back then, give times in UTC, or with their offset."


def described_gaps(when: Moments, found: Steps, what: str) -> str:
    """Say where steps are missing: "1 gap, where 33 steps of 1 hour are missing (after 2024-01-01 06:00:00)"."""
    first = int(found.gaps[0])
    rest = ", the first" if len(found.gaps) > 1 else ""
    missing = f"{counted(found.missing, 'step')} of {found.every} {'is' if found.missing == 1 else 'are'} missing"
    return f"{what} has {counted(len(found.gaps), 'gap')}, where {missing}{rest} after {when.at(first)}"


def filled(values: np.ndarray, found: Steps) -> np.ndarray:
    """The values (time, features) with a row of NaN for each step that is missing."""
    places = found.places()
    if places[-1] + 1 > MOST_FILLING * len(values):
        raise DataError(
            f"Filled up, the series would have {places[-1] + 1:,} steps of {found.every} in place of {len(values):,}: "
            "leave out what lies far from the rest, or cut it."
        )
    out = np.full((places[-1] + 1, values.shape[1]), np.nan)
    out[places] = values
    return out
