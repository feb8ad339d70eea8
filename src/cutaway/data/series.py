"""Series: sequences with their targets; from a long table with one row a time step (from .ts files: ts_files.py)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np

from ..arguments import whole_number
from ..errors import ArgumentError, DataError
from ..sequences import Sequences
from ..text import counted
from .cells import row_words, shown, words_of
from .limits import MOST_PADDED, MOST_PADDING, MOST_VALUES
from .numbers import infinite, parse_numbers, plain_numbers
from .reading import read_table
from .targets import missing_rows
from .timeline import Steps, clocks_go_back, moments, refuse_gaps, steps


@dataclass(eq=False, repr=False)
class Series:
    """Sequences with their targets. Unpacks as `X, y = series`.

    `X` is an array (n, time, features) of float64, or Sequences where lengths differ; gaps are NaN. `y` (n,) holds
    labels, numbers or None where there is no target; `features` names the features, `ids` (n,) the sequences of a long
    table. `notes` says in words what was noticed while reading, `rate` how many samples a second sound has.
    """

    X: np.ndarray | Sequences
    y: np.ndarray | None
    name: str
    features: list[str]
    ids: np.ndarray | None = None
    notes: list[str] = field(default_factory=list)
    rate: int | None = None

    def __iter__(self) -> Iterator[Any]:
        return iter((self.X, self.y))

    def __len__(self) -> int:
        return len(self.X)

    def __repr__(self) -> str:
        return f"{self.name}: {counted(len(self), 'sequence')}, {extent_of(self.X)}, {_in_words(self.y)}"


def _in_words(y: np.ndarray | None) -> str:
    if y is None:
        return "no target"
    known = y[~missing_rows(y)]
    if y.dtype.kind in "iuf" and len(known):
        return f"target from {known.min():g} to {known.max():g}"
    return counted(len(set(known.tolist())), "label")


def extent(shortest: int, longest: int, features: int) -> str:
    """Write how long sequences are, and of how many features.

    >>> extent(24, 24, 1), extent(7, 29, 12)
    ('24 time steps of 1 feature', '7 to 29 time steps of 12 features')
    """
    steps = counted(longest, "time step") if shortest == longest else f"{shortest:,} to {longest:,} time steps"
    return f"{steps} of {counted(features, 'feature')}"


def extent_of(X: np.ndarray | Sequences) -> str:
    """The `extent` of an array (n, time, features) or Sequences."""
    lengths = X.lengths if isinstance(X, Sequences) else np.array([X.shape[1]])
    return extent(int(lengths.min()), int(lengths.max()), X.shape[2])


def packed(steps: np.ndarray, lengths: np.ndarray, where: str) -> np.ndarray | Sequences:
    """Lay sequences side by side that lie one behind the other in steps (all time steps, features).

    Raises DataError where padding them all to the longest would take memory out of proportion.
    """
    n, longest, k = len(lengths), int(lengths.max()), steps.shape[1]
    if (lengths == longest).all():
        return steps.reshape(n, longest, k)
    if n * longest * k > MOST_PADDED and n * longest > MOST_PADDING * len(steps):
        raise DataError(
            f"{where}: sequence {int(lengths.argmax())} (the first is 0) has {longest:,} time steps, half of the "
            f"sequences at most {int(np.median(lengths)):,}: padded to the longest, all {n:,} would take "
            f"{n * longest * k * 8 / 2**30:,.1f} GiB. Cut the long ones, or leave them out."
        )
    values = np.zeros((n, longest, k), steps.dtype)
    values[np.arange(longest) < lengths[:, None]] = steps
    return Sequences(values, lengths)


def from_long_table(frame: Any, id: str, time: str, features: str | Sequence[str] | None = None,
                    target: str | None = None, window: int | None = None) -> Series:
    """Make Sequences of a long table: one row a time step, the column `id` says of which sequence.

    `frame` is what `read_table` takes, a path or a table; `id` and `time` may also be levels of its index. Sequences
    come in the order in which their ids first appear, their rows in the order of `time`, numbers or dates. `features`
    are the columns of numbers to learn from, by default all others; gaps stay NaN. `target` is one value a sequence: it
    may stand in all of its rows or in some.

    window: the target is one of each row. Every row, in the frame's order, becomes a sequence of so many rows of its id
    up to it (fewer at its beginning), `y` is the row's own target, and `ids` say of which id it is: rows of one id look
    alike, so give them as groups=.

    Rows are taken for steps of time, one each, however far apart they lie. Where that is not so, `notes` says it: what
    step the times keep, and in how many sequences steps are missing.

    Raises ArgumentError for columns that are not there, and DataError, with column and row, for an id or time that is
    missing, a time that an id has twice, features that are no numbers, and a target that changes within an id.

    >>> table = {"who": ["b", "b", "a"], "day": [2, 1, 1], "pulse": [70.0, 65.0, 80.0], "ill": ["no", "no", "yes"]}
    >>> series = from_long_table(table, id="who", time="day", target="ill")
    >>> series
    table: 2 sequences, 1 to 2 time steps of 1 feature, 2 labels
    >>> series.X.rows()[0].tolist(), series.ids.tolist(), series.y.tolist()
    ([[65.0], [70.0]], ['b', 'a'], ['no', 'yes'])
    """
    import pandas as pd

    name = Path(frame).name.partition(".")[0] if isinstance(frame, str | PathLike) else "table"
    frame = read_table(frame)
    if {str(id), str(time)} & set(map(str, frame.index.names)):
        frame = frame.reset_index()  # as sktime has it: the sequences and the time are levels of the index
    frame = frame.set_axis([str(column) for column in frame.columns], axis=1)
    id, time = _column(frame, id, "id"), _column(frame, time, "time")
    target = None if target is None else _column(frame, target, "target")
    used = [column for column in (id, time, target) if column is not None]
    if features is None:
        names = [column for column in frame.columns if column not in used]
    else:
        names = [_column(frame, one, "features") for one in ([features] if isinstance(features, str) else features)]
    if repeated := [column for column in frame.columns if [*used, *names].count(column) > 1]:
        raise ArgumentError(f"Column {repeated[0]!r} has more than one part among id, time, features and target.")
    if not names or not len(frame):
        raise DataError(f"The table has no {'rows' if names else 'columns of features besides ' + ', '.join(used)}.")

    whose, ids = _numbered(frame[id], id)
    refuse_gaps(whose < 0, id)
    when = moments(frame[time], time)
    order = np.lexsort((when.order, whose))
    together = np.diff(whose[order]) == 0
    again = np.flatnonzero(together & (np.diff(when.order[order]) == 0))
    if len(again):
        first, second = sorted(order[again[0] : again[0] + 2].tolist())
        more = f", and {counted(len(again) - 1, 'more row')} like that" * (len(again) > 1)
        raise DataError(
            f"{id!r} {shown(ids[whose[first]])} has {time!r} {frame[time].iloc[first]!s} in rows {first} and {second} "
            f"(the first row is 0){more}: keep one row for each time.{clocks_go_back(when[order], again)}"
        )
    values = np.stack([feature_values(frame[column], column) for column in names], axis=1)[order]
    X = packed(values, np.bincount(whose), "The table") if window is None else rows_in_windows(
        values, whose[order], order, whole_number("window", window))
    missing = int(np.isnan(values).sum())
    notes = [f"{counted(missing, 'value')} missing of {values.size:,}"] * bool(missing)
    notes += _uneven(steps(when[order], together), whose[order], len(ids), id, time)
    if window is not None:
        ids = np.asarray(ids)[whose]
    y = None if target is None else frame[target].to_numpy() if window is not None else _one_for_each(
        frame[target], target, whose, ids, id)
    if y is not None and (unknown := int(pd.isna(y).sum())):
        notes.append(f"{counted(unknown, 'sequence' if window is None else 'row')} without a target")
    return Series(X, y, name, names, np.asarray(ids), notes)


def rows_in_windows(values: np.ndarray, whose: np.ndarray, order: np.ndarray, window: int) -> Sequences:
    """Every row as the sequence of the last rows of its id up to it: values (rows, features) and whose (rows,) in order
    of id and time; order (rows,) says which rows these were, and the sequences come in the order of rows.

    >>> rows_in_windows(np.array([[1.0], [2.0], [3.0]]), np.array([0, 0, 1]), np.array([1, 0, 2]), 2).rows()
    [array([[1.],
           [2.]]), array([[1.]]), array([[3.]])]
    """
    n, k = values.shape
    if n * window * k > MOST_VALUES:
        raise DataError(f"{n:,} rows in windows of {window:,} hold {n * window * k:,} values: choose a smaller window.")
    at = np.arange(n)
    begin = np.maximum.accumulate(np.where(np.diff(whose, prepend=-1) != 0, at, 0))
    lengths = np.minimum(at - begin + 1, window)
    steps = np.minimum((at - lengths + 1)[:, None] + np.arange(min(window, int(lengths.max()))), at[:, None])
    cut = values[steps]
    cut[np.arange(steps.shape[1]) >= lengths[:, None]] = 0
    back = np.argsort(order)
    return Sequences(cut[back], lengths[back])


def _column(frame: Any, name: Any, argument: str) -> str:
    known = list(frame.columns)
    if str(name) in known:
        return str(name)
    close = get_close_matches(str(name), known, n=1)
    guess = f"did you mean {close[0]!r}?" if close else f"there are {', '.join(map(repr, known[:12]))}."
    raise ArgumentError(f"{argument} names {name!r}, but the table has no such column: {guess}")


def _numbered(cells: Any, name: str) -> tuple[np.ndarray, Any]:
    """The values of a column in order of first appearance, and for each row its value's number; -1 for a gap."""
    import pandas as pd

    try:
        return pd.factorize(cells)
    except TypeError as reason:
        raise DataError(f"Column {name!r} holds lists or the like: it takes numbers or text.") from reason


def _uneven(found: Steps, whose: np.ndarray, n: int, id: str, time: str) -> list[str]:
    """Note where rows that stand side by side are not neighbours in time."""
    if not found.every and len(whose) > n:
        return [f"the rows keep no step by {time}: each is taken for one step all the same"]
    if not found.missing:
        return []
    have = len(set(whose[found.gaps].tolist()))
    return [
        f"by {time}, rows are {found.every} apart, but {counted(found.missing, 'step')} in {counted(have, 'sequence')} "
        f"of {n:,} {'is' if found.missing == 1 else 'are'} missing, and the rows on both sides are taken for "
        "neighbours: add a row with empty cells for each, if that is wrong"
    ]


def feature_values(cells: Any, name: str) -> np.ndarray:
    """The numbers of a column, gaps NaN. Raises DataError, with the row, for what is none, and for infinity."""
    values = plain_numbers(cells)
    if values is None:
        words = words_of(cells, name)
        parsed, bad = parse_numbers(words)
        if bad.any():
            row = int(np.flatnonzero(words.spread(bad, False))[0])
            raise DataError(
                f"Column {name!r}, {row_words(row)}: {shown(cells.iloc[row])} is not a number, as every feature of a "
                "time step must be. Leave the column out (features=[...]), or turn its categories into columns of 0 "
                "and 1 first (pandas.get_dummies)."
            )
        values = words.spread(parsed, np.nan)
    if np.isinf(values).any():
        raise infinite(name, int(np.flatnonzero(np.isinf(values))[0]))
    return values


def _one_for_each(cells: Any, name: str, whose: np.ndarray, ids: Any, id: str) -> np.ndarray:
    """The target of each id: the one value that its rows have, a gap where they have none."""
    codes, _ = _numbered(cells, name)
    known = np.flatnonzero(codes >= 0)
    first = np.unique(whose, return_index=True)[1]
    have, at = np.unique(whose[known], return_index=True)
    first[have] = known[at]
    changed = known[codes[known] != codes[first[whose[known]]]]
    if len(changed):
        row = int(changed[0])
        other = first[whose[row]]
        raise DataError(
            f"The target {name!r} changes within {id!r} {shown(ids[whose[row]])}: {shown(cells.iloc[other])} in row "
            f"{other}, {shown(cells.iloc[row])} in row {row} (the first row is 0). A sequence has one target; for "
            "one of each row, say how many rows up to it tell of it (window=24); to forecast the next values of a "
            "series, cut it into windows (ct.data.windows)."
        )
    return cells.iloc[first].to_numpy()
