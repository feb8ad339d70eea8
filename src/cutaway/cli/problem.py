"""The problem in a file: the rows, the target, and the parts that learn, steer and test."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..data.cells import counted
from ..data.limits import FEWEST_ROWS as FEWEST
from ..data.limits import HORIZON, VALIDATION, WINDOW
from ..errors import ArgumentError, CutawayError, DataError
from ..report.findings import TargetFacts
from ..report.text import listed, number, short

if TYPE_CHECKING:
    import numpy as np

CLASSIFICATION = ("binary", "multiclass", "multilabel")


@dataclass
class Asked:
    """What the command line says about reading the data. `every` is the step of time that a forecast's file keeps."""

    targets: list[str] = field(default_factory=list)
    task: str | None = None
    drop: list[str] = field(default_factory=list)
    group: str | None = None
    time: str | None = None
    id: str | None = None
    forecast: str | None = None
    window: int | None = None
    horizon: int | None = None
    size: str | None = None
    skip_damaged: bool = False
    mode: str | None = None
    gaps: str | None = None
    every: str | None = None

    @property
    def length(self) -> int:
        return self.window or WINDOW

    @property
    def ahead(self) -> int:
        return self.horizon or HORIZON

    def chosen(self) -> dict[str, str]:
        """What was said, for the report."""
        given = {{"targets": "target"}.get(name, name.replace("_", " ")): value
                 for name, value in vars(self).items() if value and name != "every"}
        return {name: ", ".join(value) if isinstance(value, list) else "yes" if value is True else str(value)
                for name, value in given.items()}

    def remembered(self) -> dict[str, Any]:
        """What a model needs to know to read other files of sequences in the same way."""
        kept: dict[str, Any] = {"time": self.time, "id": self.id, "forecast": self.forecast, "gaps": self.gaps,
                                "every": self.every}
        kept |= {"window": self.length, "horizon": self.ahead} if self.forecast else {}
        return {name: value for name, value in kept.items() if value is not None}

    def refuse(self, options: Iterable[str], what: str) -> None:
        """Raise ArgumentError for the first of these options that was given: it does not go with `what`."""
        for name in options:
            if getattr(self, "targets" if name == "target" else name):
                raise ArgumentError(f"--{name.replace('_', '-')} does not go with {what}. Leave it out.")


@dataclass
class Data:
    """The rows of one file.

    X as the estimators take it, y a Series or frame of targets (None: there is none), `ids` a column that names the
    rows, or None. `extent` says how much there is, `by` holds the columns that a split goes by.
    """

    X: Any
    y: Any
    extent: str
    targets: list[str]
    ids: Any = None
    features: list[str] | None = None
    by: dict[str, Any] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    width: int = 0

    def __len__(self) -> int:
        return self.X.shape[0]


@dataclass
class Problem:
    """X and y of the rows that have a target; `group` and `time` are columns that the split goes by, or None.

    `kind` is what X is. The last `tests` rows are a test part of their own, from the file `test_source`.
    """

    source: str
    kind: Any
    rows: int
    width: int
    extent: str
    X: Any
    y: Any
    targets: list[str]
    task: str
    reason: str = ""
    without_target: int = 0
    group: Any = None
    time: Any = None
    notes: list[str] = field(default_factory=list)
    ids: Any = None
    features: list[str] | None = None
    reading: dict[str, Any] = field(default_factory=dict)
    tests: int = 0
    test_source: str = ""
    path: Path | None = None

    @property
    def classifies(self) -> bool:
        return self.task in CLASSIFICATION

    @property
    def forecasts(self) -> bool:
        return "forecast" in self.reading

    def target_facts(self) -> list[TargetFacts]:
        """Each target in words, of the rows in this file: those of a test part of its own are counted apart."""
        y = self.y.iloc[: len(self.y) - self.tests]
        if self.forecasts and len(self.targets) > 1:
            words = _summary(y.to_numpy().ravel(), False, self.kind.many)
            return [TargetFacts(self.reading["forecast"], f"{words}; {len(self.targets):,} steps are forecast")]
        return [TargetFacts(name, _summary(y[name] if len(self.targets) > 1 else y, self.classifies, self.kind.many))
                for name in self.targets]


def read(path: Path, asked: Asked, test: Path | None = None) -> Problem:
    """The problem in a file, or folder; `test` is another with rows to test on.

    Raises DataError or ArgumentError for what cannot be learnt.
    """
    from ..data import drop_missing
    from .sources import join, load, recognise

    path = path if path.name else path.resolve()  # "." has a name, too
    kind, frame = recognise(path, asked)
    data = load(kind, path, asked, frame)
    tests = 0
    if test is not None:
        if asked.group or asked.forecast or (asked.time and not asked.id):
            raise ArgumentError(f"--test {test}: the test rows are in a file of their own; leave the options out that "
                                "divide the rows by a column or by time.")
        data, tests = join(kind, data, test, asked, path)
    if data.y is None:
        folder = "the folder " * path.is_dir()
        raise DataError(f"{folder}{path.name} has no target: {_where_targets_are(path, kind.name)}.")
    with about(f"{path.name}, target {listed(data.targets)}"):
        _refuse_empty(data.y, path.name)
        rows = len(data)
        group, time = data.by.get("group"), data.by.get("time")
        X, y, ids, group, time, kept = drop_missing(data.X, data.y, data.ids, group, time)
        if len(kept) < FEWEST:
            raise DataError(f"{counted(len(kept), kind.one)} with a target, at least {FEWEST} are needed: one to test "
                            "on, the others to learn from.")
        with in_file(path if kind.name == "table" else None, y.index):
            found = decide(y, "regression" if asked.forecast else asked.task)
    return Problem(
        path.name, kind, rows, data.width, data.extent, X, y, data.targets, *found, rows - len(kept), group, time,
        data.notes, ids, data.features, asked.remembered() if kind.name == "sequences" else {},
        int((kept >= rows - tests).sum()), test.name if test is not None else "",
        path if kind.name == "table" else None,
    )


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
    """Rows to learn from, to see when to stop (none of few) and to test on; and how they were chosen."""
    import numpy as np

    n, many = len(problem.y), problem.kind.many
    if problem.tests:
        last = np.arange(n - problem.tests, n)
        learn, steer = np.arange(n - problem.tests), last[:0]
        if len(learn) >= problem.kind.fewest:
            learn, steer = _split(problem, learn, (VALIDATION,), seed)[0]
        elif not len(learn):
            raise DataError(f"{problem.source} has no {many} with a target: only the test part does.")
        _refuse_new_classes(problem, len(learn) + len(steer))
        parts: Any = (learn, steer, last)
        how = f"those of {problem.test_source}"
    else:
        shares = (test,) if n * (1 - test) < problem.kind.fewest else ((1 - test) * VALIDATION, test)
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
    """Some rows in parts, and how they were chosen."""
    from ..data import forecast_split, split

    n = len(rows)
    if problem.forecasts:
        parts, how = forecast_split(problem.time, shares), "the latest, none of which an earlier part has seen"
    elif problem.group is not None:
        parts, how = split(n, shares, seed, groups=problem.group), f"no {problem.group.name} on two sides"
    elif problem.time is not None:
        parts, how = split(n, shares, seed, time=problem.time), f"the latest by {problem.time.name}"
    elif problem.task in ("binary", "multiclass"):
        parts, how = split(problem.y.iloc[rows], shares, seed, stratify=True), "by chance, each class in proportion"
    else:
        parts, how = split(n, shares, seed), "by chance"
    return tuple(rows[part] for part in parts), how


def _where_targets_are(path: Path, kind: str) -> str:
    if path.is_dir():
        return "its images lie in it directly; give each class a folder, whose name is the label"
    if path.suffix.lower() == ".npz":
        return "write it with np.savez_compressed(path, X=..., y=labels)"
    if ".ts" in path.suffixes:
        return "its header must say @classLabel true or @targetLabel true, and each line end with the label"
    return f"name the column of the {kind}' labels with --target"


@contextmanager
def about(what: str):
    """Errors in the block say what they are about."""
    try:
        yield
    except CutawayError as problem:
        raise type(problem)(f"{what}: {problem}") from None


@contextmanager
def in_file(path: Path | None, rows: Any = None):
    """Errors in the block name the lines of a table's file for its rows; `rows` are those that the block works on."""
    from ..data.table_lines import in_lines

    try:
        yield
    except CutawayError as problem:
        if path is None:
            raise
        raise type(problem)(in_lines(str(problem), path, None if rows is None else list(rows))) from None


def _refuse_empty(y: Any, where: str) -> None:
    for name, column in y.items() if y.ndim == 2 else [(y.name, y)]:
        if column.isna().all():
            raise DataError(f"the target {name!r} is empty in every row of {where}: is it the right column?")
    if y.ndim == 2 and y.isna().any(axis=1).all():
        raise DataError(f"no row of {where} has all of the targets.")


def _summary(y: Any, classes: bool, many: str) -> str:
    import numpy as np

    if not classes:
        low, middle, high = np.quantile(np.asarray(y, float), [0, 0.5, 1])
        return f"a number from {number(low, 6)} to {number(high, 6)}, median {number(middle, 6)}"
    counts = y.value_counts()
    some = ", ".join(f"{short(label, 20)} {count:,}" for label, count in counts.head(4).items())
    if len(counts) <= 4:
        return f"{len(counts)} classes: {some} {many}"
    return f"{len(counts)} classes, by {many}: {some}, and {counted(len(counts) - 4, 'more class', 'more classes')}"


def truth(data: Data, where: str, encoder: Any, path: Path | None = None) -> tuple[Any, Any, int]:
    """The rows that have a target, their targets as `encoder` knows them, and how many rows have none."""
    import pandas as pd

    from ..data import drop_missing

    with about(f"{where}, target {listed(data.targets)}"):
        _refuse_empty(data.y, where)
        X, y, kept = drop_missing(data.X, data.y)
        with in_file(path, y.index):
            encoder.transform(y)
        told = encoder.known(y)
        y = y if told is y else pd.Series(told, index=y.index, name=y.name)
    return X, y, len(data) - len(kept)
