"""Scores on held-out data after each epoch, and the weights of the best one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from .. import losses
from ..distributed.team import Alone
from ..program import evaluated
from . import metrics as metric_table
from .feeding import Data, stages
from .monitor import Monitor
from .programs import Programs
from .recipe import Recipe


class Validation:
    """Scores a model on held-out data, by its evaluation program."""

    def __init__(self, model: Any, data: Data, loss: Callable, metrics: dict[str, Callable], recipe: Recipe,
                 programs: Programs) -> None:
        self.data, self.loss, self.metrics = data, loss, metrics
        self.y, weight, self._own = data.y, data.weight, recipe.team if recipe.own_rows else None
        if self._own is not None:  # each process has rows of its own: all are scored
            self.y = self._own.rows_of_all(self.y)
            weight = self._own.rows_of_all(np.ones(len(data)) if weight is None else weight)
            weight = None if (weight == weight[0]).all() else weight
        self.weight = None if weight is None else weight / weight.mean()
        if self.weight is not None:
            losses.refuse_weights(loss)
        self.program = programs.evaluator(model, data.inputs[:2], recipe.engine, recipe.threads, recipe.device)
        self.resident = not data.on_disk
        if self.resident:
            self.program.feed(data.inputs)

    def scored_by(self, team: Alone) -> dict[str, float]:
        """Let one of several processes score, so that all go by the same numbers."""
        z = None if self._own is None else self._own.rows_of_all(self._outputs())
        scores = team.of_first(lambda: np.array([*self._scores(self._outputs() if z is None else z).values()]))
        return dict(zip(["val_loss", *(f"val_{name}" for name in self.metrics)], scores.tolist(), strict=True))

    def _outputs(self) -> np.ndarray:
        if self.resident:
            return self.program.engine.predict()
        every = stages(self.data, np.arange(len(self.data)), 1)
        return np.concatenate([self.program.predict(part.inputs) for part, _ in every])

    def _scores(self, z: np.ndarray) -> dict[str, float]:
        """Compute the loss and the metrics of raw outputs, by their names in the history."""
        y, w = self.y, self.weight
        with np.errstate(over="ignore", invalid="ignore"):  # the history shows it
            row = {"val_loss": evaluated(self.loss, z, y, None if w is None else w.astype(z.dtype))}
        z = metric_table.as_given(z, y)
        return row | {
            f"val_{name}": metric_table.one_number(
                name, f(z, y) if w is None or not losses.takes_weight(f) else f(z, y, weight=w)
            )
            for name, f in self.metrics.items()
        }


@dataclass
class Best:
    """The best score so far: what it cost, the weights that had it, and for how many epochs none was better."""

    monitor: Monitor
    cost: float = float("inf")
    weights: dict[str, np.ndarray] | None = None
    waited: int = 0

    def see(self, row: dict[str, float], model: Any) -> bool:
        """Look at an epoch's scores; where they are the best, keep the model's weights and say so."""
        cost = self.monitor.cost(row)
        if not cost < self.cost:
            self.waited += 1
            return False
        self.cost, self.weights, self.waited = cost, model.state_dict(), 0
        return True
