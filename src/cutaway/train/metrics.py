"""Scores watched during training, on raw outputs z, targets y and, if there are any, weights of the rows.

(Reports use scikit-learn's.)
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..errors import ArgumentError


class OutputColumn(np.ndarray):
    """Outputs (n, 1) for a user's own metric: numbers of shape (n,) are paired with them row by row."""

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **named: Any) -> Any:
        column = next((np.shape(x) for x in inputs
                       if isinstance(x, OutputColumn) and x.ndim == 2 and x.shape[1] == 1), None)
        plain = [x.view(np.ndarray) if isinstance(x, OutputColumn) else x for x in inputs]
        if method == "__call__" and column is not None:
            plain = [np.reshape(x, column) if np.shape(x) == column[:1] else x for x in plain]
        if "out" in named:
            named["out"] = tuple(x.view(np.ndarray) if isinstance(x, OutputColumn) else x for x in named["out"])
        result = getattr(ufunc, method)(*plain, **named)
        return result.view(OutputColumn) if isinstance(result, np.ndarray) else result


def as_given(z: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Make a network's outputs what a metric is given: (n, 1) is paired with targets (n,) row by row."""
    return np.asarray(z).view(OutputColumn) if z.ndim == 2 and z.shape[1] == 1 and np.ndim(y) == 1 else z


def one_number(name: str, score: Any) -> float:
    """Turn what a metric gave into a float. Raises ArgumentError for all but one number."""
    found = np.asarray(score)
    if found.size != 1 or found.dtype.kind not in "biuf":
        got = f"an array of shape {found.shape}" if found.ndim else repr(score)
        raise ArgumentError(f"the metric {name} gave {got}: one number for all rows is needed, such as their mean.")
    return float(found.reshape(()))


def accuracy(z: np.ndarray, y: np.ndarray, weight: np.ndarray | None = None) -> float:
    """The share of rows whose class is predicted right: the largest output, or the sign of a single one."""
    if z.ndim == 2 and z.shape[1] > 1 and y.ndim == 1:
        right = z.argmax(1) == y
    else:
        right = ((z.reshape(y.shape) >= 0) == (y > 0.5)).reshape(len(y), -1).all(1)
    return float(np.average(right, weights=weight))


def r2(z: np.ndarray, y: np.ndarray, weight: np.ndarray | None = None) -> float:
    """The mean over outputs of 1 - squared error / variance of y; where y does not vary, 1 if it is met, else 0."""
    y = np.asarray(y, float).reshape(len(y), -1)
    error = np.average((np.asarray(z, float).reshape(y.shape) - y) ** 2, axis=0, weights=weight)
    spread = np.average((y - np.average(y, axis=0, weights=weight)) ** 2, axis=0, weights=weight)
    varies = (y.max(0) > y.min(0)) & (spread > 0)  # the mean of equal numbers may be rounded, and so differ from them
    return float(np.mean(np.where(varies, 1 - error / np.where(varies, spread, 1), error == 0)))


def rmse(z: np.ndarray, y: np.ndarray, weight: np.ndarray | None = None) -> float:
    """The root of the mean squared error."""
    return float(np.sqrt(np.average(_rows(z, y) ** 2, axis=0, weights=weight).mean()))


def mae(z: np.ndarray, y: np.ndarray, weight: np.ndarray | None = None) -> float:
    """The mean absolute error."""
    return float(np.average(np.abs(_rows(z, y)), axis=0, weights=weight).mean())


def _rows(z: np.ndarray, y: np.ndarray) -> np.ndarray:
    """The errors, (n, outputs)."""
    return (np.asarray(z, float).reshape(y.shape) - y).reshape(len(y), -1)


METRICS: dict[str, Callable] = {f.__name__: f for f in (accuracy, r2, rmse, mae)}


def get(metrics: tuple | list | str | Callable) -> dict[str, Callable]:
    """Look up metrics by name; functions (z, y) -> number, or (z, y, weight), are listed under their own names."""
    chosen: dict[str, Callable] = {}
    for metric in (metrics,) if isinstance(metrics, str) or callable(metrics) else metrics:
        if callable(metric):
            chosen[getattr(metric, "__name__", "metric")] = metric
        elif metric in METRICS:
            chosen[metric] = METRICS[metric]
        else:
            raise ArgumentError(f"no metric is called {metric!r}: use one of {', '.join(METRICS)}, or a function")
    return chosen
