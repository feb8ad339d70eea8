"""Where traces begin: `ct.trace` before a model's first step, `run.trace` at a step of a run that already happened."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ...arguments import whole_number
from ...engines import Program
from ...errors import ArgumentError, TrainingError
from ...optim import Optimizer
from ...program import Engine
from ...train.fit import prepared
from ...train.past import Past
from ...train.run import Run
from ..reading import network_of, training_of
from .origin import Origin
from .recorder import KEEP_BYTES, Recorder
from .trace import Trace, Traces


def trace(model: Any, X: Any, y: Any = None, loss: str | Callable | None = None, optimizer: Optimizer | None = None,
          steps: int = 1, batch_size: int | None = None, sample_weight: Any = None, seed: int = 0,
          keep: Sequence[str] | None = None, keep_bytes: int = KEEP_BYTES, engine: str = "cpu",
          threads: int = 1, precision: str | None = None) -> Trace | Traces:
    """Trace one training step of `model`: every instruction with what it read and wrote. The model stays as it is.

    >>> import cutaway as ct
    >>> X, y = ct.datasets.make("moons", n=32, seed=0)
    >>> net = ct.nn.MLP(2, [4], 2).init(0)
    >>> t = ct.trace(net, X, y, loss="cross_entropy", optimizer=ct.optim.SGD(0.1))
    >>> t["layer1.z"].shape, t.grad("layer1.weight").shape, t["loss"].shape
    ((32, 4), (4, 2), (32,))
    >>> t.instructions[3].formula
    'z = W x + b'

    model: a network, or a trained estimator, which takes X and y as its fit does, encodes them and brings its loss and
    optimizer. X, y, loss ("mse" unless given), optimizer, sample_weight, seed, precision: as `ct.fit` takes them; the
    values are those that it would compute.
    steps: more than one gives `Traces`, a list. batch_size: None is all rows as they come; a number makes batches in
    the order in which fit with this seed takes them. keep: names or patterns of the values to keep, such as
    ["layer1.*", "x"]; None is all. keep_bytes: beyond so many bytes (of all steps) the largest values are left out.
    The arguments are fit's own, and what to keep. Raises what fit raises, and ArgumentError for an unknown name.
    """
    if y is None and network_of(model) is model:
        raise ArgumentError("a training step needs targets: ct.trace(model, X, y)")
    steps = whole_number("steps", steps)
    taken = training_of(model, X, y, loss, optimizer, sample_weight, precision)
    program, past = prepared(
        **taken | {"model": copy.deepcopy(taken["model"])}, batch_size="full" if batch_size is None else batch_size,
        seed=seed, shuffle=batch_size is not None, engine=engine, threads=threads, steps=int(steps),
    )
    found = _walk(past, program, 1, 1, int(steps), keep, keep_bytes)
    return found if steps > 1 else found[0]


def trace_run(run: Run, step: int, steps: int = 1, keep: Sequence[str] | None = None,
              keep_bytes: int = KEEP_BYTES) -> Trace | Traces:
    """See `Run.trace`."""
    past: Past | None = run.past
    if past is None:
        raise ArgumentError("this run does not know its past: run.trace works on the run that ct.fit returned, "
                            "where one process had all rows")
    done = len(run.steps)
    last = done + (not run.program.engine.finite)  # the step that training broke off at can be looked at
    step, steps = whole_number("step", step), whole_number("steps", steps)
    if step + steps - 1 > last:
        raise ArgumentError(f"this run did {done:,} steps: step {step + steps - 1:,} is not among them")
    start = past.before(int(step))
    if start is None:
        first = past.snapshots[0]["t"] + 1 if past.snapshots else 0
        raise ArgumentError(
            f"this run went on from a checkpoint: its own steps begin at {first:,}, got step={step}" if first else
            "the weights of this network are too large for snapshots, so that its steps cannot be replayed: trace one "
            "with ct.trace(model, X, y, ...)"
        )
    model = copy.deepcopy(run.model)
    if model.theta.shape != start["θ"].shape or model.dtype != start["θ"].dtype:
        raise ArgumentError("the model is not the one that was trained: its layers or its precision changed since")
    engine = run.program.engine
    program = past.feed(past.program(model, engine.name, engine.threads, keep_all=True))
    program.state.put(start)
    found = _walk(past, program, past.epoch_of(start), int(step), int(steps), keep, keep_bytes)
    for t in found:
        _compare(t, run.steps["loss"], engine)
    return found if steps > 1 else found[0]


def _walk(past: Past, program: Program, epoch: int, first: int, count: int, keep: Sequence[str] | None,
          keep_bytes: int) -> Traces:
    """Do the steps of a run again from the start of an epoch, and record some from step `first` on."""
    state, found = program.state, Traces()
    origin = Origin(program.model, past.loss, past.optimizer, past.options["weighted"], past.example)
    each = keep_bytes // count if isinstance(keep_bytes, int | float) else keep_bytes
    recorder = Recorder(program, origin, keep, each, getattr(past.loss, "__name__", ""))
    while True:
        order = past.order(epoch)
        at = 0
        for rows, n in past.batches_of(program, order):
            todo = -(-n // past.batch_size)
            ahead = min(max(first - 1 - state.t, 0), todo)
            if ahead and len(program.run(rows, steps=ahead)) < ahead:
                broke_off = f"broke off at step {state.t + 1:,}"
                if program.engine.exact:
                    raise TrainingError(_CHANGED.format(broke_off))
                raise TrainingError(f"the replay {broke_off}, which the run itself did not: "
                                    f"{_INEXACT.format(program.engine.name)}. Trace an earlier step")
            for k in range(ahead, todo):
                batch = order[at : at + n][k * past.batch_size : (k + 1) * past.batch_size]
                found.append(recorder.step(rows, k * past.batch_size, epoch, batch))
                if len(found) == count or not found[-1].about.finite:
                    return found
            at += n
        epoch += 1


ROUNDINGS = 1e-3  # of J, or of 1: what a step by rule may differ from a fused one in either precision, generously
_INEXACT = "the engine {} repeats no run to the last bit"
_CHANGED = ("the replay {}, which the run itself did not: the data was changed since training, or something besides "
            "the training steps changed the weights (a callback?)")


def _compare(t: Trace, losses: np.ndarray, engine: Engine) -> None:
    """Compare a replayed step with the one that happened. An exact engine gives the same bits, or something was
    changed: TrainingError says so instead of showing another step. Of any other engine's the trace notes how far it
    is off."""
    k = t.about.step - 1
    if k >= len(losses) or losses[k] == t.J:
        return
    if engine.exact:
        raise TrainingError(_CHANGED.format(f"of step {k + 1:,} gave J = {t.J!r} in place of {float(losses[k])!r}"))
    far = abs(losses[k] - t.J)
    t.note = f"replayed by rule; J differs by {far:.1g} from the run's ({_INEXACT.format(engine.name)})"
    if not far <= ROUNDINGS * max(1, abs(t.J)):
        t.note += ". That is more than roundings make: were data or weights changed since training?"
