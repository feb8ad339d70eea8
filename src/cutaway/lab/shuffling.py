"""Shuffling: the same training on rows sorted by class, on rows shuffled once, and with a fresh shuffle each epoch."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import pairwise
from os import PathLike
from typing import Any, ClassVar

import numpy as np

from ..data import split
from ..errors import ArgumentError
from ..inspect.drawing import EDGE, RISING, Sheet, colours, counted
from ..nn import Module
from ..optim import SGD, Optimizer
from ..random import stream
from ..train import METRICS, fit_many
from ..train.feeding import as_arrays, pick
from .charts import chart, dots, legend, style
from .gradients import Gradients, cosine
from .models import fresh, loss_for
from .result import Result, plain, table

ORDERS = ("sorted", "shuffled once", "shuffled each epoch")
MOST_CLASSES = 20  # numbers of more values than this are not classes: they are sorted, and shown in fifths
SHOWN = 3  # epochs in the figure


def shuffling(model: Module | Callable[[], Module], X: Any, y: Any, loss: str | Callable = "auto",
              optimizer: Optimizer | None = None, batch_size: int = 32, epochs: int = 10, test: float = 0.25,
              runs: int = 5, seed: int = 0) -> Shuffling:  # fmt: skip
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
    X, y, net = as_arrays(X), np.asarray(y), fresh(model, seed)
    y = y.reshape(-1) if y.size == len(y) else y
    if y.ndim != 1:
        raise ArgumentError(f"shuffling sorts the rows by one target, but y has shape {y.shape}: pass one column of it")
    loss, optimizer = loss_for(loss, net, X, y), optimizer or SGD(0.1 if _are_classes(y) else 0.01)
    names, group = _groups(y)
    learn, held_out = split(len(y), test, seed, stratify=group)
    learn = learn[np.argsort(y[learn], kind="stable")]
    mixed = stream(seed, "shuffled once").permutation(learn)
    data = {order: (pick(X, rows), y[rows]) for order, rows in zip(ORDERS, (learn, mixed, learn), strict=True)}
    X_test, y_test = pick(X, held_out), y[held_out]

    found = Shuffling(
        len(learn), len(held_out), batch_size, epochs, names, ["R²", "accuracy"][_are_classes(y)],
        type(optimizer).__name__,
    )
    for order, rows in zip(ORDERS[:2], (learn, mixed), strict=True):
        gradients, numbers = Gradients(net, *data[order], loss), np.arange(len(rows))
        batches = np.split(numbers, numbers[batch_size::batch_size])
        each, whole = [gradients(batch) for batch in batches], gradients(numbers)
        found.shares[order] = np.array([np.bincount(group[rows[b]], minlength=len(names)) / len(b) for b in batches])
        found.agreement[order] = np.array([cosine(g, whole) for g in each])
        found.successive[order] = np.array([cosine(g, h) for g, h in pairwise(each)])

    which = [(order, k) for k in range(runs) for order in ORDERS]
    done = fit_many([
        {"model": fresh(model, seed + k), "X": data[order][0], "y": data[order][1], "loss": loss,
         "optimizer": optimizer, "epochs": epochs, "batch_size": batch_size, "seed": seed + k,
         "shuffle": order == ORDERS[2]} for order, k in which
    ])  # fmt: skip
    finished = [k for k in range(runs) if all(run.stopped != "interrupted" for run in done[3 * k : 3 * k + 3])]
    if not finished:
        raise KeyboardInterrupt
    found.cut_short = "interrupted" if len(finished) < runs else ""
    metric = METRICS["accuracy" if found.metric == "accuracy" else "r2"]
    for k, order in enumerate(ORDERS):
        runs_of = [done[3 * j + k] for j in finished]
        steps = -(-len(learn) // batch_size)
        found.step_loss[order] = runs_of[0].steps["loss"].copy()
        found.swing[order] = np.array([run.steps["loss"][-steps:].std() for run in runs_of])
        found.score[order] = np.array([metric(run.model.predict(X_test), y_test) for run in runs_of])
    return found


@dataclass(eq=False)
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

    @property
    def mixed(self) -> dict[str, float]:
        """The mean over the batches of the share of their commonest class."""
        return {order: float(shares.max(axis=1).mean()) for order, shares in self.shares.items()}

    def to_pandas(self) -> Any:
        """A row for each run and order: its score and swing."""
        import pandas as pd

        return pd.concat([
            pd.DataFrame({"order": order, "run": np.arange(len(scores)), "score": scores, "swing": self.swing[order]})
            for order, scores in self.score.items()
        ], ignore_index=True)  # fmt: skip

    def to_json(self) -> dict[str, Any]:
        return plain({"kind": self.kind} | vars(self))

    def __str__(self) -> str:
        score = {order: _short(np.median(scores)) for order, scores in self.score.items()}
        cos = {order: values.mean() for order, values in self.agreement.items()}
        by = "class" if self.metric == "accuracy" else "target"
        head = ["rows", f"largest {'class' if by == 'class' else 'fifth'}", "cos to all", "to the next", "swing of J",
                self.metric]  # fmt: skip
        lines = []
        for order in ORDERS:
            seen = order if order in self.agreement else ORDERS[1]
            spread = f"{_short(self.score[order].min())} to {_short(self.score[order].max())}"
            lines.append([order, f"{self.mixed[seen]:.0%}", f"{self.agreement[seen].mean():.2f}",
                          f"{self.successive[seen].mean():.2f}", f"{np.median(self.swing[order]):.3g}",
                          f"{score[order]} ({spread})"])  # fmt: skip
        return (
            f"Trained on rows sorted by {by}, the network has {self.metric} {score[ORDERS[0]]} on {self.held_out:,} "
            f"held-out rows after {counted(self.epochs, 'epoch')}; shuffled each epoch {score[ORDERS[2]]}.\nA sorted "
            f"batch's gradient points the way of all rows' with a cosine of {cos[ORDERS[0]]:.2f}, a mixed one's with "
            f"{cos[ORDERS[1]]:.2f}.\n\n{table(head, lines)}"
        )

    def plot(self, path: str | PathLike | None = None) -> Any:
        """Classes in the batches, their gradients, the loss of the steps, and the scores."""
        sheet = Sheet(8, 7.8)
        sheet.title("What shuffling does", f"{self.rows:,} rows in batches of {self.batch_size}, {self.optimizer}, "
                    f"{counted(self.epochs, 'epoch')}. Gradients are those at the first weights.")  # fmt: skip
        wide, left, right, rows = 2.85, EDGE + 0.65, EDGE + 4.15, (1.5, 3.65, 5.85)
        what = "class" if self.metric == "accuracy" else ""
        for k, (order, shares) in enumerate(self.shares.items()):
            a = chart(sheet, (left, right)[k], rows[0], wide, 1.35, "batch of an epoch", what, f"Batches, rows {order}")
            image = a.imshow(shares.T, aspect="auto", cmap=colours(RISING), vmin=0, vmax=1, interpolation="nearest",
                             extent=(0.5, len(shares) + 0.5, len(self.groups) - 0.5, -0.5))  # fmt: skip
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
                  "At the end, each run")  # fmt: skip
        steps = SHOWN * len(self.shares["sorted"])
        for k, order in enumerate(ORDERS):
            J = self.step_loss[order]
            d.plot(np.arange(1, len(J) + 1)[-steps:], J[-steps:], **style(k) | {"linewidth": 1})
            e.plot(self.score[order], np.full(len(self.score[order]), -k), ls="", **dots(k), alpha=0.7)
            d.plot([], **style(k) | dots(k), label=f"rows {order}")  # for the legend
        e.set(ylim=(-2.6, 0.6), yticks=[])
        legend(sheet.figure, handles=d.get_legend_handles_labels()[0], ncols=3, loc="upper left",
               bbox_to_anchor=((left - 0.15) / sheet.width, 1 - 0.8 / sheet.height), borderaxespad=0)  # fmt: skip
        return sheet.saved(path)


def _short(score: float) -> str:
    return f"{score:.3f}" if score > -100 else f"{score:.3g}"


def _groups(y: np.ndarray) -> tuple[list[str], np.ndarray]:
    """Names of the classes, or of the fifths of a number, and each row's."""
    if _are_classes(y):
        names, group = np.unique(y, return_inverse=True)
        return [f"{name:g}" for name in names.tolist()], group
    edges = np.quantile(y, [0.2, 0.4, 0.6, 0.8])
    return ["lowest fifth", "2nd", "3rd", "4th", "highest fifth"], np.searchsorted(edges, y)


def _are_classes(y: np.ndarray) -> bool:
    return len(np.unique(y)) <= MOST_CLASSES and bool((y == np.round(y)).all())
