"""Run: a training that is going on or over: its model, history, and how it ended."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from .. import losses
from ..drawing.figure import write_figure
from ..shown import VIEWS, Numbers, Picture, Shown, Table, Words
from ..text import counted
from .history import History

MOST_NAMED = 12  # runs that a figure names
DECADES = 20  # times the smallest loss, from which on a scale of powers of ten shows more


@dataclass
class Run(Shown):
    """What `ct.fit` returns.

    history has a row an epoch, steps a row a step. best_epoch: the epoch whose weights the model has now (the last one
    without validation); last: the final weights as a state dict where the best ones were put back. seconds: of
    training; compiling: what compiling kernels took before, on a machine's first run. lr_found: the learning rate that
    was found, where the optimizer's was "auto". trouble: what went wrong, if something did. past: what steps are
    replayed from; design: what an estimator chose; both None in a copy. stopping: why the training is to end after the
    steps under way, "" if it is not.
    """

    model: Any
    program: Any
    epochs: int
    batch_size: int
    seed: int
    history: History = field(default_factory=History)
    steps: History = field(default_factory=History)
    epochs_done: int = 0
    best_epoch: int = 0
    stopped: str = ""
    seconds: float = 0.0
    compiling: float = 0.0
    lr_found: float | None = None
    last: dict[str, np.ndarray] | None = None
    trouble: str = ""
    stopping: str = ""
    past: Any = None
    design: Any = None
    _loss: str = ""  # of a copy, which has no past

    @property
    def loss(self) -> str:
        """The name of the loss; "" for one of your own in a copy."""
        return self._loss if self.past is None else losses.name_of(self.past.loss)

    def stop(self, reason: str = "a callback asked for it") -> None:
        """End the training after the steps under way."""
        self.stopping = self.stopping or reason

    def __getstate__(self) -> dict[str, Any]:
        """Leave out the program and the data, which do not fit in a pickle: a copy has no past."""
        return vars(self) | {"program": None, "past": None, "design": None, "_loss": self.loss}

    def trace(self, step: int, **how: Any) -> Any:
        """Trace a step of this run, from 1: every value that its instructions read and wrote, as a `Trace`.

        The run is replayed from the snapshot before the step, to the same bits; its J is run.steps["loss"][step - 1].
        (An engine that repeats no run to the bit gives nearly the same; the trace's `note` says how far J is off.)
        The step at which a run broke off, J or a gradient not finite, can be traced too. steps: more than one gives a
        list of traces. keep, keep_bytes: as `ct.trace` takes them. Raises ArgumentError for a step that this run did
        not do, TrainingError where the data changed since.

        >>> import cutaway as ct
        >>> X, y = ct.datasets.make("moons", n=64, seed=0)
        >>> run = ct.fit(ct.nn.MLP(2, [4], 2).init(0), X, y, loss="cross_entropy", epochs=3)
        >>> run.trace(step=5).J == run.steps["loss"][4]
        np.True_
        """
        return VIEWS["trace"](self, step, **how)

    def to_page(self, path: Any = None, **how: Any) -> Any:
        """Make one page for a browser that trains this network again from its first weights, step by step, forward and
        back, with other settings too; it is written to `path` if one is given. docs/page.md shows it.

        inputs, outputs: names of the features and outputs. title: what stands above. Gives a page that `save(path)`
        writes and a notebook shows. Raises ArgumentError for a run without a past, or a program that no browser runs.
        """
        return VIEWS["train_page"](self, path, **how)

    def plot(self, path: str | None = None) -> Any:
        """Draw the loss over the epochs (training and validation) as a matplotlib figure, saved if a path is given."""
        from ..drawing.drawn import Drawn

        figure = Drawn(figsize=(7, 4), layout="constrained")
        axes = figure.add_subplot()
        for name, label, style in (("loss", "training", "-"), ("val_loss", "validation", "--")):
            if name in self.history:
                axes.plot(self.history["epoch"], self.history[name], style, label=label)
        if "val_loss" in self.history and self.best_epoch:
            axes.axvline(self.best_epoch, color="0.6", lw=1, label=f"best epoch {self.best_epoch}")
        _label(axes, [self])
        axes.legend(frameon=False)
        if path is not None:
            write_figure(figure, path)
        return figure

    def _in_notebook(self) -> Any:
        yield Words(repr(self))
        if len(self.history):
            yield Picture(self.plot(), "the loss over the epochs")
            yield Numbers(self.history.columns)

    def __repr__(self) -> str:
        if not len(self.history):
            return f"Run(no epoch done; {self.stopped or 'training'})"
        at = max(self.best_epoch - 1, 0)
        scores = ", ".join(f"{name} {self.history[name][at]:.4g}" for name in self.history
                           if name not in ("epoch", "seconds", "lr"))
        found = f"lr {self.lr_found:g}, found; " if self.lr_found is not None else ""
        return (f"Run({self.epochs_done} of {self.epochs} epochs, {len(self.steps):,} steps of {self.batch_size} in "
                f"{self.seconds:.2f} s; {found}epoch {self.best_epoch}: {scores}; {self.stopped or 'training'})")


class Runs(list, Shown):
    """What `ct.fit_many` returns: a list of `Run`, in the order of the entries. Printed, a line for each."""

    def __str__(self) -> str:
        return "\n".join(f"{k}: {run!r}" for k, run in enumerate(self)) or "no runs"

    __repr__ = __str__  # notebooks take a list's repr for its plain text

    def plot(self, path: str | None = None) -> Any:
        """Draw the losses of all runs over the epochs as a matplotlib figure, saved if a path is given.

        Lines are those of training; where there is validation, dashes.
        """
        from ..drawing.drawn import Drawn

        figure = Drawn(figsize=(7, 4), layout="constrained")
        axes = figure.add_subplot()
        for k, run in enumerate(self):
            for name, style in (("loss", "-"), ("val_loss", "--")):
                if name in run.history:
                    axes.plot(run.history["epoch"], run.history[name], style, color=f"C{k % 10}", lw=1.2,
                              label=f"run {k}" if name == "loss" else None)
        _label(axes, self)
        if 0 < len(self) <= MOST_NAMED:
            axes.legend(frameon=False)
        if path is not None:
            write_figure(figure, path)
        return figure

    def _in_notebook(self) -> Any:
        yield Words(counted(len(self), "run"))
        if any(len(run.history) for run in self):
            yield Picture(self.plot(), "the losses over the epochs")
        names = list(dict.fromkeys(name for run in self for name in run.history if name not in ("epoch", "seconds")))
        rows = []
        for k, run in enumerate(self):
            at = max(run.best_epoch - 1, 0)
            scores = (f"{run.history[name][at]:.4g}" if name in run.history else "" for name in names)
            rows.append([str(k), f"{run.epochs_done} of {run.epochs}", str(run.best_epoch), *scores,
                         f"{run.seconds:.2f}", run.stopped])
        head = ["run", "epochs", "best", *names, "seconds", "ended"]
        yield Table(head, rows, range(len(head) - 1))


def _label(axes: Any, runs: list[Run]) -> None:
    """Name the axes; losses that span decades get a logarithmic scale."""
    from matplotlib.ticker import MaxNLocator

    losses = [run.history[name] for run in runs for name in ("loss", "val_loss") if name in run.history]
    every = np.concatenate([np.zeros(0), *losses])
    every = every[np.isfinite(every)]
    wide = every.size and every.min() > 0 and every.max() > DECADES * every.min()
    axes.set(xlabel="epoch", ylabel="loss J", yscale="log" if wide else "linear")
    axes.xaxis.set_major_locator(MaxNLocator(8, integer=True))
