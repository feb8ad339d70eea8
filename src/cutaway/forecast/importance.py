"""Which steps before, columns and parts of the calendar a forecast leans on: what it costs to shuffle them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import numpy as np

from .members import joined
from .windows import WindowRows

#: Blocks that the steps before are looked at in, and times that each is shuffled.
BLOCKS, TIMES = 24, 3


def groups_of(names: list[str], target: str, lags: int) -> dict[str, list[int]]:
    """Features that belong together, by name: the target's steps before in blocks, each column, the calendar's parts.

    >>> groups_of(["y 2 before", "y 1 before", "level", "heat 1 before", "hour sin", "hour cos"], "y", 2)
    {'y 2 before': [0], 'y 1 before': [1], 'level': [2], 'heat': [3], 'hour': [4, 5]}
    """
    each = max(1, -(-lags // BLOCKS))
    found: dict[str, list[int]] = {}
    for k, name in enumerate(names):
        before = re.fullmatch(re.escape(target) + r" (\d+) before", name)
        if before:
            first = (int(before[1]) - 1) // each * each + 1
            last = min(first + each - 1, lags)
            key = f"{target} {first} before" if first == last else f"{target} {first} to {last} before"
        elif name.startswith(f"{target} missing "):
            key = f"gaps of {target}"
        elif wave := re.fullmatch(r"(hour|weekday|time of year) (?:sin|cos)(?: \d+)?", name):
            key = wave[1]
        else:
            key = re.sub(r" = .*| missing$", "", re.sub(r" (?:\+\d+|\d+ before)$", "", name))
        found.setdefault(key, []).append(k)
    return found


def importances(model: Any, rows: Sequence[WindowRows], size: np.ndarray, seed: int = 0) -> list[tuple[str, float]]:
    """By how much the error of a forecaster grows, in units of MASE, where a group of features is shuffled among
    windows; the largest first. rows: windows that it has not learnt from, as each member has them;
    size (windows,): what MASE divides by."""
    layout, first, whole_X = model.layout_, rows[0], joined(rows)
    lags = max(member.layout.lags for member in model.members_)
    unit = np.where(np.isfinite(size), size, np.nanmean(size) if np.isfinite(size).any() else 1.0)

    def error(X: np.ndarray) -> float:
        said = layout.back(first.base + first.scale[:, None] * model.outputs(X, rows))
        away = np.abs(layout.back(first.y) - said)
        return float(np.nanmean(away / unit[:, None]))

    rng, whole, found = np.random.default_rng(seed), error(whole_X), []
    for name, places in groups_of(model.feature_names_, model.roles_.target, lags).items():
        costs = []
        for _ in range(TIMES):
            X = whole_X.copy()
            X[:, places] = X[rng.permutation(len(X))][:, places]
            costs.append(error(X) - whole)
        found.append((name, float(np.mean(costs))))
    return sorted(found, key=lambda one: -one[1])
