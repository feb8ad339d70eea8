"""Weights of rows: given ones checked, classes' own multiplied in."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..data.weights import none_if_equal
from ..errors import ArgumentError, DataError

__all__ = ["class_factors", "none_if_equal", "row_weights", "with_class_weights"]


def row_weights(sample_weight: Any, rows: int) -> np.ndarray | None:
    """Read sample_weight as an array (n,), None where there is none."""
    if sample_weight is None:
        return None
    weights = np.asarray(sample_weight, dtype=np.float64)
    if weights.shape != (rows,):
        raise DataError(f"sample_weight has shape {weights.shape}, the table {rows} rows: give one weight a row, 1-D.")
    if not np.isfinite(weights).all() or (weights < 0).any():
        raise DataError("sample_weight must be finite and not negative.")
    if not weights.any():
        raise DataError("sample_weight is zero in every row: no row is left to learn from.")
    return weights


def with_class_weights(weights: np.ndarray | None, class_weight: Any, classes: np.ndarray,
                       codes: np.ndarray) -> np.ndarray | None:
    """The rows' weights times those of their classes; `codes` are the rows' places in `classes`."""
    if class_weight is None:
        return weights
    factors = class_factors(weights, class_weight, classes, codes)
    return factors[codes] if weights is None else weights * factors[codes]


def class_factors(weights: np.ndarray | None, class_weight: Any, classes: np.ndarray, codes: np.ndarray) -> np.ndarray:
    """What the weights of each class's rows are multiplied by.

    "balanced" gives every class the same total weight: n / (number of classes · the class's own n).
    """
    own = np.ones(len(codes)) if weights is None else weights
    if isinstance(class_weight, str) and class_weight == "balanced":
        totals = np.bincount(codes, weights=own, minlength=len(classes))
        factors = own.sum() / (len(classes) * np.where(totals > 0, totals, np.inf))
    elif isinstance(class_weight, dict):
        factors = np.array([float(class_weight.get(label, 1)) for label in classes.tolist()])
        if unknown := [label for label in class_weight if label not in classes.tolist()]:
            raise ArgumentError(f"class_weight names {unknown}, but the classes are {classes.tolist()[:10]}.")
        if not np.isfinite(factors).all() or (factors < 0).any():
            raise ArgumentError("class_weight: weights must be finite and not negative.")
    else:
        raise ArgumentError(
            f'class_weight is {class_weight!r}: give None, "balanced" or a dict from each class to its weight.'
        )
    return factors
