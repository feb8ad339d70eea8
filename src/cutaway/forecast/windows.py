"""Windows of series: what was known when a forecast is made, as a row of features, and what came after.

A window never crosses a series, and never a stretch without rows where gaps="cut"; none of its features is of a step at
or behind its origin but what is known ahead.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from ..described import described
from ..errors import FileError
from .calendars import Calendar
from .panel import Track
from .smoothing import smooth_windows

#: Past steps of the other columns that a window shows, and the share of its own steps that may be empty.
PAST_STEPS, MOST_EMPTY = 8, 0.5
#: How large a window's scale is at least, as a share of a typical one and of its level; how far scaled numbers go.
LEAST_SCALE, LEAST_OF_LEVEL, FARTHEST = 1e-3, 1e-3, 20.0
VIEWS = ("level", "last", "series", "season", "smooth")


@dataclass
class Layout:
    """How a window becomes a row of numbers.

    length: steps seen; horizon: steps forecast; season: steps (0: none); view: what is taken out of a window, its mean
    ("level"), last value, the series' mean, or of what is forecast the value a season before, or what exponential
    smoothing of the window with the setting (α, β, γ, φ) forecasts. log: of y + shift. lags: how many of the last steps
    are features; masked: whether gaps are. typical: the usual scale. period: the season that the series has, 1 for
    none, which may be longer than a window. memory: steps before an origin that smoothing goes through, 0 for those of
    the window. calendar: whether what the calendar says of an origin is a feature.
    """

    length: int
    horizon: int
    season: int
    view: str = "level"
    log: bool = False
    shift: float = 0.0
    lags: int = 0
    masked: bool = False
    years: bool = False
    past: bool = True
    typical: float = 1.0
    cut: bool = False
    period: int = 1
    smoothing: tuple[float, float, float, float] = (0.0, 0.0, 0.0, 0.0)
    memory: int = 0
    calendar: bool = True

    def __post_init__(self) -> None:
        self.lags = self.lags or self.length

    def eased(self, y: np.ndarray) -> np.ndarray:
        """The values that are learnt from: their logarithm, if so."""
        return np.log(np.maximum(y + self.shift, 1e-12)) if self.log else y

    def back(self, y: np.ndarray) -> np.ndarray:
        """The values again."""
        return np.exp(np.minimum(y, 700)) - self.shift if self.log else y

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, state: Any) -> Layout:
        found = described(cls, state)
        if found.view not in VIEWS or min(found.length, found.horizon, found.lags) < 1 or found.lags > found.length \
                or not found.typical > 0 or found.season < 0:
            raise FileError("it is damaged (its windows have sizes that cannot be)")
        return found


@dataclass
class WindowRows:
    """Windows as rows: X (n, features); what was taken out of each, base (n, horizon) and scale (n,); y (n, horizon),
    with NaN where there was none; track, origin: of which series, and the step first forecast."""

    X: np.ndarray
    base: np.ndarray
    scale: np.ndarray
    y: np.ndarray
    track: np.ndarray
    origin: np.ndarray

    def __len__(self) -> int:
        return len(self.X)

    def __getitem__(self, rows: Any) -> WindowRows:
        return WindowRows(self.X[rows], self.base[rows], self.scale[rows], self.y[rows], self.track[rows],
                          self.origin[rows])


def fill_from_before(y: np.ndarray, season: int) -> np.ndarray:
    """The series with each gap as it was a season before, or else at the step before; leading gaps stay.

    >>> fill_from_before(np.array([1.0, 2.0, np.nan, 4.0, np.nan]), 2).tolist()
    [1.0, 2.0, 1.0, 4.0, 1.0]
    """
    out = y.copy()
    for t in np.flatnonzero(np.isnan(y)).tolist():
        if season and t >= season and np.isfinite(out[t - season]):
            out[t] = out[t - season]
        elif t:
            out[t] = out[t - 1]
    return out


def steps_before(y: np.ndarray, at: np.ndarray, many: int) -> np.ndarray:
    """The steps before each origin (n, many), NaN where the series had not begun.

    >>> steps_before(np.array([1.0, 2.0, 3.0]), np.array([1, 3]), 2).tolist()
    [[nan, 1.0], [2.0, 3.0]]
    """
    return np.lib.stride_tricks.sliding_window_view(np.concatenate([np.full(many, np.nan), y]), many)[at]


def origins(track: Track, layout: Layout, targets: bool) -> np.ndarray:
    """The steps that can be a window's first forecast one. targets: all that is forecast lies within the series."""
    first, n = layout.length, len(track)
    last = n - layout.horizon if targets else n
    if last < first:
        return np.zeros(0, np.int64)
    at = np.arange(first, last + 1)
    gone = np.concatenate([[0], np.cumsum(np.isnan(track.y))])
    kept = (gone[at] - gone[at - layout.length]) <= MOST_EMPTY * layout.length
    if layout.cut:
        holes = np.concatenate([[0], np.cumsum(track.hole)])
        kept &= holes[np.minimum(at + (layout.horizon if targets else 0), n)] == holes[at - layout.length]
    return at[kept]


def make_rows(tracks: Sequence[Track], asked: Sequence[np.ndarray], layout: Layout, calendar: Calendar,
              stats: dict[Any, tuple[float, float]]) -> WindowRows:
    """The windows of tracks at origins asked of each; stats: mean and deviation of each series by name, as learnt."""
    parts = [_of_track(k, track, np.asarray(at, np.int64), layout, calendar, stats.get(track.name))
             for k, (track, at) in enumerate(zip(tracks, asked, strict=True)) if len(at)]
    if not parts:
        none, ahead = np.zeros(0, int), np.zeros((0, layout.horizon))
        return WindowRows(np.zeros((0, 1)), ahead, np.zeros(0), ahead, none, none)
    return WindowRows(*(np.concatenate(columns) for columns in zip(*parts, strict=True)))


def moments_of(track: Track, layout: Layout) -> tuple[float, float]:
    """The mean and the deviation of a series, of its logarithm if so."""
    y = layout.eased(track.y[np.isfinite(track.y)])
    return (float(y.mean()), float(y.std())) if len(y) else (0.0, 0.0)


def _of_track(k: int, track: Track, at: np.ndarray, layout: Layout, calendar: Calendar,
              stats: tuple[float, float] | None) -> tuple[np.ndarray, ...]:
    L, H, m = layout.length, layout.horizon, layout.season
    eased = layout.eased(track.y)
    full = fill_from_before(eased, m)
    seen = np.lib.stride_tricks.sliding_window_view(full, L)[at - L]
    gaps = np.isnan(track.y)
    mean = np.nan_to_num(np.nanmean(seen, axis=1))
    seen = np.where(np.isnan(seen), mean[:, None], seen)
    own_mean, own_scale = stats or moments_of(track, layout)
    if layout.view == "series":
        level, spread = np.full(len(at), own_mean), np.full(len(at), own_scale)
    else:
        level = seen[:, -1] if layout.view == "last" else mean
        spread = seen.std(axis=1)
    scale = np.sqrt(spread**2 + (LEAST_SCALE * layout.typical) ** 2 + (LEAST_OF_LEVEL * mean) ** 2 * (not layout.log))
    scale = np.maximum(scale, 1e-12)
    base = np.repeat(level[:, None], H, axis=1)
    if layout.view == "season" and m:
        ahead = np.arange(H)
        base = seen[:, L - m + ahead % m]
    elif layout.view == "smooth":
        base = smooth_windows(steps_before(full, at, layout.memory) if layout.memory else seen, layout.smoothing,
                              layout.period if layout.memory else m, H)
    parts = [(seen[:, L - layout.lags:] - level[:, None]) / scale[:, None]]
    if layout.view != "series":
        typical = max(own_scale, LEAST_SCALE * layout.typical, 1e-12)
        parts.append(np.clip((mean - own_mean) / typical, -3, 3)[:, None])
    if layout.masked:
        parts.append(np.lib.stride_tricks.sliding_window_view(gaps, L)[at - L][:, L - layout.lags:].astype(float))
    if track.past.shape[1] and layout.past:
        back = at[:, None] - 1 - np.arange(min(PAST_STEPS, L))
        parts.append(track.past[back].reshape(len(at), -1))
    if track.known.shape[1]:
        ahead = np.minimum(at[:, None] + np.arange(H), len(track.known) - 1)
        parts.append(track.known[ahead].reshape(len(at), -1))
    if len(track.static):
        parts.append(np.repeat(track.static[None], len(at), axis=0))
    if layout.calendar:
        parts.append(calendar.parts(track.first + at * calendar.size, layout.years)[0])
    y = np.full((len(at), H), np.nan)
    inside = at[:, None] + np.arange(H)
    there = inside < len(track)
    y[there] = eased[inside[there]]
    X = np.clip(np.hstack(parts), -FARTHEST, FARTHEST)
    return X, base, scale, y, np.full(len(at), k), at


def names_of(layout: Layout, calendar: Calendar, columns: Sequence[Sequence[str]], target: str) -> list[str]:
    """What each feature of a row is; columns: the names of features of the past, known ahead, and of each series."""
    past, known, static = columns
    lags = range(layout.lags, 0, -1)
    names = [f"{target} {k} before" for k in lags]
    names += ["level"] * (layout.view != "series")
    names += [f"{target} missing {k} before" for k in lags] * layout.masked
    if past and layout.past:
        names += [f"{name} {k + 1} before" for k in range(min(PAST_STEPS, layout.length)) for name in past]
    names += [f"{name} +{k + 1}" for k in range(layout.horizon) for name in known]
    names += list(static)
    return names + (calendar.parts(np.zeros(1, np.int64), layout.years)[1] if layout.calendar else [])
