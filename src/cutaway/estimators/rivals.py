"""A table of rivals: linear model, boosted trees or nearest neighbour, network and their mean, on the same folds, with
what each takes."""

from __future__ import annotations

import time as clock
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from ..data import TargetEncoder, split
from ..data.judgement import area, judged_by
from ..data.limits import FEWEST_OF_RIVALS, FOLDS_OF_RIVALS, MOST_BOOSTED_CLASSES, MOST_OF_RIVALS, VALIDATION
from ..data.targets import as_target
from ..errors import ArgumentError, DataError
from ..shown import Shown, Table, Words
from ..text import columns, counted, duration, score
from ..train.metrics import r2
from .baseline import baseline
from .classifier import Classifier
from .inputs import kind_of, take
from .regressor import Regressor
from .shapes import nearest

NAMES = ("linear", "boosting", "network", "mean of the three")
OF_SEQUENCES = ("linear", "nearest neighbour", "network", "mean of the three")
#: Where there are so many classes that boosting would take minutes.
WITHOUT_BOOSTING = ("linear", "network", "mean of the two")


@dataclass(frozen=True)
class Rival:
    """One model: its score on each fold, and the seconds that all of its fits took."""

    name: str
    scores: list[float]
    seconds: float

    @property
    def mean(self) -> float:
        return float(np.mean(self.scores))

    @property
    def spread(self) -> float:
        """The standard deviation of its score over the folds."""
        return float(np.std(self.scores, ddof=1)) if len(self.scores) > 1 else 0.0


@dataclass(repr=False)
class Rivals(Shown):
    """What `compare` found: `models` by name, the best first in `ranked`.

    by: the score's name. rows: how many the folds have together; how: what the folds are divided by. clear: the best is
    ahead of the network by two standard errors, and `within` who cannot be told from the best. few: how many rows the
    network of a fold learnt from, where it has the design of so few and that of all rows has not; else 0.
    """

    models: list[Rival]
    by: str
    rows: int
    how: str
    within: list[str] = field(default_factory=list)
    few: int = 0

    @property
    def ranked(self) -> list[Rival]:
        return sorted(self.models, key=lambda one: -one.mean)

    def __getitem__(self, name: str) -> Rival:
        return next(one for one in self.models if one.name == name)

    def cells(self) -> list[tuple[str, str, str, str]]:
        """The table: name, score, its spread over the folds, seconds."""
        return [(one.name, score(one.mean), f"± {one.spread:.3f}", duration(one.seconds)) for one in self.models]

    @property
    def sentence(self) -> str:
        """Say who is best, and what to do."""
        left_out = "" if self.models[-1].name != WITHOUT_BOOSTING[-1] else \
            " Boosting, which grows a tree for each class in every step, is left out."
        small = f" Each fold's network learnt from {self.few} rows, with the design of so few: that of all may do " \
            "better." if self.few else ""
        return self._winner() + small + left_out

    def _winner(self) -> str:
        best = self.ranked[0]
        if self.by == "R²" and best.mean <= 0:
            return "None of them is better than always answering the mean."
        if "network" in self.within or best.name == "network":
            near = [name for name in self.within if name not in (best.name, "network")]
            if best.name == "network":
                return "The network is best" + (f", but {_all(near)} cannot be told from it." if near else ".")
            simple = next((name for name in ("linear", "boosting") if name in (best.name, *self.within)), "")
            said = f" The {simple} model is as good as any, and simpler." if simple == "linear" else ""
            return f"{_said(best.name)} is ahead of the network, but within chance.{said}"
        return f"{_said(best.name)} is better than the network here: {DO[best.name]}"

    def __str__(self) -> str:
        head = f"{self.by} on {len(self.models[0].scores)} folds of {self.rows:,} rows, divided {self.how}"
        return "\n".join([head, *columns([("model", self.by, "spread", "time"), *self.cells()], right=(1, 2, 3)),
                          self.sentence])

    def _in_notebook(self) -> Any:
        yield Words(str(self).partition("\n")[0])
        yield Table(("model", self.by, "spread", "time"), self.cells())
        yield Words(self.sentence)


#: What to do where another than the network is clearly better.
DO = {
    "linear": "a linear model is simpler, too, and the one to use (ct.estimators.baseline makes it).",
    "boosting": "scikit-learn's HistGradientBoosting is the one to use, or a network with more time: give it more "
                "epochs, or wider layers.",
    "nearest neighbour": "a sequence is what its nearest one is (cutaway.estimators.shapes.NearestNeighbour).",
    "mean of the three": "fit all three, and average what they predict (numbers, or probabilities).",
    "mean of the two": "fit both, and average what they predict.",
}


def _said(name: str) -> str:
    return {"linear": "The linear model", "boosting": "Boosting"}.get(name, f"The {name}")


def _all(names: list[str]) -> str:
    return " and ".join({"linear": "the linear model"}.get(name, name if name == "boosting" else f"the {name}")
                        for name in names)


def compare(X: Any, y: Any, like: Any = None, *, groups: Any = None, time: Any = None, folds: int = FOLDS_OF_RIVALS,
            seed: int = 0, rows: int = MOST_OF_RIVALS) -> Rivals:
    """Compare a network with a linear model, boosted trees (scikit-learn's) and the mean of all three, by folds.

    X is a table of n rows, y its target. like: an estimator whose arguments the network has, else ct.Classifier() or
    ct.Regressor() by what y holds. With groups (n,) no group is on two sides; with time (n,) each fold is later than
    what was learnt from. The network sees when to stop on a tenth of what it may learn from. Of more than `rows` rows
    some are taken. Of more than 50 classes boosting, which grows a tree a class and step, is left out. Of sequences the
    linear model sees random convolutions (`baseline`), and in place of trees stands the nearest neighbour by dynamic
    time warping, among as many as some seconds allow.

    A fold that would be left with one class to learn from is passed over.

    Raises DataError for too few rows, groups or moments, and for groups together with time.

    >>> import cutaway as ct
    >>> from cutaway.estimators import compare
    >>> X, y = ct.datasets.load("diabetes")
    >>> found = compare(X, y, ct.Regressor(epochs=10))
    >>> [one.name for one in found.models]
    ['linear', 'boosting', 'network', 'mean of the three']
    """
    kind = kind_of(X)
    if kind.name == "images":
        raise ArgumentError(f"compare is for tables and sequences, and X holds {kind.name}.")
    if not isinstance(folds, int) or folds < 2:
        raise ArgumentError(f"folds is {folds!r}: give a whole number of at least 2.")
    read = kind.read(X)
    X, y = read.X, read.y if y is None else y
    n = kind.count(X)
    if len(as_target(y)[0]) != n:
        raise DataError(f"X has {n:,} rows, y {len(as_target(y)[0]):,}: give one target a row.")
    if n < FEWEST_OF_RIVALS:
        raise DataError(f"{counted(n, 'row')}: {FEWEST_OF_RIVALS} at least are needed to compare by folds.")
    if groups is not None and time is not None:
        raise DataError("rows are divided by groups or by time, and both are given: leave one of them out.")
    if like is None:
        like = Classifier() if "regression" not in TargetEncoder().fit(y).task else Regressor()
    if n > rows:
        kept = _some(n, rows, groups, seed)
        X, y = kind.take(X, kept), take(y, kept)
        groups, time = (None if labels is None else take(labels, kept) for labels in (groups, time))
    classes = isinstance(like, Classifier)
    return _run(kind, X, y, like, _folds(y, folds, seed, classes, groups, time), groups, time, seed)


def _some(n: int, rows: int, groups: Any, seed: int) -> np.ndarray:
    """Take some rows by chance, of groups whole ones."""
    random = np.random.default_rng(seed)
    if groups is None:
        return np.sort(random.permutation(n)[:rows])
    import pandas as pd

    codes = pd.factorize(np.asarray(groups))[0]
    order = random.permutation(codes.max() + 1)
    many = np.searchsorted(np.cumsum(np.bincount(codes)[order]), rows) + 1
    return np.flatnonzero(np.isin(codes, order[: max(many, 2 * FOLDS_OF_RIVALS)]))


def _folds(y: Any, folds: int, seed: int, classes: bool, groups: Any, time: Any) -> list[tuple[np.ndarray, np.ndarray]]:
    """The rows to learn from and to ask, for each fold."""
    n = len(as_target(y)[0])
    if time is not None:
        early, *later = split(n, (0.6 / folds,) * folds, time=time)
        return [(np.concatenate([early, *later[:k]]), part) for k, part in enumerate(later)]
    stratify = y if classes and np.ndim(y) == 1 else None
    parts = split(n, (1 / folds,) * (folds - 1), seed, stratify=stratify, groups=groups)
    return [(np.sort(np.concatenate([other for other in parts if other is not part])), part) for part in parts]


def _run(kind: Any, X: Any, y: Any, like: Any, folds: list, groups: Any, time: Any, seed: int) -> Rivals:
    target = like._target(y, None)
    truth = as_target(y)[0]
    classes = target.classes if target.task in ("binary", "multiclass") else None
    T = _numbers(target, truth, classes)
    names = NAMES if classes is None or len(classes) <= MOST_BOOSTED_CLASSES else WITHOUT_BOOSTING
    names = OF_SEQUENCES if kind.name == "sequences" else names
    seconds = dict.fromkeys(names, 0.0)
    scores: dict[str, list[float]] = {name: [] for name in names}
    errors: dict[str, list[np.ndarray]] = {name: [] for name in names}
    by = judged_by(target.task, truth)
    if not by:
        raise DataError("all rows have the same target: there is nothing to compare.")
    for learn, asked in folds:
        if classes is not None and len(set(truth[learn].tolist())) < 2:
            continue
        said = _fold(kind, X, y, like, learn, asked, groups, time, classes, seconds, seed)
        said[names[-1]] = np.mean(list(said.values()), axis=0)
        for name, p in said.items():
            errors[name].append(np.square(p - T[asked]).reshape(len(asked), -1).sum(axis=1))
            if (value := _score(by, target, truth[asked], T[asked], p, classes)) is not None:
                scores[name].append(value)
    if not scores[names[0]]:
        raise DataError("no fold has several targets: there is nothing to compare.")
    seconds[names[-1]] = sum(seconds.values())
    models = [Rival(name, scores[name], seconds[name]) for name in names]
    best = max(models, key=lambda one: one.mean).name
    every = {name: np.concatenate(parts) for name, parts in errors.items()}
    apart = {name: every[name] - every[best] for name in names if name != best}
    within = [best, *(name for name, d in apart.items() if d.mean() <= 2 * d.std() / np.sqrt(len(d)))]
    how = "by time" if time is not None else "by group" if groups is not None else "by chance"
    least = min(len(learn) for learn, _ in folds)
    return Rivals(models, by, kind.count(X), how, within, least if least < kind.fewest <= kind.count(X) else 0)


def _fold(kind: Any, X: Any, y: Any, like: Any, learn: np.ndarray, asked: np.ndarray, groups: Any, time: Any,
          classes: Any, seconds: dict[str, float], seed: int) -> dict[str, np.ndarray]:
    """Fit the models that have `seconds` to some rows: what each says of others; and add the seconds that it takes."""
    rows, targets = kind.take(X, learn), take(y, learn)
    arguments = like.get_params(deep=False)
    if isinstance(like.validation, float | tuple | list):
        arguments["validation"] = VALIDATION
        if time is not None and len(learn) >= kind.fewest:
            first, steer = split(len(learn), VALIDATION, time=take(time, learn))
            arguments["validation"] = kind.take(rows, steer), take(targets, steer)
            rows, targets = kind.take(rows, first), take(targets, first)
    network = type(like)(**arguments)
    grouped = {} if groups is None or network.validation is None or len(learn) < kind.fewest else \
        {"groups": take(groups, learn)}
    began = clock.perf_counter()
    network.fit(rows, targets, **grouped)
    fitted = clock.perf_counter()
    rows, targets, last = kind.take(X, learn), take(y, learn), kind.take(X, asked)
    linear = baseline(rows, targets, like=network)
    seconds["linear"] += clock.perf_counter() - fitted
    seconds["network"] += fitted - began
    said: dict[str, np.ndarray] = {"linear": _said_by(linear, last, network, classes)}
    if "boosting" in seconds:
        straight = clock.perf_counter()
        with threadpool_limits(1, "openmp"):  # on so few rows its threads would wait for each other, for seconds
            said["boosting"] = _boosting(network, rows, targets, last, classes, seed)
        seconds["boosting"] += clock.perf_counter() - straight
    if "nearest neighbour" in seconds:
        straight = clock.perf_counter()
        T = as_target(targets)[0].astype(np.float64) if classes is None else _of_classes(as_target(targets)[0], classes)
        said["nearest neighbour"] = nearest(network.encode(rows), T, network.encode(last), seed)
        seconds["nearest neighbour"] += clock.perf_counter() - straight
    return said | {"network": _said_by(network, last, network, classes)}


def _said_by(model: Any, X: Any, network: Any, classes: Any) -> np.ndarray:
    """Probabilities in the order of all classes, or predictions of numbers."""
    if not isinstance(network, Classifier):
        return model.predict(X)
    return _aligned(model.predict_proba(X), network, classes)


def _aligned(p: np.ndarray, model: Any, classes: Any) -> np.ndarray:
    """Probabilities in the order of all classes; one that was not learnt has none."""
    if classes is None or len(model.classes_) == len(classes):
        return p
    out = np.zeros((len(p), len(classes)))
    out[:, np.searchsorted(classes, model.classes_)] = p
    return out


def _boosting(network: Any, rows: Any, targets: Any, last: Any, classes: Any, seed: int) -> np.ndarray:
    """Predict by scikit-learn's boosted trees, which see the encoded columns; several outputs by a model each."""
    from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

    Z, Za = (np.asarray(network.encode(part)) for part in (rows, last))
    values = as_target(targets)[0]
    if isinstance(network, Regressor):
        each = [HistGradientBoostingRegressor(random_state=seed).fit(Z, column).predict(Za)
                for column in values.reshape(len(values), -1).T.astype(np.float64)]
        return np.stack(each, axis=1).reshape(len(Za), *values.shape[1:])
    given = network.class_weight
    if isinstance(given, dict):
        given = {int(np.searchsorted(network.classes_, label)): weight for label, weight in given.items()}
    if values.ndim == 2:
        each = []
        for column in values.T:
            if (column == column[0]).all():
                each.append(np.full(len(Za), float(column[0])))
            else:
                each.append(HistGradientBoostingClassifier(random_state=seed).fit(Z, column).predict_proba(Za)[:, 1])
        return np.stack(each, axis=1)
    codes = np.searchsorted(network.classes_, values)
    p = HistGradientBoostingClassifier(random_state=seed, class_weight=given).fit(Z, codes).predict_proba(Za)
    return _aligned(p, network, classes)


def _numbers(target: TargetEncoder, truth: np.ndarray, classes: Any) -> np.ndarray:
    """The targets as numbers that answers are compared with: one for each class, or as they are."""
    if classes is None:
        return truth.astype(np.float64)
    return _of_classes(truth, classes)


def _of_classes(truth: np.ndarray, classes: Any) -> np.ndarray:
    """One number for each class: 1 for the right one."""
    return np.eye(len(classes))[np.searchsorted(classes, truth)]


def _score(by: str, target: TargetEncoder, truth: np.ndarray, T: np.ndarray, p: np.ndarray,
           classes: Any) -> float | None:
    if by == "R²":
        return r2(p, T) if (T.std(axis=0) > 0).all() else None
    if by == "ROC AUC":
        value = area(target.task, truth, p, np.arange(2) if classes is None else classes)
        return None if np.isnan(value) else value
    right = ((p > 0.5) == T).all(axis=1) if classes is None else p.argmax(axis=1) == T.argmax(axis=1)
    return float(right.mean())
