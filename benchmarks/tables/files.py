"""The tables as files, so that every library reads the same cells: written once, by whoever has the packages."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from . import catalogue
from .splits import divide

if TYPE_CHECKING:
    import pandas as pd

ROOT = Path(__file__).resolve().parents[2]


def folder() -> Path:
    return Path(os.environ.get("CUTAWAY_TABLES") or ROOT / "build" / "tables")


@dataclass(frozen=True, eq=False)
class Table:
    """One table, ready: X (n, k) as a DataFrame, y (n,) numbers or labels, keys (n,) of the split."""

    name: str
    X: pd.DataFrame
    y: np.ndarray
    task: str  # "regression" or "classification"
    by: str  # "chance", "time" or "groups"
    keys: np.ndarray

    def split(self, number: int = 0) -> tuple[np.ndarray, np.ndarray]:
        """The rows to learn from and to test on, as the table's honest split number `number` has them."""
        return divide(number, self.by, self.keys, self.y if self.task == "classification" else None)


def write(where: Path) -> None:
    """Writes every table that is not there yet. Raises ImportError where its package is missing."""
    where.mkdir(parents=True, exist_ok=True)
    for source in catalogue.SOURCES:
        if not (where / f"{source.name}.parquet").exists():
            frame, order = catalogue.prepared(source)
            order.to_parquet(where / f"{source.name}.keys.parquet")
            frame.to_parquet(where / f"{source.name}.parquet")


def load(name: str, where: Path | None = None) -> Table:
    """A table from its file. Raises FileNotFoundError, with what to do, where it was not written yet."""
    import pandas as pd

    source, at = catalogue.source(name), where or folder()
    path = at / f"{name}.parquet"
    if not path.exists():
        raise FileNotFoundError(f"{path} is not there: `python -m benchmarks.tables --write --folder {at}` "
                                "writes it, with a Python that has what benchmarks/tables/requirements.txt names.")
    frame, order = pd.read_parquet(path), pd.read_parquet(at / f"{name}.keys.parquet")
    keys = np.arange(len(frame))
    if source.order:
        keys[:] = order.groupby(list(order.columns), dropna=False).ngroup().to_numpy()
    y = frame[source.target]
    values = y.to_numpy(np.float64) if source.task == "regression" else y.astype("str").to_numpy(object)
    return Table(name, frame.drop(columns=source.target), values, source.task, source.by, keys)


def cases(part: str | None = "development", splits: int = 1) -> Iterator[tuple]:
    """Each table and split of a part: (name, X, y, task, rows to learn from, rows to test on)."""
    for name in catalogue.names(part):
        table = load(name)
        for number in range(splits):
            yield name, table.X, table.y, table.task, *table.split(number)

