"""The score that decides which weights are kept and when training stops early: the validation loss, or another one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from ..errors import ArgumentError
from . import metrics as metric_table

#: Which way the scores that the house knows get better.
WAYS = {"loss": "min", "accuracy": "max", "r2": "max", "rmse": "min", "mae": "min"}


class Monitor(NamedTuple):
    """A column of the history, and whether it gets better by getting smaller ("min") or larger ("max")."""

    column: str
    way: str

    @property
    def words(self) -> str:
        known = {"val_loss": "validation loss", "val_calibrated_loss": "calibrated validation loss"}
        return known.get(self.column, self.column)

    @property
    def no_number(self) -> str:
        """What to say where no epoch's score is a number."""
        name = self.column.removeprefix("val_")
        own = "" if name in WAYS else f" Or {name} gives none: call it with the network's outputs and the targets."
        return (f"no epoch had a {self.words} that is a number, so that none is the best. Likely cause: outputs that "
                f"overflow: scale the data, or use a lower learning rate.{own}")

    def cost(self, row: dict[str, float]) -> float:
        """The score of an epoch such that smaller is better; infinity where it is no number."""
        score = row[self.column] if self.way == "min" else -row[self.column]
        return score if np.isfinite(score) else float("inf")


def monitored(monitor: Any, metrics: dict[str, Callable]) -> tuple[Monitor, dict[str, Callable]]:
    """Read monitor= as a Monitor, and add to the metrics the one that it watches.

    monitor: "loss", the name of a metric, a function (z, y), or a pair of one of these and "min" or "max".

    >>> monitored("accuracy", {})[0]
    Monitor(column='val_accuracy', way='max')
    """
    score, way = monitor if isinstance(monitor, tuple | list) and len(monitor) == 2 else (monitor, None)
    if not (isinstance(score, str) or callable(score)) or way not in (None, "min", "max"):
        raise ArgumentError(
            f'monitor is {monitor!r}: give "loss", the name of a metric such as "accuracy", or a metric of your own '
            'with its direction, such as (gini, "max").'
        )
    name = score.removeprefix("val_") if isinstance(score, str) else getattr(score, "__name__", "metric")
    if callable(score) or (name != "loss" and name not in metrics):
        metrics = metrics | metric_table.get(score if callable(score) else name)
    if way is None and (name == "loss" or metrics[name] is metric_table.METRICS.get(name)):
        way = WAYS[name]
    if way is None:
        shown = name if callable(score) and name.isidentifier() else repr(name) if isinstance(score, str) else "metric"
        raise ArgumentError(
            f'monitor is {shown}: whether higher or lower is better is not known: give ({shown}, "max") or '
            f'({shown}, "min").'
        )
    return Monitor(f"val_{name}", way), metrics
