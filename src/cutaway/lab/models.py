"""New models for experiments: the same architecture with the first weights of any seed, and the loss that suits it."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import numpy as np

from ..errors import ArgumentError
from ..nn import Module


def fresh(model: Module | Callable[[], Module], seed: int) -> Module:
    """A new model with initial weights of this seed: a copy of `model`, or what the function `model()` makes.

    >>> import cutaway as ct
    >>> net = ct.nn.MLP(2, [4], 1)
    >>> bool((fresh(net, 3).theta == fresh(lambda: ct.nn.MLP(2, [4], 1), 3).theta).all())
    True
    """
    made: Any = copy.deepcopy(model) if isinstance(model, Module) else model() if callable(model) else None
    if not isinstance(made, Module):
        raise ArgumentError(f"model must be a ct.nn.Module, or a function () that makes one, got {model!r}")
    return made.init(seed)


def loss_for(loss: Any, model: Module, X: Any, y: Any) -> Any:
    """The loss asked for; where that is "auto", what the targets and outputs suggest.

    Class numbers for several outputs: cross_entropy. Targets of zero and one for a single output: binary_cross_entropy.
    Other targets: mse.
    """
    if loss != "auto":
        return loss
    y = np.asarray(y)
    outputs = model.predict(X[:2]).shape[-1]
    whole = y.dtype.kind in "iub" or bool((y == np.round(y)).all())
    if y.ndim == 1 and outputs > 1 and whole:
        return "cross_entropy"
    return "binary_cross_entropy" if whole and y.min() >= 0 and y.max() <= 1 else "mse"
