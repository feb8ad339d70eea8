"""Time stamps of a .ts file: pairs (time,value) become values alone where times are evenly spaced."""

from __future__ import annotations

import re

import numpy as np

from ..errors import DataError
from .limits import UNEVEN_STAMPS as UNEVEN

PAIR = re.compile(r"\(([^(),]*),([^(),]*)\)")
TIMED = "\0"  # marks a value that had a time stamp
INSTEAD = "write the values alone, or put the data into a long table and use from_long_table"


def values_alone(line: str, at: str) -> str:
    """Write a line of pairs, (0,1.5),(1,2.5):up, as 1.5,2.5:up. Raises DataError where times do not rise evenly."""
    times: list[str] = []

    def value(pair: re.Match) -> str:
        times.append(pair[1].strip())
        return TIMED + pair[2]

    marked, start = PAIR.sub(value, line), 0
    for i, part in enumerate(marked.split(":"), 1):
        here, count = f"{at}, dimension {i}", part.count(TIMED)
        if "(" in part or ")" in part or (count and part.count(",") + 1 > count) or not times:
            raise DataError(f"{here}: {part.replace(TIMED, '').strip()!r:.40} where pairs of a time stamp and a value "
                            "belong, as in (0,1.5),(1,2.5): the header says @timeStamps true.")
        if count:
            _refuse_uneven(times[start : start + count], here)
        start += count
    return marked.replace(TIMED, "")


def _refuse_uneven(times: list[str], here: str) -> None:
    try:
        moments = np.array(times, np.float64)
    except ValueError:
        try:
            moments = np.array(times, "datetime64[us]").astype(np.int64).astype(np.float64)
        except ValueError as reason:
            raise DataError(f"{here}: a time stamp is neither a number nor a date like 2024-01-31 12:00:00 "
                            f"({reason!s:.60}): {INSTEAD}.") from None
    steps = np.diff(moments)
    if not np.isfinite(moments).all() or (steps <= 0).any():
        raise DataError(f"{here}: time stamps do not rise from each value to the next: sort the values by time.")
    other = np.flatnonzero(np.abs(steps - steps[:1]) > UNEVEN * steps[:1])
    if len(other):
        k = int(other[0])
        raise DataError(f"{here}: time stamps are not evenly spaced: {times[k + 1]!r:.40} follows {times[k]!r:.40}, "
                        f"and the first two are at another distance; {INSTEAD}.")
