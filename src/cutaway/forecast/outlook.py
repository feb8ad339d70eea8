"""The forecasts behind the end of some series: as a frame, and as a picture beside what was before."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..errors import ArgumentError
from ..text import listed, short
from .calendars import Calendar
from .panel import Roles, Track

#: What steps are called that have no time.
STEP = "step"
#: Steps before a forecast that are drawn: so many horizons, within these bounds; and series drawn, at most.
HORIZONS_SHOWN, FEWEST_SHOWN, MOST_SHOWN, MOST_DRAWN = 3, 24, 400, 6


@dataclass
class ForecastChart:
    """What a chart of one forecast shows: `line`, the series, of which the forecast begins at step `start`; its values
    with lower and upper; ticks of all steps, the times of the first and the last one; of which series and target."""

    target: str
    name: Any
    line: np.ndarray
    start: int
    forecast: np.ndarray
    lower: np.ndarray
    upper: np.ndarray
    ticks: np.ndarray
    times: tuple[str, str]

    @property
    def words(self) -> str:
        """The series that it is of: " of north", "" where there is one."""
        return "" if self.name is None else f" of {short(self.name, 40)}"


def shown(target: str, track: Track, at: int, values: Sequence[np.ndarray], calendar: Calendar) -> ForecastChart:
    """The chart of one forecast from step `at` of a series, values (3, steps)."""
    steps = len(values[0])
    start = max(0, at - min(MOST_SHOWN, max(HORIZONS_SHOWN * steps, FEWEST_SHOWN)))
    line = np.full(at - start + steps, np.nan)
    known = track.y[start:at + steps]
    line[:len(known)] = known
    ticks = track.first + np.arange(start, at + steps) * calendar.size
    forecast, lower, upper = values
    return ForecastChart(target, track.name, line, at - start, forecast, lower, upper, ticks,
                 (written(calendar, ticks[0]), written(calendar, ticks[-1])))


def written(calendar: Calendar, tick: float) -> str:
    """The time of a tick in words: a day alone where it is midnight."""
    return str(calendar.times(np.array([tick]))[0]).removesuffix(" 00:00:00")


@dataclass(repr=False)
class Outlook:
    """Forecasts of series from their ends: values are forecast, lower and upper (series, steps)."""

    tracks: list[Track]
    ends: list[int]
    values: list[np.ndarray]
    calendar: Calendar
    roles: Roles
    coverage: float
    notes: list[str] = field(default_factory=list)

    @property
    def steps(self) -> int:
        return self.values[0].shape[1]

    def frame(self) -> Any:
        """A row for each series and step: id, time, forecast, lower, upper."""
        import pandas as pd

        ticks = np.concatenate([t.first + (end + np.arange(self.steps)) * self.calendar.size
                                for t, end in zip(self.tracks, self.ends, strict=True)])
        columns: dict[str, Any] = {}
        if self.roles.id is not None:
            columns[self.roles.id] = pd.Series([t.name for t in self.tracks]).repeat(self.steps).reset_index(drop=True)
        columns[self.roles.time or STEP] = self.calendar.times(ticks)
        columns |= {name: part.ravel() for name, part in zip(("forecast", "lower", "upper"), self.values, strict=True)}
        return pd.DataFrame(columns)

    def shown(self, k: int = 0) -> ForecastChart:
        """The chart of the k-th series."""
        return shown(self.roles.target, self.tracks[k], self.ends[k], [part[k] for part in self.values], self.calendar)

    def plot(self, path: Any = None, series: Any = None) -> Any:
        """Draw each series, or those named, with its forecast and band: a figure, also written to .png or .svg."""
        names = [track.name for track in self.tracks]
        wanted = [series] if isinstance(series, str) else series
        for name in wanted or ():
            if name not in names:
                raise ArgumentError(f"series names {name!r}: there are {listed(names, 8)}.")
        which = [k for k, name in enumerate(names) if wanted is None or name in wanted][:MOST_DRAWN]
        return draw([self.shown(k) for k in which], self.calendar, self.coverage, path)

    def __repr__(self) -> str:
        return f"{self.frame()}"


def draw(charts: Sequence[ForecastChart], calendar: Calendar, coverage: float, path: Any = None) -> Any:
    """Draw forecasts under each other: the series, the forecast and its band."""
    from ..drawing.charts import chart, legend
    from ..drawing.sheet import EDGE, INK, LINES, Sheet

    height, gap = (2.6, 1.0) if len(charts) > 1 else (3.2, 0.9)
    sheet = Sheet(9.5, 2 * EDGE + 0.75 + len(charts) * (height + gap))
    target = charts[0].target
    sheet.title(f"Forecast of {short(target, 40)}",
                f"{calendar.words} a step; the band holds {coverage:.0%} of values, by errors on later steps")
    for k, one in enumerate(charts):
        axes = chart(sheet, 0.95, EDGE + 0.75 + k * (height + gap) + 0.15, 8.2, height, "", short(target, 24),
                     title="" if one.name is None else short(one.name, 60))
        x = calendar.times(one.ticks)
        x = x.tz_localize(None).to_numpy() if getattr(x, "tz", None) is not None else np.asarray(x)
        coming = x[one.start:one.start + len(one.forecast)]
        axes.fill_between(coming, one.lower, one.upper, color=LINES[1], alpha=0.2, linewidth=0, label="band")
        axes.plot(x[:len(one.line)], one.line, color=INK, linewidth=1.2, label=short(target, 24))
        axes.plot(coming, one.forecast, color=LINES[1], linewidth=1.6, label="forecast",
                  marker="o" if len(one.forecast) == 1 else None)
        axes.axvline(coming[0], color=INK, linewidth=0.6, linestyle=(0, (2, 2)))
        legend(axes, loc="upper left", ncols=3)
    return sheet.saved(path)
