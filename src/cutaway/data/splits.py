"""split: which rows learn and which are held back, by chance, by class, by group or by time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..errors import ArgumentError, DataError
from ..text import counted
from .limits import MANY_GROUPS, ORDERS_TRIED

#: How rows are divided, as the command line's --split and the estimators' split= have it.
WAYS = ("auto", "random", "time", "groups")


def split(rows: Any, fractions: float | Sequence[float] = 0.2, seed: int = 0, *, stratify: Any = None,
          groups: Any = None, time: Any = None) -> tuple[np.ndarray, ...]:
    """Split rows: the numbers of the training part and of one part held back for each fraction, in rising order.

    `rows` is how many there are, or the target y. With `stratify=True` (by y) or `stratify=labels` every part has the
    classes in proportion (a class of one row stays in training); with `groups` no group is on two sides; with both
    the classes are as near to proportion as whole groups allow, and none is missing in training; with `time` the
    latest rows are the last part and the earliest are for training, rows of one moment together. The same seed gives
    the same parts. Raises DataError if a part would be empty.

    >>> train, test = split(10, 0.2, seed=0)
    >>> len(train), len(test)
    (8, 2)
    >>> train, validation, test = split(["a", "b"] * 50, (0.1, 0.2), stratify=True)
    >>> len(train), len(validation), len(test)
    (70, 10, 20)
    """
    n = int(rows) if isinstance(rows, int | np.integer) else len(rows)
    if stratify is True:
        if isinstance(rows, int | np.integer):
            raise ArgumentError("stratify=True goes by the target's classes: give y in place of the number of rows.")
        stratify = rows
    ways = {"stratify": None if stratify is False else stratify, "groups": groups, "time": time}
    given = [name for name, labels in ways.items() if labels is not None]
    if len(given) > 1 and time is not None:
        raise ArgumentError(f"split goes by stratify, groups, or both, or by time, not by {' and '.join(given)}.")
    shares = [float(fraction) for fraction in np.atleast_1d(fractions)]
    if not all(0 < share < 1 for share in shares) or sum(shares) >= 1:
        raise ArgumentError(f"fractions are {fractions}: each must be above 0, and their sum below 1.")
    if n <= len(shares):
        raise DataError(f"{counted(n, 'row')} cannot make {len(shares) + 1} parts: give more rows.")
    way = given[-1] if given else "chance"
    labels = _labels(ways[way], n, way) if given else np.zeros(n)
    classes = _labels(stratify, n, "stratify") if len(given) > 1 else None
    random = np.random.default_rng(seed)

    left = np.arange(n)
    held = []
    for share in reversed(shares):  # the last part is taken first: by time, it is the latest
        count = min(max(1, round(share * n)), len(left) - 1)
        if classes is None:
            out = TAKE[way](labels[left], count, random)
        else:
            out = _by_group_and_class(labels[left], classes[left], count, random)
        held.append(left[out])
        left = left[~out]
    return (left, *reversed(held))


def asked_split(asked: Any, head: str) -> tuple[str, str]:
    """Read in which way rows shall be divided, and by which column, "" if none is named: "auto", "random", "time",
    "groups", "time:COL" or "groups:COL". Raises ArgumentError, which begins with `head`, for what it cannot mean.

    >>> asked_split("time:sold", "split"), asked_split("auto", "split")
    (('time', 'sold'), ('auto', ''))
    """
    way, _, column = asked.partition(":") if isinstance(asked, str) else ("", "", "")
    if way not in WAYS or (column and way not in ("time", "groups")):
        raise ArgumentError(f"{head}: give auto, random, time or groups, the latter two also with a column, time:COL "
                            "or groups:COL.")
    return way, column


def _by_chance(labels: np.ndarray, count: int, random: np.random.Generator) -> np.ndarray:
    out = np.zeros(len(labels), dtype=bool)
    out[random.permutation(len(labels))[:count]] = True
    return out


def _by_class(labels: np.ndarray, count: int, random: np.random.Generator) -> np.ndarray:
    """Shuffle, line the classes up, and take rows at even steps along the line."""
    _, classes, sizes = np.unique(labels, return_inverse=True, return_counts=True)
    line = random.permutation(len(labels))
    line = line[np.argsort(classes[line], kind="stable")]
    line = line[sizes[classes[line]] > 1]
    count = min(count, len(line) - 1)
    if count < 1:
        raise DataError("No class has two rows, so none can be learnt and tested: give more rows, or do not stratify.")
    steps = np.floor(np.arange(len(line) + 1) * (count / len(line)) + random.random())
    out = np.zeros(len(labels), dtype=bool)
    out[line[np.diff(steps) > 0]] = True
    return out


def _by_group(labels: np.ndarray, count: int, random: np.random.Generator) -> np.ndarray:
    """Take groups in random order as long as they bring the number of rows nearer to the one wanted."""
    _, group, sizes = np.unique(labels, return_inverse=True, return_counts=True)
    if len(sizes) < 2:
        raise DataError("There are not enough groups for the parts: each part needs one at least.")
    taken = np.zeros(len(sizes), dtype=bool)
    for g in random.permutation(len(sizes)):
        have = sizes[taken].sum()
        if abs(have + sizes[g] - count) < abs(have - count) and taken.sum() < len(sizes) - 1:
            taken[g] = True
    if not taken.any():
        taken[sizes.argmin()] = True
    return taken[group]


def _by_group_and_class(labels: np.ndarray, classes: np.ndarray, count: int, random: np.random.Generator) -> np.ndarray:
    """Take groups in that of some random orders whose classes come nearest to their share; no class is taken whole."""
    _, group = np.unique(labels, return_inverse=True)
    _, kind = np.unique(classes, return_inverse=True)
    table = np.zeros((group.max() + 1, kind.max() + 1), dtype=np.intp)  # rows of each group (rows) and class (columns)
    np.add.at(table, (group, kind), 1)
    if len(table) < 2:
        raise DataError("There are not enough groups for the parts: each part needs one at least.")
    sizes, whole, wanted = table.sum(axis=1), table.sum(axis=0), table.sum(axis=0) * (count / len(labels))
    best, off = None, np.inf
    for _ in range(ORDERS_TRIED if len(table) < MANY_GROUPS else 1):
        taken, held = np.zeros(len(table), dtype=bool), np.zeros(len(whole), dtype=np.intp)
        for g in random.permutation(len(table)):
            have = held.sum()
            if have >= count:
                break
            if abs(have + sizes[g] - count) < abs(have - count) and (held + table[g] < whole).all():
                taken[g], held = True, held + table[g]
        if taken.any() and (away := np.abs(held - wanted).sum()) < off:
            best, off = taken, away
    if best is None:  # groups larger than the part: the smallest that leaves every class something to learn from
        free = np.flatnonzero((table < whole).all(axis=1))
        if not len(free):
            raise DataError("No group can be held back: each has all rows of some class, which could not be learnt.")
        best = np.arange(len(table)) == free[sizes[free].argmin()]
    return best[group]


def _by_time(labels: np.ndarray, count: int, random: np.random.Generator) -> np.ndarray:
    """The latest rows, cut between two moments, as near to the number wanted as they allow."""
    moments, sizes = np.unique(labels, return_counts=True)
    if len(moments) < 2:
        raise DataError("There are not enough different moments for the parts: each part needs one at least.")
    later = np.cumsum(sizes[::-1])[::-1][1:]  # rows from each moment on, the first left out
    return labels >= moments[1:][np.abs(later - count).argmin()]


TAKE = {"chance": _by_chance, "stratify": _by_class, "groups": _by_group, "time": _by_time}


def _labels(labels: Any, n: int, way: str) -> np.ndarray:
    """Give each row a number that orders or groups the rows."""
    import pandas as pd

    from .cells import parse_dates, words_of

    cells = labels if isinstance(labels, pd.Series) else pd.Series(np.asarray(labels))
    if len(cells) != n:
        raise DataError(f"{way} has {counted(len(cells), 'row')}, the table {n:,}: give one value a row.")
    if (gaps := np.flatnonzero(cells.isna())).size:
        raise DataError(f"{way} is missing in {counted(gaps.size, 'row')}, first in row {gaps[0]}: fill it in.")
    if way != "time":
        return pd.factorize(cells)[0]
    if pd.api.types.is_numeric_dtype(cells.dtype):
        return cells.to_numpy()
    if pd.api.types.is_datetime64_any_dtype(cells.dtype):
        return pd.DatetimeIndex(cells).asi8
    words = words_of(cells, "time")
    dates = parse_dates(words.words)
    if dates.isna().any():
        odd = words.words[int(np.flatnonzero(dates.isna())[0])]
        raise DataError(f"time holds {odd!r}, which is neither a number nor a date like 2024-01-31.")
    return dates.asi8[words.codes]
