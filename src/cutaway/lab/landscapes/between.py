"""Two solutions: the true loss on the straight line from one to the other, and which of the two minima is wider."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from math import comb
from os import PathLike
from typing import Any, ClassVar

import numpy as np

from ...drawing.charts import band, chart, legend, style
from ...drawing.sheet import LINES, Sheet
from ...errors import ArgumentError
from ...inspect.reading import network_of
from ...nn import Module
from ...text import counted, jsonable
from ..result import Result, table
from .landscape import Landscape, around
from .relief import loss_axis, steep
from .true_loss import TrueLoss, around_zero


def between(model_a: Module, model_b: Module, X: Any, y: Any, loss: str | Callable = "auto", validation: Any = None,
            names: tuple[str, str] = ("A", "B"), points: int = 41, curves: int = 10, span: float = 1.0,
            seed: int = 0) -> Between:
    """The loss at (1 - t) θ_A + t θ_B, on the straight line between two networks, and the landscape around each.

    >>> import cutaway as ct
    >>> X, y = ct.datasets.make("moons", n=200, seed=0)
    >>> net = ct.nn.MLP(2, [8], 2).init(0)
    >>> ct.lab.between(net, net, X, y, points=11, curves=2).barrier
    0.0

    points: so many from A to B and around each, and a quarter as many beyond A and B. validation: (Xv, yv), rows not
    learnt from, whose loss is drawn too. The barrier is how far the training loss on the line rises above the straight
    connection of its ends (lines: Goodfellow et al., 2015; barrier: Frankle et al., 2020). curves, span, seed: of the
    landscapes, filter-normalised, which tell the wider minimum; the line cannot, since its scale is that of the weights
    (Li et al., 2018). Batch norm's averages go from A's to B's along with the weights.
    Raises ArgumentError for networks whose parameters differ in name or shape.
    """
    given, model_a, model_b = model_a, network_of(model_a), network_of(model_b)  # an estimator encodes the rows
    _check_alike(model_a, model_b)
    at, half = around_zero(span, points), points - 1
    t = np.arange(-(half // 4), half + half // 4 + 1) / half
    J = TrueLoss(given, X, y, loss)
    line = _line(J, model_a, model_b, t)
    held_out = None
    if validation is not None:
        if not isinstance(validation, tuple | list) or len(validation) != 2:
            raise ArgumentError("validation must be (Xv, yv), rows that were not learnt from")
        held_out = _line(TrueLoss(given, validation[0], validation[1], loss), model_a, model_b, t)
    ends = [around(J, model, at, 1, curves, seed, "filter") for model in (model_a, model_b)]
    length = float(np.linalg.norm(model_b.theta.astype(np.float64) - model_a.theta))
    found = Between(J.name, (str(names[0]), str(names[1])), length, t, line, held_out, (ends[0], ends[1]))
    found.cut_short = J.cut_short
    return found


def _check_alike(model_a: Module, model_b: Module) -> None:
    a, b = ({name: v.shape for name, v in model.state_dict().items()} for model in (model_a, model_b))
    for name in (*a, *b):
        if a.get(name) != b.get(name):
            raise ArgumentError(
                f"model_a and model_b must be alike for a line between them: {name} has shape {a.get(name)} in model_a "
                f"and {b.get(name)} in model_b"
            )


def _line(J: TrueLoss, model_a: Module, model_b: Module, at: np.ndarray) -> np.ndarray:
    """The loss at mixtures of two models, exact at both ends."""
    a, b = model_a.theta.astype(np.float64), model_b.theta.astype(np.float64)
    buffers = [[buffer.data for _, buffer in model.named_buffers()] for model in (J.model, model_a, model_b)]

    def mixtures() -> Iterator[np.ndarray]:
        for t in at:
            for mixed, of_a, of_b in zip(*buffers, strict=True):
                mixed[...] = _mixed(of_a, of_b, t)
            yield _mixed(a, b, t)

    line = J.each(mixtures(), len(at))
    if J.cut_short:
        raise KeyboardInterrupt  # half a line says nothing about a barrier
    return line


def _mixed(a: np.ndarray, b: np.ndarray, t: float) -> np.ndarray:
    return a + t * (b - a) if t < 0.5 else b - (1 - t) * (b - a)


def _chance(most: int, of: int) -> float:
    """The two-sided p-value of the sign test: that a fair coin falls on one side so often or more.

    >>> _chance(9, 10), _chance(8, 10)
    (0.021484375, 0.109375)
    """
    return min(1.0, 2 * sum(comb(of, k) for k in range(most, of + 1)) / 2**of)


@dataclass(eq=False, repr=False)
class Between(Result):
    """The loss on the straight line between two networks.

    t: 0 is the first, 1 the second. J: the loss on the training rows at each t; J_held_out on rows not learnt from, or
    None. distance: between the two in weight space. ends: the landscapes around them.
    """

    kind: ClassVar[str] = "between"
    loss: str
    names: tuple[str, str]
    distance: float
    t: np.ndarray
    J: np.ndarray
    J_held_out: np.ndarray | None
    ends: tuple[Landscape, Landscape]

    @property
    def barrier(self) -> float:
        """How far the loss between the two rises above the straight connection of theirs; 0 where it does not."""
        return float(self._above.max())

    @property
    def where(self) -> float:
        """The t at which it rises highest."""
        return float(self.t[self._inside][self._above.argmax()])

    @property
    def _inside(self) -> np.ndarray:
        return (self.t >= 0) & (self.t <= 1)

    @property
    def _above(self) -> np.ndarray:
        t, J = self.t[self._inside], self.J[self._inside]
        return J - ((1 - t) * J[0] + t * J[-1])

    def _at_ends(self, J: np.ndarray) -> list[float]:
        return [float(v) for v in J[self._inside][[0, -1]]]

    def to_pandas(self) -> Any:
        """Make a table with a row a point of the line."""
        import pandas as pd

        held_out = {} if self.J_held_out is None else {"held_out_loss": self.J_held_out}
        return pd.DataFrame({"t": self.t, "loss": self.J} | held_out)

    def to_json(self) -> dict[str, Any]:
        return jsonable({"kind": self.kind, "loss": self.loss, "names": self.names, "distance": self.distance,
                      "barrier": self.barrier, "where": self.where, "t": self.t, "J": self.J,
                      "J_held_out": self.J_held_out, "ends": [end.to_json() for end in self.ends],
                      "cut_short": self.cut_short})

    def __str__(self) -> str:
        a, b = self.names
        way = f"the straight line from {a} to {b}"
        found = (f"On {way} the loss rises by {self.barrier:.3g} above its ends, {self.where:.0%} of the way along."
                 if self.barrier > 0.01 * max(self._at_ends(self.J)) else f"There is no barrier on {way}.")
        columns = [["", a, b], ["loss", *(f"{v:.4g}" for v in self._at_ends(self.J))]]
        if self.J_held_out is not None:
            columns.append(["on held-out rows", *(f"{v:.4g}" for v in self._at_ends(self.J_held_out))])
        columns += [
            [f"rise at distance {self._half:.3g}", *(f"{np.median(end.rises(self._half)):.3g}" for end in self.ends)],
            ["largest curvature", *(f"{end.curvatures.max():.3g}" for end in self.ends)],
        ]
        head, *rows = map(list, zip(*columns, strict=True))
        return f"{found}\n{self.wider}\n{self.ends[0].unit}\n\n{table(head, rows)}"

    @property
    def wider(self) -> str:
        """Which minimum is wider, in words: around which the loss rises less, by a sign test over the directions."""
        rises = [end.rises(self._half).reshape(-1, 2).mean(1) for end in self.ends]
        pairs = list(zip(*rises, strict=False))  # the same random numbers, each as long as its network's weights
        less = [sum(bool(a < b) for a, b in pairs), sum(bool(b < a) for a, b in pairs)]
        if not sum(less):
            return f"At distance {self._half:.3g} the loss rises alike around both."
        wide = self.names[less[1] > less[0]]
        where = f"in {max(less)} of {counted(sum(less), 'random direction')}"
        found = "its minimum is wider" if _chance(max(less), sum(less)) < 0.05 else "no clear difference"
        return f"At distance {self._half:.3g} the loss rises less around {wide}, {where}: {found}."

    @property
    def _half(self) -> float:
        return self.ends[0].distances[1]

    # ---- the figure --------------------------------------------------------------------------------------------------
    def plot(self, path: str | PathLike | None = None) -> Any:
        """The line from one to the other, and beside it the landscapes around both."""
        sheet = Sheet(8.6, 4.9)
        sheet.title(f"From {self.names[0]} to {self.names[1]}: a barrier of {self.barrier:.3g}", self.wider)
        line = chart(sheet, 0.85, 1.25, 3.6, 2.9, "the straight line between them", loss_axis(self.loss))
        line.plot(self.t, self.J, label="training rows", **style(0))
        if self.J_held_out is not None:
            line.plot(self.t, self.J_held_out, label="held-out rows", **style(1))
        line.plot([0, 1], self._at_ends(self.J), "o", color=LINES[0])
        line.set_xticks([0, 0.5, 1], [self.names[0], "half-way", self.names[1]])
        log = "y" if steep(np.concatenate([end.curves.ravel() for end in self.ends])) else ""
        bowls = chart(sheet, 5.15, 1.25, 3.15, 2.9, "distance from the weights, filter-normalised", "", log=log)
        for k, (name, end) in enumerate(zip(self.names, self.ends, strict=True), 2):
            band(bowls, end.at, end.curves, k, name)
        for axes in (line, bowls):
            legend(axes, loc="lower left", bbox_to_anchor=(0, 1.02), ncols=2, borderaxespad=0)
        return sheet.saved(path)
