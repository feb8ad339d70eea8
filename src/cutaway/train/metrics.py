"""Scores watched during training, on raw outputs z and targets y. (Reports use scikit-learn's.)"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ..errors import ArgumentError


def accuracy(z: np.ndarray, y: np.ndarray) -> float:
    """Share of rows whose class is predicted right: the largest output, or the sign of a single one."""
    if z.ndim == 2 and z.shape[1] > 1 and y.ndim == 1:
        return float((z.argmax(1) == y).mean())
    right = (z.reshape(y.shape) > 0) == (y > 0.5)
    return float(right.reshape(len(y), -1).all(1).mean())


def r2(z: np.ndarray, y: np.ndarray) -> float:
    """1 - squared error / variance of y, the mean over outputs."""
    y = np.asarray(y, float).reshape(len(y), -1)
    error = ((np.asarray(z, float).reshape(y.shape) - y) ** 2).sum(0)
    spread = ((y - y.mean(0)) ** 2).sum(0)
    return float(np.mean(1 - error / np.where(spread > 0, spread, 1)))


def rmse(z: np.ndarray, y: np.ndarray) -> float:
    """Root of the mean squared error."""
    return float(np.sqrt(np.mean((np.asarray(z, float).reshape(y.shape) - y) ** 2)))


def mae(z: np.ndarray, y: np.ndarray) -> float:
    """Mean absolute error."""
    return float(np.mean(np.abs(np.asarray(z, float).reshape(y.shape) - y)))


METRICS: dict[str, Callable] = {f.__name__: f for f in (accuracy, r2, rmse, mae)}


def get(metrics: tuple | list | str | Callable) -> dict[str, Callable]:
    """One metric or several, by name; functions (z, y) -> number come under their own name."""
    chosen: dict[str, Callable] = {}
    for metric in (metrics,) if isinstance(metrics, str) or callable(metrics) else metrics:
        if callable(metric):
            chosen[getattr(metric, "__name__", "metric")] = metric
        elif metric in METRICS:
            chosen[metric] = METRICS[metric]
        else:
            raise ArgumentError(f"no metric is called {metric!r}: use one of {', '.join(METRICS)}, or a function")
    return chosen
