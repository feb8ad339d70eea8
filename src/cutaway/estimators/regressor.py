"""Regressor: one number a row, or several."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, ClassVar

import numpy as np
from sklearn.base import RegressorMixin

from .. import losses
from ..data import TargetEncoder
from ..data.limits import MARGIN, QUANTILES
from ..data.targets import as_target
from ..errors import ArgumentError
from ..nn import Module
from ..optim import Optimizer
from ..rules import OPS
from ..text import joined
from ..train.past import Past
from . import intervals
from .base import Estimator, TrainingRows
from .crossed import settled
from .design import Design
from .stretch import SQUARES


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

    loss: "mse" (if None), "half_mse", "mae" or "huber", on the scaled target, "quantile", or a function (z, y) -> J.
    quantiles: of loss="quantile", shares of targets that lie below, rising; (0.05, 0.5, 0.95) if None. `predict` gives
        the one nearest to the median, `predict_quantiles` all, of which none crosses another.
    monitor: "loss", "r2", "rmse", "mae", or a function (z, y) with its direction. For a table's squared errors "loss"
        means "mae", by which no wild row decides alone; ("loss", "min") is the loss itself.

    The other arguments and the attributes after `fit` are those of ct.Classifier.
    """

    losses_for: ClassVar = {
        "regression": ("mse", "half_mse", "mae", "huber", "quantile"),
        "multi-output regression": ("mse", "half_mse", "mae", "huber"),
    }

    monitors = ("loss", "r2", "rmse", "mae")

    #: What was learnt of the errors on rows held back; None where there were none.
    intervals_: intervals.Intervals | None = None

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
        quantiles: Any = None,
        preset: str = "default",
        callbacks: Any = (),
        split: str = "auto",
        engine: str = "cpu",
        device: str | None = None,
        devices: int | str | None = None,
        exact: bool = False,
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
        self.quantiles = quantiles
        self.preset = preset
        self.callbacks = callbacks
        self.split = split
        self.engine = engine
        self.device = device
        self.devices = devices
        self.exact = exact

    def partial_fit(self, X: Any, y: Any, sample_weight: Any = None) -> Regressor:
        """Make one pass over these rows, at a constant learning rate; no rows are held back. Returns the regressor.

        The first call fixes how columns are encoded and the target is scaled: give it rows that show what is to come.
        After `fit` it goes on from what was learnt.
        """
        return self._partial_fit(X, y, None, sample_weight)

    def predict_interval(self, X: Any, coverage: float = 0.9) -> np.ndarray:
        """Predict for each row between which numbers its target lies: (n, 2), or (n, outputs, 2), low before high.

        coverage: the share of new rows whose target lies within, of each output. Intervals are as wide as the errors on
        the rows held back ask for (split conformal prediction), wider where the network errs more. They hold on average
        over all rows, for rows like those held back: by chance, or later ones or whole groups where `split` or fit's
        groups say so, or a column surely does. Nobody can promise a future unlike the past: of 90 % asked for on
        bookings of a later season, 86 % were covered (44 % by rows held back by chance). Raises ArgumentError for a
        coverage outside (0, 1), or that so few rows cannot promise (m of them m / (m + 1) at most), and DataError where
        none were held back. Of fewer than 1,000 rows ten other networks learn errors when first asked, which takes as
        long as some nine more fits: ask before the model is saved or copied, since a copy holds no rows.

        >>> import cutaway as ct
        >>> X, y = ct.datasets.load("diabetes")
        >>> ct.Regressor(epochs=20).fit(X, y).predict_interval(X[:3], coverage=0.8).shape
        (3, 2)
        """
        return self.interval_of(self.encode(X), coverage)

    def interval_of(self, Z: np.ndarray, coverage: float = 0.9) -> np.ndarray:
        """The intervals of encoded rows."""
        learnt = settled(self)
        if learnt is None:
            raise intervals.none()
        z = self._outputs(Z)
        found = learnt.of(*self._bounds(z), coverage, np.clip(self._point(z), *self.limits_))
        ends = [self.target_encoder_.inverse(end).reshape(len(end), -1) for end in found]
        both = np.stack(ends, axis=-1)
        return both[:, 0] if self.design_.task == "regression" else both

    def _bounds(self, z: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """What intervals are laid around, (n, outputs) on the scaled target: the prediction as low and as high, or the
        lowest and the highest quantile."""
        q = np.clip(self._rising(z), *self.limits_)
        return (q[:, :1], q[:, -1:]) if self.levels else (q, q)

    def predict_quantiles(self, X: Any) -> np.ndarray:
        """Predict for each row the numbers below which its target lies with these chances: (n, quantiles), rising.

        For loss="quantile"; raises ArgumentError for another one.

        >>> import cutaway as ct
        >>> X, y = ct.datasets.load("diabetes")
        >>> model = ct.Regressor(loss="quantile", quantiles=(0.1, 0.5, 0.9), epochs=20).fit(X, y)
        >>> model.predict_quantiles(X[:2]).shape
        (2, 3)
        """
        return self.quantiles_of(self.encode(X))

    def quantiles_of(self, Z: np.ndarray) -> np.ndarray:
        """The quantiles of encoded rows."""
        if not self.levels:
            raise ArgumentError(f'predict_quantiles is of loss="quantile", and this model has {self.design_.loss}: ask '
                                "predict_interval(X, coverage=0.9) how far it may be off.")
        q = np.clip(self._rising(self._outputs(Z)), *self.limits_)
        return np.stack([self.target_encoder_.inverse(column) for column in q.T], axis=1)

    @property
    def levels(self) -> tuple[float, ...]:
        """The quantiles that are learnt; none for other losses."""
        if self.loss != "quantile":
            return ()
        return losses.checked_quantiles(QUANTILES if self.quantiles is None else self.quantiles)

    def _rising(self, z: np.ndarray) -> np.ndarray:
        """Raw outputs (n, n_out) as the loss has them: of quantiles none is below the one before it."""
        z, levels = z.astype(np.float64), self.levels
        return OPS["rising"].forward(z, middle=losses.middle_of(levels)) if len(levels) > 1 else z

    def _check_arguments(self) -> None:
        super()._check_arguments()
        if self.loss != "quantile" and self.quantiles is not None:
            raise ArgumentError(f'quantiles={self.quantiles!r} is of loss="quantile", and loss is {self.loss!r}: leave '
                                "quantiles out, or ask for that loss.")
        if len(self.levels) > 1 and isinstance(self.monitor, str) and self.monitor.removeprefix("val_") != "loss":
            raise ArgumentError(f"monitor={self.monitor!r} is of one prediction a row, and quantiles are "
                                f'{len(self.levels)}: give "loss".')

    def _network(self, design: Design, rows: TrainingRows) -> Module:
        if levels := self.levels:
            design.n_out, design.link = len(levels), "rising" if len(levels) > 1 else "identity"
            design.reasons["output"] = "one neuron a quantile; outward from the middle one they add up, so none crosses"
        network = super()._network(design, rows)
        if levels:
            shares = joined([f"{level:g}" for level in levels])
            design.reasons["loss"] = f"pinball, least where {shares} of the targets lie below"
        return network

    def _loss(self) -> str | Callable:
        levels = self.levels
        return partial(losses.quantile, quantiles=levels) if levels else super()._loss()

    def _monitor(self) -> Any:
        """For "loss" and squared errors of a table, the mean absolute error: one wild row among the few held back would
        decide a mean of squares, and often says an epoch long before the network has learnt."""
        design = self.design_
        squares = self.monitor in ("loss", "val_loss") and not callable(self.loss) and design.loss in SQUARES
        return "mae" if squares and design.preset else self.monitor

    def _prepare(self, *given: Any, **how: Any) -> TrainingRows:
        rows = super()._prepare(*given, **how)
        if self._monitor() != self.monitor and self.design_.validation:
            self.design_.reasons["validation"] += "; by their mean absolute error, which no wild row decides alone"
        return rows

    def _ask_held_back(self, past: Past) -> None:
        self.intervals_ = intervals.learn(self, past)

    def score(self, X: Any, y: Any = None, sample_weight: Any = None) -> float:
        """Compute R² = 1 - Σ(y - ŷ)² / Σ(y - mean y)²; y may be left out where X brings its targets."""
        return super().score(*self.inputs_.with_target(X, y, self.encoder_), sample_weight)

    def _target(self, y: Any, weights: np.ndarray | None, classes: Any = None, constant: bool = False) -> TargetEncoder:
        values, _ = as_target(y)
        task = "regression" if values.ndim == 1 else "multi-output regression"
        if isinstance(self.loss, str) and self.loss not in self.losses_for[task]:
            fitting = ", ".join(self.losses_for[task])
            raise ArgumentError(f"loss={self.loss!r} is of one number a row, and y has {values.shape[1]} columns: use "
                                f"one of {fitting}, or a Regressor for each.")
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
        return self.target_encoder_.inverse(np.clip(self._point(z), *self.limits_))

    def _point(self, z: np.ndarray) -> np.ndarray:
        """What predict says, on the scaled target: of quantiles the one nearest to the median."""
        return self._rising(z)[:, [losses.middle_of(self.levels)]] if len(self.levels) > 1 else z

    def answers(self, Z: np.ndarray) -> np.ndarray:
        return self._predict_encoded(Z)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags
