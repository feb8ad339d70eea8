"""ct.fit_many: several models side by side, each exactly as ct.fit trains it alone."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import Any

import numpy as np

from .. import losses
from ..arguments import count_rows, whole_number, whole_numbers
from ..engines import cores
from ..errors import ArgumentError, CutawayError, TrainingWarning, warn
from ..named_inputs import NamedInputs
from ..nn import Module
from ..sequences import Sequences
from .feeding import as_arrays, fits, target
from .fit import SIGNATURE, beginning
from .interrupt import interruptible
from .past import DrawnOnce
from .programs import Programs
from .progress import ProgressOfMany
from .run import Runs
from .training import Training


def fit_many(entries: Iterable[Mapping[str, Any]], workers: int | None = None,
             progress: bool | None = None, executor: Any = None) -> Runs:
    """Train several models at once, in place: seeds, learning rates, widths or folds, on all cores.

    >>> import cutaway as ct
    >>> X, y = ct.datasets.make("moons", n=200, seed=0)
    >>> rates = [1e-3, 1e-2, 1e-1]
    >>> runs = ct.fit_many([{"model": ct.nn.MLP(2, [16], 2).init(0), "X": X, "y": y, "loss": "cross_entropy",
    ...                      "optimizer": ct.optim.AdamW(lr)} for lr in rates])
    >>> best = min(runs, key=lambda run: run.history["loss"][-1])
    >>> best.program.engine.optimizer.lr
    0.1

    entries: for each model the arguments of ct.fit by name; arrays that several entries share are held once, in the
    program's precision. Returns their runs, in the order of the entries.

    Each run is bit for bit what ct.fit gives for the entry alone with threads=1, or the threads that it names. workers:
    how many train at a time; None takes as many as leave each its threads, without more threads than cores. With
    engine="xla" and workers=None, models that are built alike and have the same data do their steps in one call, equal
    to ct.fit's but for roundings. Callbacks run in the workers' threads. progress: None shows a bar in a terminal.

    Raises, before anything is trained, what ct.fit raises, naming the entry; ArgumentError for entries that share
    weights or a checkpoint folder. A run that fails later, because a number is not finite or a callback raises, ends
    with a TrainingWarning that names the entry; the others go on. Ctrl-C ends all runs after the steps under way and
    returns them.
    """
    if workers is not None:
        workers = whole_number("workers", workers, instead=", or None")
    if executor is not None:
        from . import executors  # with checkpoints and the files room, for the few that ask for it

        executors.check(executor)
    trainings, arguments = _checked(list(entries))
    if not trainings:
        return Runs()
    runs = [training.run for training in trainings]
    joined = [] if workers is not None or executor is not None else _meeting(trainings)
    threads = max(training.program.engine.threads for training in trainings)
    workers = max(1, cores() // threads) if workers is None else workers
    ended: dict[int, BaseException | None] = {}
    with (interruptible(*runs), ProgressOfMany(progress, trainings) as bar,
          ThreadPoolExecutor(workers, "cutaway-fit") as pool,
          ThreadPoolExecutor(len(joined) or 1, "cutaway-together") as all_at_once):
        if executor is not None:
            ended |= executors.train_on(executor, trainings, arguments, bar.update,
                                        lambda: any(run.stopping == "interrupted" for run in runs))
        futures = {k: (all_at_once if training in joined else pool).submit(_go, training)
                   for k, training in enumerate(trainings) if k not in ended}
        pending: set[Future] = set(futures.values())
        while pending:
            # not for ever: a Ctrl-C was once seen not to wake this thread
            pending = wait(pending, timeout=0.1 if bar.show else 0.5).not_done
            bar.update()
        ended |= {k: future.exception() for k, future in futures.items()}
    for k, training in enumerate(trainings):
        _report(k, training, ended[k])
    return Runs(runs)


def _meeting(trainings: list[Training]) -> list[Training]:
    """Let models meet that their engine can train in one call; give them."""
    groups: dict[Any, list[Training]] = {}
    for training in trainings:
        if (alike := training.program.engine.alike) is not None and training.past.resident:
            groups.setdefault(alike, []).append(training)
    several = [group for group in groups.values() if len(group) > 1]
    for group in several:
        meeting, rows = group[0].program.engine.together(len(group)), group[0].past.rows
        drawn = DrawnOnce()
        for training in group:
            training.program.engine.meeting = meeting
            training.past.spread(training.run.epochs)
            if np.array_equal(training.past.rows, rows):
                training.past.drawn = drawn
    return [training for group in several for training in group]


def _go(training: Training) -> None:
    engine = training.program.engine
    try:
        training.go()
    finally:
        if (meeting := engine.meeting) is not None:
            engine.meeting = None
            meeting.leave()


def _checked(entries: list[Mapping[str, Any]]) -> tuple[list[Training], list[dict[str, Any]]]:
    """Compile every entry, ready to train, and give its arguments too; the first that does not fit raises, with its
    number."""
    trainings, checked, shared, programs = [], [], _Shared(), Programs()
    owner: dict[Any, int] = {}
    for k, entry in enumerate(entries):
        try:
            arguments = _arguments(entry)
            first = min((owner.setdefault(id(p), k) for p in arguments["model"].parameters()), default=k)
            if first != k:
                raise ArgumentError(f"has the weights of entries[{first}]: give each a model of its own")
            folder = arguments["checkpoint"]
            if folder is not None and owner.setdefault(os.path.realpath(folder), k) != k:
                raise ArgumentError(f"writes its checkpoints where another entry does, {folder}: give each a folder")
            arguments = shared.arrays_of(arguments)
            training = beginning(**arguments, programs=programs)
            trainings.append(training)
            found, optimizer = training.run.lr_found, training.recipe.optimizer
            checked.append(arguments | {"optimizer": optimizer if found is None else optimizer.at(found)})
        except CutawayError as error:
            error.args = (f"entries[{k}]: {error}",)
            raise
        except Exception as error:
            error.add_note(f"in entries[{k}] of fit_many")
            raise
    return trainings, checked


def _arguments(entry: Any) -> dict[str, Any]:
    """Fill in all arguments of fit: those of an entry, and the defaults of all others."""
    if not isinstance(entry, Mapping):
        raise ArgumentError(f"an entry is a dict of fit's arguments by name, got {type(entry).__name__}")
    try:
        bound = SIGNATURE.bind(**entry)
    except TypeError as error:
        raise ArgumentError(f"{error}: an entry takes the arguments of ct.fit") from None
    bound.apply_defaults()
    arguments = bound.arguments
    if not isinstance(arguments["model"], Module):
        raise ArgumentError(f"model must be a ct.nn.Module, got {arguments['model']!r}")
    if arguments["progress"]:
        raise ArgumentError("progress=True is for one run: pass it to fit_many itself")
    return arguments | {"progress": False, "threads": 1 if arguments["threads"] is None else arguments["threads"]}


class _Shared:
    """Arrays as programs read them, made once for all entries that are given the same ones."""

    def __init__(self) -> None:
        self.known: dict[tuple, tuple[Any, Any]] = {}

    def arrays_of(self, arguments: dict[str, Any]) -> dict[str, Any]:
        model, loss, validation = arguments["model"], losses.get(arguments["loss"]), arguments["validation"]
        dtype, whole, classes = model.dtype, model.takes_integers(), loss is losses.cross_entropy
        # where validation scores some of the targets, with eager operations, they stay as precise as they were given
        scored = isinstance(validation, float | np.floating)

        def inputs(X: Any) -> NamedInputs:
            X = as_arrays(X)
            return X.each(lambda part: _converted(part, dtype, whole)) if fits(X, dtype.itemsize) else X

        def targets(y: Any) -> np.ndarray:
            count_rows("y", y)
            y = target(y, classes)
            numbers = y.dtype.kind == "f" or (not classes and loss in losses.LOSSES.values())
            return np.ascontiguousarray(y, dtype) if numbers and not scored else y

        if isinstance(validation, tuple | list) and validation:
            Xv, *rest = validation
            arguments = arguments | {"validation": (self._once(Xv, inputs, dtype, whole), *rest)}
        return arguments | {"X": self._once(arguments["X"], inputs, dtype, whole),
                            "y": self._once(arguments["y"], targets, dtype, loss, scored)}

    def _once(self, value: Any, make: Callable[[Any], Any], *how: Any) -> Any:
        key = (id(value), make.__name__, *how)
        if key not in self.known:
            self.known[key] = value, make(value)  # the value is kept too, so that no other object gets its id
        return self.known[key][1]


def _converted(part: Any, dtype: np.dtype, whole: bool) -> Any:
    """Make an input contiguous, in the program's precision; whole numbers stay whole for networks that embed them."""
    if isinstance(part, Sequences):
        return Sequences(_converted(part.values, dtype, whole), whole_numbers("lengths", part.lengths))
    if whole and part.dtype.kind in "iu":
        return whole_numbers("X", part)
    return np.ascontiguousarray(part, dtype)


def _report(k: int, training: Training, error: BaseException | None) -> None:
    """Warn of a run that did not end as it should."""
    if error is not None:
        training.trouble = training.run.stopped = f"{type(error).__name__}: {error}"
        training.kept = ""
    for said in training.warnings():
        warning = TrainingWarning(f"entries[{k}]: {said}")
        warning.__cause__ = error
        warn(warning)
