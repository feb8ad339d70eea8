"""The loop: epochs of batches through a compiled program, with scores after each, checkpoints, and a reason to stop."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import numpy as np

from ..engines import Program, compile_seconds
from ..errors import ArgumentError, FileError, TrainingWarning, warn
from ..nn import Module
from ..optim import Optimizer
from ..optim.optimizers import AVERAGE
from . import metrics as metric_table
from .agreed import beginnings, ways
from .events import Ended, EpochEnded, Started, checked_callbacks
from .feeding import fits
from .interrupt import interruptible
from .monitor import monitored
from .one_trainer import one_trainer
from .programs import Programs
from .progress import Progress
from .rate import range_test, rising
from .recipe import Recipe
from .run import Run
from .task import Task
from .trouble import first_bad_value, normalises_batches, one_row_left_out
from .validation import Best, Validation

SECONDS = 0.1  # of epochs that one call does where nobody looks between them
ROWS = 2**18  # of such epochs, where many models do them together


class Training:
    """A model that is ready to learn a task by a recipe: all is checked and compiled, and `go` trains.

    past: the data and the order of the batches. best: the best score so far, where there is validation. trouble: what
    went wrong, if something did, and kept: which weights the model then has. note: what was done otherwise than asked.
    """

    trouble = note = kept = ""
    _steps_done = 0  # of the epochs under way, too

    def __init__(self, model: Module, task: Task, recipe: Recipe, *, callbacks: Any = (), metrics: Any = (),
                 monitor: Any = "loss", checkpoint: Any = None, resume: Any = None, progress: bool | None = None,
                 keep_all: bool = False, programs: Programs | None = None) -> None:
        model.check_numbers()
        compiled_before, programs = compile_seconds(), programs or Programs()
        self.model, self.recipe, self.team, self._ending = model, recipe, recipe.team, False
        first = not self.team.rank  # the process that talks, and writes files
        self.callbacks = checked_callbacks(callbacks) if first else ()
        watched, metrics = monitored(monitor, metric_table.get(metrics))
        if task.held_out is None and metrics:
            raise ArgumentError("metrics and monitor are scored on validation data: pass validation=0.1, or (Xv, yv)")
        self.past = past = recipe.on(task)
        to_find = recipe.optimizer.wants_rate
        self._compile(rising(recipe.optimizer) if to_find else recipe.optimizer, programs, keep_all)
        task.check_targets(self.program)
        past.check_program(self.program)
        if past.leaves_one and normalises_batches(self.program):
            self.note, past.drop_last = one_row_left_out(len(past.rows), past.batch_size), True
            if not to_find and callable(recipe.optimizer.lr):  # its schedule is stretched over fewer steps now
                self._compile(recipe.optimizer, programs, keep_all)
        self.team.compare("what they train", lambda: beginnings(self))
        fitting = fits(task.data.inputs, model.dtype.itemsize) and past.lies_on(self.program)
        past.resident = not self.team.highest(past.own or not fitting)[0]
        past.feed(self.program)
        self.checkpoints: Any = None
        earlier: Any = None
        if checkpoint is not None or resume:
            from .checkpoint import folders  # with the files room, for the few runs that ask for it

            self.checkpoints, earlier = folders(checkpoint, resume, first)
        found = None
        if to_find:
            found = (earlier.lr_found() if earlier else None) or range_test(self.program, past).found()
            self._compile(recipe.optimizer.at(found), programs, keep_all)
            past.feed(self.program)
        self.best = Best(watched)
        self.validation = None if task.held_out is None else Validation(
            model, task.held_out, task.loss, metrics, recipe, programs)
        self.progress = Progress(progress if first else False, recipe.epochs, past.count)
        self.run = Run(model, self.program, recipe.epochs, past.batch_size, recipe.seed, lr_found=found, past=past,
                       compiling=compile_seconds() - compiled_before)
        if past.own:  # no process can do a step again by itself
            self.run._loss, self.run.past = self.run.loss, None
        if earlier is not None:
            earlier.restore(self)
        self.team.compare("how they train", lambda: ways(self))

    def _compile(self, optimizer: Optimizer, programs: Programs, keep_all: bool) -> None:
        """Make the program that trains with this optimizer, whose schedule stretches over the run."""
        past, recipe = self.past, self.recipe
        past.optimizer = optimizer.for_run(past.steps * recipe.epochs)
        self.program: Program = past.program(self.model, recipe.engine, recipe.threads, keep_all=keep_all,
                                             compile=programs.compile, devices=recipe.devices)

    def warnings(self) -> list[str]:
        """List what the caller is to be warned of."""
        return [text for text in (self.note, self.trouble + self.kept) if text and not self.team.rank]

    @property
    def epochs_done(self) -> int:
        """Epochs that are done, those of a call under way, too."""
        return max(self.run.epochs_done, self._steps_done // self.past.steps)

    # ---- the loop --------------------------------------------------------------------------------------------------
    def go(self) -> Run:
        """Train, epoch by epoch, until all are done or somebody says stop; put the best weights back.

        Whatever ends it, each callback hears so, and can close what it holds open.
        """
        try:
            if self.team.processes > 1:
                from .crew import tell

                tell("go")
            with self.team.together("training"):
                self._train()
        except BaseException as error:
            self.run.stopped = self.run.trouble = f"{type(error).__name__}: {error}"
            with suppress(Exception):  # the first error counts
                self._tell_of_end()
            raise
        self._tell_of_end()
        return self.run

    def _train(self) -> None:
        run, self.began = self.run, time.perf_counter() - self.run.seconds
        self._tell(Started(run))
        self._stop_early()
        self._leaves()
        with one_trainer(self.model), self.progress, interruptible(run):
            while run.epochs_done < run.epochs and not self._stopping():
                first, before = run.epochs_done + 1, run.seconds
                last = self._last_unwatched(first)
                done = self._epochs(first, last)
                run.seconds = time.perf_counter() - self.began
                if done:
                    self._note(first, done, run.seconds - before)
                if run.epochs_done < last:
                    break
        run.stopped = run.stopping or f"all {run.epochs} epochs done"
        self._put_back_best()
        run.trouble = self.trouble

    def _note(self, first: int, done: list[np.ndarray], took: float) -> None:
        """Note epochs from number `first` on, by the losses of their steps and the seconds that they took, and do what
        follows the last of them: of several, nobody looks between them."""
        run, now = self.run, self.run.seconds
        rows = self._rows(first, done, took)
        run.epochs_done = epoch = first + len(done) - 1
        run.history.extend(rows)
        row = {name: float(values[-1]) for name, values in rows.items()}
        self.progress.epoch_done(epoch, row)
        self._stop_early()
        self._tell(EpochEnded(run, epoch, row))
        self._leaves()
        if self._checkpoint_is_due() or epoch == run.epochs or self._stopping():
            self._save()
        run.seconds = now

    def _last_unwatched(self, epoch: int) -> int:
        """The last of the epochs, from this one on, that one call of the program may do: of short ones several, a tenth
        of a second's, if nobody looks or stops between them, their batches are whole and no snapshot is due. Models
        that do their steps together all ask for as many, whatever each one's clock says."""
        past, run = self.past, self.run
        watched = self.callbacks or self.validation or self.checkpoints or self.progress.bar or callable(past.shuffle)
        ragged = len(past.rows) % past.batch_size and not past.drop_last
        if watched or ragged or not past.resident or self.team.processes > 1:
            return epoch
        if self.program.engine.meeting is not None:
            most = ROWS // past.count
        else:
            most = int(SECONDS * run.epochs_done / run.seconds) if run.epochs_done else 1
        return min(max(epoch, epoch + most - 1), past.next_kept(epoch) - 1, run.epochs)

    def _epochs(self, epoch: int, last: int) -> list[np.ndarray]:
        """Do what is left of one pass over the rows, or several; give the losses of all steps of each that is whole."""
        past, B, engine, steps = self.past, self.past.batch_size, self.program.engine, self.run.steps
        first = (epoch - 1) * past.steps
        at = len(steps) - first  # steps of this epoch that were done before the run went on from a checkpoint
        order = past.orders(epoch, last)
        if at:
            order = order[at * B :]
        else:
            past.keep(self.program, epoch)

        def stop(done: int) -> bool:
            self._steps_done = len(steps) + done
            self.progress.rows_done(epoch, (len(steps) - first + done) * B)
            limit = self.recipe.time_limit
            if limit is not None and time.perf_counter() - self.began > limit:
                self.run.stop(f"the time limit of {limit:g} s")
            return self._leaves()

        def whole() -> list[np.ndarray]:
            ends = range(epoch * past.steps, len(steps) + 1, past.steps)
            return [steps["loss"][end - past.steps : end] for end in ends]

        for rows, n in past.batches_of(self.program, order):
            position = 0
            while position < n:
                done = self.program.run(rows, position, between=stop)
                steps.extend({"loss": done, "epoch": np.arange(len(steps), len(steps) + len(done)) // past.steps + 1})
                position += len(done) * B
                if not engine.finite:
                    self._not_finite(len(steps) // past.steps + 1, order[(len(steps) - first - at) * B :][:B])
                    return whole()
                if len(steps) < last * past.steps and (self._stopping() or self._checkpoint_is_due()):
                    self._save()
                    if self._stopping():
                        return whole()
        return whole()

    def _rows(self, first: int, done: list[np.ndarray], took: float) -> dict[str, np.ndarray]:
        """Make the history's rows of epochs: the mean loss of the rows, validation scores, the rate, the time."""
        past, epochs, sizes = self.past, np.arange(first, first + len(done)), self.past.sizes
        rows = {"epoch": epochs.astype(float), "loss": (np.stack(done) * sizes).sum(axis=1) / sizes.sum()}
        if self.validation is not None:
            with self._averaged():
                scores = self.validation.scored_by(self.team)
                rows |= {name: np.array([score]) for name, score in scores.items()}
                if self.best.see({"loss": float(rows["loss"][-1])} | scores, self.model):
                    self.run.best_epoch = first
        return rows | {"lr": np.array([past.optimizer.rate(epoch * past.steps) for epoch in epochs.tolist()]),
                       "seconds": self.run.seconds - took * np.arange(len(done))[::-1] / len(done)}

    @contextmanager
    def _averaged(self) -> Iterator[None]:
        """Give the model the average of its weights while the block runs, if the optimizer keeps one."""
        state = self.program.state
        if not state.t or AVERAGE not in state.vectors:
            yield
            return
        theta = state.read("θ")
        state.write("θ", state[AVERAGE])
        try:
            yield
        finally:
            state.write("θ", theta)

    def _put_back_best(self) -> None:
        """Give the model the average of its weights, and those of the best epoch, if scores tell which that is."""
        run, state = self.run, self.program.state
        if state.t and AVERAGE in state.vectors:
            state.write("θ", state[AVERAGE])
        if self.best.weights is not None:
            run.last = self.model.state_dict()
            self.model.load_state_dict(self.best.weights)
            return
        run.best_epoch = run.epochs_done
        if self.validation is not None and run.epochs_done and not self.trouble:
            self.trouble, self.kept = self.best.monitor.no_number, " The model has the weights of the last one."

    # ---- what ends it, what is kept and told -----------------------------------------------------------------------
    def _stop_early(self) -> None:
        if self.recipe.patience and self.best.waited >= self.recipe.patience:
            self.run.stop(f"no better {self.best.monitor.words} for {self.best.waited} epochs")

    def _not_finite(self, epoch: int, rows: np.ndarray) -> None:
        """Stop, and say which value of which layer was the first that is not finite in the step on these rows."""
        step = self.program.state.t + 1
        rows = rows[self.program.engine.own_rows(len(rows))] if self.past.own else rows
        value, cause = first_bad_value(self.program, self.past, rows)
        self.run.stop(f"not finite at step {step}")
        self.trouble = f"training stopped at step {step} (epoch {epoch}): {value} is not finite. {cause}"
        kept = "its best weights" if self.best.weights is not None else "the weights from before that step"
        self.kept = f" The model keeps {kept}."

    def _leaves(self) -> bool:
        """Whether all processes leave the steps under way: one of them is to stop, or a checkpoint is due."""
        wish, rank = self.team.highest(2 if self.run.stopping else int(self._checkpoint_is_due()))
        self._ending = wish == 2
        if self._ending:
            self.run.stop(f"rank {rank} was told to stop")
        return wish > 0

    def _stopping(self) -> bool:
        """Whether training ends: by itself it hears so at once, several processes when all have."""
        return self._ending if self.team.processes > 1 else bool(self.run.stopping)

    def _checkpoint_is_due(self) -> bool:
        return self.checkpoints is not None and self.checkpoints.due()

    def _save(self) -> None:
        """Write a checkpoint, if this run keeps any. One that cannot be written ends no training."""
        if self.checkpoints is not None:
            self.run.seconds = time.perf_counter() - self.began
            try:
                with self.team.busy():
                    self.checkpoints.save(self)
            except (FileError, MemoryError) as error:
                why = str(error) or "its copy does not fit in memory"
                warn(f"no checkpoint after step {self.program.state.t:,}: {why}. Training goes on.", TrainingWarning)

    def _tell(self, event: Any) -> None:
        for callback in self.callbacks:
            callback(event)

    def _tell_of_end(self) -> None:
        """Tell every callback that training is over, even if one before it raises; the first error is raised then."""
        errors = []
        for callback in self.callbacks:
            try:
                callback(Ended(self.run))
            except BaseException as error:
                errors.append(error)
        if errors:
            raise errors[0]
