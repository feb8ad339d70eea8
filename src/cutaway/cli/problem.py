"""The problem in a file: the table, the target, and the rows that learn, steer and test."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..data.cells import counted
from ..errors import ArgumentError, CutawayError, DataError
from ..report.findings import TargetFacts
from ..report.text import listed, number, short
from . import checks

if TYPE_CHECKING:
    import numpy as np

CLASSIFICATION = ("binary", "multiclass", "multilabel")
#: The share of the training part that is held back to see when to stop.
VALIDATION = 0.1
FEWEST = 3


@dataclass
class Problem:
    """X and y of the rows that have a target; `group` and `time` are columns that the split goes by, or None."""

    source: str
    rows: int
    width: int
    X: Any
    y: Any
    targets: list[str]
    task: str
    reason: str = ""
    without_target: int = 0
    group: Any = None
    time: Any = None
    notes: list[str] = field(default_factory=list)

    @property
    def classifies(self) -> bool:
        return self.task in CLASSIFICATION

    def target_facts(self) -> list[TargetFacts]:
        """Each target in words."""
        many = len(self.targets) > 1
        return [TargetFacts(name, _summary(self.y[name] if many else self.y, self.classifies)) for name in self.targets]


def read(path: Path, targets: list[str], task: str | None = None, drop: list[str] | None = None,
         group: str | None = None, time: str | None = None) -> Problem:  # fmt: skip
    """The table in a file, its target, and the task. Raises DataError or ArgumentError for what cannot be learnt."""
    from ..data import drop_missing

    frame = table(path)
    known = list(frame.columns)
    targets = checks.columns(targets, known, "--target", path.name)
    if not targets:
        raise ArgumentError("--target: name the column to predict.")
    drop = checks.columns(drop or [], known, "--drop", path.name)
    if both := [name for name in drop if name in targets]:
        raise ArgumentError(f"--drop {both[0]!r} is also a --target: it is left out of the inputs anyway.")
    ways = [checks.columns([name], known, option, path.name)[0] if name is not None else None
            for option, name in (("--group", group), ("--time", time))]  # fmt: skip
    if all(ways):
        raise ArgumentError("--group and --time: the rows can be divided by one of them, not by both.")
    for option, way in zip(("--group", "--time"), ways, strict=True):
        if way in targets:
            raise ArgumentError(f"{option} {way!r} is the target: the rows must be divided by another column.")

    y = _targets(frame, targets)
    out = {*targets, *drop} | ({ways[0]} if ways[0] else set())
    X = frame.drop(columns=[name for name in known if name in out])
    if X.shape[1] == 0:
        raise DataError(f"{path.name}: no column is left to learn from: all are targets or left out.")
    rows, width = frame.shape
    _refuse_empty(y, path.name)
    X, y, columns, kept = drop_missing(X, y, frame[[way for way in ways if way]])
    by = [columns[way] if way else None for way in ways]
    if len(kept) < FEWEST:
        raise DataError(f"{path.name}: {counted(len(kept), 'row')} with a target, at least {FEWEST} are needed: one "
                        "to test on, the others to learn from.")  # fmt: skip
    with about(f"{path.name}, target {listed(targets)}"):
        found = decide(y, task)
    notes = [f"{ways[0]} divides the rows and is not an input"] if ways[0] else []
    notes += [f"left out as asked: {listed(drop, 6)}"] if drop else []
    return Problem(path.name, rows, width, X, y, targets, *found, rows - len(kept), by[0], by[1], notes)


def table(path: Path) -> Any:
    """The table in a file; its columns' names are text."""
    from ..data import read_table

    frame = read_table(path)
    frame.columns = [str(name) for name in frame.columns]
    return frame


def decide(y: Any, task: str | None) -> tuple[str, str]:
    """The task in full and why: what the target looks like, within 'regression' or 'classification' if asked for."""
    from ..data import TargetEncoder

    many = getattr(y, "ndim", 1) == 2
    asked = None
    if task == "regression":
        asked = "multi-output regression" if many else "regression"
    elif task == "classification":
        asked = "multilabel" if many else "binary" if y.nunique() == 2 else "multiclass"
    found = TargetEncoder(asked).fit(y)
    return found.task, "as asked" if asked else f"the target has {found.reason}"


def divide(problem: Problem, test: float, seed: int) -> tuple[tuple[np.ndarray, ...], str]:
    """Rows to learn from, to see when to stop (none of a small table) and to test on; and how they were chosen."""
    from ..data import split
    from ..estimators.design_tables import SMALL

    n = len(problem.y)
    shares = (test,) if n * (1 - test) < SMALL else ((1 - test) * VALIDATION, test)
    if problem.group is not None:
        parts, how = split(n, shares, seed, groups=problem.group), f"no {problem.group.name} on two sides"
    elif problem.time is not None:
        parts, how = split(n, shares, seed, time=problem.time), f"the latest by {problem.time.name}"
    elif problem.task in ("binary", "multiclass"):
        parts, how = split(problem.y, shares, seed, stratify=True), "by chance, each class in proportion"
    else:
        parts, how = split(n, shares, seed), "by chance"
    if len(parts) == 2:
        parts = (parts[0], parts[1][:0], parts[1])
    steer = f", {len(parts[1]):,} to see when to stop" if len(parts[1]) else ""
    return parts, f"{len(parts[0]):,} rows to learn from{steer}, {len(parts[2]):,} for the test ({how})"


@contextmanager
def about(what: str):
    """Errors in the block say what they are about."""
    try:
        yield
    except CutawayError as problem:
        raise type(problem)(f"{what}: {problem}") from None


def _targets(frame: Any, names: list[str]) -> Any:
    """One target as a Series, several as a frame."""
    return _numbers_if_it_reads_so(frame[names[0]]) if len(names) == 1 else frame[names].apply(_numbers_if_it_reads_so)


def _numbers_if_it_reads_so(cells: Any) -> Any:
    """A column of text as numbers, if all its words are numbers or gaps ('?', 'n/a')."""
    from pandas.api import types

    from ..data.cells import words_of
    from ..data.numbers import parse_numbers

    if types.is_numeric_dtype(cells.dtype) or types.is_bool_dtype(cells.dtype):
        return cells
    if types.is_datetime64_any_dtype(cells.dtype) or isinstance(cells.dtype, types.CategoricalDtype):
        return cells
    words = words_of(cells, cells.name)
    values, bad = parse_numbers(words)
    if bad.any() or not (values == values).any():
        return cells
    import pandas as pd

    return pd.Series(words.spread(values, float("nan")), index=cells.index, name=cells.name)


def _refuse_empty(y: Any, where: str) -> None:
    for name, column in y.items() if y.ndim == 2 else [(y.name, y)]:
        if column.isna().all():
            raise DataError(f"{where}: the target {name!r} is empty in every row: is it the right column?")
    if y.ndim == 2 and y.isna().any(axis=1).all():
        raise DataError(f"{where}: no row has all of the targets.")


def _summary(y: Any, classes: bool) -> str:
    import numpy as np

    if not classes:
        low, middle, high = np.quantile(np.asarray(y, float), [0, 0.5, 1])
        return f"a number from {number(low, 6)} to {number(high, 6)}, median {number(middle, 6)}"
    counts = y.value_counts()
    some = ", ".join(f"{short(label, 20)} {count:,}" for label, count in counts.head(4).items())
    more = f" and {len(counts) - 4} more" if len(counts) > 4 else ""
    return f"{len(counts)} classes: {some}{more} rows"


def truth(path: Path, targets: list[str], encoder: Any) -> tuple[Any, Any, int]:
    """The rows of a table that have a target, their targets as `encoder` knows them, and how many rows have none."""
    from ..data import drop_missing

    frame = table(path)
    targets = checks.columns(targets, list(frame.columns), "--target", path.name)
    y = _targets(frame, targets)
    _refuse_empty(y, path.name)
    X, y, kept = drop_missing(frame, y)
    with about(f"{path.name}, target {listed(targets)}"):
        encoder.transform(y)
    return X, y, len(frame) - len(kept)
