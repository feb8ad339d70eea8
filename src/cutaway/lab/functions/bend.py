"""The bend: linear layers and the same layers with an activation between, trained side by side on one problem."""

from __future__ import annotations

from dataclasses import dataclass
from os import PathLike
from typing import Any, ClassVar

import numpy as np

from ...arguments import whole_number
from ...data import split
from ...drawing.charts import chart, dots
from ...drawing.sheet import INK, Sheet
from ...errors import DataError, ShapeError
from ...nn import MLP, Module
from ...optim import Adam, schedules
from ...text import counted, jsonable
from ...train import fit_many
from ...train.feeding import check_finite
from ..models import judged
from ..result import Result, table
from ..runs import finished
from .boundary import Boundary, boundary
from .collapse import Collapse, collapse

TEST = 0.3  # of the rows are held out
RATE, BATCH = 1e-2, 32


def bend(X: Any, y: Any, depth: int = 4, width: int = 16, activation: str = "relu", seeds: int = 5, steps: int = 2000,
         seed: int = 0, features: list[str] | None = None) -> Bend:
    """Train `depth` linear layers, and the same with an activation between, beside logistic or linear regression.

    >>> import cutaway as ct
    >>> X, y = ct.datasets.make("moons", n=300, seed=0)
    >>> found = bend(X, y, seeds=2, steps=600)
    >>> found.scores["4 layers, relu between"].min() > found.scores["4 linear layers"].max()
    np.True_

    X (n, features), scaled as a network takes it; y (n,): classes or numbers, as ct.Classifier and ct.Regressor tell
    them apart (few different whole numbers are classes), at most 100 classes. For each seed 30 % of the rows are held
    out (classes in proportion); all models learn from the others and are scored on them, by accuracy or R².
    Networks: `depth` layers, `width` neurons in each but the last, Adam with a cosine schedule, batches
    of 32, `steps` updates. The peer is scikit-learn's LogisticRegression, all but free of its penalty, or
    LinearRegression. features: their names.

    Ctrl-C keeps the seeds that are done. Raises ArgumentError, ShapeError or DataError for what does not fit.
    """
    X, y = _table(X), np.asarray(y)
    if X.ndim != 2 or y.shape != (len(X),):
        raise ShapeError(f"X must be (n, features) and y (n,), got {X.shape} and {y.shape}")
    for name, value, least in (("depth", depth, 2), ("width", width, 1), ("seeds", seeds, 1), ("steps", steps, 1)):
        whole_number(name, value, least)
    labels, target = judged(y, len(X))
    if not np.ptp(target):
        raise DataError("y is the same for all rows: there is nothing to learn")
    target = target if labels else (target - target.mean()) / target.std()
    parts = [split(len(X), TEST, seed + k, stratify=target if labels else None) for k in range(seeds)]
    activations = ("identity", activation)
    runs = fit_many([{
        "model": MLP(X.shape[1], [width] * (depth - 1), max(1, len(labels)), a).astype("float64").init(seed + k),
        "X": X[learn], "y": target[learn], "loss": "cross_entropy" if labels else "mse", "seed": seed + k,
        "optimizer": Adam(schedules.cosine(RATE)), "batch_size": BATCH,
        "epochs": max(1, round(steps * BATCH / len(learn))),
    } for k, (learn, _) in enumerate(parts) for a in activations])
    done, cut = finished(runs, 2)
    kept = np.flatnonzero(done).tolist()
    said, truth = [], []
    for k in kept:
        learn, test = parts[k]
        peer = _peer(bool(labels)).fit(X[learn], target[learn])
        said.append([peer.predict(X[test]), *(_says(run.model, X[test]) for run in runs[2 * k : 2 * k + 2])])
        truth.append(target[test])
    names = (f"{'logistic' if labels else 'linear'} regression", f"{depth} linear layers",
             f"{depth} layers, {activation} between")
    scores = {name: np.array([_score(row[j], y, bool(labels)) for row, y in zip(said, truth, strict=True)])
              for j, name in enumerate(names)}
    same = np.array([_score(line, peer, bool(labels)) for peer, line, _ in said])
    first = [run.model for run in runs[2 * kept[0] : 2 * kept[0] + 2]]
    one = collapse(first[0], X if len(X) >= 2 * (X.shape[1] + 1) else None, activation)
    regions = [boundary(net, X, target, points=120, names=features) for net in first] if X.shape[1] > 1 else []
    return Bend(depth, width, activation, bool(labels), scores, same, one, regions, cut_short=cut)


def _table(X: Any) -> np.ndarray:
    """Read X as numbers; DataError for text and gaps."""
    try:
        X = np.asarray(X, np.float64)
    except (TypeError, ValueError):
        raise DataError("X must hold numbers alone: encode text, as ct.data.TableEncoder does") from None
    check_finite("X", X)
    return X


def _peer(classes: bool) -> Any:
    from sklearn.linear_model import LinearRegression, LogisticRegression

    return LogisticRegression(C=1e6, max_iter=2000) if classes else LinearRegression()


def _says(net: Module, X: np.ndarray) -> np.ndarray:
    z = net.predict(X)
    return z[:, 0] if z.shape[1] == 1 else z.argmax(1)


def _score(said: np.ndarray, y: np.ndarray, classes: bool) -> float:
    """The share that is the same, or R²."""
    if classes:
        return float((said == y).mean())
    return float(1 - np.square(y - said).sum() / np.square(y - y.mean()).sum())


@dataclass(eq=False, repr=False)
class Bend(Result):
    """What `ct.lab.bend` gives.

    scores: by model, on held-out rows, accuracy or R², one a seed. same: how far the linear stack says what the peer
    says on those rows, one a seed: the share of equal classes, or R² of the one for the other. collapse: of the linear
    stack of the first seed into one layer. regions: what it and the network with activations say (boundary.py).
    """

    kind: ClassVar[str] = "bend"
    depth: int
    width: int
    activation: str
    classifies: bool
    scores: dict[str, np.ndarray]
    same: np.ndarray
    collapse: Collapse
    regions: list[Boundary]
    cut_short: str = ""

    def _words(self, score: float) -> str:
        return f"{score:.1%}" if self.classifies else f"{score:.3f}"

    def to_pandas(self) -> Any:
        """Make a table with a row for each model and seed."""
        import pandas as pd

        rows = [(name, k, score) for name, scores in self.scores.items() for k, score in enumerate(scores)]
        return pd.DataFrame(rows, columns=["model", "seed", "accuracy" if self.classifies else "r2"])

    def to_json(self) -> dict[str, Any]:
        return jsonable({
            "kind": self.kind, "depth": self.depth, "width": self.width, "activation": self.activation,
            "score": "accuracy" if self.classifies else "r2", "scores": self.scores, "same_as_peer": self.same,
            "collapse": self.collapse.to_json(), "regions": [region.to_json() for region in self.regions],
        })

    def __str__(self) -> str:
        peer, line, bent = self.scores
        medians = {name: self._words(float(np.median(v))) for name, v in self.scores.items()}
        agree = f"for {self.same.mean():.1%} of the rows" if self.classifies else f"R² {self.same.mean():.4f}"
        text = (
            f"{self.depth} linear layers score {medians[line]} on held-out rows, {peer} {medians[peer]}; both say the "
            f"same ({agree}).\nWith {self.activation} between the layers it is {medians[bent]}.\n\n"
        )
        rows = [[name, medians[name], self._words(v.min()), self._words(v.max())] for name, v in self.scores.items()]
        head = ["model", "accuracy" if self.classifies else "R²", "worst", "best"]
        return f"{text}{table(head, rows)}\n\n{self.collapse}"

    def plot(self, path: str | PathLike | None = None) -> Any:
        """The regions of both networks side by side, and under them the scores of all seeds."""
        from matplotlib.ticker import PercentFormatter

        peer, line, bent = self.scores
        sheet = Sheet(7.4, 6.1 if self.regions else 3.0)
        sheet.title("Linear + Linear = Linear", f"{self.depth} linear layers draw what one draws; with "
                    f"{self.activation} between them they bend")
        top = 1.15
        for left, name, region in zip((0.75, 4.15), (line, bent), self.regions, strict=False):
            x, y = region.plane.names
            region.draw(chart(sheet, left, top, 2.95, 2.6, x, y if left < 1 else "", name))
        top += 3.4 if self.regions else 0.0
        measure = "accuracy" if self.classifies else "R²"
        about = f"{measure} on held-out rows, {counted(len(self.same), 'seed')}; bar: the median"
        axes = chart(sheet, 1.85, top, 5.25, 0.95, about, "")
        for k, scores in enumerate(self.scores.values()):
            spread = np.linspace(-0.2, 0.2, len(scores)) if len(scores) > 1 else np.zeros(1)
            axes.plot(scores, k + spread, linestyle="", markersize=5, alpha=0.8, **dots((2, 0, 1)[k]))
            axes.plot([np.median(scores)] * 2, [k - 0.35, k + 0.35], color=INK, linewidth=1.4)
        axes.set_yticks(range(3), [peer, line, bent])
        axes.set(ylim=(2.6, -0.6))
        axes.grid(axis="y", visible=False)
        if self.classifies:
            axes.xaxis.set_major_formatter(PercentFormatter(1))
        return sheet.saved(path)
