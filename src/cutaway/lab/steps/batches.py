"""Gradient descent variants: all rows, one row, or a small batch a step, side by side on your network and data."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from os import PathLike
from typing import Any, ClassVar

import numpy as np

from ... import losses
from ...arguments import whole_number
from ...autodiff import Tensor
from ...drawing.charts import MARKERS, chart, legend, style
from ...drawing.sheet import EDGE, FAINT, LINES, Sheet
from ...errors import ArgumentError
from ...nn import Module
from ...optim import SGD, Optimizer
from ...text import counted, jsonable, scaled
from ...train import Ended, Event, Run, Started, TrainingWarning, fit
from ...train.feeding import target
from ..models import fresh, loss_for, opened
from ..result import Result, table
from .gradients import Gradients, noise, noise_expected

RATES = (0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0)
FOREVER = 10**9  # epochs
LOOKS = 1.1  # from one look at the loss of all rows to the next, epochs grow by this factor
LAST = 5  # looks whose mean says how well a rate did
SHOWN = 300  # steps whose losses are kept for the figure


def batches(model: Module | Callable[[], Module], X: Any, y: Any, loss: str | Callable = "auto",
            sizes: Sequence[int | str] = (1, 32, "full"), optimizer: Optimizer | None = None,
            rates: Sequence[float] = RATES, epochs: int = 20, seconds: float | None = None, runs: int = 3,
            seed: int = 0) -> Batches:
    """Train a model with batches of one row, of some, and of all, and measure what the batch size changes.

    >>> import cutaway as ct
    >>> X, y = ct.datasets.make("moons", n=200, seed=0)
    >>> found = ct.lab.batches(ct.nn.MLP(2, [8], 2), X, y, rates=(0.03, 0.3), epochs=5, runs=1)
    >>> [v.steps_per_epoch for v in found.variants]
    [200, 7, 1]
    >>> bool(-1.2 < found.slope < -0.8)  # gradient noise falls as 1/B
    True

    sizes: rows a step; "full" is batch gradient descent, 1 stochastic. A comparison at one learning rate would favour
    the size that it suits, so every size tries the same `rates`, a run each with a seed of its own, and keeps the one
    with the lowest loss of all rows towards the end; with a single rate all train at that. A run ends after `epochs`,
    or, if `seconds` are given, with the epoch in which they are up. Runs have different first weights and orders of
    rows. They take turns, so that each has the machine for itself, and the clock stands still while the loss of all
    rows is taken. optimizer: SGD by default.

    Gradients are read from the training program at fixed weights, the first ones and trained ones. Raises what `ct.fit`
    raises, and ArgumentError for sizes, rates, epochs or runs that make no sense. Ctrl-C keeps the runs that are done.
    Source: the lecture's "Three variants based on how much data we use".
    """
    model, X, y, loss = opened(model, X, y, loss)
    runs, epochs = whole_number("batches: runs", runs), whole_number("batches: epochs", epochs)
    y = target(y, classes=False)
    if not len(rates):
        raise ArgumentError("rates is empty: name a learning rate or several, such as (0.01, 0.1)")
    net, optimizer = fresh(model, seed), optimizer if optimizer is not None else SGD(0.1)
    loss = loss_for(loss, net, X, y, learns=True)
    train = partial(_train, model, X, y, loss, optimizer, epochs, seconds)
    variants = [Variant(size, -(-len(y) // size)) for size in _sizes(sizes, len(y))]
    powers = [4**k for k in range(16) if 4**k < len(y)]
    found = Batches(len(y), type(optimizer).__name__, str(getattr(loss, "__name__", loss)), variants,
                    np.unique([1, *powers, *(v.batch_size for v in variants)]))
    found.measure_noise("first weights", Gradients(net, X, y, loss))
    try:
        for v in variants:
            if len(rates) > 1:
                tried = {float(rate): train(v.batch_size, rate, seed + runs)[0] for rate in rates}
                v.tuning = {rate: float(np.mean(watch.loss[-LAST:])) for rate, watch in tried.items()}
            v.rate = _best(v.tuning) if v.tuning else float(rates[0])
            for k in range(runs):
                v.add(*train(v.batch_size, v.rate, seed + k))
    except KeyboardInterrupt:
        found.cut_short = "interrupted"
        found.variants = [v for v in variants if v.loss]
        if not found.variants:
            raise
    middle = found.variants[len(found.variants) // 2]
    found.measure_noise("trained weights", Gradients(middle.model, X, y, loss))
    return found


def _best(tuning: dict[float, float]) -> float:
    """The rate of the lowest loss; the lowest rate where no loss is a number."""
    known = {rate: loss for rate, loss in tuning.items() if np.isfinite(loss)}
    return min(known, key=known.__getitem__) if known else min(tuning)


def _train(model: Any, X: Any, y: Any, loss: Any, optimizer: Optimizer, epochs: int, seconds: float | None,
           batch_size: int, rate: float, seed: int) -> tuple[LossWatch, Run]:
    """Do one run. Raises KeyboardInterrupt if it was cut short."""
    watch = LossWatch(X, y, losses.get(loss), seconds)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", TrainingWarning)  # that a rate is too high for a size is a result
        run = fit(fresh(model, seed), X, y, loss, replace(optimizer, lr=rate),
                  epochs=epochs if seconds is None else FOREVER, batch_size=batch_size, seed=seed, callbacks=[watch],
                  progress=False)
    if run.stopped == "interrupted":
        raise KeyboardInterrupt
    return watch, run


class LossWatch:
    """A callback that takes the loss of all rows now and then, by a clock that stands still meanwhile."""

    def __init__(self, X: Any, y: Any, loss: Callable, seconds: float | None) -> None:
        self.X, self.y, self.function, self.most = X, np.asarray(y), loss, seconds
        self.clock = self.since = 0.0
        self.epochs: list[int] = []
        self.seconds: list[float] = []
        self.loss: list[float] = []

    def __call__(self, event: Event) -> None:
        run = event.run
        if isinstance(event, Ended):
            if run.stopped.startswith("not finite"):
                self._note(self.epochs[-1] + 1, float("inf"))
            return
        if not isinstance(event, Started):
            self.clock += time.perf_counter() - self.since
        if self.most is not None and self.clock >= self.most:
            run.stop(f"{self.most:g} s are up")
        epoch = run.epochs_done
        if not self.epochs or epoch >= LOOKS * self.epochs[-1] or run.stopping or epoch == run.epochs:
            self._look(epoch, run.model)
        self.since = time.perf_counter()

    def _look(self, epoch: int, model: Module) -> None:
        with np.errstate(over="ignore", invalid="ignore"):  # a run that diverged: an infinite loss
            J = float(self.function(Tensor(model.predict(self.X)), self.y).data)
        self._note(epoch, J if np.isfinite(J) else float("inf"))

    def _note(self, epoch: int, loss: float) -> None:
        self.epochs.append(epoch)
        self.seconds.append(self.clock)
        self.loss.append(loss)


@dataclass(eq=False)
class Variant:
    """One batch size and its runs.

    steps_per_epoch: ⌈N / B⌉. rate: the learning rate used; tuning: the loss of each rate tried, the mean of its last
    looks. memory: bytes of the program's values. step_loss: J of the first steps of the first run. epochs, seconds,
    loss: for each run when the loss of all rows was taken, and what it was, infinite where the run diverged. model: of
    the last run.
    """

    batch_size: int
    steps_per_epoch: int
    rate: float = float("nan")
    tuning: dict[float, float] = field(default_factory=dict)
    memory: int = 0
    step_loss: np.ndarray = field(default_factory=lambda: np.zeros(0))
    epochs: list[np.ndarray] = field(default_factory=list)
    seconds: list[np.ndarray] = field(default_factory=list)
    loss: list[np.ndarray] = field(default_factory=list)
    model: Any = None

    def add(self, watch: LossWatch, run: Run) -> None:
        if not self.loss:
            self.step_loss = run.steps["loss"][:SHOWN].copy()
        vars(self).update(memory=run.program.engine.needs.bytes, model=run.model)
        for name in ("epochs", "seconds", "loss"):
            getattr(self, name).append(np.array(getattr(watch, name), float))

    @property
    def name(self) -> str:
        if self.steps_per_epoch == 1:
            return "batch (all rows)"
        return "stochastic (1 row)" if self.batch_size == 1 else f"mini-batch ({self.batch_size} rows)"

    @property
    def seconds_per_step(self) -> float:
        """The seconds a step of the fastest run, the least disturbed by other work; NaN where none did an epoch."""
        done = [(e[np.isfinite(J)][-1], s[np.isfinite(J)][-1])
                for e, s, J in zip(self.epochs, self.seconds, self.loss, strict=True)]
        each = [seconds / (epochs * self.steps_per_epoch) for epochs, seconds in done if epochs]
        return min(each, default=float("nan"))

    @property
    def rows_per_second(self) -> float:
        return self.batch_size / self.seconds_per_step

    def loss_after(self, axis: str, where: float) -> float:
        """The loss after so many "epochs" or "seconds", straight between the times it was taken; the runs' median."""
        with np.errstate(invalid="ignore"):  # between two infinite losses
            each = [np.interp(where, x, J) for x, J in zip(getattr(self, axis), self.loss, strict=True)]
        return float(np.median(np.nan_to_num(each, nan=np.inf, posinf=np.inf)))

    def curve(self, axis: str) -> tuple[np.ndarray, np.ndarray]:
        """The medians over the runs of when the loss was taken ("epochs" or "seconds"), from the first epoch on, and of
        the loss."""
        shortest = min(map(len, self.loss))
        return tuple(np.median([run[1:shortest] for run in part], axis=0) for part in (getattr(self, axis), self.loss))


@dataclass(eq=False, repr=False)
class Batches(Result):
    """What `ct.lab.batches` gives.

    rows: N. variants: one for each batch size. noise_sizes: batch sizes whose gradients were measured, and `noise` the
    relative noise E ‖g_B - g‖² / ‖g‖² of each at the "first weights" and at "trained weights"; noise_expected is σ²/B.
    """

    kind: ClassVar[str] = "batches"
    rows: int
    optimizer: str
    loss: str
    variants: list[Variant]
    noise_sizes: np.ndarray
    noise: dict[str, np.ndarray] = field(default_factory=dict)
    noise_expected: dict[str, np.ndarray] = field(default_factory=dict)
    cut_short: str = ""

    def measure_noise(self, when: str, gradients: Gradients) -> None:
        with np.errstate(all="ignore"):  # a network that diverged has no gradient
            self.noise[when] = np.array([noise(gradients, int(size)) for size in self.noise_sizes])
        self.noise_expected[when] = noise_expected(self.noise[when][0], self.noise_sizes, self.rows)

    @property
    def slope(self) -> float:
        """The power of B by which the noise at the first weights falls: -1 by theory. Sizes that are a good part of N
        are left out, and of the others the little is taken off that drawing without replacement does."""
        small = self.noise_sizes <= self.rows / 4
        if small.sum() < 2:
            return float("nan")
        B, measured = self.noise_sizes[small], self.noise["first weights"][small]
        return float(np.polyfit(np.log(B), np.log(measured * (self.rows - 1) / (self.rows - B)), 1)[0])

    def common(self, axis: str) -> float:
        """The "epochs" or "seconds" that every run did."""
        return min(float(x[-1]) for v in self.variants for x in getattr(v, axis))

    def to_pandas(self) -> Any:
        """Make a table with a row for each time that the loss of all rows was taken."""
        import pandas as pd

        return pd.concat([
            pd.DataFrame({"variant": v.name, "batch_size": v.batch_size, "lr": v.rate, "run": k, "epoch": epochs,
                          "step": epochs * v.steps_per_epoch, "seconds": v.seconds[k], "loss": v.loss[k]})
            for v in self.variants for k, epochs in enumerate(v.epochs)
        ], ignore_index=True)

    def to_json(self) -> dict[str, Any]:
        variants = [{"name": v.name, "seconds_per_step": v.seconds_per_step} | vars(v) for v in self.variants]
        for v in variants:
            del v["model"]
        return jsonable({"kind": self.kind} | vars(self) | {"variants": variants, "slope": self.slope})

    def __str__(self) -> str:
        epochs, seconds = self.common("epochs"), self.common("seconds")
        best = min(self.variants, key=lambda v: v.loss_after("seconds", seconds))
        single = {when: f"{values[0]:.3g}" for when, values in self.noise.items()}
        lowest = best.loss_after("seconds", seconds)
        lines = [
            f"After {seconds:.2g} s of training, {best.name} has the lowest loss of all {self.rows:,} rows, "
            f"{lowest:.3g} ({self.loss}, {self.optimizer}{self._rates()})." if np.isfinite(lowest) else
            f"No batch size has a loss that is a number ({self.loss}, {self.optimizer}{self._rates()}): lower rates.",
            f"Gradient noise falls with the batch size as B^{self.slope:.2f}. One row's gradient has "
            f"{single['first weights']} times the square of the gradient of all as noise, after training "
            f"{single['trained weights']} times.",
            "",
        ]
        head = ["", "lr", "steps/epoch", "time/step", "rows/s", "memory", "noise",
                f"loss: {counted(int(epochs), 'epoch')}", f"{seconds:.2g} s"]
        rows = [self._row(v, epochs, seconds) for v in self.variants]
        ends = "\n* the last of the rates tried: one beyond may be better" if any("*" in row[1] for row in rows) else ""
        return "\n".join(lines) + "\n" + table(head, rows) + ends

    def _rates(self) -> str:
        grid = list(self.variants[0].tuning)
        return f"; each at the best of {len(grid)} learning rates from {grid[0]:g} to {grid[-1]:g}" if grid else ""

    def _row(self, v: Variant, epochs: float, seconds: float) -> list[str]:
        grid = list(v.tuning)
        edge = "*" if v.rate in grid[:1] + grid[-1:] else ""
        measured = self.noise["first weights"][self.noise_sizes == v.batch_size][0]
        units = {"seconds_per_step": "s", "rows_per_second": "", "memory": "B"}
        return [v.name, f"{v.rate:g}{edge}", f"{v.steps_per_epoch:,}",
                *(scaled(getattr(v, name), unit) for name, unit in units.items()),
                f"{measured:.2g}" if v.steps_per_epoch > 1 else "0",
                f"{v.loss_after('epochs', epochs):.3g}", f"{v.loss_after('seconds', seconds):.3g}"]

    def plot(self, path: str | PathLike | None = None) -> Any:
        """Draw loss by step, by epoch and by second, and the gradient noise by batch size."""
        sheet = Sheet(7.6, 7.3)
        runs = len(self.variants[0].loss)
        about = f"{self.rows:,} rows, {self.optimizer}{self._rates()}. Medians of {counted(runs, 'run')}."
        sheet.title("How many rows a step?", about)
        wide, high, left, right, top, low = 2.8, 2.1, EDGE + 0.6, EDGE + 4.25, 1.5, 4.65
        a = chart(sheet, left, top, wide, high, "step", "J of the step's batch", f"The first {SHOWN} steps of a run")
        b = chart(sheet, right, top, wide, high, "epochs", "J of all rows", "Loss by data seen", "xy")
        c = chart(sheet, left, low, wide, high, "training time (s)", "J of all rows", "Loss by time", "xy")
        d = chart(sheet, right, low, wide, high, "batch size B", "‖noise‖² / ‖gradient‖²", "Noise of gradients", "xy")
        for k, v in enumerate(self.variants):
            a.plot(np.arange(1, len(v.step_loss) + 1), v.step_loss, **style(k) | {"linewidth": 0.7 + 0.4 * k})
            b.plot(*v.curve("epochs"), **style(k))
            c.plot(*v.curve("seconds"), **style(k), label=v.name)
        legend(sheet.figure, handles=c.get_legend_handles_labels()[0], ncols=len(self.variants), loc="upper left",
               bbox_to_anchor=((left - 0.15) / sheet.width, 1 - 0.8 / sheet.height), borderaxespad=0)
        some = self.noise_sizes < self.rows
        for k, (when, measured) in enumerate(self.noise.items()):
            colour = LINES[k + len(self.variants)]
            d.plot(self.noise_sizes[some], self.noise_expected[when][some], color=colour, linewidth=1)
            d.plot(self.noise_sizes[some], measured[some], MARKERS[k], color=colour, markersize=4.5, label=when)
        d.axhline(1, color=FAINT, linewidth=0.8, linestyle=":")
        d.text(1, 0.8, "noise = gradient", size=8, color=FAINT, va="top")
        legend(d)
        return sheet.saved(path)


def _sizes(sizes: Sequence[int | str], rows: int) -> list[int]:
    """Sort batch sizes from the smallest to the largest."""
    found = {rows if size == "full" else min(whole_number("batches: a size", size), rows) for size in sizes}
    if not found:
        raise ArgumentError('sizes is empty: name some batch sizes, such as (1, 32, "full")')
    return sorted(found)
