"""What a network says over a plane of two of its inputs, and where the rows of training and of the test lie in it.

Of a table all other inputs are those of a typical row, or of a row of the batch. Of made data the plane is that of the
points themselves, and whatever the network is given of a point is reckoned anew for each cell.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from ..errors import ArgumentError
from ..inspect.why import typical_row
from ..text import jsonable
from .limits import CELLS, MOST_POINTS_SHOWN
from .playground import Ground

MOST = 2_000  # rows of training that a plane's ends are taken from
MANY = 8  # different values from which on an input is a number in which something can be seen


@dataclass(frozen=True)
class InputsPlane:
    """The rows of a study in planes. features: the inputs to choose from; learnt, tests: rows (n, features) as they lie
    in them, of training and of the test; ground: the points, of made data."""

    study: Any
    features: tuple[str, ...]
    learnt: np.ndarray
    tests: np.ndarray
    ground: Ground | None = None

    @property
    def there(self) -> bool:
        """Whether there are two inputs at least."""
        return len(self.features) > 1

    def cells(self, i: int, j: int, across: np.ndarray, up: np.ndarray, base: np.ndarray | None) -> np.ndarray:
        """Give what the network is given in each cell of the plane of features i and j, the lowest row first."""
        estimator, x, y = self.study.estimator, np.tile(across, len(up)), np.repeat(up, len(across))
        if self.ground is not None:
            return np.asarray(estimator.encode(pd.DataFrame(self.ground.given(np.column_stack([x, y])))))
        names = list(estimator.encoded_names)
        grid = np.repeat((typical_row(estimator.encoder_)[0] if base is None else base)[None], len(x), 0)
        grid[:, names.index(self.features[i])], grid[:, names.index(self.features[j])] = x, y
        return grid


def plane_of(study: Any, made: dict[str, Any] | None) -> InputsPlane:
    """Find where the rows of a study lie. made: what its data were made from."""
    if made and len((ground := Ground.asked(made)).X[0]) > 1:
        learnt, tests = (ground.X[study.rows(part)[1].index.to_numpy()[:MOST]] for part in (0, 2))
        return InputsPlane(study, ("x1", "x2"), learnt, tests, ground)
    if study.problem.kind.name != "table":
        return InputsPlane(study, (), np.zeros((0, 0)), np.zeros((0, 0)))
    learnt, tests = (np.asarray(study.estimator.encode(X.iloc[:MOST])) if len(X) else np.zeros((0, 0))
                     for X in (study.rows(part)[0] for part in (0, 2)))
    names = study.estimator.encoded_names
    some = [k for k in range(len(names)) if len(np.unique(learnt[:, k])) > MANY][:60]
    return InputsPlane(study, tuple(names[k] for k in some), learnt[:, some], tests[:, some] if len(tests) else tests)


def regions(inside: Any, plane: InputsPlane, step: int, a: str, b: str, place: int | None, batch: bool
            ) -> dict[str, Any]:
    """Tell what the network says before a step over the plane of inputs a and b, and where rows lie.

    inside: the Inside of a run or a fork. a, b: the first two unless given. place: a row of the step's batch, whose
    other inputs are taken; batch: whether to say which points are in the batch.
    """
    features, estimator = plane.features, plane.study.estimator
    if not plane.there:
        raise ArgumentError("a plane needs two inputs that are numbers, and this table has not two of them")
    a, b = a or features[0], b or next(name for name in features if name != (a or features[0]))
    if a not in features or b not in features or a == b:
        raise ArgumentError(f"choose two different ones of {', '.join(features)}: got {a!r:.40} and {b!r:.40}")
    i, j = features.index(a), features.index(b)
    low, high = plane.learnt[:, [i, j]].min(0), plane.learnt[:, [i, j]].max(0)
    room = 0.06 * (high - low)
    across, up = (np.linspace(lo - gap, hi + gap, CELLS) for lo, hi, gap in zip(low, high, room, strict=True))
    t = inside.at(step) if batch or place is not None else None
    base = None if place is None or t is None else np.asarray(t["x"][place])
    grid = plane.cells(i, j, across, up, base)
    with inside.lock:
        inside.session.goto(step)
        z = np.asarray(inside.session.model.predict(grid), np.float64).reshape(len(grid), -1)
    said, sure = answered(z, estimator.design_.link)
    classes = [str(label) for label in getattr(estimator, "classes_", [])]
    some = spread(len(plane.learnt))
    shown = set() if t is None else {int(row) for row in t.about.rows}
    if batch:  # of the batch all are shown
        some = np.union1d(some, [row for row in shown if row < len(plane.learnt)]).astype(int)
    few = spread(len(plane.tests))
    return jsonable({
        "step": step, "a": a, "b": b, "made": plane.ground is not None, "features": list(features),
        "classes": classes, "cells": CELLS,
        "across": [across[0], across[-1]], "up": [up[0], up[-1]], "said": said, "sure": np.round(sure, 3),
        "points": rows_in(plane, plane.learnt[some][:, [i, j]], 0, some, classes),
        "tests": rows_in(plane, plane.tests[few][:, [i, j]], 2, few, classes) if len(few) else [],
        "batch": [k for k, row in enumerate(some.tolist()) if row in shown] if batch else [],
    }, digits=4)


def answered(z: np.ndarray, link: str) -> tuple[np.ndarray, np.ndarray]:
    """What is said of each row of raw outputs, and how sure: a class and its probability; of numbers 0 and the number's
    place between the smallest and the largest."""
    if link == "sigmoid" and z.shape[1] == 1:
        sure = 1 / (1 + np.exp(-z[:, 0]))
        return (sure > 0.5).astype(int), np.where(sure > 0.5, sure, 1 - sure)
    if link == "softmax":
        each = np.exp(z - z.max(1, keepdims=True))
        return z.argmax(1), each.max(1) / each.sum(1)
    return np.zeros(len(z), int), (z[:, 0] - z[:, 0].min()) / (np.ptp(z[:, 0]) or 1.0)


def spread(count: int) -> np.ndarray:
    """Rows that are spread evenly over so many, as many as a picture shows."""
    return np.unique(np.linspace(0, count - 1, min(count, MOST_POINTS_SHOWN)).astype(int))


def rows_in(plane: InputsPlane, at: np.ndarray, part: int, rows: np.ndarray, classes: list[str]) -> list[list[float]]:
    """Tell rows of a part as points: [x, y, class], or [x, y, the target's place from 0 to 1]."""
    y = plane.study.rows(part)[1].iloc[rows]
    if classes:
        own = np.array([classes.index(str(v)) if str(v) in classes else 0 for v in y])
    else:
        all_ = np.asarray(plane.study.rows(0)[1], float).reshape(len(plane.study.rows(0)[1]), -1)[:, 0]
        own = (np.asarray(y, float).reshape(len(y), -1)[:, 0] - all_.min()) / (np.ptp(all_) or 1.0)
    return np.column_stack([at, own]).tolist()
