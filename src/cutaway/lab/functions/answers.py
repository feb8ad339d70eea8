"""What any model says about rows of numbers: the probability of each class, or a number."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...errors import ArgumentError, DataError, ShapeError
from ...nn import Module
from ...train.feeding import check_finite
from ..models import loss_for

AT_ONCE = 4e6  # numbers in the rows that a model is asked about at a time


@dataclass(eq=False)
class Answers:
    """A model as a function of flat rows, and the rows it was asked about.

    X (n, features) and their names; y (n,) or None: numbers, or with classes the number of each row's class. ask: rows
    (n, features) to probabilities (n, classes), or to numbers (n,) where classes is empty.
    """

    name: str
    X: np.ndarray
    y: np.ndarray | None
    names: list[str]
    classes: list[str]
    ask: Callable[[np.ndarray], np.ndarray]

    def __call__(self, rows: np.ndarray) -> np.ndarray:
        count = max(1, int(AT_ONCE // rows.shape[1]))
        return np.concatenate([self.ask(rows[k : k + count]) for k in range(0, len(rows), count)])

    def score(self) -> float | None:
        """Score the rows themselves: the share told right, or R²."""
        if self.y is None:
            return None
        said = self(self.X)
        if self.classes:
            return float((said.argmax(1) == self.y).mean())
        return float(1 - np.square(self.y - said).sum() / (np.square(self.y - self.y.mean()).sum() or 1))


def answers_of(model: Any, X: Any, y: Any = None, names: list[str] | None = None) -> Answers:
    """Wrap a ct.nn.Module, a trained estimator, or anything with predict_proba or predict as scikit-learn has it.

    An estimator's rows are X as it stands where X is a table of finite numbers, and otherwise what its network sees.
    """
    if isinstance(model, Module):
        return _of_module(model, X, y, names)
    if not hasattr(model, "predict"):
        raise ArgumentError(f"model is a {type(model).__name__}: give a ct.nn.Module or a trained estimator")
    labels = [] if not hasattr(model, "classes_") else np.asarray(model.classes_).tolist()
    flat = _numbers(X)
    if flat is None:
        if not hasattr(model, "encode"):
            raise DataError(f"X must be a table of finite numbers for a {type(model).__name__}")
        flat = np.asarray(model.encode(X))
        names = names or getattr(model, "encoded_names", None)
        shape = flat.shape[1:]

        def ask(rows: np.ndarray) -> np.ndarray:
            return np.asarray(model.answers(rows.reshape(-1, *shape).astype(model.model_.dtype)), np.float64)

    else:
        columns = getattr(X, "columns", None)
        names = names or (None if columns is None else list(columns))
        says = model.predict_proba if labels else model.predict

        def ask(rows: np.ndarray) -> np.ndarray:
            return np.asarray(says(rows if columns is None else type(X)(rows, columns=columns)), np.float64)

    if y is not None:
        y = np.asarray(y)
        if labels and not np.isin(y, model.classes_).all():
            raise DataError("y has labels that the model does not know")
        y = np.searchsorted(model.classes_, y) if labels else y.astype(np.float64)
    return _checked(Answers(type(model).__name__, flat, y, names or [], [str(c) for c in labels], ask))


def _of_module(model: Module, X: Any, y: Any, names: list[str] | None) -> Answers:
    """Read y as the loss takes it: class numbers, zeros and ones, or numbers."""
    X = np.asarray(X)
    if X.dtype.kind not in "fiub" or X.ndim < 2:
        raise ShapeError(f"X must be an array of numbers (n, ...), got {X.dtype} of shape {X.shape}")
    y = None if y is None else np.asarray(y)
    if y is not None and (y.dtype.kind not in "fiub" or y.size != len(X)):
        raise DataError(f"y must be a number for each of {len(X)} rows, as the loss takes it, got {y.dtype} {y.shape}")
    y = None if y is None else y.ravel()
    if y is not None:
        check_finite("y", y)
    outputs = model.predict(X[:2]).reshape(len(X[:2]), -1).shape[1]
    loss = loss_for("auto", model, X, y) if y is not None else "cross_entropy" if outputs > 1 else "mse"
    count = {"cross_entropy": outputs, "binary_cross_entropy": 2}.get(loss, 0)
    link = {"cross_entropy": "softmax", "binary_cross_entropy": "sigmoid"}.get(loss, "")

    def ask(rows: np.ndarray) -> np.ndarray:
        return _linked(model.predict(rows.reshape(-1, *X.shape[1:])), link)

    y = None if y is None else y.astype(np.intp if count else np.float64)
    name = type(model).__name__
    return _checked(Answers(name, X, y, names or [], [str(k) for k in range(count)], ask))


def _checked(answers: Answers) -> Answers:
    """Make rows flat, and give each feature a name."""
    X, y = answers.X, answers.y
    if y is not None and y.shape != (len(X),):
        raise ShapeError(f"y has shape {y.shape}: give one number or class for each of {len(X)} rows")
    answers.X = X.reshape(len(X), -1).astype(np.float64)
    answers.names = [str(n) for n in answers.names] or [f"x{k}" for k in range(answers.X.shape[1])]
    if not np.isfinite(answers.X).all():
        raise DataError("X has values that are not finite")
    if answers.ask(answers.X[:2]).ndim != (2 if answers.classes else 1):
        raise ArgumentError(f"{answers.name} gives several numbers a row: a picture shows one, or classes")
    return answers


def _numbers(X: Any) -> np.ndarray | None:
    """Read X as an array, if it is a table of finite numbers."""
    try:
        flat = np.asarray(X, np.float64)
    except (TypeError, ValueError):
        return None
    return flat if flat.ndim == 2 and np.isfinite(flat).all() else None


def _linked(z: np.ndarray, link: str) -> np.ndarray:
    """Turn raw outputs into probabilities (n, classes), or as they are: (n,) where there is one a row."""
    from scipy.special import expit, softmax

    z = z.reshape(len(z), -1).astype(np.float64)
    if link == "softmax":
        return softmax(z, axis=1)
    if link == "sigmoid":
        p = expit(z[:, :1])
        return np.hstack([1 - p, p])
    return z[:, 0] if z.shape[1] == 1 else z
