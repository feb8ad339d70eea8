"""The season of many series, and how large an error of one step is on each: what scores are measured by."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..data.naive import season_of
from .calendars import Calendar
from .panel import Track

#: Series that are asked for their season, the longest ones; and steps of each.
MOST_ASKED, MOST_STEPS = 8, 20_000
#: A season's naive error is this share of that of other lags at most, and a longer season's of a shorter one's.
WORTH, BETTER = 0.95, 0.97


def error_at(y: np.ndarray, lag: int) -> float:
    """The mean of |y[t] - y[t - lag]| over known pairs; NaN where there are none.

    >>> error_at(np.array([1.0, 2.0, np.nan, 5.0]), 1)
    1.0
    """
    away = np.abs(y[lag:] - y[:-lag]) if 0 < lag < len(y) else np.zeros(0)
    away = away[np.isfinite(away)]
    return float(away.mean()) if len(away) else float("nan")


def find_season(tracks: Sequence[Track], calendar: Calendar, most: float = np.inf) -> int:
    """The season in steps, 1 where there is none: of the calendar's periods and of the highest autocorrelation, the one
    that forecasts best by itself; the shortest of those as good. most: steps that it has at most."""
    longest = sorted(tracks, key=len, reverse=True)[:MOST_ASKED]
    asked = [track.y[-MOST_STEPS:] for track in longest if len(track) >= 8]
    wanted: dict[int, list[float]] = {}
    for y in asked:
        for m in sorted({*calendar.seasons, season_of(y)} - {0, 1}):
            if 2 <= m <= min(len(y) / 3, most):
                beside = [lag for lag in sorted({max(1, round(m * part)) for part in (0.4, 0.6, 0.75, 1.3, 1.6)})
                          if lag != m and lag % m]
                other = float(np.nanmean([error_at(y, lag) for lag in beside])) if beside else float("nan")
                if other > 0:
                    wanted.setdefault(m, []).append(error_at(y, m) / other)
                    wanted.setdefault(-m, []).append(error_at(y, m))
    best, error = 1, np.inf
    for m in sorted(m for m in wanted if m > 0):
        ratio, own = float(np.nanmean(wanted[m])), float(np.nanmean(wanted[-m]))
        if len(wanted[m]) * 2 >= len(asked) and ratio < WORTH and own < BETTER * error:
            best, error = m, own
    return best


def scales(tracks: Sequence[Track], season: int) -> np.ndarray:
    """By what errors of each series are divided (Hyndman and Koehler, 2006): the mean absolute error of the forecast
    "as a season before" (as the step before where that is not known) on these steps; NaN where that is 0 or unknown."""
    found = []
    for track in tracks:
        own = error_at(track.y, season)
        own = own if np.isfinite(own) else error_at(track.y, 1)
        found.append(own if own > 0 else np.nan)
    return np.array(found)
