"""The columns beside the target: what each is to a forecast, and how its cells become numbers."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from ..data.cells import row_words, words_of
from ..data.numbers import parse_numbers, plain_numbers
from ..described import described
from ..errors import ArgumentError, DataError, FileError
from ..text import quoted, short

ROLES = ("known", "past", "static")
#: How text begins that is a date.
ISO = re.compile(r"\d{4}-\d\d-\d\d")
#: Different words of a column of text that are told apart, at most.
MOST_LEVELS = 20


@dataclass
class Covariate:
    """A column beside the target: "known" ahead, known only of the "past", or "static" of each series.

    Numbers are centred and scaled; where levels are given, each is a feature of 0 and 1. gaps: training had some, and a
    feature says where.
    """

    name: str
    role: str
    mean: float = 0.0
    scale: float = 1.0
    levels: list[str] = field(default_factory=list)
    gaps: bool = False

    @property
    def width(self) -> int:
        return (len(self.levels) or 1) + self.gaps

    @property
    def features(self) -> list[str]:
        found = [f"{self.name} = {level}" for level in self.levels] or [self.name]
        return found + [f"{self.name} missing"] * self.gaps

    def encode(self, cells: Any) -> np.ndarray:
        """The features (n, width) of a column's cells; a gap is 0 in all but its own."""
        if self.levels:
            words = _words(cells)
            out = np.stack([np.array([w == level for w in words], float) for level in self.levels], axis=1)
            gap = np.array([w is None for w in words])
        else:
            x = _numbers(cells, self.name)
            if x is None:
                raise DataError(f"Column {self.name!r} held numbers in training, and now it holds text: bring it to "
                                "numbers.")
            gap = np.isnan(x)
            out = np.where(gap, 0.0, np.clip((x - self.mean) / self.scale, -10, 10))[:, None]
        return np.hstack([out, gap[:, None]]) if self.gaps else out

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, state: Any) -> Covariate:
        found = described(cls, state)
        if found.role not in ROLES or not found.scale > 0:
            raise FileError(f"it is damaged (a column has the role {found.role!r:.20})")
        return found


def learn_columns(frame: Any, used: Sequence[str], whose: np.ndarray, known: Sequence[str], past: Sequence[str] | None
                  ) -> tuple[list[Covariate], list[str]]:
    """Find what the other columns are to a forecast, and notes on those left out.

    used: target, time and id. whose (n,): the number of each row's series. past: the columns known only of the past;
    None for all that are left and can be used.
    """
    names = [str(name) for name in frame.columns]
    for what, given in (("known", known), ("past", past or ())):
        for name in given:
            if name not in names:
                raise ArgumentError(f"{what} names {name!r}, and there is no such column: there are "
                                    f"{quoted([n for n in names if n not in used], 12)}.")
            if name in used:
                raise ArgumentError(f"{what} names {name!r}, which is the target, the time or the id.")
    if both := [name for name in known if name in (past or ())]:
        raise ArgumentError(f"{both[0]!r} is both known ahead and known only of the past: name it once.")
    found, out = [], []
    for name in names:
        if name in used:
            continue
        if past is not None and name not in known and name not in past:
            continue
        cells = frame[name]
        codes = cells.astype("object").where(cells.notna(), None)
        several = bool(whose.max() > 0)
        static = several and name not in known and not (past and name in past) and _constant_within(codes, whose)
        role = "known" if name in known else "static" if static else "past"
        column = _learnt(cells, name, role)
        if column is None:
            if name in known or (past and name in past):
                raise DataError(f"Column {name!r} holds nothing that can be learnt from: it needs numbers, or text of "
                                f"2 to {MOST_LEVELS} different words.")
            out.append(name)
        else:
            found.append(column)
    return found, [f"left out: {quoted(out)}, which hold one value or too many words"] * bool(out)


def days_from(frame: Any, used: Sequence[str], times: Any) -> tuple[Any, list[str]]:
    """The frame with columns of dates as days from the time of their row, those before it negative; and their names.

    Text is a date where every cell is one as ISO 8601 writes it. times: the rows' times, without a zone.
    """
    import pandas as pd

    found: dict[str, Any] = {}
    for name in frame.columns:
        cells = frame[name]
        if name in used or pd.api.types.is_numeric_dtype(cells.dtype) or not cells.notna().any():
            continue
        if not pd.api.types.is_datetime64_any_dtype(cells.dtype):
            if not isinstance(first := cells.dropna().iloc[0], str) or not ISO.match(first):
                continue
            read = pd.to_datetime(cells, errors="coerce", format="ISO8601", utc=True)
            if read.isna().sum() > cells.isna().sum():
                continue
            cells = read
        if getattr(cells.dt, "tz", None) is not None:
            cells = cells.dt.tz_localize(None)
        found[name] = (cells - pd.Series(times, index=cells.index)) / pd.Timedelta("1D")
    return (frame.assign(**found) if found else frame), list(found)


def _constant_within(cells: Any, whose: np.ndarray) -> bool:
    import pandas as pd

    return bool((pd.Series(pd.factorize(cells)[0]).groupby(whose).nunique() <= 1).all())


def _learnt(cells: Any, name: str, role: str) -> Covariate | None:
    x = _numbers(cells, name)
    if x is not None:
        there = x[~np.isnan(x)]
        if not len(there) or np.ptp(there) == 0:
            return None
        return Covariate(name, role, float(there.mean()), float(there.std()), gaps=bool(np.isnan(x).any()))
    words = _words(cells)
    levels = sorted({w for w in words if w is not None})
    if not 2 <= len(levels) + (None in words) <= MOST_LEVELS or not levels:
        return None
    return Covariate(name, role, levels=levels, gaps=None in words and len(levels) > 1)


def _words(cells: Any) -> list[str | None]:
    return [None if gone else str(cell) for cell, gone in zip(cells, cells.isna(), strict=True)]


def _numbers(cells: Any, name: str) -> np.ndarray | None:
    """A column as numbers with NaN, None where it holds text or dates."""
    from pandas.api import types

    if types.is_bool_dtype(cells.dtype) and not cells.isna().any():
        return cells.to_numpy(np.float64)
    if types.is_datetime64_any_dtype(cells.dtype) or types.is_timedelta64_dtype(cells.dtype):
        return None
    values = plain_numbers(cells)
    if values is None:
        words = words_of(cells, name)
        parsed, bad = parse_numbers(words)
        if bad.any():
            return None
        values = words.spread(parsed, np.nan)
    values = np.asarray(values, np.float64)
    return np.where(np.isinf(values), np.nan, values)


def _first_text(cells: Any, name: str) -> str:
    """Say which cell is the first that is no number, of a column that may hold dates."""
    words = words_of(cells, name)
    _, bad = parse_numbers(words)
    rows = np.flatnonzero(words.spread(bad, False))
    return f" ({row_words(rows[0])}: {short(words.words[words.codes[rows[0]]], 40)!r})" if len(rows) else ""


def target_numbers(cells: Any, name: str) -> np.ndarray:
    """The target's cells as numbers, NaN where they are empty. Raises DataError for text and infinities."""
    values = _numbers(cells, name)
    if values is None:
        first = _first_text(cells, name)
        raise DataError(f"The target {name!r} does not hold numbers{first}: a forecast is of numbers.")
    raw = plain_numbers(cells)
    if raw is not None and np.isinf(raw).any():
        raise DataError(f"The target {name!r} is infinite in row {int(np.isinf(raw).argmax())} (the first is 0): "
                        "correct it, or leave the cell empty.")
    return values
