"""Programs for many models: those of one structure are recorded and compiled once."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..engines import Program, compile, evaluator
from ..named_inputs import NamedInputs
from ..nn.tree import structure
from ..optim import Optimizer


class Programs:
    """Compile programs as ct.engines does; a model that is built like an earlier one gets a twin of its program.

    Only for models that stay alive and unchanged meanwhile, as those of one fit_many do.
    """

    def __init__(self) -> None:
        self.known: dict[tuple, Program] = {}

    def compile(self, model: Any, loss: Any, optimizer: Optimizer, batch_size: int, X: Any, y: np.ndarray, seed: int,
                **options: Any) -> Program:
        key = ("train", structure(model), loss, optimizer.compiled_as, batch_size, NamedInputs.of(X).kind, y.shape[1:],
               y.dtype.kind, *options.items())
        if key in self.known:
            return self.known[key].twin(model, optimizer, seed)
        self.known[key] = compile(model, loss, optimizer, batch_size, X, y, seed=seed, **options)
        return self.known[key]

    def evaluator(self, model: Any, X: Any, engine: str, threads: int | None,
                  device: str | None = None) -> Program:
        key = ("evaluate", structure(model), NamedInputs.of(X).kind, engine, threads, device)
        if key in self.known:
            return self.known[key].twin(model)
        self.known[key] = evaluator(model, X, engine, threads=threads, device=device)
        return self.known[key]
