"""What is added to any optimizer: clipping, L1 and L2 before it sees the gradient, an average of θ after it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from math import inf
from typing import ClassVar

from ..errors import ArgumentError
from ..rules.namespace import NUMPY as xp
from .optimizers import Optimizer, Prepare


def clip_norm(g, theta, *, norm):
    """g · min(1, norm / ‖g‖), the length summed in double where there is one."""
    length = xp.sqrt(xp.sum(g.astype(xp.wide) ** 2))
    return g * (norm / xp.where(length > norm, length, norm)).astype(g.dtype)


@dataclass(frozen=True)
class ClipNorm(Prepare):
    norm: float
    scope: ClassVar[str] = "once"
    rule: ClassVar[Callable] = staticmethod(clip_norm)


def clip_value(g, theta, *, value):
    return xp.maximum(xp.minimum(g, value), -value)


@dataclass(frozen=True)
class ClipValue(Prepare):
    value: float
    rule: ClassVar[Callable] = staticmethod(clip_value)


def l2_gradient(g, theta, *, weight):
    return g + weight * theta


@dataclass(frozen=True)
class L2(Prepare):
    weight: float
    rule: ClassVar[Callable] = staticmethod(l2_gradient)


def l1_gradient(g, theta, *, weight):
    return g + weight * xp.sign(theta)


@dataclass(frozen=True)
class L1(Prepare):
    weight: float
    rule: ClassVar[Callable] = staticmethod(l1_gradient)


def clip(opt: Optimizer, norm: float | None = None, value: float | None = None) -> Optimizer:
    """Clip the gradient before an optimizer sees it: to a length (norm), or each entry to ±value.

    >>> import cutaway as ct
    >>> ct.optim.clip(ct.optim.Adam(0.001), norm=1.0).prepare
    (ClipNorm(norm=1.0),)
    """
    if (norm is None) == (value is None) or not (norm or value or 0) > 0:
        raise ArgumentError("clip takes norm= or value=, one of them, above zero")
    step = ClipNorm(float(norm)) if norm is not None else ClipValue(float(value or 0))
    return replace(opt, prepare=(step, *opt.prepare))


def l2(opt: Optimizer, weight: float) -> Optimizer:
    """Add weight/2 ‖θ‖² to what an optimizer lowers: the gradient gains weight · θ, *before* any adaptive scaling.

    With Adam this is what AdamW mends: weights with small gradients decay disproportionately.
    """
    return replace(opt, prepare=(L2(float(weight)), *opt.prepare))


def l1(opt: Optimizer, weight: float) -> Optimizer:
    """Add weight · Σ|θ| to what an optimizer lowers: the gradient gains weight · sign(θ), *before* adaptive scaling.

    >>> import numpy as np, cutaway as ct
    >>> opt, theta = ct.optim.l1(ct.optim.SGD(0.5), 0.25), np.array([2.0, -2.0, 0.0])
    >>> opt.update(theta, np.zeros(3), opt.init(theta))[0].tolist()  # 2 - 0.5 · 0.25 · sign(2), ...
    [1.875, -1.875, 0.0]

    θ is the vector of all parameters, biases too. However small a weight is, it is drawn to zero as strongly as a large
    one, so that those which the loss hardly needs end near zero (the lasso: Tibshirani, 1996). sign(0) = 0, a
    subgradient: a weight that is 0 stays there if its gradient is 0, but steps lead across 0 rather than onto it, and a
    small weight goes to and fro by up to rate · weight. As with l2, the J that is shown is the loss without it.
    Raises ArgumentError for a weight below zero, or not finite.
    """
    if not 0 <= weight < inf:
        raise ArgumentError(f"l1 takes a weight from 0 on, got {weight!r}")
    return replace(opt, prepare=(L1(float(weight)), *opt.prepare))


def average(opt: Optimizer, decay: float = 0.99) -> Optimizer:
    """Keep an exponential average of the weights beside any optimizer: what ct.fit scores, keeps and gives back.

    >>> import numpy as np, cutaway as ct
    >>> opt = ct.optim.average(ct.optim.SGD(1.0), decay=0.5)
    >>> theta, state = opt.update(np.array([3.0]), np.array([2.0]), opt.init(np.array([3.0])))
    >>> theta, state = opt.update(theta, np.array([3.0]), state)
    >>> theta, state["average"]  # after the steps θ was 1 and -2: (½ · 1 + 1 · -2) / (½ + 1)
    (array([-2.]), array([-1.]))

    Each step's weights count `decay` times as much as the next one's: 0.99 looks back on some hundred steps. Training
    itself goes on from θ as if there were no average, which is a vector of the state, `program.state["average"]`.
    ct.fit validates the average and leaves the model with it; the running averages of batch norm stay those of θ.
    (Polyak and Juditsky, 1992; with this decay as in Morales-Brotons et al., 2024.) decay must lie in [0, 1).
    """
    return replace(opt, average=float(decay))
