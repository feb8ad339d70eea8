"""What is unlike everything in training: values far outside its range, categories never seen, gaps where none were.

A network answers such rows with as much certainty as any others, and its answers to them are guesses. What is doubtful
is counted by what was remembered of training: an encoder's `doubts(X)` looks at each column, feature or image.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ..shown import Shown, Table, Words
from ..text import counted, quoted
from .limits import FAR_OUTSIDE as FAR
from .limits import MOST_DOUBTED as MOST_COLUMNS
from .limits import MOST_NAMED, WORTH_A_NOTE
from .limits import OUTSIDE as MARGIN


@dataclass
class Doubt:
    """One thing that is unlike training: in which column, in which rows (n,), and what it is.

    values: the least and the most of numbers, or of days; `had` is then what training had. Or words never seen.
    """

    column: str
    rows: np.ndarray
    what: str
    far: bool = False
    values: tuple[Any, ...] = ()
    had: str = ""

    @property
    def count(self) -> int:
        return int(self.rows.sum())

    @property
    def words(self) -> str:
        """What is doubtful, in words."""
        if not self.values:
            return self.what
        if not self.had:
            return f"{self.what}: {quoted((word[:30] for word in self.values), MOST_NAMED)}"
        least, most = (one if isinstance(one, str) else f"{one:,.6g}" for one in self.values)
        return f"{self.what}: {least if least == most else f'{least} to {most}'}, training had {self.had}"

    def joined(self, other: Doubt) -> Doubt:
        """Join the same doubt of other rows to this one; of which rows only their number is kept."""
        both = (*self.values, *other.values)
        values = (min(both), max(both)) if self.had else tuple(dict.fromkeys(both))
        return Doubt(self.column, np.array([self.count + other.count]), self.what, self.far, values, self.had)

    def __str__(self) -> str:
        return f"{self.column} {self.words} ({counted(self.count, 'row')})"


@dataclass(repr=False)
class Doubts(Shown):
    """What of n rows is unlike training. False if nothing is; `rows` (n,) says in how many ways each row is."""

    n: int
    found: list[Doubt]

    @property
    def rows(self) -> np.ndarray:
        counts = np.zeros(self.n, np.intp)
        for doubt in self.found:
            counts += doubt.rows
        return counts

    def __bool__(self) -> bool:
        return bool(self.found)

    def __iter__(self) -> Iterator[Doubt]:
        return iter(self.found)

    @property
    def worth_a_note(self) -> bool:
        """Whether these are more than the few values a little outside that new rows are bound to have."""
        return any(doubt.far for doubt in self.found) or self.unlike > WORTH_A_NOTE * self.n

    @property
    def unlike(self) -> int:
        """How many rows are unlike training."""
        return int((self.rows > 0).sum())

    def names(self) -> list[str]:
        """Name the columns that are unlike training, for each row; "" for none: (n,)."""
        lists: list[list[str]] = [[] for _ in range(self.n)]
        for doubt in self.found:
            for i in np.flatnonzero(doubt.rows):
                lists[i].append(doubt.column)
        return ["; ".join(dict.fromkeys(some)) for some in lists]

    def __str__(self) -> str:
        head, *rest = self.lines()
        return f"{head}: {'; '.join(rest)}" if rest else f"{head}."

    def lines(self) -> list[str]:
        """Say how many rows there are, then for each column what is unlike training, the worst first."""
        order = self._worst_first()
        more = [f"and {len(order) - MOST_COLUMNS:,} more"] * (len(order) > MOST_COLUMNS)
        return [self._head(), *map(str, order[:MOST_COLUMNS]), *more]

    def __repr__(self) -> str:
        return f"Doubts({self._head()})"

    def _head(self) -> str:
        if not self.found:
            return f"{'The row is' if self.n == 1 else f'All {self.n:,} rows are'} like those of training"
        unlike = self.unlike
        return f"{unlike:,} of {counted(self.n, 'row')} {'is' if unlike == 1 else 'are'} unlike those of training"

    def _worst_first(self) -> list[Doubt]:
        return sorted(self.found, key=lambda doubt: (not doubt.far, -doubt.count))

    def _in_notebook(self) -> Iterator[Words | Table]:
        yield Words(f"{self._head()}.")
        if self.found:
            rows = [(doubt.column, doubt.words, f"{doubt.count:,}") for doubt in self._worst_first()]
            yield Table(("column", "unlike training", "rows"), rows, (2,))


class DoubtsOfPieces(Doubts):
    """The doubts of rows that come in pieces: how many rows have each, but not which."""

    def __init__(self) -> None:
        super().__init__(0, [])
        self._unlike = 0

    @property
    def unlike(self) -> int:
        return self._unlike

    def add(self, piece: Doubts) -> None:
        """Join the doubts of more rows to these."""
        self.n += piece.n
        self._unlike += piece.unlike
        places = {(doubt.column, doubt.what): i for i, doubt in enumerate(self.found)}
        for doubt in piece:
            if (i := places.get((doubt.column, doubt.what))) is None:
                self.found.append(replace(doubt, rows=np.array([doubt.count])))
            else:
                self.found[i] = self.found[i].joined(doubt)


def range_doubts(column: str, x: np.ndarray, low: float | None, high: float | None) -> list[Doubt]:
    """Find numbers x (n,), gaps NaN, beyond the range of training, where one is remembered.

    >>> x = np.array([1.0, 2.5, 900.0])
    >>> from pprint import pprint
    >>> pprint([(str(doubt), doubt.far) for doubt in range_doubts("size", x, 1.0, 2.0)])
    [('size far outside: 900, training had 1 to 2 (1 row)', True),
     ('size outside: 2.5, training had 1 to 2 (1 row)', False)]
    """
    if low is None or high is None:
        return []
    if np.fmin.reduce(x, initial=np.inf) >= low and np.fmax.reduce(x, initial=-np.inf) <= high:
        return []
    with np.errstate(invalid="ignore", over="ignore"):  # gaps are in no range, and what overflows is far
        unit = max(abs(low), abs(high)) or 1.0
        beyond = np.maximum(low / unit - x / unit, x / unit - high / unit)
        width = high / unit - low / unit
        outside = beyond > MARGIN * width if width > 0 else beyond > 1e-9
        far = outside & (beyond > FAR * width)
    found = []
    for rows, words in ((far, "far outside"), (outside & ~far, "outside")):
        if rows.any():
            least, most = float(x[rows].min()), float(x[rows].max())
            had = f"{low:,.6g}" if low == high else f"{low:,.6g} to {high:,.6g}"
            found.append(Doubt(column, rows, words, words == "far outside", (least, most), had))
    return found


def gap_doubts(column: str, missing: np.ndarray, had: bool) -> list[Doubt]:
    """Find gaps in a column that had none in training."""
    return [] if had or not missing.any() else [Doubt(column, missing, "empty, which training never was")]


def word_doubts(column: str, codes: np.ndarray, words: list[str], known: set[str]) -> list[Doubt]:
    """Find words, one for each code, that training had not."""
    new = [i for i, word in enumerate(words) if word not in known]
    rows = np.isin(codes, new)
    if not rows.any():
        return []
    return [Doubt(column, rows, "never seen", True, tuple(words[i] for i in new))]
