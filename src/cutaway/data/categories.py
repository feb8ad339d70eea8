"""Categories (a column for each level that is common enough, or a code) and booleans."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..text import counted
from .cells import CodedWords, Places, plainest, unreadable, words_of
from .columns import Column, Settings
from .doubts import Doubt, gap_doubts, word_doubts
from .limits import FEWEST_OF_CODE, MOST_CODES

#: What to do about levels that share a place.
MERGE = "to tell them apart takes more rows of each, or levels that are merged by what they have in common"
TRUTH = {"true": 1.0, "1": 1.0, "false": -1.0, "0": -1.0}


@dataclass
class Category(Column, kinds=("category",)):
    """A column of names: one-hot. Rare levels share 'other'; an unseen one joins them, or is all zeros without it.

    Many levels are `coded`: the one feature is the place of the level in `levels`, to be looked up in an embedding.
    Rare and unseen levels have the code behind the last of these, gaps the one after it, if training had some.
    """

    marked: bool
    levels: list[str]
    other: bool
    rare: list[str] | None = None  # the others of training; None: too many to remember, or an old model file
    coded: bool = False

    @property
    def codes(self) -> dict[int, int]:
        return {0: len(self.levels) + 1 + self.marked} if self.coded else {}

    @property
    def unseen(self) -> int:
        return len(self.levels)

    @property
    def elsewhere(self) -> int:
        """The place, among levels, of a rare or unseen one; -1 for none."""
        return len(self.levels) if self.other or self.coded else -1

    @property
    def gap(self) -> int:
        """The place of a gap; -1 for none."""
        return self.elsewhere if not self.marked else len(self.levels) + (self.other or self.coded)

    @property
    def features(self) -> list[str]:
        return [f"{self.name} code"] if self.coded else self.spread

    @property
    def spread(self) -> list[str]:
        names = [f"{self.name}={level}" for level in self.levels]
        other = [f"{self.name} other"] * (self.elsewhere >= 0)
        return names + other + [f"{self.name} missing"] * self.marked

    @property
    def way(self) -> str:
        each = "a code" if self.coded else "a column"
        parts = [f"{each} for each of {counted(len(self.levels), 'level')}"]
        parts += [f"{counted(self.distinct - len(self.levels), 'rarer level')} as 'other'"] * self.other
        return ", ".join(parts + ["gaps marked"] * self.marked)

    def note(self, settings: Settings) -> str:
        rarer, kept = self.distinct - len(self.levels), len(self.levels)
        most, fewest = (MOST_CODES, FEWEST_OF_CODE) if self.coded else (settings.max_levels, settings.min_count)
        place = "code" if self.coded else "column"
        if rarer and kept < most:  # too rare to be learnt: told where they are the most
            some = f"{rarer:,} of {self.distinct:,} levels are in fewer than {fewest} rows each"
            return f"{self.name}: {some} and share one {place}: {MERGE}" * (rarer > kept)
        if not rarer:
            return ""
        return (f"{self.name}: the {kept:,} most frequent of {self.distinct:,} levels have a {place} each, the others "
                f"share one: {MERGE}")

    def writer(self, cells: Any) -> Callable[[slice, np.ndarray], None]:
        words = words_of(cells, self.name)
        places = Places(self.levels)
        slots = np.array([places.get(word, self.elsewhere) for word in words.words], dtype=np.int32)
        slot = words.spread(slots, self.gap)

        def write(rows: slice, out: np.ndarray) -> None:
            at = slot[rows]
            if self.coded:
                out[:, 0] = at
                return
            known = np.flatnonzero(at >= 0)
            out[known, at[known]] = 1

        return write

    def doubts(self, cells: Any) -> list[Doubt]:
        words = words_of(cells, self.name)
        found = gap_doubts(self.name, words.codes < 0, self.gaps > 0)
        if self.rare is None and self.other:
            return found
        return found + word_doubts(self.name, words.codes, words.words, {*self.levels, *(self.rare or ())})


@dataclass
class Boolean(Column, kinds=("boolean",)):
    """A column of yes and no: 1 for true, -1 for false, 0 for a gap (marked, if training had some)."""

    marked: bool

    @property
    def features(self) -> list[str]:
        return [self.name] + [f"{self.name} missing"] * self.marked

    @property
    def way(self) -> str:
        return "true 1, false -1" + ", gaps 0" + " and marked" * self.marked

    def writer(self, cells: Any) -> Callable[[slice, np.ndarray], None]:
        words = words_of(cells, self.name)
        values = words.spread(self.values(words), 0.0)

        def write(rows: slice, out: np.ndarray) -> None:
            out[:, 0] = values[rows]
            if self.marked:
                out[:, 1] = words.codes[rows] < 0

        return write

    def values(self, words: CodedWords) -> np.ndarray:
        """The number of each word. Raises DataError for one that is neither yes nor no."""
        plain = [(plainest(word) or word).strip().lower() for word in words.words]
        bad = np.array([word not in TRUTH for word in plain], dtype=bool)
        if bad.any():
            raise unreadable(self.name, words, bad, "true or false")
        return np.array([TRUTH[word] for word in plain])

    def doubts(self, cells: Any) -> list[Doubt]:
        return gap_doubts(self.name, words_of(cells, self.name).codes < 0, self.gaps > 0)
