"""Forecasting: one long series cut into windows (what was, what comes next), and windows split by time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from operator import index
from typing import Any

import numpy as np

from ..errors import ArgumentError, DataError, warn
from ..text import counted
from .cells import parse_dates, words_of
from .reading import column_names, is_frame, read_table
from .timeline import Moments, check_gaps, described_gaps, filled, in_words, moments, refuse_disorder, steps

#: What to do about a gap, and about times without a step.
ADVICE = "gaps='fill' makes the missing steps empty, gaps='join' takes the rows for steps all the same."
NO_STEP = "Bring it to one (series.resample('h').mean()), or take its rows for steps all the same: gaps='join'."


@dataclass(eq=False, repr=False)
class Windows:
    """Windows of one series. Unpacks as `X, y = windows(...)`.

    Window i shows the time steps from starts[i] on, `length` of them, and its targets are the `horizon` steps behind:
    X (n, length, features), y (n, horizon * targets), starts (n,). Column j of y is named target_names[j]: all targets
    one step ahead, then all of them two steps ahead, and so on. `notes` says in sentences what was left out or filled.
    """

    X: np.ndarray
    y: np.ndarray
    starts: np.ndarray
    length: int
    horizon: int
    features: list[str]
    target_names: list[str]
    notes: list[str] = field(default_factory=list)

    def __iter__(self) -> Iterator[Any]:
        return iter((self.X, self.y))

    def __len__(self) -> int:
        return len(self.starts)

    def __getitem__(self, rows: Any) -> Windows:
        """Take some of the windows: a slice or an array of numbers."""
        return replace(self, X=self.X[rows], y=self.y[rows], starts=self.starts[rows])

    def __repr__(self) -> str:
        of = counted(len(self.features), "feature")
        return f"Windows({len(self):,} of {counted(self.length, 'time step')} of {of} -> {self.horizon:,} ahead)"


def windows(series: Any, length: int, horizon: int = 1, step: int = 1, target: Any = None, *, time: Any = None,
            gaps: str = "cut") -> Windows:
    """Cut one series into windows of `length` time steps, each with the `horizon` steps that follow it as its target.

    `series` is an array (time,) or (time, features), or a frame whose columns are the features, in order of time. A
    window begins every `step` time steps. `target` says what to forecast, one feature or a list of them, by name or
    place; by default all. Gaps in what a window shows stay NaN; a window with a gap in its targets is left out.

    When the rows are is told by `time` (the name of a column of the frame, or one time a row), or else by the index of
    a pandas Series or DataFrame, if it holds dates or numbers. The step that the times keep is found: hours, days,
    business days, months, ... Where steps are missing, rows that stand side by side are no neighbours, and `gaps` says
    what becomes of them: "cut" leaves out each window that would span a gap, and warns; "fill" puts a row of NaN for
    each step that is missing; "join" takes the rows for steps all the same; "refuse" is an error.

    To forecast what comes after the series' end, predict from series[-length:].

    Raises DataError for a series that is too short, holds something other than finite numbers, is not in order, has a
    time twice or keeps no step; ArgumentError for a length, horizon or step below 1, and a target that is not there.

    >>> X, y = windows([1.0, 2.0, 3.0, 4.0, 5.0], length=3)
    >>> X[:, :, 0].tolist(), y.tolist()
    ([[1.0, 2.0, 3.0], [2.0, 3.0, 4.0]], [[4.0], [5.0]])
    >>> windows([1.0, 2.0, 3.0, 5.0], length=2, time=[1, 2, 3, 5], gaps="fill").X[:, :, 0].tolist()
    [[1.0, 2.0], [3.0, nan]]
    """
    length, horizon, step = _whole("length", length), _whole("horizon", horizon), _whole("step", step)
    check_gaps(gaps)
    series, when, what = _dated(series, time)
    values, names = _steps(series)
    if when is not None:
        if len(when.order) != len(values):
            raise DataError(f"time has {len(when.order):,} entries, the series {len(values):,}: give one a row.")
        if gaps != "join":
            refuse_disorder(when, what)
    cut = cut_windows(values, names, when, what, length, horizon, step, target, gaps)
    if when is not None and gaps == "cut" and any(note.startswith(what) for note in cut.notes):
        warn(f"{cut.notes[0]}. {ADVICE}")
    return cut


def cut_windows(
    values: np.ndarray, names: list[str], when: Moments | None, what: str, length: int, horizon: int, step: int,
    target: Any, gaps: str,
) -> Windows:
    """Cut `windows` of values (time, features) at moments that rise; what stood in the way is in the notes."""
    places = _places(target, names)
    notes: list[str] = []
    inside = length + horizon
    run = np.zeros(len(values), np.int64)  # rows of one number follow each other step by step
    if when is not None and gaps != "join" and len(values) > 1:
        found = steps(when)
        if not found.every:
            raise DataError(f"{what} keeps no step of time: {_distances(when)}. {NO_STEP}")
        if found.missing:
            said = described_gaps(when, found, what)
            if gaps == "refuse":
                raise DataError(f"{said}. {ADVICE}")
            if gaps == "fill":
                values = filled(values, found)
                notes.append(f"{said}: filled with empty steps")
                run = np.zeros(len(values), np.int64)
            else:
                run = np.concatenate([[0], np.cumsum(found.apart != 1)])
                notes.append(said)
    if len(values) < inside:
        raise DataError(
            f"The series has {counted(len(values), 'time step')}, and a window of {length:,} with {horizon:,} to "
            f"forecast needs {inside:,}: give a longer series, or set a smaller length or horizon."
        )
    starts = np.arange(0, len(values) - inside + 1, step)
    whole = run[starts] == run[starts + inside - 1]
    if not whole.all():
        notes[-1] += f"; {counted(int((~whole).sum()), 'window')} across a gap left out"
    if not whole.any():
        longest = int(np.bincount(run).max())
        raise DataError(
            f"{notes[0]}: at most {longest:,} rows follow each other step by step, and a window of {length:,} with "
            f"{horizon:,} to forecast needs {inside:,}. Set a smaller length, or: {ADVICE}"
        )
    starts = starts[whole]
    y = values[:, places][starts[:, None] + length + np.arange(horizon)].reshape(len(starts), -1)
    kept = ~np.isnan(y).any(axis=1)
    if not kept.any():
        raise DataError("Every window has a gap (NaN) in its targets, so nothing can be learnt: fill the gaps.")
    notes += [f"{counted(int((~kept).sum()), 'window')} left out: a gap in the targets"] * (not kept.all())
    starts = starts[kept]
    X = np.lib.stride_tricks.sliding_window_view(values, length, axis=0)[starts].swapaxes(1, 2)
    aims = [f"{names[place]} +{ahead}" for ahead in range(1, horizon + 1) for place in places]
    return Windows(np.ascontiguousarray(X), y[kept], starts, length, horizon, names, aims, notes)


def _distances(when: Moments) -> str:
    away = np.diff(when.order)
    low, high = (in_words(float(some), when.per_second) for some in (away.min(), away.max()))
    return f"its rows are from {low} to {high} apart"


def _dated(series: Any, time: Any) -> tuple[Any, Moments | None, str]:
    """The series without its column of time, when its rows are (None: nobody says), and what says so."""
    import pandas as pd

    if hasattr(series, "columns") or hasattr(series, "column_names"):
        series = read_table(series)
    if isinstance(time, str):
        names = [str(name) for name in series.columns] if is_frame(series) else []
        if time not in names:
            there = f"the series has {', '.join(map(repr, names[:12]))}" if names else "the series has no columns"
            raise ArgumentError(f"time names {time!r}, but {there}.")
        place = names.index(time)
        others = [i for i in range(len(names)) if i != place]
        return series.iloc[:, others], moments(series.iloc[:, place], time), repr(time)
    if time is not None:
        return series, moments(pd.Series(time).reset_index(drop=True), "time"), "time"
    if not hasattr(series, "iloc") or not len(series):
        return series, None, ""
    index = series.index
    if isinstance(index, pd.MultiIndex):
        raise DataError(
            f"The series has an index of {index.nlevels} levels, as of several series: cut each on its own, or if it "
            "is one, leave out the levels that do not order it (droplevel)."
        )
    what = "the index" if index.name is None else f"the index {str(index.name)!r}"
    cells = index.to_series().reset_index(drop=True)
    if cells.dtype.kind in "iuf":
        trouble = "is not in order" if not (index.is_monotonic_increasing and index.is_unique) else ""
        if not trouble and len(index) > 1 and not steps(moments(cells, what)).every:
            trouble = "keeps no step"
        if trouble:
            warn(
                f"{what} holds numbers and {trouble}, so the rows are taken as they stand. If it is the time, sort the "
                "series and bring it to one step first; if not, drop it (reset_index(drop=True)).",
            )
            return series, None, ""
    timely = cells.dtype.kind in "iufMm" or isinstance(index, pd.PeriodIndex) or _reads_as_dates(cells)
    return (series, moments(cells, what), what) if timely else (series, None, "")


def _reads_as_dates(cells: Any) -> bool:
    """Whether every cell of text is a date."""
    return cells.dtype.kind not in "biufc" and not bool(parse_dates(words_of(cells, "index").words).isna().any())


def forecast_split(windows: Windows, fractions: float | Sequence[float] = 0.2) -> tuple[np.ndarray, ...]:
    """Cut windows by time: row numbers of the training windows, and of those held back for each fraction.

    Before a held-back part lies a cut, a moment in time: its windows have all their targets at or after the cut, and
    every window of an earlier part ends, targets included, before it. So no earlier window has seen a value that a
    later part forecasts. What a later window shows may reach back before the cut: whoever forecasts knows the past.
    A window whose targets lie on both sides is in no part: at most horizon - 1 a cut where a window begins every step.

    A held-back part has round(fraction * n) windows, at least one; rows come in order of time. Raises ArgumentError
    for fractions that are none, DataError where a part would be empty.

    >>> forecasts = windows(range(20), length=3, horizon=2)
    >>> train, test = forecast_split(forecasts, 0.25)
    >>> int(forecasts.starts[train].max()) + 3 + 2, int(forecasts.starts[test].min()) + 3
    (15, 15)
    """
    try:
        shares = [float(fraction) for fraction in np.atleast_1d(fractions)]
    except (TypeError, ValueError):
        shares = []
    if not shares or not all(0 < share < 1 for share in shares) or sum(shares) >= 1:
        raise ArgumentError(f"fractions are {fractions}: each must be above 0, and their sum below 1.")
    n = len(windows)
    left = np.argsort(windows.starts, kind="stable")
    held = []
    for share in reversed(shares):
        aims = windows.starts[left] + windows.length
        count = min(max(1, round(share * n)), len(left))
        cut = aims[-count] if count else 0
        held.append(left[aims >= cut])
        left = left[aims + windows.horizon <= cut]
        if not len(left):
            raise DataError(
                f"{counted(n, 'window')} with targets of {counted(windows.horizon, 'time step')} cannot make "
                f"{len(shares) + 1} parts that do not overlap: give a longer series, or set a smaller horizon."
            )
    return (left, *reversed(held))


def _whole(argument: str, value: Any) -> int:
    try:
        number = index(value)
    except TypeError:
        number = 0
    if number < 1:
        raise ArgumentError(f"{argument} is a whole number of time steps of at least 1; got {value!r}.")
    return number


def _steps(series: Any) -> tuple[np.ndarray, list[str]]:
    """The series as float64 (time, features), and its features' names."""
    names = None
    if is_frame(series) or hasattr(series, "iloc"):
        frame = series if is_frame(series) else series.to_frame()
        names = [str(name) for name in frame.columns]
        wrong = [str(name) for name, dtype in zip(names, frame.dtypes, strict=True) if dtype.kind not in "biuf"]
        if wrong:
            raise DataError(
                f"Column {wrong[0]!r} does not hold numbers: leave it out of the series, or turn it into numbers "
                f"(of dates: time={wrong[0]!r} if they say when each row is)."
            )
        series = frame.to_numpy(np.float64, na_value=np.nan)
    try:
        values = np.asarray(series)
    except ValueError:
        values = np.empty(0, object)
    if values.dtype.kind not in "biuf" or values.ndim not in (1, 2) or 0 in values.shape[1:]:
        raise DataError(
            f"A series is an array of numbers, (time,) or (time, features), not {values.dtype} of shape "
            f"{values.shape}. Of many sequences, cut each on its own."
        )
    values = values.astype(np.float64).reshape(len(values), -1)
    names = names or (["value"] if values.shape[1] == 1 else column_names(values.shape[1]))
    if np.isinf(values).any():
        row, place = np.argwhere(np.isinf(values))[0]
        raise DataError(f"{names[place]!r} is infinite at time step {row} (the first is 0): correct it, or set NaN.")
    return values, names


def _places(target: Any, names: list[str]) -> list[int]:
    """Find which features are to be forecast."""
    if target is None:
        return list(range(len(names)))
    places = []
    for one in [target] if isinstance(target, str | int | np.integer) else list(target):
        if isinstance(one, str) and one in names:
            places.append(names.index(one))
        elif not isinstance(one, str | bool) and isinstance(one, int | np.integer) and 0 <= one < len(names):
            places.append(int(one))
        else:
            raise ArgumentError(f"target names {one!r}, but the series has {', '.join(map(repr, names[:12]))}.")
    if not places or len(set(places)) < len(places):
        raise ArgumentError(f"target is {target!r}: name one feature or more, each once.")
    return places
