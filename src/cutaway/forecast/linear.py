"""Ridge regression of all steps ahead at once, its penalty chosen on windows that come later."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..blas import one_thread

#: Penalties that are tried.
ALPHAS = tuple(10.0**k for k in range(-2, 6))


@dataclass
class RidgePath:
    """The linear maps of all penalties: z = (x - mean) W + center, by the eigenvectors of XᵀX."""

    mean: np.ndarray
    center: np.ndarray
    values: np.ndarray
    vectors: np.ndarray
    along: np.ndarray

    def at(self, alpha: float) -> tuple[np.ndarray, np.ndarray]:
        """W (n_out, n_in) and b (n_out,) of a penalty."""
        W = self.vectors @ (self.along / (self.values + alpha)[:, None])
        return W.T, self.center - self.mean @ W

    def answers(self, X: np.ndarray, alpha: float) -> np.ndarray:
        W, b = self.at(alpha)
        with one_thread():
            return X @ W.T + b


def ridge_path(X: np.ndarray, T: np.ndarray) -> RidgePath:
    """Minimise |T - W x - b|² + α |W|² for every α: X (n, n_in), T (n, n_out)."""
    with one_thread():
        mean, center = X.mean(axis=0), T.mean(axis=0)
        Z = X - mean
        values, vectors = np.linalg.eigh(Z.T @ Z)
        return RidgePath(mean, center, np.maximum(values, 0), vectors, vectors.T @ (Z.T @ (T - center)))
