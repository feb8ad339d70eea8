"""Who takes part in a race: optimizers by name, each with learning rates to try around its own scale."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from ...errors import ArgumentError, check_name
from ...optim import OPTIMIZERS, Optimizer, Schedule

LECTURE = ("SGD", "Momentum", "AdaGrad", "RMSProp", "Adam", "AdamW")
#: Where the learning rates to try lie, for those whose steps are not about as long as the rate says (1e-3 suits these).
SCALES = {"SGD": 0.1, "Momentum": 0.1, "HeavyBall": 0.01, "Nesterov": 0.01, "AdaGrad": 0.01}


def entered(optimizers: Any = None) -> dict[str, Optimizer]:
    """Name optimizers as they race, from names, optimizers, or a dict of either; by default the lecture's.

    >>> import cutaway as ct
    >>> entered(["SGD", ct.optim.Adam(0.01)])
    {'SGD': SGD(lr=0.1), 'Adam': Adam(lr=0.01, beta1=0.9, beta2=0.999, eps=1e-08)}

    Raises ArgumentError for an unknown name (with the closest), for two of the same name, and for anything else.
    """
    given = LECTURE if optimizers is None else optimizers
    if isinstance(given, Mapping):
        return {str(name): _optimizer(one) for name, one in given.items()} or _refuse(given)
    if not isinstance(given, Sequence) or isinstance(given, str) or not given:
        return _refuse(given)
    every = [_optimizer(one) for one in given]
    names = [type(one).__name__ for one in every]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise ArgumentError(f"optimizers has {twice[0]} more than once: give a dict, with a name for each")
    return dict(zip(names, every, strict=True))


def _optimizer(one: Any) -> Optimizer:
    if isinstance(one, Optimizer):
        return one
    if not isinstance(one, str):
        return _refuse(one)
    lower = {name.lower(): name for name in OPTIMIZERS}
    name = lower.get(one.lower(), one)
    check_name(name, list(OPTIMIZERS), "optimizer")
    return OPTIMIZERS[name](_scale(name))


def _scale(name: str) -> float:
    return SCALES.get(name, 1e-3)


def _refuse(given: Any) -> Any:
    raise ArgumentError(f"optimizers must be a list of names or of ct.optim's, or a dict of them, got {given!r}")


def rate_of(optimizer: Optimizer) -> float:
    """The learning rate, or the highest of its schedule; that of its scale for one that is still to be found."""
    rate: Any = optimizer.lr.lr if isinstance(optimizer.lr, Schedule) else optimizer.lr
    return _scale(type(optimizer).__name__) if isinstance(rate, str) else float(rate)


def with_rate(optimizer: Optimizer, rate: float) -> Optimizer:
    """Give an optimizer, schedule and all, another learning rate."""
    return replace(optimizer, lr=replace(optimizer.lr, lr=rate) if isinstance(optimizer.lr, Schedule) else rate)


def grid(optimizer: Optimizer, budget: int) -> list[float]:
    """Choose so many learning rates, two to a decade: the optimizer's own in the middle, or one more above it.

    >>> import cutaway as ct
    >>> grid(ct.optim.Adam(1e-3), 6)
    [0.0001, 0.0003, 0.001, 0.003, 0.01, 0.03]
    """
    places = range(-((budget - 1) // 2), budget // 2 + 1)
    return [float(f"{rate_of(optimizer) * 10.0 ** (k // 2) * (3 if k % 2 else 1):.6g}") for k in places]
