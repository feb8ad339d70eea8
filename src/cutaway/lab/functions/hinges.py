"""Hinges: where each ReLU of a hidden layer switches on, and what it adds to the output."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ...errors import ArgumentError
from ...nn import Linear, Module, ReLU, Sequential
from ...shown import Shown
from ...text import counted


@dataclass(frozen=True, eq=False, repr=False)
class Hinges(Shown):
    """A network with one hidden layer of ReLUs as a sum: f(x) = c + Σₖ vₖ max(0, wₖ · x + bₖ).

    w (neurons, variables), b (neurons,), v (neurons,) and c. Neuron k bends the output where wₖ · x + bₖ = 0: at a
    point for one variable, along a line for two.
    """

    w: np.ndarray
    b: np.ndarray
    v: np.ndarray
    c: float

    def to_pandas(self) -> Any:
        """Make a table with a row for each neuron: the weights of its variables, w0, w1, ..., its bias b, and v."""
        import pandas as pd

        return pd.DataFrame({f"w{k}": w for k, w in enumerate(self.w.T)} | {"b": self.b, "v": self.v})

    def __repr__(self) -> str:
        neurons, variables = self.w.shape
        return f"Hinges({neurons} neurons of {counted(variables, 'variable')}, c = {self.c:.4g})"

    @property
    def positions(self) -> np.ndarray:
        """The kink -b/w of each neuron of one variable: not finite where w is zero."""
        if self.w.shape[1] != 1:
            raise ArgumentError(f"hinges are points for one variable; for {self.w.shape[1]} they are w · x + b = 0")
        with np.errstate(divide="ignore", invalid="ignore"):  # a neuron without a weight has no hinge
            return -self.b / self.w[:, 0]

    def pieces(self, X: np.ndarray) -> np.ndarray:
        """Compute what each neuron adds to the output, (neurons, n), at rows X (n, variables); with c they sum to f."""
        return self.v[:, None] * np.maximum(0, self.w @ X.T + self.b[:, None])


def hinges(network: Module) -> Hinges:
    """The hinges of a network of one hidden layer of ReLUs and one output, such as MLP(1, [8], 1).

    >>> import cutaway as ct
    >>> net = ct.nn.MLP(1, [2], 1)
    >>> net.theta[:] = 1, -1, 0.5, 2, 3, 4, 5  # w, b, v, c
    >>> hinges(net).positions.tolist()
    [-0.5, 2.0]

    Raises ArgumentError for another network.
    """
    layers = network.layers if isinstance(network, Sequential) else []
    if [type(layer) for layer in layers] != [Linear, ReLU, Linear] or layers[2].n_out != 1:  # type: ignore[attr-defined]
        raise ArgumentError(f"hinges are those of one hidden layer of ReLUs and one output, got {network!r}")
    first, _, last = layers
    return Hinges(first.weight.data, first.bias.data, last.weight.data[0], float(last.bias.data[0]))  # type: ignore


def spread(network: Module, low: np.ndarray, high: np.ndarray, rng: np.random.Generator) -> None:
    """Move the first layer's biases so that each neuron's hinge goes through a point drawn evenly from the box.

    With biases of zero all hinges would lie on top of each other.
    """
    first = next(m for _, m in network.named_modules() if isinstance(m, Linear))
    points = rng.uniform(low, high, first.weight.shape)
    first.bias.data[...] = -(first.weight.data * points).sum(1)  # type: ignore[union-attr]


def in_units(network: Module, centre: np.ndarray, half: np.ndarray, mean: float, std: float) -> None:
    """Make a network of scaled variables, (x - centre) / half, and outputs, (f - mean) / std, one of x and f."""
    linear = [m for _, m in network.named_modules() if isinstance(m, Linear)]
    first, last = linear[0], linear[-1]
    first.weight.data[...] /= half
    first.bias.data[...] -= first.weight.data @ centre  # type: ignore[union-attr]
    last.weight.data[...] *= std
    last.bias.data[...] = last.bias.data * std + mean  # type: ignore[union-attr]
