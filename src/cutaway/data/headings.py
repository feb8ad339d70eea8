"""What stands around the names of a table's columns: comments above them, and a row of units under them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from ..text import listed
from .cells import is_gap
from .limits import LONGEST_UNIT
from .written_numbers import Cell

if TYPE_CHECKING:
    import pandas as pd

COMMENTS = ("#", "%", "//")
#: Words for units of measurement; others are known by brackets around them, or by a sign such as ° or /.
KNOWN = (
    "m km cm mm nm um µm ft in inch inches yd mile miles ha a acre acres l ml dl hl gal kg g mg t lb lbs oz s sec "
    "min h hr hrs hour hours d day days week weeks month months year years yr yrs ms us ns hz khz mhz ghz k c f "
    "degc degf deg rad pa hpa kpa mpa bar mbar psi atm n kn nm j kj mj kcal cal w kw mw kwh mwh v mv kv ohm mol "
    "mmol mol/l lx lm cd db ppm ppb pct percent eur usd gbp chf euro euros dollar dollars stk pcs pieces count "
    "number sqm sqft m2 m3 cm2 cm3 km2 ft2 px pixel pixels bit bits byte bytes kb mb gb")
UNITS = frozenset(KNOWN.split())


def comments_above(sample: str) -> int:
    """Count the lines above the line of a table's names that are comments, or empty among such.

    One line that has as many cells as the next one is names; so is the last of several, above a line with a number.

    >>> comments_above("# made by hand\\n\\na,b\\n1,2\\n"), comments_above("#id,b\\n1,2\\n")
    (2, 0)
    """
    lines = re.split(r"\r\n|\r|\n", sample)
    filled = [i for i, line in enumerate(lines) if line.strip()]
    count = next((k for k, i in enumerate(filled) if not lines[i].lstrip().startswith(COMMENTS)), len(filled))
    if not count or count == len(filled):
        return 0
    last, first = lines[filled[count - 1]], lines[filled[count]]
    between = separator(first)
    alike = last.count(between) == first.count(between)
    if alike and (count == 1 or (between in first and any(Cell.of(cell) for cell in first.split(between)))):
        count -= 1
    return filled[count] if count else 0


def separator(line: str) -> str:
    """Find what stands between the cells of a line: the most frequent of comma, semicolon, tab and |."""
    bare = re.sub(r'"[^"]*"', "", line)
    return max(",;\t|", key=bare.count)


def units_under(frame: pd.DataFrame) -> dict[str, str]:
    """The units that the first row of a table holds, by column; {} where it is a row like the others.

    It is one of units if columns have a unit there and numbers in all other rows, if no column has a number there, and
    if what other columns have there comes in no other of their rows.
    """
    if len(frame) < 2 or any(cells.dtype.kind in "ifbMmu" or hasattr(cells, "cat") for _, cells in frame.items()):
        return {}  # where cells are alike, the first is none of a unit
    first = {name: frame[name].iloc[0] for name in frame.columns}
    filled = {name: cell for name, cell in first.items() if isinstance(cell, str) and not is_gap(cell)}
    empty = all(name in filled or isinstance(cell, str) or cell is None or cell != cell for name, cell in first.items())
    if not empty or any(Cell.of(cell) for cell in filled.values()) or not any(map(_is_unit, filled.values())):
        return {}
    found = {}
    for name, cell in filled.items():
        others = frame[name].iloc[1:].unique().tolist()
        rest = [other for other in others if not (isinstance(other, str) and is_gap(other)) and other == other]
        if rest and all(_is_number(other) for other in rest):
            if not _is_unit(cell):
                return {}
            found[str(name)] = cell.strip()
        elif cell in rest:
            return {}
    return found


def _is_number(cell: Any) -> bool:
    if isinstance(cell, str):
        return Cell.of(cell) is not None
    return isinstance(cell, int | float) and not isinstance(cell, bool)


def may_be_units(cells: list[str]) -> bool:
    """Whether a row has a unit in one of its cells, so that it may be one of units."""
    return any(Cell.of(cell) is None and _is_unit(cell) for cell in cells if not is_gap(cell))


def units_note(units: dict[str, str]) -> str:
    pairs = [f"{name} in {unit.strip('[]()')}" for name, unit in units.items()]
    return f"the row under the names holds units and is no row of data: {listed(pairs, 5)}"


def _is_unit(text: str) -> bool:
    bare = text.strip()
    if len(bare) > LONGEST_UNIT:
        return False
    bracketed = re.fullmatch(r"\[.*\]|\(.*\)", bare) is not None
    return bracketed or bare.lower() in UNITS or bool(re.search(r"[%°²³€$£¥µΩ/]", bare))


def below(sample: str, above: int) -> str:
    """A text without so many of its first lines."""
    return re.split(r"\r\n|\r|\n", sample, maxsplit=above)[above] if above else sample


def first_line(text: str) -> str:
    """The first line of a text that is not empty."""
    return re.split(r"[\r\n]", text.lstrip(" \r\n"), maxsplit=1)[0]
