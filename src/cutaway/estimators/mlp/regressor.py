"""MLPRegressor: scikit-learn's, trained by a compiled program."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from sklearn.base import RegressorMixin
from sklearn.metrics import r2_score
from sklearn.utils import column_or_1d

from ...errors import DataError
from .base import MLPEstimator


class MLPRegressor(RegressorMixin, MLPEstimator):
    """scikit-learn's MLPRegressor, trained by a compiled program: put this import in place of that one.

    >>> from cutaway.sklearn import MLPRegressor
    >>> import cutaway as ct
    >>> X, y = ct.datasets.load("diabetes")
    >>> model = MLPRegressor(hidden_layer_sizes=(20,), solver="lbfgs", random_state=0, max_iter=2000, tol=0.1)
    >>> model.fit(X, y).predict(X[:2]).shape
    (2,)

    loss: "squared_error", "poisson" (counts; the network predicts their logarithm), "absolute_error", "huber" (squared
    up to an error of 1, absolute beyond), or a function (z, y) -> J of raw outputs (n, outputs) and targets of that
    shape. Losses are sums over outputs, of which scikit-learn's loss_curve_ shows the mean for squared_error; the
    weights that they lead to are the same. Arguments and attributes are otherwise those of MLPClassifier.
    """

    losses = ("squared_error", "poisson", "absolute_error", "huber")

    def __init__(
        self,
        loss: str | Callable = "squared_error",
        hidden_layer_sizes: Any = (100,),
        activation: str = "relu",
        *,
        solver: str = "adam",
        alpha: float = 0.0001,
        batch_size: int | str = "auto",
        learning_rate: str = "constant",
        learning_rate_init: float = 0.001,
        power_t: float = 0.5,
        max_iter: int = 200,
        shuffle: bool = True,
        random_state: Any = None,
        tol: float = 1e-4,
        verbose: bool | int = False,
        warm_start: bool = False,
        momentum: float = 0.9,
        nesterovs_momentum: bool = True,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-8,
        n_iter_no_change: float = 10,
        max_fun: int = 15000,
        dropout: float = 0.0,
        validation_data: tuple | None = None,
        callbacks: Sequence[Callable] = (),
        threads: int | None = None,
        engine: str = "cpu",
        device: str | None = None,
        devices: int | str | None = None,
        precision: str | None = None,
    ) -> None:
        self.loss = loss
        self.hidden_layer_sizes = hidden_layer_sizes
        self.activation = activation
        self.solver = solver
        self.alpha = alpha
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.learning_rate_init = learning_rate_init
        self.power_t = power_t
        self.max_iter = max_iter
        self.shuffle = shuffle
        self.random_state = random_state
        self.tol = tol
        self.verbose = verbose
        self.warm_start = warm_start
        self.momentum = momentum
        self.nesterovs_momentum = nesterovs_momentum
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.beta_1 = beta_1
        self.beta_2 = beta_2
        self.epsilon = epsilon
        self.n_iter_no_change = n_iter_no_change
        self.max_fun = max_fun
        self.dropout = dropout
        self.validation_data = validation_data
        self.callbacks = callbacks
        self.threads = threads
        self.engine = engine
        self.device = device
        self.devices = devices
        self.precision = precision

    def predict(self, X: Any) -> np.ndarray:
        """Predict numbers (n,) or (n, outputs)."""
        return self.answers(self._encode(X))

    def answers(self, Z: np.ndarray) -> np.ndarray:
        y = self._predictions(Z)
        return y[:, 0] if y.shape[1] == 1 else y

    def _predictions(self, X: np.ndarray) -> np.ndarray:
        z = self._outputs(X)
        with np.errstate(over="ignore"):  # beyond the largest number is inf
            return np.exp(z) if self.out_activation_ == "exp" else z

    def _targets(self, y: np.ndarray, reset: bool, classes: Any = None, learning: bool = True) -> np.ndarray:
        if y.ndim == 2 and y.shape[1] == 1:
            y = column_or_1d(y, warn=True)
        if self.loss == "poisson" and (y < 0).any():
            raise DataError("loss='poisson' is for counts: y has negative values.")
        self.out_activation_ = "exp" if self.loss == "poisson" else "identity"
        T = y.reshape(len(y), -1).astype(np.float64)
        self.n_outputs_ = T.shape[1]
        return T

    def _loss_name(self) -> str:
        return "squared_error" if callable(self.loss) else self.loss

    def _score(self, X: np.ndarray, y: np.ndarray, weights: np.ndarray | None) -> float:
        p = self._predictions(X)
        return r2_score(y, p, sample_weight=weights) if np.isfinite(p).all() else float("nan")

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags
