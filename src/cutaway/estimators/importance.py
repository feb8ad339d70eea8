"""Which columns matter: how much the score falls when a column of held-out data is shuffled."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..data import TableEncoder
from ..data.judgement import area, judged_by
from ..data.targets import as_target
from ..errors import DataError
from ..random import stream
from ..train.metrics import r2


@dataclass(frozen=True)
class Importance:
    """What shuffling one column costs: the fall of the score, mean and deviation over the repeats."""

    column: str
    drop: float
    deviation: float


def permutation_importance(estimator: Any, X: Any, y: Any, repeats: int = 5, seed: int = 0,
                           metric: Callable | None = None) -> list[Importance]:
    """The columns of X by how much the score on X and y falls when each is shuffled, the most important first.

    estimator is a fitted Classifier, Regressor or Baseline; X, y are rows it has not learnt from. metric(y, ŷ) is R² or
    accuracy unless given; where most rows are of one class, which accuracy hardly sees past, ROC AUC. Columns that say
    the same share their importance. (Breiman, Machine Learning 45, 2001.)

    >>> import cutaway as ct
    >>> X, y = ct.datasets.make("friedman", n=400)
    >>> model = ct.Regressor(epochs=30).fit(X[:300], y[:300])
    >>> {found.column for found in permutation_importance(model, X[300:], y[300:])[:2]} <= {"x0", "x1", "x3", "x4"}
    True
    """
    kind = type(estimator.encoder_)
    if kind is not TableEncoder:
        raise DataError(
            f"The model has learnt from what a {kind.__name__} reads: only the columns of a table can be shuffled."
        )
    truth = as_target(y)[0]
    Z = estimator.encode(X)
    if len(Z) != len(truth) or len(Z) < 2:
        raise DataError(f"X has {len(Z)} rows, y {len(truth)}: give at least two rows, and one target for each.")
    task = estimator.target_encoder_.task

    def scores(Z: np.ndarray, times: int) -> list[float]:
        """Score each of so many copies of the rows that Z holds."""
        if metric is None and judged_by(task, truth) == "ROC AUC":
            p, classes = estimator._probabilities(Z), estimator.target_encoder_.classes
            return [area(task, truth, part, classes) for part in p.reshape(times, len(truth), -1)]
        measure = metric or (_r2 if "regression" in task else _accuracy)
        return [measure(truth, part) for part in estimator._predict_encoded(Z).reshape(times, *truth.shape)]

    (best,) = scores(Z, 1)
    orders = [stream(seed, "importance", k).permutation(len(Z)) for k in range(repeats)]
    found = []
    for name, features in feature_slices(estimator.encoder_).items():
        shuffled = np.tile(Z, (repeats, 1))  # encoding goes row by row, so encoded columns can be shuffled as well
        shuffled[:, features] = np.concatenate([Z[order, features] for order in orders])
        drops = [best - one for one in scores(shuffled, repeats)]
        found.append(Importance(name, float(np.mean(drops)), float(np.std(drops))))
    return sorted(found, key=lambda one: -one.drop)


def _r2(truth: np.ndarray, predicted: np.ndarray) -> float:
    return r2(predicted, truth)


def _accuracy(truth: np.ndarray, predicted: np.ndarray) -> float:
    """The share of rows right; of several labels, all must be."""
    return float((truth == predicted).reshape(len(truth), -1).all(axis=1).mean())


def feature_slices(encoder: Any) -> dict[str, slice]:
    """Find where the features of each column that is used lie among the encoded ones."""
    slices, start = {}, 0
    for column in encoder.columns:
        if column.features:
            slices[column.name] = slice(start, start + len(column.features))
            start += len(column.features)
    return slices
