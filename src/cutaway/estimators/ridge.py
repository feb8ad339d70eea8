"""Ridge regression whose penalty is chosen by leaving out each row in turn, which a formula gives without doing it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..blas import one_thread
from ..data.limits import ALPHAS
from ..data.limits import ENCODED_AT_ONCE as BLOCK


class Ridge:
    """Minimise Σ w (y - x θ - b)² + α |θ|²; α is the one of `alphas` with the smallest error on rows left out.

    The residual of a row that was left out is its residual over 1 - h, where h is how far the row pulls its own
    prediction (Golub, Heath and Wahba, Technometrics 21, 1979). `residuals` (n, outputs) are those of rows left out,
    `left_out` (n,) their squares, weighted and added up.
    """

    def __init__(self, alphas: Sequence[float] = ALPHAS) -> None:
        self.alphas = tuple(alphas)

    def fit(self, Z: np.ndarray, T: np.ndarray, sample_weight: np.ndarray | None = None) -> Ridge:
        """Learn from Z (n, features) and numbers T, (n,) or (n, outputs)."""
        with one_thread():  # a few blocks of rows: threads would wait for each other
            return self._fit(Z, T, sample_weight)

    def _fit(self, Z: np.ndarray, T: np.ndarray, sample_weight: np.ndarray | None) -> Ridge:
        w = np.ones(len(Z)) if sample_weight is None else np.asarray(sample_weight, np.float64)
        self.n_features_in_, self._shape = Z.shape[1], T.shape[1:]
        T = T.astype(np.float64).reshape(len(T), -1)
        mean, center = np.average(Z, axis=0, weights=w), np.average(T, axis=0, weights=w)
        root = np.sqrt(w)[:, None]
        X, Y = Z - mean, (T - center) * root
        X *= root
        own = w / w.sum()  # how far a row pulls the constant
        wide = X.shape[1] > len(X)
        values, vectors = np.linalg.eigh(X @ X.T if wide else X.T @ X)  # X = U S Vᵀ: this is S², and U or V
        values = np.maximum(values, 0)
        along = vectors.T @ (Y if wide else X.T @ Y)
        shrunk = [1 / (values[:, None] + alpha) for alpha in self.alphas]
        residuals = np.zeros((len(self.alphas), *Y.shape))
        for start in range(0, len(X), step := max(1, BLOCK // X.shape[1])):
            rows = slice(start, start + step)
            sides = vectors[rows] * np.sqrt(values) if wide else X[rows] @ vectors  # U S
            squares = np.square(sides)
            for k, one in enumerate(shrunk):
                pull = squares @ one + own[rows, None]
                fitted = (vectors[rows] @ (values[:, None] * one * along)) if wide else sides @ (one * along)
                left_out = (Y[rows] - fitted) / np.maximum(1 - pull, 1e-12)
                residuals[k, rows] = left_out
        best = int(np.argmin(np.square(residuals).sum(axis=(1, 2))))
        self.residuals = residuals[best] / np.where(root > 0, root, 1)
        self.left_out = np.square(residuals[best]).sum(axis=1)
        self.alpha, found = self.alphas[best], shrunk[best] * along
        self.coef = X.T @ (vectors @ found) if wide else vectors @ found
        self.intercept = center - mean @ self.coef
        return self

    def predict(self, Z: np.ndarray) -> np.ndarray:
        """Predict (n,) or (n, outputs)."""
        with one_thread():
            return (Z @ self.coef + self.intercept).reshape(len(Z), *self._shape)
