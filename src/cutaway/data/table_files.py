"""The readers of tables' files: text and Parquet become pandas DataFrames.

pandas parses; this file decides how, and says what is wrong with a table. Which reader takes a file: formats.py.
"""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Generator, Iterator
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from ..errors import DataError
from ..text import counted, quoted
from .limits import (
    LARGE_TEXT,
    LONGEST_LINE,
    LONGEST_NAME,
    MOST_COLUMNS,
    MOST_UNPACKED,
    MOST_UNPACKING_CELLS,
    ROWS_AT_ONCE,
)
from .plain_text import NotPlain, PlainText
from .source_files import opened, refuse_bomb, start_of

if TYPE_CHECKING:
    import pandas as pd

#: What shows that a comma stands before decimals. Beside tabs and | it may also stand between thousands: 1,200.
DECIMAL_COMMA = {";": r"\d,\d", ",": r"(?!)", "\t": r"\d,(\d{1,2}|\d{4,})(?!\d)", "|": r"\d,(\d{1,2}|\d{4,})(?!\d)"}
EMPTY = "{} is empty: a table has a line of column names, then one line per row."
COMMENTS = ("#", "%", "//")


def read_text(path: Path) -> pd.DataFrame:
    """The table in a text file, gzipped or not, whatever stands between its cells."""
    _, gzipped, marked = start_of(path)
    if gzipped:
        refuse_bomb(path, "a table")
    for encoding in [marked] if marked else ["utf-8-sig", "latin-1"]:
        try:
            return _read_text(path, gzipped, encoding)
        except UnicodeError:
            if not marked:
                refuse_mixed_encodings(path, gzipped)
    raise DataError(f"{path} is not text in a known encoding: save it as UTF-8.")


def refuse_mixed_encodings(path: Path, gzipped: bool) -> None:
    """Refuse a file with lines of UTF-8 and of Latin-1, which would have each word twice."""
    lines: dict[bool, int] = {}
    with opened(path, gzipped) as file:
        for i, line in enumerate(iter(lambda: file.readline(LONGEST_LINE), b""), 1):
            if not line.isascii():
                lines.setdefault(_is_utf8(line), i)
            if len(lines) == 2:
                raise DataError(
                    f"{path} mixes encodings: line {lines[True]} is UTF-8, line {lines[False]} is not. Save all of it "
                    "as UTF-8."
                )


def _is_utf8(line: bytes) -> bool:
    try:
        return bool(line.decode("utf-8"))
    except UnicodeDecodeError:
        return False


def read_parquet(path: Path) -> pd.DataFrame:
    """The table in a Parquet file, if what it says of its size fits the file's."""
    import pandas as pd

    _refuse_size(path)
    frame = pd.read_parquet(path)
    return frame if frame.index.name is None else frame.reset_index()


def parquet_in_pieces(path: Path) -> Iterator[pd.DataFrame]:
    """The rows of a large Parquet file, some at a time. Raises NotPlain, be it after some of them."""
    import pyarrow as pa
    from pyarrow.parquet import ParquetFile

    if _refuse_size(path) < 2 * ROWS_AT_ONCE:
        raise NotPlain
    file = ParquetFile(path)
    names, about = file.schema_arrow.names, file.schema_arrow.pandas_metadata or {}
    indices = about.get("index_columns", ())  # one without a name counts rows, as every frame does
    if len(set(names)) < len(names) or any(not isinstance(one, dict) or one.get("name") for one in indices):
        raise NotPlain
    whole = [i for i, kind in enumerate(file.schema_arrow.types)
             if pa.types.is_integer(kind) or pa.types.is_boolean(kind)]
    for batch in file.iter_batches(ROWS_AT_ONCE):
        if any(batch.column(i).null_count for i in whole):  # pandas makes them fractions, or objects, throughout
            raise NotPlain
        yield batch.to_pandas()


def _refuse_size(path: Path) -> int:
    """Give the number of a Parquet file's rows. Raises DataError where it says more than fits into its size."""
    from pyarrow.parquet import read_metadata

    about = read_metadata(path)
    _refuse_width(about.num_columns, path)
    if about.num_rows * about.num_columns * 8 > max(MOST_UNPACKED, MOST_UNPACKING_CELLS * path.stat().st_size):
        raise DataError(
            f"{path} says that it holds {about.num_rows:,} rows of {counted(about.num_columns, 'column')}, far "
            "more than its size allows for: it is damaged, or holds one value again and again."
        )
    return about.num_rows


@dataclass
class Beginning:
    """How a text table begins: its names, and what stands between cells and before decimals."""

    names: list[str]
    between: str
    decimal: str

    @classmethod
    def of(cls, path: Path, gzipped: bool, encoding: str) -> Beginning:
        """Look at the first lines. Raises DataError for what begins as no table does."""
        with opened(path, gzipped, encoding=encoding, newline="") as file:
            sample = file.read(20_000)
        if not sample.strip():
            raise DataError(EMPTY.format(path))
        refuse_comments(sample, path)
        refuse_spaces(sample, path)
        between = separator(re.split(r"[\r\n]", sample.lstrip(" \r\n"), maxsplit=1)[0])
        with closing(_rows(path, gzipped, encoding, between)) as rows:
            header = next(rows, (1, []))[1]
        _refuse_width(len(header), path)
        names = [name.strip() or f"column {i}" for i, name in enumerate(header, 1)]
        refuse_repeats(names, f"{path}, line 1",
                       "Rename them; if line 1 is already data, put a line of names above it.")
        comma = re.search(DECIMAL_COMMA[between], sample) and not re.search(r"\d\.\d", sample)
        return cls(names, between, "," if comma else ".")


def text_in_pieces(path: Path) -> Iterator[pd.DataFrame]:
    """The rows of a large table of plain text, some at a time. Raises NotPlain, be it after some of them."""
    _, gzipped, marked = start_of(path)
    if gzipped or marked or path.stat().st_size < LARGE_TEXT:
        raise NotPlain
    try:
        begun = Beginning.of(path, False, "utf-8-sig")
    except (DataError, UnicodeError):
        raise NotPlain from None
    if begun.decimal == "," or max(map(len, begun.names)) > LONGEST_NAME:
        raise NotPlain
    yield from PlainText.of(path, begun.names, begun.between).pieces()


def _read_text(path: Path, gzipped: bool, encoding: str) -> pd.DataFrame:
    import pandas as pd

    begun = Beginning.of(path, gzipped, encoding)
    names, between = begun.names, begun.between
    if not gzipped and begun.decimal == "." and encoding == "utf-8-sig" and path.stat().st_size >= LARGE_TEXT:
        with suppress(NotPlain):
            return PlainText.of(path, names, between).read()
    with opened(path, gzipped, encoding=encoding, newline="") as file:
        try:
            # the first row by itself: pandas would take a surplus first cell as the row's name
            pd.read_csv(file, sep=between, header=None, nrows=2, dtype=str)
            file.seek(0)
            frame = pd.read_csv(file, sep=between, header=0, names=names, decimal=begun.decimal, low_memory=False)
        except (pd.errors.ParserError, pd.errors.EmptyDataError) as reason:
            if open_quote := re.search(r"EOF inside string starting at row (\d+)", str(reason)):
                line = int(open_quote[1]) + 1
                raise DataError(f"{path}: a quotation mark opened near line {line} is never closed.") from reason
            if "out of memory" in str(reason):
                raise MemoryError(str(reason)) from reason
            _refuse_ragged_rows(path, gzipped, encoding, between, len(names))
            raise DataError(f"{path} cannot be read as a table: {reason}.") from reason
    if len(frame) == 0:
        raise DataError(f"{path} has a line of column names and no rows under it.")
    if frame.iloc[:, -1].isna().any():  # pandas fills short rows with gaps: look again
        _refuse_ragged_rows(path, gzipped, encoding, between, len(names))
    if any(_holds_line_breaks(frame[name]) for name in names):
        # A quotation mark that is never closed runs on to the next one, and takes whole rows with it.
        for _ in _rows(path, gzipped, encoding, between, strict=True):
            pass
    return frame


def separator(line: str) -> str:
    """Find what stands between the cells of a line: the most frequent of comma, semicolon, tab and |."""
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


def _refuse_width(columns: int, path: Path) -> None:
    if columns > MOST_COLUMNS:
        raise DataError(
            f"{path} has {columns:,} columns, and {MOST_COLUMNS:,} are read at most: leave some out, or give the "
            "numbers as an array."
        )


def _holds_line_breaks(cells: Any) -> bool:
    from pandas.api import types

    if types.is_numeric_dtype(cells.dtype):
        return False
    if cells.dtype == object:
        return any(isinstance(cell, str) and ("\n" in cell or "\r" in cell) for cell in cells)
    return bool(cells.str.contains("[\n\r]").any())


def _rows(path: Path, gzipped: bool, encoding: str, between: str,
          strict: bool = False) -> Generator[tuple[int, list[str]]]:
    """The rows of a text table, the line of names first: where each ends, and its cells. Closing it closes the file.

    strict: a closing quotation mark ends its cell, or DataError is raised.
    """

    def lines(file: IO[str]) -> Iterator[str]:
        number, blank = 0, True  # blank: no line was seen that is not
        while line := file.readline(LONGEST_LINE):
            number += 1
            if len(line) == LONGEST_LINE:
                raise DataError(f"{path}, line {number} has more than {LONGEST_LINE - 1:,} characters: is it a table?")
            blank = blank and not line.strip(" \r\n")
            yield "\n" if blank else line

    with opened(path, gzipped, encoding=encoding, newline="") as file:
        reader = csv.reader(lines(file), delimiter=between, strict=strict)
        try:
            yield from ((reader.line_num, row) for row in reader if row)
        except csv.Error as reason:
            raise DataError(f"{path}, line {reader.line_num}: {_in_words(reason)}.") from reason


def _in_words(reason: csv.Error) -> str:
    """Say what csv says, with the likely cause."""
    if "field limit" in str(reason):
        most = csv.field_size_limit()
        return f"a cell has more than {most:,} characters, as under a quotation mark that is never closed"
    if "expected after" in str(reason):
        return 'text behind a quotation mark: an earlier one is never closed, or one in a cell is not doubled ("")'
    return str(reason)


def _refuse_ragged_rows(path: Path, gzipped: bool, encoding: str, between: str, width: int) -> None:
    with closing(_rows(path, gzipped, encoding, between)) as rows:
        next(rows, None)
        line, row = next(((line, row) for line, row in rows if len(row) != width), (0, [""] * width))
    if len(row) != width:
        if row[0].lstrip().startswith(COMMENTS):
            raise DataError(f"{path}, line {line} looks like a comment ({row[0].strip()!r:.40}): remove it.")
        raise DataError(
            f"{path}, line {line}: {counted(len(row), 'cell')} under {counted(width, 'column name')}. Give every row "
            "one cell per column (empty where the value is missing), and put quotation marks around cells that hold "
            "the separator."
        )


def refuse_repeats(names: list[str], where: str, hint: str = "Rename them.") -> None:
    repeated = [name for name, times in Counter(names).items() if times > 1]
    if repeated:
        raise DataError(f"{where}: more than one column is named {quoted(repeated)}. {hint}")

