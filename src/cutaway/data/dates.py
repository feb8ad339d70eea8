"""Dates: how long since the first one, the year, and where in the year, week and day they fall.

A column remembers the form that training's cells had (date_forms.py) and the zone by whose clock they were. What has a
zone or an offset of its own is a moment, and is read by that clock; what has none is by that clock already. So one
moment has one reading, however it is written, and a local time that a clock shows twice, or leaves out, has one too.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from shlex import quote
from typing import Any

import numpy as np

from .cells import CodedWords, is_gap, unreadable, words_of
from .columns import Column, Settings
from .date_forms import FORMS, kind_with_form, read_dates, wanted
from .doubts import Doubt, gap_doubts, range_doubts
from .numbers import NumberSummary, fits_scaling, scaled
from .zones import OF_ZONE, UTC, by_clock, name_of_offsets, name_of_zone

DAY = 86_400_000_000  # microseconds
CYCLES = (("month", 1, 12), ("weekday", 0, 7), ("time", 0, 86_400))
PARTS = {"days", "year", "month", "weekday", "time"} | {f"{part} {of}" for part, *_ in CYCLES for of in ("sin", "cos")}
#: Where a form says less than a moment, what it says something of.
SAYS = {"time": ("time",), "quarter": ("days", "year", "month"), "year": ("days", "year")}


@dataclass
class Date(Column, kinds=("date",)):
    """A column of dates: each of its `parts` that varies, scaled as a number; sines and cosines as they are."""

    marked: bool
    first: str
    parts: dict[str, list[float]]
    clip: float | None
    words: list[str]
    last: str | None = None  # of training; not in old model files
    form: str | None = None  # how training's cells were written; old model files do not say, nor the zone
    zone: str | None = None  # by whose clock the parts are; None: training said of none
    unsure: bool = False  # whether day and month could change places in every cell

    @property
    def features(self) -> list[str]:
        return [f"{self.name} {part}" for part in self.parts] + [f"{self.name} missing"] * self.marked

    @property
    def scaled(self) -> list[int]:
        return [j for j, part in enumerate(self.parts) if not part.endswith((" sin", " cos"))]

    @property
    def way(self) -> str:
        said = [FORMS[self.form or "iso"][1]] * (self.form is not None)
        said += [f"since {self.first[:10]}"] * (self.form != "time")
        said += [f"by the clock of {self.zone}"] * bool(self.zone)
        return f"{', '.join(filter(None, said))}: {', '.join(self.parts)}" + ", gaps marked" * self.marked

    def note(self, settings: Settings) -> str:
        if not self.unsure:
            return super().note(settings)
        taken, other = ("day", "month")[:: 1 if self.form == "dmy" else -1]
        asked = f"--column {quote(self.name)}=date:{'mdy' if self.form == 'dmy' else 'dmy'}"
        return (f"{self.name}: no cell tells day from month, and the {taken} is taken to come first; {asked} takes the "
                f"{other} first")

    def sound(self) -> bool:
        try:
            ends = self.first, self.last or self.first
            first = all(re.match(r"\d{4}-\d\d-\d\d", day) for day in ends)
            first = first and bool(np.datetime64(ends[0]) <= np.datetime64(ends[1]))
        except ValueError:
            first = False
        scaled = all(len(pair) == 2 and fits_scaling(pair[0], pair[1], self.clip) for pair in self.parts.values())
        written = self.form in (None, *FORMS) and bool(self.zone is None or re.fullmatch(OF_ZONE, self.zone))
        return first and scaled and written and self.parts.keys() <= PARTS

    def doubts(self, cells: Any) -> list[Doubt]:
        coded = self._read(cells)
        found = gap_doubts(self.name, np.isnat(coded.dates)[coded.codes], self.gaps > 0)
        if not self.last or self.form == "time":
            return found
        first, last = np.datetime64(self.first, "us"), np.datetime64(self.last, "us")
        days = days_since(coded.dates, first)[coded.codes]
        for doubt in range_doubts(self.name, days, 0.0, float(days_since(np.array([last]), first)[0])):
            dates = coded.dates[coded.codes[doubt.rows]]
            ends = str(dates.min())[:10], str(dates.max())[:10]
            found.append(replace(doubt, values=ends, had=f"{self.first[:10]} to {self.last[:10]}"))
        return found

    def writer(self, cells: Any) -> Callable[[slice, np.ndarray], None]:
        coded = self._read(cells)
        dates, codes = coded.dates, coded.codes
        each = self._features(dates) if 2 * len(dates) < len(codes) else None  # every date once, then its rows

        def write(rows: slice, out: np.ndarray) -> None:
            out[:] = self._features(dates[codes[rows]]) if each is None else each[codes[rows]]

        return write

    def _read(self, cells: Any) -> CodedDates:
        """Read a pandas Series as training's cells were; text that is no date is an error, unless training had it."""
        read = Cells.of(cells, self.name, self.form)
        read.refuse(self.name, self.words, wanted(self.form))
        return read.by_clock(self.zone)

    def _features(self, dates: np.ndarray) -> np.ndarray:
        """The features of dates (n,): (n, len(features))."""
        found = parts_of(dates, self.first, self.parts)
        missing = np.isnat(dates)
        out = np.empty((len(dates), len(self.features)))
        for j, (part, (center, scale)) in enumerate(self.parts.items()):
            values = np.where(missing, center, found[part])
            out[:, j] = values if part.endswith((" sin", " cos")) else scaled(values, center, scale, self.clip)
        if self.marked:
            out[:, -1] = missing
        return out


@dataclass
class CodedDates:
    """The dates of a column by one clock, datetime64[us]: each different cell's once, NaT last; `codes` (n,) says which
    one each row has."""

    dates: np.ndarray
    codes: np.ndarray


@dataclass
class Cells:
    """The cells of a column, read as dates: `dates` (k,) of each different one, `codes` (n,), -1 for a gap.

    Those that are `moments` (k,), with a zone or an offset of their own, are in UTC; `zone` names theirs, if they all
    have one, else UTC. `words` are what text was, None for other cells.
    """

    dates: np.ndarray
    codes: np.ndarray
    moments: np.ndarray
    zone: str | None = None
    words: CodedWords | None = None

    @classmethod
    def of(cls, cells: Any, name: str, form: str | None, words: CodedWords | None = None) -> Cells:
        """Read a pandas Series written in a form; None: as old model files have it, zones' own clocks."""
        import pandas as pd

        if (stamps := _stamps(cells)) is not None:
            codes, dates = pd.factorize(stamps.tz_localize(None) if form is None else stamps)
            zoned = dates.tz is not None
            zone = name_of_zone(_zone_of(cells), name) if zoned else None
            dates = (dates.tz_convert("UTC").tz_localize(None) if zoned else dates).as_unit("us").to_numpy()
            return cls(dates, codes, np.full(len(dates), zoned), zone)
        words = words_of(cells, name) if words is None else words
        dates, offsets = read_dates(words.words, form or "iso")
        moments = ~np.isnan(offsets)
        dates[moments] -= (offsets[moments] * 60_000_000).astype("timedelta64[us]")
        return cls(dates, words.codes, moments, name_of_offsets(offsets[moments]), words)

    @property
    def odd(self) -> list[str]:
        """The words that are neither dates nor gaps."""
        if self.words is None:
            return []
        lost = np.flatnonzero(np.isnat(self.dates))
        return [word for i in lost if not is_gap(word := self.words.words[i])]

    def refuse(self, name: str, allowed: list[str], said: str) -> None:
        """Raise DataError for a word that is neither a date nor a gap nor allowed; said: what it should be."""
        if self.words is not None and (odd := set(self.odd) - set(allowed)):
            raise unreadable(name, self.words, np.array([word in odd for word in self.words.words], dtype=bool), said)

    def by_clock(self, zone: str | None) -> CodedDates:
        """The dates by the clock of a zone. None, nothing is known of one: moments are by that of UTC."""
        dates = self.dates
        if self.moments.any() and zone not in (None, UTC):
            dates = dates.copy()
            dates[self.moments] = by_clock(dates[self.moments], str(zone))
        return CodedDates(np.append(dates, np.datetime64("NaT", "us")), self.codes)


def _stamps(cells: Any) -> Any:
    """Cells that are dates themselves, as a DatetimeIndex; None for text and for objects without a zone."""
    import pandas as pd

    if pd.api.types.is_datetime64_any_dtype(cells.dtype):
        return pd.DatetimeIndex(cells)
    if cells.dtype != object or pd.api.types.infer_dtype(cells) != "datetime":
        return None
    if not all(getattr(cell, "tzinfo", None) is not None for cell in cells[cells.notna()]):
        return None
    try:
        return pd.DatetimeIndex(pd.to_datetime(cells, utc=True))
    except (ValueError, OverflowError):  # of years that pandas does not reach
        return None


def _zone_of(cells: Any) -> Any:
    """The zone of cells that are dates: of a column, or the one that all its objects have; else UTC."""
    import pandas as pd

    if cells.dtype != object:
        return pd.DatetimeIndex(cells).tz
    zones = {str(cell.tzinfo): cell.tzinfo for cell in cells[cells.notna()]}
    return zones.popitem()[1] if len(zones) == 1 else UTC


def dated(cells: Any, kind: str | None) -> Any:
    """Read a pandas Series as the dates of a form that it is asked to be ("date:dmy"); others stay as they are."""
    import pandas as pd

    if not kind_with_form(kind):
        return cells
    form = str(kind).partition(":")[2]
    read = Cells.of(cells, str(cells.name), form)
    read.refuse(str(cells.name), [], wanted(form))
    found = read.by_clock(None)
    return pd.Series(found.dates[found.codes], index=cells.index, name=cells.name)


def fit_parts(coded: CodedDates, first: str, weights: np.ndarray | None, form: str | None) -> dict[str, list[float]]:
    """Measure center and scale of every part of the dates that the form says something of and that varies."""
    parts = {}
    says = SAYS.get(form or "iso", PARTS)
    for part, values in parts_of(coded.dates, first, [part for part in ORDER if part.split()[0] in says]).items():
        found = NumberSummary.of(values[coded.codes][None], weights)
        if found.distinct[0] > 1:
            cyclic = part.endswith((" sin", " cos"))
            parts[part] = [0.0, 1.0] if cyclic else [float(found.center[0]), float(found.scale[0])]
    return parts


ORDER = ("days", "year", "month", "weekday", "time", *(f"{part} {of}" for part, *_ in CYCLES for of in ("sin", "cos")))


def parts_of(dates: np.ndarray, first: str, names: Any = ORDER) -> dict[str, np.ndarray]:
    """Take dates (n,), datetime64[us], apart into numbers, by name; NaN where there is no date."""
    missing = np.isnat(dates)
    micro = np.where(missing, 0, dates.astype(np.int64))
    days, time = np.divmod(micro, DAY)
    months = days.astype("datetime64[D]").astype("datetime64[M]").astype(np.int64)
    whole = {
        "days": days_since(dates, np.datetime64(first, "us")),
        "year": months // 12 + 1970,
        "month": months % 12 + 1,
        "weekday": (days + 3) % 7,  # the first of January 1970 was a Thursday
        "time": time / 1e6,
    }
    numbers = {part: np.where(missing, np.nan, values) for part, values in whole.items()}
    parts = {part: values for part, values in numbers.items() if part in names}
    for part, start, period in CYCLES:
        angle = 2 * np.pi * (numbers[part] - start) / period
        for of, turn in (("sin", np.sin), ("cos", np.cos)):
            if (name := f"{part} {of}") in names:
                parts[name] = turn(angle)
    return parts


def days_since(dates: np.ndarray, first: np.datetime64) -> np.ndarray:
    """How many days after the first one dates (n,), datetime64[us], are; NaN where there is no date."""
    since = (dates - first).astype(np.int64) / DAY
    return np.where(np.isnat(dates), np.nan, since)
