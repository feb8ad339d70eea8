"""TargetEncoder: decides the task; targets become arrays, predictions return to the target's own unit."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..described import entry
from ..errors import ArgumentError, DataError, FileError
from ..text import counted
from .cells import Places, is_gap, parse_number, word_for
from .limits import LESS_SKEWED, MOST_CLASSES, SKEWED
from .numbers import NumberSummary
from .reading import is_frame, without_long_integers
from .weights import none_if_equal, weighed

TASKS = ("regression", "binary", "multiclass", "multilabel", "multi-output regression")
WIDE = ("multilabel", "multi-output regression")
STATE = {"reason": str, "notes": list[str], "names": list[str], "log_applied": bool}
SCALES = ("standard", "robust", None)


class TargetEncoder:
    """Turn a target of any type into what a loss takes, and predictions back into the target's own unit or classes.

    `task` is decided by `fit` unless given: 'regression', 'binary', 'multiclass', 'multilabel' (a table of 0 and 1) or
    'multi-output regression'. Regression targets are scaled by mean and standard deviation ('standard'), median and
    quartile range ('robust') or not at all (None), after the logarithm with `log=True`, or with `log="auto"` if all are
    positive and their logarithm is clearly less skewed. A target that never varies is an error unless `constant`.

    >>> from cutaway.data import TargetEncoder
    >>> target = TargetEncoder().fit(["cat", "dog", "cat", "fox"])
    >>> target.task, target.classes.tolist(), target.transform(["fox", "cat"]).tolist()
    ('multiclass', ['cat', 'dog', 'fox'], [2, 0])
    >>> target.inverse([[0.1, 0.7, 0.2]]).tolist()
    ['dog']
    """

    task: str
    classes: np.ndarray

    def __init__(self, task: str | None = None, *, scale: str | None = "standard", log: bool | str = False,
                 constant: bool = False):
        if task not in (None, *TASKS):
            raise ArgumentError(f"task is {task!r}: choose None or one of {', '.join(map(repr, TASKS))}.")
        if scale not in SCALES:
            raise ArgumentError(f"scale is {scale!r}: choose 'standard', 'robust' or None.")
        if log not in (True, False, "auto"):
            raise ArgumentError(f"log is {log!r}: choose True, False or 'auto'.")
        self.asked_task, self.scale, self.log, self.constant = task, scale, log, constant

    def fit(self, y: Any, weights: Any = None) -> TargetEncoder:
        """Decide the task and learn the classes, or center and scale; y is (n,) or (n, outputs), weights (n,)."""
        values, self.names = as_target(y)
        if weights is not None:
            weights, values = weighed(weights, values)
        refuse_missing(values)
        refuse_infinity(values)
        self.task, self.reason = self._decide(values)
        self.notes: list[str] = []
        self.still: list[str] = []  # names of the columns that never vary
        self.__dict__.pop("classes", None)
        self.log_applied = False
        if self.task in ("binary", "multiclass"):
            self._fit_classes(values)
        elif self.task == "multilabel":
            self._labels(values)
            self.classes = np.arange(values.shape[1])
        else:
            self._fit_scale(values, none_if_equal(weights))
        return self

    @property
    def n_outputs(self) -> int:
        """How many output neurons the task needs: one for each class (binary: one) or for each column of y."""
        if self.task == "multiclass":
            return len(self.classes)
        return 1 if self.task in ("binary", "regression") else len(self.names)

    def transform(self, y: Any, dtype: Any = np.float32) -> np.ndarray:
        """Encode y as a loss takes it.

        Classes: their numbers, int32 (n,); two classes: 0 and 1 (n,); labels: 0 and 1 (n, labels); regression: scaled
        numbers (n,) or (n, outputs).
        """
        values, names = as_target(y)
        refuse_missing(values)
        if len(names) != len(self.names):
            raise DataError(f"The target has {counted(len(names), 'column')}; training had {len(self.names)}.")
        if self.task in ("binary", "multiclass"):
            return self._codes(values).astype(dtype if self.task == "binary" else np.int32)
        if self.task == "multilabel":
            return self._labels(values).astype(dtype)
        return ((self._logged(_numbers(values)) - self.center) / self.spread).astype(dtype)

    def fit_transform(self, y: Any, weights: Any = None, dtype: Any = np.float32) -> np.ndarray:
        return self.fit(y, weights).transform(y, dtype)

    def inverse(self, prediction: Any) -> np.ndarray:
        """Bring ŷ back to the target's own terms: numbers in its unit, or classes.

        Takes scaled numbers for regression; for classes, probabilities (n, classes), probabilities of the second class
        (n,) or (n, 1) if there are two, or class numbers (integers); for labels, probabilities (n, labels).
        """
        p = np.asarray(prediction)
        if p.ndim == 2 and p.shape[1] == 1 and self.task in ("binary", "regression"):
            p = p[:, 0]
        wide = self.task in WIDE or (self.task == "multiclass" and p.dtype.kind == "f")
        if p.ndim != 1 + wide or (wide and p.shape[1] != self.n_outputs):
            wanted = f"(n, {self.n_outputs})" if wide else "(n,) or (n, 1)"
            raise DataError(f"Predictions of a {self.task} target have shape {wanted}, not {p.shape}.")
        if self.task in ("binary", "multiclass"):
            codes = p if p.dtype.kind in "iub" else p.argmax(axis=1) if wide else p >= 0.5
            return self.classes[codes.astype(np.intp)]
        if self.task == "multilabel":
            return (p >= 0.5).astype(np.int64)
        values = p.astype(np.float64) * self.spread + self.center
        return np.exp(np.minimum(values, 700)) if self.log_applied else values

    def to_json(self) -> dict[str, Any]:
        """Give everything fitted as plain dicts, lists, numbers and strings."""
        state = {name: getattr(self, name) for name in ("task", "scale", "log", *STATE)}
        if hasattr(self, "classes"):
            labels = self.classes.tolist()
            if odd := [label for label in labels if not isinstance(label, str | int | float | bool)]:
                raise DataError(
                    f"Class {odd[0]!r} is a {type(odd[0]).__name__}: only text, numbers and booleans can be "
                    "classes in a model file. Turn the labels into text."
                )
            return state | {"classes": labels, "dtype": self.classes.dtype.str}
        return state | {"center": np.asarray(self.center).tolist(), "spread": np.asarray(self.spread).tolist()}

    @classmethod
    def from_json(cls, state: dict[str, Any]) -> TargetEncoder:
        """The encoder that `to_json` described. Raises FileError for a description that it cannot have written."""
        task, log = entry(state, "task", str), entry(state, "log", bool | str)
        target = cls(task, scale=entry(state, "scale", str | None), log=log)
        target.task = task
        for name, kind in STATE.items():
            setattr(target, name, entry(state, name, kind))
        target.still = []
        if task in ("binary", "multiclass", "multilabel"):
            labels = entry(state, "classes", list[str | bool | int | float])
            target.classes = _as_they_were(labels, entry(state, "dtype", str))
            wanted = 2 if task == "binary" else len(target.names) if task == "multilabel" else max(1, len(labels))
            if len(labels) != wanted:
                raise FileError(f"it is damaged (a {task} target of {len(labels)} classes)")
            return target
        kind = float if task == "regression" else list[float]
        target.center, target.spread = (np.array(entry(state, name, kind))[()] for name in ("center", "spread"))
        shape = () if task == "regression" else (len(target.names),)
        if not target.center.shape == target.spread.shape == shape or not (
            np.isfinite(target.center).all() and (target.spread > 0).all() and np.isfinite(target.spread).all()
        ):
            raise FileError("it is damaged (the target's center and spread do not fit)")
        return target

    def __repr__(self) -> str:
        return f"TargetEncoder({getattr(self, 'task', self.asked_task)!r})"

    def _decide(self, values: np.ndarray) -> tuple[str, str]:
        """The task, and why it is that."""
        if self.asked_task is not None:
            wide = self.asked_task in WIDE
            if values.ndim != 1 + wide:
                wanted = "(n, k)" if wide else "(n,)"
                raise DataError(f"The target has shape {values.shape}, but {self.asked_task} takes {wanted}.")
            return self.asked_task, "as asked"
        if values.ndim == 2:
            if np.isin(values, (0, 1)).all():
                return "multilabel", f"{values.shape[1]} columns of 0 and 1"
            return "multi-output regression", f"{values.shape[1]} columns of numbers"
        distinct = _distinct(values)
        if values.dtype.kind in "OUSb":
            spelt = [parse_number(str(word)) for word in distinct] if values.dtype.kind != "b" else [None]
            if len(distinct) <= MOST_CLASSES or None in spelt:
                return ("binary" if len(distinct) == 2 else "multiclass"), f"{len(distinct)} different labels"
            return "regression", "text that reads as numbers"
        whole = bool((distinct == np.rint(distinct)).all())
        if whole and len(distinct) == 2:
            return "binary", "2 different whole numbers"
        if whole and len(distinct) <= min(MOST_CLASSES, len(values) / 2):
            return "multiclass", f"{len(distinct)} different whole numbers"
        return "regression", f"{len(distinct):,} different numbers"

    def _fit_classes(self, values: np.ndarray) -> None:
        self.classes = _distinct(values)
        if len(self.classes) < 2:
            self.still = list(self.names)
        if len(self.classes) < 2 and not self.constant:
            raise DataError(
                f"Every row of the target is {self.classes.tolist()[0]!r}, one class: nothing can be learnt from it."
            )
        if self.task == "binary" and len(self.classes) > 2:
            raise DataError(f"A binary target has two classes, this one {len(self.classes)}: set task='multiclass'.")
        counts = np.bincount(self._codes(values), minlength=len(self.classes))
        if len(values) > MOST_CLASSES and counts.max() == 1:
            raise DataError(
                f"All {len(values)} rows of the target differ ({values.tolist()[0]!r}, ...): is it the right column?"
            )
        if lone := self.classes[counts == 1].tolist():
            named = ", ".join(map(repr, lone[:5])) + (", ..." if len(lone) > 5 else "")
            self.notes.append(f"a single row has class {named}: it can be learnt or tested, not both")

    def known(self, y: Any) -> Any:
        """Write y's labels as training did, where all are known: 1 for "1.0"; anything else stays.

        Raises DataError for text among classes that are numbers, or numbers among others, which no class is like.
        """
        if self.task not in ("binary", "multiclass"):
            return y
        values, _ = as_target(y)
        codes = self._found(values) if values.ndim == 1 else np.array([-1])
        if (codes >= 0).all():
            return self.classes[codes]
        text, labels = isinstance(self.classes.tolist()[0], str), values.tolist()
        for row in np.flatnonzero(codes < 0).tolist() if values.ndim == 1 else ():
            if isinstance(labels[row], str) != text:
                raise self._stranger(labels[row], row)
        return y

    def _found(self, values: np.ndarray) -> np.ndarray:
        """The class of each label, -1 for one that is none: the same label may be written as 1, "1" or "1.0"."""
        places = {label: i for i, label in enumerate(self.classes.tolist())}
        labels = values.tolist()
        codes = np.array([places.get(label, -1) for label in labels], dtype=np.int32)
        if (codes < 0).any():
            words = list(map(word_for, places))
            alike = Places(words if len(set(words)) == len(words) else [])
            for row in np.flatnonzero(codes < 0).tolist():
                codes[row] = alike.get(word_for(labels[row]), -1)
        return codes

    def _codes(self, values: np.ndarray) -> np.ndarray:
        codes = self._found(values)
        if (codes < 0).any():
            row = int(np.flatnonzero(codes < 0)[0])
            raise self._stranger(values.tolist()[row], row)
        return codes

    def _stranger(self, label: Any, row: int) -> DataError:
        places = self.classes.tolist()
        known = ", ".join(map(repr, places[:8])) + (", ..." if len(places) > 8 else "")
        return DataError(f"Target, row {row}: class {label!r} was not in training, which had {known}.")

    def _labels(self, values: np.ndarray) -> np.ndarray:
        if not (known := np.isin(values, (0, 1))).all():
            row, column = np.argwhere(~known)[0]
            got = values.tolist()[row][column]
            raise DataError(f"Target, row {row}, column {self.names[column]!r}: {got!r} is neither 0 nor 1.")
        return values.astype(np.float64)

    def _fit_scale(self, values: np.ndarray, weights: np.ndarray | None) -> None:
        y = _numbers(values)
        flat = y.max(axis=0) == y.min(axis=0)
        self.still = [name for name, never in zip(self.names, np.atleast_1d(flat), strict=True) if never]
        if self.still and not self.constant:
            at = int(np.argmax(flat))
            which = "" if y.ndim == 1 else f" column {self.still[0]!r}"
            raise DataError(f"Target{which} is {y.flat[at]:g} in every row: nothing to predict.")
        self.log_applied = _log_helps(y, weights) if self.log == "auto" else bool(self.log)
        y = self._logged(y)
        if self.scale is None:
            self.center, self.spread = np.zeros(y.shape[1:]), np.ones(y.shape[1:])
        elif self.scale == "standard":
            size = np.abs(y).max(axis=0)  # keeps the squares below from overflowing
            size = np.where(size > 0, size, 1.0)
            center = np.average(y / size, axis=0, weights=weights)
            spread = np.sqrt(np.average((y / size - center) ** 2, axis=0, weights=weights))
            self.center, self.spread = center * size, np.where(spread > 0, spread, 1.0) * size
        else:
            found = NumberSummary.of(np.ascontiguousarray(np.atleast_2d(y.T)), weights)
            self.center, self.spread = (found.center, found.scale) if y.ndim == 2 else (found.center[0], found.scale[0])
        if self.still:  # exactly what it is, and no scale to lose it in
            self.center, self.spread = np.where(flat, y[0], self.center), np.where(flat, 1.0, self.spread)

    def _logged(self, y: np.ndarray) -> np.ndarray:
        if not self.log_applied:
            return y
        if not (y > 0).all():
            at = np.argwhere(y <= 0)[0]
            raise DataError(
                f"Target, row {at[0]}, is {y[tuple(at)]:g}: a logarithm needs positive numbers: set log=False."
            )
        return np.log(y)


def _as_they_were(labels: list[Any], dtype: str) -> np.ndarray:
    """Make classes an array of the type that they had. Text takes the room that it needs, whatever a file says."""
    try:
        kind = np.dtype(dtype if len(dtype) < 20 else "")
        if kind.kind in "biufOU" and kind.names is None and kind.subdtype is None:
            return np.array(labels, dtype=str if kind.kind == "U" else kind)
    except (TypeError, ValueError, OverflowError):
        pass
    raise FileError(f"it is damaged (classes of the type {dtype!r:.40})")


def drop_missing(X: Any, y: Any, *others: Any) -> tuple[Any, ...]:
    """Drop the rows that have no target from X, y and any other columns; the kept rows' numbers come last.

    >>> X, y, kept = drop_missing(np.eye(3), np.array([1.0, np.nan, 2.0]))
    >>> y.tolist(), kept.tolist()
    ([1.0, 2.0], [0, 2])
    """
    values, _ = as_target(y)
    kept = np.flatnonzero(~missing_rows(values))
    return *(_rows(part, kept) for part in (X, y, *others)), kept


def _rows(part: Any, kept: np.ndarray) -> Any:
    if part is None:
        return None
    if hasattr(part, "iloc"):
        return part.iloc[kept]
    return [part[i] for i in kept] if isinstance(part, list | tuple) else part[kept]


def as_target(y: Any) -> tuple[np.ndarray, list[str]]:
    """Read y as an array (n,) or, with more than one column, (n, k), and its columns' names."""
    name = getattr(y, "name", None)
    if type(y).__module__.startswith(("polars", "pyarrow")):
        y = without_long_integers(y).to_pandas()
    if hasattr(y, "toarray"):
        y = y.toarray()
    names = [str(column) for column in y.columns] if is_frame(y) and hasattr(y, "columns") else []
    if hasattr(y, "dtype") and hasattr(y, "iloc") and y.dtype.kind in "iuf" and y.hasnans:
        y = y.to_numpy(dtype=np.float64, na_value=np.nan)
    values = y if isinstance(y, np.ndarray) else np.asarray(y)
    if values.dtype.kind == "U" and isinstance(y, list | tuple) and not all(isinstance(label, str) for label in y):
        values = np.asarray(y, dtype=object)  # ["a", 1] keeps its number
    if values.dtype.kind == "M" or values.dtype.kind == "m":
        raise DataError("The target holds dates or durations: turn them into numbers, such as days since the first.")
    if values.dtype.kind == "c":
        raise DataError("The target is complex: Complex data not supported.")
    if values.ndim == 2 and values.shape[1] == 1:
        values = values[:, 0]
    if isinstance(y, str):
        raise DataError(f"The target is the text {y!r}: give its values, such as y = X.pop({y!r}) of a DataFrame X.")
    if values.ndim not in (1, 2) or values.size == 0:
        raise DataError(f"The target has shape {values.shape}: give one value a row, (n,), or k, (n, k).")
    width = 1 if values.ndim == 1 else values.shape[1]
    if len(names) != width:
        names = [f"y{i}" for i in range(width)] if width > 1 else ["y" if name in (None, "") else str(name)]
    return values, names


def missing_rows(values: np.ndarray) -> np.ndarray:
    """Find which rows of a target have a gap."""
    if values.dtype.kind == "f":
        gaps = np.isnan(values)
    elif values.dtype.kind == "O":
        import pandas as pd

        gaps = np.asarray(pd.isna(values))
    else:
        gaps = np.zeros(values.shape, dtype=bool)
    return gaps if gaps.ndim == 1 else gaps.any(axis=1)


def refuse_missing(values: np.ndarray) -> None:
    rows = np.flatnonzero(missing_rows(values))
    if len(rows) == len(values):
        raise DataError("The target is empty in every row (NaN): is it the right column?")
    if len(rows):
        which = ", ".join(map(str, rows[:5])) + (", ..." if len(rows) > 5 else "")
        raise DataError(
            f"The target is missing (NaN) in {len(rows)} of {counted(len(values), 'row')} (rows {which}; the first "
            "row is 0): fill them in, or leave those rows out with X, y, kept = ct.data.drop_missing(X, y)."
        )


def refuse_infinity(values: np.ndarray) -> None:
    if values.dtype.kind == "f" and not np.isfinite(values).all():
        row = int(np.argwhere(~np.isfinite(values))[0][0])
        raise DataError(f"Target, row {row}, is infinity (inf): it must be finite. Correct it, or leave the row out.")


def _numbers(values: np.ndarray) -> np.ndarray:
    if values.dtype.kind in "OUS":
        parsed = [parse_number(str(cell)) for cell in values.ravel()]
        for i, number in enumerate(parsed):
            if number is None or is_gap(str(values.flat[i])):
                row = i // (values.size // len(values))
                raise DataError(
                    f"Target, row {row}: {values.ravel().tolist()[i]!r} is not a number, which regression needs."
                )
        values = np.array(parsed, dtype=np.float64).reshape(values.shape)
    y = values.astype(np.float64)
    refuse_infinity(y)
    return y


def _distinct(values: np.ndarray) -> np.ndarray:
    """The different values in order: by size or alphabet, or by type first where types are mixed."""
    if values.dtype.kind != "O":
        return np.unique(values)
    different = set(values.tolist())
    try:
        labels = sorted(different)
    except TypeError:
        labels = sorted(different, key=lambda label: (type(label).__name__, str(label)))
    out = np.empty(len(labels), dtype=object)
    out[:] = labels
    return out


def _log_helps(y: np.ndarray, weights: np.ndarray | None) -> bool:
    if not (y > 0).all():
        return False
    skew = _skew(y, weights)
    return skew > SKEWED and abs(_skew(np.log(y), weights)) < skew * LESS_SKEWED


def _skew(y: np.ndarray, weights: np.ndarray | None) -> float:
    z = y - np.average(y, axis=0, weights=weights)
    z = z / np.sqrt(np.average(z**2, axis=0, weights=weights))
    return float(np.average(z**3, axis=0, weights=weights).mean())
