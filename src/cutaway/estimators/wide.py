"""Linear models of rows of many numbers, images and long sequences: nothing of a row is left out.

A linear model's weights are sums of the rows it learnt from. Where rows are fewer than their numbers, it is found from
the rows' products with each other, exactly, in far less time. Where rows are too many, some are drawn by chance.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.linalg import cho_factor, cho_solve, cholesky, solve_triangular

from ..data.limits import CERTAIN, HELD, MOST_NUMBERS, MOST_PRODUCTS
from ..data.limits import WIDE_ALPHAS as ALPHAS
from ..data.limits import WIDE_STEPS as STEPS
from ..data.limits import WIDE_STRENGTHS as STRENGTHS
from ..random import stream


def affordable(rows: int, width: int) -> int:
    """Choose how many rows to learn from, each of so many numbers.

    >>> affordable(20_000, 1025), affordable(20_000, 150_528)
    (20000, 891)
    """
    rows = min(rows, max(2, MOST_NUMBERS // width))
    if min(rows, width) ** 2 * max(rows, width) <= MOST_PRODUCTS:
        return rows
    return int(max(MOST_PRODUCTS / width**2, width) if width**3 <= MOST_PRODUCTS else (MOST_PRODUCTS / width) ** 0.5)


def drawn(rows: int, kept: int) -> np.ndarray:
    """The numbers of the rows that are learnt from, in order; always the same."""
    return np.arange(rows) if kept >= rows else np.sort(stream(0, "linear model").permutation(rows)[:kept])


class WideLinear:
    """Ridge regression, or logistic regression for classes ("binary", "multiclass", "multilabel").

    Fit on Z (n, features) and targets T: numbers (n,) or (n, outputs), class numbers below `classes`, or labels
    of 0 and 1.
    """

    def __init__(self, task: str, classes: int) -> None:
        self.task, self.classes = task, max(classes, 2)

    def fit(self, Z: np.ndarray, T: np.ndarray, sample_weight: np.ndarray | None = None) -> WideLinear:
        w = np.ones(len(Z)) if sample_weight is None else np.asarray(sample_weight, np.float64) / np.mean(sample_weight)
        self.n_features_in_ = Z.shape[1]
        self.mean = np.average(Z, axis=0, weights=w)
        X = Z - self.mean
        if "regression" in self.task:
            self.coef, self.intercept = _ridge(X, T.astype(np.float64).reshape(len(T), -1), w)
            self._shape = T.shape[1:]
            return self
        if Z.shape[1] <= len(Z):
            self.coef, self.intercept = _logistic(X, T, w, self.task, self.classes)
            return self
        K = X @ X.T  # its factor's rows have the same products, so they are these rows in other coordinates
        L = cholesky(K + 1e-10 * np.trace(K) / len(K) * np.eye(len(K)), lower=True, check_finite=False)
        along, self.intercept = _logistic(L, T, w, self.task, self.classes)
        self.coef = X.T @ solve_triangular(L, along, lower=True, trans="T", check_finite=False)
        return self

    def _outputs(self, Z: np.ndarray) -> np.ndarray:
        return (Z - self.mean) @ self.coef + self.intercept

    def predict(self, Z: np.ndarray) -> np.ndarray:
        """Predict numbers, class numbers, or labels of 0 and 1."""
        z = self._outputs(Z)
        if "regression" in self.task:
            return z.reshape(len(z), *self._shape)
        if self.task == "multilabel":
            return (z > 0).astype(np.int64)
        return (z[:, 0] > 0).astype(np.int64) if self.task == "binary" else z.argmax(axis=1)

    def predict_proba(self, Z: np.ndarray) -> np.ndarray:
        """Predict probabilities of classes (n, classes), or of labels (n, labels)."""
        from scipy.special import expit, softmax

        z = self._outputs(Z)
        if self.task == "multiclass":
            return softmax(z, axis=1)
        p = expit(z)
        return np.hstack([1 - p, p]) if self.task == "binary" else p


def _ridge(X: np.ndarray, T: np.ndarray, w: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Fit weights (features, outputs) and constants, the penalty chosen by rows held back."""
    mean = np.average(T, axis=0, weights=w)
    root = np.sqrt(w)[:, None]
    X, T = X * root, (T - mean) * root
    held = np.arange(len(X)) % HELD == HELD - 1
    few = len(X) < X.shape[1]
    if few:
        K = X @ X.T
        M, right, ask = K[np.ix_(~held, ~held)], T[~held], K[np.ix_(held, ~held)]
    else:
        M, right, ask = X[~held].T @ X[~held], X[~held].T @ T[~held], X[held]
    errors = [np.square(ask @ _solved(M, alpha, right) - T[held]).sum() for alpha in ALPHAS]
    alpha = ALPHAS[int(np.argmin(errors))] if held.any() else 1.0
    if few:
        return X.T @ _solved(K, alpha, T), mean
    return _solved(M + X[held].T @ X[held], alpha, X.T @ T), mean


def _solved(M: np.ndarray, alpha: float, right: np.ndarray) -> np.ndarray:
    return cho_solve(cho_factor(M + alpha * np.eye(len(M)), lower=True, check_finite=False), right, check_finite=False)


def _logistic(X: np.ndarray, T: np.ndarray, w: np.ndarray, task: str, classes: int) -> tuple[np.ndarray, np.ndarray]:
    """Fit weights (features, k) and constants (k,): k is 1 for two classes, else how many classes or labels it has."""
    if task == "multilabel":
        each = [_logistic(X, T[:, j], w, "binary", 2) for j in range(T.shape[1])]
        return np.hstack([coef for coef, _ in each]), np.concatenate([intercept for _, intercept in each])
    present = np.unique(T)
    coef, intercept = np.zeros((X.shape[1], classes)), np.full(classes, -CERTAIN)
    intercept[present] = 0.0
    if len(present) > 1:
        from sklearn.linear_model import LogisticRegression

        held = np.arange(len(X)) % HELD == HELD - 1
        best = 1.0
        if len(np.unique(T[~held])) == len(present) and held.any():
            best = STRENGTHS[int(np.argmin([_loss(X, T, w, held, C) for C in STRENGTHS]))]
        model = LogisticRegression(C=best, max_iter=STEPS).fit(X, T, w)
        one = len(present) == 2  # one output, of the second
        coef[:, present[one:]], intercept[present[one:]] = model.coef_.T, model.intercept_
    if task == "binary":
        return coef[:, 1:] - coef[:, :1], intercept[1:] - intercept[:1]
    return coef, intercept


def _loss(X: np.ndarray, T: np.ndarray, w: np.ndarray, held: np.ndarray, C: float) -> float:
    """The loss on the rows held back."""
    from sklearn.linear_model import LogisticRegression

    model = LogisticRegression(C=C, max_iter=STEPS).fit(X[~held], T[~held], w[~held])
    p: Any = model.predict_proba(X[held])[np.arange(int(held.sum())), np.searchsorted(model.classes_, T[held])]
    return float(-np.average(np.log(np.maximum(p, 1e-15)), weights=w[held]))
