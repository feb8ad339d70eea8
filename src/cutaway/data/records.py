"""One record at a time, without a frame: the cells of a row become the numbers that TableEncoder makes of them.

Cells of everyday types (numbers, text, booleans, gaps) are read here. A cell of any other type makes a column of one
row, which its column encodes; a record that is no row of this table at all is left to TableEncoder, which refuses it in
words. So the numbers are always those of `TableEncoder.transform`, to the last bit.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from math import inf, nan, sqrt
from typing import Any

import numpy as np

from ..errors import DataError
from .categories import Category
from .cells import Places, parse_number, word_for
from .columns import Column
from .date_cells import everyday_dates
from .dates import Date
from .limits import FAR, MOST_KNOWN_CELLS
from .numbers import Number, encode_numbers, numbers_of
from .reading import read_table

LARGEST = sys.float_info.max
EVERYDAY = {str, int, float, type(None), np.int64, np.float64}
PLAIN = (int, bool, np.integer, np.floating, np.bool_)


class NoRecord(Exception):
    """What was given is no row of the table: TableEncoder says why."""


class RecordEncoder:
    """Writes records into rows of numbers, as the TableEncoder that fitted these columns encodes tables.

    >>> from cutaway.data import TableEncoder
    >>> encoder = TableEncoder().fit({"area": [120.0, 64.0, 80.0], "zone": ["RL", "RM", "RL"]})
    >>> records, row = RecordEncoder(encoder.columns, np.float64), np.zeros(3)
    >>> records.write({"zone": "RL", "area": 64}, records.by_name, row.data)
    >>> row.tolist() == encoder.transform({"area": [64.0], "zone": ["RL"]}, np.float64)[0].tolist()
    True
    """

    def __init__(self, columns: list[Column], dtype: Any = np.float32) -> None:
        self.columns, self.names = columns, [column.name for column in columns]
        self._numbers: list[tuple] = []
        self._words: list[tuple] = []
        self._codes: list[tuple] = []
        self._others: list[tuple] = []
        at = 0
        for column in columns:
            width = len(column.features)
            if isinstance(column, Number) and not column.constant and not column.levels:
                gap = at + 1 if column.marked else -1
                self._numbers.append((column.name, at, column.center, column.scale, column.clip or inf, gap, column))
            elif isinstance(column, Category) and column.coded:
                self._codes.append((column.name, at, *_slots(column, 0), column))
            elif isinstance(column, Category):
                self._words.append((column.name, *_slots(column, at), column))
            elif width:
                encoded = remembered(column)
                encoded = everyday_dates(column, encoded) if isinstance(column, Date) else encoded
                self._others.append((column.name, at, encoded))
            at += width
        self.blank = np.zeros(max(at, 1), dtype).data  # nothing to learn from is one zero
        self._kept = {row[0] for part in self._parts() for row in part}
        self.by_name = self.keyed({name: name for name in self.names})
        self.by_place = self.keyed({name: i for i, name in enumerate(self.names)})

    def _parts(self) -> tuple[list, ...]:
        return self._numbers, self._words, self._codes, self._others

    def keyed(self, keys: dict[str, Any]) -> tuple[list, ...]:
        """What `write` goes by for records in which the cell of column `name` is record[keys[name]].

        Raises NoRecord where a column has no cell.
        """
        if not self._kept <= keys.keys():
            raise NoRecord
        return tuple([(keys[name], *rest) for name, *rest in part] for part in self._parts())

    def rows(self, frame: Any) -> np.ndarray | None:
        """Encode a pandas frame of few rows; None where TableEncoder has to look at it."""
        try:
            by = self.keyed(places_of(frame))
            out = np.empty((len(frame), len(self.blank)), self.blank.format)
            for cells, row in zip(cells_of(frame), out, strict=True):
                self.write(cells, by, row.data)
        except (NoRecord, DataError):
            return None
        return out

    def write(self, record: Any, by: tuple[list, ...], row: Any) -> None:
        """Write a record's numbers into a row, a memoryview. Raises NoRecord where TableEncoder has to look at it."""
        numbers, words, codes, others = by
        row[:] = self.blank
        try:
            for key, at, center, scale, clip, gap, column in numbers:
                x = record[key]
                if type(x) is not float:
                    x = number(x, column)
                if x != x:
                    if gap >= 0:
                        row[gap] = 1.0
                    continue
                if not -LARGEST <= x <= LARGEST:
                    raise NoRecord
                z = (x - center) / scale
                if z > FAR:
                    z = FAR
                elif z < -FAR:
                    z = -FAR
                t = z / clip
                row[at] = z / sqrt(t * t + 1.0)
            for key, slots, elsewhere, gap, places, column in words:
                word = record[key]
                slot = slots.get(word)
                if slot is None:
                    slot = slot_of(word, slots, elsewhere, gap, places, column)
                if slot >= 0:
                    row[slot] = 1.0
            for key, at, slots, elsewhere, gap, places, column in codes:
                word = record[key]
                slot = slots.get(word)
                row[at] = slot if slot is not None else slot_of(word, slots, elsewhere, gap, places, column)
            for key, at, encoded in others:
                for x in encoded(record[key]):
                    row[at] = x
                    at += 1
        except (LookupError, TypeError, ValueError, OverflowError) as reason:
            raise NoRecord from reason


def places_of(frame: Any) -> dict[str, int]:
    """The places of a frame's columns, by their names. Raises NoRecord where two share one."""
    places = {str(name): i for i, name in enumerate(frame.columns)}
    if len(places) < frame.shape[1]:
        raise NoRecord
    return places


def cells_of(frame: Any) -> list[list[Any]]:
    """The cells of a pandas frame, row by row. Raises NoRecord where a column of objects holds more than numbers, text
    and None: a truth value, say, is a number in a column of its own, and there a word."""
    rows = [frame.iloc[i] for i in range(len(frame))] if len(frame) <= 4 else []  # sooner, for a few
    rows = [row.tolist() for row in rows if row.dtype == object] or frame.to_numpy(dtype=object).tolist()
    odd = {i for cells in rows for i, cell in enumerate(cells) if type(cell) not in EVERYDAY}
    if odd and any(frame.dtypes.iloc[i].kind == "O" for i in odd):
        raise NoRecord
    return rows


def number(x: Any, column: Number) -> float:
    """Read a cell of a column of numbers; NaN is a gap."""
    if x is None:
        return nan
    if isinstance(x, str):
        value = nan if x in column.words else parse_number(x)
        if value is None:
            raise NoRecord
        return value
    if isinstance(x, PLAIN) and not isinstance(x, np.longdouble):
        return float(x)
    return float(numbers_of(_cells(column, x), column)[0])


def _slots(column: Category, at: int) -> tuple[dict[str, int], int, int, Places]:
    """The places in a row of a category's levels, of any other word, and of a gap; -1 for none."""
    places = Places(column.levels)
    elsewhere, gap = (place if place < 0 else at + place for place in (column.elsewhere, column.gap))
    return {word: at + i for word, i in places.exact.items()}, elsewhere, gap, places


def slot_of(cell: Any, slots: dict[str, int], elsewhere: int, gap: int, places: Places, column: Category) -> int:
    """Find the place in a row of a cell that is not written as a level is."""
    kind = type(cell)
    if isinstance(cell, np.integer | np.floating | np.bool_) and kind is not np.longdouble:
        cell, kind = cell.item(), type(cell.item())
    if cell is None or (kind is float and cell != cell):
        return gap
    if isinstance(cell, str):
        word = str(cell)
    elif kind is int or kind is bool or kind is float:
        word = word_for(cell)
    else:
        encoded = column.encode(_cells(column, cell))[0]
        if column.coded:
            return int(encoded[0])
        return min(slots.values()) + int(encoded.argmax()) if encoded.any() else -1
    if (slot := slots.get(word)) is None:
        place = places.get(word, -1)
        slot = elsewhere if place < 0 else place + min(slots.values())
    return slot


def remembered(column: Column) -> Callable[[Any], Sequence[float]]:
    """A function that encodes a cell as its column does, and remembers what text comes to."""
    known: dict[Any, list[float]] = {}

    def encoded(cell: Any) -> list[float]:
        key = (type(cell), cell, getattr(cell, "fold", 0))  # half past two comes twice in an autumn night
        found = known.get(key)
        if found is None:
            cells = _cells(column, cell)
            if isinstance(column, Number):
                out = np.zeros((1, len(column.features)))
                encode_numbers(numbers_of(cells, column)[:, None], [column], out, [0])
            else:
                out = column.encode(cells)
            found = out[0].tolist()
            if len(known) >= MOST_KNOWN_CELLS:
                known.clear()
            known[key] = found
        return found

    return encoded


def _cells(column: Column, cell: Any) -> Any:
    """A column of one cell."""
    if np.ndim(cell):
        raise NoRecord
    return read_table([{column.name: cell}]).iloc[:, 0]
