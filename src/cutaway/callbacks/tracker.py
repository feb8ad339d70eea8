"""Tracker: a callback that writes down each run it hears of, from its start to its end."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import count
from os import fspath
from pathlib import Path
from typing import Any

from ..errors import ArgumentError, FileError, TrainingWarning, warn
from ..train import Ended, Event, Run, Started


@dataclass
class _Opened:
    """What `begin` gave for a run, and whether it is still written to."""

    place: Any
    writes: bool = True


class Tracker:
    """The base of callbacks that write down runs: for each run what `begin` gave is handed to `row` and to `end`.

    What is remembered of runs under way is no part of a copy: an estimator with trackers can be cloned and pickled, and
    one tracker can follow several runs at a time. A tracker that can no longer write says so once, in a
    TrainingWarning, and training goes on; where it cannot even begin, nothing is trained.
    """

    @property
    def failures(self) -> tuple[type[Exception], ...]:
        """Errors that end the writing, and not the training."""
        return (OSError, FileError)

    def begin(self, run: Run, done: int) -> Any:
        """Open what is written to, for a run with so many epochs behind it: 0, unless it goes on from a checkpoint."""
        raise NotImplementedError

    def row(self, run: Run, place: Any, epoch: int, row: dict[str, float]) -> None:
        """Write an epoch's row of the history."""
        raise NotImplementedError

    def end(self, run: Run, place: Any) -> None:
        """Close it. `run.stopped` says why training ended, `run.trouble` what went wrong, if something did."""

    def __call__(self, event: Event) -> None:
        opened, run = self.__dict__.setdefault("_opened", {}), event.run
        if isinstance(event, Started):
            opened[id(run)] = _Opened(self.begin(run, run.epochs_done))
        elif isinstance(event, Ended):
            if own := opened.pop(id(run), None):
                self._try(run, own, lambda: self.end(run, own.place))
        elif own := opened.get(id(run)):
            if own.writes:
                self._try(run, own, lambda: self.row(run, own.place, event.epoch, event.row))
        else:  # a single pass, of partial_fit
            place = self.begin(run, event.epoch - 1)
            self.row(run, place, event.epoch, event.row)
            self.end(run, place)

    def _try(self, run: Run, own: _Opened, write: Callable[[], None]) -> None:
        try:
            write()
        except self.failures as error:
            if own.writes:
                own.writes, why = False, getattr(error, "strerror", None) or error
                warn(f"{self!r} writes no more after epoch {run.epochs_done}: {why}. Training goes on.",
                     TrainingWarning)

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if name != "_opened"}


def own_place(path: Any, take: Callable[[Path], Any]) -> Path:
    """The path as it is; where it has a star, with the first number in its place that `take` could make.

    `take` makes what is at a path, and raises FileExistsError where something is: so each of many runs, in whatever
    processes, has a place of its own.
    """
    name = fspath(path)
    if "*" not in name:
        return Path(name)
    if name.count("*") > 1:
        raise ArgumentError(f"{name} has {name.count('*')} stars: give it one, where the number of the run goes.")
    for number in count(1):
        place = Path(name.replace("*", str(number)))
        try:
            place.parent.mkdir(parents=True, exist_ok=True)
            take(place)
            return place
        except FileExistsError:
            continue
        except OSError as error:
            raise FileError(f"{place} cannot be made: {error.strerror or error}") from None
    raise AssertionError
