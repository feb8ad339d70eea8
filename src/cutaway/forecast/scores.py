"""How good forecasts are: MAE, RMSE, MASE, weighted quantile loss and coverage, each by step of the horizon."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

#: The scores in order, the headline first: all are better when lower, but coverage, which is to be what was asked.
SCORES = ("MASE", "MAE", "RMSE", "WQL", "coverage")
#: A value that is beside a band by no more than a network's numbers (float32) tell lies within: on a series that never
#: changes a band has no width.
ROUNDING = 1e-6


def scores_by_step(y: np.ndarray, forecast: np.ndarray, lower: np.ndarray, upper: np.ndarray, size: np.ndarray,
                   levels: Sequence[float]) -> dict[str, np.ndarray]:
    """The scores of forecasts (n, horizon), each (horizon,); gaps in y count nowhere.

    MASE divides by size (n,), the mean error of the seasonal naive forecast on the rows learnt from (Hyndman and
    Koehler, 2006). WQL is 2 Σ pinball / Σ |y|, the mean over the levels of lower, of the median and of upper.

    >>> one = np.array([[3.0]])
    >>> found = scores_by_step(one, one - 1, one - 2, one + 2, np.array([2.0]), (0.1, 0.9))
    >>> found["MASE"].item(), found["MAE"].item(), found["coverage"].item(), round(found["WQL"].item(), 3)
    (0.5, 1.0, 1.0, 0.2)
    """
    known = np.isfinite(y) & np.isfinite(forecast)
    count = np.maximum(known.sum(axis=0), 1)
    away = np.where(known, np.abs(y - forecast), 0.0)
    usable = known & np.isfinite(size)[:, None]
    relative = np.where(usable, away / np.where(np.isfinite(size), size, 1.0)[:, None], 0.0)
    total = np.maximum(np.where(known, np.abs(y), 0.0).sum(axis=0), 1e-12)
    loss = np.mean([np.where(known, pinball(y, q, level), 0.0).sum(axis=0)
                    for level, q in zip((levels[0], 0.5, levels[1]), (lower, forecast, upper), strict=True)], axis=0)
    slack = ROUNDING * np.abs(y)
    inside = np.where(known, (y >= lower - slack) & (y <= upper + slack), False)
    found = {"MASE": relative.sum(axis=0) / np.maximum(usable.sum(axis=0), 1), "MAE": away.sum(axis=0) / count,
             "RMSE": np.sqrt((away**2).sum(axis=0) / count), "WQL": 2 * loss / total,
             "coverage": inside.sum(axis=0) / count}
    empty = known.sum(axis=0) == 0
    return {name: np.where(empty | ((usable.sum(axis=0) == 0) & (name == "MASE")), np.nan, values)
            for name, values in found.items()}


def pinball(y: np.ndarray, q: np.ndarray, level: float) -> np.ndarray:
    """max(t (y - q), (t - 1)(y - q)): least where a share t of the values lies below q."""
    return np.maximum(level * (y - q), (level - 1) * (y - q))
