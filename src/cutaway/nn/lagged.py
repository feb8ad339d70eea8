"""A network for rows of which the first columns are steps of one series, and the others stand beside them."""

from __future__ import annotations

from ..arguments import whole_number
from ..autodiff import Tensor, ops
from ..errors import ArgumentError, ShapeError
from .layers import here
from .module import Module


class Lagged(Module):
    """Reads the first columns of a row as steps of one series, and what it gives at the last of them beside the row.

    >>> import numpy as np, cutaway as ct
    >>> net = ct.nn.Lagged(ct.nn.Conv1d(1, 4, 3), ct.nn.Linear(4 + 10, 2), lags=8)
    >>> net(np.ones((5, 10))).shape
    (5, 2)

    x (n, lags + others) -> (n, out). layer: (n, lags, 1) -> (n, time, k), of which the last step counts, or (n, k);
    out: (n, k + lags + others) -> (n, out), so that what a linear map can say needs no other way.
    """

    def __init__(self, layer: Module, out: Module, lags: int) -> None:
        if not isinstance(layer, Module) or not isinstance(out, Module):
            raise ArgumentError(f"Lagged takes two networks, got {layer!r} and {out!r}")
        self.layer, self.out, self.lags = layer, out, whole_number("Lagged: lags", lags)

    def forward(self, x: Tensor) -> Tensor:
        if x.ndim != 2 or x.shape[1] < self.lags:
            raise ShapeError(f"{here()}(Lagged, {self.lags} lags) takes rows of at least as many columns, got shape "
                             f"{x.shape}")
        h = self.layer(ops.reshape(x[:, :self.lags], (x.shape[0], self.lags, 1)))
        h = h[0] if isinstance(h, tuple) else h
        return self.out(ops.concat([h if h.ndim == 2 else h[:, -1], x], axis=1))

    def describe(self) -> str:
        return f"{self.lags} lags"
