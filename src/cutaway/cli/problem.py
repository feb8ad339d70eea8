"""The problem in a file: the rows, the target, and the parts that learn, steer and test."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..data.limits import FEWEST_ROWS as FEWEST
from ..errors import ArgumentError, DataError
from ..report.findings import TargetFacts
from ..text import counted, listed, number, short
from .options import ReadOptions
from .rows import FileRows, about, in_file
from .sources import join, load, recognise

if TYPE_CHECKING:
    pass

CLASSIFICATION = ("binary", "multiclass", "multilabel")


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
    columns: dict[str, str] = field(default_factory=dict)
    split: str | None = None

    @property
    def classifies(self) -> bool:
        return self.task in CLASSIFICATION

    @property
    def forecasts(self) -> bool:
        return "forecast" in self.reading

    def target_facts(self) -> list[TargetFacts]:
        """Describe each target in words, for the rows in this file: those of a separate test file are counted apart."""
        y = self.y.iloc[: len(self.y) - self.tests]
        if self.forecasts and len(self.targets) > 1:
            words = _summary(y.to_numpy().ravel(), False, self.kind.many)
            return [TargetFacts(self.reading["forecast"], f"{words}; {len(self.targets):,} steps are forecast")]
        return [TargetFacts(name, _summary(y[name] if len(self.targets) > 1 else y, self.classifies, self.kind.many))
                for name in self.targets]


def read(path: Path, asked: ReadOptions, test: Path | None = None) -> Problem:
    """Read the problem in a file, or folder; `test` is another with rows to test on.

    Raises DataError or ArgumentError for what cannot be learnt.
    """
    from ..data import drop_missing
    from ..data.formats import format_of

    path = path if path.name else path.resolve()  # "." has a name, too
    kind, frame = recognise(path, asked)
    data = load(kind, path, asked, frame)
    tests = 0
    if test is not None:
        if asked.split or asked.group or asked.forecast or (asked.time and not asked.id):
            raise ArgumentError(f"--test {test}: the test rows are in a file of their own; leave the options out that "
                                "divide the rows by a column or by time.")
        data, tests = join(kind, data, test, asked, path)
    if data.y is None:
        folder = "the folder " * path.is_dir()
        way = format_of(path).labels or f"name the column of the {kind.name}' labels with --target"
        raise DataError(f"{folder}{path.name} has no target: {way}.")
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
        data.notes, ids, data.features,
        asked.remembered() if kind.name == "sequences" else asked.remembered_of_tables(),
        int((kept >= rows - tests).sum()), test.name if test is not None else "",
        path if kind.name == "table" else None, asked.column, asked.split,
    )


def decide(y: Any, task: str | None) -> tuple[str, str]:
    """Decide on the task, by the target's looks and within 'regression' or 'classification' if asked for; say why."""
    from ..data import TargetEncoder

    many = getattr(y, "ndim", 1) == 2
    asked = None
    if task == "regression":
        asked = "multi-output regression" if many else "regression"
    elif task == "classification":
        asked = "multilabel" if many else "binary" if y.nunique() == 2 else "multiclass"
    found = TargetEncoder(asked).fit(y)
    return found.task, "as asked" if asked else f"the target has {found.reason}"


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


def truth(data: FileRows, where: str, encoder: Any, path: Path | None = None) -> tuple[Any, Any, int]:
    """Find the rows that have a target, their targets as `encoder` knows them, and how many rows have none."""
    import pandas as pd

    from ..data import drop_missing

    with about(f"{where}, target {listed(data.targets)}"):
        _refuse_empty(data.y, where)
        X, y, kept = drop_missing(data.X, data.y)
        with in_file(path, y.index):
            encoder.transform(y)
        known = encoder.known(y)
        y = y if known is y else pd.Series(known, index=y.index, name=y.name)
    return X, y, len(data) - len(kept)
