"""What is done to a gradient before an optimizer sees it: clipping, and L2 added to the gradient."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
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
