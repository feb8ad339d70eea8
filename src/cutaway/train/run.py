"""Run: a training that is going on or over: its model, history, and how it ended."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..files.figure import write_figure
from .history import History

# What rooms below show of a run or trace, by name; the package's front enters them.
VIEWS: dict[str, Callable] = {}


@dataclass
class Run:
    """What `ct.fit` returns.

    history has a row an epoch, steps a row a step. best_epoch: the epoch whose weights the model has now (the last one
    without validation); last: the final weights as a state dict where the best ones were put back. seconds: of
    training; compiling: what compiling kernels took before, on a machine's first run. lr_found: the learning rate that
    was found, where the optimizer's was "auto". trouble: what went wrong, if something did.
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
    _stop: str = ""
    _past: Any = None

    def stop(self, reason: str = "a callback asked for it") -> None:
        """End the training after the steps under way."""
        self._stop = self._stop or reason

    def trace(self, step: int, **how: Any) -> Any:
        """A step of this run, from 1, with every value that its instructions read and wrote: a `Trace`.

        The run is replayed from the snapshot before the step, to the same bits; its J is run.steps["loss"][step - 1].
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

    def plot(self, path: str | None = None) -> Any:
        """The loss over the epochs (training and validation) as a matplotlib figure, saved if a path is given."""
        from matplotlib.figure import Figure

        figure = Figure(figsize=(7, 4), layout="constrained")
        axes = figure.add_subplot()
        for name, label, style in (("loss", "training", "-"), ("val_loss", "validation", "--")):
            if name in self.history:
                axes.plot(self.history["epoch"], self.history[name], style, label=label)
        if "val_loss" in self.history and self.best_epoch:
            axes.axvline(self.best_epoch, color="0.6", lw=1, label=f"best epoch {self.best_epoch}")
        axes.set(xlabel="epoch", ylabel="loss J", yscale="log" if np.all(self.history["loss"] > 0) else "linear")
        axes.legend(frameon=False)
        if path is not None:
            write_figure(figure, path)
        return figure

    def __repr__(self) -> str:
        if not len(self.history):
            return f"Run(no epoch done; {self.stopped or 'training'})"
        at = max(self.best_epoch - 1, 0)
        scores = ", ".join(f"{name} {self.history[name][at]:.4g}" for name in self.history
                           if name not in ("epoch", "seconds", "lr"))  # fmt: skip
        found = f"lr {self.lr_found:g}, found; " if self.lr_found is not None else ""
        return (f"Run({self.epochs_done} of {self.epochs} epochs, {len(self.steps):,} steps of {self.batch_size} in "
                f"{self.seconds:.2f} s; {found}epoch {self.best_epoch}: {scores}; {self.stopped or 'training'})")
