"""The learning-rate finder: what ct.fit does for lr="auto", to look at."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from os import PathLike
from typing import Any, ClassVar

import numpy as np

from ...drawing.charts import chart, legend, style
from ...drawing.sheet import EDGE, LINES, Sheet
from ...nn import Module
from ...optim import AdamW, Optimizer
from ...text import jsonable
from ...train.fit import prepared
from ...train.rate import HIGH, LOW, STEPS, RangeTest, range_test, rising
from ..models import fresh, loss_for, opened
from ..result import Result, table


@dataclass(eq=False, frozen=True, repr=False)
class LearningRates(RangeTest, Result):
    """What `ct.lab.lr_find` gives: a rate and a loss for each step of the range test, and what they suggest."""

    kind: ClassVar[str] = "learning rates"
    optimizer: str = field(kw_only=True)
    loss: str = field(kw_only=True)
    batch_size: int = field(kw_only=True)
    rows: int = field(kw_only=True)

    def marks(self) -> dict[str, float]:
        """The rates that stand out, by name."""
        found = {"steepest fall": self.steepest, "suggestion": self.suggestion, "lowest loss": self.lowest,
                 "divergence": self.diverged}
        return {name: rate for name, rate in found.items() if rate is not None}

    def to_pandas(self) -> Any:
        """Make a table with a row for each step: its rate, its loss, and the smoothed loss."""
        import pandas as pd

        return pd.DataFrame({"lr": self.rates, "loss": self.losses, "smoothed": self.smoothed})

    def to_json(self) -> dict[str, Any]:
        return jsonable({"kind": self.kind} | vars(self))

    __repr__ = Result.__repr__

    def __str__(self) -> str:
        if self.suggestion is None:
            said = f"No learning rate to suggest: {self.trouble}."
        else:
            end = (f"at {self.diverged:.2g} it had diverged" if self.diverged is not None
                   else f"up to {self.rates[-1]:g} it did not diverge")
            said = (f"Train with a learning rate of {self.suggestion:g} ({self.optimizer}, {self.batch_size} rows a "
                    f"step): a quarter of {self.lowest:.2g}, where the loss was as low as it got; {end}.")
        rows = [[name, f"{rate:.2g}", f"{self._at(rate):.4g}"] for name, rate in
                ({"first step": float(self.rates[0])} | self.marks()).items()]
        return f"{said}\n\n{table(['', 'learning rate', self.loss.replace('_', ' ')], rows)}"

    def _at(self, rate: float) -> float:
        """The smoothed loss at the step with this rate; infinite where that was not finite."""
        k = int(np.searchsorted(self.rates, rate * (1 - 1e-9)))
        return float(self.smoothed[k]) if k < len(self.smoothed) else float("inf")

    def plot(self, path: str | PathLike | None = None) -> Any:
        """The loss against the learning rate, with the rates that stand out marked."""
        sheet = Sheet(7.2, 4.55)
        found = "No learning rate" if self.suggestion is None else f"A learning rate of {self.suggestion:g}"
        sheet.title(f"{found} for {self.optimizer}",
                    f"{len(self.losses)} steps of {self.batch_size} rows, each at a higher rate than the one before")
        axes = chart(sheet, EDGE + 0.5, 1.4, 6.2, 2.55, "learning rate", self.loss.replace("_", " "), log="x")
        axes.plot(self.rates, self.losses, color="0.7", linewidth=0.8, label="a batch's loss")
        axes.plot(self.rates, self.smoothed, **style(0), label="smoothed")
        low, start = float(self.smoothed.min()), float(np.median(self.losses[:30]))
        top = start + 0.9 * max(start - low, 1e-3 * abs(start))
        if self.suggestion is not None:
            axes.set_ylim(low - 0.15 * (top - low), top)
            axes.set_xlim(max(self.rates[0], 1e-3 * self.suggestion), self.rates[-1] * 1.6)  # lower ones change nothing
        looks = {"steepest fall": (2, "v", ":"), "suggestion": (1, "o", "-"), "lowest loss": (4, "s", "-."),
                 "divergence": (3, "X", "--")}
        for name, rate in self.marks().items():
            k, marker, dash = looks[name]
            size = {"linewidth": 2.0, "markersize": 8} if name == "suggestion" else {"linewidth": 1.2, "markersize": 6}
            axes.axvline(rate, color=LINES[k], linestyle=dash, linewidth=size["linewidth"])
            axes.plot([rate], [min(self._at(rate), 0.95 * top + 0.05 * low)], marker, color=LINES[k],
                      markersize=size["markersize"], label=f"{name}: {rate:.2g}")
        legend(axes, loc="lower left", bbox_to_anchor=(-0.02, 1.0), ncol=3, columnspacing=2.5)
        return sheet.saved(path)


def lr_find(model: Module | Callable[[], Module], X: Any, y: Any, loss: str | Callable = "auto",
            optimizer: Optimizer | None = None, batch_size: int | str = 32, low: float = LOW, high: float = HIGH,
            steps: int = STEPS, sample_weight: Any = None, seed: int = 0) -> LearningRates:
    """Find a learning rate: real training steps at rates that rise from `low` to `high` until the loss diverges.

    >>> import cutaway as ct
    >>> X, y = ct.datasets.make("moons", n=200, seed=0)
    >>> found = lr_find(ct.nn.MLP(2, [16], 2), X, y, optimizer=ct.optim.SGD("auto"))
    >>> 0.01 < found.suggestion < found.lowest < found.diverged
    True

    model: a Module, or a function that makes one; a copy with the first weights of the seed is tried, the model itself
    stays as it is. optimizer: whose rate is wanted, AdamW if None; its own rate is ignored. X, y, loss, batch_size,
    sample_weight, seed: as `ct.fit` takes them. `ct.fit(..., optimizer=ct.optim.AdamW("auto"))` does this first.

    The losses are smoothed by an exponential average (β = 0.8) without the bias of its start. The test ends when that
    lies above the first losses by as much as it had fallen below them, and out of their noise. The suggestion is a
    quarter of the rate at which it was first as low as it got, but for a hundredth of its fall; None, with the reason
    in `trouble`, where the losses show no such rate.

    Source: Smith, "Cyclical Learning Rates for Training Neural Networks", 2017. Raises what `ct.fit` raises, and
    ArgumentError for rates or steps that make no sense.
    """
    model, X, y, loss = opened(model, X, y, loss)
    model = fresh(model, seed)
    loss = loss_for(loss, model, X, y, learns=True)
    optimizer = rising(optimizer if optimizer is not None else AdamW("auto"), low, high, steps)
    program, past = prepared(model, X, y, loss, optimizer, batch_size=batch_size, sample_weight=sample_weight,
                             seed=seed, steps=steps)
    test = range_test(program, past, steps)
    return LearningRates(**vars(test), optimizer=type(optimizer).__name__, loss=getattr(past.loss, "__name__", "loss"),
                         batch_size=past.batch_size, rows=len(past.rows))
