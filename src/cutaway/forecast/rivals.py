"""Forecasts to beat: simple rules, exponential smoothing, and ridge regression on all lags."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from ..estimators.ridge import Ridge
from .calendars import Calendar
from .panel import Track
from .smoothing import smoothed
from .window_sets import learnable, split, thinned
from .windows import Layout, fill_from_before, make_rows, moments_of, origins

#: Windows that ridge regression learns from, by the numbers in them, at most.
MOST_NUMBERS = 8_000_000


@dataclass
class Contest:
    """What rivals know: `past`, the series before a moment, to learn from; `tracks`, the series, of which a forecast at
    an origin knows the steps before it; season, horizon and length of what the forecaster has."""

    past: Sequence[Track]
    tracks: Sequence[Track]
    season: int
    horizon: int
    length: int


def last_value(contest: Contest, asked: Sequence[np.ndarray]) -> np.ndarray:
    """All stays as it is: y[t + h] = y[t]."""
    return _each(contest, asked, lambda y, at: np.repeat(_filled(y, 0)[at - 1][:, None], contest.horizon, axis=1))


def seasonal_naive(contest: Contest, asked: Sequence[np.ndarray]) -> np.ndarray:
    """All is as a season before: y[t + h] = y[t + h - m]; the last value where there is no season."""
    m = contest.season
    if m < 2:
        return last_value(contest, asked)
    ahead = np.arange(contest.horizon) % m

    def of(y: np.ndarray, at: np.ndarray) -> np.ndarray:
        filled, place = _filled(y, m), at[:, None] - m + ahead
        return np.where(place >= 0, filled[np.maximum(place, 0)], filled[at - 1][:, None])

    return _each(contest, asked, of)


def drift(contest: Contest, asked: Sequence[np.ndarray]) -> np.ndarray:
    """The line from the first value through the last one goes on."""
    steps = np.arange(1, contest.horizon + 1)

    def of(y: np.ndarray, at: np.ndarray) -> np.ndarray:
        filled = _filled(y, 0)
        first = int(np.isfinite(filled).argmax())
        slope = (filled[at - 1] - filled[first]) / np.maximum(at - 1 - first, 1)
        return filled[at - 1][:, None] + slope[:, None] * steps

    return _each(contest, asked, of)


def exponential_smoothing(contest: Contest, asked: Sequence[np.ndarray]) -> np.ndarray:
    """A level, a damped trend and a season that follow the series, each added; their settings by each series' past."""
    past = {track.name: track.y for track in contest.past}
    parts = [smoothed(past.get(track.name, track.y[:at[0]]), track.y, contest.season, at, contest.horizon)
             for track, at in zip(contest.tracks, asked, strict=True) if len(at)]
    return np.concatenate(parts)


def ridge_on_lags(contest: Contest, asked: Sequence[np.ndarray]) -> np.ndarray:
    """Ridge regression of all steps ahead on every lag that the forecaster sees, one for all series; each less its mean
    and over its deviation."""
    layout = Layout(contest.length, contest.horizon, max(contest.season, 1), "series")
    calendar = Calendar("number", 1.0)
    past, tracks = ([replace(t, first=0.0, known=np.zeros((len(t.known), 0)), past=np.zeros((len(t), 0)),
                             static=np.zeros(0)) for t in some] for some in (contest.past, contest.tracks))
    stats = {track.name: moments_of(track, layout) for track in past if len(track)}
    every = [np.stack([np.full(len(at), k), at], axis=1) for k, t in enumerate(past)
             if len(at := origins(t, layout, targets=True))]
    if not every:
        return np.full((sum(map(len, asked)), contest.horizon), np.nan)
    some = thinned(np.concatenate(every), MOST_NUMBERS // contest.length)
    rows = learnable(make_rows(past, split(some, len(past)), layout, calendar, stats))
    model = Ridge().fit(rows.X, (rows.y - rows.base) / rows.scale[:, None])
    new = make_rows(tracks, asked, layout, calendar, stats)
    return new.base + new.scale[:, None] * model.predict(new.X).reshape(len(new), -1)


RIVALS: dict[str, Callable[[Contest, Sequence[np.ndarray]], np.ndarray]] = {
    "last value": last_value, "seasonal naive": seasonal_naive, "drift": drift,
    "exponential smoothing": exponential_smoothing, "ridge on all lags": ridge_on_lags,
}


def _filled(y: np.ndarray, season: int) -> np.ndarray:
    return fill_from_before(y, season)


def _each(contest: Contest, asked: Sequence[np.ndarray], of: Callable[[np.ndarray, np.ndarray], np.ndarray]
          ) -> np.ndarray:
    return np.concatenate([of(track.y, at) for track, at in zip(contest.tracks, asked, strict=True) if len(at)])
