"""The lines of a table's file: which one holds a row, and lines above the names that do not belong to a table."""

from __future__ import annotations

import csv
import gzip
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ..errors import DataError

COMMENTS = ("#", "%", "//")
#: How messages name rows: "row 3 (the first row is 0)", "rows 3 and 7", "Target, row 3:"; never "--row 3" or "3 rows".
ROWS = re.compile(
    r"(?<![-\w])row(s?) (\d+(?:(?:, | and )\d+)*)(?: \(the first row is 0\)|; the first row is 0)?(?! to )"
)


def in_lines(text: str, path: Path, rows: Sequence[int] | None = None) -> str:
    """A message about rows of a file, with the file's lines in their place; `rows` are the file's rows behind them.

    Files without lines (Parquet, .npz) keep their rows.
    """
    if path.suffix.lower() == ".npz" or path.is_dir():
        return text
    wanted = [int(row) for match in ROWS.finditer(text) for row in re.findall(r"\d+", match[2])]
    try:
        lines = lines_of(path, [row if rows is None else int(rows[row]) for row in wanted]) if wanted else []
    except (OSError, IndexError, UnicodeError, csv.Error):
        return text
    told = iter(lines)
    if not lines or None in lines:
        return text
    return ROWS.sub(lambda match: f"line{match[1]} " + re.sub(r"\d+", lambda _: str(next(told)), match[2]), text)


def lines_of(path: Path, rows: Sequence[int]) -> list[int | None]:
    """The lines on which rows of a text table begin, the line of names being no row; None for one that is not there."""
    with path.open("rb") as raw:
        head = raw.read(4)
    if head == b"PAR1":
        return [None] * len(rows)
    marked = head[:2] in (b"\xff\xfe", b"\xfe\xff")
    text: Any = {"mode": "rt", "encoding": "utf-16" if marked else "latin-1", "newline": ""}
    found: dict[int, int] = {}
    with gzip.open(path, **text) if head[:2] == b"\x1f\x8b" else open(path, **text) as file:
        first = next((line for line in file if line.strip()), "")
        file.seek(0)
        reader = csv.reader(file, delimiter=separator(first))
        row, before, last = -2, 0, max(rows, default=-1)
        for cells in reader:
            if len(cells) > 1 or (cells and cells[0].strip()):
                row += 1
                found[row] = before + 1
            before = reader.line_num
            if row >= last:
                break
    return [found.get(row) for row in rows]


def separator(line: str) -> str:
    """What stands between the cells of a line: the most frequent of comma, semicolon, tab and |."""
    bare = re.sub(r'"[^"]*"', "", line)
    return max(",;\t|", key=bare.count)


def refuse_comments(sample: str, path: Path) -> None:
    """Raise DataError for comments above the line of names; one such line that has a cell for each column is names."""
    lines = [line for line in re.split(r"\r\n|\r|\n", sample) if line.strip()]
    count = next((i for i, line in enumerate(lines) if not line.lstrip().startswith(COMMENTS)), len(lines))
    if not count or count == len(lines):
        return
    between = separator(lines[count])
    if count > 1 or lines[0].count(between) != lines[count].count(between):
        which = "line 1 is a comment" if count == 1 else f"lines 1 to {count} are comments"
        raise DataError(
            f"{path}, {which} ({lines[0].strip()!r:.40}), and a table begins with the line of its column names: remove "
            "the comments first."
        )


def refuse_spaces(sample: str, path: Path) -> None:
    """Raise DataError for a table whose cells are numbers with nothing but spaces between them."""
    lines = [line.split() for line in re.split(r"\r\n|\r|\n", sample)[:3] if line.strip()]
    if len(lines) < 2 or separator(sample.splitlines()[0]) in sample.splitlines()[0]:
        return
    rows = lines[1:]
    if len(lines[0]) > 1 and all(len(row) == len(lines[0]) and re.search(r"\d", "".join(row)) for row in rows):
        raise DataError(
            f"{path}: the cells are separated by spaces, which names and words hold, too: put commas or tabs between "
            "them."
        )
