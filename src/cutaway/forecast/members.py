"""The members of a forecaster: each makes rows of windows in its own way and has a network of its own; forecast is
their median."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..nn import Module, SideBySide
from .calendars import Calendar
from .panel import Track
from .windows import Layout, WindowRows, make_rows


@dataclass
class Member:
    """One of those whose median is forecast: `layout`, how it makes rows; stats, mean and deviation of each series by
    name, as it has them; limit, how far its outputs go at most; in words what it is. weight: in the mean, which was
    forecast before the median was; 0 for the median."""

    layout: Layout
    stats: dict[Any, tuple[float, float]]
    limit: float
    words: str = ""
    weight: float = 0.0


def rows_of(members: Sequence[Member], tracks: Sequence[Track], asked: Sequence[np.ndarray], calendar: Calendar
            ) -> list[WindowRows]:
    """The windows of tracks at origins asked of each, as every member has them."""
    return [make_rows(tracks, asked, member.layout, calendar, member.stats) for member in members]


def joined(rows: Sequence[WindowRows]) -> np.ndarray:
    """The features of all members side by side, as the network takes them."""
    return rows[0].X if len(rows) == 1 else np.hstack([one.X for one in rows])


def network_of(networks: Sequence[Module], widths: Sequence[int]) -> Module:
    """The network of all members: one alone is itself."""
    return networks[0] if len(networks) == 1 else SideBySide(list(networks), list(widths))


def middle_of(members: Sequence[Member], rows: Sequence[WindowRows], z: np.ndarray) -> np.ndarray:
    """The members' median, of the outputs (n, members x horizon) of their network, in the first one's units
    (n, horizon): what it takes out of a window is out of it, and it is over the window's scale."""
    first, lead = members[0].layout, rows[0]
    parts = [np.clip(part, -member.limit, member.limit)
             for member, part in zip(members, np.split(z, len(members), axis=1), strict=True)]
    if len(members) == 1:
        return parts[0]
    said = [member.layout.back(one.base + one.scale[:, None] * part)
            for member, one, part in zip(members, rows, parts, strict=True)]
    weights = np.array([member.weight for member in members])
    if not weights.any():
        return in_units(first, lead, np.median(said, axis=0))
    return in_units(first, lead, sum(w * part for w, part in zip(weights / weights.sum(), said, strict=True)))


def in_units(layout: Layout, rows: WindowRows, values: np.ndarray) -> np.ndarray:
    """Values (n, horizon) less what is taken out of each window, over its scale."""
    return (layout.eased(values) - rows.base) / rows.scale[:, None]
