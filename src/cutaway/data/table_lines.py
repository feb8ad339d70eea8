"""The lines of a table's file: which one holds a row."""

from __future__ import annotations

import csv
import re
from collections.abc import Sequence
from os import PathLike
from pathlib import Path

from ..errors import DataError
from .formats import format_of, read_file, table_format
from .headings import below, comments_above, first_line, may_be_units, separator
from .source_files import existing, opened, start_of
from .table_files import ABOVE

#: How messages name rows: "row 3 (the first row is 0)", "rows 3 and 7", "Target, row 3:"; never "--row 3" or "3 rows".
ROWS = re.compile(
    r"(?<![-\w])row(s?) (\d+(?:(?:, | and )\d+)*)(?: \(the first row is 0\)|; the first row is 0)?(?! to )"
)


def in_lines(text: str, path: Path, rows: Sequence[int] | None = None) -> str:
    """Put a file's lines in the place of its rows in a message; `rows` are the file's rows behind them.

    Files without lines (Parquet, .npz) keep their rows.
    """
    if format_of(path).holds != "table":
        return text
    wanted = [int(row) for match in ROWS.finditer(text) for row in re.findall(r"\d+", match[2])]
    try:
        lines = lines_of(path, [row if rows is None else int(rows[row]) for row in wanted]) if wanted else []
    except (DataError, OSError, IndexError, UnicodeError, csv.Error):
        return text
    numbers = iter(lines)
    if not lines or None in lines:
        return text
    return ROWS.sub(lambda match: f"line{match[1]} " + re.sub(r"\d+", lambda _: str(next(numbers)), match[2]), text)


def lines_of(path: str | PathLike, rows: Sequence[int]) -> list[int | None]:
    """The lines on which rows of a text table begin, the line of names being no row; None for one that is not there."""
    path = existing(path)
    start = start_of(path)
    if not table_format(path, start).lines:
        return [None] * len(rows)
    encoding, found = start.encoding or "latin-1", {}
    with opened(path, start.packing, encoding=encoding, newline="") as file:
        sample = file.read(20_000)
    above = comments_above(sample)
    names = first_line(below(sample, above))
    with opened(path, start.packing, encoding=encoding, newline="") as file:
        for _ in range(above):
            file.readline()
        reader = csv.reader(file, delimiter=separator(names))
        row, before, last = -2, 0, max(rows, default=-1)
        for cells in reader:
            if len(cells) > 1 or (cells and cells[0].strip()):
                row += 1
                found[row] = above + before + 1
                if row == 0 and may_be_units(cells) and read_file(path).attrs.get(ABOVE, (0, 0))[1]:
                    row = -1
            before = reader.line_num
            if row >= last:
                break
    return [found.get(row) for row in rows]
