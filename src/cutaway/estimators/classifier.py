"""Classifier: two classes, more classes, or several labels a row."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

import numpy as np
from sklearn.base import ClassifierMixin
from sklearn.exceptions import DataConversionWarning
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted

from ..data import TargetEncoder
from ..data.targets import as_target, refuse_infinity, refuse_missing
from ..errors import ArgumentError, DataError
from ..nn import Module
from ..optim import Optimizer
from ..text import listed
from ..train.past import Past
from . import calibration, thresholds
from .base import Estimator, TrainingRows
from .notes import tell
from .weights import class_factors


class Classifier(ClassifierMixin, Estimator):
    """A neural network that predicts classes, from a raw table, images or sequences to probabilities.

    >>> import cutaway as ct
    >>> X, y = ct.datasets.load("iris")
    >>> model = ct.Classifier(epochs=50).fit(X, y)
    >>> model.classes_.tolist()
    ['setosa', 'versicolor', 'virginica']
    >>> model.predict_proba(X).shape
    (150, 3)

    X is a table: text, categories, dates, booleans, numbers, gaps. Or images: an array (n, height, width, channels),
    or (n, height, width) of bytes, a list of image files, a folder with a folder of them for each class, ct.data.Images
    (read with a size). Or sequences: a float array (n, time, features), ct.Sequences, a list of arrays (time,
    features), ct.data.Series, the path of a .ts file. Or an .npz file with X and y. y (n,) holds labels of any type; y
    (n, labels) of 0 and 1 is multilabel; where X brings labels, as a folder does, y may be left out.
    `print(model.design_)` says what was built and why.

    network: "auto", widths of the hidden layers [64, 64], choices {"dropout": 0.2, "cell": "lstm"} by the names of
        ct.design's fields, a Module (copied and started anew), or a function (n_in, n_out) -> Module, with n_in the
        number of features (of a time step), or an image's (height, width, channels). Of a category with many levels
        a network of your own sees a column of 0 and 1 for each of the 256 most frequent; the others look them all up.
    start: "new", or "as is" to keep the weights of a Module (or of what the function makes) that has been trained.
    loss: "binary_cross_entropy" or "cross_entropy", or a function of logits and targets; by the task if None.
    optimizer: AdamW with warm-up and cosine if None; ct.optim.AdamW("auto") finds its learning rate first.
    epochs: by the number of rows if None.
    batch_size: rows a step, "full" or "auto".
    validation: the share of rows held back (from 200 rows up; fewer are all learnt from; each of several networks holds
        back half of it, but 50 rows), None, or (X, y[, sample_weight]).
    monitor: the validation score by which the best weights are kept: "loss", "accuracy" (ct.Regressor: "r2", "rmse",
        "mae"), or a function (z, y) of raw outputs and encoded targets with its direction, (gini, "max").
    early_stopping: epochs without a better score after which training ends (True: 0.3 of them all).
    class_weight: "balanced" or {class: weight}, of the loss alone: what encoders learn does not depend on y.
    time_limit: seconds.
    random_state: a whole number, with which the same rows give the same model; None: another one each time.
    threads: chosen by the size of a step if None, and one in a pool's workers (joblib, Dask).
    verbose: show a bar while it trains.
    precision: None, "float32", or "bf16": training multiplies factors rounded to bf16 where the processor can (ct.fit).
    columns: what columns of a table are to be taken for, whatever they look like: {"shop": "category", "zip": "number",
        "when": "date", "member": "boolean", "note": "drop"}; "date:dmy" and the like say the form of dates, too.
    calibrate: divide raw outputs by a temperature that makes probabilities as sure as the rows held back find them
        right, and choose the weights by the loss at its best temperature. False: as the network says them.
    preset: how much is done for the score of a table: "fast", one plain network; "default", numbers in bins and several
        networks side by side, two to four times as long; "best", five such networks, each with other rows held back,
        some five times as long as that.
    positive, threshold: predict says the class `positive` from the probability `threshold` on, else the likeliest of
        the others: a number above 0 and below 1; "cost=1:20", where a false alarm costs 1 and a miss 20; "f1", that of
        the best F1 on the rows held back. predict_proba stays as it is.
    callbacks: functions of an event, as ct.fit takes them, such as those of ct.callbacks; no part of a model's file.
    split: which rows of a table say how sure predictions may be: "random", drawn by chance; "time", the latest, of a
        second network that learnt from the others, "time:COL" by this column; "groups", whole groups of "groups:COL";
        "auto" goes by time or groups where a column surely tells of them and chance would flatter.
    engine, device, devices: what trains, as ct.fit takes them: "xla" is JAX, on its "cpu", "gpu" or "tpu", the rows of
        each batch shared among so many or "all". Predictions are the CPU engine's, the same wherever a file goes.
    exact: any number of devices and processes gives the same bits, with engine="xla" (docs/distributed.md).

    Under 200 rows numbers have 64 bits, and each step sees all rows. The arguments are many because scikit-learn's
    conventions put every choice here.

    After `fit`: classes_, n_features_in_ (of a table), feature_names_in_ (of a frame), model_, design_, encoder_,
    target_encoder_, temperature_ (1 where no rows were held back), threshold_ and positive_ (None: predict says the
    likeliest class), history_ (a row an epoch) and run_ (not pickled: it holds the training data).
    """

    #: What raw outputs are divided by before they become probabilities.
    temperature_: float = 1.0
    #: The class that is said from a probability on, and that probability; None: the likeliest class is said.
    positive_: Any = None
    threshold_: float | None = None

    losses_for: ClassVar = {
        "binary": ("binary_cross_entropy", "cross_entropy"),
        "multiclass": ("cross_entropy",),
        "multilabel": ("binary_cross_entropy",),
    }

    monitors = ("loss", "accuracy")

    def __init__(
        self,
        network: str | list[int] | dict[str, Any] | Module | Callable = "auto",
        loss: str | Callable | None = None,
        optimizer: Optimizer | None = None,
        epochs: int | None = None,
        batch_size: int | str = "auto",
        validation: Any = 0.1,
        early_stopping: bool | int = True,
        class_weight: str | dict | None = None,
        time_limit: float | None = None,
        random_state: Any = 0,
        threads: int | None = None,
        verbose: bool = False,
        start: str = "new",
        monitor: Any = "loss",
        precision: str | None = None,
        columns: dict[str, str] | None = None,
        calibrate: bool = True,
        preset: str = "default",
        positive: Any = None,
        threshold: float | str | None = None,
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
        self.class_weight = class_weight
        self.time_limit = time_limit
        self.random_state = random_state
        self.threads = threads
        self.verbose = verbose
        self.start = start
        self.monitor = monitor
        self.precision = precision
        self.columns = columns
        self.calibrate = calibrate
        self.preset = preset
        self.positive = positive
        self.threshold = threshold
        self.callbacks = callbacks
        self.split = split
        self.engine = engine
        self.device = device
        self.devices = devices
        self.exact = exact

    def partial_fit(self, X: Any, y: Any, classes: Any = None, sample_weight: Any = None) -> Classifier:
        """Make one pass over these rows, at a constant learning rate; no rows are held back. Returns the classifier.

        The first call needs `classes`, every label that will ever come (or y has them all), and fixes how columns are
        encoded. After `fit` it goes on from what was learnt.
        """
        return self._partial_fit(X, y, classes, sample_weight)

    @property
    def classes_(self) -> np.ndarray:
        """The labels, in the order of the columns of predict_proba."""
        check_is_fitted(self)
        return self.target_encoder_.classes

    def score(self, X: Any, y: Any = None, sample_weight: Any = None) -> float:
        """The share of rows predicted right; y may be left out where X brings its labels."""
        X, y = self.inputs_.with_target(X, y, self.encoder_)
        return super().score(X, self.target_encoder_.known(y), sample_weight)

    def predict_proba(self, X: Any) -> np.ndarray:
        """Predict probabilities (n, classes), rows summing to 1; of multilabel targets (n, labels), each on its own."""
        return self._probabilities(self.encode(X))

    def answers(self, Z: np.ndarray) -> np.ndarray:
        return self._probabilities(Z)

    def _probabilities(self, Z: np.ndarray) -> np.ndarray:
        return self._linked(self._outputs(Z))

    def _linked(self, z: np.ndarray) -> np.ndarray:
        """Probabilities of raw outputs (n, n_out)."""
        z = z.astype(np.float64) / self.temperature_
        if self.design_.link == "softmax":
            p = np.exp(z - z.max(axis=1, keepdims=True))
            return p / p.sum(axis=1, keepdims=True)
        from scipy.special import expit  # takes a while to import

        p = expit(z)
        return np.hstack([1 - p, p]) if self.design_.task == "binary" else p

    def said(self, Z: np.ndarray) -> tuple[np.ndarray, np.ndarray | None]:
        p = self._probabilities(Z)
        return self._likeliest(p), p

    def _predictions(self, z: np.ndarray) -> np.ndarray:
        return self._likeliest(self._linked(z))

    def _likeliest(self, p: np.ndarray) -> np.ndarray:
        if self.threshold_ is not None:
            place = thresholds.place_of(self.positive_, self.target_encoder_)
            return self.classes_[thresholds.decided(p, place, self.threshold_)]
        return self.target_encoder_.inverse(p.argmax(axis=1) if self.design_.task == "binary" else p)

    def _target(self, y: Any, weights: np.ndarray | None, classes: Any = None, constant: bool = False) -> TargetEncoder:
        values, _ = as_target(y)
        refuse_missing(values)
        refuse_infinity(values)
        if values.dtype.kind in "SO" and values.size and all(isinstance(v, bytes) for v in values.flat):
            raise DataError(f"y holds bytes ({values.flat[0]!r:.20}), which are no text yet: decode them, such as "
                            "y = [label.decode() for label in y].")
        if values.ndim == 2:
            if self.class_weight is not None:
                raise ArgumentError("class_weight is for one class a row: weigh multilabel rows by sample_weight.")
            target = TargetEncoder("multilabel").fit(y)
        else:
            if len(getattr(y, "shape", ())) == 2:
                tell("A column-vector y was passed when a 1d array was expected: pass y.ravel().",
                     DataConversionWarning)
            try:
                check_classification_targets(values)
            except ValueError as reason:
                kinds = sorted({type(label).__name__ for label in values.tolist()})
                if values.dtype == object and "str" in kinds and len(kinds) > 1:
                    raise DataError(f"y holds labels of several types ({listed(kinds)}), so that 1 and '1' would be "
                                    "two classes: make all text, y.astype(str), or all numbers.") from None
                raise DataError(f"{reason} (y holds numbers: did you mean ct.Regressor?)") from reason
            except TypeError as reason:
                raise DataError("y holds labels of several types, which have no order: turn all into text.") from reason
            labels = values if classes is None else np.asarray(classes)
            task = "binary" if len(set(labels.tolist())) == 2 else "multiclass"
            target = TargetEncoder(task, constant=constant).fit(labels)
            target.reason = f"{len(target.classes)} different labels"
        if isinstance(self.loss, str) and self.loss not in self.losses_for[target.task] and not target.still:
            fitting = " or ".join(self.losses_for[target.task])
            raise ArgumentError(f"loss={self.loss!r} is not for a {target.task} target: use {fitting}.")
        if self.threshold is not None:
            thresholds.place_of(self.positive, target)
        return target

    def _prepare(self, *given: Any, **how: Any) -> TrainingRows:
        rows = super()._prepare(*given, **how)
        calibration.announce(self)
        return rows

    def _monitor(self) -> Any:
        return calibration.monitor(self)

    def _check_arguments(self) -> None:
        super()._check_arguments()
        thresholds.check(self)

    def _begin(self, *given: Any, **how: Any) -> None:
        super()._begin(*given, **how)
        thresholds.begin(self)

    def _ask_held_back(self, past: Past) -> None:
        calibration.calibrate(self, past)
        thresholds.choose(self, past)

    def _weighed(self, T: np.ndarray, weights: np.ndarray | None, learning: bool) -> np.ndarray | None:
        if self.class_weight is None or len(self.classes_) == 1:  # one class needs no weight beside others
            return weights
        codes = T.astype(np.intp)
        if learning or not hasattr(self, "_factors"):  # a file does not hold them
            self._factors = class_factors(weights, self.class_weight, self.classes_, codes)
        return self._factors[codes] if weights is None else weights * self._factors[codes]

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        return tags


