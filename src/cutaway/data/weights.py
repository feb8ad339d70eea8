"""Weights of rows, as the encoders take them."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..errors import DataError
from .reading import is_frame


def weighed(weights: Any, rows: Any) -> tuple[np.ndarray, Any]:
    """The weights as an array (n,), and the rows of a table, array or Sequences: both without those of weight zero."""
    weights = np.asarray(weights, dtype=np.float64)
    if weights.shape != (rows.shape[0],):
        raise DataError(f"weights have shape {weights.shape}, the rows {rows.shape}: give one weight for each row.")
    if not np.isfinite(weights).all() or (weights < 0).any() or not weights.any():
        raise DataError("weights must be finite and not negative, and at least one above zero.")
    keep = np.flatnonzero(weights)
    if len(keep) < len(weights):
        weights, rows = weights[keep], rows.iloc[keep] if is_frame(rows) else rows[keep]
    return weights, rows


def none_if_equal(weights: np.ndarray | None) -> np.ndarray | None:
    """Take equal weights for none, to the last bit of every mean and quantile."""
    return None if weights is None or (weights == weights[0]).all() else weights


def times(weights: np.ndarray) -> np.ndarray:
    """Count how many rows each row stands for: one of weight 2 is two, one of weight ½ still one."""
    return np.maximum(weights, 1.0)
