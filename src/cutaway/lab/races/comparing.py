"""Who is ahead: scores of several on the same seeds, compared pair by pair, and said only where seeds can show it."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from math import ceil, log2
from typing import Any

import numpy as np

from ...errors import ArgumentError
from ...random import stream
from ...shown import Shown
from ...text import joined

LEVEL = 0.05  # of wrong claims, over all pairs of a comparison together
EXACT = 14  # seeds up to which every pattern of signs is counted; of more, DRAWN patterns are drawn
DRAWN = 1 << EXACT
RESAMPLED = 2000  # bootstrap samples
SCORES = {"loss": "training loss", "val_loss": "validation loss", "accuracy": "validation accuracy",
          "r2": "validation R²", "steps": "steps to the target"}
HIGHER = ("accuracy", "r2")  # is better


@dataclass(frozen=True)
class Pair:
    """Two on the same seeds. gap: the median over the seeds of how far `behind` is behind `ahead`, in the score's unit.

    low, high: its 95 % bootstrap interval. p: of a signed-rank test, two-sided and exact, corrected for all pairs of
    the comparison (Holm). apart: whether the difference is one.
    """

    ahead: str
    behind: str
    gap: float
    low: float
    high: float
    p: float

    @property
    def apart(self) -> bool:
        return self.p <= LEVEL and self.gap > 0


@dataclass(frozen=True)
class Standings(Shown):
    """Several, the best median first, and all their pairs; `print` says who is ahead and who cannot be told apart."""

    score: str
    names: list[str]
    seeds: int
    pairs: list[Pair]

    def pair(self, a: str, b: str) -> Pair:
        """The pair of these two."""
        return next(pair for pair in self.pairs if {pair.ahead, pair.behind} == {a, b})

    def to_pandas(self) -> Any:
        """Make a table with a row a pair."""
        import pandas as pd

        return pd.DataFrame([vars(pair) | {"apart": pair.apart} for pair in self.pairs])

    def __str__(self) -> str:
        first, *others = self.names
        if not others:
            return f"{first} was alone."
        if self.seeds < (needed := seeds_needed(len(self.pairs))):
            return (f"{first} has the best median {self.score}, but {self.seeds} seeds cannot tell "
                    f"{len(self.names)} apart, whatever they score: take at least {needed}.")
        near = [name for name in others if not self.pair(first, name).apart]
        far = [name for name in others if name not in near]
        front, on = [first, *near], f"on these {self.seeds} seeds"
        if not near:
            return f"{first} is ahead of {joined(far)} by {self.score} {on} ({self._numbers(first, far)})."
        alike = not any(self.pair(*two).apart for two in combinations(near, 2))
        who = f"{joined(front)} cannot be told apart" if alike else f"{first} cannot be told apart from {joined(near)}"
        said = f"{who} by {self.score} {on} ({self._numbers(first, near)})"
        if not far:
            return f"{said}."
        every = all(self.pair(a, b).apart and self.pair(a, b).ahead == a for a in front for b in far)
        subject = f"{first} is" if not every else "both are" if len(front) == 2 else f"all {len(front)} are"
        return f"{said}; {subject} ahead of {joined(far)} ({self._numbers(first, far)})."

    def _numbers(self, first: str, others: list[str]) -> str:
        pairs = [self.pair(first, name) for name in others]
        if len(pairs) == 1:
            gap, low, high = (shown(x) for x in (pairs[0].gap, pairs[0].low, pairs[0].high))
            return f"median difference {gap}, 95 % {low} to {high}, {_p(pairs[0].p)}"
        gaps, ps = [pair.gap for pair in pairs], [pair.p for pair in pairs]
        apart = " to ".join(dict.fromkeys([shown(min(gaps)), shown(max(gaps))]))
        between = " to ".join(dict.fromkeys([_p(min(ps)), _p(max(ps)).removeprefix("p = ")]))
        return f"median differences to {first} {apart}, {_p(max(ps)) if _p(min(ps)) == _p(max(ps)) else between}"


def compare(names: list[str], scores: np.ndarray, score: str = "score", higher: bool = False,
            seed: int = 0) -> Standings:
    """Compare scores (names, seeds), a column a seed that all share; `higher` ones are better, or lower ones.

    Every pair is tested by Wilcoxon's signed ranks of its differences, seed by seed: by how large they are beside each
    other and which sign they have, not what they are distributed like. A score that is not finite is worse than any.

    >>> import numpy as np
    >>> noise = np.random.default_rng(0).normal(size=(3, 10))
    >>> print(compare(["A", "B", "C"], noise + [[0], [0.1], [9]], "loss"))  # doctest: +ELLIPSIS
    B and A cannot be told apart by loss on these 10 seeds (...); both are ahead of C (...).

    Raises ArgumentError for scores of another shape.
    """
    scores = np.asarray(scores, float)
    if scores.ndim != 2 or scores.shape[0] != len(names) or not scores.size:
        raise ArgumentError(f"scores must be ({len(names)}, seeds), one row a name, got {scores.shape}")
    cost = np.nan_to_num(-scores if higher else scores, nan=np.inf, posinf=np.inf, neginf=np.inf)
    order = np.argsort(np.median(cost, axis=1), kind="stable")
    found: list[tuple[str, str, float, float, float]] = []
    p = []
    for a, b in combinations(order, 2):
        gaps = np.subtract(cost[b], cost[a], out=np.zeros(cost.shape[1]), where=cost[a] != cost[b])
        found.append((names[a], names[b], float(np.median(gaps)), *bootstrap(gaps, seed)))
        p.append(signed_rank(gaps, seed))
    pairs = [Pair(*pair, corrected) for pair, corrected in zip(found, holm(np.array(p)), strict=True)]
    return Standings(score, [names[k] for k in order], scores.shape[1], pairs)


def signed_rank(gaps: np.ndarray, seed: int = 0) -> float:
    """Compute the two-sided p of Wilcoxon's signed-rank test: could the signs of these differences be pure chance?

    Ranks are of the absolute differences; zeros keep their rank and count for neither side (Pratt, 1959), so ties need
    no approximation: all patterns of signs are counted, of many seeds as many as are drawn.
    """
    from scipy.stats import rankdata  # takes a while to import

    n = len(gaps)
    ranks = rankdata(np.abs(gaps)) * (gaps != 0)
    if n <= EXACT:
        signs = 2 * (np.arange(1 << n)[:, None] >> np.arange(n) & 1) - 1
    else:
        drawn = stream(seed, "signs").integers(0, 2, (DRAWN - 1, n))
        signs = np.concatenate([np.sign(gaps)[None], 2 * drawn - 1])  # what was seen is one of the patterns
    return float(np.mean(np.abs(signs @ ranks) >= abs(np.sign(gaps) @ ranks) - 1e-9))


def holm(p: np.ndarray) -> np.ndarray:
    """Raise the p-values of several tests so that all claims together hold at the level of one (Holm, 1979)."""
    order = np.argsort(p)
    raised = np.maximum.accumulate(p[order] * np.arange(len(p), 0, -1))
    corrected = np.empty(len(p))
    corrected[order] = np.minimum(raised, 1)
    return corrected


def bootstrap(gaps: np.ndarray, seed: int = 0) -> tuple[float, float]:
    """A 95 % interval for the median: what the median of as many, drawn from these with replacement, varies between."""
    rows = stream(seed, "bootstrap").integers(0, len(gaps), (RESAMPLED, len(gaps)))
    low, high = np.quantile(np.median(gaps[rows], axis=1), [0.025, 0.975], method="inverted_cdf")
    return float(low), float(high)


def seeds_needed(pairs: int) -> int:
    """The fewest seeds with which so many pairs can be told apart: of n, the smallest p is 2 / 2ⁿ, times the pairs."""
    return ceil(log2(2 * pairs / LEVEL))


def shown(x: float) -> str:
    """Write a difference: whole from 100 on, else with two digits.

    >>> shown(0.01234), shown(-3.0), shown(1234.5), shown(float("inf"))
    ('0.012', '-3', '1,234', '∞')
    """
    if not np.isfinite(x):
        return "∞" if x > 0 else "-∞"
    return f"{x:,.0f}" if abs(x) >= 100 else f"{x:.2g}"


def _p(p: float) -> str:
    return f"p = {p:.2g}" if p >= 0.001 else "p < 0.001"

