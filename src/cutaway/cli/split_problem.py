"""A problem whose rows are divided: to learn from, to see when to stop, and to test on."""

from __future__ import annotations

from shlex import quote
from typing import Any

import numpy as np

from ..data.judgement import judged_by
from ..data.limits import FEW_SEQUENCES, VALIDATION
from ..errors import DataError
from ..text import listed
from .honest import settle
from .options import FitOptions
from .problem import Problem


class SplitProblem:
    """The parts of a problem, and the estimator that learns from the first."""

    estimator: Any

    def __init__(self, problem: Problem, options: FitOptions) -> None:
        self.problem, self.options = problem, options
        self.said = settle(problem, problem.split, options.seed)
        test = options.test if isinstance(options.test, float) else 0.0
        self.parts, self.how = divide(problem, test, options.seed)
        self._steer_by_known_classes()
        self._X = [problem.kind.take(problem.X, rows) for rows in self.parts]
        problem.X = None  # the parts have its rows: a large table is not kept twice

    def rows(self, part: int) -> tuple[Any, Any]:
        """X and y of a part: 0 training, 1 validation, 2 test."""
        return self._X[part], self.problem.y.iloc[self.parts[part]]

    @property
    def judged_by(self) -> str:
        """The score that can see what the training rows hold."""
        return judged_by(self.problem.task, np.asarray(self.problem.y.iloc[self.parts[0]]))

    def _steer_by_known_classes(self) -> None:
        """Drop validation rows of a class that training rows lack, as dividing by group or time may leave them."""
        learn, steer, test = self.parts
        if self.problem.task in ("binary", "multiclass") and len(steer):
            known = self.problem.y.iloc[steer].isin(self.problem.y.iloc[learn].unique())
            self.parts = learn, steer[known.to_numpy()], test


def divide(problem: Problem, test: float, seed: int) -> tuple[tuple[np.ndarray, ...], str]:
    """Divide rows into those to learn from, to see when to stop (none where rows are few) and to test on; say how."""
    n, many = len(problem.y), problem.kind.many
    fewest = FEW_SEQUENCES if problem.kind.name == "sequences" and not problem.forecasts else problem.kind.fewest
    if problem.tests:
        last = np.arange(n - problem.tests, n)
        learn, steer = np.arange(n - problem.tests), last[:0]
        if len(learn) >= fewest:
            learn, steer = _split(problem, learn, (VALIDATION,), seed)[0]
        elif not len(learn):
            raise DataError(f"{problem.source} has no {many} with a target: only the test part does.")
        _refuse_new_classes(problem, len(learn) + len(steer))
        parts: Any = (learn, steer, last)
        how = f"those of {problem.test_source}"
    else:
        shares = (test,) if n * (1 - test) < fewest else ((1 - test) * VALIDATION, test)
        parts, how = _split(problem, np.arange(n), shares, seed)
        if len(parts) == 2:
            parts = (parts[0], parts[1][:0], parts[1])
    stop = f", {len(parts[1]):,} to see when to stop" if len(parts[1]) else ""
    return parts, f"{len(parts[0]):,} {many} to learn from{stop}, {len(parts[2]):,} for the test ({how})"


def _refuse_new_classes(problem: Problem, learnt: int) -> None:
    """Raise DataError for classes of the test part that cannot be known."""
    if problem.task in ("binary", "multiclass"):
        known, tested = (set(part.tolist()) for part in (problem.y.iloc[:learnt], problem.y.iloc[learnt:]))
        if new := sorted(map(str, tested - known)):
            raise DataError(f"--test {problem.test_source}: {problem.source} has no {problem.kind.one} of the class "
                            f"{listed(new)}, so it cannot be learnt.")


def _split(problem: Problem, rows: np.ndarray, shares: tuple, seed: int) -> tuple[tuple[np.ndarray, ...], str]:
    """Divide some rows into parts, and say how they were chosen."""
    from ..data import forecast_split, split

    n = len(rows)
    if problem.forecasts:
        parts, how = forecast_split(problem.time, shares), "the latest, none of which an earlier part has seen"
    elif problem.group is not None:
        classes = problem.y if problem.task in ("binary", "multiclass") else None
        parts, how = split(n, shares, seed, stratify=classes, groups=problem.group), \
            f"no {problem.group.name} on two sides"
    elif problem.time is not None:
        parts, how = _by_time(problem, shares, seed), f"the latest by {problem.time.name}"
    elif problem.task in ("binary", "multiclass"):
        parts, how = split(problem.y.iloc[rows], shares, seed, stratify=True), "by chance, each class in proportion"
    else:
        parts, how = split(n, shares, seed), "by chance"
    return tuple(rows[part] for part in parts), how


def _by_time(problem: Problem, shares: tuple, seed: int) -> tuple[np.ndarray, ...]:
    """Divide rows by their time. Raises DataError that says how to have its dates read, where nobody could tell."""
    from ..data import split

    name = str(problem.time.name)
    try:
        return split(len(problem.time), shares, seed, time=problem.time)
    except DataError as reason:
        if problem.time.dtype.kind in "iufM" or problem.time.isna().any():
            raise
        raise DataError(f"--time {name}: {reason} Say how its dates are written: --column {quote(name)}=date, or where "
                        f"that could be told in two ways --column {quote(name)}=date:dmy or date:mdy.") from None
