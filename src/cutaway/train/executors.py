"""Work on an executor's workers, in other processes or on other machines: entries of ct.fit_many, and other jobs."""

from __future__ import annotations

import pickle
import time
from collections.abc import Callable
from concurrent.futures import BrokenExecutor, CancelledError
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..errors import ArgumentError, TrainingError, TrainingWarning, warn
from .checkpoint import put_back, taken
from .fit import beginning
from .history import History
from .training import Training

TRIES = 3  # of a job whose workers are lost, before it is done here
LOOK = 0.01  # seconds between two looks at futures
PATIENCE = 2.0  # seconds for workers to end after Ctrl-C, which reaches those of the same terminal


@dataclass
class Outcome:
    """What comes back from a worker: where the training stands in the end, why it stopped, and what went wrong."""

    note: dict[str, Any]
    arrays: dict[str, np.ndarray]
    stopped: str
    last: dict[str, np.ndarray] | None
    trouble: str
    kept: str
    error: Exception | None


def train_one(arguments: dict[str, Any]) -> Outcome:
    """Train what these arguments of ct.fit describe; runs in a worker. What training raises is in the outcome, so
    that an exception of the future itself means that the worker was lost."""
    training, error = beginning(**arguments), None
    try:
        training.go()
    except Exception as caught:
        error = portable(caught)
    run = training.run
    return Outcome(*taken(training), run.stopped, run.last, training.trouble, training.kept, error)


def check(executor: Any) -> None:
    """Check that this is an executor. Raises ArgumentError."""
    if not callable(getattr(executor, "submit", None)):
        raise ArgumentError(
            "executor must have submit(function, *arguments), which gives a future: a concurrent.futures executor, or "
            f"a Dask client's get_executor(), or ct.train.RayExecutor(); got {executor!r}")


def train_on(executor: Any, trainings: list[Training], entries: list[dict[str, Any]], update: Callable[[], None],
             stopping: Callable[[], bool]) -> dict[int, Exception | None]:
    """Train every entry on a worker, and bring what it learnt back into its training.

    Returns by number what is over: the error that it ended with, or None. What is missing is to be trained here.
    """
    for training in trainings:
        if not len(training.run.steps):
            training.past.keep(training.program, 1)  # what its steps are replayed from
    ended: dict[int, Exception | None] = {}

    def take(k: int, outcome: Outcome) -> None:
        ended[k] = _bring_back(trainings[k], outcome)
        update()

    def entry(k: int, again: bool) -> dict[str, Any]:
        return entries[k] | ({"resume": True} if again and entries[k]["checkpoint"] is not None else {})

    on_workers(executor, train_one, len(entries), entry, "entries[{}]", take, stopping)
    if stopping():
        for k, training in enumerate(trainings):
            if k not in ended:
                training.run.stopped, ended[k] = training.run.stopping or "interrupted", None
    return ended


def on_workers(executor: Any, function: Callable[[Any], Any], count: int, job: Callable[[int, bool], Any], name: str,
               take: Callable[[int, Any], None], stopping: Callable[[], bool] = lambda: False) -> None:
    """Call function(job(k, False)) on an executor's workers for each k below count; take(k, result) here as it is done.

    The function returns what goes wrong in it: where a future raises, its worker was lost, and another is sent
    job(k, True), with a TrainingWarning. A job for which no result came is the caller's to do: its workers were lost
    too often, or the executor takes nothing more. name: of a job in words, with its number for {}.
    stopping: whether to give up; what workers end soon after is still taken. Raises ArgumentError for what cannot be
    sent and for an executor that is shut down.
    """
    tries: dict[int, int] = dict.fromkeys(range(count), 0)
    futures: dict[int, Any] = {}

    def send(k: int) -> None:
        tries[k] += 1
        try:
            futures[k] = executor.submit(function, job(k, tries[k] > 1))
        except BrokenExecutor:  # a pool of processes takes nothing more when one was killed
            pass
        except RuntimeError as error:
            raise ArgumentError(f"the executor takes no work: {error}") from error

    def look() -> None:
        for k in [k for k, future in futures.items() if future.done()]:
            try:
                result = futures.pop(k).result()
            except (pickle.PicklingError, AttributeError, TypeError) as error:
                raise ArgumentError(
                    f"{name.format(k)} cannot be sent to a worker: {error}. Losses, callbacks, schedules and layers "
                    "must be defined in a module that workers can import") from error
            except (Exception, CancelledError) as error:
                if stopping():
                    continue
                if tries[k] < TRIES:
                    send(k)
                where = "done again by another" if k in futures else "done in this process"
                warn(f"the worker of {name.format(k)} was lost ({type(error).__name__}): it is {where}",
                     TrainingWarning)
            else:
                take(k, result)

    try:
        for k in tries:
            send(k)
        while futures and not stopping():
            look()
            time.sleep(LOOK if futures else 0)
        end = time.monotonic() + PATIENCE
        while futures and time.monotonic() < end:
            for future in futures.values():
                future.cancel()
            look()
            time.sleep(LOOK if futures else 0)
    finally:
        for future in futures.values():
            future.cancel()


def _bring_back(training: Training, outcome: Outcome) -> Exception | None:
    """Put what a worker learnt into the training here, as if it had been trained here."""
    run = training.run
    run.history, run.steps = History(), History()
    put_back(training, outcome.note, outcome.arrays)
    run.stopped, run.last = outcome.stopped, outcome.last
    training.trouble, training.kept = outcome.trouble, outcome.kept
    run.trouble = outcome.trouble
    return outcome.error


def portable(error: Exception) -> Exception:
    """Give an error that can be sent: itself, or its words."""
    try:
        pickle.loads(pickle.dumps(error))
    except Exception:
        return TrainingError(f"{type(error).__name__}: {error}")
    return error
