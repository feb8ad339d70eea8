"""Sparse tables, encoded a few rows at a time: a row of zeros is the same for all, and only the entries differ."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..data import TableEncoder
from ..data.numbers import Number, infinite, scaled


def row_encoder(encoder: TableEncoder, X: Any, dtype: Any) -> Callable[[Any], np.ndarray]:
    """Make a function that encodes some rows of the sparse table X as encoder.transform does, to the same bits."""
    kept = [column for column in encoder.columns if column.features]
    plain = kept and all(isinstance(c, Number) and c.features == [c.name] for c in kept)
    if not plain or X.shape[1] != len(encoder.columns):
        return lambda rows: encoder.transform(rows, dtype)
    numbers: list[Any] = list(kept)
    places = np.full(len(encoder.columns), -1)
    places[[k for k, column in enumerate(encoder.columns) if column.features]] = np.arange(len(kept))
    centers, scales = np.array([c.center for c in numbers]), np.array([c.scale for c in numbers])
    bends = np.array([np.inf if c.clip is None else c.clip for c in numbers])
    zeros = encoder.transform(X[:1] * 0, dtype)[0]

    def encoded(rows: Any) -> np.ndarray:
        if not rows.has_canonical_format:
            rows = rows.copy()
            rows.sum_duplicates()
        out = np.empty((rows.shape[0], len(zeros)), dtype)
        out[:] = zeros
        at = places[rows.indices]
        used = at >= 0
        row, at = np.repeat(np.arange(rows.shape[0]), np.diff(rows.indptr))[used], at[used]
        x = rows.data[used].astype(np.float64)
        x = np.where(np.isnan(x), centers[at], x)
        if not np.isfinite(x).all():
            k = int(np.flatnonzero(~np.isfinite(x))[0])
            raise infinite(numbers[at[k]].name, int(row[k]))
        out[row, at] = scaled(x, centers[at], scales[at], bends[at])
        return out

    return encoded
