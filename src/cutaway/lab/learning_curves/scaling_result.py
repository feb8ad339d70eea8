"""What learning curves say: who is ahead at which size, what more rows still add, and their figure."""

from __future__ import annotations

from dataclasses import dataclass, field
from os import PathLike
from typing import Any, ClassVar

import numpy as np

from ...drawing.charts import MARKERS, chart, legend, style
from ...drawing.sheet import EDGE, FAINT, Sheet
from ...text import columns, counted, jsonable
from ..result import Result
from .crossing import Crossing, interval, leads, sentence

FULL_RANGE = 8  # with fewer seeds, bars reach from the lowest to the highest; with more they show quartiles


@dataclass(eq=False, repr=False)
class Scaling(Result):
    """What `ct.lab.scaling` gives: arrays (models, sizes, seeds), NaN where a fit failed or was not reached.

    score: accuracy, or R² of numbers; loss: log loss, or mean squared error; seconds: of each fit. test_rows: how many
    rows a seed is scored on. many: what the rows are called.
    """

    kind: ClassVar[str] = "scaling"

    task: str
    models: list[str]
    sizes: np.ndarray
    seeds: list[int]
    test_rows: int
    many: str
    score: np.ndarray
    loss: np.ndarray
    seconds: np.ndarray
    notes: list[str] = field(default_factory=list)
    cut_short: str = ""

    @property
    def metric(self) -> str:
        return "R²" if self.task == "regression" else "accuracy"

    def crossings(self) -> list[Crossing]:
        """Compare the first model with each other one, at the sizes at which both have a score of every seed."""
        found = []
        for name, scores in zip(self.models[1:], self.score[1:], strict=True):
            differences = self.score[0] - scores
            reached = np.isfinite(differences).all(1)
            if reached.any():
                lead = tuple(leads(differences[reached]).tolist())
                found.append(Crossing(self.models[0], name, tuple(self.sizes[reached].tolist()), lead))
        return found

    def gains(self) -> np.ndarray:
        """Compute what twice the rows add to the score at the end of each curve: (models, 3), mean and 95 % interval.

        Taken between a model's two largest sizes with a score of every seed, seed by seed; NaN where there is only one.
        """
        found = np.full((len(self.models), 3), np.nan)
        for m, scores in enumerate(self.score):
            *_, a, b = -1, -1, *np.flatnonzero(np.isfinite(scores).all(1))
            if a >= 0:
                low, mean, high = interval((scores[b] - scores[a])[None] / np.log2(self.sizes[b] / self.sizes[a]))
                found[m] = mean[0], low[0], high[0]
        return found

    def to_pandas(self) -> Any:
        """Make a table with a row a fit: model, rows, seed, score, loss, seconds."""
        import pandas as pd

        index = pd.MultiIndex.from_product([self.models, self.sizes, self.seeds], names=["model", "rows", "seed"])
        columns = {self.metric: self.score.ravel(), "loss": self.loss.ravel(), "seconds": self.seconds.ravel()}
        return pd.DataFrame(columns, index).reset_index()

    def to_json(self) -> dict[str, Any]:
        names = ("task", "metric", "models", "sizes", "seeds", "test_rows", "many", "score", "loss", "seconds", "notes",
                 "cut_short")
        fields = {name: getattr(self, name) for name in names}
        crossings = [vars(c) | {"crossed": c.crossed} for c in self.crossings()]
        gains = dict(zip(self.models, self.gains(), strict=True))
        return jsonable({"kind": self.kind, **fields, "crossings": crossings, "gain_of_doubling": gains})

    def __str__(self) -> str:
        crossings, gains = self.crossings(), self.gains()
        sizes = [f"{size:6,}" for size in self.sizes]
        rows = [[f"{self.metric}, {self.many}", *sizes, "a doubling adds"], *(
            [name, *map(_mean, self.score[m]), _gain(*gains[m])] for m, name in enumerate(self.models)), []]
        if crossings:
            rows += [[f"{self.models[0]} is", *sizes], *([f"  {c.second}", *self._leads(c)] for c in crossings), []]
        lines = [*([sentence(crossings), ""] if crossings else []), *columns(rows, range(1, len(sizes) + 2))]
        seeds, test = counted(len(self.seeds), "seed"), f"{self.test_rows:,} test {self.many}"
        lines.append(f"Means of {seeds}, {test} each. Brackets, and who is ahead: 95 % t intervals of paired "
                     "differences. What a doubling adds is from the last two sizes.")
        if len(self.seeds) < 3:
            lines.append("So few seeds can hardly tell who is ahead: take three or more.")
        return "\n".join([*lines, *(f"No score: {text}" for text in self.notes)])

    def _leads(self, crossing: Crossing) -> list[str]:
        words = dict(zip(crossing.sizes, [("=", "ahead", "behind")[lead] for lead in crossing.lead], strict=True))
        return [words.get(size, "-") for size in self.sizes.tolist()]

    def plot(self, path: str | PathLike | None = None) -> Any:
        """Draw two charts: test error against rows, and the first model's lead over each other, with intervals."""
        sheet = Sheet(7.7 if len(self.models) > 1 else 4.2, 4.2)
        spread = "lowest to highest seed" if len(self.seeds) < FULL_RANGE else "quartiles of the seeds"
        sheet.title("Test error as data grows", f"{len(self.seeds)} seeds, {self.test_rows:,} test {self.many} each; "
                                                f"points are means, bars {spread}")
        self._errors(sheet)
        if len(self.models) > 1:
            self._differences(sheet)
        return sheet.saved(path)

    def _errors(self, sheet: Sheet) -> None:
        what = "1 - R², share of variance unexplained" if self.task == "regression" else "share of wrong predictions"
        axes = chart(sheet, EDGE + 0.55, 0.95, 2.85, 2.65, f"{self.many} to learn from", what, log="xy")
        errors = np.maximum(1 - self.score, 0.5 / self.test_rows)  # a logarithm cannot show that none was wrong
        axes.set_ylim(np.nanmin(errors) / 1.3, np.nanmax(errors) * 1.3)
        for m, name in enumerate(self.models):
            _bars(axes, self.sizes * 1.02 ** (m - len(self.models) / 2), errors[m], m, name)
        _at_sizes(axes, self.sizes)
        legend(axes, loc="lower left")

    def _differences(self, sheet: Sheet) -> None:
        axes = chart(sheet, EDGE + 4.3, 0.95, 2.85, 2.65, f"{self.many} to learn from",
                     f"{self.metric}: {self.models[0]} minus other", log="x")
        axes.axhline(0, color="black", linewidth=0.8)
        for m in range(1, len(self.models)):
            low, mean, high = interval(self.score[0] - self.score[m])
            margin = np.where(np.isfinite(high - low), high - mean, 0)
            x = self.sizes * 1.03 ** (m - len(self.models) / 2)
            axes.errorbar(x, mean, margin, marker=MARKERS[m], ms=5, capsize=2.5, **style(m))
        _at_sizes(axes, self.sizes)
        axes.set_title("mean and 95 % interval of paired differences", size=9, color=FAINT, loc="left")


def _mean(scores: np.ndarray) -> str:
    known = scores[np.isfinite(scores)]
    return f"{known.mean():.3f}" if known.size else "-"


def _gain(mean: float, low: float, high: float) -> str:
    if not np.isfinite(mean):
        return "-"
    return f"{mean:+.3f}" + (f" ({low:+.3f} to {high:+.3f})" if np.isfinite(low) else "")


def _bars(axes: Any, x: np.ndarray, values: np.ndarray, k: int, label: str) -> None:
    """Draw a line through the means, with bars from the lowest to the highest, or of quartiles where there are many."""
    ends = (0, 1) if values.shape[1] < FULL_RANGE else (0.25, 0.75)
    seen = np.isfinite(values).any(1)
    low, high = np.nanquantile(values[seen], ends, axis=1)
    mean = np.nanmean(values[seen], axis=1)
    reach = np.maximum([mean - low, high - mean], 0)
    axes.errorbar(x[seen], mean, reach, marker=MARKERS[k], ms=5, capsize=2.5, label=label, **style(k))


def _at_sizes(axes: Any, sizes: np.ndarray) -> None:
    """Set ticks at the sizes alone."""
    from matplotlib.ticker import NullLocator

    axes.set_xticks(sizes, [f"{size:,}" for size in sizes])
    axes.xaxis.set_minor_locator(NullLocator())
