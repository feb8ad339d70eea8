"""ct.fit: a model learns a task by a recipe; the loop is in training.py."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from .. import habits
from ..arguments import count_rows
from ..engines import Program
from ..errors import ArgumentError, TrainingWarning, warn
from ..nn import Module
from ..optim import Optimizer
from .past import Past
from .programs import Programs
from .recipe import Recipe
from .run import Run
from .task import Task
from .training import Training


@habits.in_our_words
def fit(model: Any, X: Any, y: Any, loss: str | Callable = "mse", optimizer: Optimizer | None = None, epochs: int = 20,
        batch_size: int | str = 32, validation: Any = None, sample_weight: Any = None, seed: int = 0,
        shuffle: bool | Callable = True, drop_last: bool = False, callbacks: Iterable[Callable] = (),
        early_stopping: bool | int | None = None, checkpoint: Any = None, resume: Any = None, engine: str = "cpu",
        threads: int | None = None, progress: bool | None = None, metrics: Any = (),
        time_limit: float | None = None, monitor: Any = "loss", precision: str | None = None,
        devices: int | str | None = None, device: str | None = None, exact: bool = False,
        own_rows: bool = False) -> Run:
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
    engine, threads: "cpu" (machine code), "reference" (NumPy) or "xla" (JAX); threads=None takes as many as help.
    device, devices: of engine="xla", "cpu", "gpu" or "tpu", JAX's own choice if None; and how many of them share the
        rows of each batch, or "all": those of all processes that ct.distributed.start has joined.
    exact: any number of devices and of processes gives the same bits, with engine="xla" (docs/distributed.md).
    own_rows: X, y, sample_weight and (Xv, yv) are rows that no other process has; each step takes the same share of
        those of every process (docs/distributed.md).
    precision: None, or "bf16": layers multiply factors rounded to bf16 and add up in float32, faster on processors that
        can, said where not. Weights, state, norms and losses stay in float32, and so does all evaluation.

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
    training = beginning(
        model, X, y, loss=loss, optimizer=optimizer, epochs=epochs, batch_size=batch_size, validation=validation,
        sample_weight=sample_weight, seed=seed, shuffle=shuffle, drop_last=drop_last, callbacks=callbacks,
        early_stopping=early_stopping, checkpoint=checkpoint, resume=resume, engine=engine, threads=threads,
        progress=progress, metrics=metrics, time_limit=time_limit, monitor=monitor, precision=precision,
        devices=devices, device=device, exact=exact, own_rows=own_rows,
    )
    run = training.go()
    for said in training.warnings():
        warn(said, TrainingWarning)
    return run


SIGNATURE = inspect.signature(fit)


def beginning(model: Any, X: Any, y: Any, *, loss: str | Callable = "mse", validation: Any = None,
              sample_weight: Any = None, seed: int = 0, callbacks: Any = (), metrics: Any = (), monitor: Any = "loss",
              checkpoint: Any = None, resume: Any = None, progress: bool | None = None, keep_all: bool = False,
              programs: Programs | None = None, **recipe: Any) -> Training:
    """Get ready what fit would do with these arguments: all is checked, nothing is done yet; `go()` trains.

    Arguments are fit's own; keep_all: no value shares memory with another; programs: those of other models, to share.
    """
    if not isinstance(model, Module):
        hint = "call its own fit, or give its network, model_" if hasattr(model, "fit") else "build it of ct.nn"
        raise ArgumentError(f"model must be a ct.nn.Module, got a {type(model).__name__}: {hint}")
    how = Recipe(seed=seed, **recipe)
    with how.team.together("getting ready to train"):
        task = Task.of(X, y, loss=loss, sample_weight=sample_weight, validation=validation, seed=how.seed,
                       own=how.own_rows)
        if how.team.processes > 1:
            from .crew import tell

            tell("make", model, task, how, {"metrics": metrics, "monitor": monitor, "checkpoint": checkpoint,
                                            "resume": resume, "keep_all": keep_all})
        return Training(model, task, how, callbacks=callbacks, metrics=metrics, monitor=monitor, checkpoint=checkpoint,
                        resume=resume, progress=progress, keep_all=keep_all, programs=programs)


def prepared(model: Any, X: Any, y: Any, loss: str | Callable = "mse", optimizer: Optimizer | None = None, *,
             steps: int, batch_size: int | str = 32, **how: Any) -> tuple[Program, Past]:
    """Compile the program, which keeps every value, and choose the batches of what fit would do in `steps` steps. All
    is checked, nothing is done yet. The other arguments are fit's own."""
    rows = count_rows("y", y)
    each = max(1, -(-rows // int(batch_size))) if isinstance(batch_size, int | np.integer) and batch_size > 0 else 1
    training = beginning(model, X, y, loss=loss, optimizer=optimizer, epochs=-(-steps // each), batch_size=batch_size,
                         progress=False, keep_all=True, **how)
    return training.program, training.past
