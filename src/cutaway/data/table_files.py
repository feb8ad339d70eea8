"""The reader of tables of text: files of cells with something between them become pandas DataFrames.

pandas parses; this file decides how, and says what is wrong with a table. Which reader takes a file: formats.py.
"""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Callable, Generator, Iterator
from contextlib import closing, suppress
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from ..errors import DataError
from ..text import counted, quoted
from .headings import COMMENTS, below, comments_above, first_line, separator, units_note, units_under
from .limits import LARGE_TEXT, LONGEST_LINE, LONGEST_NAME, MOST_COLUMNS
from .plain_text import NotPlain, PlainText
from .source_files import opened, refuse_bomb, start_of
from .written_numbers import may_be_numbers, note, read_numbers

if TYPE_CHECKING:
    import pandas as pd

#: What stands before decimals, by what stands between cells, where no column of a file tells.
USUAL = {";": ",", ",": ".", "\t": "", "|": ""}
EMPTY = "{} is empty: a table has a line of column names, then one line per row."
#: Where a frame remembers how many lines of its file are above the names, and whether a row of units is under them.
ABOVE = "cutaway: lines above"


def read_text(path: Path, written: dict[str, str] | None = None) -> pd.DataFrame:
    """The table in a text file, packed or not, whatever stands between its cells; written: how columns are written."""
    _, packing, marked = start_of(path)
    if packing:
        refuse_bomb(path, "a table")
    for encoding in [marked] if marked else ["utf-8-sig", "latin-1"]:
        try:
            return _read_text(path, packing, encoding, written or {})
        except UnicodeError:
            if not marked:
                refuse_mixed_encodings(path, packing)
    raise DataError(f"{path} is not text in a known encoding: save it as UTF-8.")


def refuse_mixed_encodings(path: Path, packing: str | bool) -> None:
    """Refuse a file with lines of UTF-8 and of Latin-1, which would have each word twice."""
    lines: dict[bool, int] = {}
    with opened(path, packing) as file:
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


@dataclass
class Beginning:
    """How a text table begins: its names, what stands between cells, and how many lines of comments are above."""

    names: list[str]
    between: str
    above: int

    @classmethod
    def of(cls, path: Path, packing: str, encoding: str) -> Beginning:
        """Look at the first lines. Raises DataError for what begins as no table does."""
        with opened(path, packing, encoding=encoding, newline="") as file:
            sample = file.read(20_000)
        if not sample.strip():
            raise DataError(EMPTY.format(path))
        above = comments_above(sample)
        sample = below(sample, above)
        refuse_spaces(sample, path)
        between = separator(first_line(sample))
        with closing(_rows(path, packing, encoding, between, above)) as rows:
            line, header = next(rows, (1, []))
        refuse_width(len(header), path)
        names = [name.strip() or f"column {i}" for i, name in enumerate(header, 1)]
        refuse_repeats(names, f"{path}, line {above + 1 if above else 1}",
                       f"Rename them; if line {line if above else 1} is already data, put a line of names above it.")
        return cls(names, between, above)


def text_in_pieces(path: Path) -> Iterator[pd.DataFrame]:
    """The rows of a large table of plain text, some at a time. Raises NotPlain, be it after some of them."""
    _, packing, marked = start_of(path)
    if packing or marked or path.stat().st_size < LARGE_TEXT:
        raise NotPlain
    try:
        begun = Beginning.of(path, "", "utf-8-sig")
    except (DataError, UnicodeError):
        raise NotPlain from None
    if begun.above or max(map(len, begun.names)) > LONGEST_NAME:
        raise NotPlain
    for i, piece in enumerate(PlainText.of(path, begun.names, begun.between).pieces()):
        if i == 0 and (units_under(piece) or may_be_numbers(piece)):
            raise NotPlain
        yield piece


def _read_text(path: Path, packing: str, encoding: str, written: dict[str, str]) -> pd.DataFrame:
    begun = Beginning.of(path, packing, encoding)

    def again(skip: int | None = None, **how: Any) -> pd.DataFrame:
        import pandas as pd

        with _below(path, packing, encoding, begun.above) as file:
            return pd.read_csv(file, sep=begun.between, header=0, names=begun.names, low_memory=False,
                               skiprows=None if skip is None else [skip], **how)

    frame = _parsed(path, packing, encoding, begun, again)
    notes = []
    if begun.above:
        which = "line 1 is a comment" if begun.above == 1 else f"lines 1 to {begun.above} are comments"
        notes.append(f"{which} and left out")
    skip = None
    if units := units_under(frame):
        with closing(_rows(path, packing, encoding, begun.between, begun.above)) as rows:
            skip = [line for line, _ in islice(rows, 2)][1] - begun.above - 1
        frame = again(skip)
        notes.append(units_note(units))
    note(frame, notes)
    if begun.above or units:
        frame.attrs[ABOVE] = begun.above, len(units)
    return read_numbers(frame, USUAL[begun.between], written,
                        lambda names: again(skip, usecols=names, dtype=dict.fromkeys(names, str)))


def _parsed(path: Path, packing: str, encoding: str, begun: Beginning,
            again: Callable[..., pd.DataFrame]) -> pd.DataFrame:
    """The rows under the names, as pandas reads them, each with as many cells as there are names."""
    import pandas as pd

    names, between, above = begun.names, begun.between, begun.above
    if not packing and not above and encoding == "utf-8-sig" and path.stat().st_size >= LARGE_TEXT:
        with suppress(NotPlain):
            return PlainText.of(path, names, between).read()
    try:
        with _below(path, packing, encoding, above) as file:
            # the first row by itself: pandas would take a surplus first cell as the row's name
            pd.read_csv(file, sep=between, header=None, nrows=2, dtype=str)
        frame = again()
    except (pd.errors.ParserError, pd.errors.EmptyDataError) as reason:
        if open_quote := re.search(r"EOF inside string starting at row (\d+)", str(reason)):
            line = int(open_quote[1]) + 1 + above
            raise DataError(f"{path}: a quotation mark opened near line {line} is never closed.") from reason
        if "out of memory" in str(reason):
            raise MemoryError(str(reason)) from reason
        _refuse_ragged_rows(path, packing, encoding, begun)
        raise DataError(f"{path} cannot be read as a table: {reason}.") from reason
    if len(frame) == 0:
        raise DataError(f"{path} has a line of column names and no rows under it.")
    if frame.iloc[:, -1].isna().any():  # pandas fills short rows with gaps: look again
        _refuse_ragged_rows(path, packing, encoding, begun)
    if any(_holds_line_breaks(frame[name]) for name in names):
        # A quotation mark that is never closed runs on to the next one, and takes whole rows with it.
        for _ in _rows(path, packing, encoding, between, above, strict=True):
            pass
    return frame


def _below(path: Path, packing: str, encoding: str, above: int) -> IO[str]:
    """The text of a file under its first lines."""
    file = opened(path, packing, encoding=encoding, newline="")
    for _ in range(above):
        file.readline()
    return file


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


def refuse_width(columns: int, path: Path) -> None:
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


def _rows(path: Path, packing: str, encoding: str, between: str, above: int = 0,
          strict: bool = False) -> Generator[tuple[int, list[str]]]:
    """The rows of a text table, the line of names first: where each ends, and its cells. Closing it closes the file.

    strict: a closing quotation mark ends its cell, or DataError is raised.
    """

    def lines(file: IO[str]) -> Iterator[str]:
        number, blank = above, True  # blank: no line was seen that is not
        while line := file.readline(LONGEST_LINE):
            number += 1
            if len(line) == LONGEST_LINE:
                raise DataError(f"{path}, line {number} has more than {LONGEST_LINE - 1:,} characters: is it a table?")
            blank = blank and not line.strip(" \r\n")
            yield "\n" if blank else line

    with _below(path, packing, encoding, above) as file:
        reader = csv.reader(lines(file), delimiter=between, strict=strict)
        try:
            yield from ((above + reader.line_num, row) for row in reader if row)
        except csv.Error as reason:
            raise DataError(f"{path}, line {above + reader.line_num}: {_in_words(reason)}.") from reason


def _in_words(reason: csv.Error) -> str:
    """Say what csv says, with the likely cause."""
    if "field limit" in str(reason):
        most = csv.field_size_limit()
        return f"a cell has more than {most:,} characters, as under a quotation mark that is never closed"
    if "expected after" in str(reason):
        return 'text behind a quotation mark: an earlier one is never closed, or one in a cell is not doubled ("")'
    return str(reason)


def _refuse_ragged_rows(path: Path, packing: str, encoding: str, begun: Beginning) -> None:
    width = len(begun.names)
    with closing(_rows(path, packing, encoding, begun.between, begun.above)) as rows:
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

