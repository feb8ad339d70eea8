"""Leaving a poor local minimum: does the noise of small batches carry descent out of it?"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from os import PathLike
from typing import Any, ClassVar

import numpy as np

from ...arguments import whole_number
from ...drawing.charts import MARKERS, chart, legend
from ...drawing.sheet import EDGE, INK, LINES, Sheet
from ...engines import Program, compile
from ...errors import ArgumentError
from ...optim import SGD
from ...random import stream
from ...text import jsonable
from ...train.past import shuffled
from ..landscapes.relief import contours, scale
from ..result import Result, table
from .descend import descend
from .surfaces import Pair, Surface, surface

NOISE, ROWS = 5.0, 64  # of a surface that has no noise of its own
SPREAD = 0.25  # standard deviation of the starts around the surface's own
SETTLE = 300  # steps without noise, after which a point lies in its minimum
APART = 0.01  # of the surface's width: places further apart than this are two minima


def escape(on: Surface | str | Callable = "bumpy", sizes: Sequence[int | str] = (1, 2, 4, "full"), lr: float = 0.15,
           steps: int = 320, seeds: int = 50, seed: int = 0) -> Escape:
    """Descend from a poor local minimum with batches of several sizes: how many of the seeds get out?

    >>> import cutaway as ct
    >>> found = ct.lab.escape(sizes=(1, "full"), seeds=8)
    >>> int(found.left[0].sum()) > 4, int(found.left[1].sum())
    (True, 0)

    on: a surface, or what `ct.lab.surface` makes one of; one without noise gets 64 rows of data, each of which tilts
    it its own way, while all together do not. sizes: rows a step, "full" for all. All sizes take as many steps at the
    same learning rate from the same starts, which lie around the surface's own: they differ in noise alone. A seed has
    left its minimum if descent without noise leads to another one from where it ended than from where it began.

    Raises ArgumentError for sizes, steps or seeds that make no sense. Ctrl-C keeps the seeds that are done. Source: the
    lecture's "Stochastic GD: can escape local minima".
    """
    on = on if isinstance(on, Surface) else surface(on)
    on = on if on.noise else replace(on, noise=NOISE, rows=ROWS)
    steps, seeds = whole_number("escape: steps", steps), whole_number("escape: seeds", seeds)
    widths = [on.rows if size == "full" else min(whole_number("escape: a size", size), on.rows) for size in sizes]
    if not widths:
        raise ArgumentError('sizes is empty: name some batch sizes, such as (1, "full")')
    starts = [tuple(np.add(on.start, SPREAD * stream(k, "start").standard_normal(2)).tolist())
              for k in range(seed, seed + seeds)]
    noisy = [_program(on, lr, width) for width in widths]
    calm = _program(replace(on, noise=0.0, rows=SETTLE), lr, 1)  # an epoch of it is so many steps without noise
    homes, ends, cut_short = [], [], ""
    try:
        for k, start in enumerate(starts, seed):
            reached = [_ended(program, on.data(k), start, k, steps) for program in noisy]
            settled = [_ended(calm, None, place, k, SETTLE) for place in [start, *reached]]
            homes.append(settled[0])
            ends.append(settled[1:])
    except KeyboardInterrupt:
        if not ends:
            raise
        cut_short = "interrupted"
    return Escape(on, widths, lr, steps, np.array(starts[: len(ends)]), np.array(homes), np.array(ends).swapaxes(0, 1),
                  seed, cut_short)


def _program(on: Surface, lr: float, batch_size: int) -> Program:
    X, y = on.data()
    program = compile(on.model(), on.loss, SGD(lr), batch_size, X, y)
    program.feed(X, y)
    return program


def _ended(program: Program, data: Any, start: Any, seed: int, steps: int) -> np.ndarray:
    """Find where these steps from a start lead, on the batches that `ct.fit` takes with this seed."""
    if data is not None:
        program.feed(*data)
    engine, theta, epoch = program.engine, program.model.theta, 0
    theta[:] = start
    while steps > 0 and np.isfinite(theta).all():
        epoch += 1
        steps -= len(program.run(shuffled(np.arange(engine.rows), seed, epoch), steps=steps)) or steps
    return theta.copy()


@dataclass(eq=False, repr=False)
class Escape(Result):
    """What `ct.lab.escape` gives.

    sizes: batch sizes. starts (seeds, 2); homes (seeds, 2), the minimum that each start lies in; ends (sizes, seeds,
    2), the minimum in which each run ended.
    """

    kind: ClassVar[str] = "escape"
    surface: Surface
    sizes: list[int]
    lr: float
    steps: int
    starts: np.ndarray
    homes: np.ndarray
    ends: np.ndarray
    seed: int = 0
    cut_short: str = ""

    @property
    def seeds(self) -> int:
        return len(self.starts)

    @property
    def left(self) -> np.ndarray:
        """Which runs ended in another minimum than they began in, (sizes, seeds)."""
        (low, high), _ = self.surface.bounds
        return ~(np.linalg.norm(self.ends - self.homes, axis=2) < APART * (high - low))

    @property
    def better(self) -> np.ndarray:
        """Which of these ended in one of lower loss, (sizes, seeds)."""
        before, after = self.surface.values(*self.homes.T), self.surface.values(*self.ends.T).T
        return self.left & (after < before)

    def interval(self, k: int) -> Pair:
        """Compute 95 % limits (Wilson's) of the share of seeds that leave with the k-th size."""
        from scipy.stats import binomtest  # takes a while to import

        found = binomtest(int(self.left[k].sum()), self.seeds).proportion_ci(0.95, "wilson")
        return float(found.low), float(found.high)

    def name(self, k: int) -> str:
        rows, size = self.surface.rows, self.sizes[k]
        kind = "batch" if size == rows else "stochastic" if size == 1 else "mini-batch"
        return f"{kind} ({size} of {rows} rows)"

    def to_pandas(self) -> Any:
        """Make a table with a row for each run."""
        import pandas as pd

        return pd.concat([
            pd.DataFrame({"batch_size": size, "seed": self.seed + np.arange(self.seeds), "left": self.left[k],
                          "better": self.better[k], "x": self.ends[k, :, 0], "y": self.ends[k, :, 1],
                          "loss": self.surface.values(*self.ends[k].T)}) for k, size in enumerate(self.sizes)
        ], ignore_index=True)

    def to_json(self) -> dict[str, Any]:
        arrays = {name: value for name, value in vars(self).items() if name != "surface"}
        return jsonable({"kind": self.kind, "surface": self.surface.name, "formula": self.surface.formula,
                      "noise": self.surface.noise, "rows": self.surface.rows} | arrays
                     | {"left": self.left, "better": self.better,
                        "interval": [self.interval(k) for k in range(len(self.sizes))]})

    def __str__(self) -> str:
        out = self.left.sum(1)
        parts = [f"{self.name(k)} out in {out[k]} of {self.seeds} seeds" for k in range(len(self.sizes))]
        rows = [[self.name(k), f"{out[k]} of {self.seeds}", "{:.0%} to {:.0%}".format(*self.interval(k)),
                 f"{self.better[k].sum()}"] for k in range(len(self.sizes))]
        return (
            f"From a poor local minimum of {self.surface.name}, {self.steps:,} steps of SGD({self.lr:g}) lead "
            f"{parts[0]}" + (f", {parts[-1]}" if len(parts) > 1 else "") + ".\n\n" +
            table(["", "left", "95 % interval", "for a better one"], rows)
        )

    def plot(self, path: str | PathLike | None = None) -> Any:
        """Draw a way out on the surface, and the shares of seeds that leave."""
        sheet = Sheet(7.6, 4.5)
        sheet.title("Noise leads out of a poor minimum", f"J = {self.surface.formula}. SGD, learning rate {self.lr:g}, "
                    f"{self.steps:,} steps from {self.seeds} starts.")
        a = chart(sheet, EDGE + 0.45, 1.15, 2.75, 2.75, "x", "y", "Paths from one start")
        x, y, J = self.surface.grid(61)
        contours(a, x, y, J, scale(J))
        out = np.argwhere(self.better if self.better.any() else self.left)
        least, one = out[out[:, 0] == out[-1, 0]][0].tolist() if len(out) else (0, 0)
        for k in sorted({least, len(self.sizes) - 1}):  # the least noise that got out, and the largest batch
            walked = descend(self.surface, SGD(self.lr), tuple(self.starts[one]), self.steps, self.seed + one,
                             self.sizes[k])
            way = walked.paths[0].points
            a.plot(*way.T, color=LINES[k + 1], linewidth=1, label=self.name(k))
            a.plot(*way[-1], MARKERS[k], color=LINES[k + 1], markeredgecolor="white", markersize=8)
        a.plot(*self.starts[one], "x", color=INK, markersize=7, markeredgewidth=1.6)
        a.set(xlim=self.surface.bounds[0], ylim=self.surface.bounds[1])
        legend(a, loc="lower left", frameon=True, framealpha=0.9, edgecolor="none", fontsize=8)
        b = chart(sheet, EDGE + 4.3, 1.15, 2.75, 2.75, f"batch size (of {self.surface.rows} rows)",
                  "share of starts (%)", "Leaves (dark: for a better one)")
        for k in range(len(self.sizes)):
            low, share, high = (100 * v for v in (self.interval(k)[0], self.left[k].mean(), self.interval(k)[1]))
            b.bar(k, share, 0.6, color=LINES[k + 1], alpha=0.35)
            b.bar(k, 100 * self.better[k].mean(), 0.6, color=LINES[k + 1])
            b.errorbar(k, share, [[share - low], [high - share]], color=INK, linewidth=1, capsize=4)
        b.set_xticks(range(len(self.sizes)), map(str, self.sizes))
        b.set(ylim=(0, 103))
        b.grid(axis="x", visible=False)
        return sheet.saved(path)
