"""Which batch size: how long a step takes on this machine, against what more rows do for the gradient."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from os import PathLike
from typing import Any, ClassVar

import numpy as np

from ... import losses
from ...arguments import is_whole
from ...drawing.charts import chart, style
from ...drawing.sheet import EDGE, FAINT, LINES, Sheet
from ...engines import Program, compile
from ...errors import ArgumentError
from ...nn import Module
from ...optim import AdamW, Optimizer
from ...random import stream
from ...text import jsonable
from ...train.events import EpochEnded
from ...train.feeding import as_arrays, target
from ...train.fit import fit
from ..models import fresh, loss_for, opened
from ..result import Result, table
from .gradients import Gradients, noise, noise_expected

MOST_ROWS = 1000  # that the noise of gradients is measured on
ROUNDS, SECONDS = 9, 2.0  # of timing, at most: the fastest counts
NEARLY = 1.1  # a smaller batch is preferred where it is predicted to take this much longer than the fastest


@dataclass(eq=False, repr=False)
class BatchAdvice(Result):
    """What `ct.lab.batch_size` gives.

    For each of the `sizes`: seconds of a step, and bytes of its values. noise_scales: B_noise at the first weights and
    after each epoch. suggestion: the batch size to train with.
    """

    kind: ClassVar[str] = "batch advice"
    rows: int
    optimizer: str
    sizes: np.ndarray
    seconds: np.ndarray
    memory: np.ndarray
    noise_scales: np.ndarray
    cut_short: str = ""

    @property
    def noise_scale(self) -> float:
        """Rows at which half of the mean square of a batch's gradient is noise: the median of those measured."""
        return float(np.median(self.noise_scales))

    @property
    def samples_per_second(self) -> np.ndarray:
        return self.sizes / self.seconds

    @property
    def steps(self) -> np.ndarray:
        """Steps to the same loss, as a multiple of those that a batch without noise takes: 1 + B_noise / B."""
        return 1 + self.noise_scale / self.sizes

    @property
    def time(self) -> np.ndarray:
        """The predicted time to the same loss, as a multiple of the shortest."""
        needed = self.steps * self.seconds
        return needed / needed.min()

    @property
    def suggestion(self) -> int:
        """The smallest size that is predicted to take at most a tenth longer than the fastest."""
        return int(self.sizes[self._place])

    @property
    def _place(self) -> int:
        return int(np.argmax(self.time <= NEARLY))

    def _columns(self) -> dict[str, np.ndarray]:
        names = ("seconds", "samples_per_second", "memory", "steps", "time")
        return {"batch_size": self.sizes} | {name: getattr(self, name) for name in names}

    def to_pandas(self) -> Any:
        """Make a table with a row for each batch size."""
        import pandas as pd

        return pd.DataFrame(self._columns())

    def to_json(self) -> dict[str, Any]:
        more = ("suggestion", "noise_scale", "samples_per_second", "steps", "time")
        return jsonable({"kind": self.kind} | vars(self) | {name: getattr(self, name) for name in more})

    def __str__(self) -> str:
        k, fastest = self._place, int(np.argmin(self.time))
        text = f"Train with {self.suggestion} rows a step: " + (
            "no other size is predicted to reach the same loss sooner." if k == fastest else
            f"{self.sizes[fastest]} are predicted to reach the same loss only {1 - 1 / self.time[k]:.0%} sooner.")
        if len(self.sizes) > 1:
            a, b = (k, k + 1) if k + 1 < len(self.sizes) else (k - 1, k)
            fewer, longer = self.steps[a] / self.steps[b], self.seconds[b] / self.seconds[a]
            text += (f"\nFrom {self.sizes[a]} to {self.sizes[b]} rows it takes {fewer:.2g} times fewer steps, as the "
                     f"noise scale of the gradient is {self.noise_scale:.0f} rows, and a step takes {longer:.2g} times "
                     "as long.")
        lines = [[f"{n:,}", _seconds(s), f"{speed:,.0f}", f"{bytes_ / 1e6:.2f} MB", f"{steps:.3g} ×", f"{t:.2f} ×"]
                 for n, s, speed, bytes_, steps, t in zip(*self._columns().values(), strict=True)]
        head = ["rows a step", "a step", "rows/s", "memory", "steps", "time"]
        return f"{text}\n\n{table(head, lines, left=0)}"

    def plot(self, path: str | PathLike | None = None) -> Any:
        """Draw seconds of a step, and the predicted time to the same loss, against the batch size."""
        sheet = Sheet(7.4, 3.9)
        sheet.title(f"Train with {self.suggestion} rows a step",
                    f"{self.optimizer}, {self.rows:,} rows; times of this machine, gradient noise measured in training")
        size = "batch size (rows)"
        left = chart(sheet, EDGE + 0.5, 1.2, 2.6, 2.0, size, "time of a step (ms)", "A larger step takes longer", "xy")
        right = chart(sheet, EDGE + 4.15, 1.2, 2.6, 2.0, size, "time (shortest = 1)", "Predicted time to the same loss",
                      "xy")
        for axes in (left, right):
            axes.set_xticks(shown := self.sizes[:: -(-len(self.sizes) // 6)], [f"{n:,}" for n in shown])
        left.plot(self.sizes, 1e3 * self.seconds, "o", **style(0), markersize=4)
        right.plot(self.sizes, self.time, "o", **style(0), markersize=4)
        k = self._place
        right.plot(self.sizes[k], self.time[k], "s", color=LINES[1], markersize=8)
        right.annotate(f"{self.suggestion}", (self.sizes[k], self.time[k]), (0, 9), textcoords="offset points",
                       ha="center", size=9, color=LINES[1], weight="bold")
        if self.sizes[0] <= self.noise_scale <= self.sizes[-1]:
            right.axvline(self.noise_scale, color=FAINT, linestyle=":", linewidth=1)
            right.text(self.noise_scale, 0.97, " noise scale", transform=right.get_xaxis_transform(), size=9,
                       color=FAINT, va="top")
        return sheet.saved(path)


def batch_size(model: Module | Callable[[], Module], X: Any, y: Any, loss: str | Callable = "auto",
               optimizer: Optimizer | None = None, sizes: Sequence[int] | None = None, epochs: int = 3,
               threads: int | None = None, seed: int = 0) -> BatchAdvice:
    """Advise a batch size: the time of a step measured on this machine, against the noise in the gradient.

    >>> import cutaway as ct
    >>> X, y = ct.datasets.make("moons", n=200, seed=0)
    >>> advice = batch_size(ct.nn.MLP(2, [16], 2), X, y, sizes=[8, 32, 128])
    >>> advice.suggestion in advice.sizes
    True

    The noise scale B_noise = tr Σ / ‖g‖², Σ the covariance of the rows' gradients and g their mean, is the batch size
    at which noise is as long as g. To the same loss take S = S_min (1 + B_noise / B) steps of B rows, at the learning
    rate that suits B: far below B_noise twice the rows save half the steps, far above next to none. The advice weighs
    that against the measured time of a step. B_noise grows in training: it is measured at the first weights and after
    each of some `epochs`, with batches of 32.

    sizes: 8, 16, 32, ... up to the number of rows, 1024 at most, if None. optimizer: AdamW("auto") if None. The model
    itself stays as it is. Ctrl-C keeps the sizes that were timed.

    Source: McCandlish, Kaplan, Amodei, "An Empirical Model of Large-Batch Training", 2018. Raises what `ct.fit` raises,
    and ArgumentError for sizes that make no sense.
    """
    model, X, y, loss = opened(model, X, y, loss)
    net = fresh(model, seed)
    loss = loss_for(loss, net, X, y, learns=True)
    optimizer = optimizer if optimizer is not None else AdamW("auto")
    rows, sizes = len(y), _sizes(sizes, len(y))
    scales = _noise_scales(net, X, y, loss, optimizer, epochs, threads, seed)
    enough = slice(0, 4 * max(sizes))  # rows to time steps on
    X, y = as_arrays(X)[enough], target(y, losses.get(loss) is losses.cross_entropy)[enough]
    programs = []
    for size in sizes:
        programs.append(compile(net, loss, replace(optimizer, lr=0.0), size, X[:3], y[:3], seed=seed,
                                threads=threads))
        programs[-1].feed(X, y)
    seconds, cut_short, began = np.full(len(sizes), np.inf), "", time.perf_counter()
    try:
        for done in range(ROUNDS):  # in turn, so that what else the machine does meets all of them
            if done and time.perf_counter() - began > SECONDS:
                break
            for k, program in enumerate(programs):
                seconds[k] = min(seconds[k], _timed(program))
    except KeyboardInterrupt:
        cut_short = "interrupted"
    timed = np.isfinite(seconds)
    if not timed.any():
        raise KeyboardInterrupt
    memory = np.array([program.engine.needs.bytes for program in programs])
    return BatchAdvice(rows, type(optimizer).__name__, np.array(sizes)[timed], seconds[timed], memory[timed], scales,
                       cut_short)


def _sizes(sizes: Sequence[int] | None, rows: int) -> list[int]:
    if sizes is None:
        return [2**k for k in range(3, 11) if 2**k <= rows] or [rows]
    if not len(sizes) or not all(is_whole(s, 1, rows) for s in sizes):
        raise ArgumentError(f"sizes must be whole numbers from 1 to the {rows} rows, got {sizes!r}")
    return sorted({int(size) for size in sizes})


def _noise_scales(net: Module, X: Any, y: Any, loss: Any, optimizer: Optimizer, epochs: int, threads: int | None,
                  seed: int) -> np.ndarray:
    """Measure B_noise at the weights that the model has, and after each epoch of training it."""
    some = stream(seed, "batch advice").permutation(len(y))[:MOST_ROWS]
    gradients = Gradients(net, as_arrays(X)[some], np.asarray(y)[some], loss)
    # a row alone cannot be normalised
    together = any(i.op in ("batch_stats", "step_stats") for i in gradients.program.instructions)
    size = max(2, min(32, len(some) // 4)) if together else 1

    def scale() -> float:
        return noise(gradients, size) / noise_expected(1.0, size, len(some))

    found = [scale()]

    def look(event: Any) -> None:
        if isinstance(event, EpochEnded):
            found.append(scale())

    fit(net, X, y, loss, optimizer, epochs=epochs, batch_size=32, seed=seed, drop_last=True, threads=threads,
        progress=False, callbacks=[look])
    return np.array(found)


def _timed(program: Program) -> float:
    """Time a step: one, then a stretch of some milliseconds."""
    took = np.inf
    for _ in range(2):
        steps = max(1, int(0.005 / took))
        order = np.resize(stream(0, "timing").permutation(program.engine.rows), steps * program.engine.batch_size)
        began = time.perf_counter()
        program.run(order)
        took = min(took, (time.perf_counter() - began) / steps)
    return took


def _seconds(s: float) -> str:
    return f"{1e6 * s:.0f} µs" if s < 1e-3 else f"{1e3 * s:.1f} ms"
