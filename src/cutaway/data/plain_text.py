"""Large tables of plain text, read by pyarrow, with two threads or in pieces: the same frame in a fraction of the time.

Plain is a file without a quotation mark, in UTF-8, with a point before decimals, whose cells are throughout what those
of its first rows are. pandas says what these are, and reads every other file: wherever the two readers might differ,
`NotPlain` is raised.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from .limits import EXACT, FIRST_ROWS, PIECE, SEARCHED_AT_ONCE

if TYPE_CHECKING:
    import pandas as pd

#: What pandas takes for a gap.
GAPS = ["", "#N/A", "#N/A N/A", "#NA", "-1.#IND", "-1.#QNAN", "-NaN", "-nan", "1.#IND", "1.#QNAN", "<NA>", "N/A", "NA",
        "NULL", "NaN", "None", "n/a", "nan", "null"]
#: How whole numbers begin that are numbers to pyarrow alone.
HEX = (b"0x", b"0X")


class NotPlain(Exception):
    """A file that pandas has to read."""


@dataclass
class PlainText:
    """A table of plain text: its columns' names, and their types as pandas found them in the first rows."""

    path: Path
    names: list[str]
    separator: str
    types: dict[str, Any]

    @classmethod
    def of(cls, path: Path, names: list[str], separator: str) -> PlainText:
        """Look at a file in UTF-8, the names of whose columns stand in its first line. Raises NotPlain."""
        if len(names) < 2 or not _without_quotes(path):
            raise NotPlain
        try:
            import pyarrow as pa
            import pyarrow.csv
        except ImportError:
            raise NotPlain from None
        import pandas as pd

        with open(path, encoding="utf-8-sig", newline="") as file:
            if file.read(1).isspace():
                raise NotPlain
            file.seek(0)
            try:
                first = pd.read_csv(file, sep=separator, header=0, names=names, nrows=FIRST_ROWS, low_memory=False)
            except ValueError:  # rows of more cells than names, or no UTF-8
                raise NotPlain from None
        known = {"int64": pa.int64(), "float64": pa.float64(), "bool": pa.bool_(), "str": pa.large_string()}
        found = {str(name): known.get(str(dtype)) for name, dtype in first.dtypes.items()}
        if None in found.values():
            raise NotPlain
        return cls(path, names, separator, found)

    def read(self) -> pd.DataFrame:
        """Read the whole table. Raises NotPlain."""
        import pyarrow as pa
        from pyarrow import csv

        widened = set()
        while True:
            try:
                table = csv.read_csv(self.path, **self._options())
                break
            except pa.ArrowInvalid as reason:  # whole numbers that go on with fractions are fractions throughout
                found = re.search(r"In CSV column #(\d+): CSV conversion error to int64", str(reason))
                if not found:
                    raise NotPlain from None
                widened.add(name := self.names[int(found[1])])
                self.types[name] = pa.float64()
        return _frame(table, widened)

    def pieces(self) -> Iterator[pd.DataFrame]:
        """The table's rows, some at a time. Raises NotPlain, be it after some of them."""
        import pyarrow as pa
        from pyarrow import csv

        for i, lines in enumerate(self._lines()):
            try:
                table = csv.read_csv(pa.BufferReader(lines), **self._options(skip=int(i == 0)))
            except pa.ArrowInvalid:
                raise NotPlain from None
            yield _frame(table, whole=False)

    def _lines(self) -> Iterator[bytes]:
        """The file, some lines at a time; pyarrow's own pieces would all be read ahead."""
        rest = b""
        with open(self.path, "rb", buffering=0) as file:
            while block := file.read(PIECE):
                lines, end, rest = (rest + block).rpartition(b"\n")
                if end:
                    yield lines + end
        if rest:
            yield rest

    def _options(self, skip: int = 1) -> dict[str, Any]:
        from pyarrow import csv

        return {
            "read_options": csv.ReadOptions(column_names=self.names, skip_rows=skip, block_size=PIECE),
            "parse_options": csv.ParseOptions(delimiter=self.separator, quote_char=False, double_quote=False),
            "convert_options": csv.ConvertOptions(
                column_types=self.types, null_values=GAPS, strings_can_be_null=True,
                true_values=["True", "TRUE", "true"], false_values=["False", "FALSE", "false"],
            ),
        }


def _frame(table: Any, widened: Iterable[str] = (), whole: bool = True) -> pd.DataFrame:
    """Make a DataFrame of a pyarrow table, which is used up. Raises NotPlain for what pandas may read in another way.

    whole: these are all rows, so that whole numbers with gaps among them are known to be fractions.
    """
    import pyarrow as pa

    gaps = {name: table[name].null_count for name in table.column_names}
    for field in table.schema:
        if gaps[field.name] and (field.type == pa.bool_() or (field.type == pa.int64() and not whole)):
            raise NotPlain
    frame = table.to_pandas(split_blocks=True, self_destruct=True)
    del table
    if whole:
        pa.default_memory_pool().release_unused()
    for name, cells in frame.items():
        if cells.dtype == np.float64:
            x = cells.to_numpy()
            if np.isnan(x).sum() != gaps[name] or np.isinf(x).any():
                raise NotPlain
            if (name in widened or gaps[name]) and np.abs(x).max(initial=0, where=x == x) >= EXACT:
                raise NotPlain
            if name in widened and not gaps[name] and (x == np.rint(x)).all():  # +7 is a whole number to pandas
                raise NotPlain
    return frame


def _without_quotes(path: Path) -> bool:
    """Whether a file has no quotation mark, zero byte or 0x, and no line that ends in a carriage return alone."""
    returns = ends = 0
    with open(path, "rb", buffering=0) as file:
        last = b""
        while block := file.read(SEARCHED_AT_ONCE):
            marks = (mark for mark in (b'"', b"\0", *HEX) if mark[-1:] in block)  # one letter is found sooner than two
            if any(mark in block for mark in marks) or last + block[:1] in HEX:
                return False
            if b"\r" in block:
                returns += block.count(b"\r")
                ends += block.count(b"\r\n")
            ends += last == b"\r" and block[:1] == b"\n"
            last = block[-1:]
    return returns == ends
