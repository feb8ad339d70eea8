"""A table's file becomes a pandas DataFrame, whatever the file holds.

pandas parses; this file decides how, and says what is wrong with a file that is no table.
"""

from __future__ import annotations

import csv
import gzip
import re
import zlib
from codecs import BOM_UTF16_BE, BOM_UTF16_LE, BOM_UTF32_BE, BOM_UTF32_LE
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, cast

from ..errors import DataError
from ..text import counted, quoted
from .limits import LONGEST_LINE, MOST_COLUMNS, MOST_UNPACKED, MOST_UNPACKING_CELLS
from .source_files import existing, refuse_bomb
from .table_lines import COMMENTS, refuse_comments, refuse_spaces, separator

if TYPE_CHECKING:
    import pandas as pd

FORMATS = "a .csv, .tsv or .parquet file"
#: What shows that a comma stands before decimals. Beside tabs and | it may also stand between thousands: 1,200.
DECIMAL_COMMA = {";": r"\d,\d", ",": r"(?!)", "\t": r"\d,(\d{1,2}|\d{4,})(?!\d)", "|": r"\d,(\d{1,2}|\d{4,})(?!\d)"}
EMPTY = "{} is empty: a table has a line of column names, then one line per row."
#: How text is encoded that says so in its first bytes (UTF-32's begin like UTF-16's).
MARKS = {BOM_UTF32_LE: "utf-32", BOM_UTF32_BE: "utf-32", BOM_UTF16_LE: "utf-16", BOM_UTF16_BE: "utf-16"}
SIGNATURES = {
    rb"(\s*%[^\n]*\n)*\s*@relation\b": "an ARFF file of Weka "
    "(pandas.DataFrame(scipy.io.arff.loadarff(path)[0]) reads it in Python, and .to_csv(...) makes a table of it)",
    rb"PK": "an Excel or zip file",
    rb"\x89PNG": "a PNG image",
    rb"\xff\xd8\xff": "a JPEG image",
    rb"GIF8": "a GIF image",
    rb"%PDF": "a PDF document",
    rb"SQLite format 3": "a SQLite database",
    rb"\x93NUMPY": "a NumPy array (load it with numpy.load and pass the array)",
    rb"\s*<(!doctype|!--|\?xml|[a-z]+[ >])": "HTML or XML",
    rb'\s*(\{\s*["}]|\[\s*[\[{"\]])': "JSON",
}


def read_file(path: Path) -> pd.DataFrame:
    """The table in a file. Raises DataError, with file and line, for what is none."""
    try:
        if re.match(r"\w+:/+\w", str(path)):
            raise DataError(f"{path} is an address: download the file first, and name it here.")
        path = existing(path)
        if path.is_dir():
            raise DataError(f"{path} is a folder, not a table: name {FORMATS} in it.")
        with _unchanged(path):
            return _read_contents(path)
    except (OSError, EOFError, zlib.error) as reason:
        raise DataError(f"{path} cannot be read ({reason}): fetch it again, or check that you may open it.") from reason


@contextmanager
def _unchanged(path: Path) -> Iterator[None]:
    """Whatever comes of the block, a file that somebody writes to meanwhile is no table yet."""

    def stamp() -> tuple[int, ...]:
        found = path.stat()
        return found.st_ino, found.st_size, found.st_mtime_ns

    before = stamp()
    try:
        yield
    finally:
        if stamp() != before:
            raise DataError(f"{path} changed while it was read: read it again when it is whole.")


def _read_contents(path: Path) -> pd.DataFrame:
    with path.open("rb") as file:
        gzipped = file.read(2) == b"\x1f\x8b"
    with _opened(path, gzipped) as file:
        head = file.read(8192)
    if head.startswith(b"PAR1"):
        return _read_parquet(path)
    marked = next((encoding for mark, encoding in MARKS.items() if head.startswith(mark)), None)
    _refuse_other_kinds(head, path, marked is not None)
    if gzipped:
        refuse_bomb(path, "a table")
    for encoding in [marked] if marked else ["utf-8-sig", "latin-1"]:
        try:
            return _read_text(path, gzipped, encoding)
        except UnicodeError:
            if not marked:
                refuse_mixed_encodings(path, gzipped)
    raise DataError(f"{path} is not text in a known encoding: save it as UTF-8.")


def _opened(path: Path, gzipped: bool, **text: Any) -> IO[Any]:
    mode = "rt" if text else "rb"
    return cast(IO[Any], gzip.open(path, mode, **text) if gzipped else open(path, mode, **text))


def refuse_mixed_encodings(path: Path, gzipped: bool) -> None:
    """A file that is not UTF-8 is taken for Latin-1, but one with lines of both would have each word twice."""
    lines: dict[bool, int] = {}
    with _opened(path, gzipped) as file:
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


def _refuse_other_kinds(head: bytes, path: Path, marked: bool) -> None:
    if not head.strip():
        raise DataError(EMPTY.format(path))
    for signature, kind in SIGNATURES.items():
        if re.match(signature, head, re.IGNORECASE):
            raise DataError(f"{path} is not a table but {kind}: give {FORMATS}.")
    if marked:
        return
    controls = sum(byte < 9 or 13 < byte < 32 for byte in head)
    if 0 in head or controls > len(head) // 50:
        raise DataError(f"{path} is not a table: it holds binary data, not text. Give {FORMATS}.")


def _read_parquet(path: Path) -> pd.DataFrame:
    import pandas as pd

    try:
        from pyarrow.parquet import read_metadata

        about = read_metadata(path)
        _refuse_width(about.num_columns, path)
        if about.num_rows * about.num_columns * 8 > max(MOST_UNPACKED, MOST_UNPACKING_CELLS * path.stat().st_size):
            raise DataError(
                f"{path} says that it holds {about.num_rows:,} rows of {counted(about.num_columns, 'column')}, far "
                "more than its size allows for: it is damaged, or holds one value again and again."
            )
        frame = pd.read_parquet(path)
    except DataError:
        raise
    except ImportError as missing:
        raise DataError(f"{path}: Parquet files are read by pyarrow: pip install 'cutaway[parquet]'.") from missing
    except Exception as reason:
        raise DataError(f"{path} is a damaged Parquet file ({reason}): write it again.") from reason
    return frame if frame.index.name is None else frame.reset_index()


def _read_text(path: Path, gzipped: bool, encoding: str) -> pd.DataFrame:
    import pandas as pd

    with _opened(path, gzipped, encoding=encoding, newline="") as file:
        sample = file.read(20_000)
    if not sample.strip():
        raise DataError(EMPTY.format(path))
    refuse_comments(sample, path)
    refuse_spaces(sample, path)
    between = separator(re.split(r"[\r\n]", sample.lstrip(" \r\n"), maxsplit=1)[0])
    header, rows = _rows(path, gzipped, encoding, between)
    _refuse_width(len(header), path)
    names = [name.strip() or f"column {i}" for i, name in enumerate(header, 1)]
    refuse_repeats(names, f"{path}, line 1", "Rename them; if line 1 is already data, put a line of names above it.")
    decimal_comma = re.search(DECIMAL_COMMA[between], sample) and not re.search(r"\d\.\d", sample)
    try:
        with _opened(path, gzipped, encoding=encoding, newline="") as file:
            # The first row by itself: pandas would take a surplus first cell as the row's name.
            pd.read_csv(file, sep=between, header=None, nrows=2, dtype=str)
        with _opened(path, gzipped, encoding=encoding, newline="") as file:
            frame = pd.read_csv(
                file,
                sep=between,
                header=0,
                names=names,
                decimal="," if decimal_comma else ".",
                low_memory=False,
            )
    except (pd.errors.ParserError, pd.errors.EmptyDataError) as reason:
        if open_quote := re.search(r"EOF inside string starting at row (\d+)", str(reason)):
            line = int(open_quote[1]) + 1
            raise DataError(f"{path}: a quotation mark opened near line {line} is never closed.") from reason
        if "out of memory" in str(reason):
            raise MemoryError(str(reason)) from reason
        _refuse_ragged_rows(rows, len(names), path)
        raise DataError(f"{path} cannot be read as a table: {reason}.") from reason
    if len(frame) == 0:
        raise DataError(f"{path} has a line of column names and no rows under it.")
    if frame.iloc[:, -1].isna().any():  # pandas fills short rows with gaps: look again
        _refuse_ragged_rows(rows, len(names), path)
    if any(_holds_line_breaks(frame[name]) for name in names):
        # A quotation mark that is never closed runs on to the next one, and takes whole rows with it.
        for _ in _rows(path, gzipped, encoding, between, strict=True)[1]:
            pass
    return frame


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
    return any(isinstance(cell, str) and ("\n" in cell or "\r" in cell) for cell in cells)


def _rows(
    path: Path, gzipped: bool, encoding: str, between: str, strict: bool = False
) -> tuple[list[str], Iterator[tuple[int, int, str]]]:
    """The cells of the first line, and for each row under it its line, its number of cells and the first of them.

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

    def cells() -> Iterator[tuple[int, list[str]]]:
        with _opened(path, gzipped, encoding=encoding, newline="") as file:
            reader = csv.reader(lines(file), delimiter=between, strict=strict)
            try:
                yield from ((reader.line_num, row) for row in reader if row)
            except csv.Error as reason:
                raise DataError(f"{path}, line {reader.line_num}: {_in_words(reason)}.") from reason

    rows = cells()
    return next(rows, (1, []))[1], ((line, len(row), row[0]) for line, row in rows)


def _in_words(reason: csv.Error) -> str:
    """What csv says, with what is likely the cause."""
    if "field limit" in str(reason):
        most = csv.field_size_limit()
        return f"a cell has more than {most:,} characters, as under a quotation mark that is never closed"
    if "expected after" in str(reason):
        return 'text behind a quotation mark: an earlier one is never closed, or one in a cell is not doubled ("")'
    return str(reason)


def _refuse_ragged_rows(rows: Iterable[tuple[int, int, str]], width: int, path: Path) -> None:
    for line, cells, first in rows:
        if cells != width:
            if first.lstrip().startswith(COMMENTS):
                raise DataError(f"{path}, line {line} looks like a comment ({first.strip()!r:.40}): remove it.")
            raise DataError(
                f"{path}, line {line}: {counted(cells, 'cell')} under {counted(width, 'column name')}. Give every row "
                "one cell per column (empty where the value is missing), and put quotation marks around cells that "
                "hold the separator."
            )


def refuse_repeats(names: list[str], where: str, hint: str = "Rename them.") -> None:
    repeated = [name for name, times in Counter(names).items() if times > 1]
    if repeated:
        raise DataError(f"{where}: more than one column is named {quoted(repeated)}. {hint}")

