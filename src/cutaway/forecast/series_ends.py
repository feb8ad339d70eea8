"""The end of each series, which a model keeps to forecast from, and newer rows put behind it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..errors import DataError
from ..text import counted
from .calendars import Calendar
from .outlook import written
from .panel import Track
from .windows import Layout


def sight(layout: Layout) -> int:
    """The steps before an origin that a forecast may look at: gaps in a window are filled by what was a season before,
    and smoothing goes further back."""
    return max(2 * layout.length, layout.memory + layout.period)


def tail_of(track: Track, layout: Layout, calendar: Calendar) -> Track:
    """The end of a series, as much as a forecast from it sees, and what is known of the steps to come."""
    start = max(0, len(track) - sight(layout))
    end = len(track) + layout.horizon
    return Track(track.name, track.first + start * calendar.size, track.y[start:].copy(), track.hole[start:].copy(),
                 track.known[start:end].copy(), track.given[start:end].copy(), track.past[start:].copy(),
                 track.static.copy())


def joined_tracks(tail: Track | None, newer: Track, calendar: Calendar, layout: Layout) -> Track:
    """A series of which rows are given: its newer rows on one grid behind the tail, where rows of both say the same
    step the newer one; padded where it is shorter than a window. Raises DataError for one without a past."""
    if tail is None or not len(tail):
        if not len(newer):
            of = "The series" if newer.name is None else f"The series {newer.name!r}"
            raise DataError(f"{of} is none of those learnt from, and its rows have no target: give some of its past.")
        return _padded(newer, calendar, layout)
    shift = calendar.places(np.array([newer.first]), tail.first)
    if shift is None or len(newer) >= sight(layout):
        return _padded(newer, calendar, layout) if len(newer) else _refuse_beside(newer)
    at = int(shift[0])
    first = min(at, 0)
    a, b = -first, at - first  # where tail and newer rows begin on the joint grid
    n = max(a + len(tail), b + len(newer)) if len(newer) else a + len(tail)
    s = max(n, a + len(tail.known), b + len(newer.known))
    out = Track(newer.name, tail.first + first * calendar.size, np.full(n, np.nan), np.ones(n, bool),
                np.zeros((s, newer.known.shape[1])), np.zeros(s, bool), np.zeros((n, newer.past.shape[1])),
                newer.static if len(newer.static) else tail.static)
    for part, begin in ((tail, a), (newer, b)):
        told = np.flatnonzero(np.isfinite(part.y))
        out.y[begin + told] = part.y[told]
        rows = np.flatnonzero(~part.hole)
        out.hole[begin + rows], out.past[begin + rows] = False, part.past[rows]
        ahead = np.flatnonzero(part.given)
        out.known[begin + ahead], out.given[begin + ahead] = part.known[ahead], True
    return _padded(out, calendar, layout)


def longer_tail(tail: Track | None, newer: Track, calendar: Calendar, layout: Layout) -> Track:
    """The end of a series after newer rows of it, or rows of steps that are known already, were told.

    Raises DataError, as `joined_tracks` does, and for rows between the steps of the tail.
    """
    if tail is not None and len(tail) and len(newer):
        shift = calendar.places(np.array([newer.first]), tail.first)
        if shift is None:
            _refuse_beside(newer)
        elif len(newer) >= sight(layout) and shift[0] + len(newer) < len(tail):  # rows of long ago
            newer = _last(newer, sight(layout) - 1, calendar)
    return tail_of(joined_tracks(tail, newer, calendar, layout), layout, calendar)


def older_rows(given: Sequence[Track], joined: Sequence[Track], calendar: Calendar) -> list[str]:
    """A note where rows that were given of series end before what is known of them, behind which they are forecast."""
    late = [(a, b) for a, b in zip(given, joined, strict=True)
            if len(a) and a.first + len(a) * calendar.size < b.first + (len(b) - 0.5) * calendar.size]
    if not late:
        return []
    of = "" if late[0][0].name is None else f" of {late[0][0].name!r}"
    more = f" (so do those of {counted(len(late) - 1, 'more series', 'more series')})" if len(late) > 1 else ""
    end, last = (written(calendar, t.first + (len(t) - 1) * calendar.size) for t in late[0])
    return [f"the rows{of} end at {end}{more}, and the forecaster knows some up to {last}: it forecasts behind those"]


def _last(track: Track, steps: int, calendar: Calendar) -> Track:
    """The last steps of a series, and what is known of those to come."""
    start = max(0, len(track) - steps)
    return Track(track.name, track.first + start * calendar.size, track.y[start:], track.hole[start:],
                 track.known[start:], track.given[start:], track.past[start:], track.static)


def _refuse_beside(newer: Track) -> Track:
    of = "rows" if newer.name is None else f"rows of {newer.name!r}"
    raise DataError(f"The {of} lie between the steps that the model has learnt: bring them to its times.")


def _padded(track: Track, calendar: Calendar, layout: Layout) -> Track:
    """The series with empty steps before it, where it is shorter than a window."""
    short = layout.length - len(track)
    if short <= 0:
        return track
    rows = ((short, 0), (0, 0))
    return Track(track.name, track.first - short * calendar.size,
                 np.pad(track.y, (short, 0), constant_values=np.nan), np.pad(track.hole, (short, 0)),
                 np.pad(track.known, rows), np.pad(track.given, (short, 0)), np.pad(track.past, rows), track.static)
