"""One date at a time, without a frame: the numbers of Date.encode for everyday cells, to the last bit."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from datetime import datetime
from functools import cache
from math import inf, sqrt
from typing import Any

import numpy as np

from .cells import parse_dates
from .dates import CYCLES, Date
from .limits import FAR

EVERYDAY = re.compile(r"\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:\.\d{3}(?:\d{3})?)?)?)?", re.ASCII)
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
        date, fine = cell, None
        if type(cell) is str and EVERYDAY.fullmatch(cell):
            try:
                date = datetime.fromisoformat(cell)
            except ValueError:
                return otherwise(cell)
        elif isinstance(cell, datetime) and not getattr(cell, "nanosecond", 0):
            fine = getattr(cell, "unit", None)  # pandas's own
            date = datetime.combine(cell.date(), cell.time()) if fine else cell
        if type(date) is not datetime or cell != cell or date.tzinfo is not None or date.year not in NEAR:
            return otherwise(cell)
        parts, out = _parts(date, first, fine == "ns" if fine else _counts_nanoseconds()), []
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


def _parts(date: datetime, first: datetime, nanoseconds: bool) -> dict[str, float]:
    """Take a date apart as `parts_of` does a column, which may count nanoseconds: floats do not hold every one."""
    since = date - first
    micro = (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds
    days = float(micro * 1000) / 86400e9 if nanoseconds else micro / 86400e6
    time = ((date.hour * 60 + date.minute) * 60 + date.second) * 1_000_000 + date.microsecond
    return {"days": days, "year": float(date.year), "month": float(date.month), "weekday": float(date.weekday()),
            "time": time / 1e6}


def _turns(part: str, wave: str) -> list[float]:
    """The sine or cosine of every month or day of the week, by its number; none of other parts."""
    if not wave or part == "time":
        return []
    start, period = CYCLE[part]
    return getattr(np, wave)(2 * np.pi * (np.arange(13.0) - start) / period).tolist()


@cache
def _counts_nanoseconds() -> bool:
    """Whether pandas counts nanoseconds where nobody says what: versions before 3 do."""
    return parse_dates(["2020-01-01 00:00:00.123456"]).unit == "ns"
