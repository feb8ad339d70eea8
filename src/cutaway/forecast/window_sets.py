"""Sets of windows, (track, origin) each, and their targets as a network has them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..errors import DataError
from .calendars import Calendar
from .panel import Track
from .windows import Layout, WindowRows, origins

#: Scaled targets go so far at most, so that no window without variation outweighs all others.
FARTHEST_TARGET = 20.0

def ticks_of(windows: np.ndarray, tracks: Sequence[Track], calendar: Calendar) -> np.ndarray:
    """The tick of the first step that each window (track, origin) forecasts."""
    return np.array([t.first for t in tracks])[windows[:, 0]] + windows[:, 1] * calendar.size


def all_windows(tracks: Sequence[Track], calendar: Calendar, layout: Layout) -> np.ndarray:
    """Every window with all of its targets inside its series: (track, origin)."""
    parts = [np.stack([np.full(len(at), k), at], axis=1) for k, track in enumerate(tracks)
             if len(at := origins(track, layout, targets=True))]
    return np.concatenate(parts) if parts else np.zeros((0, 2), np.int64)


def split(windows: np.ndarray, tracks: int) -> list[np.ndarray]:
    """The origins of each track."""
    return [windows[windows[:, 0] == k, 1] for k in range(tracks)]


def thinned(windows: np.ndarray, most: int) -> np.ndarray:
    """Every so manyth window, as many as wanted at most, the last one among them."""
    return windows if len(windows) <= most else windows[np.linspace(0, len(windows) - 1, most).round().astype(int)]


def typical_scale(tracks: Sequence[Track], layout: Layout) -> float:
    """The usual deviation of a series."""
    spread = [np.nanstd(layout.eased(t.y)) for t in tracks if np.isfinite(t.y).any()]
    positive = [s for s in spread if s > 0]
    return float(np.median(positive)) if positive else 1.0


def learnable(rows: WindowRows) -> WindowRows:
    """The windows whose targets are all known; where those are few, also others, with gaps between two known targets
    as a straight line has them."""
    whole = np.isfinite(rows.y).all(axis=1)
    if whole.mean() >= 0.5:
        return rows[whole]
    rows = rows[np.isfinite(rows.y).mean(axis=1) >= 0.5]
    ahead = np.arange(rows.y.shape[1])
    for y in rows.y:
        known = np.isfinite(y)
        if not known.all():
            y[:] = np.interp(ahead, ahead[known], y[known])
    if not len(rows):
        raise DataError("Of every window more than half of what is to be forecast is missing: fill the gaps first, or "
                        "ask for a longer step.")
    return rows


def scaled(rows: WindowRows) -> np.ndarray:
    """The targets as the network has them."""
    return np.clip((rows.y - rows.base) / rows.scale[:, None], -FARTHEST_TARGET, FARTHEST_TARGET)
