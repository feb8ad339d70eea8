"""Any table, a file or in memory, becomes a pandas DataFrame (files: table_files.py)."""

from __future__ import annotations

from collections.abc import Iterable
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from cutaway.data.table_files import FORMATS, read_file, refuse_repeats
from cutaway.errors import DataError

if TYPE_CHECKING:
    import pandas as pd

#: The longest name of a column, in characters: names are printed.
LONGEST_NAME = 10_000


def read_table(source: Any) -> pd.DataFrame:
    """Read a table, from a file or from memory, as a pandas DataFrame.

    `source` is the path of a CSV, TSV or Parquet file (text may be gzipped; cells are separated by `,` `;` `|` or tab),
    a pandas, polars or pyarrow table, a dict of columns, a 2-D array or a scipy.sparse matrix (its columns become x0,
    x1, ...). Raises DataError, with file, line and column, for anything that is not a table of distinct columns.

    >>> read_table({"area": [120, 85], "zone": ["RL", None]}).shape
    (2, 2)
    """
    if isinstance(source, str | PathLike):
        return _one_name_per_column(read_file(Path(source)), f"{source}")
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
