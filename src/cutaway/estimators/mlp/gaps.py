"""Missing values: a gap becomes its column's mean, and a column that had gaps says in another one where they were."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.sparse import issparse

from ...errors import DataError

BLOCK = 2**22  # numbers of a sparse table that are made dense at a time


class Gaps:
    """What to fill gaps (NaN) with, learnt from X (n, features), rows weighing `weights` (n,).

    >>> import numpy as np
    >>> gaps = Gaps(np.array([[1.0, 5.0], [3.0, np.nan]]))
    >>> gaps.fill(np.array([[np.nan, np.nan]]))
    array([[2., 5., 1.]])
    """

    def __init__(self, X: Any, weights: np.ndarray | None = None) -> None:
        n, self.features = X.shape
        w = np.ones(n) if weights is None else weights
        X = X.tocsc() if issparse(X) else X
        step = max(1, BLOCK // n) if issparse(X) else self.features
        blocks = [_means(dense(X[:, start : start + step]), w, start) for start in range(0, self.features, step)]
        self.columns, self.means = (np.concatenate(parts) for parts in zip(*blocks, strict=True))

    @classmethod
    def unknown(cls, features: int) -> Gaps:
        """Gaps of a table that nobody saw: there is nothing to fill them with."""
        gaps = cls.__new__(cls)
        gaps.features, gaps.columns, gaps.means = features, np.zeros(0, np.intp), np.full(features, np.nan)
        return gaps

    @property
    def width(self) -> int:
        """Columns of what `fill` gives: the features, and one for each that had gaps in training."""
        return self.features + len(self.columns)

    def fill(self, X: Any) -> np.ndarray:
        """Make X a dense array without gaps, (n, width)."""
        X = dense(X)
        missing = _missing(X)
        if missing is None and not len(self.columns):
            return X
        if missing is None:
            missing = np.zeros(X.shape, bool)
        if np.isnan(self.means).any() and missing[:, np.isnan(self.means)].any():
            raise DataError("X has gaps (NaN), and this network came from scikit-learn's, which knows of none: fill "
                            "them before, or fit it anew")
        filled = np.where(missing, self.means.astype(X.dtype), X)
        return np.hstack([filled, missing[:, self.columns].astype(X.dtype)])


def _means(X: np.ndarray, w: np.ndarray, first: int) -> tuple[np.ndarray, np.ndarray]:
    """Find which of some columns, numbered from `first`, have gaps, and the means of what is there."""
    missing = _missing(X)
    if missing is None:
        return np.zeros(0, np.intp), np.average(X, axis=0, weights=w)
    there = np.where(missing, 0.0, w[:, None])
    means = (there * np.where(missing, 0, X)).sum(axis=0) / np.maximum(there.sum(axis=0), 1e-300)
    return first + np.flatnonzero(missing.any(axis=0)), means


def dense(X: Any) -> np.ndarray:
    return X.toarray() if issparse(X) else X


def _missing(X: np.ndarray) -> np.ndarray | None:
    """Find where the gaps are, None if there are none: one sum tells, without an array of flags."""
    with np.errstate(over="ignore", invalid="ignore"):  # infinities of both signs: looked at, too
        return np.isnan(X) if np.isnan(X.sum(dtype=np.float64)) else None
