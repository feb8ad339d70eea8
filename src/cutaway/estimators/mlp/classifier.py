"""MLPClassifier: scikit-learn's, trained by a compiled program."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from scipy.special import expit, softmax
from sklearn.base import ClassifierMixin
from sklearn.metrics import accuracy_score
from sklearn.preprocessing import LabelBinarizer
from sklearn.utils import column_or_1d
from sklearn.utils.metaestimators import available_if
from sklearn.utils.multiclass import check_classification_targets, type_of_target, unique_labels

from ...errors import ArgumentError, DataError
from ..weights import with_class_weights
from .base import MLPEstimator


class MLPClassifier(ClassifierMixin, MLPEstimator):
    """scikit-learn's MLPClassifier, trained by a compiled program: put this import in place of that one.

    >>> from cutaway.sklearn import MLPClassifier
    >>> import cutaway as ct
    >>> X, y = ct.datasets.load("iris")
    >>> model = MLPClassifier((16,), solver="lbfgs", random_state=0, max_iter=500).fit(X, y)
    >>> model.predict_proba(X).shape, [W.shape for W in model.coefs_]
    ((150, 3), [(4, 16), (16, 3)])

    The arguments up to max_fun and the attributes are scikit-learn's, with its meaning and, for the same random_state,
    its draws: the same first weights, the same batches, and the same weights after training up to rounding.

    What it takes besides. loss: "log_loss", or a function (z, y) -> J of raw outputs (n, outputs) and class numbers
    (two classes and labels: 0 and 1). class_weight: "balanced" or {class: weight}. dropout: the share of hidden
    neurons silent in each step. validation_data: (X, y) or (X, y, sample_weight) to score each epoch on; the weights of
    the best score are put back; early_stopping then stops by it, in partial_fit too. callbacks: functions of an event
    (train/events.py). threads: as many as help, if None. engine, device, devices, precision: what trains, as ct.fit
    takes them; predictions are the CPU engine's. activation: any of ct.nn. Gaps (NaN) in X are filled with the
    column's mean, and a column that had some says in one of its own where. The many arguments are scikit-learn's.

    After `fit`, besides scikit-learn's attributes: model_ (the network, of which coefs_ are views), history_ and run_
    (`run_.trace(step=3)` shows a step of the training), learning_rate_, stopped_ (partial_fit stopped early).
    """

    losses = ("log_loss",)

    def __init__(
        self,
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
        loss: str | Callable = "log_loss",
        class_weight: str | dict | None = None,
        dropout: float = 0.0,
        validation_data: tuple | None = None,
        callbacks: Sequence[Callable] = (),
        threads: int | None = None,
        engine: str = "cpu",
        device: str | None = None,
        devices: int | str | None = None,
        precision: str | None = None,
    ) -> None:
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
        self.loss = loss
        self.class_weight = class_weight
        self.dropout = dropout
        self.validation_data = validation_data
        self.callbacks = callbacks
        self.threads = threads
        self.engine = engine
        self.device = device
        self.devices = devices
        self.precision = precision

    @available_if(lambda self: self._is_stochastic())
    def partial_fit(self, X: Any, y: Any, sample_weight: Any = None, classes: Any = None) -> MLPClassifier:
        """Make one pass over these rows; the first call needs `classes`, every label that will ever come.

        With early_stopping and validation_data, each pass is scored on the latter; after n_iter_no_change passes
        without a better score `stopped_` is True, the best weights are back, and further passes change nothing.
        """
        if classes is None and not hasattr(self, "classes_") and not type_of_target(y).startswith("multilabel"):
            raise ArgumentError("classes must be passed on the first call to partial_fit.")
        if classes is not None and hasattr(self, "classes_"):
            given = unique_labels(classes)
            if not np.array_equal(given, self.classes_):
                raise ArgumentError(f"classes={given} is not the same as on the last call to partial_fit, was: "
                                    f"{self.classes_}.")
        return self._partial_fit(X, y, sample_weight, classes)

    def predict(self, X: Any) -> np.ndarray:
        """Predict classes (n,); of multilabel targets 0 or 1 for each label, (n, labels)."""
        return self._classes(self._probabilities(self._encode(X)))

    def predict_proba(self, X: Any) -> np.ndarray:
        """Predict probabilities (n, classes), rows summing to 1; of multilabel targets (n, labels), each on its own."""
        return self.answers(self._encode(X))

    def answers(self, Z: np.ndarray) -> np.ndarray:
        p = self._probabilities(Z)
        if len(self.classes_) == 1:
            return np.ones((len(p), 1))
        return np.hstack([1 - p, p]) if self.n_outputs_ == 1 else p

    def predict_log_proba(self, X: Any) -> np.ndarray:
        """Give the logarithms of predict_proba."""
        with np.errstate(divide="ignore"):  # the logarithm of 0 is -inf
            return np.log(self.predict_proba(X))

    def _probabilities(self, X: np.ndarray) -> np.ndarray:
        z = self._outputs(X)
        return softmax(z, axis=1) if self.out_activation_ == "softmax" else expit(z)

    def _classes(self, p: np.ndarray) -> np.ndarray:
        return self._label_binarizer.inverse_transform(p.ravel() if self.n_outputs_ == 1 else p)

    def _targets(self, y: np.ndarray, reset: bool, classes: Any = None, learning: bool = True) -> np.ndarray:
        check_classification_targets(y)
        if y.ndim == 2 and y.shape[1] == 1:
            y = column_or_1d(y, warn=True)
        if reset or not hasattr(self, "_label_binarizer"):
            self._label_binarizer = LabelBinarizer().fit(y if classes is None or y.ndim == 2 else classes)
            self.classes_ = self._label_binarizer.classes_
        if not reset or classes is not None:
            self._check_known(y, learning)
        kind = self._label_binarizer.y_type_
        hot = self._label_binarizer.transform(y)
        self.n_outputs_ = hot.shape[1]
        self.out_activation_ = "softmax" if kind == "multiclass" else "logistic"
        return hot.argmax(axis=1).astype(np.int32) if kind == "multiclass" else hot.astype(np.float64)

    def _check_known(self, y: np.ndarray, learning: bool) -> None:
        found = unique_labels(y)
        if learning and self.warm_start and set(found) != set(self.classes_):
            raise DataError(
                "warm_start can only be used where `y` has the same classes as in the previous call to fit. Previously "
                f"got {self.classes_}, `y` has {found}"
            )
        if len(np.setdiff1d(found, self.classes_)):
            raise DataError(f"`y` has classes not in `self.classes_`. `self.classes_` has {self.classes_}. 'y' has "
                            f"{found}.")

    def _weighed(self, T: np.ndarray, weights: np.ndarray | None, incremental: bool) -> np.ndarray | None:
        if self.class_weight is None:
            return weights
        if self._label_binarizer.y_type_.startswith("multilabel"):
            raise ArgumentError("class_weight is for one class a row: weigh multilabel rows by sample_weight.")
        if incremental and self.class_weight == "balanced":
            raise ArgumentError(
                'class_weight="balanced" needs all rows at once: give partial_fit a dict {class: weight}, or '
                "sample_weight."
            )
        return with_class_weights(weights, self.class_weight, self.classes_, T.reshape(len(T)).astype(np.intp))

    def _loss_name(self) -> str:
        return "binary_log_loss" if self.out_activation_ == "logistic" else "log_loss"

    def _stratify(self, T: np.ndarray) -> np.ndarray | None:
        return T.astype(bool) if self.n_outputs_ == 1 else None

    def _score(self, X: np.ndarray, y: np.ndarray, weights: np.ndarray | None) -> float:
        p = self._probabilities(X)
        if not np.isfinite(p).all():
            return float("nan")
        if self.out_activation_ == "softmax":
            return accuracy_score(y, p.argmax(axis=1), sample_weight=weights)
        return accuracy_score(y > 0.5, p > 0.5, sample_weight=weights)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        return tags
