"""Dates: how long since the first one, the year, and where in the year, week and day they fall."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from .cells import is_gap, parse_dates, unreadable, words_of
from .columns import Column
from .doubts import Doubt, gap_doubts, range_doubts
from .numbers import NumberSummary, fits_scaling, scaled

DAY = np.timedelta64(1, "D")
CYCLES = (("month", 1, 12), ("weekday", 0, 7), ("time", 0, 86_400))
PARTS = {"days", "year", "month", "weekday", "time"} | {f"{part} {of}" for part, *_ in CYCLES for of in ("sin", "cos")}


@dataclass
class Date(Column, kinds=("date",)):
    """A column of dates: each of its `parts` that varies, scaled as a number; sines and cosines as they are."""

    marked: bool
    first: str
    parts: dict[str, list[float]]
    clip: float | None
    words: list[str]
    last: str | None = None  # of training; not in old model files

    @property
    def features(self) -> list[str]:
        return [f"{self.name} {part}" for part in self.parts] + [f"{self.name} missing"] * self.marked

    @property
    def scaled(self) -> list[int]:
        return [j for j, part in enumerate(self.parts) if not part.endswith((" sin", " cos"))]

    @property
    def way(self) -> str:
        return f"since {self.first[:10]}: {', '.join(self.parts)}" + ", gaps marked" * self.marked

    def sound(self) -> bool:
        try:
            ends = self.first, self.last or self.first
            first = all(re.match(r"\d{4}-\d\d-\d\d", day) for day in ends)
            first = first and bool(np.datetime64(ends[0]) <= np.datetime64(ends[1]))
        except ValueError:
            first = False
        scaled = all(len(pair) == 2 and fits_scaling(pair[0], pair[1], self.clip) for pair in self.parts.values())
        return first and scaled and self.parts.keys() <= PARTS

    def doubts(self, cells: Any) -> list[Doubt]:
        coded = CodedDates.of(cells, self.name, self.words)
        found = gap_doubts(self.name, np.asarray(coded.dates.isna())[coded.codes], self.gaps > 0)
        if not self.last:
            return found
        days = np.asarray((coded.dates - np.datetime64(self.first)) / DAY, dtype=np.float64)[coded.codes]
        span = (np.datetime64(self.last) - np.datetime64(self.first)) / DAY
        for doubt in range_doubts(self.name, days, 0.0, float(span)):
            dates = coded.dates[coded.codes[doubt.rows]]
            ends = str(dates.min())[:10], str(dates.max())[:10]
            found.append(replace(doubt, values=ends, had=f"{self.first[:10]} to {self.last[:10]}"))
        return found

    def writer(self, cells: Any) -> Callable[[slice, np.ndarray], None]:
        coded = CodedDates.of(cells, self.name, self.words)
        dates, codes = coded.dates, coded.codes
        each = self._features(dates) if 2 * len(dates) < len(codes) else None  # every date once, then its rows

        def write(rows: slice, out: np.ndarray) -> None:
            out[:] = self._features(dates[codes[rows]]) if each is None else each[codes[rows]]

        return write

    def _features(self, dates: Any) -> np.ndarray:
        """The features of a DatetimeIndex: (n, len(features))."""
        found = parts_of(dates, self.first)
        missing = np.asarray(dates.isna())
        out = np.empty((len(dates), len(self.features)))
        for j, (part, (center, scale)) in enumerate(self.parts.items()):
            values = np.where(missing, center, found[part])
            out[:, j] = values if part.endswith((" sin", " cos")) else scaled(values, center, scale, self.clip)
        if self.marked:
            out[:, -1] = missing
        return out


@dataclass
class CodedDates:
    """The dates of a column: each different cell's once, NaT last, and for each row (n,) which one it has."""

    dates: Any
    codes: np.ndarray

    @classmethod
    def of(cls, cells: Any, name: str, allowed: list[str] | None = None) -> CodedDates:
        """Read a pandas Series; text that is no date is an error, unless training had it."""
        import pandas as pd

        if pd.api.types.is_datetime64_any_dtype(cells.dtype):
            codes, dates = pd.factorize(pd.DatetimeIndex(cells).tz_localize(None))
        else:
            words = words_of(cells, name)
            codes, dates = words.codes, parse_dates(words.words)
            bad = np.array([not is_gap(word) and word not in (allowed or ()) for word in words.words], dtype=bool)
            bad &= np.asarray(dates.isna())
            if bad.any():
                raise unreadable(name, words, bad, "a date like 2024-01-31")
        return cls(dates.insert(len(dates), pd.NaT), codes)

    @property
    def spread(self) -> Any:
        """The date of each row, as a DatetimeIndex without time zone."""
        return self.dates[self.codes]


def fit_parts(coded: CodedDates, first: str, weights: np.ndarray | None) -> dict[str, list[float]]:
    """Measure center and scale of every part of the dates that varies."""
    parts = {}
    for part, values in parts_of(coded.dates, first).items():
        found = NumberSummary.of(values[coded.codes][None], weights)
        if found.distinct[0] > 1:
            cyclic = part.endswith((" sin", " cos"))
            parts[part] = [0.0, 1.0] if cyclic else [float(found.center[0]), float(found.scale[0])]
    return parts


def parts_of(dates: Any, first: str) -> dict[str, np.ndarray]:
    """Take a DatetimeIndex apart into numbers, by name; NaN where there is no date."""
    midnight = dates.normalize()
    seconds = np.asarray((dates - midnight).total_seconds(), dtype=np.float64)
    parts = {
        "days": np.asarray(_since(dates, first) / DAY, dtype=np.float64),
        "year": np.asarray(dates.year, dtype=np.float64),
        "month": np.asarray(dates.month, dtype=np.float64),
        "weekday": np.asarray(dates.day_of_week, dtype=np.float64),
        "time": seconds,
    }
    for part, start, period in CYCLES:
        angle = 2 * np.pi * (parts[part] - start) / period
        parts |= {f"{part} sin": np.sin(angle), f"{part} cos": np.cos(angle)}
    return parts


def _since(dates: Any, first: str) -> Any:
    try:
        return dates - np.datetime64(first)
    except OverflowError:  # more than 292 years, which nanoseconds cannot say
        return dates.as_unit("us") - np.datetime64(first)


def dates_of(cells: Any, name: str, allowed: list[str] | None = None) -> Any:
    """Read a pandas Series as a DatetimeIndex without time zone; other text is an error, unless training had it."""
    return CodedDates.of(cells, name, allowed).spread
