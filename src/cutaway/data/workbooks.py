"""The reader of workbooks, Excel's and OpenDocument's: a sheet becomes a table, its cells what they mean.

calamine reads them. It lays a sheet out whole before anybody can ask how large it is, and ends the process where that
is more than there is memory; sheets.py looks first.
"""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import DataError
from ..text import counted, listed
from .databases import one_of
from .headings import units_note, units_under
from .limits import MOST_MERGED, MOST_TITLES
from .sheets import DAMAGED, looked_at
from .table_files import refuse_repeats, refuse_width
from .written_numbers import note, read_numbers, whole

if TYPE_CHECKING:
    import pandas as pd

#: What a cell shows in which a formula failed; .xlsx gives it empty.
ERRORS = frozenset({"#DIV/0!", "#N/A", "#NAME?", "#NULL!", "#NUM!", "#REF!", "#VALUE!", "#GETTING_DATA", "#SPILL!",
                    "#CALC!", "Err:502", "Err:508"})
#: What stands in an encrypted workbook: the name of the part that holds all of it.
ENCRYPTED = "EncryptedPackage".encode("utf-16-le")
PROTECTED = "{} is protected by a password: save it without one, or the sheet as .csv."


def read_workbook(path: Path, part: str | None = None) -> pd.DataFrame:
    """The table in a sheet of a workbook, by the sheet's name where there are several that are not empty."""
    import python_calamine as calamine

    look = looked_at(path)
    if ENCRYPTED in path.read_bytes()[: 2**20]:
        raise DataError(PROTECTED.format(path))
    try:
        with path.open("rb") as opened, calamine.CalamineWorkbook.from_filelike(opened) as book:
            name = _sheet(book, path, part)
            look.refuse(name, path)
            sheet = book.get_sheet_by_name(name)
            rows = sheet.to_python(skip_empty_area=False)
            merged = sheet.merged_cell_ranges or []
    except calamine.PasswordError as reason:
        raise DataError(PROTECTED.format(path)) from reason
    except (calamine.ZipError, calamine.XmlError, calamine.CalamineError) as reason:
        if "assword" in str(reason) or "ncrypt" in str(reason):
            raise DataError(PROTECTED.format(path)) from reason
        raise DataError(DAMAGED.format(path, reason)) from reason
    except DataError:
        raise
    except BaseException as reason:  # what Rust panics with is no Exception
        if type(reason).__name__ != "PanicException":
            raise
        raise DataError(DAMAGED.format(path, reason)) from None
    uncalculated = look.formulas.get(name, set())
    return _table(rows, merged, uncalculated, look.errors.get(name, set()), f"{path}::{name}" if part else f"{path}")


def _sheet(book: Any, path: Path, part: str | None) -> str:
    """The name of the sheet that is asked for, or of the only one."""
    from python_calamine import SheetTypeEnum, SheetVisibleEnum

    sheets = [one for one in book.sheets_metadata if one.typ == SheetTypeEnum.WorkSheet]
    names = [one.name for one in sheets]
    if part is None and len(names) > 1:
        seen = [one.name for one in sheets if one.visible == SheetVisibleEnum.Visible]
        if len(seen) == 1:
            return seen[0]
    return one_of(path, names, part, "sheet")


def _table(rows: list[list[Any]], merged: list[Any], uncalculated: set[tuple[int, int]], failed: set[tuple[int, int]],
           where: str) -> pd.DataFrame:
    import pandas as pd

    rows = [[_meant(cell) for cell in row] for row in rows]
    filled = [i for i, row in enumerate(rows) if any(cell != "" for cell in row)]
    if not filled:
        raise DataError(f"{where} is empty: a table has a row of column names, then its rows.")
    used = sorted({j for i in filled for j, cell in enumerate(rows[i]) if cell != ""}
                  | {j for i, j in uncalculated | failed if filled[0] <= i <= filled[-1]})
    notes: list[str] = []
    names, first = _names(rows, merged, filled, used, where, notes)
    refuse_width(len(names), Path(where))
    body = [i for i in filled if i >= first]
    _fill(rows, merged, body, used, notes)
    if not body:
        raise DataError(f"{where} has a row of column names and no rows under it.")
    columns = {name: [rows[i][j] for i in body] for name, j in zip(names, used, strict=True)}
    errors = {name: sum((i, j) in failed or (isinstance(rows[i][j], str) and rows[i][j] in ERRORS) for i in body)
              for name, j in zip(names, used, strict=True)}
    frame = pd.DataFrame({name: _column(cells) for name, cells in columns.items()})
    if units := units_under(frame):
        frame = pd.DataFrame({name: _column(cells[1:]) for name, cells in columns.items()})
        notes.append(units_note(units))
    if found := {name: count for name, count in errors.items() if count}:
        notes.append(f"{counted(sum(found.values()), 'cell')} with an error such as #DIV/0! are gaps, in "
                     f"{listed(found, 5)}")
    lacking = [name for name, j in zip(names, used, strict=True) if any((i, j) in uncalculated for i in body)]
    if lacking:
        notes.append(f"{listed(lacking, 5)}: formulas whose values no program has calculated are gaps; open the file "
                     "in a spreadsheet and save it")
        for name, j in zip(names, used, strict=True):
            blank = [k for k, i in enumerate(body[bool(units):]) if (i, j) in uncalculated]
            if blank and name in lacking:
                frame[name] = _column([None if k in set(blank) else cell for k, cell in
                                       enumerate(columns[name][bool(units):])])
    note(frame, notes)
    return read_numbers(frame)


def _names(rows: list[list[Any]], merged: list[Any], filled: list[int], used: list[int], where: str,
           notes: list[str]) -> tuple[list[str], int]:
    """Find the names, and the first row under them: below titles; under merged names one row more."""
    spread: dict[tuple[int, int], tuple[int, int]] = {}  # cells under or beside the first of a range hold its words
    for (top, left), (bottom, right) in merged[:MOST_MERGED]:
        below, beside = min(bottom, filled[:MOST_TITLES][-1]), min(right, used[-1])
        spread |= {(i, j): (top, left) for i in range(top, below + 1) for j in range(left, beside + 1)}
    most = max(sum(rows[i][j] != "" for j in used) for i in filled[:MOST_TITLES])
    head = next(i for i in filled if sum(_at(rows, spread, i, j) != "" for j in used) >= min(2, most)
                and len({spread.get((i, j), (i, j)) for j in used if _at(rows, spread, i, j) != ""}) >= min(2, most))
    if titles := [i for i in filled if i < head]:
        notes.append(f"{counted(len(titles), 'row')} above the names left out")
    wide = {spread[head, j] for j in used if (head, j) in spread
            and sum(spread.get((head, k)) == spread[head, j] for k in used) > 1}
    last = head
    if wide and any(i > head for i in filled):
        last = next(i for i in filled if i > head)
        notes.append("the names stand in two rows, and are joined with a dot")
    names = []
    for j in used:
        parts = [_word(_at(rows, spread, i, j)) for i in dict.fromkeys([head, last])]
        names.append(".".join(dict.fromkeys(part for part in parts if part)) or f"column {j + 1}")
    refuse_repeats(names, f"{where}, row {head + 1}")
    return names, last + 1


def _fill(rows: list[list[Any]], merged: list[Any], body: list[int], used: list[int], notes: list[str]) -> None:
    """Give every row the cell that is merged with those above it."""
    there, filled = set(body), 0
    for (top, left), (bottom, right) in merged[:MOST_MERGED]:
        if left == right and left in used and bottom > top and top in there:
            for i in range(top + 1, min(bottom + 1, len(rows))):
                filled += i in there
                rows[i][left] = rows[top][left]
    if filled:
        notes.append(f"cells merged over several rows hold for each of them: {counted(filled, 'cell')} filled in")


def _at(rows: list[list[Any]], spread: dict[tuple[int, int], tuple[int, int]], i: int, j: int) -> Any:
    top, left = spread.get((i, j), (i, j))
    return rows[top][left]


def _word(cell: Any) -> str:
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    return str(cell).strip()


def _meant(cell: Any) -> Any:
    return cell.strip() if isinstance(cell, str) and cell.isspace() else cell


def _column(cells: list[Any]) -> Any:
    """The cells of a column in the type that holds them all; empty ones and errors are gaps."""
    import pandas as pd

    cells = [None if isinstance(cell, str) and (cell == "" or cell in ERRORS) else cell for cell in cells]
    known = [cell for cell in cells if cell is not None]
    kinds = {type(cell) for cell in known}
    if not known:
        return pd.Series(np.full(len(cells), np.nan))
    if kinds <= {int, float}:
        return whole(pd.Series(np.array([np.nan if cell is None else cell for cell in cells], float)))
    if kinds <= {date, datetime}:
        return pd.Series(np.array(["NaT" if cell is None else cell.isoformat() for cell in cells], "datetime64[us]"))
    if kinds == {timedelta}:
        return pd.Series(pd.to_timedelta([pd.NaT if cell is None else cell for cell in cells]))
    if kinds == {bool}:
        return pd.Series(cells, dtype=bool if len(known) == len(cells) else object)
    if kinds & {time, date, datetime}:  # a time of day, or dates among words
        cells = [cell.isoformat() if isinstance(cell, time | date) else cell for cell in cells]
    return pd.Series(cells, dtype=None if all(isinstance(cell, str) for cell in cells if cell is not None) else object)
