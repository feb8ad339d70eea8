"""The cells of one column as words: each different value once, with the rows that hold it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import numpy as np

from cutaway.errors import DataError

#: What people write in a cell that has no number or date (compared in lower case).
GAP_WORDS = frozenset({"", "na", "n/a", "nan", "null", "none", "nat", "?", "-", "--", "."})
ISO_DATE = re.compile(r"\s*\d{4}([-/])\d{1,2}(\1\d{1,2}([T ]\d{1,2}:\d{2}.*)?)?\s*$")


@dataclass
class Words:
    """`codes[i]` is the place in `words` of row i's value, or -1 where it has none; `times` how often it counts."""

    codes: np.ndarray
    words: list[str]
    times: np.ndarray | None = None

    @property
    def counts(self) -> np.ndarray:
        """How many rows hold each word."""
        known = self.codes >= 0
        return np.bincount(self.codes[known], None if self.times is None else self.times[known], len(self.words))

    @property
    def gaps(self) -> int:
        return int((self.codes < 0).sum())

    def gaps_reach(self, count: int) -> bool:
        """Whether so many rows, or more, have no value."""
        gaps = self.codes < 0
        return bool((gaps.sum() if self.times is None else self.times[gaps].sum()) >= count)

    def spread(self, values: np.ndarray, gap: Any) -> np.ndarray:
        """One value a word -> one value a row."""
        return np.append(values, gap)[self.codes]


def words_of(cells: Any, name: str, times: np.ndarray | None = None) -> Words:
    """The words of a pandas Series; values that read the same (1, 1.0 and "1") are one word."""
    import pandas as pd

    try:
        codes, values = pd.factorize(cells)
        words = [word_for(value) for value in values]
    except Exception as reason:  # a cell may be an object of anyone's making
        row = next((i for i, cell in enumerate(cells) if not _is_word(cell)), 0)
        raise DataError(
            f"Column {name!r}, {row_words(row)}, holds a {type(cells.iloc[row]).__name__}: a cell must be a "
            "number, text, a boolean or a date. Spread its content over columns of their own."
        ) from reason
    places: dict[str, int] = {}
    merged = np.array([places.setdefault(word, len(places)) for word in words] + [-1])
    return Words(merged[codes], list(places), times)


def _is_word(cell: Any) -> bool:
    try:
        return isinstance(hash(cell), int) and isinstance(word_for(cell), str)
    except Exception:
        return False


def word_for(value: Any) -> str:
    """
    >>> word_for("RL"), word_for(20), word_for(20.0), word_for(0.1), word_for(True)
    ('RL', '20', '20', '0.1', 'True')
    """
    if isinstance(value, float | np.floating):
        return str(int(value)) if float(value).is_integer() else repr(float(value))
    return str(value)


def is_gap(word: str) -> bool:
    return word.strip().lower() in GAP_WORDS


def parse_number(word: str) -> float | None:
    """The number a word spells, NaN for a gap, None for anything else.

    >>> parse_number(" 12.5 "), parse_number("n/a"), parse_number("1,200")
    (12.5, nan, None)
    """
    if is_gap(word):
        return np.nan
    try:
        return None if "_" in word else float(word)
    except ValueError:
        return None


def parse_dates(words: list[str]) -> Any:
    """The ISO-like dates that words spell, as a pandas DatetimeIndex with NaT for every other word."""
    import pandas as pd

    plain = [word.strip().replace("/", "-") if ISO_DATE.match(word) else None for word in words]
    return pd.to_datetime(pd.Index(plain, dtype=object), format="ISO8601", errors="coerce", utc=True).tz_localize(None)


def unreadable(name: str, words: Words, bad: np.ndarray, wanted: str) -> DataError:
    """The error for text where a number, boolean or date belongs; `bad` marks the words at fault."""
    rows = np.flatnonzero(words.spread(bad, False))
    word = words.words[words.codes[rows[0]]]
    more = f", and {counted(len(rows) - 1, 'more row')}" if len(rows) > 1 else ""
    return DataError(
        f"Column {name!r}, {row_words(rows[0])}{more}: {word!r} is not {wanted}, as every cell of this column "
        "must be. Correct the cell, or leave it empty."
    )


def shown(cell: Any) -> str:
    """A cell as Python writes it, in bounded length."""
    return f"{cell.item() if isinstance(cell, np.generic) else cell!r:.40}"


def row_words(row: int) -> str:
    return f"row {row} (the first row is 0)"


def counted(count: int, thing: str, things: str = "") -> str:
    """
    >>> counted(1, "row"), counted(1200, "row"), counted(2, "class", "classes")
    ('1 row', '1,200 rows', '2 classes')
    """
    return f"{count:,} {thing if count == 1 else things or f'{thing}s'}"
