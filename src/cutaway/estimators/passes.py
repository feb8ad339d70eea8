"""partial_fit: one pass over the rows given, by a program that goes on where the last pass ended."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..engines import compile
from ..errors import DataError, TrainingError
from ..named_inputs import NamedInputs
from ..optim import AdamW
from ..program import Snapshot
from ..random import stream
from ..staged import part_of
from ..train.feeding import Data, stages
from ..train.trouble import normalises_batches
from .running import runs_on
from .weights import none_if_equal


def one_pass(estimator: Any, Z: Any, T: np.ndarray, w: np.ndarray | None) -> None:
    """Train once on encoded rows. Raises TrainingError where the numbers leave the finite ones."""
    if w is not None and not w.all():  # a class of weight zero
        kept = np.flatnonzero(w)
        Z, T, w = part_of(Z, kept), T[kept], w[kept]
    if not len(T):
        return
    w = none_if_equal(w)
    program = program_for(estimator, Z, T, weighted=w is not None)
    estimator._set_limits(T)
    passes = estimator._passes = getattr(estimator, "_passes", 0) + 1
    order = stream(estimator._seed, "batch order", passes).permutation(len(T))
    if len(T) % program.engine.batch_size == 1 % program.engine.batch_size and normalises_batches(program):
        order = without_one(order, program.engine.batch_size)
    run_over(program, Data(Z, T, np.ones(len(T)) if w is None else w / w.mean()), order)
    if not program.engine.finite:
        raise TrainingError(
            "the loss or a gradient is no longer finite: the weights are those of the step before. Use a lower "
            "learning rate, optimizer=ct.optim.AdamW(1e-4)."
        )


def run_over(program: Any, data: Data, order: np.ndarray) -> np.ndarray:
    """The losses of the steps over the rows in this order, fed at once, or in stages where they do not lie ready."""
    if not data.on_disk:
        program.feed(data.inputs, data.y, data.weight)
        return program.run(order)
    losses = []
    for part, own_order in stages(data, order, program.engine.batch_size):
        program.feed(part.inputs, part.y, part.weight)
        losses.append(program.run(own_order))
        if not program.engine.finite:
            break
    return np.concatenate(losses)


def without_one(order: np.ndarray, batch_size: int) -> np.ndarray:
    """Drop the last row where it would be alone in its batch, where batch norm has no variance to take."""
    if len(order) == 1 or batch_size == 1:
        raise DataError(
            "batch norm cannot normalise a batch of one row: give partial_fit two rows or more, and batch_size=2 or "
            "more."
        )
    return order[:-1]


def program_for(estimator: Any, Z: Any, T: np.ndarray, weighted: bool) -> Any:
    """The training program that partial_fit goes on with, in the state it was left in, for rows like these."""
    e = estimator
    shapes = [array.shape[1:] for array in NamedInputs.of(Z).arrays.values()]
    batch: int = {"auto": 32, "full": len(T)}.get(e.batch_size) or e.batch_size
    if hasattr(e, "_program"):
        _, had_weights, had = e._compiled
        weighted, batch = weighted or had_weights, max(batch, had)
        if (shapes, weighted, batch) == e._compiled:
            return e._program
        e._program_state = state_of(e._program)
    e._compiled = shapes, weighted, batch
    optimizer = e.optimizer or AdamW(e.design_.lr, weight_decay=e.design_.weight_decay, decay="matrices")
    e._program = compile(e.model_, e._loss(), optimizer, batch, Z[:2], T[:2], weighted=weighted, seed=e._seed,
                         **runs_on(e))
    e._program.state.put(e.__dict__.pop("_program_state", {}))
    return e._program


def state_of(program: Any) -> Snapshot:
    """Copy the optimizer's vectors and its step."""
    return program.state.copy(program.state.vectors)
