"""Two models of sequences that cost next to nothing: a linear one on random convolutions, and the nearest neighbour.

The first is among the best there is (Dempster et al., 2021), and stands beside a network of few sequences, too; the
second was the yardstick before (Bagnall et al., 2017).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from scipy.special import expit, log_softmax, softmax

from ..data.limits import (
    CONVOLUTION_FEATURES,
    FEW_FOR_CONVOLUTIONS,
    FEWER_CONVOLUTION_FEATURES,
    MOST_WARPED,
    SHORT_SEQUENCES,
    WARPED_AT_ONCE,
    WARPED_BY,
    WIDE_ALPHAS,
)
from ..data.limits import SHARPNESS as TRIED
from ..nn import RandomConvolutions
from ..sequences import Sequences
from .inputs import Inputs
from .ridge import Ridge


class RidgeOfClasses(Ridge):
    """Ridge regression on +1 for the right class and -1 for the others, with probabilities.

    Scores become probabilities by a factor, the best of a few for rows that were left out (`Ridge.left_out`).
    """

    def __init__(self, task: str, n_outputs: int) -> None:
        super().__init__(WIDE_ALPHAS)
        self.task, self.n_outputs = task, n_outputs

    def fit(self, Z: np.ndarray, T: np.ndarray, sample_weight: np.ndarray | None = None) -> RidgeOfClasses:
        """Learn from Z (n, features) and classes T (n,), or labels (n, labels)."""
        several = self.task == "multiclass"
        right = np.eye(self.n_outputs)[T.astype(int).ravel()] if several else T.reshape(len(T), -1)
        super().fit(Z, 2.0 * right - 1, sample_weight)
        scores = 2.0 * right - 1 - self.residuals
        losses = [-(right * log_softmax(factor * scores, axis=1)).sum() if several else
                  np.logaddexp(0, -(2 * right - 1) * factor * scores).sum() for factor in TRIED]
        self.factor = TRIED[int(np.argmin(losses))]
        return self

    def predict_proba(self, Z: np.ndarray) -> np.ndarray:
        """Predict probabilities (n, classes), or of labels (n, labels)."""
        scores = self.factor * super().predict(Z)
        if self.task == "multiclass":
            return softmax(scores, axis=1)
        p = expit(scores)
        return np.hstack([1 - p, p]) if self.task == "binary" else p

    def predict(self, Z: np.ndarray) -> np.ndarray:
        """Predict numbers of classes (n,), or labels (n, labels)."""
        p = self.predict_proba(Z)
        return (p > 0.5).astype(np.int64) if self.task == "multilabel" else p.argmax(axis=1)


class Shapes:
    """Random convolutions of encoded sequences, with mean 0 and deviation 1 over those of training."""

    def fit(self, Z: Any, layer: RandomConvolutions | None = None) -> Shapes:
        """Choose the convolutions by Z, unless there is a layer of them, and learn what is usual there."""
        few = len(Z) < FEW_FOR_CONVOLUTIONS
        many = CONVOLUTION_FEATURES if few else FEWER_CONVOLUTION_FEATURES
        self.convolutions = RandomConvolutions.of(Z, many) if layer is None else layer
        F = self._shares(Z)
        self.mean, spread = F.mean(axis=0), F.std(axis=0)
        self.spread = np.where(spread > 0, spread, 1)
        return self

    def transform(self, Z: Any) -> np.ndarray:
        """Give the features (n, m) of encoded sequences."""
        return (self._shares(Z) - self.mean) / self.spread

    def _shares(self, Z: Any) -> np.ndarray:
        return self.convolutions.predict(Z).astype(np.float64)


def find_by_shapes(layer: RandomConvolutions, Z: Any, T: np.ndarray, weights: np.ndarray | None, outputs: int,
                   classes: bool) -> tuple[np.ndarray, np.ndarray]:
    """Find the linear model of the outputs of a layer for encoded sequences Z, in the raw outputs that a network has:
    W (outputs, m), b (outputs,)."""
    shapes = Shapes().fit(Z, layer)
    F = shapes.transform(Z)
    if classes:
        several = outputs > 1 and T.ndim == 1
        model: Any = RidgeOfClasses("multiclass" if several else "multilabel", outputs).fit(F, T, weights)
        coef, intercept = model.factor * model.coef, model.factor * model.intercept
    else:
        model = Ridge(WIDE_ALPHAS).fit(F, T.reshape(len(T), -1), weights)
        coef, intercept = model.coef, model.intercept
    W = coef.T / shapes.spread
    return W, intercept - W @ shapes.mean


def by_shapes(kind: Inputs, encoder: Any) -> bool:
    """Whether the linear model sees random convolutions: of sequences, unless they are short or order counts."""
    if kind.name != "sequences" or encoder.blank:
        return False
    return encoder.longest >= SHORT_SEQUENCES and not (encoder.trial is not None and encoder.trial.by_place)


# ---- the nearest neighbour -------------------------------------------------------------------------------------------


class NearestNeighbour:
    """The target of the nearest training sequence by dynamic time warping, within a tenth of the longest one's steps.

    >>> import numpy as np
    >>> from cutaway.estimators.shapes import NearestNeighbour
    >>> Z = np.array([[0.0, 1, 0, 0], [0, 0, 0, 0]])[:, :, None]
    >>> NearestNeighbour().fit(Z, np.array([5, 7])).predict(np.array([[[0.0], [0], [1], [0]]]))
    array([5])

    Takes encoded sequences (n, time, features), or Sequences of such.
    """

    def fit(self, Z: Any, T: np.ndarray) -> NearestNeighbour:
        self.Z, self.T = Z, np.asarray(T)
        return self

    def predict(self, Z: Any) -> np.ndarray:
        """Give the targets of the nearest: (n,), or (n, outputs)."""
        return self.T[np.array([distances.argmin() for distances in warped(Z, self.Z)], int)]


def nearest(Z: Any, T: np.ndarray, asked: Any, seed: int) -> np.ndarray:
    """Predict by the nearest of training sequences Z, of some by chance where all would take too long."""
    time, features = asked.shape[1:] if len(asked) else (1, 1)
    steps = max(time, Z.shape[1])
    most = int(MOST_WARPED / ((1 + 2 * WARPED_BY * steps) * steps * features * max(1, len(asked))))
    if len(Z) > max(1, most):
        some = np.sort(np.random.default_rng(seed).permutation(len(Z))[: max(1, most)])
        Z, T = Z[some], T[some]
    return NearestNeighbour().fit(Z, T).predict(asked)


def warped(A: Any, B: Any) -> Iterator[np.ndarray]:
    """For each sequence of A its distances to those of B: the least Σ (a - b)² along a path through both that never
    goes back, and stays near the diagonal."""
    (a, n), (b, m) = _padded(A), _padded(B)
    band = max(int(np.ceil(WARPED_BY * max(n.max(), m.max()))), int(np.abs(n[:, None] - m).max()))
    step = max(1, WARPED_AT_ONCE // (b.shape[1] * b.shape[2]))
    for x, length in zip(a, n, strict=True):
        parts = [_warped(x[:length], b[start : start + step], m[start : start + step], band)
                 for start in range(0, len(b), step)]
        yield np.concatenate(parts)


def _warped(x: np.ndarray, b: np.ndarray, lengths: np.ndarray, band: int) -> np.ndarray:
    """The distances of x (t, k) to b (m, time, k), one antidiagonal i + j = d after the other."""
    t, time = len(x), b.shape[1]
    before = np.full((len(b), t + 1), np.inf)  # on the antidiagonal before, by i + 1; and on the one before that
    earlier = before.copy()
    out = np.full(len(b), np.inf)
    earlier[:, 0] = 0.0
    for d in range(t + time - 1):
        low, high = max(0, d - time + 1, (d - band + 1) // 2), min(t - 1, d, (d + band) // 2)
        now = np.full((len(b), t + 1), np.inf)
        if low <= high:
            i = np.arange(low, high + 1)
            cost = np.square(x[i] - b[:, d - i]).sum(axis=2)
            best = np.minimum(np.minimum(before[:, i + 1], before[:, i]), earlier[:, i])
            now[:, i + 1] = cost + best
        ends = lengths - 1 + t - 1 == d
        out[ends] = now[ends, t]
        earlier, before = before, now
        earlier[:, 0] = np.inf
    return out


def _padded(Z: Any) -> tuple[np.ndarray, np.ndarray]:
    values = np.asarray(Z.values if isinstance(Z, Sequences) else Z, np.float64)
    return values, np.asarray(Z.lengths) if isinstance(Z, Sequences) else np.full(len(values), values.shape[1])
