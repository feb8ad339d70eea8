"""Programs for many models: those of one structure are recorded and compiled once."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..engines import Program, compile, evaluator
from ..nn.tree import structure
from ..optim import Optimizer
from ..program import named_inputs


class Programs:
    """`compile` and `evaluator` of ct.engines; a model that is built like an earlier one gets a twin of its program.

    Only for models that stay alive and unchanged meanwhile, as those of one fit_many do.
    """

    def __init__(self) -> None:
        self.known: dict[tuple, Program] = {}

    def compile(self, model: Any, loss: Any, optimizer: Optimizer, batch_size: int, X: Any, y: Any, seed: int,
                **options: Any) -> Program:
        key = ("train", structure(model), loss, type(optimizer), callable(optimizer.lr), optimizer.prepare,
               getattr(optimizer, "decay", None), batch_size, _kind(X), _kind(y), *options.items())
        if key in self.known:
            return self.known[key].twin(model, optimizer, seed)
        self.known[key] = compile(model, loss, optimizer, batch_size, X, y, seed=seed, **options)
        return self.known[key]

    def evaluator(self, model: Any, X: Any, engine: str, threads: int | None) -> Program:
        key = ("evaluate", structure(model), _kind(X), engine, threads)
        if key in self.known:
            return self.known[key].twin(model)
        self.known[key] = evaluator(model, X, engine, threads=threads)
        return self.known[key]


def _kind(X: Any) -> tuple:
    """What a recording depends on: names, shapes without rows, and kinds of numbers."""
    parts = ((name, np.asarray(part)) for name, part in named_inputs(X).items())
    return tuple((name, part.shape[1:], part.dtype.kind) for name, part in parts)
