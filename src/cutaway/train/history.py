"""History: what happened, in columns. A row an epoch for `run.history`, a row a step for `run.steps`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from .. import text
from ..shown import Shown, Table


class History(Shown):
    """Columns of numbers that grow by the row.

    >>> h = History()
    >>> h.append(epoch=1, loss=0.5)
    >>> h.append(epoch=2, loss=0.25)
    >>> h["loss"]
    array([0.5 , 0.25])
    """

    def __init__(self) -> None:
        self._columns: dict[str, np.ndarray] = {}  # each with room for more rows
        self._rows = 0

    def append(self, **row: float) -> None:
        """Add a row. A column not named gets NaN."""
        self.extend({name: np.asarray([value]) for name, value in row.items()})

    def extend(self, rows: dict[str, np.ndarray]) -> None:
        """Add several rows at once."""
        before, after = self._rows, self._rows + len(next(iter(rows.values())))
        for name in dict.fromkeys([*self._columns, *rows]):
            new, old = np.asarray(rows.get(name, np.nan)), self._columns.get(name)
            known = old is not None
            if old is None:
                old = np.full(before, np.nan) if before else new[:0]
            kind = old.dtype if old.dtype == new.dtype else np.result_type(old, new)
            if not known or len(old) < after or old.dtype != kind:  # twice the room: few copies
                self._columns[name] = np.empty(max(after, 2 * before), kind)
                self._columns[name][:before] = old[:before]
            self._columns[name][before:after] = new
        self._rows = after

    def __getitem__(self, name: str) -> np.ndarray:
        if name not in self._columns:
            raise KeyError(f"no column {name!r}: there are {', '.join(self._columns) or 'none yet'}")
        return self._columns[name][: self._rows]

    def __contains__(self, name: object) -> bool:
        return name in self._columns

    def __iter__(self) -> Iterator[str]:
        return iter(self._columns)

    def __len__(self) -> int:
        return self._rows

    def columns(self) -> dict[str, np.ndarray]:
        return {name: self[name] for name in self._columns}

    def to_pandas(self) -> Any:
        """Make a pandas DataFrame of the columns."""
        import pandas as pd

        return pd.DataFrame(self.columns())

    def _in_notebook(self) -> Any:
        columns = self.columns()
        rows = [[f"{values[i]:.5g}" for values in columns.values()] for i in range(len(self))]
        yield Table(list(columns), rows, range(len(columns)))

    def __repr__(self) -> str:
        if not len(self):
            return "History(no rows)"
        columns = self.columns()
        shown = [*range(min(3, len(self))), *range(max(3, len(self) - 3), len(self))]
        rows = [list(columns)] + [[f"{columns[name][i]:.4g}" for name in columns] for i in shown]
        if len(self) > 6:
            rows.insert(4, ["..."] * len(columns))
        return "\n".join(text.columns(rows, range(len(columns))))
