"""Splits that a table's rows allow: by chance, by time, by groups; each numbered, and always the same."""

from __future__ import annotations

import numpy as np

TEST = 0.25  # of the rows, or of the groups
STEP = 0.2  # of the rows: by time, split 0 tests on the last fifth, split 1 on the fifth before it, and so on
STEPS = (0, 1, 2, 0.5, 1.5)  # by time: how many fifths before the last each split tests


def divide(split: int, by: str, keys: np.ndarray, classes: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
    """The rows to learn from and the rows to test on, two sorted arrays of indices.

    keys (n,) are each row's place in time or its group (whole numbers); any of that length by chance. classes (n,): by
    chance, every class is shared out alike. By time, a split learns from all rows before those that it tests on, and
    rows of one moment are never parted; there are five splits, of which the last two lie between the first three.

    >>> divide(1, "time", np.arange(10))
    (array([0, 1, 2, 3, 4, 5]), array([6, 7]))
    """
    rng = np.random.default_rng(split)
    if by == "time":
        if split >= len(STEPS):
            raise ValueError(f"By time there are splits 0 to {len(STEPS) - 1}, not {split}: rows before are too few.")
        moments, back = np.sort(keys), STEPS[split]
        first, last = (moments[round(len(keys) * (1 - STEP * k))] if k else np.inf for k in (back + 1, back))
        return np.flatnonzero(keys < first), np.flatnonzero((keys >= first) & (keys < last))
    if by == "groups":
        groups = np.unique(keys)
        tested = rng.permutation(groups)[:round(TEST * len(groups))]
        inside = np.isin(keys, tested)
    else:
        inside = np.zeros(len(keys), bool)
        alike = np.zeros(len(keys), int) if classes is None else np.unique(classes, return_inverse=True)[1]
        for rows in (np.flatnonzero(alike == c) for c in np.unique(alike)):
            inside[rng.permutation(rows)[:round(TEST * len(rows))]] = True
    return np.flatnonzero(~inside), np.flatnonzero(inside)
