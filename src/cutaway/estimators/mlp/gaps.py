"""Missing values: a gap becomes its column's mean, and a column that had gaps says in another one where they were."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.sparse import issparse


class Gaps:
    """What to fill gaps (NaN) with, learnt from X (n, features), rows weighing `weights` (n,).

    >>> import numpy as np
    >>> gaps = Gaps(np.array([[1.0, 5.0], [3.0, np.nan]]))
    >>> gaps.fill(np.array([[np.nan, np.nan]]))
    array([[2., 5., 1.]])
    """

    def __init__(self, X: Any, weights: np.ndarray | None = None) -> None:
        X = dense(X)
        self.features = X.shape[1]
        missing = _missing(X)
        self.columns = np.flatnonzero(missing.any(axis=0)) if missing is not None else np.zeros(0, np.intp)
        w = np.ones(len(X)) if weights is None else weights
        if missing is None:
            self.means = np.average(X, axis=0, weights=w)
        else:
            there = np.where(missing, 0.0, w[:, None])
            self.means = (there * np.where(missing, 0, X)).sum(axis=0) / np.maximum(there.sum(axis=0), 1e-300)

    @property
    def width(self) -> int:
        """Columns of what `fill` gives: the features, and one for each that had gaps in training."""
        return self.features + len(self.columns)

    def fill(self, X: Any) -> np.ndarray:
        """X as a dense array without gaps, (n, width)."""
        X = dense(X)
        missing = _missing(X)
        if missing is None and not len(self.columns):
            return X
        if missing is None:
            missing = np.zeros(X.shape, bool)
        filled = np.where(missing, self.means.astype(X.dtype), X)
        return np.hstack([filled, missing[:, self.columns].astype(X.dtype)])


def dense(X: Any) -> np.ndarray:
    return X.toarray() if issparse(X) else X


def _missing(X: np.ndarray) -> np.ndarray | None:
    """Where the gaps are, None if there are none: one sum tells, without an array of flags."""
    with np.errstate(over="ignore", invalid="ignore"):  # infinities of both signs: looked at, too
        return np.isnan(X) if np.isnan(X.sum(dtype=np.float64)) else None
