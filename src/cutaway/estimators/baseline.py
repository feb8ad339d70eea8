"""A plain linear model on the same encoded rows: what a network has to beat. On small tables it may win.

Of images it sees every pixel (of large ones the means of small fields), of sequences of one length every time step, and
of others each feature's mean, deviation, smallest, largest and last value.
"""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
from sklearn import config_context
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression, RidgeCV
from sklearn.metrics import accuracy_score, r2_score
from sklearn.multiclass import OneVsRestClassifier

from ..data import TargetEncoder
from ..data.targets import as_target
from .inputs import Inputs, kind_of

ALPHAS = (0.1, 1.0, 10.0, 100.0, 1000.0)
#: Steps of the logistic regression, at most. On 4,000 digits of 28 x 28 pixels 100 steps take 2 s and get 0.881 of the
#: test rows right, 300 steps 0.882.
STEPS = {"table": 1000, "images": 100, "sequences": 1000}


class Baseline:
    """A fitted linear model with `predict`, `predict_proba` (classes) and `score`; made by `baseline`."""

    def __init__(self, model: Any, kind: Inputs, encoder: Any, target: TargetEncoder, name: str) -> None:
        self.model, self.kind, self.encoder_, self.target_encoder_, self.name = model, kind, encoder, target, name

    def encode(self, X: Any) -> np.ndarray:
        """The rows of X as the model takes them: (n, features)."""
        return linear_features(self.kind, self.encoder_, self.kind.read(X, self.encoder_).X)

    def predict(self, X: Any) -> np.ndarray:
        """Numbers in the target's unit, or classes: (n,) or (n, outputs)."""
        return self._predict_encoded(self.encode(X))

    def predict_proba(self, X: Any) -> np.ndarray:
        """Probabilities of classes (n, classes), or of labels (n, labels)."""
        return self.model.predict_proba(self.encode(X))

    def _predict_encoded(self, Z: np.ndarray) -> np.ndarray:
        return self.target_encoder_.inverse(self.model.predict(Z))

    def score(self, X: Any, y: Any = None, sample_weight: Any = None) -> float:
        """R² for numbers, the share of rows predicted right for classes; y may be left out where X brings it."""
        X, y = self.kind.with_target(X, y, self.encoder_)
        metric = r2_score if "regression" in self.target_encoder_.task else accuracy_score
        return float(metric(as_target(y)[0], self.predict(X), sample_weight=sample_weight))

    def __repr__(self) -> str:
        return f"Baseline({self.name}, {self.model.n_features_in_} features)"


def baseline(
    X: Any, y: Any = None, task: str | None = None, sample_weight: Any = None, *, like: Any = None
) -> Baseline:
    """The linear model to compare a network with: ridge regression, or logistic regression for classes.

    X is any table, images or sequences (n rows), y its target, as ct.design takes them. `like`, a fitted Classifier or
    Regressor, lends its encoders, so that both see the same features.

    >>> import cutaway as ct
    >>> from cutaway.estimators import baseline
    >>> X, y = ct.datasets.load("iris")
    >>> baseline(X, y).score(X, y) > 0.9
    True
    """
    kind = kind_of(X) if like is None else like.inputs_
    read = kind.read(X, None if like is None else like.encoder_)
    y = read.y if y is None else y
    if like is not None:
        encoder, target = like.encoder_, like.target_encoder_
    else:
        target = TargetEncoder(task).fit(y, sample_weight)
        encoder = kind.encoder(read.X, sample_weight, read.names)
    Z, T = linear_features(kind, encoder, read.X), target.transform(y, np.float64)
    if "regression" in target.task:
        model, name = RidgeCV(ALPHAS), "ridge regression"
    else:
        model, name = LogisticRegression(max_iter=STEPS[kind.name]), "logistic regression"
        T = T.astype(np.int64)
    weights = {} if sample_weight is None else {"sample_weight": sample_weight}
    with warnings.catch_warnings(), config_context(enable_metadata_routing=True):
        warnings.simplefilter("ignore", ConvergenceWarning)  # so many steps are near enough for a comparison
        if target.task == "multilabel":
            model = OneVsRestClassifier(model.set_fit_request(sample_weight=True))
        model.fit(Z, T, **weights)
    return Baseline(model, kind, encoder, target, name)


def linear_features(kind: Inputs, encoder: Any, X: Any) -> np.ndarray:
    """The rows of X as the linear model takes them, encoded as for the network."""
    dtype = np.float32 if kind.name == "images" else np.float64  # many large images take much memory
    return kind.flat(encoder.transform(X, dtype), encoder).astype(np.float64, copy=False)
