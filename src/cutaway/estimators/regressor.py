"""Regressor: one number a row, or several."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

import numpy as np
from sklearn.base import RegressorMixin

from ..data import TargetEncoder
from ..data.limits import MARGIN
from ..data.targets import as_target
from ..nn import Module
from ..optim import Optimizer
from .base import Estimator


class Regressor(RegressorMixin, Estimator):
    """A neural network that predicts numbers, from a raw table, images or sequences to the target's own unit.

    >>> import cutaway as ct
    >>> X, y = ct.datasets.load("diabetes")
    >>> model = ct.Regressor(epochs=20).fit(X, y)
    >>> model.predict(X[:2]).shape
    (2,)

    X is a table, images or sequences, as ct.Classifier takes them, or ct.data.Windows of a series, to forecast: their
    validation part is the latest. y is (n,) or (n, outputs). Predictions stay within the training targets' range,
    widened by 5 % on each side: a network beyond its data guesses. `print(model.design_)` says what was built and why.

    loss: "mse" (if None), "half_mse", "mae" or "huber", on the scaled target, or a function (z, y) -> J.
    monitor: "loss", "r2", "rmse", "mae", or a function (z, y) with its direction.

    The other arguments and the attributes after `fit` are those of ct.Classifier.
    """

    losses_for: ClassVar = dict.fromkeys(("regression", "multi-output regression"), ("mse", "half_mse", "mae", "huber"))

    monitors = ("loss", "r2", "rmse", "mae")

    def __init__(
        self,
        network: str | list[int] | dict[str, Any] | Module | Callable = "auto",
        loss: str | Callable | None = None,
        optimizer: Optimizer | None = None,
        epochs: int | None = None,
        batch_size: int | str = "auto",
        validation: Any = 0.1,
        early_stopping: bool | int = True,
        time_limit: float | None = None,
        random_state: Any = 0,
        threads: int | None = None,
        verbose: bool = False,
        start: str = "new",
        monitor: Any = "loss",
        precision: str | None = None,
        columns: dict[str, str] | None = None,
    ) -> None:
        self.network = network
        self.loss = loss
        self.optimizer = optimizer
        self.epochs = epochs
        self.batch_size = batch_size
        self.validation = validation
        self.early_stopping = early_stopping
        self.time_limit = time_limit
        self.random_state = random_state
        self.threads = threads
        self.verbose = verbose
        self.start = start
        self.monitor = monitor
        self.precision = precision
        self.columns = columns

    def partial_fit(self, X: Any, y: Any, sample_weight: Any = None) -> Regressor:
        """Make one pass over these rows, at a constant learning rate; no rows are held back. Returns the regressor.

        The first call fixes how columns are encoded and the target is scaled: give it rows that show what is to come.
        After `fit` it goes on from what was learnt.
        """
        return self._partial_fit(X, y, None, sample_weight)

    def score(self, X: Any, y: Any = None, sample_weight: Any = None) -> float:
        """Compute R² = 1 - Σ(y - ŷ)² / Σ(y - mean y)²; y may be left out where X brings its targets."""
        return super().score(*self.inputs_.with_target(X, y, self.encoder_), sample_weight)

    def _target(self, y: Any, weights: np.ndarray | None, classes: Any = None, constant: bool = False) -> TargetEncoder:
        values, _ = as_target(y)
        task = "regression" if values.ndim == 1 else "multi-output regression"
        target = TargetEncoder(task, constant=constant).fit(y, weights)
        target.reason = "one number a row" if values.ndim == 1 else f"{values.shape[1]} columns of numbers"
        return target

    def _set_limits(self, T: np.ndarray) -> None:
        """The lowest and highest scaled prediction of each output, from all targets learnt from so far."""
        low, high = np.atleast_1d(T.min(axis=0)), np.atleast_1d(T.max(axis=0))
        low, high = low - MARGIN * (high - low), high + MARGIN * (high - low)
        before = getattr(self, "limits_", np.stack([low, high]))
        self.limits_ = np.stack([np.minimum(low, before[0]), np.maximum(high, before[1])])

    def _predictions(self, z: np.ndarray) -> np.ndarray:
        return self.target_encoder_.inverse(np.clip(z, *self.limits_))

    def answers(self, Z: np.ndarray) -> np.ndarray:
        return self._predict_encoded(Z)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags
