"""Where a traced step came from, and its program once more."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...engines import Program, compile
from ...errors import ArgumentError
from ...optim import Optimizer
from .record import Record


@dataclass(frozen=True)
class Origin:
    """What a traced program was compiled from. model: the trace's own copy, whose weights go on with the steps.
    altered: what a stepping session makes of the compiled program."""

    model: Any
    loss: Callable
    optimizer: Optimizer
    weighted: bool
    example: tuple[Any, np.ndarray]
    altered: Callable[[Program], Program] = lambda program: program


def program_before(trace: Record, dtype: Any = None, engine: str | None = None) -> Program:
    """See `Trace.program`."""
    origin, about = trace.origin, trace.about
    if origin is None:
        raise ArgumentError("this trace came from a file, which has no model: trace the model again to run its step")
    model = copy.deepcopy(origin.model)
    for name, t in (*model.named_parameters(), *model.named_buffers()):
        if name in trace.facts:
            t.data[...] = trace.at(name, -1)
    model = model if dtype is None else model.astype(dtype)
    X, y = origin.example
    rounded = any(i.rounded for i in trace.instructions)
    program = compile(model, origin.loss, origin.optimizer, len(about.rows), X, y, weighted=origin.weighted,
                      seed=about.seed, engine=engine or about.engine, threads=about.threads, keep_all=True,
                      precision="bf16" if rounded and model.dtype == np.float32 else None)
    program = origin.altered(program)
    data = (v for v in trace.facts.values() if v.role in ("input", "target", "weight"))
    program.engine.feed({v.name: trace[v.name] for v in data})
    state = program.state
    state.t = about.step - 1
    for vector in state.vectors:
        for name in program.engine.listing.gradients:
            state.part(name, vector)[...] = trace.at(f"{name}.{vector}", -1)
    return program
