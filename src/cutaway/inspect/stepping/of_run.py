"""A stepping session on a run that happened: it stands at any of its steps, and can be forked there."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

from ...errors import ArgumentError
from ...train.past import Past
from ...train.run import Run
from .session import Session


def session_of(run: Run, start: Mapping[str, Any] | None = None) -> Session:
    """Begin a session on a run that `ct.fit` did, or is doing: the same weights, batches and bits, from its first step.

    start: the state before the first step, where the run itself no longer has it (it went on from a checkpoint). The
    run's own model stays as it is. Raises ArgumentError for a run that does not know its past.

    >>> import cutaway as ct
    >>> X, y = ct.datasets.make("moons", n=64, seed=0)
    >>> run = ct.fit(ct.nn.MLP(2, [4], 2).init(0), X, y, loss="cross_entropy", epochs=3)
    >>> s = ct.inspect.session_of(run)
    >>> s.goto(5); s.next_step()
    'step 5 is done'
    >>> s.losses[5] == run.steps["loss"][4]
    np.True_
    """
    past: Past | None = run.past
    if past is None:
        raise ArgumentError("this run does not know its past: give the run that ct.fit returned, not a copy")
    first = start if start is not None else past.before(1)
    if first is None:
        raise ArgumentError("this run went on from a checkpoint, or its weights are too large for snapshots: give the "
                            "state before its first step, start=program.state.copy()")
    engine = run.program.engine
    program = past.feed(past.program(copy.deepcopy(run.model), engine.name, engine.threads, keep_all=True))
    program.state.put(dict(first))
    return Session(program, past, run.epochs)
