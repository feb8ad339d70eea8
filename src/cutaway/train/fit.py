"""ct.fit: epochs of shuffled batches through a compiled program, with validation, early stopping and history."""

from __future__ import annotations

import inspect
import os
import signal
import threading
import time
from collections.abc import Callable, Iterable
from contextlib import contextmanager
from typing import Any

import numpy as np

from .. import habits, losses
from ..arguments import count_rows, whole_number
from ..data import split
from ..engines import Program, compile, native
from ..errors import ArgumentError, DataError, FileError, ShapeError, warn
from ..nn import Module
from ..optim import AdamW, Optimizer
from ..program import evaluated
from . import metrics as metric_table
from .alone import alone
from .events import Ended, EpochEnded, Started
from .feeding import Data, checked, fits, pick, stages
from .monitor import monitored
from .past import Past
from .programs import Programs
from .progress import Progress
from .rate import range_test, rising
from .run import Run

PATIENCE = 10  # epochs without improvement before early_stopping=True stops


class TrainingWarning(UserWarning):
    """Training ended early because something went wrong; the text says where and why."""


@habits.in_our_words
def fit(model: Any, X: Any, y: Any, loss: str | Callable = "mse", optimizer: Optimizer | None = None, epochs: int = 20,
        batch_size: int | str = 32, validation: Any = None, sample_weight: Any = None, seed: int = 0,
        shuffle: bool | Callable = True, drop_last: bool = False, callbacks: Iterable[Callable] = (),
        early_stopping: bool | int | None = None, checkpoint: Any = None, resume: Any = None, engine: str = "cpu",
        threads: int | None = None, progress: bool | None = None, metrics: Any = (),
        time_limit: float | None = None, monitor: Any = "loss") -> Run:
    """Train `model` in place: `epochs` passes over the rows of X, one update a batch.

    >>> import cutaway as ct
    >>> X, y = ct.datasets.make("moons", n=200, seed=0)
    >>> net = ct.nn.MLP(2, [16], 2)
    >>> run = ct.fit(net, X, y, loss="cross_entropy", optimizer=ct.optim.AdamW(1e-2), epochs=30)
    >>> bool(run.history["loss"][-1] < run.history["loss"][0])
    True

    What is learnt:
    X: an array (n, ...), ct.Sequences, a list of arrays (time, features) of different lengths, or a tuple or dict of
        these, whose parts become the arguments of the network's forward.
    y: numbers (n,) or (n, m), or class numbers (n,) for cross_entropy.
    loss: a name or a function (z, y) -> J of outputs and targets.
    sample_weight: (n,), scaled to a mean of one. Rows of weight zero take no part, whatever they hold.

    How:
    optimizer: AdamW(1e-3) by default. A schedule stretches over the whole run; for AdamW("auto") a rate is found first.
    batch_size: rows a step, or "full" for batch gradient descent.
    seed: what every use of chance follows from.
    shuffle: True for a fresh order each epoch, or a function (rows, epoch) -> order of the rows.
    drop_last: leave out a last batch that is smaller. (One of a single row always is, where batch norm cannot take it.)
    time_limit: seconds after which training ends.
    engine, threads: "cpu" (machine code) or "reference" (NumPy); threads=None takes as many as help.

    What is watched:
    validation: a share of the rows (stratified for classes), or (Xv, yv[, weights]). The weights with the best
        validation score are put back at the end, however training ended.
    monitor: which score that is: "loss", the name of a metric ("accuracy", "r2", "rmse", "mae"), or a function (z, y)
        of your own with its direction, (gini, "max").
    early_stopping: epochs without a better score after which training ends (True: 10).
    metrics: names or functions (z, y), scored on validation data; those with an argument `weight` see its weights.
    callbacks: functions of an event (ct.train.EpochEnded and others); event.run.stop("reason") ends training.
    checkpoint: a folder, written to every few seconds; resume=True goes on from it, to the same bits.
    progress: None shows a bar in a terminal.

    Raises ShapeError, DataError or ArgumentError naming what does not fit, and TrainingError where "auto" finds no
    learning rate. A loss or gradient that is not finite stops training with a TrainingWarning that names the step and
    layer; the model keeps its last good weights. Where no epoch's score is a number, a TrainingWarning says so. Ctrl-C
    ends training after the steps under way and returns the run so far.
    """
    training = Training(
        model, X, y, loss, optimizer, epochs, batch_size, validation, sample_weight, seed, shuffle, drop_last,
        callbacks, early_stopping, checkpoint, resume, engine, threads, progress, metrics, time_limit, monitor,
    )
    run = training.go()
    for said in training.told():
        warn(said, TrainingWarning)
    return run


SIGNATURE = inspect.signature(fit)


def beginning(*given: Any, **arguments: Any) -> Training:
    """What fit would do with these arguments, all checked and nothing done: `go()` trains."""
    bound = SIGNATURE.bind(*given, **arguments)
    bound.apply_defaults()
    return Training(**bound.arguments)


class Training:
    """One call of fit: the checked arguments, and the loop.

    `trouble` says what went wrong, if something did, and `kept` which weights the model then has; `note` what was done
    otherwise than asked.
    """

    trouble = note = kept = ""

    def __init__(self, model, X, y, loss, optimizer, epochs, batch_size, validation, sample_weight, seed, shuffle,
                 drop_last, callbacks, early_stopping, checkpoint, resume, engine, threads, progress, metrics,
                 time_limit, monitor="loss", keep_all=False, programs=None) -> None:
        if not isinstance(model, Module):
            hint = "call its own fit, or give its network, model_" if hasattr(model, "fit") else "build it of ct.nn"
            raise ArgumentError(f"model must be a ct.nn.Module, got a {type(model).__name__}: {hint}")
        epochs, seed = whole_number("epochs", epochs), whole_number("seed", seed, None)
        if threads is not None:
            threads = whole_number("threads", threads, instead=", or None to choose by the size of a step")
        if isinstance(early_stopping, np.bool_):
            early_stopping = bool(early_stopping)
        if not isinstance(early_stopping, bool | None):
            early_stopping = whole_number("early_stopping", early_stopping, 0, ", True or None")
        if early_stopping and validation is None:
            raise ArgumentError("early_stopping needs validation data: pass validation=0.1, or validation=(Xv, yv)")
        if not isinstance(optimizer, Optimizer | None):
            raise ArgumentError(f"optimizer must be one of ct.optim's, such as ct.optim.AdamW(1e-3), got {optimizer!r}")
        self.model, self.loss, self.seed, self.shuffle = model, losses.get(loss), seed, shuffle
        self.patience = PATIENCE if early_stopping is True else int(early_stopping or 0)
        if time_limit is not None and not (isinstance(time_limit, int | float | np.number) and time_limit >= 0):
            raise ArgumentError(f"time_limit must be a number of seconds, or None, got {time_limit!r}")
        self.callbacks, self.time_limit = _functions(callbacks), time_limit
        self.monitor, self.metrics = monitored(monitor, metric_table.get(metrics))
        if validation is None and self.metrics:
            raise ArgumentError("metrics and monitor are scored on validation data: pass validation=0.1, or (Xv, yv)")
        classes = self.loss is losses.cross_entropy
        self.data = checked("y", X, y, sample_weight, classes)
        self.rows, held_out = self._split(validation, classes)
        if self.data.weight is not None:
            self.data.weight = self.data.weight / self.data.weight[self.rows].mean()
        self.batch_size = self._batch_size(batch_size)
        self.drop_last = bool(drop_last)
        optimizer = optimizer if optimizer is not None else AdamW(1e-3)
        to_find = optimizer.wants_rate
        self.optimizer = rising(optimizer) if to_find else optimizer.for_run(self.steps * int(epochs))
        first = self.data.rows(self.rows[:3])
        compiled_before = native.seconds
        self.options: dict[str, Any] = {"weighted": first.weight is not None, "seed": self.seed}
        programs = programs or Programs()

        def compiled() -> Program:
            return programs.compile(model, self.loss, self.optimizer, self.batch_size, first.inputs, first.y,
                                    engine=engine, threads=threads, keep_all=keep_all, **self.options)

        self.program = compiled()
        self._check_targets(classes)
        alone = self.batch_size == 1 or (len(self.rows) % self.batch_size == 1 and not self.drop_last)
        if alone and normalises_batches(self.program):
            self._leave_one_out()
            if not to_find and callable(optimizer.lr):  # its schedule is stretched over fewer steps now
                self.optimizer = optimizer.for_run(self.steps * int(epochs))
                self.program = compiled()
        resident = fits(self.data.inputs, model.dtype.itemsize)
        self.past = Past(self.data, self.rows, self.batch_size, self.steps, self.seed, shuffle, self.drop_last,
                         resident, self.loss, self.optimizer, self.options, held_out)
        if resident:
            self.program.feed(self.data.inputs, self.data.y, self.data.weight)
        self.checkpoints, earlier = _checkpoints(checkpoint, resume)
        if self.checkpoints is not None:
            self.checkpoints.make_folder(going_on=earlier is self.checkpoints)
        if to_find:
            found = (earlier.lr_found() if earlier else None) or range_test(self.program, self.past).found()
            self.optimizer = self.past.optimizer = optimizer.at(found).for_run(self.steps * int(epochs))
            self.program = compiled()
            if resident:
                self.program.feed(self.data.inputs, self.data.y, self.data.weight)
        self.validation = None if held_out is None else _Validation(
            model, held_out, self.loss, self.metrics, engine, threads, programs)
        self.progress = Progress(progress, int(epochs), len(self.rows))
        self.run = Run(model, self.program, int(epochs), self.batch_size, self.seed, _past=self.past)
        self.run.compiling = native.seconds - compiled_before
        self.run.lr_found = found if to_find else None
        self.best: dict[str, np.ndarray] | None = None
        self.best_cost, self.waited = float("inf"), 0
        if earlier is not None:
            earlier.restore(self)

    def told(self) -> list[str]:
        """What there is to warn of."""
        return [said for said in (self.note, self.trouble + self.kept) if said]

    # ---- what is trained on ----------------------------------------------------------------------------------------
    def _split(self, validation: Any, classes: bool) -> tuple[np.ndarray, Data | None]:
        """Numbers of the rows to train on, and the validation data."""
        weight, held_out = self.data.weight, None
        rows = self.data.counted()
        n = len(rows)
        if weight is not None and (weight[rows] == weight[rows[0]]).all():
            self.data.weight = None  # equal weights are none, to the last bit
        if isinstance(validation, tuple | list):
            if len(validation) not in (2, 3):
                raise ArgumentError(f"validation must be a share or (Xv, yv[, weights]), got {len(validation)} parts")
            Xv, yv, *w = validation
            held_out = checked("yv", Xv, yv, w[0] if w else None, classes)
            if len(held_out.counted()) < len(held_out):
                held_out = held_out.part(held_out.counted())
        elif validation is not None:
            if not isinstance(validation, float | np.floating) or not 0 < validation < 1:
                raise ArgumentError(f"validation must be a share between 0 and 1, or (Xv, yv), got {validation!r}")
            y = self.data.y
            labelled = (classes or self.loss is losses.binary_cross_entropy) and y.size == len(y)
            labels = y.reshape(-1)[rows] if labelled else None
            rows, part = (rows[places] for places in split(n, float(validation), self.seed, stratify=labels))
            held_out = self.data.part(part)
        if not len(rows) or (held_out is not None and not len(held_out)):
            raise DataError(f"{n} rows are too few to hold some out for validation")
        return rows, held_out

    def _batch_size(self, batch_size: Any) -> int:
        if isinstance(batch_size, str) and batch_size == "full":
            return len(self.rows)
        return min(whole_number("batch_size", batch_size, instead=', or "full"'), len(self.rows))

    @property
    def steps(self) -> int:
        """Updates in an epoch."""
        return len(self.rows) // self.batch_size if self.drop_last else -(-len(self.rows) // self.batch_size)

    def _leave_one_out(self) -> None:
        """A last batch of one row has no variance: each epoch goes without it."""
        if self.batch_size == 1:
            raise ArgumentError(
                f"batch norm cannot normalise a batch of one row, and {len(self.rows)} rows are taken in batches of "
                "one: give at least two rows, and batch_size=2 or more"
            )
        self.drop_last = True
        self.note = (
            f"batch norm cannot normalise a batch of one row, and {len(self.rows)} rows in batches of {self.batch_size}"
            " leave one: each epoch goes without it (another one each time where rows are shuffled)."
        )

    def _check_targets(self, classes: bool) -> None:
        listing = self.program.engine.listing
        outputs = listing.output.shape[-1] if listing.output.shape else 1
        y = self.data.y
        if classes and y.ndim == 1 and (y.min() < 0 or y.max() >= outputs):
            raise ShapeError(
                f"cross_entropy: {outputs} outputs are for classes 0 to {outputs - 1}, but y has classes {y.min()} to "
                f"{y.max()}: give the last layer {y.max() + 1} outputs, or number the classes from 0"
            )
        if self.loss is losses.binary_cross_entropy and (y.min() < 0 or y.max() > 1):
            raise DataError(f"binary_cross_entropy takes targets from 0 to 1, got {y.min()} to {y.max()}")

    # ---- the loop --------------------------------------------------------------------------------------------------
    def go(self) -> Run:
        run, began = self.run, time.perf_counter() - self.run.seconds
        self._tell(Started(run))
        self._stop_early()
        with alone(self.model), self.progress, interruptible(run):
            while run.epochs_done < run.epochs and not run._stop:
                epoch = run.epochs_done + 1
                done = self._epoch(epoch, began)
                run.seconds = time.perf_counter() - began
                if done is None:
                    break
                row = self._score(epoch, done)
                run.epochs_done = epoch
                run.history.append(**row)
                self.progress.epoch_done(epoch, row)
                self._stop_early()
                self._tell(EpochEnded(run, epoch, row))
                if self._checkpoint_is_due() or epoch == run.epochs or run._stop:
                    self._save(began)
        run.stopped = run._stop or f"all {run.epochs} epochs done"
        if self.best is not None:
            run.last = self.model.state_dict()
            self.model.load_state_dict(self.best)
        else:
            run.best_epoch = run.epochs_done
            if self.validation is not None and run.epochs_done and not self.trouble:
                self.trouble = (
                    f"no epoch had a {self.monitor.words} that is a number, so that none is the best. Likely cause: "
                    f"outputs that overflow: scale the data, or use a lower learning rate.{self.monitor.own_hint}"
                )
                self.kept = " The model has the weights of the last one."
        run.trouble = self.trouble
        self._tell(Ended(run))
        return run

    def _epoch(self, epoch: int, began: float) -> np.ndarray | None:
        """What is left of a pass over the rows; the losses of all its steps, or None if it broke off."""
        B, engine, steps = self.batch_size, self.program.engine, self.run.steps
        first = (epoch - 1) * self.steps
        at = len(steps) - first  # steps of this epoch that were done before the run went on from a checkpoint
        order = self.past.order(epoch)[at * B :]
        if not at:
            self.past.keep(self.program, epoch)

        def stop(done: int) -> bool:
            self.progress.rows_done(epoch, (len(steps) - first + done) * B)
            if self.time_limit is not None and time.perf_counter() - began > self.time_limit:
                self.run.stop(f"the time limit of {self.time_limit:g} s")
            return bool(self.run._stop) or self._checkpoint_is_due()

        for rows, n in self.past.fed(self.program, order):
            position = 0
            while position < n:
                done = self.program.run(rows, position, between=stop)
                steps.extend({"loss": done, "epoch": np.full(len(done), epoch)})
                position += len(done) * B
                if not engine.finite:
                    self._not_finite(epoch, order[(len(steps) - first - at) * B :][:B])
                    return None
                if len(steps) < epoch * self.steps and (self.run._stop or self._checkpoint_is_due()):
                    self._save(began)
                    if self.run._stop:
                        return None
        return steps["loss"][first:]

    def _stop_early(self) -> None:
        if self.patience and self.waited >= self.patience:
            self.run.stop(f"no better {self.monitor.words} for {self.waited} epochs")

    def _checkpoint_is_due(self) -> bool:
        return self.checkpoints is not None and self.checkpoints.due()

    def _save(self, began: float) -> None:
        """A checkpoint, if this run keeps any. One that cannot be written ends no training."""
        if self.checkpoints is not None:
            self.run.seconds = time.perf_counter() - began
            try:
                self.checkpoints.save(self)
            except (FileError, MemoryError) as error:
                why = str(error) or "its copy does not fit in memory"
                warn(f"no checkpoint after step {self.program.engine.t:,}: {why}. Training goes on.",
                              TrainingWarning)

    def _score(self, epoch: int, step_losses: np.ndarray) -> dict[str, float]:
        sizes = np.full(len(step_losses), self.batch_size)
        if not self.drop_last:
            sizes[-1] = len(self.rows) - self.batch_size * (len(step_losses) - 1)
        row = {"epoch": float(epoch), "loss": float(np.average(step_losses, weights=sizes))}
        if self.validation is not None:
            row |= self.validation.score()
            cost = self.monitor.cost(row)
            if cost < self.best_cost:
                self.best_cost, self.waited, self.run.best_epoch = cost, 0, epoch
                self.best = self.model.state_dict()
            else:
                self.waited += 1
        row["lr"] = self.optimizer.rate(self.program.engine.t)
        row["seconds"] = self.run.seconds
        return row

    def _tell(self, event: Any) -> None:
        for callback in self.callbacks:
            callback(event)

    def _not_finite(self, epoch: int, rows: np.ndarray) -> None:
        """Say which value of which layer was the first that is not finite, by running that step again, slowly."""
        step = self.program.engine.t + 1
        value, cause = first_bad_value(self.program, self.model, self.loss, self.data.rows(rows), self.options)
        self.run.stop(f"not finite at step {step}")
        self.trouble = (
            f"training stopped at step {step} (epoch {epoch}): {value} is not finite. {cause}"
        )
        kept = "its best weights" if self.best is not None else "the weights from before that step"
        self.kept = f" The model keeps {kept}."


@contextmanager
def interruptible(*runs: Run):
    """Ctrl-C once: stop after the steps under way. Twice: at once. Only the main thread hears of it."""
    main = threading.current_thread() is threading.main_thread()
    if not main or signal.getsignal(signal.SIGINT) is None:  # None: a handler that Python could not put back
        yield
        return

    def handle(number, frame):
        if all(run._stop for run in runs):
            raise KeyboardInterrupt
        for run in runs:
            run.stop("interrupted")

    before = signal.signal(signal.SIGINT, handle)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def prepared(model: Any, X: Any, y: Any, loss: str | Callable, optimizer: Optimizer | None, *, batch_size: int | str,
             sample_weight: Any, seed: int, shuffle: bool, engine: str, threads: int | None,
             steps: int) -> tuple[Program, Past]:
    """What fit would do in so many steps, all checked and nothing done: its program, keeping every value, and batches.

    Arguments are fit's own, which have their meanings there.
    """
    rows = count_rows("y", y)
    each = max(1, -(-rows // int(batch_size))) if isinstance(batch_size, int | np.integer) and batch_size > 0 else 1
    training = Training(
        model, X, y, loss, optimizer, -(-steps // each), batch_size, None, sample_weight, seed, shuffle, False, (),
        None, None, None, engine, threads, False, (), None, keep_all=True,
    )
    return training.program, training.past


def _functions(callbacks: Any) -> tuple[Callable, ...]:
    every = tuple(callbacks) if isinstance(callbacks, Iterable) else (callbacks,)
    if not all(map(callable, every)):
        raise ArgumentError(f"callbacks must be functions of an event, in a list, got {callbacks!r}")
    return every


def _checkpoints(checkpoint: Any, resume: Any) -> tuple[Any, Any]:
    """Where checkpoints are written, and those to go on from; None for neither."""
    if resume is True and checkpoint is None:
        raise ArgumentError("resume=True goes on from checkpoint=, a folder: name it, or pass resume=FOLDER")
    if checkpoint is None and not resume:
        return None, None
    from .checkpoint import Checkpoints  # with the files room, for the few runs that ask for it

    own = None if checkpoint is None else Checkpoints(checkpoint)
    if not resume:
        return own, None
    if resume is True or (own is not None and os.path.realpath(resume) == os.path.realpath(checkpoint)):
        return own, own
    earlier = Checkpoints(resume)
    if not earlier.files():
        raise FileError(f"there are no checkpoints in {resume} to go on from: name the folder of an earlier run")
    return own, earlier


def first_bad_value(program: Program, model: Any, loss: Callable, data: Data, options: dict) -> tuple[str, str]:
    """The first value of a step that is not finite, and the likely cause, found with the reference engine."""
    optimizer = program.engine.optimizer
    again = compile(model, loss, optimizer, len(data), data.inputs, data.y, engine="reference", keep_all=True,
                    **options)
    again.feed(data.inputs, data.y, data.weight)
    engine = again.engine
    engine.begin(None, 0, 1)
    engine.t = program.engine.t + 1
    weights = float(np.abs(model.theta).max(initial=0.0))
    with np.errstate(all="ignore"):  # what is not finite is looked for
        for instruction in again.instructions:
            if instruction.phase == "update":
                break
            engine.execute(instruction)
            for v in instruction.written:
                if v.dtype.kind == "f" and not np.isfinite(engine.view(v, engine.n)).all():
                    if instruction.phase == "load":
                        return f"the data ({v.name})", "Likely cause: missing or infinite numbers in it."
                    return f"{v.name} ({instruction.title})", _cause(instruction, weights, optimizer, engine.t)
    return "the gradient", _cause(None, weights, optimizer, engine.t)


def _cause(instruction: Any, weights: float, optimizer: Any, t: int) -> str:
    if instruction is not None and instruction.op in ("log", "div", "sqrt", "power"):
        return f"Likely cause: {instruction.op} of zero or of a negative number: keep its input away from zero."
    rate = optimizer.rate(t)
    return (f"Likely cause: the learning rate {rate:g} is too high (the largest weight is {weights:.3g}): try "
            f"{rate / 10:g}, or ct.optim.clip(optimizer, norm=1.0).")


def normalises_batches(program: Program) -> bool:
    """Whether a layer takes mean and variance over the rows of a batch alone, so that it can take no single row."""
    return any(i.op == "batch_stats" and i.arguments[0].width == i.writes[0].width
               for i in program.instructions if not i.backward)


class _Validation:
    """Scores on held-out data, from the evaluation program."""

    def __init__(self, model: Any, data: Data, loss: Callable, metrics: dict[str, Callable], engine: str,
                 threads: int | None, programs: Programs) -> None:
        self.data, self.loss, self.metrics = data, loss, metrics
        self.weight = None if data.weight is None else data.weight / data.weight.mean()
        if self.weight is not None:
            losses.refuse_weights(loss)
        self.program = programs.evaluator(model, pick(data.inputs, slice(0, 2)), engine, threads)
        self.resident = not data.on_disk
        if self.resident:
            self.program.feed(data.inputs)

    def score(self) -> dict[str, float]:
        if self.resident:
            z = self.program.engine.predict()
        else:
            every = stages(self.data, np.arange(len(self.data)), 1)
            z = np.concatenate([self.program.predict(part.inputs) for part, _ in every])
        y, w = self.data.y, self.weight
        with np.errstate(over="ignore", invalid="ignore"):  # the history shows it
            row = {"val_loss": evaluated(self.loss, z, y, None if w is None else w.astype(z.dtype))}
        z = metric_table.as_given(z, y)
        return row | {
            f"val_{name}": metric_table.one_number(
                name, f(z, y) if w is None or not losses.takes_weight(f) else f(z, y, weight=w)
            )
            for name, f in self.metrics.items()
        }
