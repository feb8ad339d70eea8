"""The columns of a table as nodes: what `TableEncoder.transform` does to them, from an input for each.

A file has no dates, no gaps in text and no mixed cells, so each column comes in as one of these:

    number   a double, NaN for a gap: numbers, 1 and 0 for yes and no, and categories whose levels are all numbers
    text     "" for a gap, as are "nan", "None" and "<NA>", which libraries make of gaps (but for a category's name)
    seconds  a double, NaN for a gap: a date as seconds since 1970-01-01 00:00, by the clock of the column's zone
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ..data.categories import Boolean, Category
from ..data.cells import Places, plainest, words_of
from ..data.columns import Column
from ..data.dates import DAY, Cells, Date
from ..data.limits import FAR
from ..data.numbers import Number, clips, numbers_of
from .arrays import concatenate, where
from .dates import date_parts
from .graph import TEXT, OnnxArray, OnnxGraph

GAPS = ("", "nan", "None", "<NA>")
EXACT = 2**53  # doubles hold every whole number below
NUMBER, WORD, SECONDS = "number", "text", "seconds"


@dataclass
class InputColumn:
    """A column of the table, as the file takes it: the name of the input, and which kind."""

    column: Column
    name: str
    kind: str

    def feed(self, cells: Any) -> np.ndarray:
        """Turn a pandas Series into the input's array (n, 1)."""
        column = self.column
        if self.kind == WORD:
            words = words_of(cells, column.name)
            return words.spread(np.array(words.words, TEXT), next(iter(gap_words(column)), ""))[:, None]
        if isinstance(column, Date):
            coded = Cells.of(cells, column.name, column.form).by_clock(column.zone)
            seconds = coded.dates.astype(np.int64) / 1e6
            return np.where(np.isnat(coded.dates), np.nan, seconds)[coded.codes][:, None]
        if isinstance(column, Boolean):
            words = words_of(cells, column.name)
            return words.spread((column.values(words) > 0).astype(float), np.nan)[:, None]
        if isinstance(column, Category):
            words = words_of(cells, column.name)
            spelt = [number_of(word) for word in words.words]  # a word is none of its levels: infinity is none, too
            return words.spread(np.array([np.inf if x is None else x for x in spelt], float), np.nan)[:, None]
        assert isinstance(column, Number)
        return numbers_of(cells, column)[:, None]


def gap_words(column: Any) -> list[str]:
    """The texts that stand for a gap: all of GAPS that training did not have as a category's name."""
    return [word for word in GAPS if word not in (*column.levels, *(column.rare or ()))]


def number_of(word: str) -> float | None:
    """The number that a level's name stands for; None where it is a name."""
    plain = plainest(word)
    try:
        return float(plain) if plain is not None and plain not in ("True", "False") else None
    except ValueError:
        return None


def kind_of(column: Column) -> str:
    """Choose what a column comes in as. Levels are numbers where all are, and doubles tell them apart."""
    if isinstance(column, Date):
        return SECONDS
    if isinstance(column, Category):
        numbers = [number_of(level) for level in (*column.levels, *(column.rare or ()))]
        apart = all(x is not None and abs(x) < EXACT for x in numbers) and len(set(numbers)) == len(numbers)
        return NUMBER if apart else WORD
    return NUMBER


def encoded(g: OnnxGraph, sources: list[InputColumn], numbers: OnnxArray | None,
            cells: dict[int, OnnxArray]) -> OnnxArray:
    """Write the features of a row (n, features), in doubles. numbers: the columns of numbers beside each other, (n, k);
    cells: the others, (n, 1), by their places among the sources."""
    parts: list[OnnxArray] = []  # blocks of features, beside each other
    order: list[int] = []    # for each feature, its place in them
    at = 0

    def add(block: OnnxArray, width: int) -> int:
        nonlocal at
        parts.append(block)
        at += width
        return at - width

    columns: list[Any] = [s.column for s in sources if isinstance(s.column, Number)]
    if numbers is not None:
        g.scope = "numbers"
        center, scale = (np.array([getattr(c, name) for c in columns], float) for name in ("center", "scale"))
        gaps = g("IsNaN", numbers)
        values = add(scaled(where(gaps, g.constant(center), numbers), center, scale, clips(columns)), len(columns))
        marks = add(gaps.astype(float), len(columns)) if any(c.marked for c in columns) else 0
    j = -1
    for k, source in enumerate(sources):
        column: Any = source.column
        g.scope = source.name
        if isinstance(column, Number) and numbers is not None:
            j += 1
            cell = numbers[:, j : j + 1] if column.levels else numbers
            order += [values + j] * (not column.constant)
            if column.coded:
                order.append(add(place(cell, dict(zip(column.levels, range(len(column.levels)), strict=True)),
                                       column.unseen, column.unseen), 1))
            elif column.levels:
                start = add((cell == np.array(column.levels)).astype(float), len(column.levels))
                order += range(start, start + len(column.levels))
            order += [marks + j] * column.marked
            continue
        cell = cells[k]
        block = _categories(column, cell, source.kind) if isinstance(column, Category) else (
            _truth(column, cell) if isinstance(column, Boolean) else _date(column, cell))
        start = add(block, len(column.features))
        order += range(start, start + len(column.features))
    g.scope = "features"
    together = concatenate(parts, 1) if len(parts) > 1 else parts[0]
    return together if order == list(range(at)) else together[:, np.array(order)]


def scaled(x: OnnxArray, center: Any, scale: Any, clip: Any) -> OnnxArray:
    """z = (x - center) / scale, then z / √(1 + (z / clip)²), as data/numbers.py has it."""
    z = (x - center) / scale
    z = x.graph("Max", x.graph("Min", z, FAR), -FAR)
    if clip is None:
        return z
    t = z / clip
    return z / x.graph("Sqrt", t * t + 1.0)


def place(x: OnnxArray, places: dict[float, int], elsewhere: int, gap: int) -> OnnxArray:
    """The place of each number among some, as a double; `elsewhere` for another one, `gap` for NaN."""
    g, gaps = x.graph, x.graph("IsNaN", x)
    if all(float(key).is_integer() and abs(key) < EXACT for key in places):
        whole = (g("Floor", x) == x) & (g("Abs", x) < float(EXACT))  # so that 1.7 is none of them
        code = g("LabelEncoder", where(whole, x, 0.0).astype(np.int64), dtype=np.float32, domain="ai.onnx.ml",
                 keys_int64s=[int(key) for key in places], values_floats=[float(i) for i in places.values()],
                 default_float=float(elsewhere))
        code = where(whole, code.astype(np.float64), float(elsewhere))
    else:
        hit = (x == np.array(list(places), float)).astype(np.float64)
        found = g("ReduceSum", hit * (np.array(list(places.values())) - float(elsewhere)), np.array([1]), keepdims=1,
                  shape=x.shape)
        code = found + float(elsewhere)
    return where(gaps, float(gap), code)


def _categories(column: Category, cell: OnnxArray, kind: str) -> OnnxArray:
    """One-hot, or the code."""
    g = cell.graph
    if kind == NUMBER:
        levels = {number_of(level): i for i, level in enumerate(column.levels)}
        code = place(cell, levels, column.elsewhere, column.gap)  # type: ignore[arg-type]
    else:
        keys = spellings(column)
        code = g("LabelEncoder", cell, dtype=np.float32, domain="ai.onnx.ml", keys_strings=list(keys),
                 values_floats=[float(i) for i in keys.values()], default_float=float(column.elsewhere))
        code = code.astype(np.float64)
    return code if column.coded else (code == np.arange(float(len(column.features)))).astype(np.float64)


def spellings(column: Category) -> dict[str, int]:
    """Every text that a level or a gap may be written as, once, and the place that it has."""
    keys = {level: i for i, level in enumerate(column.levels)}
    places = Places(column.levels)
    others: list[str] = []
    for level in column.levels:
        if (plain := plainest(level)) is not None:
            others += [plain, f"{plain}.0", level.strip()]
            others += ["True", "true", "TRUE", "1", "1.0"] if plain in ("True", "1") else []
            others += ["False", "false", "FALSE", "0", "0.0"] if plain in ("False", "0") else []
    for word in others:
        found = places.get(word, -1)
        if found >= 0:
            keys.setdefault(word, found)
    for word in gap_words(column):
        keys.setdefault(word, column.gap)
    return keys


def _truth(column: Boolean, cell: OnnxArray) -> OnnxArray:
    gaps = cell.graph("IsNaN", cell)
    value = where(gaps, 0.0, where(cell != 0.0, cell.graph.constant(1.0), -1.0))
    return concatenate([value, gaps.astype(np.float64)], 1) if column.marked else value


def _date(column: Date, cell: OnnxArray) -> OnnxArray:
    g, gaps = cell.graph, cell.graph("IsNaN", cell)
    first = int(np.datetime64(column.first, "us").astype(np.int64))
    found = date_parts(where(gaps, first / 1e6, cell), first, DAY, column.parts)
    out = []
    for part, (center, scale) in column.parts.items():
        values = where(gaps, g.constant(center, float), found[part])
        out.append(values if part.endswith((" sin", " cos")) else scaled(values, center, scale, column.clip))
    out += [gaps.astype(np.float64)] * column.marked
    return concatenate(out, 1) if len(out) > 1 else out[0]
