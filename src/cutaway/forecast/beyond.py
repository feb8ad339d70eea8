"""Forecasts beyond the horizon that was learnt: stretch by stretch, each behind the forecast of the one before."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from .panel import Track

Values = list[np.ndarray]


def stretched(track: Track, y: np.ndarray) -> Track:
    """The series with values behind its end, as if they had been told; columns of the past stay as they were last."""
    more, ahead = len(y), max(0, len(track) + len(y) - len(track.given))
    return replace(
        track, y=np.concatenate([track.y, y]), hole=np.concatenate([track.hole, np.zeros(more, bool)]),
        known=np.pad(track.known, ((0, ahead), (0, 0)), mode="edge" if len(track.known) else "constant"),
        given=np.pad(track.given, (0, ahead)), past=np.pad(track.past, ((0, more), (0, 0)), mode="edge"))


def step_by_step(tracks: Sequence[Track], steps: int, once: Callable[[Sequence[Track]], Values]) -> Values:
    """So many steps behind the end of each series: forecast, lower and upper, each (series, steps).

    once: forecasts a stretch, in the same three parts. Behind the first one its distances from the forecast to lower
    and upper are joined by those at the last step before it, squared and added, as errors that go on add up.
    """
    parts: list[Values] = []
    before = [np.zeros(1), np.zeros(1)]
    while sum(part[0].shape[1] for part in parts) < steps:
        middle, *ends = once(tracks)
        away = [np.hypot(end - middle, one) for end, one in zip(ends, before, strict=True)]
        parts.append([middle, middle - away[0], middle + away[1]])
        before = [one[:, -1:] for one in away]
        tracks = [stretched(track, y) for track, y in zip(tracks, middle, strict=True)]
    return [np.concatenate(some, axis=1)[:, :steps] for some in zip(*parts, strict=True)]
