"""Any table, a file or in memory, becomes a pandas DataFrame (files: formats.py)."""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from os import PathLike
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import ArgumentError, DataError
from .formats import PARQUET, tables_phrase
from .limits import LONGEST_NAME
from .several_files import is_files, read_files
from .table_files import refuse_repeats

if TYPE_CHECKING:
    import pandas as pd

#: Whole numbers that pyarrow and pandas have no type for.
LONG_INTEGERS = ("Int128", "UInt128")
#: Where a frame remembers that its columns were given without names.
UNNAMED = "cutaway: columns without names"


def read_table(source: Any, *, sheet: str | None = None, sql: str | None = None, user_missing: bool = False,
               written: dict[str, str] | None = None) -> pd.DataFrame:
    """Read a table, from files or from memory, as a pandas DataFrame.

    `source` is the path of a file: text (CSV, TSV; cells are separated by `,` `;` `|` or tab), Parquet, Feather, Excel
    or OpenDocument, JSON, Stata, SPSS, SAS, ARFF, SQLite or DuckDB, also packed with gzip or zstd; `-` for standard
    input; a folder of Parquet files; a pattern such as `"2024-*.csv"` or a list of paths, files with the same columns.
    Or it is a table of pandas, polars, pyarrow, dask or any library that hands its tables on (to_pandas,
    Or it is a table of pandas, polars, pyarrow, dask or any library that hands its tables on (to_pandas,
    __arrow_c_stream__, __dataframe__), a dict of columns or of one row's cells, a list of dicts, one a row, an array
    with named fields, or rows without names, whose columns become x0, x1, ...: a 2-D array, a scipy.sparse matrix, a
    list of lists. Raises

    Of files: `sheet` is the name of a sheet or of a database's table, as behind `::` in `"book.xlsx::Sheet2"`; `sql` a
    query, in which a file without tables of its own is called data; `user_missing=True` keeps what the users of SPSS
    or Stata declared missing, as levels; `written` says how the numbers of columns are written, `{"price": "1.234,5"}`,
    where their cells do not tell. What is to be said of the reading is in `frame.attrs["cutaway: notes"]`.

    >>> read_table({"area": [120, 85], "zone": ["RL", None]}).shape
    (2, 2)
    """
    if isinstance(source, str | PathLike) or is_files(source):
        frame = read_files(source, part=sheet, sql=sql, user_missing=user_missing, written=written)
        return _one_name_per_column(frame, f"{source}" if isinstance(source, str | PathLike) else "the table")
    if sheet or sql or user_missing:
        raise ArgumentError("sheet, sql and user_missing are for files, and this is a table in memory: leave them out.")
    return _one_name_per_column(_from_memory(source), "the table")


def is_frame(table: Any) -> bool:
    """Whether a table is a pandas DataFrame (asked without importing pandas)."""
    return hasattr(table, "iloc") and hasattr(table, "columns")


def column_names(count: int) -> list[str]:
    """The names that columns without names get, scikit-learn's own: x0, x1, ..."""
    return [f"x{i}" for i in range(count)]


def unnamed(frame: Any) -> bool:
    """Whether a frame's columns have no names of their own, so that they are known by their places alone."""
    columns = frame.columns
    counted = columns.dtype.kind == "i" and columns.tolist() == list(range(len(columns)))
    return counted or bool(frame.attrs.get(UNNAMED))


def _from_memory(source: Any) -> pd.DataFrame:
    import pandas as pd

    if isinstance(source, pd.DataFrame):
        return source
    if isinstance(source, pd.Series):
        return source.to_frame()
    if isinstance(source, dict):
        return _from_dict(source)
    if not isinstance(source, np.ndarray | list | tuple) and (frame := _from_library(source)) is not None:
        return frame
    if getattr(getattr(source, "dtype", None), "names", None):
        return pd.DataFrame(np.asarray(source))  # an array with named fields
    if isinstance(source, list | tuple) and source and all(isinstance(row, dict) for row in source):
        return pd.DataFrame(list(source))
    if isinstance(source, list | tuple) and source and all(isinstance(row, pd.Series) for row in source):
        return pd.DataFrame(list(source)).infer_objects()
    return _from_rows(source)


def _from_dict(source: dict) -> pd.DataFrame:
    """Read columns by name; a dict of single cells is one row."""
    import pandas as pd

    try:
        if source and all(np.ndim(cell) == 0 for cell in source.values()):
            return pd.DataFrame([source])
        return pd.DataFrame(source)
    except ValueError as reason:
        raise DataError(f"This dict is no table ({reason}): give lists of one length, one a column.") from reason


def _from_library(source: Any) -> pd.DataFrame | None:
    """Read a table of another library than pandas, by the ways out that such libraries have; None for anything else."""
    import pandas as pd

    library = type(source).__module__.partition(".")[0]
    try:
        source = without_long_integers(source)
        for way in ("to_pandas", "toPandas", "_to_pandas", "compute", "df", "collect"):  # the last: polars, lazy
            if callable(getattr(source, way, None)):
                return _from_memory(getattr(source, way)())
        if hasattr(source, "__arrow_c_stream__"):
            import pyarrow

            return pyarrow.table(source).to_pandas()
        if hasattr(source, "__dataframe__"):
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", DeprecationWarning)  # an old way out, but the only one it has
                return pd.api.interchange.from_dataframe(source)
    except ImportError as missing:
        raise DataError(f"A {library} table is read through pyarrow: {PARQUET.missing}.") from missing
    return None


def without_long_integers(source: Any) -> Any:
    """Cast polars' whole numbers of 128 bits, which nobody else reads, to 64 bits, or where these are too few to text.

    source: a frame or series of polars; anything else is given back as it is.
    """
    if not type(source).__module__.startswith("polars") or not hasattr(source, "cast"):
        return source
    import polars

    if hasattr(source, "dtype"):
        return source.cast(_short(source)) if str(source.dtype) in LONG_INTEGERS else source
    if not isinstance(source, polars.DataFrame):  # a lazy one is collected first
        return source
    long = [name for name, dtype in source.schema.items() if str(dtype) in LONG_INTEGERS]
    return source.cast({name: _short(source.get_column(name)) for name in long}) if long else source


def _short(column: Any) -> Any:
    """The type that a polars series of long whole numbers fits into."""
    import polars

    fits = column.cast(polars.Int64, strict=False).null_count() == column.null_count()
    return polars.Int64 if fits else polars.String


def _from_rows(source: Any) -> pd.DataFrame:
    """Read rows without names: an array, a sparse matrix, lists in a list."""
    import pandas as pd

    if hasattr(source, "tocsr"):
        source = source.astype(np.float32).toarray()
    if isinstance(source, np.ndarray) and source.dtype == object and source.ndim == 1 and len(source):
        source = list(source) if all(np.ndim(row) == 1 for row in source) else source
    try:
        array = np.asarray(source)
        if array.dtype.kind in "US" and not isinstance(source, np.ndarray):
            array = np.asarray(source, dtype=object)  # numbers among text stay numbers
    except ValueError as ragged:
        raise DataError("These rows have different lengths: give each row one cell per column.") from ragged
    if array.ndim == 0:
        raise DataError(f"{source!r:.40} is no table: give {tables_phrase()}, a DataFrame, a dict of columns or a 2-D "
                        "array.")
    if array.shape == (0,):
        raise DataError("No rows: 0 sample(s) (shape=(0,)) while a minimum of 1 is required.")
    if array.ndim != 2:
        raise DataError(
            f"A table has rows and columns, but this {type(source).__name__} has shape {array.shape}. Reshape your "
            "data: X.reshape(-1, 1) makes it one column, X.reshape(1, -1) one row."
        )
    if array.dtype.kind == "S":
        array = np.char.decode(array, "utf-8", "replace")
    frame = pd.DataFrame(array, columns=column_names(array.shape[1]))
    frame = frame.infer_objects() if array.dtype == object else frame
    frame.attrs[UNNAMED] = True
    return frame


def _one_name_per_column(frame: pd.DataFrame, where: str) -> pd.DataFrame:
    if frame.shape[1] == 0:
        raise DataError(f"{where} has no columns: 0 feature(s) (shape={frame.shape}) while a minimum of 1 is required.")
    names = _names(frame.columns, where)
    if longest := [i for i, name in enumerate(names) if len(name) > LONGEST_NAME]:
        raise DataError(
            f"{where}: the name of column {longest[0]} (the first is 0) has {len(names[longest[0]]):,} characters, "
            f"more than {LONGEST_NAME:,}: give it a shorter one."
        )
    refuse_repeats(names, where)
    return frame


def _names(labels: Iterable[Any], where: str) -> list[str]:
    try:
        return [str(label) for label in labels]
    except Exception as reason:  # an object of anyone's making
        raise DataError(f"{where}: a column's name is no text ({type(reason).__name__}): rename it.") from reason
