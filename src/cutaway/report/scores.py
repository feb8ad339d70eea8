"""How good are these predictions? The scores of a task."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..data.judgement import placements
from ..data.limits import FEWEST_OF_WORST, MANY_CLASSES, MOST_PAIRS, TOP

#: Scores that are smaller the better.
ERRORS = ("RMSE", "median error")


def measure(task: str, y: np.ndarray, predicted: np.ndarray, probability: Any, classes: Any,
            uneven: bool = False) -> dict[str, float | None]:
    """The scores of predictions for the true y; None where a score says nothing, as ROC AUC of rows of one class.

    uneven: most rows are of one class; then average precision says how well the others are found. Of more classes than
    `MANY_CLASSES` the share of rows whose class is among the five likeliest stands in the place of ROC AUC, which is
    near 1 for whoever can tell a class from most of the others.

    y and predicted are (n,) or (n, k); probability is (n, classes) or (n, labels), or None. Several outputs get the
    mean of their scores; RMSE and median error are left out there, as each output has a unit of its own.
    """
    if task == "multilabel":
        y, predicted = np.asarray(y), np.asarray(predicted)
        each = [by_class(y[:, j], predicted[:, j], _two(probability, j), [0, 1], uneven) for j in range(y.shape[1])]
        return {name: _mean([found[name] for found in each]) for name in each[0]}
    if task == "multi-output regression":
        each = [by_number(y[:, j], predicted[:, j]) for j in range(y.shape[1])]
        return {"R²": _mean([found["R²"] for found in each])}
    return by_number(y, predicted) if task == "regression" else by_class(y, predicted, probability, classes, uneven)


def measure_outputs(task: str, y: np.ndarray, predicted: np.ndarray, probability: Any) -> list[dict[str, float | None]]:
    """The scores of each output by itself."""
    y, predicted = np.asarray(y), np.asarray(predicted)
    if task == "multilabel":
        return [by_class(y[:, j], predicted[:, j], _two(probability, j), [0, 1]) for j in range(y.shape[1])]
    return [by_number(y[:, j], predicted[:, j]) for j in range(y.shape[1])]


def by_number(y: np.ndarray, predicted: np.ndarray) -> dict[str, float | None]:
    """Compute R² = 1 - Σ(y - ŷ)² / Σ(y - mean y)²; RMSE and median |y - ŷ| in y's unit.

    >>> by_number(np.array([1.0, 2.0, 3.0]), np.array([1.0, 2.0, 4.0]))
    {'R²': 0.5, 'RMSE': 0.5773502691896257, 'median error': 0.0}
    """
    y, predicted = np.asarray(y, np.float64), np.asarray(predicted, np.float64)
    varies = len(y) > 1 and bool(np.ptp(y) > 0)
    error = y - predicted
    squares = float(np.mean(np.square(error)))
    return {
        "R²": 1 - squares / float(np.mean(np.square(y - y.mean()))) if varies else None,
        "RMSE": squares**0.5,
        "median error": float(np.median(np.abs(error, out=error))),
    }


def by_class(y: np.ndarray, predicted: np.ndarray, probability: Any, classes: Any,
             uneven: bool = False) -> dict[str, float | None]:
    """Score classes: the share of rows right; its average over classes that occur; area under the ROC curve, one class
    against the rest, averaged over the classes that occur, or of many classes the share of rows whose class is among
    the five likeliest. uneven: ROC AUC in any case, and average precision, the area under the curve of precision over
    recall, averaged over the classes that occur but the largest.

    >>> by_class(np.array(["a", "a", "b"]), np.array(["a", "b", "b"]), None, ["a", "b"])
    {'accuracy': 0.6666666666666666, 'balanced accuracy': 0.75, 'ROC AUC': None}
    """
    from sklearn.metrics import average_precision_score

    truth, guess = codes(y, classes), codes(predicted, classes)
    right = truth == guess
    recalls = [float(right[truth == c].mean()) for c in np.unique(truth)]
    found: dict[str, float | None] = {"accuracy": float(right.mean()), "balanced accuracy": _mean(recalls)}
    p = None if probability is None else np.asarray(probability, np.float64)
    if len(classes) > MANY_CLASSES:
        found[f"top-{TOP} accuracy"] = None if p is None else top(truth, p)
    if len(classes) <= MANY_CLASSES or uneven:
        areas = []
        if p is not None:
            chosen = [1] if len(classes) == 2 else range(len(classes))
            every = [(truth == c, p[:, c]) for c in chosen if 0 < (truth == c).sum() < len(truth)]
            areas = [float(placements(yes, q)[yes].mean()) for yes, q in every]
        found["ROC AUC"] = _mean(areas)
    if uneven:
        counts = np.bincount(truth[truth >= 0], minlength=len(classes))
        others = [c for c in range(len(classes)) if 0 < counts[c] < len(truth) and c != counts.argmax()]
        each = [] if p is None else [float(average_precision_score(truth == c, p[:, c])) for c in others]
        found["average precision"] = _mean(each)
    return found


def confusion(y: np.ndarray, predicted: np.ndarray, classes: Any) -> list[list[int]]:
    """Count in counts[i][j] the rows of class i that were taken for class j.

    >>> confusion(["a", "a", "b"], ["a", "b", "b"], ["a", "b"])
    [[1, 1], [0, 1]]
    """
    truth, guess = codes(y, classes), codes(predicted, classes)
    known, k = truth >= 0, len(classes)
    return np.bincount(truth[known] * k + guess[known], minlength=k * k).reshape(k, k).tolist()


def top(truth: np.ndarray, p: np.ndarray, k: int = TOP) -> float:
    """The share of rows whose class number is among the k likeliest of p (n, classes); equal ones share their places.

    >>> top(np.array([0, 0]), np.array([[0.3, 0.5, 0.2], [0.1, 0.5, 0.4]]), 2)
    0.5
    """
    own = np.where(truth >= 0, p[np.arange(len(p)), truth], -1.0)[:, None]
    above, level = (p > own).sum(axis=1), np.maximum((p == own).sum(axis=1), 1)
    return float(np.where(truth >= 0, np.clip((k - above) / level, 0, 1), 0).mean())


def confusions(y: np.ndarray, predicted: np.ndarray, classes: Any) -> dict[str, Any]:
    """What is taken for what: "labels" and "counts" (`confusion`); of many classes, whose table nobody reads, the
    commonest mistakes, "pairs" (rows, true, taken for), how many "mistakes" there are, and the "worst" classes that
    several rows have: (class, rows, right, mostly taken for)."""
    labels = [str(label) for label in np.asarray(classes).tolist()]
    if len(labels) <= MANY_CLASSES:
        return {"labels": labels, "counts": confusion(y, predicted, classes)}
    truth, guess = codes(y, classes), codes(predicted, classes)
    wrong = (truth >= 0) & (truth != guess)
    both, often = np.unique(np.stack([truth[wrong], guess[wrong]], axis=1), axis=0, return_counts=True)
    order = np.argsort(-often, kind="stable")
    pairs = [[int(often[k]), labels[both[k, 0]], labels[both[k, 1]]] for k in order[:MOST_PAIRS]]
    counts = np.bincount(truth[truth >= 0], minlength=len(labels))
    hits = np.bincount(truth[truth == guess], minlength=len(labels))
    known = np.flatnonzero(counts >= FEWEST_OF_WORST)
    mostly = {true: taken for _, true, taken in reversed([[often[k], *both[k].tolist()] for k in order])}
    order = np.lexsort((-counts[known], hits[known] / counts[known]))[:MOST_PAIRS]
    worst = [c for c in known[order].tolist() if hits[c] < counts[c]]
    return {"pairs": pairs, "mistakes": int(wrong.sum()), "never": int((hits[counts > 0] == 0).sum()),
            "seen": int((counts > 0).sum()),
            "worst": [[labels[c], int(counts[c]), int(hits[c]), labels[mostly[c]]] for c in worst]}


def codes(labels: Any, classes: Any) -> np.ndarray:
    """The place of each label among the classes; -1 for one that is not there."""
    places = {label: i for i, label in enumerate(np.asarray(classes).tolist())}
    return np.array([places.get(label, -1) for label in np.asarray(labels).tolist()], dtype=np.intp)


def _two(probability: Any, j: int) -> np.ndarray | None:
    """Lay one label's probability out as columns for no and yes."""
    if probability is None:
        return None
    p = np.asarray(probability)[:, j]
    return np.stack([1 - p, p], axis=1)


def _mean(values: list) -> float | None:
    known = [value for value in values if value is not None]
    return float(np.mean(known)) if known else None
