"""Which way the rows of a table are divided where nobody says so, and what a random split would have claimed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ..data.limits import FEWEST_NEAR, MOST_DOUBTFUL_SPLITS
from ..errors import ArgumentError
from ..text import listed
from .options import ReadOptions
from .problem import Problem

if TYPE_CHECKING:
    from ..estimators.honest import Flattery
    from ..inspect import Finding

#: What rows without a column for it are divided by, in the words of the report.
COPY = "near-copy"


def asked_way(asked: ReadOptions, split: str | None) -> None:
    """Read --split, which names a column as --time and --group do. Raises ArgumentError for what it cannot mean."""
    from ..data.splits import asked_split

    if split is None:
        return
    way, column = asked_split(split, f"--split {split}")
    if way == "auto":
        return
    given = {name: value for name, value in (("time", asked.time), ("group", asked.group)) if value is not None}
    own = {"time": "time", "groups": "group"}.get(way)
    if given and (own not in given or (column and given[own] != column)):
        name, value = next(iter(given.items()))
        raise ArgumentError(f"--split {split} and --{name} {value}: the rows are divided in one way. Give one of them.")
    asked.split = split
    if column and own:
        setattr(asked, own, column)


def settle(problem: Problem, asked: str | None, seed: int) -> list[Finding]:
    """Choose how the rows of a table are divided, where that is left open; say what a random split would claim.

    A tie that flatters and is sure sets `problem.time` or `problem.group`; one that is not sure is told of.
    """
    way = (asked or "").partition(":")[0]
    if problem.kind.name != "table" or problem.tests or problem.time is not None or problem.group is not None:
        return []
    if way == "random" or (not way and len(problem.y) < FEWEST_NEAR):
        return []
    from ..estimators.honest import honest_split

    if way:
        _by(problem, *_first(problem, way))
        return []
    y = np.asarray(problem.y)
    advice = honest_split(problem.X, y, problem.task, seed)
    said, told = [], advice.doubtful
    asked_for = advice.chosen is not None and advice.chosen.tie.column in problem.columns  # as an input
    if advice.chosen is not None and not asked_for and _divides(problem, advice.chosen.tie):
        _by(problem, advice.chosen.tie.column, advice.chosen.tie.way, advice.chosen.tie.labels)
        said.append(_chosen(advice.chosen, problem.task == "regression"))
    return said + [_doubtful(one, bool(said)) for one in told[:MOST_DOUBTFUL_SPLITS]]


def _first(problem: Problem, way: str) -> tuple[str, str, Any]:
    """Find what rows are divided by where only the way was said: the surest column, else copies or the file's order."""
    from ..data.ties import ties

    found = [tie for tie in ties(problem.X, np.asarray(problem.y)) if tie.way == way]
    if not found and way == "time":
        return "", "time", np.arange(len(problem.y))
    if not found:
        again = [name for name in problem.X.columns if problem.X[name].nunique() < len(problem.X) / 2]
        raise ArgumentError(f"--split groups: no column of {problem.source} looks as if it named what rows belong to. "
                            f"Name it: --split groups:COL, of those that repeat: {listed(again, 12)}.")
    return found[0].column, way, found[0].labels


def _divides(problem: Problem, tie: Any) -> bool:
    """Whether the parts can be made, and every class is among the rows to learn from."""
    from ..data import split
    from ..errors import DataError

    classes = problem.y if problem.task in ("binary", "multiclass") else None
    ways = {tie.way: tie.labels} | ({"stratify": classes} if tie.way == "groups" else {})
    try:
        learn = split(len(problem.y), (0.1, 0.2), **ways)[0]
    except DataError:
        return False
    return classes is None or classes.iloc[learn].nunique() == classes.nunique()


def _by(problem: Problem, column: str, way: str, labels: Any) -> None:
    """Divide the rows by a column, or by labels that no column holds; what names groups is no input."""
    import pandas as pd

    if way == "time":  # dates are days in labels already, in whatever form they are written
        problem.time = pd.Series(labels, name=column or "the file's order")
        return
    problem.group = problem.X[column] if column else pd.Series(labels, name=COPY)
    if column:
        problem.X = problem.X.drop(columns=[column])
        problem.notes.append(f"{column} divides the rows and is not an input")


def _chosen(one: Flattery, numbers_told: bool) -> Finding:
    from ..inspect.diagnosis.finding import NOTICE, Finding

    tie = one.tie
    apart = {"time": f"The test rows are therefore the latest by {tie.column}",
             "groups": f"No {tie.column or COPY} is therefore on two sides"}[tie.way]
    ahead = f" To forecast the steps to come instead: --forecast TARGET --time {tie.column}." * (
        numbers_told and tie.way == "time" and bool(tie.column))
    return Finding("a random split would flatter", NOTICE, one.sentence(), "",
                   f"{apart} ({tie.why}). If that is not so, add --split random.{ahead}",
                   [tie.column] * bool(tie.column), numbers(one))


def _doubtful(one: Flattery, divided: bool) -> Finding:
    from ..inspect.diagnosis.finding import NOTICE, Finding

    tie = one.tie
    option = f"--split {tie.way}" + f":{tie.column}" * bool(tie.column)
    later = f"rows later by {tie.column}" if tie.column else "what comes behind the last rows of the file"
    other = f"a {tie.column} that is not in this table" if tie.column else "rows without a near-copy"
    when = later if tie.way == "time" else other
    return Finding("a random split may flatter", NOTICE, one.sentence("A random split claims"), "",
                   f"If predictions are wanted for {when}, the second is the honest figure{', too' * divided}.",
                   [tie.column] * bool(tie.column), numbers(one), command=option)


def numbers(one: Flattery) -> dict[str, Any]:
    return {"random": one.random, "honest": one.honest, "score": one.by, "way": one.tie.way}
