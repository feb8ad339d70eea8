"""Numbers: robust scaling with a smooth clip, so that a few wild rows cannot wreck a fit.

    z = (x - median) / (upper quartile - lower quartile)        encoded = z / √(1 + (z/clip)²)

Everything here works on many columns at once: a column of a table is an array with one.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from shlex import quote
from typing import Any

import numpy as np

from ..errors import DataError
from ..text import counted
from .cells import CodedWords, parse_number, row_words, unreadable, words_of
from .columns import Column, Dropped, Settings
from .doubts import Doubt, gap_doubts, range_doubts
from .limits import FAR, ROUNDING
from .weights import none_if_equal, times
from .written_numbers import NumberForm

#: Why whole numbers may be names.
TOLD, CALLED = "by the target", "by the name"


@dataclass
class Number(Column, kinds=("number",)):
    """A column of numbers: scaled robustly; a gap becomes the median and, if training had some, is marked."""

    marked: bool
    center: float
    scale: float
    clip: float | None
    constant: bool
    levels: list[float]
    words: list[str]
    low: float | None = None  # the range of training; not in old model files
    high: float | None = None
    coded: bool = False  # its levels are looked up by their places
    names: str = ""  # why its whole numbers may be names: TOLD by the target, or CALLED so
    written: str = ""  # how they were written in a file of text, if not plainly: 1.234,5 €

    @property
    def features(self) -> list[str]:
        return self._features([f"{self.name} code"]) if self.coded else self.spread

    @property
    def spread(self) -> list[str]:
        places = [f"{self.name}={level:g}" for level in self.levels]
        return self._features(places + [f"{self.name} other"] * self.coded)

    def _features(self, levels: list[str]) -> list[str]:
        return [self.name] * (not self.constant) + levels + [f"{self.name} missing"] * self.marked

    @property
    def codes(self) -> dict[int, int]:
        return {int(not self.constant): len(self.levels) + 1} if self.coded else {}

    @property
    def unseen(self) -> int:
        return len(self.levels)

    @property
    def scaled(self) -> list[int]:
        return [] if self.constant else [0]

    @property
    def way(self) -> str:
        parts = [] if self.constant else [f"(x - {self.center:g}) / {self.scale:g}"]
        parts += [f"smooth clip at ±{self.clip:g}"] * (self.clip is not None and not self.constant)
        each = "a code" if self.coded else "a column"
        parts += [f"{each} for each of {counted(len(self.levels), 'value')}"] * bool(self.levels)
        parts += ["gaps marked"] * self.marked
        parts += [f"written {self.written}"] * bool(self.written)
        parts += [f"{', '.join(map(repr, self.words[:5]))} taken as gaps"] * bool(self.words)
        return ", ".join(parts)

    def note(self, settings: Settings) -> str:
        return "; ".join(filter(None, (super().note(settings), self._names_note(), self._far_note(settings))))

    def _far_note(self, settings: Settings) -> str:
        if settings.clip is None or self.clip is None or self.clip <= settings.clip:
            return ""
        return (f"{self.name}: the target goes on with it far out: it is bent at ±{self.clip:.3g}, not at "
                f"±{settings.clip:g}")

    def _names_note(self) -> str:
        column = f"--column {quote(self.name)}"
        if self.names == CALLED:
            return f"{self.name} holds whole numbers like names: {column}=category takes them for such"
        if self.names == TOLD:
            return (f"{self.name}: the order of its whole numbers says little of the target, as that of names does: "
                    f"each has a place of its own beside the number; {column}=number leaves it at that")
        return ""

    def doubts_of(self, x: np.ndarray) -> list[Doubt]:
        """What of the numbers x (n,), gaps NaN, is unlike training."""
        outside = [] if self.constant else range_doubts(self.name, x, self.low, self.high)
        return outside + gap_doubts(self.name, np.isnan(x), self.gaps > 0)

    def sound(self) -> bool:
        places = not self.coded or (bool(self.levels) and bool((np.diff(self.levels) > 0).all()))
        known = not self.written or NumberForm.of(self.written) is not None
        return fits_scaling(self.center, self.scale, self.clip) and is_range(self.low, self.high) and places and known


def is_range(low: float | None, high: float | None) -> bool:
    """Whether these are the ends of a range, or nothing is known of one."""
    if low is None or high is None:
        return low is high
    return -sys.float_info.max <= low <= high <= sys.float_info.max


def fits_scaling(center: float, scale: float, clip: float | None) -> bool:
    return math.isfinite(center) and 0 < scale < math.inf and (clip is None or 0 < clip < math.inf)


def fit_numbers(names: list[str], x: np.ndarray, weights: np.ndarray | None, settings: Settings) -> list:
    """Fit a Number (or Dropped) to each row of x: the columns lie as rows here, so that each is contiguous."""
    found = NumberSummary.of(x, weights)
    counted = None if weights is None else times(weights)
    columns: list[Column] = []
    for j, name in enumerate(names):
        refuse_infinity(x[j], name, found.low[j], found.high[j])
        known = x[j][~np.isnan(x[j])] if found.gaps[j] else x[j]
        example = f"{known[0]:.6g}" if len(known) else ""
        seen = int(found.gaps[j]), int(found.distinct[j]), example
        gaps = found.gaps[j] if counted is None else counted[np.isnan(x[j])].sum()
        marked = bool(gaps >= settings.min_count)
        if found.distinct[j] == 0 or (found.distinct[j] == 1 and not marked):
            reason = f"every row holds {example}" if example else "every row is empty"
            if found.high[j] > found.low[j]:
                reason = f"differences are rounding beside {example}: subtract that from it"
            elif example and abs(found.high[j]) >= 2**53:
                reason += " as far as 64 bits tell: beyond 2⁵³ (9e15) near whole numbers are one; subtract the least"
            columns.append(Dropped(name, "constant (dropped)", *seen, reason))
            continue
        few = 2 < found.distinct[j] <= settings.integer_levels and bool((known == np.rint(known)).all())
        columns.append(
            Number(
                name,
                "number",
                *seen,
                marked=marked,
                center=float(found.center[j]),
                scale=float(found.scale[j]),
                clip=settings.clip,
                constant=bool(found.distinct[j] == 1),
                levels=np.unique(known).tolist() if few else [],
                words=[],
                low=float(found.low[j]),
                high=float(found.high[j]),
            )
        )
    return columns


def encode_numbers(x: np.ndarray, columns: list[Number], out: np.ndarray, starts: list[int],
                   first_row: int = 0) -> None:
    """Write the encoded columns of x (n, k) into out; column j's features begin at out[:, starts[j]]."""
    x = x.astype(np.float64)
    missing = np.isnan(x)
    center = np.array([column.center for column in columns])
    if missing.any():
        np.copyto(x, center, where=missing)
    if not np.isfinite(x).all():
        row, j = np.argwhere(~np.isfinite(x))[0]
        raise infinite(columns[j].name, first_row + row)
    for j, (column, start) in enumerate(zip(columns, starts, strict=True)):
        at = start + (not column.constant)
        if column.coded:
            out[:, at] = np.where(missing[:, j], column.unseen, codes_of(x[:, j], column.levels))
            at += 1
        else:
            for level in column.levels:
                out[:, at] = (x[:, j] == level) & ~missing[:, j]
                at += 1
        if column.marked:
            out[:, at] = missing[:, j]
    varied = [j for j, column in enumerate(columns) if not column.constant]
    if len(varied) < len(columns):
        x, center, columns = x[:, varied], center[varied], [columns[j] for j in varied]
    scale = np.array([column.scale for column in columns])
    slots = [starts[j] for j in varied]
    together = slice(slots[0], slots[-1] + 1) if slots and slots[-1] - slots[0] == len(slots) - 1 else slots
    out[:, together] = scaled(x, center, scale, clips(columns))


def clips(columns: Sequence[Number]) -> Any:
    """Where columns of numbers are bent, as `scaled` takes it: one number or None for all, or (k,)."""
    found = [column.clip for column in columns]
    if len(set(found)) < 2:
        return found[0] if found else None
    return np.array([np.inf if clip is None else clip for clip in found])


def codes_of(x: np.ndarray, levels: list[float]) -> np.ndarray:
    """The place of each number in a sorted list of levels, or how many these are where it is none of them.

    >>> codes_of(np.array([7.0, 2.0, 3.0]), [2.0, 7.0]).tolist()
    [1, 0, 2]
    """
    known = np.array(levels)
    places = np.minimum(np.searchsorted(known, x), len(known) - 1)
    return np.where(known[places] == x, places, len(known))


def scaled(x: np.ndarray, center: Any, scale: Any, clip: Any) -> np.ndarray:
    """Scale x to z = (x - center) / scale, then z / √(1 + (z / clip)²), unless clip is None; overwrites x.

    >>> scaled(np.array([2.0, 4.0, 1e300]), center=2.0, scale=2.0, clip=3.0).round(3)
    array([0.   , 0.949, 3.   ])
    """
    with np.errstate(over="ignore"):  # beyond all numbers, so beyond the clip
        x -= center
        x /= scale
    np.clip(x, -FAR, FAR, out=x)
    if clip is not None:
        squared = np.square(x / clip)
        squared += 1
        x /= np.sqrt(squared, out=squared)
    return x


@dataclass
class NumberSummary:
    """What one sort tells about each of k columns of numbers: arrays of shape (k,)."""

    gaps: np.ndarray
    distinct: np.ndarray
    low: np.ndarray
    high: np.ndarray
    center: np.ndarray
    scale: np.ndarray

    @classmethod
    def of(cls, x: np.ndarray, weights: np.ndarray | None = None) -> NumberSummary:
        """Summarise x (k, n), float64 with NaN for gaps; weights (n,) move the median and the quartiles."""
        k, n = x.shape
        weights = none_if_equal(weights)
        gaps = np.isnan(x).sum(axis=1)
        count = n - gaps
        ordered = np.sort(x, axis=1)  # NaN comes last
        columns, last = np.arange(k), np.maximum(count - 1, 0)
        with np.errstate(invalid="ignore", over="ignore"):  # gaps, and columns over the whole range
            distinct = (np.diff(ordered, axis=1) > 0).sum(axis=1) + (count > 0)
            low, high = ordered[:, 0], ordered[columns, last]
            distinct[high - low <= ROUNDING * np.maximum(np.abs(low), np.abs(high))] = 1
            if weights is None:
                lower, center, upper = (_quantile(ordered, count * p) for p in (0.25, 0.5, 0.75))
            else:
                lower, center, upper = np.array([_weighted_quartiles(row, weights) for row in x]).reshape(k, 3).T
            scale = np.minimum(upper - lower, np.finfo(float).max)
            flat = ~(scale > ROUNDING * np.maximum(np.abs(lower), np.abs(upper)))
        scale[flat] = [_deviation(x[j], weights) for j in np.flatnonzero(flat)]
        center = np.where(count > 0, center, 0.0)
        return cls(gaps, distinct, low, high, center, scale)


def _quantile(ordered: np.ndarray, position: np.ndarray) -> np.ndarray:
    """The value at which each sorted row has so many values behind it: between two values, the mean of both.

    As with weights below, so that a row of weight 2 is the row twice.
    """
    rows, most = np.arange(len(ordered)), ordered.shape[1] - 1
    left = np.clip(np.ceil(position).astype(int) - 1, 0, most)
    right = np.clip(np.floor(position).astype(int), 0, most)
    a, b = ordered[rows, left], ordered[rows, right]
    return np.where(a == b, a, a * 0.5 + b * 0.5)


def _weighted_quartiles(x: np.ndarray, weights: np.ndarray) -> np.ndarray:
    known = ~np.isnan(x) & (weights > 0)
    if not known.any():
        return np.full(3, np.nan)
    order = np.argsort(x[known], kind="stable")
    ordered, behind = x[known][order], np.cumsum(weights[known][order])
    wanted = np.array([0.25, 0.5, 0.75]) * behind[-1]
    slack = 1e-12 * behind[-1]
    left = np.searchsorted(behind, wanted - slack)
    right = np.minimum(np.searchsorted(behind, wanted + slack), len(ordered) - 1)
    return ordered[left] * 0.5 + ordered[right] * 0.5


def _deviation(x: np.ndarray, weights: np.ndarray | None) -> float:
    """The standard deviation for a column whose quartiles coincide; 1 where that vanishes too."""
    known = ~np.isnan(x)
    size = np.abs(x[known]).max(initial=0)
    if not (0 < size < np.inf):
        return 1.0
    weights = None if weights is None or not weights[known].any() else weights[known]
    unit = x[known] / size
    spread = np.sqrt(np.average((unit - np.average(unit, weights=weights)) ** 2, weights=weights))
    return float(spread * size) if spread > ROUNDING else 1.0


def numbers_of(cells: Any, column: Number) -> np.ndarray:
    """Read a pandas Series as float64, NaN for gaps; text that is no number is an error, unless training had it too."""
    if (x := plain_numbers(cells)) is not None:
        return x
    words = words_of(cells, column.name)
    values, bad = parse_numbers(words, allowed=column.words)
    if bad.any():
        raise unreadable(column.name, words, bad, "a number")
    return words.spread(values, np.nan)


def plain_numbers(cells: Any) -> np.ndarray | None:
    """The float64 values of a Series whose dtype is numeric (or a duration, in seconds), else None."""
    from pandas.api import types

    if types.is_complex_dtype(cells.dtype):
        raise DataError(f"Column {cells.name!r}: Complex data not supported. Give two real columns.")
    if types.is_timedelta64_dtype(cells.dtype):
        return cells.dt.total_seconds().to_numpy(dtype=np.float64)
    if cells.dtype == np.float64:
        return cells.to_numpy()
    if types.is_numeric_dtype(cells.dtype):
        return cells.to_numpy(dtype=np.float64, na_value=np.nan)
    return None


def parse_numbers(words: CodedWords, allowed: list[str] | None = None) -> tuple[np.ndarray, np.ndarray]:
    """The number each word spells (NaN: a gap), and which words spell none."""
    parsed = [np.nan if allowed and word in allowed else parse_number(word) for word in words.words]
    bad = np.array([value is None for value in parsed], dtype=bool)
    return np.array([np.nan if value is None else value for value in parsed], dtype=np.float64), bad


def refuse_infinity(x: np.ndarray, name: str, low: float, high: float) -> None:
    if np.isinf(low) or np.isinf(high):
        raise infinite(name, int(np.flatnonzero(np.isinf(x))[0]))


def infinite(name: str, row: int) -> DataError:
    return DataError(
        f"Column {name!r}, {row_words(row)}, is infinity (inf): only finite numbers and gaps (NaN) can be encoded. "
        "Correct the cell, or leave it empty."
    )
