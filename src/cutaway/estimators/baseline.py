"""A plain linear model on the same encoded features: what a network has to beat. On small tables it may win."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression, RidgeCV
from sklearn.metrics import accuracy_score, r2_score
from sklearn.multiclass import OneVsRestClassifier

from ..data import TableEncoder, TargetEncoder
from ..data.targets import as_target
from .design import table_encoder

ALPHAS = (0.1, 1.0, 10.0, 100.0, 1000.0)


class Baseline:
    """A fitted linear model with `predict`, `predict_proba` (classes) and `score`; made by `baseline`."""

    def __init__(self, model: Any, encoder: TableEncoder, target: TargetEncoder, name: str) -> None:
        self.model, self.encoder_, self.target_encoder_, self.name = model, encoder, target, name

    def encode(self, X: Any) -> np.ndarray:
        """The rows of X as the model takes them: (n, features)."""
        return self.encoder_.transform(X, np.float64)

    def predict(self, X: Any) -> np.ndarray:
        """Numbers in the target's unit, or classes: (n,) or (n, outputs)."""
        return self._predict_encoded(self.encode(X))

    def predict_proba(self, X: Any) -> np.ndarray:
        """Probabilities of classes (n, classes), or of labels (n, labels)."""
        return self.model.predict_proba(self.encode(X))

    def _predict_encoded(self, Z: np.ndarray) -> np.ndarray:
        return self.target_encoder_.inverse(self.model.predict(Z))

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """R² for numbers, the share of rows predicted right for classes."""
        metric = r2_score if "regression" in self.target_encoder_.task else accuracy_score
        return float(metric(as_target(y)[0], self.predict(X), sample_weight=sample_weight))

    def __repr__(self) -> str:
        return f"Baseline({self.name}, {len(self.encoder_.feature_names)} features)"


def baseline(X: Any, y: Any, task: str | None = None, sample_weight: Any = None, *, like: Any = None) -> Baseline:
    """The linear model to compare a network with: ridge regression, or logistic regression for classes.

    X is any table (n rows), y its target, as ct.design takes them. `like`, a fitted Classifier or Regressor, lends its
    encoders, so that both see the same features.

    >>> import cutaway as ct
    >>> from cutaway.estimators import baseline
    >>> X, y = ct.datasets.load("iris")
    >>> baseline(X, y).score(X, y) > 0.9
    True
    """
    if like is not None:
        encoder, target = like.encoder_, like.target_encoder_
    else:
        target = TargetEncoder(task).fit(y, sample_weight)
        encoder = table_encoder(len(as_target(y)[0])).fit(X, sample_weight)
    Z, T = encoder.transform(X, np.float64), target.transform(y, np.float64)
    if "regression" in target.task:
        model, name = RidgeCV(ALPHAS), "ridge regression"
    else:
        model, name = LogisticRegression(max_iter=1000), "logistic regression"
        T = T.astype(np.int64)
        if target.task == "multilabel":
            model = OneVsRestClassifier(model)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # a thousand steps are near enough for a comparison
        weights = {} if sample_weight is None or target.task == "multilabel" else {"sample_weight": sample_weight}
        model.fit(Z, T, **weights)
    return Baseline(model, encoder, target, name)
