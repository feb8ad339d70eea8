"""What a table's encoder does to a row, in the language of kernels: numbers, yes and no, dates, and categories by their
places.

A row is an array of doubles, one for each column that the model uses: a number as it is, 1 or 0 for yes or no, the
seconds of a date, for a category the place of its level in the header's list. NaN is a gap; any other place is a level
that training did not have.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from ..data.categories import Boolean, Category
from ..data.dates import Date
from ..data.limits import FAR
from ..data.numbers import Number
from ..errors import ArgumentError
from . import dates


def used(encoder: Any) -> list[Any]:
    """The columns that the model uses. Raises ArgumentError for one of another kind, or where there is none."""
    kept = [column for column in encoder.columns if column.features]
    if not kept:
        raise ArgumentError(f"there is nothing to export: no column says anything ({encoder.whys()})")
    for column in kept:
        if not isinstance(column, Number | Boolean | Category | Date):
            raise ArgumentError(f"column {column.name!r} is a {column.kind}, which has no code in C: give what matters "
                                "of it as numbers, or leave it out, and fit again")
    return kept


def told(column: Any) -> str:
    """Say what is written into a row for a column."""
    if isinstance(column, Date):
        return dates.told(column)
    if column.kind == "category":
        levels = ", ".join(f"{i} {level}" for i, level in enumerate(column.levels))
        return f"the place of its level: {levels}; {len(column.levels)} for any other"
    if column.kind == "boolean":
        return "1 for yes, 0 for no"
    seen = "" if column.low is None else f", {column.low:g} to {column.high:g} in training"
    return f"a number as in the data{seen}; {column.way}"


def text(columns: Sequence[Any]) -> str:
    """Write the kernel that encodes a row: p[0] is the row's address (doubles), p[3] that of the features."""
    lines: list[str] = []
    place = 0
    for j, column in enumerate(columns):
        lines += [f"v = X[{j}]", "gap = v != v"]
        features = next(write for kind, write in WAYS.items() if isinstance(column, kind))(column)
        for feature in features:
            if feature.startswith("="):
                lines.append(feature[1:])
            else:
                lines.append(f"Z[{place}] = F({feature})")
                place += 1
    head = ["def k(p, s):", "    X, Z = doubles(reals(p[0])), reals(p[3])"]
    return "\n".join([*head, *(f"    {line}" for line in lines)]) + "\n"


def _flag(test: str) -> str:
    return f"select({test}, 1.0, 0.0)"


def _number(column: Number) -> list[str]:
    """The features of a number; a line that begins with = calculates what the next ones use."""
    out: list[str] = []
    if not column.constant:
        out += _scaled("v", float(column.center), float(column.scale), column.clip)
    if column.coded:
        out += [f"=code = {float(column.unseen)!r}"]
        out += [f"=code = select(v == {float(level)!r}, {float(i)!r}, code)" for i, level in enumerate(column.levels)]
        out.append("code")
    else:
        out += [_flag(f"v == {float(level)!r}") for level in column.levels]
    return out + [_flag("gap")] * column.marked


def _scaled(value: str, center: float, scale: float, clip: float | None) -> list[str]:
    """The feature of a number that is scaled, and cut off smoothly where there is a clip (numbers.py, scaled)."""
    lines = [f"=z = (select(gap, {center!r}, {value}) - {center!r}) / {scale!r}",
             f"=z = select(z > {FAR!r}, {FAR!r}, select(z < {-FAR!r}, {-FAR!r}, z))"]
    return [*lines, "z"] if clip is None else [*lines, f"=c = z / {float(clip)!r}", "z / np.sqrt(c * c + 1.0)"]


def _date(column: Date) -> list[str]:
    out = [f"={line}" for line in dates.parts(column)]
    for part, (center, scale) in column.parts.items():
        if part.endswith((" sin", " cos")):
            out.append(f"select(gap, {float(center)!r}, {part.replace(' ', '_')})")
        else:
            out += _scaled(part, float(center), float(scale), column.clip)
    return out + [_flag("gap")] * column.marked


def _truth(column: Boolean) -> list[str]:
    return ["select(gap, 0.0, select(v != 0, 1.0, -1.0))", *[_flag("gap")] * column.marked]


def _category(column: Category) -> list[str]:
    count = len(column.levels)
    out = [f"=known = (v >= 0) & (v < {count}) & (rint(v) == v)",
           f"=code = select(gap, {float(column.gap)!r}, select(known, v, {float(column.elsewhere)!r}))"]
    if column.coded:
        return [*out, "code"]
    return out + [_flag(f"code == {float(i)!r}") for i in range(len(column.features))]


WAYS: dict[type, Callable[[Any], list[str]]] = {Number: _number, Boolean: _truth, Category: _category, Date: _date}
