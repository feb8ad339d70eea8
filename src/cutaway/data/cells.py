"""The cells of one column as words: each different value once, with the rows that hold it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

import numpy as np

from ..errors import DataError
from ..text import counted
from .date_forms import form_of, read_dates

#: What people write in a cell that has no number or date (compared in lower case).
GAP_WORDS = frozenset({"", "na", "n/a", "nan", "null", "none", "nat", "?", "-", "--", "."})
#: Truth values and the numbers that stand for them, where a list has only the others.
ALIKE = {"True": "1", "False": "0", "1": "True", "0": "False"}
CODE = re.compile(r"[+-]?0\d")
ISO_DATE = re.compile(r"\s*\d{4}([-/])\d{1,2}(\1\d{1,2}([T ]\d{1,2}:\d{2}.*)?)?\s*$")


@dataclass
class CodedWords:
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
        """Give each row its word's value."""
        return np.append(values, gap)[self.codes]


def words_of(cells: Any, name: str, times: np.ndarray | None = None) -> CodedWords:
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
    return CodedWords(merged[codes], list(places), times)


def _is_word(cell: Any) -> bool:
    try:
        return isinstance(hash(cell), int) and isinstance(word_for(cell), str)
    except Exception:
        return False


def word_for(value: Any) -> str:
    """Write a cell's value as a word.

    >>> word_for("RL"), word_for(20), word_for(20.0), word_for(0.1), word_for(True), word_for(b"RL")
    ('RL', '20', '20', '0.1', 'True', 'RL')
    """
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    if isinstance(value, float | np.floating | Decimal):
        return str(int(value)) if float(value).is_integer() else repr(float(value))
    return str(value)


def plainest(word: str) -> str | None:
    """Write a number, date or truth value in the plainest of its ways; None for any other word.

    A number that begins with a zero of its own, 007, is a code and no number.

    >>> plainest("1.0"), plainest("1e3"), plainest(" 2 "), plainest("TRUE"), plainest("007"), plainest("RL")
    ('1', '1000', '2', 'True', None, None)
    """
    bare = word.strip()
    if bare.lower() in ("true", "false"):
        return bare.capitalize()
    if CODE.match(bare):
        return None
    if ISO_DATE.match(bare):
        try:
            return datetime.fromisoformat(bare.replace("/", "-")).isoformat()
        except ValueError:
            return None
    number = parse_number(bare)
    return None if number is None or not np.isfinite(number) else word_for(number)


class Places:
    """The places of words in a list, found also where they are written in another way: 1, "1.0" and "1" alike."""

    def __init__(self, words: Iterable[str]) -> None:
        self.exact = {word: i for i, word in enumerate(words)}
        self.plain: dict[str, int | None] = {}  # None: two words of the list come to the same
        for word, i in self.exact.items():
            if (plain := plainest(word)) is not None:
                self.plain[plain] = None if plain in self.plain else i

    def get(self, word: str, default: int) -> int:
        if (place := self.exact.get(word)) is None and self.plain and (plain := plainest(word)) is not None:
            place = self.plain.get(plain, self.plain.get(ALIKE.get(plain, plain)))
        return default if place is None else place


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
    """The dates that words spell in the one form of them all, as a pandas DatetimeIndex with NaT for every other word.

    A form in which day and month could change places is none here: a wrong guess would put rows in a wrong order.
    """
    import pandas as pd

    known = [word for word in words if not is_gap(word)]
    found = form_of(known, np.ones(len(known)))
    sure = found is not None and not found.unsure and found.form != "time"
    dates, offsets = read_dates(words, found.form if found and sure else "iso")
    moments = ~np.isnan(offsets)
    dates[moments] -= (offsets[moments] * 60_000_000).astype("timedelta64[us]")
    return pd.DatetimeIndex(dates)


def unreadable(name: str, words: CodedWords, bad: np.ndarray, wanted: str) -> DataError:
    """The error for text where a number, boolean or date belongs; `bad` marks the words at fault."""
    rows = np.flatnonzero(words.spread(bad, False))
    word = words.words[words.codes[rows[0]]]
    more = f", and {counted(len(rows) - 1, 'more row')}" if len(rows) > 1 else ""
    return DataError(
        f"Column {name!r}, {row_words(rows[0])}{more}: {word!r} is not {wanted}, as every cell of this column "
        "must be. Correct the cell, or leave it empty."
    )


def shown(cell: Any) -> str:
    """Write a cell as Python does, in bounded length."""
    return f"{cell.item() if isinstance(cell, np.generic) else cell!r:.40}"


def row_words(row: int) -> str:
    return f"row {row} (the first row is 0)"
