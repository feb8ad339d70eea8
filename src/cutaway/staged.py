"""Staged: rows that are made as they are read, for tables that would not fit as the dense arrays that networks take."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

STAGE = 64 * 2**20  # bytes of rows that are made at a time


class Staged:
    """An array (n, ...) of which only the rows that are asked for are made: X[rows] is `make(rows)`, dense.

    >>> X = Staged(3, lambda rows: np.eye(3)[rows])
    >>> X.shape, X[[2, 0]].tolist()
    ((3, 3), [[0.0, 0.0, 1.0], [1.0, 0.0, 0.0]])

    rows: how many there are. make: a function of row numbers, or of a slice, that gives them as an array.
    """

    def __init__(self, rows: int, make: Callable[[Any], np.ndarray]) -> None:
        example = make(slice(0, 1))
        self.make, self.shape, self.dtype = make, (rows, *example.shape[1:]), example.dtype
        self.ndim, self.size = example.ndim, rows * int(np.prod(example.shape[1:]))

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, rows: Any) -> np.ndarray:
        return self.make(rows)

    def part(self, rows: np.ndarray) -> Staged:
        """Take some rows, which are made when they are read."""
        return Staged(len(rows), lambda some: self.make(rows[some]))

    @property
    def step(self) -> int:
        """How many rows fit in a stage."""
        return max(1, STAGE * len(self) // max(1, self.size * self.dtype.itemsize))

    def __array__(self, dtype: Any = None, copy: Any = None) -> np.ndarray:
        return np.asarray(self.make(slice(0, len(self))), dtype)

    def __repr__(self) -> str:
        return f"Staged{self.shape}"


def part_of(X: Any, rows: np.ndarray) -> Any:
    """Take some rows of an array or of Staged; the kind stays."""
    return X.part(rows) if isinstance(X, Staged) else X[rows]


def from_sparse(X: Any, make: Callable[[Any], np.ndarray] | None = None) -> Any:
    """Make the rows of a sparse matrix an array, or staged where an array would be larger than a stage.

    make: gives some sparse rows (in CSR) as a dense array; they are taken as they are without it.
    """
    X, make = X.tocsr(), (lambda rows: rows.toarray()) if make is None else make
    example = make(X[:1])
    whole = example[:1].nbytes * X.shape[0] <= STAGE
    return make(X) if whole else Staged(X.shape[0], lambda rows: make(X[rows]))
