"""The true loss of a network as a function of all its weights, along lines and on planes through weight space."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from ... import losses
from ...arguments import is_whole
from ...engines import evaluator
from ...errors import ArgumentError
from ...nn import Module
from ...program import evaluated
from ...random import stream
from ...train.feeding import Data, as_arrays, check_all_finite, check_finite, target
from ..models import loss_for, opened


class TrueLoss:
    """J(θ) on all rows, from the network's own evaluation program: what `predict` and the loss give, bit for bit.

    >>> import cutaway as ct
    >>> X, y = ct.datasets.make("moons", n=200, seed=0)
    >>> net = ct.nn.MLP(2, [8], 2).init(0)
    >>> J = TrueLoss(net, X, y)
    >>> J(net.theta) == ct.losses.cross_entropy(net.predict(X), y).item()
    True

    It works on a copy of the model, in the model's precision, as it evaluates: dropout at rest, batch norm with the
    averages that the model keeps. Where the loss is not a number it counts as infinite. After Ctrl-C `cut_short` says
    so, and all further points are NaN.
    Raises ShapeError, DataError or ArgumentError for data that the network or the loss cannot take.
    """

    cut_short = ""

    def __init__(self, model: Module, X: Any, y: Any, loss: str | Callable = "auto") -> None:
        model, X, y, loss = opened(model, X, y, loss)
        if not isinstance(model, Module):
            raise ArgumentError(f"model must be a trained ct.nn.Module, got {model!r}")
        self.model = copy.deepcopy(model)
        self.loss = losses.get(loss_for(loss, model, X, y))
        data = Data(as_arrays(X), target(y, self.loss is losses.cross_entropy))
        check_all_finite(data.inputs)
        check_finite("y", data.y)
        self.y, self.rows = data.y, len(data)
        self.program = evaluator(self.model, data.inputs[:2])
        self.program.feed(data.inputs)

    @property
    def name(self) -> str:
        return str(getattr(self.loss, "__name__", "loss"))

    def __call__(self, theta: np.ndarray) -> float:
        with np.errstate(over="ignore", invalid="ignore"):  # far from any solution a loss may well be infinite
            self.model.theta[:] = theta
            J = evaluated(self.loss, self.program.engine.predict(), self.y)
        return J if J == J else np.inf

    def each(self, points: Iterable[np.ndarray], count: int) -> np.ndarray:
        """The loss at `count` vectors of weights; NaN for those that Ctrl-C left out."""
        J = np.full(count, np.nan)
        try:
            for k, theta in enumerate(points if not self.cut_short else ()):
                J[k] = self(theta)
        except KeyboardInterrupt:
            self.cut_short = "Ctrl-C"
        return J

    def line(self, centre: np.ndarray, direction: np.ndarray, at: np.ndarray) -> np.ndarray:
        """The loss at centre + a · direction for every a of `at`."""
        return self.each((centre + a * direction for a in at), len(at))

    def plane(self, centre: np.ndarray, directions: np.ndarray, a: np.ndarray, b: np.ndarray) -> np.ndarray:
        """The loss at centre + a · directions[0] + b · directions[1], as an array (b, a)."""
        rows = (centre + v * directions[1] for v in b)
        J = self.each((row + u * directions[0] for row in rows for u in a), len(b) * len(a))
        return J.reshape(len(b), len(a))


def around_zero(span: float, points: int) -> np.ndarray:
    """Go from -span to span in equal steps, with an exact zero in the middle. Raises ArgumentError."""
    if not is_whole(points, 5) or points % 2 == 0:
        raise ArgumentError(
            f"points must be an odd number of at least 5, so that the centre is one of them, got {points!r}"
        )
    if not np.isfinite(span) or span <= 0:
        raise ArgumentError(f"span must be a number above zero, got {span!r}")
    half = points // 2
    return span * (np.arange(-half, half + 1) / half)


def random_direction(model: Module, seed: int, k: int = 0, normalise: str | None = "filter") -> np.ndarray:
    """The k-th random direction in weight space, (n,) in float64.

    "filter": the part of every neuron (filter, gate) is as long as the weights of that neuron, so that a step of 1
    changes each by 100 %; biases, and whatever else has one dimension, stay (Li et al., 2018). None: as drawn,
    length 1.
    """
    if normalise not in ("filter", None):
        raise ArgumentError(f'normalise must be "filter" or None, got {normalise!r}')
    parts = []
    for name, p in model.named_parameters():
        d = stream(seed, "direction", k, name).standard_normal(p.shape)
        if normalise == "filter":
            d = _as_long(d, p.data) if d.ndim > 1 else np.zeros_like(d)
        parts.append(d.ravel())
    d = np.concatenate(parts)
    return d if normalise == "filter" else d / np.linalg.norm(d)


def _as_long(d: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Make every row of d as long as that row of the weights; a row is all that belongs to one output."""
    d, w = d.reshape(len(d), -1), weights.reshape(len(d), -1).astype(np.float64)
    return d * (np.linalg.norm(w, axis=1) / np.linalg.norm(d, axis=1))[:, None]


def best_plane(points: np.ndarray, centre: np.ndarray) -> np.ndarray:
    """Find two orthogonal directions (2, n) of length 1: the plane through the centre that lies closest to the points.

    Closest in the sum of squared distances: the first two principal components, seen from the centre.
    """
    return np.linalg.svd(points - centre, full_matrices=False)[2][:2]
