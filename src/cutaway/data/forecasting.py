"""Forecasting: one long series cut into windows (what was, what comes next), and windows split by time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from operator import index
from typing import Any

import numpy as np

from cutaway.data.cells import counted
from cutaway.data.reading import column_names, is_frame
from cutaway.errors import ArgumentError, DataError


@dataclass(eq=False, repr=False)
class Windows:
    """Windows of one series. Unpacks as `X, y = windows(...)`.

    Window i shows the time steps from starts[i] on, `length` of them, and its targets are the `horizon` steps behind:
    X (n, length, features), y (n, horizon * targets), starts (n,). Column j of y is named target_names[j]: all targets
    one step ahead, then all of them two steps ahead, and so on.
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
        """Some of the windows: a slice or an array of numbers."""
        return replace(self, X=self.X[rows], y=self.y[rows], starts=self.starts[rows])

    def __repr__(self) -> str:
        of = counted(len(self.features), "feature")
        return f"Windows({len(self):,} of {counted(self.length, 'time step')} of {of} -> {self.horizon:,} ahead)"


def windows(series: Any, length: int, horizon: int = 1, step: int = 1, target: Any = None) -> Windows:
    """Cut one series into windows of `length` time steps, each with the `horizon` steps that follow it as its target.

    `series` is an array (time,) or (time, features), or a DataFrame whose columns are the features, in order of time.
    A window begins every `step` time steps. `target` says what to forecast, one feature or a list of them, by name or
    place; by default all. Gaps in what a window shows stay NaN; a window with a gap in its targets is left out.

    To forecast what comes after the series' end, predict from series[-length:].

    Raises DataError for a series that is too short, holds something other than finite numbers, or is not in order;
    ArgumentError for a length, horizon or step below 1, and a target that is not there.

    >>> X, y = windows([1.0, 2.0, 3.0, 4.0, 5.0], length=3)
    >>> X[:, :, 0].tolist(), y.tolist()
    ([[1.0, 2.0, 3.0], [2.0, 3.0, 4.0]], [[4.0], [5.0]])
    """
    length, horizon, step = _whole("length", length), _whole("horizon", horizon), _whole("step", step)
    values, names = _steps(series)
    places = _places(target, names)
    if len(values) < length + horizon:
        raise DataError(
            f"The series has {counted(len(values), 'time step')}, and a window of {length:,} with {horizon:,} to "
            f"forecast needs {length + horizon:,}: give a longer series, or set a smaller length or horizon."
        )
    starts = np.arange(0, len(values) - length - horizon + 1, step)
    y = values[:, places][starts[:, None] + length + np.arange(horizon)].reshape(len(starts), -1)
    kept = ~np.isnan(y).any(axis=1)
    if not kept.any():
        raise DataError("Every window has a gap (NaN) in its targets, so nothing can be learnt: fill the gaps.")
    notes = [f"{counted(int((~kept).sum()), 'window')} left out: a gap in the targets"] * (not kept.all())
    starts = starts[kept]
    X = np.lib.stride_tricks.sliding_window_view(values, length, axis=0)[starts].swapaxes(1, 2)
    aims = [f"{names[place]} +{ahead}" for ahead in range(1, horizon + 1) for place in places]
    return Windows(np.ascontiguousarray(X), y[kept], starts, length, horizon, names, aims, notes)


def forecast_split(windows: Windows, fractions: float | Sequence[float] = 0.2) -> tuple[np.ndarray, ...]:
    """Row numbers of the training windows, and of the windows held back for each fraction, cut by time.

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
        when = series.index
        if getattr(when, "asi8", None) is not None and not when.is_monotonic_increasing:
            raise DataError("The series is not in order of time: sort it by its index first (sort_index).")
        frame = series if is_frame(series) else series.to_frame()
        names = [str(name) for name in frame.columns]
        wrong = [str(name) for name, dtype in zip(names, frame.dtypes, strict=True) if dtype.kind not in "biuf"]
        if wrong:
            raise DataError(
                f"Column {wrong[0]!r} does not hold numbers: leave it out of the series, or turn it into numbers "
                "(a date becomes the index: set_index)."
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
    """Which features are to be forecast."""
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
