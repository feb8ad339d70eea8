"""Many trainings side by side, of each of which only its numbers stay: what races and other comparisons are made of."""

from __future__ import annotations

import re
import sys
import warnings
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any

import numpy as np

from ...engines import cores
from ...train import Ended, Event, Run, TrainingWarning, fit_many
from ...train.progress import progress_line

AT_ONCE = 16  # runs for each core that exist at a time: a run's program, data and snapshots are larger than its numbers


@dataclass(eq=False)
class Trial:
    """What stays of a run: `history`, a row an epoch; `steps`, J of every step; `best_epoch`, the one whose weights
    were kept; `trouble`, why it broke off, or ""."""

    history: dict[str, np.ndarray]
    steps: np.ndarray
    best_epoch: int
    trouble: str

    def score(self, name: str) -> float:
        """Read a column of the history in the end: the last "loss", of validation columns that of the weights kept.

        NaN if the run broke off.
        """
        if self.trouble:
            return float("nan")
        return float(self.history[name][-1 if name == "loss" else self.best_epoch - 1])


def train_all(entries: Iterable[Mapping[str, Any]], count: int, what: str = "", workers: int | None = None,
              progress: bool | None = None, executor: Any = None) -> tuple[list[Trial | None], bool]:
    """Train `count` entries of `ct.fit_many`, some at a time, as the iterable makes them; `executor` is its own.

    Returns a Trial for each, None for those that Ctrl-C came before the end of, and whether it came. A run that breaks
    off is no warning here: its Trial says why.
    """
    size = AT_ONCE * (workers or cores())
    trials: list[Trial | None] = []
    interrupted, rest = False, iter(entries)
    try:
        with _Line(what, count, progress) as line:
            while not interrupted and (part := list(islice(rest, size))):
                watched = part if executor is not None else [line.watched(entry) for entry in part]
                runs, troubles = _quietly(watched, workers, executor)
                if executor is not None:
                    line.advance(len(runs))
                cut = [run.stopped == "interrupted" for run in runs]
                trials += [None if gone else _trial(run, troubles.get(k, ""))
                           for k, (run, gone) in enumerate(zip(runs, cut, strict=True))]
                interrupted = any(cut)
    except KeyboardInterrupt:  # between two parts
        interrupted = True
    return trials + [None] * (count - len(trials)), interrupted


def _trial(run: Run, trouble: str) -> Trial:
    steps = run.steps["loss"] if len(run.steps) else np.zeros(0)
    return Trial(run.history.columns(), steps, run.best_epoch, trouble)


def _quietly(entries: list[Any], workers: int | None, executor: Any) -> tuple[list[Run], dict[int, str]]:
    """The runs of entries, and what went wrong with which of them; other warnings go on their way."""
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        runs = fit_many(entries, workers, False, executor)
    troubles = {}
    for warning in said:
        named = re.match(r"entries\[(\d+)\]: (.*)", str(warning.message), re.DOTALL)
        if issubclass(warning.category, TrainingWarning) and named:
            troubles[int(named[1])] = named[2]
        else:
            warnings.warn_explicit(warning.message, warning.category, warning.filename, warning.lineno)
    return runs, troubles


class _Line:
    """The progress line of so many runs, in a terminal; used as a context."""

    def __init__(self, what: str, count: int, show: bool | None) -> None:
        self.what, self.count = what, count
        self.show = sys.stderr.isatty() if show is None else bool(show)

    def __enter__(self) -> _Line:
        if self.show:
            self.bar = progress_line(self.what, "{task.completed}/{task.total} runs")
            self.task = self.bar.add_task("", total=self.count)
        return self

    def __exit__(self, *_: object) -> None:
        if self.show:
            self.bar.stop()

    def watched(self, entry: Mapping[str, Any]) -> dict[str, Any]:
        """The entry, whose run moves the line on when it is over."""
        callbacks = [*entry.get("callbacks", ())]
        return {**entry, "callbacks": [*callbacks, self._hear] if self.show else callbacks}

    def advance(self, runs: int) -> None:
        if self.show:
            self.bar.advance(self.task, runs)

    def _hear(self, event: Event) -> None:
        if isinstance(event, Ended):
            self.advance(1)
