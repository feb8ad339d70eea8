"""Where two learning curves cross: who is ahead at each size, said only where the seeds agree on it."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from ...text import joined

CONFIDENCE = 0.95


def interval(differences: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The mean of paired differences (sizes, seeds) at each size and its 95 % interval by Student's t: low, mean, high.

    Seeds that are not finite are left out. One seed has no spread: its interval is endless.

    >>> [a.round(2).tolist() for a in interval(np.array([[1.0, 2.0, 3.0], [0.5, np.nan, np.nan]]))]
    [[-0.48, -inf], [2.0, 0.5], [4.48, inf]]
    """
    known = np.isfinite(differences)
    n = known.sum(1)
    values = np.where(known, differences, 0.0)
    mean = np.where(n > 0, values.sum(1) / np.maximum(n, 1), np.nan)
    spread = np.sqrt((np.where(known, differences - mean[:, None], 0.0) ** 2).sum(1) / np.maximum(n - 1, 1))
    from scipy.stats import t  # takes a while to import

    margin = np.where(n > 1, t.ppf((1 + CONFIDENCE) / 2, np.maximum(n - 1, 1)) * spread / np.sqrt(np.maximum(n, 1)),
                      np.inf)
    return mean - margin, mean, mean + margin


def leads(differences: np.ndarray) -> np.ndarray:
    """Give 1 where differences (sizes, seeds) are above zero beyond chance, -1 where below, 0 where it cannot be said.

    >>> leads(np.array([[1.0, 2.0, 3.0], [2.0, 2.1, 2.2], [-2.0, -2.1, -2.2]])).tolist()
    [0, 1, -1]
    """
    low, _, high = interval(differences)
    return (low > 0).astype(int) - (high < 0)


@dataclass(frozen=True)
class Crossing:
    """How a first model stands to a second one as data grows.

    lead: at each size 1 (ahead), -1 (behind) or 0 (cannot be said). since: the size from which on the last of these has
    held. crossed: the two sizes between which the lead changed hands for the last time, or None: one is ahead before,
    the other after; sizes in between cannot be said.
    """

    first: str
    second: str
    sizes: tuple[int, ...]
    lead: tuple[int, ...]

    @property
    def since(self) -> int:
        return self.sizes[self._start]

    @property
    def crossed(self) -> tuple[int, int] | None:
        known = [(size, lead) for size, lead in zip(self.sizes, self.lead, strict=True) if lead]
        turns = [(a, b) for (a, before), (b, after) in pairwise(known) if before != after]
        return turns[-1] if turns else None

    @property
    def _start(self) -> int:
        """Where the last run of equal leads begins."""
        k = len(self.lead) - 1
        while k and self.lead[k - 1] == self.lead[-1]:
            k -= 1
        return k

    def phrase(self, first: str, second: str) -> str:
        """Say what holds at the largest sizes, for models of these names."""
        last, before = self.lead[-1], self.lead[: self._start]
        since = f"from {self.since:,} rows on" if self.since < self.sizes[-1] else f"at {self.since:,} rows"
        if not last:
            earlier = f"{since} ({'ahead' if before[-1] > 0 else 'behind'} before)" if before else "at any size"
            return f"{first} cannot be told apart from {second} {earlier}"
        ahead, behind = (first, second) if last > 0 else (second, first)
        if self.crossed and self.crossed[1] == self.since:
            return f"{ahead} overtakes {behind} between {self.crossed[0]:,} and {self.since:,} rows"
        return f"{ahead} is ahead of {behind} {since if before else 'everywhere'}"


def sentence(crossings: list[Crossing]) -> str:
    """Say in one sentence how all pairs of one first model stand; those that stand alike are named together.

    >>> tree, line = Crossing("network", "tree", (10, 100), (-1, 1)), Crossing("network", "line", (10, 100), (0, 1))
    >>> print(sentence([tree, line]))
    The network overtakes tree between 10 and 100 rows; the network is ahead of line at 100 rows.
    """
    groups: dict[str, list[str]] = {}
    for c in crossings:
        groups.setdefault(c.phrase("the network" if c.first == "network" else c.first, "{}"), []).append(c.second)
    parts = "; ".join(_phrased(phrase, names) for phrase, names in groups.items())
    return f"{parts[:1].upper()}{parts[1:]}."


def _phrased(phrase: str, names: list[str]) -> str:
    """The phrase with one name in its place, or several: "a and b are", where they are its subject."""
    if len(names) == 1:
        return phrase.format(names[0])
    if phrase.startswith("{}"):
        phrase = phrase.replace(" is ", " are ", 1).replace(" overtakes ", " overtake ", 1)
    return phrase.format(joined(names))
