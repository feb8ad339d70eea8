"""Gradients of batches at fixed weights, read from the program that trains: a step that ends before its update."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from ...nn import Module
from ...optim import SGD
from ...random import stream
from ...train.fit import prepared

FEWEST, MOST = 16, 2000  # batches whose gradients make a noise


class Gradients:
    """The gradient of any batch of rows, for the weights that the model has when it is asked.

    >>> import cutaway as ct
    >>> X, y = ct.datasets.make("moons", n=100, seed=0)
    >>> net = ct.nn.MLP(2, [8], 2).init(0)
    >>> gradients = Gradients(net, X, y, "cross_entropy")
    >>> g = gradients(range(100))
    >>> halves = gradients(range(50)), gradients(range(50, 100))
    >>> bool(np.allclose(sum(halves) / 2, g, atol=1e-6))
    True

    Weights, running averages and optimizer state stay as they are. Dropout is on, as in any training step. Raises what
    `ct.fit` raises for data that does not fit the model.
    """

    def __init__(self, model: Module, X: Any, y: Any, loss: str | Callable) -> None:
        self.rows = len(y)
        self.program, past = prepared(model, X, y, loss, SGD(0.0), batch_size="full", shuffle=False,
                                      threads=1, steps=1)
        if not past.resident:
            self.program.feed(past.data.inputs, past.data.y)

    def __call__(self, rows: Iterable[int]) -> np.ndarray:
        """Compute ∂J/∂θ of the batch of these rows, as one flat vector (float64)."""
        engine = self.program.engine
        order = np.asarray(rows if isinstance(rows, np.ndarray) else list(rows), np.int64)
        engine.begin(order, 0, 1)
        for i, instruction in enumerate(self.program.instructions):
            if instruction.phase == "update":
                break
            engine.one(i)
        return engine.read(engine.listing.block["g"]).astype(np.float64)


def cosine(a: np.ndarray, b: np.ndarray) -> float:
    """Measure how far two gradients point the same way: 1 the same, 0 across, -1 opposite; NaN where one is zero."""
    lengths = np.sqrt(square(a) * square(b))
    return float((a * b).sum() / lengths) if lengths else float("nan")


def square(g: np.ndarray) -> float:
    """Compute ‖g‖². (Not g @ g: a BLAS would wake its threads for each of thousands of small vectors.)"""
    return float((g * g).sum())


def noise(gradients: Gradients, batch_size: int, seed: int = 0) -> float:
    """Measure E ‖g_B - g‖² / ‖g‖²: how far a batch's gradient g_B is from that of all rows, g.

    The mean over the batches of a shuffled epoch (MOST of them at most), or of several until there are FEWEST. For
    batches of one row, each row once, it is exact.
    """
    whole = gradients(np.arange(gradients.rows))
    each = gradients.rows // batch_size
    found: list[float] = []
    for epoch in range(-(-FEWEST // each)):
        order = stream(seed, "noise", batch_size, epoch).permutation(gradients.rows)
        for k in range(min(each, MOST)):
            found.append(square(gradients(order[k * batch_size : (k + 1) * batch_size]) - whole))
    return float(np.mean(found) / square(whole))


def noise_expected(single: float, batch_size: Any, rows: int) -> Any:
    """The noise of batches drawn without replacement from `rows`, given that of a single row: it falls as 1/B.

    (The variance of a sample's mean: σ²/B, times (N - B) / (N - 1) because no row is drawn twice.)
    """
    return single / batch_size * (rows - batch_size) / max(rows - 1, 1)
