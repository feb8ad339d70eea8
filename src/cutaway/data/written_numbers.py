"""How the numbers of a column of text are written, 1.234,5 € or 12 %: decided by all of its cells, never by one.

A column is one of numbers if each cell that is not empty is a number in the one form of them all. What could be read in
two forms (1,200) is read as the other columns of the file are sure to be written, or left as text, which is said.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import DataError
from ..text import listed
from .cells import is_gap
from .limits import EXACT, FIRST_WORDS, LONGEST_NUMBER

if TYPE_CHECKING:
    import pandas as pd

#: Where a frame remembers how its columns' numbers were written, and what is to be said of its reading.
WRITTEN, NOTES = "cutaway: written", "cutaway: notes"
#: What stands before decimals and between thousands.
MARKS = [(".", ""), (",", ""), (".", ","), (",", "."), (".", " "), (",", " "), (".", "'")]
MONEY = r"(?:[A-Z]{0,2}[$€£¥₹₽₩₺₫₴₪₦฿]|AUD|BRL|CAD|CHF|CNY|CZK|DKK|EUR|GBP|HUF|INR|JPY|KRW|MXN|NOK|NZD|PLN|RUB|SEK|"\
        r"TRY|USD|ZAR|kr\.?|zł|Kč|Ft)"
AROUND = rf"({MONEY}|%)?"
CELL = re.compile(rf"(\()?([+-]?) ?{AROUND} ?([+-]?)(\d(?:[\d.,' ]*\d)?|[.,]\d+)([eE][+-]?\d+)? ?{AROUND}(\))?")
#: Characters that are written for a space, a minus, and between thousands.
ALIKE = str.maketrans({"\u00a0": " ", "\u202f": " ", "\u2009": " ", "−": "-", "’": "'"})
DIGITS = set("123456789")
ONE_GROUP = {mark: rf"[1-9]\d{{0,2}}\{mark}\d{{3}}" for mark in ",."}
#: Numbers without anything around them, and a line that is none.
PLAIN = re.compile(r"-?(?:\d(?:[\d.,]*\d)?|[.,]\d+)")
NOT_PLAIN = re.compile(rf"^(?!{PLAIN.pattern}$)", re.MULTILINE)


@dataclass(frozen=True)
class NumberForm:
    """A way to write numbers: what stands before decimals, between thousands, and around the number.

    >>> NumberForm(",", ".", "€"), NumberForm.of("1.234,5 €") == NumberForm(",", ".", "€")
    (1.234,5 €, True)
    """

    decimal: str
    thousands: str = ""
    around: str = ""

    def __repr__(self) -> str:
        return f"1{self.thousands}234{self.decimal}5 {self.around}".strip()

    @classmethod
    def of(cls, example: str) -> NumberForm | None:
        """The way in which an example is written: what `str` gave; None for anything else."""
        for decimal, thousands in MARKS:
            rest = example.removeprefix(f"1{thousands}234{decimal}5")
            if rest != example and re.fullmatch(f"( {AROUND})?", rest):
                return cls(decimal, thousands, rest.strip())
        return None

    def fits(self, words: Spelt) -> bool:
        """Whether words are numbers of this form; of percent all that are not 0 have the sign."""
        whole = r"\d+" if not self.thousands else rf"(?:[1-9]\d{{0,2}}(?:\{self.thousands}\d{{3}})+|\d+)"
        numeral = rf"{whole}(?:\{self.decimal}\d+)?|\{self.decimal}\d+"
        known = words.around <= {self.around} and not (self.around == "%" and words.bare)
        return known and words.all(numeral)

    def numbers(self, words: Spelt) -> np.ndarray:
        """The numbers that words of this form spell; percent as a fraction: 12 % is 0.12."""
        text = words.numerals.replace(self.thousands, "") if self.thousands else words.numerals
        numerals = text.replace(self.decimal, ".").split("\n")
        if words.cells is None:
            return np.array([f"{sign}{numeral}" for sign, numeral in zip(words.signs, numerals, strict=True)], float)
        percent = 2 * (self.around == "%")
        return np.array([float(f"{cell.sign}{numeral}e{int(cell.exponent[1:] or 0) - percent}")
                         for cell, numeral in zip(words.cells, numerals, strict=True)])


@dataclass(frozen=True)
class Cell:
    """A number as it is written: its sign, its digits with what stands between them, and what stands around them."""

    sign: str
    numeral: str
    exponent: str
    around: str

    @classmethod
    def of(cls, word: str) -> Cell | None:
        word = word.strip().translate(ALIKE)
        found = CELL.fullmatch(word) if len(word) <= LONGEST_NUMBER else None
        if not found:
            return None
        opened, sign, before, second, numeral, exponent, behind, closed = found.groups()
        if bool(opened) != bool(closed) or (sign and second) or (opened and (sign or second)) or (before and behind):
            return None
        return cls("-" if opened else sign or second, numeral, exponent or "e", before or behind or "")


class Spelt:
    """The different words of a column that are all numbers, in whatever form.

    numerals: their digits with what stands between them, one a line; around: what stands around them, such as €; bare:
    whether nothing does around one that is not 0. cells: of each its parts, None where words are digits, points and
    commas alone, which are looked at together.
    """

    def __init__(self, words: list[str], cells: list[Cell] | None) -> None:
        self.words, self.cells = words, cells
        if cells is None:
            self.signs = ["-" if word[:1] == "-" else "" for word in words]
            self.numerals = "\n".join(words).replace("-", "")
            self.around, self.bare = set[str](), True
        else:
            self.numerals = "\n".join(cell.numeral for cell in cells)
            self.around = {cell.around for cell in cells} - {""}
            self.bare = any(not cell.around and set(cell.numeral) & DIGITS for cell in cells)

    @classmethod
    def of(cls, words: list[str]) -> Spelt | None:
        """Words as numbers; None where one is none."""
        if not words:
            return None
        if PLAIN.fullmatch(words[0]) and not NOT_PLAIN.search("\n".join(words)) and "" not in words:
            return cls(words, None)
        cells = []
        for word in words:
            if (cell := Cell.of(word)) is None:
                return None
            cells.append(cell)
        return cls(words, cells)

    def all(self, numeral: str, only: str = "") -> bool:
        """Whether a regular expression fits all numerals, or those in which another one, `only`, is found."""
        wanted = f"(?=.*{only})" if only else ""
        return not re.search(f"^{wanted}(?!(?:{numeral})$)", self.numerals, re.MULTILINE)

    @cached_property
    def ways(self) -> list[NumberForm]:
        """The forms that all have."""
        kinds = [NumberForm(decimal, thousands, *self.around) for decimal, thousands in MARKS
                 if self.marks <= {decimal, thousands}]
        return [way for way in kinds if way.fits(self)]

    @cached_property
    def marks(self) -> set[str]:
        """Which of comma and point stand in the numerals."""
        return {mark for mark in ",." if mark in self.numerals}

    @cached_property
    def shown(self) -> str:
        """What stands before decimals by these words alone; "" where they do not tell.

        >>> [Spelt.of([word]).shown for word in ["1,5", "1,234.5", "1,234,567", "1,234", "7"]]
        [',', '.', '.', '', '']
        """
        way = way_of(self)
        if not isinstance(way, NumberForm) or any(self.all(ONE_GROUP[mark], only="[,.]") for mark in ",."):
            return ""
        return way.decimal if way.decimal in self.numerals else {",": ".", ".": ","}.get(way.thousands, "")


class Unclear:
    """A column whose numbers may be meant in two ways."""

    def __init__(self, example: str) -> None:
        self.example = example


def way_of(words: Spelt, prior: str = "") -> NumberForm | Unclear | None:
    """Find the form that all of a column's words have; None where there is none.

    prior: what stands before decimals elsewhere, for a column that does not tell.

    >>> [way_of(Spelt.of(words)) for words in (["1.234,50 €", "7 €"], ["1,5", "1,234"], ["12 %", "3.5 %"])]
    [1.234,5 €, 1234,5, 1234.5 %]
    >>> way_of(Spelt.of(["1,200", "2,500"]), prior=".")
    1,234.5
    """
    if len(words.around) > 1:
        return None
    ways = words.ways
    for mark, other in ((",", "."), (".", ",")):
        as_decimal, as_thousands = NumberForm(mark, "", *words.around), NumberForm(other, mark, *words.around)
        if words.marks == {mark} and as_decimal in ways and as_thousands in ways:
            if prior or mark == ".":  # beyond doubt a point stands before decimals, unless the file says otherwise
                return as_decimal if (prior or ".") == mark else as_thousands
            return Unclear(next(numeral for numeral in words.numerals.split("\n") if mark in numeral))
    return ways[0] if ways else None


def read_numbers(frame: pd.DataFrame, usual: str = "", asked: dict[str, str] | None = None,
                 again: Callable[[list[str]], pd.DataFrame] | None = None) -> pd.DataFrame:
    """Read the columns of text in which all cells are numbers, in place, and note in the frame's attrs how.

    usual: what stands before decimals where no column tells. asked: ways by the names of columns, for cells that they
    fit. again: reads columns of the file as text, for numbers that were read before anybody knew of points between
    thousands.
    """
    asked, words = asked or {}, {}

    def look(names: Iterable[Any], table: pd.DataFrame) -> None:
        for name in names:
            if (found := _words(table[name])) is not None:
                words[name] = found

    read = [name for name in frame.columns if frame[name].dtype.kind in "if"] if again else []
    look((name for name in frame.columns if name not in read), frame)
    if again and (known := [name for name in read if name in asked]):
        look(known, again(known))
    doubtful = any(isinstance(way_of(found), Unclear) for _, found in words.values())
    fractions = [name for name in read if frame[name].dtype.kind == "f" and name not in words]
    if again and fractions and (doubtful or any(found.shown == "," for _, found in words.values())):
        look(fractions, again(fractions))  # 1.234 may be 1234 beside 85,5
    told = {name: found.shown for name, (_, found) in words.items()}
    sure = set(told.values()) - {""}
    prior = sure.pop() if len(sure) == 1 else usual if not sure else ""
    ways: dict[Any, NumberForm | Unclear | None] = {}
    for name, (_, found) in words.items():
        way = NumberForm.of(asked.get(name, ""))
        ways[name] = way if way and way.fits(found) else way_of(found, "" if told[name] else prior)
        if name in fractions and not (prior == "," and not told[name]):
            ways[name] = None  # as it was read
    return _with(frame, words, ways)


def _with(frame: pd.DataFrame, words: dict[Any, tuple[np.ndarray, Spelt]], ways: dict[Any, Any]) -> pd.DataFrame:
    """Put the numbers into the frame's columns, and say how they were written."""
    written, notes = {}, []
    for name, way in ways.items():
        if isinstance(way, Unclear):
            other = way.example.replace(",", ".")
            notes.append(f"{name} is left as text: {way.example} may be {way.example.replace(',', '')} or {other}; "
                         "write it without a comma")
        elif way is not None and repr(way) != "1234.5":  # plain numbers are whoever's that looks at the column
            frame[name] = _numbers(frame[name], *words[name], way)
            written[str(name)] = repr(way)
    for example in dict.fromkeys(written.values()):
        names = [name for name, way in written.items() if way == example]
        verb = "is" if len(names) == 1 else "are"
        percent = ", 12 % as 0.12" if example.endswith("%") else ""
        notes.append(f"{listed(names, 5)} {verb} written like {example} and read as numbers{percent}")
    if written:
        frame.attrs[WRITTEN] = written
    note(frame, notes)
    return frame


def may_be_numbers(frame: pd.DataFrame) -> bool:
    """Whether a column of text begins with words that are all numbers, so that all of it must be looked at."""
    return any(_words(cells) is not None for _, cells in frame.items())


def note(frame: Any, notes: Iterable[str]) -> None:
    """Add what is to be said of a frame's reading to its notes."""
    if notes := [*notes]:
        frame.attrs[NOTES] = [*frame.attrs.get(NOTES, []), *notes]


def _words(cells: Any) -> tuple[np.ndarray, Spelt] | None:
    """The different words of a column of text, and which of them stands in each row, -1 for a gap; None for a column in
    which not all are numbers."""
    import pandas as pd

    if (cells.dtype.kind not in "OUT" and str(cells.dtype) not in ("str", "string")) or hasattr(cells, "cat"):
        return None
    if not all(_may_be_number(word) for word in cells.iloc[:FIRST_WORDS].tolist()):
        return None
    codes, different = pd.factorize(cells)
    values = np.asarray(different, object).tolist()
    if any(type(word) is not str for word in values):
        return None
    known = np.array([not is_gap(word) for word in values], bool)
    spelt = Spelt.of(values if known.all() else [word for word, filled in zip(values, known, strict=True) if filled])
    return None if spelt is None else (np.append(np.where(known, np.cumsum(known) - 1, -1), -1)[codes], spelt)


def _may_be_number(word: Any) -> bool:
    return _is_none(word) or (isinstance(word, str) and (is_gap(word) or Cell.of(word) is not None))


def _is_none(word: Any) -> bool:
    return word is None or word != word or type(word).__name__ == "NAType"


def _numbers(cells: Any, rows: np.ndarray, words: Spelt, way: NumberForm) -> Any:
    """The numbers in a column: whole ones where nothing stands before decimals, and none is missing."""
    import pandas as pd

    x = way.numbers(words)
    if not np.isfinite(x).all():
        raise DataError(f"Column {cells.name!r} holds a number beyond all that can be stored: correct the cell.")
    found = pd.Series(np.append(x, np.nan)[rows], index=cells.index, name=cells.name)
    return found if way.around == "%" or way.decimal in words.numerals else whole(found)


def whole(numbers: Any) -> Any:
    """Fractions as whole numbers, if all are and none is missing."""
    x = numbers.to_numpy(np.float64)
    exact = bool(np.isfinite(x).all() and (np.rint(x) == x).all() and (np.abs(x) < EXACT).all())
    return numbers.astype(np.int64) if exact else numbers


