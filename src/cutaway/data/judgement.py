"""What has to be known of rows before a score on them is believed: which score can see, which column gives it away.

Numbers only, from encoded rows, so that the command line, its page and `ct.diagnose` judge alike; each puts them into
its reader's words.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

import numpy as np

from .limits import ENCODED_AT_ONCE as AT_ONCE
from .limits import (
    FEWEST_COPIES,
    FEWEST_OF_CLASS,
    FEWEST_PURE,
    LEFT_KNOWN,
    LEFT_KNOWN_ALONE,
    LEFT_OF_RANKS,
    LEFT_OPEN,
    MANY_VALUES,
    MOST_CHANGED,
    NOT_COMMON,
    ONE_CLASS,
    PLACES_TRIED,
    SAME_TARGET,
    SORTED,
    UNEVEN,
)
from .limits import FEWEST_TOLD as FEWEST
from .limits import MOST_JUDGED as MOST_ROWS


@dataclass(frozen=True)
class Telling:
    """A column that gives the target away by itself.

    how: "value" (its value), "group" (rows of one value share their target, other values tell nothing), "order" (it
    numbers the rows, which are sorted by the target), "near" (rows lie in its order, and neighbours' targets are alike,
    as in time), "filled" or "empty" (that it is so). alone: 1 means completely.
    label: the class that "filled" or "empty" stands for; rows: how many they are.
    """

    column: str
    how: str
    alone: float
    label: int = -1
    rows: int = 0


def largest_share(codes: np.ndarray) -> float:
    """The share of the most frequent class, what always answering it gets right.

    >>> largest_share(np.array([0, 0, 0, 1]))
    0.75
    """
    return float(np.bincount(codes).max() / len(codes))


def standard_error(right: float, rows: int) -> float:
    """The standard error of a share of `rows` rows.

    Two right and two wrong are added first, so that 12 of 12 is not taken for certain.

    >>> round(standard_error(1.0, 12), 3)
    0.083
    """
    p = (right * rows + 2) / (rows + 4)
    return float(np.sqrt(p * (1 - p) / (rows + 4)))


def judged_by(task: str, y: np.ndarray) -> str:
    """The score that can see how good answers to y are: "R²", "accuracy", or where most rows are of one class
    "ROC AUC"; "" where all rows have the same target, and none can.

    >>> judged_by("binary", np.array(["no"] * 97 + ["yes"] * 3)), judged_by("binary", np.array(["no", "yes"]))
    ('ROC AUC', 'accuracy')
    """
    y = np.asarray(y).reshape(len(y), -1)
    columns = [np.unique(column, return_inverse=True)[1] for column in y.T]
    if all(column.max(initial=0) == 0 for column in columns):
        return ""
    if "regression" in task:
        return "R²"
    return "ROC AUC" if max(largest_share(c) for c in columns if c.any()) >= UNEVEN else "accuracy"


def placements(truth: np.ndarray, score: np.ndarray) -> np.ndarray:
    """Place each row: the share of the rows of the other kind that are on its right side, ties counting half: (n,).

    Their mean over the rows that are true, or over the others, is the area under the ROC curve; their spread says how
    sure it is (DeLong, DeLong and Clarke-Pearson, Biometrics 44, 1988).

    >>> placements(np.array([True, True, False, False]), np.array([0.9, 0.3, 0.5, 0.1])).tolist()
    [1.0, 0.5, 0.5, 1.0]
    """
    truth = np.asarray(truth, bool)
    every, own = _ranks(score), np.empty(len(score))
    own[truth], own[~truth] = _ranks(score[truth]), _ranks(score[~truth])
    below = every - own  # of the other kind; a tie counts half
    yes, no = max(int(truth.sum()), 1), max(int((~truth).sum()), 1)
    return np.where(truth, below / no, 1 - below / yes)


def class_scores(task: str, y: np.ndarray, probability: np.ndarray, classes: np.ndarray) -> list[tuple]:
    """Pair, for each class or label that some rows have and some not, which have it, and its probability."""
    y, p = np.asarray(y), np.asarray(probability, np.float64)
    if task == "multilabel":
        pairs = [(y[:, j] == 1, p[:, j]) for j in range(y.shape[1])]
    else:
        chosen = [1] if len(classes) == 2 else range(len(classes))
        pairs = [(y == classes[c], p[:, c]) for c in chosen]
    return [(truth, score) for truth, score in pairs if 0 < truth.sum() < len(truth)]


def area(task: str, y: np.ndarray, probability: np.ndarray, classes: np.ndarray) -> float:
    """The area under the ROC curve, the mean over classes against the rest or over labels; NaN of rows of one class."""
    pairs = class_scores(task, y, probability, classes)
    return float(np.mean([placements(truth, p)[truth].mean() for truth, p in pairs])) if pairs else float("nan")


# ---- columns that give the target away -------------------------------------------------------------------------------


def telling(Z: np.ndarray, y: np.ndarray, columns: Mapping[str, slice], classes: bool) -> list[Telling]:
    """The columns of encoded rows Z (n, features) that give y (n,), class numbers or numbers, away; the surest first.

    columns: where each one's features lie. None where more than half of them do: then the problem is easy.
    """
    if len(Z) > MOST_ROWS:
        some = np.linspace(0, len(Z) - 1, MOST_ROWS).astype(int)
        Z, y = Z[some], y[some]
    if len(Z) < FEWEST or len(columns) < 2 or y.min() == y.max():
        return []
    if classes and np.sort(np.bincount(y)[np.unique(y)])[0] < FEWEST_OF_CLASS and len(np.unique(y)) == 2:
        return []
    target = y if classes else _ranks(y)
    found: list[Telling] = []
    for name, features in columns.items():
        part = Z[:, features]
        one = _by_value(name, part, target, classes) or (_by_gaps(name, part, y) if classes else None)
        found += [] if one is None else [one]
    whole = [one for one in found if one.how not in ("filled", "empty")]
    if len(whole) > len(columns) / 2:
        return []
    return sorted(found, key=lambda one: -one.alone)


def _by_value(name: str, part: np.ndarray, y: np.ndarray, classes: bool) -> Telling | None:
    """Judge a column by its values: the best of its features alone, or their combinations as categories."""
    limit = LEFT_OPEN if classes else LEFT_OF_RANKS
    best, value = 1.0, part[:, 0]
    for k in range(part.shape[1]):
        x = part[:, k]
        if x.min() < x.max() and (left := _open_classes(x, y) if classes else _open_ranks(x, y)) < best:
            best, value = left, x
    if best > limit:  # its values, or their combinations, as categories
        value = np.unique(part, axis=0, return_inverse=True)[1].reshape(-1).astype(np.float64)
        best = _open_categories(value, y, classes) if value.max() < len(y) / 3 else 1.0
    if best > limit:
        return None
    distinct = len(np.unique(value))
    rises = np.diff(value)
    if len(value) > 2 and (np.all(rises > 0) or np.all(rises < 0)):
        borders = np.diff(y) != 0
        sorted_rows = borders.sum() < len(np.unique(y)) if classes else abs(np.sign(np.diff(y)).mean()) > SORTED
        return Telling(name, "order" if sorted_rows else "near", 1 - best)
    kinds = len(np.unique(y)) if classes else 2
    if max(MANY_VALUES, 3 * kinds) <= distinct <= len(y) / 2 and _open_to_others(value, y, classes) > 10 * limit:
        return Telling(name, "group", 1 - best)
    return Telling(name, "value", 1 - best)


def _open_classes(x: np.ndarray, y: np.ndarray) -> float:
    """What a number leaves open of classes: changes of class along its order, rows of a value that are in the minority
    there; as a share of those that independent columns have. A few thresholds, one for each border, cost nothing."""
    counts = _table(x, y)
    here = counts.argmax(axis=1)
    changes = float((np.diff(here) != 0).sum() + counts.sum() - counts.max(axis=1).sum())
    share = counts.sum(axis=0) / counts.sum()
    by_chance = len(y) * (1 - np.square(share).sum())
    borders = np.count_nonzero(share) - 1
    return 0.0 if changes <= borders else changes / by_chance


def _open_ranks(x: np.ndarray, y: np.ndarray) -> float:
    """Measure what a number leaves open of ranks: the variance about a line through the other half of the rows."""
    left = 0.0
    for known in (np.arange(len(x)) % 2 == 0, np.arange(len(x)) % 2 == 1):
        values, place = np.unique(x[known], return_inverse=True)
        if len(values) < 2:
            return 1.0
        means = np.bincount(place, y[known]) / np.bincount(place)
        left += np.square(np.interp(x[~known], values, means) - y[~known]).sum()
    return float(left / np.square(y - y.mean()).sum())


def _open_categories(x: np.ndarray, y: np.ndarray, classes: bool) -> float:
    """What categories leave open: rows of another class than most of their category, or variance within them."""
    if classes:
        counts = _table(x, y)
        return float((len(y) - counts.max(axis=1).sum()) / (len(y) - counts.sum(axis=0).max()))
    _, place = np.unique(x, return_inverse=True)
    means = np.bincount(place, y) / np.bincount(place)
    return float(np.square(y - means[place]).sum() / np.square(y - y.mean()).sum())


def _open_to_others(x: np.ndarray, y: np.ndarray, classes: bool) -> float:
    """Measure what a column leaves open of rows whose value no known row has: its nearest values answer."""
    place = np.unique(x, return_inverse=True)[1]
    known = place % 2 == 0
    if classes:
        counts = _table(x[known], y[known], int(y.max()) + 1)
        said = counts.argmax(axis=1)[np.clip(place[~known] // 2, 0, len(counts) - 1)]
        chance = (~known).sum() - np.bincount(y[~known]).max()
        return float((said != y[~known]).sum() / max(chance, 1))
    values, here = np.unique(x[known], return_inverse=True)
    guess = np.interp(x[~known], values, np.bincount(here, y[known]) / np.bincount(here))
    spread = np.square(y[~known] - y[~known].mean()).sum()
    return float(np.square(guess - y[~known]).sum() / spread) if spread > 0 else 1.0


def _by_gaps(name: str, part: np.ndarray, y: np.ndarray) -> Telling | None:
    """Find a column that is filled, or empty, only where the target is one class: it was written down afterwards."""
    missing = part[:, -1]
    if part.shape[1] < 2 or not np.isin(missing, (0, 1)).all():
        return None
    counts = np.bincount(y)
    for how, rows in (("filled", missing == 0), ("empty", missing == 1)):
        if FEWEST_PURE <= rows.sum() < len(y):
            here = np.bincount(y[rows], minlength=len(counts))
            label, share = int(here.argmax()), float(here.max() / rows.sum())
            if share >= ONE_CLASS and counts[label] / len(y) <= NOT_COMMON:
                return Telling(name, how, share, label, int(rows.sum()))
    return None


def _table(x: np.ndarray, y: np.ndarray, classes: int | None = None) -> np.ndarray:
    """Count how often each class (columns) occurs with each value of x (rows, in order)."""
    values, place = np.unique(x, return_inverse=True)
    counts = np.zeros((len(values), int(y.max()) + 1 if classes is None else classes))
    np.add.at(counts, (place, y), 1)
    return counts


def _ranks(y: np.ndarray) -> np.ndarray:
    """Rank numbers; equal ones share a rank."""
    _, place, counts = np.unique(y, return_inverse=True, return_counts=True)
    return (np.cumsum(counts) - (counts - 1) / 2)[place]


# ---- rows that were learnt from --------------------------------------------------------------------------------------


def row_digests(parts: list[np.ndarray], types: list[np.dtype] | None = None) -> list[bytes]:
    """Make what tells each row of the inputs from others, to look for copies; `types`: as if the inputs had these."""
    parts = [np.ascontiguousarray(part, None if types is None else types[i]).reshape(len(part), -1)
             for i, part in enumerate(parts)]
    return [blake2b(b"".join(part[i].tobytes() for part in parts), digest_size=16).digest()
            for i in range(len(parts[0]))]


def copied(known: list[np.ndarray], held: list[np.ndarray]) -> np.ndarray:
    """Find which held-out rows are, number for number, among the known ones, (n,)."""
    types = [part.dtype for part in known]
    keys, sought = row_keys(known, types), row_keys(held, types)
    found = np.isin(sought, keys)  # few rows have the key of another one: only they are compared
    if found.any():
        seen = set(row_digests([part[np.isin(keys, sought[found])] for part in known]))
        found[found] = [row in seen for row in row_digests([part[found] for part in held], types)]
    return found


def row_keys(parts: list[np.ndarray], types: list[np.dtype]) -> np.ndarray:
    """A number for each row of the inputs, as if they had these types: equal rows have equal ones."""
    random, keys = np.random.default_rng(0), np.zeros(len(parts[0]), np.uint64)
    for part, dtype in zip(parts, types, strict=True):
        numbers, unit = part.reshape(len(part), -1), np.dtype(np.uint32 if dtype.itemsize % 4 == 0 else np.uint8)
        factors = random.integers(1, 2**63, numbers.shape[1] * dtype.itemsize // unit.itemsize, np.uint64)
        for start in range(0, len(numbers), step := max(1, AT_ONCE // max(1, len(factors)))):
            words = np.ascontiguousarray(numbers[start : start + step], dtype).view(unit)
            keys[start : start + step] += (words * factors).sum(axis=1, dtype=np.uint64)
    return keys


def telling_copies(known: list[np.ndarray], held: list[np.ndarray], columns: Mapping[str, slice] | None = None,
                   targets: tuple[Any, Any] | None = None) -> float:
    """The share of held-out rows that are known ones too; 0 where equal rows need not be copies.

    They need not where rows are combinations of a few values each: as many rows would then be known if one of their
    values were another. Nor where equal rows have different targets, unless they are images. columns: where the
    features of each lie, of tables. targets: those of the known rows and of the held-out ones.
    """
    found = copied(known, held)
    share = float(found.mean())
    if found.sum() < min(FEWEST_COPIES, len(found)):
        return 0.0
    if targets is not None and max(part.ndim for part in known) < 4 and _alike(known, held, targets) < SAME_TARGET:
        return 0.0
    most = (LEFT_KNOWN_ALONE if targets is None else LEFT_KNOWN) * share
    return share if float(copied(known, _changed(held, columns)).mean()) < most else 0.0


def _alike(known: list[np.ndarray], held: list[np.ndarray], targets: tuple[Any, Any]) -> float:
    """The share of known held-out rows whose target is that of every equal known row."""
    answers: dict[bytes, set[tuple]] = {}
    learnt, asked = (map(tuple, np.asarray(y).reshape(len(y), -1).tolist()) for y in targets)
    for row, answer in zip(row_digests(known), learnt, strict=True):
        answers.setdefault(row, set()).add(answer)
    rows = row_digests(held, [part.dtype for part in known])
    same = [answers[row] == {answer} for row, answer in zip(rows, asked, strict=True) if row in answers]
    return float(np.mean(same))


def _changed(parts: list[np.ndarray], columns: Mapping[str, slice] | None) -> list[np.ndarray]:
    """Change one column's value in each row to that of another row that has another one there."""
    random = np.random.default_rng(0)
    changed = [part[:MOST_CHANGED].reshape(len(part[:MOST_CHANGED]), -1).copy() for part in parts]
    wheres = [(part, features) for part in changed for features in
              (columns or {str(k): slice(k, k + 1) for k in range(part.shape[1])}).values()]
    shapes = [(len(part), *whole.shape[1:]) for part, whole in zip(changed, parts, strict=True)]
    n = len(changed[0])
    for i in range(n):
        for where, j in random.integers(0, (len(wheres), n), (PLACES_TRIED, 2)):
            part, features = wheres[where]
            if not np.array_equal(part[i, features], part[j, features], equal_nan=part.dtype.kind == "f"):
                part[i, features] = part[j, features]
                break
    return [part.reshape(shape) for part, shape in zip(changed, shapes, strict=True)]
