"""Shuffling: the same training on rows sorted by class, on rows shuffled once, and with a fresh shuffle each epoch."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from os import PathLike
from typing import Any, ClassVar

import numpy as np

from ...arguments import whole_number
from ...data import split
from ...drawing.charts import chart, dots, legend, style
from ...drawing.sheet import EDGE, RISING, Sheet, colours
from ...errors import ArgumentError
from ...nn import Module
from ...optim import SGD, Optimizer
from ...random import stream
from ...text import counted, jsonable, score
from ...train import METRICS, Run, fit_many
from ...train.feeding import as_arrays, target
from ..models import fresh, loss_for, opened
from ..result import Result, table
from .gradients import Gradients, cosine

ORDERS = ("sorted", "shuffled once", "shuffled each epoch")
SHOWN = 3  # epochs in the figure


def shuffling(model: Module | Callable[[], Module], X: Any, y: Any, loss: str | Callable = "auto",
              optimizer: Optimizer | None = None, batch_size: int = 32, epochs: int = 10, test: float = 0.25,
              runs: int = 5, seed: int = 0) -> Shuffling:
    """Train on rows sorted by class (numbers: by size), on the same rows shuffled once, and shuffled each epoch.

    >>> import cutaway as ct
    >>> X, y = ct.datasets.make("blobs", n=200, seed=0)
    >>> found = ct.lab.shuffling(ct.nn.MLP(2, [8], 3), X, y, batch_size=10, epochs=3, runs=2)
    >>> bool(found.agreement["sorted"].mean() < found.agreement["shuffled once"].mean())
    True

    A share `test` of the rows is held out to score on. Each run has its own first weights, the same for all orders.
    The gradients of the batches are read from the training program, over one epoch, at the first weights of the first
    run: a shuffle each epoch draws such batches anew. optimizer: SGD by default, its learning rate 0.1 for classes and
    0.01 for numbers. Raises what `ct.fit` raises, and ArgumentError for a target of several columns. Ctrl-C keeps the
    runs that are done. Source: the lecture's slide on shuffling at the start of each epoch.
    """
    batch_size, runs = whole_number("shuffling: batch_size", batch_size), whole_number("shuffling: runs", runs)
    model, X, y, loss = opened(model, X, y, loss)
    X, y, net = as_arrays(X), target(y, classes=False), fresh(model, seed)
    y = y.reshape(-1) if y.size == len(y) else y
    if y.ndim != 1:
        raise ArgumentError(f"shuffling sorts the rows by one target, but y has shape {y.shape}: pass one column of it")
    loss = loss_for(loss, net, X, y, learns=True)
    classes = getattr(loss, "__name__", loss) in ("cross_entropy", "binary_cross_entropy")
    optimizer = optimizer if optimizer is not None else SGD(0.1 if classes else 0.01)
    names, group = _groups(y, classes)
    learn, held_out = split(len(y), test, seed, stratify=group)
    learn = learn[np.argsort(y[learn], kind="stable")]
    mixed = stream(seed, "shuffled once").permutation(learn)
    rows = dict(zip(ORDERS, (learn, mixed, learn), strict=True))
    data = {order: (X[some], y[some]) for order, some in rows.items()}
    found = Shuffling(len(learn), len(held_out), batch_size, epochs, names, "accuracy" if classes else "R²",
                      type(optimizer).__name__)
    for order in ORDERS[:2]:
        found.look(order, Gradients(net, *data[order], loss), group[rows[order]])
    done = fit_many([
        {"model": fresh(model, seed + k), "X": data[order][0], "y": data[order][1], "loss": loss,
         "optimizer": optimizer, "epochs": epochs, "batch_size": batch_size, "seed": seed + k,
         "shuffle": order == ORDERS[2]} for k in range(runs) for order in ORDERS
    ])
    by_seed = [done[k : k + 3] for k in range(0, len(done), 3)]
    finished = [three for three in by_seed if all(run.stopped != "interrupted" for run in three)]
    if not finished:
        raise KeyboardInterrupt
    found.cut_short = "interrupted" if len(finished) < runs else ""
    for order, trained in zip(ORDERS, zip(*finished, strict=True), strict=True):
        found.score_runs(order, trained, X[held_out], y[held_out])
    return found


@dataclass(eq=False, repr=False)
class Shuffling(Result):
    """What `ct.lab.shuffling` gives; dicts have an entry for each order of the rows.

    groups: the classes, or fifths of a target that is a number. Of one epoch's batches at the first weights: shares
    (batches, groups), the share of each class in each batch; agreement (batches,), the cosine of its gradient with that
    of all rows; successive (batches - 1,), that of each with the next. step_loss: J of every step of the first run.
    swing, score, for each run: the standard deviation of J over the last epoch's steps, and the held-out rows' score.
    """

    kind: ClassVar[str] = "shuffling"
    rows: int
    held_out: int
    batch_size: int
    epochs: int
    groups: list[str]
    metric: str
    optimizer: str
    shares: dict[str, np.ndarray] = field(default_factory=dict)
    agreement: dict[str, np.ndarray] = field(default_factory=dict)
    successive: dict[str, np.ndarray] = field(default_factory=dict)
    step_loss: dict[str, np.ndarray] = field(default_factory=dict)
    swing: dict[str, np.ndarray] = field(default_factory=dict)
    score: dict[str, np.ndarray] = field(default_factory=dict)
    cut_short: str = ""

    def look(self, order: str, gradients: Gradients, group: np.ndarray) -> None:
        """Look at what the batches of an epoch hold, row by row of `group`, and where their gradients point."""
        rows = np.arange(len(group))
        batches = np.split(rows, rows[self.batch_size :: self.batch_size])
        each, every = [gradients(batch) for batch in batches], gradients(rows)
        self.shares[order] = np.array([np.bincount(group[b], minlength=len(self.groups)) / len(b) for b in batches])
        self.agreement[order] = np.array([cosine(g, every) for g in each])
        self.successive[order] = np.array([cosine(g, following) for g, following in pairwise(each)])

    def score_runs(self, order: str, runs: Sequence[Run], X: Any, y: np.ndarray) -> None:
        """Score what training in this order came to."""
        steps, metric = -(-self.rows // self.batch_size), METRICS["accuracy" if self.metric == "accuracy" else "r2"]
        self.step_loss[order] = runs[0].steps["loss"].copy()
        self.swing[order] = np.array([run.steps["loss"][-steps:].std() for run in runs])
        self.score[order] = np.array([metric(run.model.predict(X), y) for run in runs])

    @property
    def mixed(self) -> dict[str, float]:
        """The mean over the batches of the share of their commonest class."""
        return {order: float(shares.max(axis=1).mean()) for order, shares in self.shares.items()}

    def to_pandas(self) -> Any:
        """Make a table with a row for each run and order: its score and swing."""
        import pandas as pd

        return pd.concat([
            pd.DataFrame({"order": order, "run": np.arange(len(scores)), "score": scores, "swing": self.swing[order]})
            for order, scores in self.score.items()
        ], ignore_index=True)

    def to_json(self) -> dict[str, Any]:
        return jsonable({"kind": self.kind} | vars(self))

    def __str__(self) -> str:
        middle = {order: score(np.median(scores)) for order, scores in self.score.items()}
        cos = {order: values.mean() for order, values in self.agreement.items()}
        by = "class" if self.metric == "accuracy" else "target"
        head = ["rows", f"largest {'class' if by == 'class' else 'fifth'}", "cos to all", "to the next", "swing of J",
                self.metric]
        lines = []
        for order in ORDERS:
            seen = order if order in self.agreement else ORDERS[1]
            spread = f"{score(self.score[order].min())} to {score(self.score[order].max())}"
            lines.append([order, f"{self.mixed[seen]:.0%}", f"{self.agreement[seen].mean():.2f}",
                          f"{self.successive[seen].mean():.2f}", f"{np.median(self.swing[order]):.3g}",
                          f"{middle[order]} ({spread})"])
        return (
            f"Trained on rows sorted by {by}, the network has {self.metric} {middle[ORDERS[0]]} on {self.held_out:,} "
            f"held-out rows after {counted(self.epochs, 'epoch')}; shuffled each epoch {middle[ORDERS[2]]}.\nA sorted "
            f"batch's gradient points the way of all rows' with a cosine of {cos[ORDERS[0]]:.2f}, a mixed one's with "
            f"{cos[ORDERS[1]]:.2f}.\n\n{table(head, lines)}"
        )

    def plot(self, path: str | PathLike | None = None) -> Any:
        """Draw classes in the batches, their gradients, the loss of the steps, and the scores."""
        sheet = Sheet(8, 7.8)
        sheet.title("What shuffling does", f"{self.rows:,} rows in batches of {self.batch_size}, {self.optimizer}, "
                    f"{counted(self.epochs, 'epoch')}. Gradients are those at the first weights.")
        wide, left, right, rows = 2.85, EDGE + 0.65, EDGE + 4.15, (1.5, 3.65, 5.85)
        what = "class" if self.metric == "accuracy" else ""
        for k, (order, shares) in enumerate(self.shares.items()):
            a = chart(sheet, (left, right)[k], rows[0], wide, 1.35, "batch of an epoch", what, f"Batches, rows {order}")
            image = a.imshow(shares.T, aspect="auto", cmap=colours(RISING), vmin=0, vmax=1, interpolation="nearest",
                             extent=(0.5, len(shares) + 0.5, len(self.groups) - 0.5, -0.5))
            a.grid(False)
            step = -(-len(self.groups) // 10)
            a.set_yticks(range(0, len(self.groups), step), self.groups[::step], size=8)
            what = ""
        sheet.colour_bar(right + wide + 0.1, rows[0], 1.35, image, "share")
        b = chart(sheet, left, rows[1], wide, 1.4, "batch of an epoch", "cosine", "Gradient against that of all rows")
        c = chart(sheet, right, rows[1], wide, 1.4, "batch of an epoch", "", "Gradient against the next batch's")
        for axes, cosines in ((b, self.agreement), (c, self.successive)):
            for k, values in enumerate(cosines.values()):
                axes.plot(np.arange(1, len(values) + 1), values, **style(k))
            axes.set_ylim(min(-0.05, axes.get_ylim()[0]), 1.05)
        d = chart(sheet, left, rows[2], wide, 1.4, "step", "J of the step's batch", f"Last {SHOWN} epochs of a run")
        e = chart(sheet, right, rows[2], wide, 1.4, f"{self.metric} on {self.held_out:,} held-out rows", "",
                  "At the end, each run")
        steps = SHOWN * len(self.shares["sorted"])
        for k, order in enumerate(ORDERS):
            J = self.step_loss[order]
            d.plot(np.arange(1, len(J) + 1)[-steps:], J[-steps:], **style(k) | {"linewidth": 1})
            e.plot(self.score[order], np.full(len(self.score[order]), -k), ls="", **dots(k), alpha=0.7)
            d.plot([], **style(k) | dots(k), label=f"rows {order}")  # for the legend
        e.set(ylim=(-2.6, 0.6), yticks=[])
        legend(sheet.figure, handles=d.get_legend_handles_labels()[0], ncols=3, loc="upper left",
               bbox_to_anchor=((left - 0.15) / sheet.width, 1 - 0.8 / sheet.height), borderaxespad=0)
        return sheet.saved(path)


def _groups(y: np.ndarray, classes: bool) -> tuple[list[str], np.ndarray]:
    """Name the classes, or the fifths of a number, and each row's."""
    if classes:
        names, group = np.unique(y, return_inverse=True)
        return [f"{name:g}" for name in names.tolist()], group
    edges = np.quantile(y, [0.2, 0.4, 0.6, 0.8])
    return ["lowest fifth", "2nd", "3rd", "4th", "highest fifth"], np.searchsorted(edges, y)
