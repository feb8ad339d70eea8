"""A frame as series on their grids of time: rows in order, steps that are missing marked, repeats brought to one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Any, cast

import numpy as np

from ..data.limits import MOST_FILLING
from ..data.reading import read_table
from ..data.timeline import Moments, moments, refuse_gaps
from ..data.zones import zone_called
from ..errors import ArgumentError, DataError
from ..text import counted, quoted
from .calendars import BESIDE, Calendar, asked_calendar, found_calendar
from .columns import Covariate, days_from, learn_columns, target_numbers

GAPS = ("fill", "cut", "refuse")
#: What a series is called that has no name.
VALUE = "value"
#: From this share of rows on, rows of the same time are of several series, not slips.
MANY_REPEATS = 0.02
#: Where so many rows lie between the steps that were found, there is none.
MANY_BESIDE = 0.1


@dataclass
class Track:
    """One series on its grid: step k is at the tick first + k size.

    y (T,) up to the last known target, NaN where there is none; hole (T,) where no row was; known (S, k), S >= T: what
    is known ahead, also of steps to come; given (S,) where rows said it; past (T, p); static (s,).
    """

    name: Any
    first: float
    y: np.ndarray
    hole: np.ndarray
    known: np.ndarray
    given: np.ndarray
    past: np.ndarray
    static: np.ndarray

    def __len__(self) -> int:
        return len(self.y)


@dataclass
class Roles:
    """What the columns of a frame are: names, or None for time and id where rows are steps of one series."""

    target: str
    time: str | None
    id: str | None = None

    @property
    def used(self) -> list[str]:
        return [name for name in (self.target, self.time, self.id) if name is not None]


@dataclass
class Panel:
    """Several series that keep one calendar, and notes on what was found and done. ticks: of the frame's rows."""

    tracks: list[Track]
    calendar: Calendar
    columns: list[Covariate]
    notes: list[str] = field(default_factory=list)
    ticks: np.ndarray = field(default_factory=lambda: np.zeros(0))

    def features(self, role: str) -> list[str]:
        """The features of the columns of a role."""
        return [name for column in self.columns if column.role == role for name in column.features]

    @property
    def rows(self) -> int:
        return sum(map(len, self.tracks))

    def before(self, cut: float) -> list[Track]:
        """Tracks with the steps before a tick alone: nothing of later rows is left."""
        found = []
        for track in self.tracks:
            end = int(np.clip(np.ceil((cut - track.first) / self.calendar.size - 1e-6), 0, len(track)))
            if end:
                found.append(Track(track.name, track.first, track.y[:end], track.hole[:end], track.known[:end],
                                   track.given[:end], track.past[:end], track.static))
        return found


def framed(data: Any, target: str | None, time: str | None, id: str | None) -> tuple[Any, Roles]:
    """The frame of what is given, a Series, a list of numbers or a frame, and what its columns are."""
    import pandas as pd

    frames = any(hasattr(data, name) for name in ("columns", "column_names", "__fspath__"))
    if isinstance(data, pd.Series) or not (frames or isinstance(data, dict | str)):
        series = data if isinstance(data, pd.Series) else pd.Series(np.asarray(data, np.float64).ravel())
        target = target or str(series.name or VALUE)
        data = series.rename(target).to_frame()
    if isinstance(data, pd.DataFrame) and isinstance(data.index, pd.DatetimeIndex | pd.PeriodIndex) and (
            time is None or time not in data.columns):
        name = time or str(data.index.name or "time")
        data, time = data.rename_axis(name).reset_index(), name
    if target is None:
        raise ArgumentError("target is None: name the column to forecast, fit(frame, target='load', time='when').")
    return data, Roles(target, time, id)


def as_frame(data: Any, roles: Roles) -> Any:
    """The frame of what a forecaster is given, with columns named as text. Raises ArgumentError for names not there."""
    frame = read_table(data)
    levels = [str(name) for name in frame.index.names if name is not None]
    if set(levels) & set(roles.used):
        frame = frame.reset_index()
    frame = frame.set_axis([str(name) for name in frame.columns], axis=1)
    for what, name in (("target", roles.target), ("time", roles.time), ("id", roles.id)):
        if name is not None and name not in frame.columns:
            lower = {column.lower(): column for column in frame.columns}
            close = get_close_matches(name.lower(), lower, n=1)
            others = [column for column in frame.columns if column != roles.target]  # may be our empty one
            guess = f"did you mean {lower[close[0]]!r}?" if close else f"there are {quoted(others, 12)}."
            raise ArgumentError(f"{what} names {name!r}, but the frame has no such column: {guess}")
    if len(set(roles.used)) < len(roles.used):
        raise ArgumentError("target, time and id name one column twice: each is a column of its own.")
    return frame


def read_panel(frame: Any, roles: Roles, *, known: Sequence[str] = (), past: Sequence[str] | None = None,
               gaps: str = "fill", step: Any = None, zone: str | None = None, calendar: Calendar | None = None,
               columns: list[Covariate] | None = None) -> Panel:
    """Read a frame as series. With `calendar` and `columns`, those of a model, rows are brought to these.

    Raises DataError, in words, for times that are empty or keep no step, for rows of one time that are too many to be
    slips, and for gaps where gaps="refuse".
    """
    import pandas as pd

    if not len(frame):
        raise DataError("The frame has no rows.")
    notes: list[str] = []
    if roles.id is None:
        whose, names = np.zeros(len(frame), np.int64), cast(list[Any], [None])
    else:
        whose, found = pd.factorize(frame[roles.id])
        refuse_gaps(whose < 0, roles.id)
        names = found.tolist()
    when = _moments(frame, roles, zone, whose)
    if zone is not None and when.zone is None and when.dates is not None:
        when = _by_zone(when, whose, zone)
    falls = (np.diff(when.order) < 0) & (np.diff(whose) == 0)
    if falls.any():
        early = counted(int(falls.sum()), "row")
        notes.append(f"rows stood in no order of time: sorted ({early} earlier than the one above)")
    order = np.lexsort((when.order, whose))
    frame, when, whose = frame.iloc[order].reset_index(drop=True), when[order], whose[order]
    y = target_numbers(frame[roles.target], roles.target)
    if when.dates is not None:
        frame, dated = days_from(frame, roles.used, when.dates)
        notes += [f"dates in {quoted(dated)} are days from the time of their row"] * bool(dated)
    fresh = calendar is None
    together = np.diff(whose) == 0
    if calendar is None:
        apart = np.flatnonzero(np.concatenate([[True], ~(together & (np.diff(when.order) == 0))]))
        _refuse_many_repeats(len(whose) - len(apart), len(whose), roles, when)
        name = roles.time or "time"
        calendar = (asked_calendar(step, when, name) if step is not None else
                    found_calendar(when[apart], np.diff(whose[apart]) == 0, name))
    if fresh:
        columns, out = learn_columns(frame, roles.used, whose, known, past)
        notes += out
    assert columns is not None
    panel = Panel([], calendar, columns, notes)
    ticks = calendar.ticks(when)
    panel.ticks = ticks[np.argsort(order)]
    coded = {role: [c.encode(_column(frame, c, whose, y)) for c in columns if c.role == role]
             for role in ("known", "past", "static")}
    wide = {role: np.hstack(parts) if parts else np.zeros((len(y), 0)) for role, parts in coded.items()}
    said: dict[str, list[Any]] = {"holes": [], "twice": [], "beside": []}
    for k, name in enumerate(names):
        rows = np.flatnonzero(whose == k)
        if len(rows):
            track = _track(name, rows, ticks, y, wide, calendar, step is not None, said)
            if track is not None:
                panel.tracks.append(track)
    beside = sum(many for _, many in said["beside"])
    if fresh and beside > MANY_BESIDE * len(y):
        raise DataError(f"{roles.time!r} keeps no step of time: {beside:,} of {len(y):,} rows lie between steps of "
                        f"{calendar.words}, which comes nearest. Bring them to one step, which takes means: "
                        "step='1 hour', '1 day', '1 month', ...")
    notes += _notes(said, calendar, gaps, roles, when)
    if fresh and (empty := sum(int((np.isnan(track.y) & ~track.hole).sum()) for track in panel.tracks)):
        found = f"{counted(empty, 'row')} {'has' if empty == 1 else 'have'} an empty cell in {roles.target!r}"
        if gaps == "refuse":
            raise DataError(f"{found}: fill in or take out these rows, or choose gaps='fill' or gaps='cut'.")
        notes.append(f"{found}: these steps count as not known")
    return panel


def _moments(frame: Any, roles: Roles, zone: str | None, whose: np.ndarray) -> Moments:
    """When the rows are: by their column of times, which may have offsets or a zone, or else by their numbers."""
    import pandas as pd

    if roles.time is None:
        return Moments(pd.Series(whose).groupby(whose).cumcount().to_numpy())
    cells = frame[roles.time]
    when = moments(cells, roles.time)
    if when.dates is not None and when.zone is None and cells.dtype.kind not in "Mif":
        first = str(cells.iloc[0])
        if first.endswith("Z") or (len(first) > 16 and first[-6] in "+-" and first[-3] == ":"):
            when.zone = zone_called("UTC")
    if zone is not None and when.dates is not None and when.zone is not None:
        per = int(when.per_second)
        micros = when.order // (per // 10**6) if per > 10**6 else when.order * (10**6 // per)
        shown = pd.DatetimeIndex(micros.astype("datetime64[us]")).tz_localize("UTC").tz_convert(zone_called(zone))
        when = Moments(shown.asi8, shown.tz_localize(None), 10**6, zone_called(zone))
    return when


def _by_zone(when: Moments, whose: np.ndarray, zone: str) -> Moments:
    """Moments by the clock of a zone: of an hour that stands twice, the second is after clocks went back."""
    import pandas as pd

    twice = pd.DataFrame({"whose": whose, "when": when.dates}).duplicated().to_numpy()
    there = when.dates.as_unit("us").tz_localize(zone_called(zone), ambiguous=~twice, nonexistent="shift_forward")
    return Moments(there.asi8, there.tz_localize(None), 10**6, zone_called(zone))


def _refuse_many_repeats(count: int, rows: int, roles: Roles, when: Moments) -> None:
    if count > max(5, MANY_REPEATS * rows):
        several = (f"rows of one {roles.id!r} share a time" if roles.id else
                   "rows share a time: if they are of several series, name the column that tells them apart with id=")
        raise DataError(f"{roles.time!r} stands twice in {counted(count, 'row')} of {rows:,}: {several}. Else keep one "
                        "row for each time, or bring them to a step with step='1 day'.")


def _column(frame: Any, column: Covariate, whose: np.ndarray, y: np.ndarray) -> Any:
    """The cells of a column beside the target; where a frame lacks it, gaps, or DataError."""
    import pandas as pd

    if column.name in frame.columns:
        return frame[column.name]
    if column.role == "known":
        raise DataError(f"The column {column.name!r} is known ahead, and the frame has none: give it for every step, "
                        "those to come, too.")
    if column.role == "past" and np.isnan(y).all():
        return pd.Series(np.full(len(whose), np.nan))  # rows of the future alone
    raise DataError(f"The frame lacks the column {column.name!r}, which the model has learnt from.")


def _track(name: Any, rows: np.ndarray, ticks: np.ndarray, y: np.ndarray, wide: dict[str, np.ndarray],
           calendar: Calendar, resampled: bool, said: dict[str, list[Any]]) -> Track | None:
    """Lay the rows of one series on its grid."""
    own = ticks[rows]
    first = own[0]
    if resampled and calendar.unit in ("span", "days", "number"):
        first = np.floor(own[0] / calendar.size) * calendar.size
        first = int(first) if calendar.unit != "number" else float(first)
        places = np.floor((own - first) / calendar.size + 1e-9).astype(np.int64)
    elif resampled:
        places = np.floor((own - first) / calendar.size).astype(np.int64)
    else:
        found = calendar.places(own, first)
        if found is None:
            away = (own - first) / calendar.size
            said["beside"].append((name, int((np.abs(away - np.rint(away)) > BESIDE).sum())))
            places = np.rint(away).astype(np.int64)
        else:
            places = found
    size = int(places[-1]) + 1
    if size > MOST_FILLING * len(rows) + 1000:
        of = "" if name is None else f" of {name!r}"
        raise DataError(f"On its grid the series{of} has {size:,} steps of {calendar.words}, and {len(rows):,} rows: "
                        "leave out what lies far from the rest, or ask for a longer step (step=).")
    counts = np.bincount(places, minlength=size)
    if not resampled and (counts > 1).any():
        again = np.flatnonzero(counts > 1)
        said["twice"].append((name, len(again), first + int(again[0]) * calendar.size))
    grid = _means(y[rows], places, size)
    known_steps = np.flatnonzero(np.isfinite(grid))
    end = int(known_steps[-1]) + 1 if len(known_steps) else 0
    hole = counts[:end] == 0
    if hole.any():
        said["holes"].append((name, int(hole.sum()), int((np.diff(np.r_[0, hole.astype(int)]) == 1).sum()),
                              first + int(hole.argmax()) * calendar.size))
    known, past = (np.stack([_means(column[rows], places, size) for column in wide[role].T], axis=1)
                   if wide[role].shape[1] else np.zeros((size, 0)) for role in ("known", "past"))
    return Track(name, first, grid[:end], hole, _carried(known), counts > 0, np.nan_to_num(past[:end]),
                 wide["static"][rows[-1]])


def _means(values: np.ndarray, places: np.ndarray, size: int) -> np.ndarray:
    """The mean of the known values at each place, NaN where there are none."""
    there = np.isfinite(values)
    count = np.bincount(places[there], minlength=size)
    total = np.bincount(places[there], values[there], minlength=size)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)


def _carried(known: np.ndarray) -> np.ndarray:
    """What is known ahead, at steps without a row as it was at the step before."""
    out = known.copy()
    for column in out.T:
        at = np.maximum.accumulate(np.where(np.isfinite(column), np.arange(len(column)), 0))
        column[:] = np.nan_to_num(column[at])
    return out


def _notes(said: dict[str, list[Any]], calendar: Calendar, gaps: str, roles: Roles, when: Moments) -> list[str]:
    """Say what was found of holes and repeats. Raises DataError where gaps="refuse"."""
    notes: list[str] = []
    found: list[str] = []

    def at(tick: float) -> str:
        return str(calendar.times(np.array([tick]))[0]).removesuffix(" 00:00:00")

    if twice := said["twice"]:
        count = sum(n for _, n, _ in twice)
        found.append(f"{counted(count, 'time')} of {roles.time!r} stand{'s' * (count == 1)} twice, the first "
                     f"{at(twice[0][2])}{_of(twice[0][0])}")
        notes.append(f"{found[-1]}: the mean of their rows is taken{_clocks(calendar, twice)}")
    if holes := said["holes"]:
        steps, many = sum(n for _, n, _, _ in holes), sum(n for *_, n, _ in holes)
        found.append(f"{counted(steps, 'step')} of {calendar.words} {'is' if steps == 1 else 'are'} missing in "
                     f"{counted(many, 'gap')}, the first at {at(holes[0][3])}{_of(holes[0][0])}")
        notes.append(found[-1] + (": no window reaches across" if gaps == "cut" else ": empty steps stand there"))
    if beside := said["beside"]:
        notes.append(f"some times lie between steps of {calendar.words}{_of(beside[0][0])}: each row is taken for the "
                     "nearest step")
    if gaps == "refuse" and (twice or holes):
        raise DataError(f"{found[0]}: add or take out rows, or choose gaps='fill' or gaps='cut'.")
    return notes


def _of(name: Any) -> str:
    return "" if name is None else f" of {name!r}"


def _clocks(calendar: Calendar, twice: list[Any]) -> str:
    """Give a hint where each time that stands twice is an early hour of a Sunday."""
    if calendar.unit != "span" or calendar.zone is not None:
        return ""
    clock = calendar.clock(np.array([tick for *_, tick in twice]))
    day = clock.astype("datetime64[D]")
    sunday, hour = (day.astype(np.int64) + 3) % 7 == 6, (clock - day).astype(np.int64) / 3.6e9
    return (". It is the night of a Sunday: if clocks were set back then, say whose with zone='Europe/Berlin'"
            if (sunday & (hour <= 3)).all() else "")
