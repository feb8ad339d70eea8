"""Zones of time: their names, which a model file keeps, and what their clocks show at a moment."""

from __future__ import annotations

import re
from datetime import UTC as UTC_ITSELF
from datetime import timedelta, timezone, tzinfo
from functools import cache
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np

from ..errors import DataError

UTC = "UTC"
#: What a zone's name looks like: UTC, UTC+05:30, Europe/Berlin.
OF_ZONE = r"UTC[+-]\d\d:\d\d(?::\d\d)?|[A-Za-z][\w+-]*(?:/[\w+-]+)*"


def name_of_zone(zone: Any, column: str) -> str:
    """Name a tzinfo of any library. Raises DataError for one that has no name.

    >>> name_of_zone(ZoneInfo("Europe/Berlin"), "when"), name_of_zone(timezone(timedelta(hours=5.5)), "when")
    ('Europe/Berlin', 'UTC+05:30')
    """
    if zone == UTC:
        return UTC
    offset = zone.utcoffset(None)
    if offset is not None:
        return _named(offset)
    name = str(zone).rpartition("zoneinfo/")[2].rstrip("')")  # dateutil names a file
    try:
        zone_called(name)
    except DataError:
        raise DataError(
            f"Column {column!r}: its time zone {name!r:.60} has no name that a model file could keep. Give it one of "
            "the time zone database: .dt.tz_convert('Europe/Berlin'), say, or 'UTC'."
        ) from None
    return name


def name_of_offsets(minutes: np.ndarray) -> str | None:
    """Name the zone of offsets from UTC: UTC where they differ; None where there are none.

    >>> name_of_offsets(np.array([120.0, 120.0])), name_of_offsets(np.array([60.0, 120.0]))
    ('UTC+02:00', 'UTC')
    """
    if not len(minutes):
        return None
    alike = bool((minutes == minutes[0]).all())
    return _named(timedelta(minutes=float(minutes[0]))) if alike else UTC


@cache
def zone_called(name: str) -> tzinfo:
    """The zone of a name. Raises DataError where this machine has none of it."""
    if name == UTC:
        return UTC_ITSELF
    if found := re.fullmatch(r"UTC([+-])(\d\d):(\d\d)(?::(\d\d))?", name):
        offset = timedelta(hours=int(found[2]), minutes=int(found[3]), seconds=int(found[4] or 0))
        if offset < timedelta(days=1):
            return timezone(-offset if found[1] == "-" else offset)
    try:
        return ZoneInfo(name)
    except Exception as reason:  # whatever a name leads to in the database
        raise DataError(
            f"This machine does not know the time zone {name!r:.60}, by whose clock the model reads dates: "
            "pip install tzdata."
        ) from reason


def by_clock(moments: np.ndarray, zone: str) -> np.ndarray:
    """What the clock of a zone shows at moments (n,) of UTC: both datetime64[us]."""
    import pandas as pd

    return pd.DatetimeIndex(moments).tz_localize(UTC).tz_convert(zone_called(zone)).tz_localize(None).to_numpy()


def _named(offset: timedelta) -> str:
    return str(timezone(offset)) if offset else UTC
