"""The loss landscape: the true loss around a trained network, along random directions and on the plane of two."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from os import PathLike
from typing import Any, ClassVar

import numpy as np

from ...arguments import whole_number
from ...drawing.charts import band, chart, legend
from ...drawing.sheet import LINES, Sheet
from ...errors import ArgumentError
from ...inspect.reading import network_of
from ...nn import Module
from ...text import counted, jsonable
from ..result import Result, table
from .relief import contours, logarithmic, loss_axis, loss_bar, mountains, scale
from .true_loss import TrueLoss, around_zero, random_direction


def landscape(model: Module, X: Any, y: Any, loss: str | Callable = "auto", directions: int = 1, span: float = 1.0,
              points: int = 41, curves: int = 10, seed: int = 0,
              normalise: str | None = "filter") -> Landscape:
    """The loss of a trained network at θ + a d for random directions d, and with directions=2 at θ + a d₁ + b d₂.

    >>> import cutaway as ct
    >>> X, y = ct.datasets.make("moons", n=200, seed=0)
    >>> net = ct.nn.MLP(2, [8], 2).init(0)
    >>> run = ct.fit(net, X, y, loss="cross_entropy", optimizer=ct.optim.AdamW(0.05), epochs=10)
    >>> found = ct.lab.landscape(net, X, y, points=21)
    >>> found.centre == ct.losses.cross_entropy(net.predict(X), y).item()
    True

    a, b: `points` (odd) from -span to span. curves: how many directions are drawn; the plane is that of the first two.
    normalise: "filter" makes every neuron's part of d as long as its weights, so that layers whose scales differ can be
    compared, and lets biases be (Li et al., 2018); None gives d length 1. Evaluated on all rows by the network's own
    evaluation program, in its precision: at 0 it is what `predict` and the loss give. Ctrl-C keeps what is done.
    Raises ArgumentError, and ShapeError or DataError for data that does not fit.
    """
    if directions not in (1, 2):
        raise ArgumentError(f"directions must be 1 (curves) or 2 (curves and a plane), got {directions!r}")
    curves = whole_number("curves", curves, directions)
    J = TrueLoss(model, X, y, loss)
    return around(J, network_of(model), around_zero(span, points), directions, curves, seed, normalise)


def around(J: TrueLoss, model: Module, at: np.ndarray, directions: int, curves: int, seed: int,
           normalise: str | None) -> Landscape:
    """The landscape of J around one of its models."""
    J.model.load_state_dict(model.state_dict())
    theta = model.theta.astype(np.float64)
    centre = J(theta)
    ways = np.array([random_direction(model, seed, k, normalise) for k in range(curves)])
    lines = np.array([J.line(theta, d, at) for d in ways])
    lines = lines[~np.isnan(lines).any(1)]
    if not len(lines):
        raise KeyboardInterrupt  # there is nothing yet to keep
    surface = J.plane(theta, ways, at, at) if directions == 2 else None
    found = Landscape(J.name, J.rows, theta.size, normalise, centre, at, lines, surface)
    found.cut_short = J.cut_short
    return found


@dataclass(eq=False, repr=False)
class Landscape(Result):
    """The loss around a trained network.

    centre: the loss of the network as it is. at (points,): steps a, with a zero in the middle. curves (directions,
    points): the loss along each direction. surface (points, points): on the plane of the first two, rows for b and
    columns for a; None where not asked for.
    """

    kind: ClassVar[str] = "landscape"
    loss: str
    rows: int
    weights: int
    normalise: str | None
    centre: float
    at: np.ndarray
    curves: np.ndarray
    surface: np.ndarray | None = None

    def rises(self, distance: float) -> np.ndarray:
        """Measure by how much the loss rises at this distance, along each direction both ways (2 · directions,).

        At the nearest distance of the grid, to be exact.
        """
        k = len(self.at) // 2
        j = min(max(1, round(distance / self.step)), k)
        return self.curves[:, [k - j, k + j]].ravel() - self.centre

    @property
    def distances(self) -> list[float]:
        """About a quarter, half, and all of the span."""
        k = len(self.at) // 2
        return [float(self.at[k + j]) for j in (max(k // 4, 1), k // 2, k)]

    @property
    def step(self) -> float:
        return float(self.at[1] - self.at[0])

    @property
    def curvatures(self) -> np.ndarray:
        """The second derivative of the loss along each direction, by the central difference over one step of `at`."""
        k = len(self.at) // 2
        return (self.curves[:, k - 1] - 2 * self.centre + self.curves[:, k + 1]) / self.step**2

    def to_pandas(self) -> Any:
        """Make a table with a row a point of the plane if there is one, else of the curves."""
        import pandas as pd

        if self.surface is not None:
            a, b = np.meshgrid(self.at, self.at)
            return pd.DataFrame({"a": a.ravel(), "b": b.ravel(), "loss": self.surface.ravel()})
        k, a = np.indices(self.curves.shape)
        return pd.DataFrame({"direction": k.ravel(), "a": self.at[a.ravel()], "loss": self.curves.ravel()})

    def to_json(self) -> dict[str, Any]:
        return jsonable({"kind": self.kind, "loss": self.loss, "rows": self.rows, "weights": self.weights,
                      "normalise": self.normalise, "centre": self.centre, "curvatures": self.curvatures, "at": self.at,
                      "curves": self.curves, "surface": self.surface, "cut_short": self.cut_short})

    def __str__(self) -> str:
        rows = [[f"{d:.3g}", *(f"{of(self.rises(d)):+.3g}" for of in (np.min, np.median, np.max))]
                for d in self.distances]
        half = self.distances[1]
        return (
            f"The loss ({self.loss.replace('_', ' ')}) is {self.centre:.4g} on {self.rows:,} rows, and "
            f"{np.median(self.rises(half)):.3g} higher at distance {half:.3g}, the median of "
            f"{counted(len(self.curves), 'random direction')}.\n"
            f"The largest curvature along them is {self.curvatures.max():.3g}. {self.unit}\n\n"
            + table(["distance", "least rise", "median", "largest"], rows, left=0)
        )

    @property
    def unit(self) -> str:
        """What a distance of 1 is."""
        if self.normalise:
            return "A distance of 1 changes every neuron's weights by as much as their own length."
        return f"Distances are lengths in the space of the {self.weights:,} weights."

    # ---- figures -----------------------------------------------------------------------------------------------------
    def plot(self, path: str | PathLike | None = None) -> Any:
        """The plane as contours and as a surface; without one, the curves with their median and quartiles."""
        return (self._curves() if self.surface is None else self._plane(self.surface)).saved(path)

    def _curves(self) -> Sheet:
        sheet = Sheet(7.4, 4.7)
        sheet.title(f"The loss around a trained network, {self.centre:.3g} at its centre", self.unit)
        axes = chart(sheet, 0.85, 0.9, 6.2, 3.2, "distance from the trained weights", loss_axis(self.loss))
        axes.plot(self.at, self.curves.T, color=LINES[0], linewidth=0.5, alpha=0.5)
        band(axes, self.at, self.curves, 0, "median and quartiles")
        axes.plot([], [], color=LINES[0], linewidth=0.5, alpha=0.5, label=counted(len(self.curves), "random direction"))
        axes.plot(0, self.centre, "o", color=LINES[1], label="the network")
        legend(axes, loc="upper center")
        return sheet

    def _plane(self, J: np.ndarray) -> Sheet:
        sheet, norm = Sheet(8.8, 5.0), scale(J)
        log = " Colours and heights are logarithmic." if logarithmic(norm) else ""
        sheet.title(f"The loss around a trained network, {self.centre:.3g} at its centre", self.unit + log)
        axes = chart(sheet, 0.8, 0.95, 3.4, 3.4, "first random direction", "second random direction")
        axes.locator_params(nbins=5)
        filled = contours(axes, self.at, self.at, J, norm)
        axes.plot(0, 0, "o", color=LINES[1], markeredgecolor="white", markersize=7)
        loss_bar(sheet, 4.3, 0.95, 3.4, filled, self.loss)
        mountains(sheet, 5.2, 0.9, 3.1, 3.6, self.at, self.at, J, norm)
        return sheet
