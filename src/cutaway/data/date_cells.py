"""One date at a time, without a frame: the numbers of Date.encode for everyday cells, to the last bit."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from datetime import datetime
from math import inf, sqrt
from typing import Any

import numpy as np

from .dates import CYCLES, DAY, Date
from .limits import FAR
from .zones import UTC, zone_called

EVERYDAY = re.compile(
    r"\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:\.\d{3}(?:\d{3})?)?)?(?:Z|[+-]\d\d:\d\d)?)?", re.ASCII
)
NEAR = range(1700, 2201)  # years that pandas reaches in whatever it counts, and of which floats hold every microsecond
CYCLE = {part: (start, period) for part, start, period in CYCLES}
Encode = Callable[[Any], Sequence[float]]


def everyday_dates(column: Date, otherwise: Encode) -> Encode:
    """A function that encodes a cell as `column` does. otherwise: does so for any cell."""
    try:
        first = datetime.fromisoformat(column.first if len(column.first) <= 26 else "")
    except ValueError:
        return otherwise
    if first.year not in NEAR or first.tzinfo is not None:
        return otherwise
    wanted, clip, gap = [], column.clip or inf, [0.0] * column.marked
    for name, (center, scale) in column.parts.items():
        part, _, wave = name.partition(" ")
        wanted.append((part, getattr(np, wave) if wave else None, _turns(part, wave), center, scale))

    def encoded(cell: Any) -> Sequence[float]:
        date: Any = cell
        if type(cell) is str and EVERYDAY.fullmatch(cell):
            try:
                date = datetime.fromisoformat(cell)
            except ValueError:
                return otherwise(cell)
        elif isinstance(cell, datetime) and getattr(cell, "unit", None) and cell == cell:  # pandas's own
            date = date.to_pydatetime(warn=False)
        if type(date) is not datetime or date.year not in NEAR:
            return otherwise(cell)
        if date.tzinfo is not None:
            if column.form is None:
                return otherwise(cell)
            date = date.astimezone(zone_called(column.zone or UTC)).replace(tzinfo=None)
        parts, out = _parts(date, first), []
        for part, wave, turns, center, scale in wanted:
            x = parts[part]
            if turns:
                out.append(turns[int(x)])
            elif wave is not None:
                start, period = CYCLE[part]
                out.append(float(wave(2 * np.pi * (x - start) / period)))
            else:
                z = min(max((x - center) / scale, -FAR), FAR)
                t = z / clip
                out.append(z / sqrt(t * t + 1.0))
        return out + gap

    return encoded


def _parts(date: datetime, first: datetime) -> dict[str, float]:
    """Take a date apart as `parts_of` does a column."""
    since = date - first
    micro = (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds
    time = ((date.hour * 60 + date.minute) * 60 + date.second) * 1_000_000 + date.microsecond
    return {"days": micro / DAY, "year": float(date.year), "month": float(date.month),
            "weekday": float(date.weekday()), "time": time / 1e6}


def _turns(part: str, wave: str) -> list[float]:
    """The sine or cosine of every month or day of the week, by its number; none of other parts."""
    if not wave or part == "time":
        return []
    start, period = CYCLE[part]
    return getattr(np, wave)(2 * np.pi * (np.arange(13.0) - start) / period).tolist()
