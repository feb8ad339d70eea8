"""Seconds since 1970 taken apart by whole numbers: days, year, month, weekday and the time of day, as nodes.

The calendar is the Gregorian one, counted in eras of 400 years from the first of March of year 0, so that a leap day
is the last of its year (Howard Hinnant, "chrono-compatible low-level date algorithms").
"""

from __future__ import annotations

from collections.abc import Collection

import numpy as np

from ..data.dates import CYCLES
from .arrays import where
from .graph import OnnxArray

LATEST = 9e12  # seconds: beyond, microseconds leave 64 bits
ERA = 146_097  # days in 400 years


def date_parts(seconds: OnnxArray, first: int, day: int, wanted: Collection[str]) -> dict[str, OnnxArray]:
    """The wanted parts by name, as doubles, of seconds (n, 1) since 1970. first: the microsecond that days count from;
    day: how many of them a day has."""
    g = seconds.graph
    within = g("Max", g("Min", seconds, LATEST), -LATEST)
    micro = g("Round", within * 1e6).astype(np.int64)
    time = g("Mod", micro, day)          # never negative: the sign is the divisor's
    days = (micro - time) / day
    found = {"days": (micro - first).astype(np.float64) / float(day)}
    found["weekday"] = g("Mod", days + 3, 7).astype(np.float64)  # the first of January 1970 was a Thursday
    found["time"] = time.astype(np.float64) / 1e6
    if any(name.split()[0] in ("year", "month") for name in wanted):
        found["year"], found["month"] = (part.astype(np.float64) for part in _year_and_month(days))
    for part, start, period in CYCLES:
        for of, turn in (("sin", 0.0), ("cos", np.pi / 2)):
            if f"{part} {of}" in wanted:
                found[f"{part} {of}"] = g("Sin", 2 * np.pi * (found[part] - float(start)) / float(period) + turn)
    return found


def _year_and_month(days: OnnxArray) -> tuple[OnnxArray, OnnxArray]:
    g = days.graph
    days = days + 719_468                              # since the first of March of year 0
    of_era = g("Mod", days, ERA)
    era = (days - of_era) / ERA
    year = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365
    of_year = of_era - (year * 365 + year / 4 - year / 100)
    march = (of_year * 5 + 2) / 153                    # 0 for March
    month = where(march < 10, march + 3, march - 9)
    one = where(month <= 2, g.constant(1, np.int64), g.constant(0, np.int64))
    return year + era * 400 + one, month
