"""What an encoder does to dates, in the language of kernels: seconds since 1970 taken apart by whole numbers.

The calendar is the Gregorian one, counted in eras of 400 years from the first of March of year 0, so that a leap day
is the last of its year (Howard Hinnant, "chrono-compatible low-level date algorithms").
"""

from __future__ import annotations

import numpy as np

from ..data.dates import CYCLES, DAY, Date

LATEST = 9e12  # seconds: beyond, microseconds leave 64 bits


def parts(column: Date) -> list[str]:
    """Write lines that calculate each part of the date whose seconds are v, NaN for a gap: year, month_sin, ..."""
    first = int(np.datetime64(column.first, "us").astype(np.int64))
    lines = [f"micro = int(rint(min(max(select(gap, {first / 1e6!r}, v), {-LATEST!r}), {LATEST!r}) * 1e6))",
             f"rest = micro % {DAY}", f"day = (micro - rest) // {DAY}", f"days = np.float64(micro - {first}) / {DAY}.0",
             "weekday, time = np.float64((day + 3) % 7), np.float64(rest) / 1e6"]  # 1970 began on a Thursday
    if any(part.split()[0] in ("year", "month") for part in column.parts):
        lines += ["shifted = day + 719468", "eras = shifted // 146097", "within = shifted % 146097",
                  "of_era = (within - within // 1460 + within // 36524 - within // 146096) // 365",
                  "march = ((within - (of_era * 365 + of_era // 4 - of_era // 100)) * 5 + 2) // 153",
                  "number = select(march < 10, march + 3, march - 9)",
                  "month = np.float64(number)", "year = np.float64(of_era + eras * 400 + select(number <= 2, 1, 0))"]
    for part, start, period in CYCLES:
        for of in ("sin", "cos"):
            if f"{part} {of}" in column.parts:
                lines.append(f"{part}_{of} = xp.{of}({2 * np.pi!r} * ({part} - {start}.0) / {period}.0)")
    return lines


def told(column: Date) -> str:
    """Say what is written into a row for a date."""
    if column.form == "time":
        return f"the time of day in seconds since midnight; {column.way}"
    clock = f", by the clock of {column.zone} and not by UTC" if column.zone not in (None, "UTC") else (
        ", UTC" if column.zone else "")
    return f"seconds since 1970-01-01 00:00{clock}; {column.way}"
