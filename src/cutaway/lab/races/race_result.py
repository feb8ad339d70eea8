"""What a race found: its numbers, who is ahead and who cannot be told apart, a row an optimizer."""

from __future__ import annotations

from dataclasses import dataclass, field
from os import PathLike
from typing import Any, ClassVar

import numpy as np

from ...errors import ArgumentError, check_name
from ...text import joined, jsonable
from ..models import fresh
from ..result import Result, table
from .comparing import HIGHER, SCORES, Standings, compare, shown
from .race_figures import FIGURES


@dataclass(eq=False, repr=False)
class Race(Result):
    """k optimizers on the same seeds. Runs that broke off have NaN for scores; `diverged` says at which step, or 0.

    by: the score that chose the learning rates and that optimizers are compared by, a name in `scores`.
    rates (k, budget), tuning (k, budget, tuning seeds): what was tried, and that score. rate (k,): the best.
    seeds: of the race. scores: name: (k, seeds); "loss" is the mean of the last epoch's steps, scores on validation
    data are of the weights that `ct.fit` keeps, the best epoch's.
    steps (points,), curves (k, seeds, points): the training loss, each point the mean of all steps since the one
    before. step_seconds (k,): of one training step, measured alone. target: the training loss to reach.
    troubles: name: why runs broke off, in words. paths: name: weights (points, n) of the first seed's run, where kept.
    """

    names: list[str]
    by: str
    rates: np.ndarray
    tuning: np.ndarray
    rate: np.ndarray
    seeds: list[int]
    scores: dict[str, np.ndarray]
    steps: np.ndarray
    curves: np.ndarray
    step_seconds: np.ndarray
    target: float
    diverged: np.ndarray
    troubles: dict[str, list[str]]
    cut_short: str = ""
    paths: dict[str, np.ndarray] = field(default_factory=dict)
    kind: ClassVar[str] = "race"
    _course: Any = None

    @property
    def steps_to_target(self) -> np.ndarray:
        """The first point of each curve that is no higher than the target, (k, seeds).

        Infinite where there is none, and for a run that broke off later: it did not stay there.
        """
        there = (self.curves <= self.target) & (self.diverged == 0)[..., None]
        first = np.append(self.steps, np.inf)
        return first[np.where(there.any(-1), there.argmax(-1), len(self.steps))]

    @property
    def seconds_to_target(self) -> np.ndarray:
        return self.steps_to_target * self.step_seconds[:, None]

    def comparison(self, by: str | None = None) -> Standings:
        """Say who is ahead, and who cannot be told apart, by a score (by default what chose the rates) or "steps".

        "steps" are those to the target; a run that never reached it is behind any that did.
        """
        scores, by = self.scores | {"steps": self.steps_to_target}, by or self.by
        check_name(by, list(scores), "score of this race")
        if not self.seeds:
            raise ArgumentError("no seed of the race was finished, so there is nothing to compare")
        return compare(self.names, scores[by], SCORES[by], higher=by in HIGHER)

    def at_edge(self) -> list[str]:
        """Find optimizers whose best rate is the lowest or highest that was tried: a better one may lie beyond."""
        ends = [row[[0, -1]] for row in self.rates]
        return [name for name, rate, (low, high) in zip(self.names, self.rate, ends, strict=True)
                if self.rates.shape[1] > 2 and rate in (low, high)]

    def slice(self, **how: Any) -> Any:
        """The true loss on the plane through the first seed's paths (`race(..., paths=True)`): see `trajectory`."""
        from ..landscapes.slices import trajectory

        if not self.paths:
            raise ArgumentError("this race kept no paths: call ct.lab.race(..., paths=True)")
        course, learnt, names = self._course, self._course.learnt, list(self.paths)
        weights = list(self.paths.values())
        return trajectory(fresh(course.model, 0), learnt.inputs, learnt.y, course.loss, weights, names, **how)

    # ---- showing -----------------------------------------------------------------------------------------------------
    def plot(self, path: str | PathLike | None = None, kind: str = "sheet") -> Any:
        """Draw "curves" (over steps and seconds), "scores" of every seed, or both on a "sheet" with matplotlib; or the
        "slice" through the paths. Also written to a file if a path is given."""
        check_name(kind, [*FIGURES, "slice"], "figure of a race")
        return self.slice().plot(path) if kind == "slice" else FIGURES[kind](self, path)

    def to_pandas(self) -> Any:
        """Make a table with a row a run of the race."""
        import pandas as pd

        k, s = len(self.names), len(self.seeds)
        columns = {"optimizer": np.repeat(self.names, s), "rate": np.repeat(self.rate, s),
                   "seed": np.tile(self.seeds, k)} | {name: values.ravel() for name, values in self.scores.items()}
        return pd.DataFrame(columns | {
            "steps_to_target": self.steps_to_target.ravel(), "seconds_to_target": self.seconds_to_target.ravel(),
            "diverged": self.diverged.ravel(),
        })

    def to_json(self) -> dict[str, Any]:
        pairs = [vars(pair) | {"apart": pair.apart} for pair in self.comparison().pairs] if self.seeds else []
        return jsonable({
            "kind": self.kind, "names": self.names, "by": self.by, "rates": self.rates, "tuning": self.tuning,
            "rate": self.rate, "seeds": self.seeds, "scores": self.scores, "steps": self.steps, "curves": self.curves,
            "step_seconds": self.step_seconds, "target": self.target, "steps_to_target": self.steps_to_target,
            "diverged": self.diverged, "troubles": self.troubles, "pairs": pairs, "cut_short": self.cut_short,
        })

    def __str__(self) -> str:
        if not self.seeds:
            return f"No seed was raced to the end by all {len(self.names)} optimizers.\n\n{_tuned(self)}"
        found, speed = self.comparison(), self.comparison("steps")
        few = [SCORES[name].removeprefix("validation ") for name in self.scores if name in HIGHER]
        head = ["optimizer", "rate", "training loss", *(["validation loss"] if "val_loss" in self.scores else []), *few,
                "steps", "seconds", *(["diverged"] if self.diverged.any() else []), "behind", "p"]
        rows = [_row(self, self.names.index(name), found) for name in found.names]
        edge = [f"{name}'s {self.rate[self.names.index(name)]:g}" for name in self.at_edge()]
        by, (_, budget, tried) = SCORES[self.by], self.tuning.shape
        notes = [
            f"Medians and quartiles of {len(self.seeds)} seeds. Rates: "
            + (f"the best of {budget} each by {by}, on {tried} other seeds." if tried else "each its own."),
            *([f"Better rates than {joined(edge)} may lie beyond those tried."] if edge else []),
            f"Steps and seconds: to a training loss of {self.target:.3g}; seconds are steps times a step's own, "
            "measured alone on one thread.",
            *([f"Behind: median over the seeds, by {by}; p: signed ranks"
               + (f", corrected for {len(found.pairs)} pairs." if found.pairs[1:] else ".")] if found.pairs else []),
            *(f"{name} diverged in {len(why)} of {len(self.seeds)} seeds; in the first {why[0]}"
              for name, why in self.troubles.items() if why),
        ]
        said = [str(found), *([str(speed)] if found.pairs else [])]
        return "\n".join([*said, "", table(head, rows), "", *notes])


def _row(race: Race, k: int, found: Standings) -> list[str]:
    name, first = race.names[k], found.names[0]
    pair = None if name == first else found.pair(first, name)
    scores = [f"{-middle(-values[k]):.3f}".replace("inf", "∞") if score in HIGHER else spread(values[k])
              for score, values in race.scores.items()]
    steps = middle(race.steps_to_target[k])
    ever = np.isfinite(steps)
    return [
        name, f"{race.rate[k]:g}", *scores, f"{steps:,.0f}" if ever else "never",
        f"{steps * race.step_seconds[k]:.2g}" if ever else "never",
        *([f"{(race.diverged[k] > 0).sum()}"] if race.diverged.any() else []),
        "" if pair is None else shown(pair.gap), "" if pair is None else f"{max(pair.p, 0.001):.2g}",
    ]


def _tuned(race: Race) -> str:
    """Find what was known of learning rates by then: the mean score of each that was tried."""
    known = np.isfinite(race.tuning)
    means = np.where(known, race.tuning, 0).sum(-1) / np.maximum(known.sum(-1), 1)
    rows = [[f"{name}, by {SCORES[race.by]}", *(f"{rate:g}: {mean:.2g}" for rate, mean, tried in
                                                zip(*each, strict=True) if tried)]
            for name, *each in zip(race.names, race.rates, means, known.any(-1), strict=True)]
    return "\n".join("  ".join(row) for row in rows)


def middle(values: np.ndarray) -> float:
    """The median; what is not finite is worse than any."""
    return float(np.median(np.where(np.isfinite(values), values, np.inf)))


def spread(values: np.ndarray) -> str:
    """The median and the quartiles with two digits; what is not finite is worse than any.

    >>> spread(np.array([1.0, 2.0, 3.0, 4.0, np.nan]))
    '3.0 (2.0–4.0)'
    """
    known = np.where(np.isfinite(values), values, np.inf)
    low, high = np.quantile(known, [0.25, 0.75], method="inverted_cdf")
    return f"{_two(middle(values))} ({_two(low)}–{_two(high)})"


def _two(x: float) -> str:
    return f"{x:#.2g}" if np.isfinite(x) else "∞"
