"""A file, or any table in memory, becomes a pandas DataFrame.

pandas parses; this file decides how, and says what is wrong with a file that is no table.
"""

from __future__ import annotations

import csv
import gzip
import re
import zlib
from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import islice
from os import PathLike
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, cast

import numpy as np

from cutaway.data.cells import counted
from cutaway.errors import DataError

if TYPE_CHECKING:
    import pandas as pd

FORMATS = "a .csv, .tsv or .parquet file"
EMPTY = "{} is empty: a table has a line of column names, then one line per row."
SIGNATURES = {
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


def read_table(source: Any) -> pd.DataFrame:
    """Read a table, from a file or from memory, as a pandas DataFrame.

    `source` is the path of a CSV, TSV or Parquet file (text may be gzipped; cells are separated by `,` `;` `|` or tab),
    a pandas, polars or pyarrow table, a dict of columns, a 2-D array or a scipy.sparse matrix (its columns become x0,
    x1, ...). Raises DataError, with file, line and column, for anything that is not a table of distinct columns.

    >>> read_table({"area": [120, 85], "zone": ["RL", None]}).shape
    (2, 2)
    """
    if isinstance(source, str | PathLike):
        return _one_name_per_column(_read_file(Path(source).expanduser()), f"{source}")
    return _one_name_per_column(_from_memory(source), "the table")


def is_frame(table: Any) -> bool:
    """Whether a table is a pandas DataFrame (asked without importing pandas)."""
    return hasattr(table, "iloc") and hasattr(table, "columns")


def column_names(count: int) -> list[str]:
    """The names that columns without names get, scikit-learn's own: x0, x1, ..."""
    return [f"x{i}" for i in range(count)]


def _from_memory(source: Any) -> pd.DataFrame:
    import pandas as pd

    library = type(source).__module__.partition(".")[0]
    if isinstance(source, pd.DataFrame):
        return source
    if isinstance(source, pd.Series):
        return source.to_frame()
    if library in ("polars", "pyarrow"):
        try:
            return getattr(source, "collect", lambda: source)().to_pandas()
        except ImportError as missing:
            raise DataError(f"A {library} table is read through pyarrow: pip install 'cutaway[parquet]'.") from missing
    if isinstance(source, dict):
        try:
            return pd.DataFrame(source)
        except ValueError as reason:
            raise DataError(f"This dict is no table ({reason}): give lists of one length, one a column.") from reason
    if hasattr(source, "tocsr"):
        source = source.astype(np.float32).toarray()
    try:
        array = np.asarray(source)
    except ValueError as ragged:
        raise DataError("These rows have different lengths: give each row one cell per column.") from ragged
    if array.ndim == 0:
        raise DataError(f"{source!r:.40} is no table: give {FORMATS}, a DataFrame, a dict of columns or a 2-D array.")
    if array.ndim != 2:
        raise DataError(
            f"A table has rows and columns, but this {type(source).__name__} has shape {array.shape}. Reshape your "
            "data: X.reshape(-1, 1) makes it one column, X.reshape(1, -1) one row."
        )
    frame = pd.DataFrame(array, columns=column_names(array.shape[1]))
    return frame.infer_objects() if array.dtype == object else frame


def _one_name_per_column(frame: pd.DataFrame, where: str) -> pd.DataFrame:
    if frame.shape[1] == 0:
        raise DataError(f"{where} has no columns: 0 feature(s) (shape={frame.shape}) while a minimum of 1 is required.")
    _refuse_repeats([str(name) for name in frame.columns], where)
    return frame


def _refuse_repeats(names: list[str], where: str, hint: str = "Rename them.") -> None:
    repeated = [name for name, times in Counter(names).items() if times > 1]
    if repeated:
        raise DataError(f"{where}: more than one column is named {_listed(repeated)}. {hint}")


def _listed(names: list[str], most: int = 8) -> str:
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(repr(name) for name in names[:most]) + more


# --- files ------------------------------------------------------------------------------------------------------------


def _read_file(path: Path) -> pd.DataFrame:
    if path.is_dir():
        raise DataError(f"{path} is a folder, not a table: name {FORMATS} in it.")
    if re.match(r"\w+:/+\w", str(path)):
        raise DataError(f"{path} is an address: download the file first, and name it here.")
    if not path.exists():
        raise DataError(f"There is no file {path}: check the path, relative to {Path.cwd()}.")
    try:
        with path.open("rb") as file:
            gzipped = file.read(2) == b"\x1f\x8b"
        with _opened(path, gzipped) as file:
            head = file.read(8192)
        if head.startswith(b"PAR1"):
            return _read_parquet(path)
        _refuse_other_kinds(head, path)
        for encoding in ["utf-16"] if head[:2] in (b"\xff\xfe", b"\xfe\xff") else ["utf-8-sig", "latin-1"]:
            try:
                return _read_text(path, gzipped, encoding)
            except UnicodeError:
                continue
    except (OSError, EOFError, zlib.error) as reason:
        raise DataError(f"{path} cannot be read ({reason}): fetch it again, or check that you may open it.") from reason
    raise DataError(f"{path} is not text in a known encoding: save it as UTF-8.")


def _opened(path: Path, gzipped: bool, **text: Any) -> IO[Any]:
    mode = "rt" if text else "rb"
    return cast(IO[Any], gzip.open(path, mode, **text) if gzipped else open(path, mode, **text))


def _refuse_other_kinds(head: bytes, path: Path) -> None:
    if not head.strip():
        raise DataError(EMPTY.format(path))
    for signature, kind in SIGNATURES.items():
        if re.match(signature, head, re.IGNORECASE):
            raise DataError(f"{path} is not a table but {kind}: give {FORMATS}.")
    if head[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return
    controls = sum(byte < 9 or 13 < byte < 32 for byte in head)
    if 0 in head or controls > len(head) // 50:
        raise DataError(f"{path} is not a table: it holds binary data, not text. Give {FORMATS}.")


def _read_parquet(path: Path) -> pd.DataFrame:
    import pandas as pd

    try:
        frame = pd.read_parquet(path)
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
    separator = _separator(sample.lstrip().splitlines()[0])
    header, rows = _rows(path, gzipped, encoding, separator)
    names = [name.strip() or f"column {i}" for i, name in enumerate(header, 1)]
    _refuse_repeats(names, f"{path}, line 1", "Rename them; if line 1 is already data, put a line of names above it.")
    _refuse_ragged_rows(islice(rows, 1), len(names), path)  # pandas would take a surplus first cell as the row's name
    decimal_comma = separator == ";" and re.search(r"\d,\d", sample) and not re.search(r"\d\.\d", sample)
    try:
        frame = pd.read_csv(
            path,
            sep=separator,
            header=0,
            names=names,
            encoding=encoding,
            compression="gzip" if gzipped else None,
            decimal="," if decimal_comma else ".",
            low_memory=False,
        )
    except (pd.errors.ParserError, pd.errors.EmptyDataError) as reason:
        _refuse_ragged_rows(rows, len(names), path)
        raise DataError(f"{path} cannot be read as a table: {_unclosed_quote(str(reason))}.") from reason
    if len(frame) == 0:
        raise DataError(f"{path} has a line of column names and no rows under it.")
    if frame.iloc[:, -1].isna().any():  # pandas fills short rows with gaps: look again
        _refuse_ragged_rows(rows, len(names), path)
    return frame


def _separator(line: str) -> str:
    bare = re.sub(r'"[^"]*"', "", line)
    return max(",;\t|", key=bare.count)


def _rows(path: Path, gzipped: bool, encoding: str, separator: str) -> tuple[list[str], Iterator[tuple[int, int]]]:
    """The cells of the first line, and for each row under it its line and its number of cells."""

    def cells() -> Iterator[tuple[int, list[str]]]:
        with _opened(path, gzipped, encoding=encoding, newline="") as file:
            reader = csv.reader(file, delimiter=separator)
            try:
                yield from ((reader.line_num, row) for row in reader if row)
            except csv.Error as reason:
                raise DataError(f"{path}, line {reader.line_num}: {reason}.") from reason

    rows = cells()
    return next(rows)[1], ((line, len(row)) for line, row in rows)


def _refuse_ragged_rows(rows: Iterable[tuple[int, int]], width: int, path: Path) -> None:
    for line, cells in rows:
        if cells != width:
            raise DataError(
                f"{path}, line {line}: {counted(cells, 'cell')} under {counted(width, 'column name')}. Give every row "
                "one cell per column (empty where the value is missing), and put quotation marks around cells that "
                "hold the separator."
            )


def _unclosed_quote(reason: str) -> str:
    found = re.search(r"EOF inside string starting at row (\d+)", reason)
    return f"a quotation mark opened near line {int(found[1]) + 1} is never closed" if found else reason
