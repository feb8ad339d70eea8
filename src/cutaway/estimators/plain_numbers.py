"""Models of plain numbers on encoded rows: codes of categories become columns of 0 and 1 just before."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..data.limits import ALPHAS, HELD
from .ridge import Ridge


class LaidOut:
    """A model that is given rows with their codes laid out; it has `fit` and `predict`, as scikit-learn's have.

    Where the columns are so many that they are a sparse matrix, a Ridge is found step by step.
    """

    def __init__(self, model: Any, encoder: Any) -> None:
        self.model, self.encoder = model, encoder

    def fit(self, Z: np.ndarray, T: np.ndarray, sample_weight: np.ndarray | None = None) -> LaidOut:
        """Learn from encoded rows Z (n, features) and their targets T."""
        X = self.encoder.expanded(Z)
        if isinstance(self.model, Ridge) and hasattr(X, "tocsr"):
            self.model = sparse_ridge(X, T, sample_weight)
        else:
            self.model.fit(X, T, **({} if sample_weight is None else {"sample_weight": sample_weight}))
        self.n_features_in_ = X.shape[1]
        return self

    def predict(self, Z: np.ndarray) -> np.ndarray:
        """Predict encoded rows Z (n, features)."""
        return self.model.predict(self.encoder.expanded(Z))

    def predict_proba(self, Z: np.ndarray) -> np.ndarray:
        """Predict the probabilities of classes for encoded rows Z (n, features)."""
        return self.model.predict_proba(self.encoder.expanded(Z))

    @property
    def classes_(self) -> np.ndarray:
        return self.model.classes_


def laid_out(model: Any, encoder: Any) -> Any:
    """The model itself, or where the encoder gives codes the model on rows that have them laid out."""
    return LaidOut(model, encoder) if getattr(encoder, "codes", None) else model


def sparse_ridge(X: Any, T: np.ndarray, sample_weight: np.ndarray | None) -> Any:
    """Fit scikit-learn's ridge regression to a sparse matrix; every fifth row says which penalty is best."""
    from sklearn.linear_model import Ridge as Stepwise

    w = np.ones(len(T)) if sample_weight is None else np.asarray(sample_weight, np.float64)
    held = np.arange(len(T)) % HELD == HELD - 1
    kept = np.flatnonzero(~held)
    errors = []
    for alpha in ALPHAS:
        model = Stepwise(alpha, solver="sparse_cg").fit(X[kept], T[kept], w[kept])
        left = np.square(model.predict(X[np.flatnonzero(held)]) - T[held]).reshape(int(held.sum()), -1).sum(axis=1)
        errors.append(float(w[held] @ left))
    return Stepwise(ALPHAS[int(np.argmin(errors))], solver="sparse_cg").fit(X, T, w)
