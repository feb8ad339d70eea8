"""The linear model that stands beside a small table's best network: half of what they say is its answer."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from ..data.limits import ALPHAS, CERTAIN, DEARER, MOST_FOR_LINEAR, WIDE_FOR_LINEAR
from ..data.weights import none_if_equal
from ..nn import FoundLinear, Module, WithLinear
from .shapes import find_by_shapes
from .wide import WideLinear

Found = tuple[np.ndarray, np.ndarray]  # W (n_out, features), b (n_out,)


def find_linear(Z: Any, T: np.ndarray, weights: np.ndarray | None, outputs: int, classes: bool) -> Found:
    """Find the linear model of encoded rows Z (n, features) and targets T, in the raw outputs that a network has.

    As in the network's loss, only ratios of weights count, and a row of weight two is the row twice: weights sum to the
    number of rows that differ, which both leave as it is.
    """
    Z, T = np.asarray(Z, np.float64), T.reshape(len(T), -1).astype(np.float64)
    w = np.ones(len(Z)) if (weights := none_if_equal(weights)) is None else np.asarray(weights, np.float64)
    Z, T, w = Z[w > 0], T[w > 0], w[w > 0]
    w = w * (len(np.unique(np.hstack([Z, T]), axis=0)) / w.sum())
    return logistic(Z, T, w, outputs) if classes else ridge(Z, T, w)


def find_again(model: Module, Z: Any, T: np.ndarray, weights: np.ndarray | None, rows: np.ndarray, classes: bool,
               seed: int = 0) -> None:
    """Find the linear model that stands in a network, if one does, by those rows that are learnt from; and before it
    what it sees of them."""
    if (place := place_of(model)) is not None:
        w = None if weights is None else weights[rows]
        sees = model.sees if isinstance(model, WithLinear) else None
        if sees is None and is_wide(len(rows), place.n_in):
            found = wide(np.asarray(Z)[rows], T[rows], w, place.n_out, classes)
        elif sees is None:
            found = find_linear(np.asarray(Z)[rows], T[rows], w, place.n_out, classes)
        else:
            Z = Z[rows]
            found = find_by_shapes(sees.find(Z, seed), Z, T[rows], w, place.n_out, classes)
        place.weight.data[...], place.bias.data[...] = found


def is_wide(rows: int, features: int) -> bool:
    """Whether features are so many, and rows fewer, that a linear model is found from the rows' products."""
    return features >= WIDE_FOR_LINEAR and rows < features and rows * features <= MOST_FOR_LINEAR


def wide(Z: np.ndarray, T: np.ndarray, w: np.ndarray | None, outputs: int, classes: bool) -> Found:
    """Find a linear model of few rows of many features, its strength by rows held back."""
    if w is not None:
        Z, T, w = Z[w > 0], T[w > 0], w[w > 0]
    Z = Z.astype(np.float64)
    task = "regression" if not classes else "binary" if outputs == 1 else "multiclass"
    found = WideLinear(task, outputs).fit(Z, T.astype(np.intp).ravel() if classes else T, w)
    return found.coef.T, found.intercept - found.mean @ found.coef


def place_of(model: Module) -> FoundLinear | None:
    """The linear model in a network, if there is one."""
    return next((layer for _, layer in model.named_modules() if isinstance(layer, FoundLinear)), None)


def ridge(Z: np.ndarray, T: np.ndarray, w: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Minimise Σ w |t - W z - b|² + α |W|², with the α whose generalised cross-validation is best: W, b.

    It goes by sums over rows alone, as leaving out single rows would not (Golub, Heath and Wahba, Technometrics 21,
    1979). A weight counts as a little more than one (DEARER): else, where features are about as many as rows, an α
    that lets them go through the rows looks best.
    """
    mean, center = np.average(Z, axis=0, weights=w), np.average(T, axis=0, weights=w)
    root = np.sqrt(w)[:, None]
    U, s, V = np.linalg.svd((Z - mean) * root, full_matrices=False)
    Y = (T - center) * root
    along, n = U.T @ Y, w.sum()
    total, best = np.square(Y).sum(), (np.inf, ALPHAS[-1])
    for alpha in ALPHAS:
        share = s**2 / (s**2 + alpha)
        left = total - ((2 * share - share**2)[:, None] * along**2).sum()
        free = n - 1 - DEARER * share.sum()
        best = min(best, (left / free**2, alpha)) if free > 0 else best
    W = (V.T @ ((s / (s**2 + best[1]))[:, None] * along)).T
    return W, center - W @ mean


def logistic(Z: np.ndarray, T: np.ndarray, w: np.ndarray, outputs: int) -> tuple[np.ndarray, np.ndarray]:
    """Fit a logistic regression to class numbers T: W and b for one logit of two classes, or one logit a class."""
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression

    T = T.astype(np.intp).ravel()
    seen = np.unique(T)
    W, b = np.zeros((outputs, Z.shape[1])), np.full(outputs, -CERTAIN)  # of a class that no row is of
    if len(seen) < 2:
        b[seen if outputs > 1 else 0] = CERTAIN if outputs > 1 or seen[0] else -CERTAIN
        return W, b
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # so many steps are near enough
        model = LogisticRegression(max_iter=1000, tol=1e-8).fit(Z, T, sample_weight=w)
    coef, intercept = model.coef_, model.intercept_
    if outputs == 1:
        return coef, intercept
    if len(seen) == 2:  # a logit for each
        coef, intercept = np.vstack([-coef / 2, coef / 2]), np.append(-intercept / 2, intercept / 2)
    W[seen], b[seen] = coef, intercept
    return W, b
