"""The readers of the files that pyarrow reads: Parquet and Feather (Arrow IPC)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import DataError
from ..text import counted
from .limits import MOST_UNPACKED, MOST_UNPACKING_CELLS, ROWS_AT_ONCE
from .plain_text import NotPlain
from .table_files import refuse_width

if TYPE_CHECKING:
    import pandas as pd


def read_parquet(path: Path) -> pd.DataFrame:
    """The table in a Parquet file, if what it says of its size fits the file's."""
    import pandas as pd

    _refuse_parquet(path)
    frame = pd.read_parquet(path)
    return frame if frame.index.name is None else frame.reset_index()


def parquet_in_pieces(path: Path) -> Iterator[pd.DataFrame]:
    """The rows of a large Parquet file, some at a time. Raises NotPlain, be it after some of them."""
    import pyarrow as pa
    from pyarrow.parquet import ParquetFile

    if _refuse_parquet(path) < 2 * ROWS_AT_ONCE:
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


def _refuse_parquet(path: Path) -> int:
    """Give the number of a Parquet file's rows. Raises DataError where it says more than fits into its size."""
    from pyarrow.parquet import read_metadata

    about = read_metadata(path)
    refuse_size(path, about.num_rows, about.num_columns)
    return about.num_rows


def read_feather(path: Path) -> pd.DataFrame:
    """The table in a Feather file or an Arrow stream, read a batch at a time so that no more is unpacked than fits."""
    import pyarrow as pa

    with pa.OSFile(str(path)) as file:
        if file.read(4) == b"FEA1":
            raise DataError(f"{path} is Feather of version 1, of before 2020: read it with an old pandas, and save "
                            "it again.")
        file.seek(0)
        batches, rows = [], 0
        for batch in _batches(file):
            rows += batch.num_rows
            refuse_size(path, rows, batch.num_columns)
            batches.append(batch)
        if not batches:
            raise DataError(f"{path} has column names and no rows under them.")
        frame = pa.Table.from_batches(batches).to_pandas()
    return frame if frame.index.name is None else frame.reset_index()


def _batches(file: Any) -> Iterator[Any]:
    import pyarrow as pa

    head = file.read(6)
    file.seek(0)
    if head != b"ARROW1":
        yield from pa.ipc.open_stream(file)
        return
    reader = pa.ipc.open_file(file)
    yield from (reader.get_batch(i) for i in range(reader.num_record_batches))


def most_cells(path: Path) -> int:
    """The cells that a file of this size may hold."""
    return max(MOST_UNPACKED, MOST_UNPACKING_CELLS * path.stat().st_size) // 8


def refuse_size(path: Path, rows: int, columns: int) -> None:
    """Raise DataError where a file holds more columns than are read, or more cells than fit into its size."""
    refuse_width(columns, path)
    if rows * columns > most_cells(path):
        raise DataError(
            f"{path} says that it holds {rows:,} rows of {counted(columns, 'column')}, far more than its size allows "
            "for: it is damaged, or holds one value again and again."
        )
