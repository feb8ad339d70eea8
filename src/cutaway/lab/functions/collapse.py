"""Collapse: linear layers multiplied into one, and what an activation between them changes."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from os import PathLike
from typing import Any, ClassVar

import numpy as np

from ...drawing.charts import chart, note
from ...drawing.sheet import FAINT, LINES, Sheet
from ...errors import ArgumentError, ShapeError
from ...inspect.collapse import collapses
from ...inspect.operations import Operation, operations_of, program_of
from ...inspect.reading import network_of
from ...nn import Linear, Module, Sequential
from ...nn.layers import activation as make_activation
from ...random import stream
from ...text import counted, jsonable
from ..result import Result, table

ROWS = 512  # that are drawn where no data is given
SUBSCRIPT = str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉")


def collapse(model: Any, X: Any = None, activation: str = "relu", seed: int = 0) -> Collapse:
    """The one linear layer that a stack of linear layers equals, and how far it is from one with activations between.

    >>> import cutaway as ct
    >>> found = collapse(ct.nn.MLP(3, [8, 8], 2, activation="identity"))
    >>> found.layer, found.difference["float64"] < 1e-14, found.bend > 0.1
    (Linear(3 -> 2), True, True)

    W = W_L ⋯ W₁ and b = W_L ⋯ W₂ b₁ + ⋯ + b_L. Both the stack and the one layer are run on X (n, features), in both
    precisions. Then `activation` is put between the layers, all weights as they were, and the best linear layer for
    what that network gives is found by least squares. X: 512 rows of normal numbers unless given (four a
    feature, if that is more), drawn from `seed`.

    Raises ArgumentError for a network that does more than linear layers, saying which of its layers collapse and what
    keeps the others apart, or has a single layer; ShapeError for fewer rows than a linear layer could fit by itself.
    """
    network = network_of(model)
    program = program_of(model)
    every = operations_of(program)
    steps = [o for o in every if not o.rule.passes]
    if other := [o for o in steps if o.rule.units != "neuron"]:
        names = ", ".join(dict.fromkeys(f"{o.kind} after {o.layer}" if o.layer else o.kind for o in other))
        rows = " ".join(map(str, collapses(program))) or "None of its layers collapse."
        raise ArgumentError(f"{type(network).__name__} as a whole is not a stack of linear layers ({names}). {rows}")
    if len(steps) < 2:
        raise ArgumentError(f"{type(network).__name__} has a single layer: a stack takes two or more")
    stack = [_weights(o) for o in steps]
    W, b = stack[0]
    for W_next, b_next in stack[1:]:
        W, b = W_next @ W, W_next @ b + b_next
    n_in = W.shape[1]
    if X is None:
        X = stream(seed, "collapse").standard_normal((max(ROWS, 4 * n_in), n_in))
    elif network is not model:  # an estimator encodes its rows
        X = model.encode(X)
    X = np.asarray(X, np.float64)
    if X.ndim != 2 or X.shape[1] != n_in or len(X) < 2 * (n_in + 1):
        raise ShapeError(f"X has shape {X.shape}: give {2 * (n_in + 1)} rows or more, of {counted(n_in, 'feature')}")

    layer = _stacked([(W, b)])
    outputs = {dtype: _run(network, X, dtype) for dtype in ("float64", "float32")}
    ones = {dtype: _run(layer, X, dtype) for dtype in outputs}
    bent = _run(_stacked(stack, activation), X, "float64")
    design = np.column_stack([X, np.ones(len(X))])
    return Collapse(
        tuple(o.layer or o.out.name for o in steps), (n_in, *(len(W) for W, _ in stack)),
        sum(p.size for p in network.parameters()), layer, activation, outputs["float64"], ones["float64"],
        {dtype: _apart(outputs[dtype], ones[dtype]) for dtype in outputs},
        bent, design @ np.linalg.lstsq(design, bent, rcond=None)[0],
    )


def _weights(o: Operation) -> tuple[np.ndarray, np.ndarray]:
    """Get W and b of a linear operation, in double precision."""
    W = np.asarray(o.numbers("W"), np.float64)
    return W, np.zeros(len(W)) if o.operands["b"] is None else np.asarray(o.numbers("b"), np.float64)


def _stacked(stack: list[tuple[np.ndarray, np.ndarray]], activation: str | None = None) -> Module:
    """Stack a network of these layers, in double precision, with an activation between each two."""
    layers: list[Module] = []
    for W, _ in stack:
        layers += [make_activation(activation)] if layers and activation else []
        layers.append(Linear(W.shape[1], W.shape[0]))
    network = layers[0] if len(layers) == 1 else Sequential(*layers)
    network.astype("float64")
    for (W, b), linear in zip(stack, [m for m in layers if isinstance(m, Linear)], strict=True):
        linear.weight.data[...] = W
        linear.bias.data[...] = b  # type: ignore[union-attr]
    return network


def _run(network: Module, X: np.ndarray, dtype: str) -> np.ndarray:
    z = copy.deepcopy(network).astype(dtype).predict(X)
    return z.reshape(len(X), -1).astype(np.float64)


def _apart(a: np.ndarray, b: np.ndarray) -> float:
    """The largest difference, as a share of the largest value."""
    return float(np.abs(a - b).max() / (np.abs(a).max() or 1.0))


@dataclass(eq=False, repr=False)
class Collapse(Result):
    """What `ct.lab.collapse` gives.

    layers: those that were multiplied; widths: features before, between and behind them; parameters: of them all.
    layer: the one that they equal, a ct.nn.Linear in double precision. outputs, one: what the stack and that layer give
    for the rows (n, out). difference: the largest between the two, as a share of the largest output, by precision.
    bent: what the same weights give with activations between; best: what the best linear layer makes of the rows for
    it. bend: the largest difference of these two, as a share of the largest value; unexplained: the share of the
    variance of `bent` that no linear layer explains.
    """

    kind: ClassVar[str] = "collapse"
    layers: tuple[str, ...]
    widths: tuple[int, ...]
    parameters: int
    layer: Any
    activation: str
    outputs: np.ndarray
    one: np.ndarray
    difference: dict[str, float]
    bent: np.ndarray
    best: np.ndarray

    @property
    def bend(self) -> float:
        return _apart(self.bent, self.best)

    @property
    def unexplained(self) -> float:
        spread = np.square(self.bent - self.bent.mean(0)).sum()
        return float(np.square(self.bent - self.best).sum() / spread) if spread else 0.0

    @property
    def product(self) -> str:
        """The product of the layers: W₃ ⋯ W₁, for three layers."""
        return f"W{str(len(self.layers)).translate(SUBSCRIPT)} {'⋯ ' * (len(self.layers) > 2)}W₁"

    def to_pandas(self) -> Any:
        """Make a table with a row for each row of data and output: the stack, its one layer, the bent network."""
        import pandas as pd

        rows, outputs = np.indices(self.outputs.shape).reshape(2, -1)
        return pd.DataFrame({"row": rows, "output": outputs, "stack": self.outputs.ravel(), "one": self.one.ravel(),
                             self.activation: self.bent.ravel(), "best_linear": self.best.ravel()})

    def to_json(self) -> dict[str, Any]:
        return jsonable({
            "kind": self.kind, "layers": self.layers, "widths": self.widths, "parameters": self.parameters,
            "weight": self.layer.weight.data, "bias": self.layer.bias.data, "difference": self.difference,
            "activation": self.activation, "bend": self.bend, "unexplained": self.unexplained,
        })

    def __str__(self) -> str:
        one = sum(p.size for p in self.layer.parameters())
        return (
            f"{len(self.layers)} linear layers, {' → '.join(map(str, self.widths))}, are one layer "
            f"{self.widths[0]} → {self.widths[-1]}: {self.parameters:,} parameters do what {one:,} do.\n"
            f"With {self.activation} between them they are not: the best linear layer misses by up to "
            f"{self.bend:.0%} of the largest output.\n\n"
        ) + table(
            ["network", "against", "largest difference", "variance left"],
            [[f"{len(self.layers)} layers, {dtype}", f"{self.product} x + b", f"{self.difference[dtype]:.1e}", ""]
             for dtype in self.difference]
            + [[f"with {self.activation} between", "the best linear layer", f"{self.bend:.2g}",
                f"{self.unexplained:.1%}"]], left=2)

    def plot(self, path: str | PathLike | None = None) -> Any:
        """Draw each network's outputs over those of the linear layer that comes closest: on the diagonal, or not."""
        sheet = Sheet(8.6, 4.9)
        about = f"{' → '.join(map(str, self.widths))}, the same weights left and right; {len(self.outputs):,} rows"
        sheet.title(f"{len(self.layers)} linear layers are one; with {self.activation} between they are not", about)
        panels = (
            ("Linear layers only", f"output of the one layer {self.product} x + b", "output of the stack", self.one,
             self.outputs, f"largest difference\n{self.difference['float64']:.0e} of the largest output", 0),
            (f"{self.activation} put between them", "output of the best linear layer", "output of the network",
             self.best, self.bent, f"largest difference\n{self.bend:.0%} of the largest output", 1),
        )
        for left, (title, x, y, at, values, found, k) in zip((0.85, 5.05), panels, strict=True):
            axes = chart(sheet, left, 1.15, 3.25, 3.1, x, y, title)
            low, high = min(at.min(), values.min()), max(at.max(), values.max())
            axes.plot([low, high], [low, high], color=FAINT, linewidth=0.8)
            axes.plot(at.ravel(), values.ravel(), "os"[k], color=LINES[k], markersize=2.6, alpha=0.55,
                      markeredgewidth=0, rasterized=True)
            note(axes, found, 0.98, 0.04, ha="right", va="bottom")
        return sheet.saved(path)
