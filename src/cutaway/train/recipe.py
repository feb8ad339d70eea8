"""How a network learns: optimizer, batches and their order, when it stops, and what runs it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from .. import losses
from ..arguments import whole_number
from ..distributed.team import ALONE, Alone, current, processes
from ..engines import check_choice
from ..engines.choice import engine_for
from ..errors import ArgumentError
from ..optim.optimizers import chosen
from .own_rows import own_past
from .past import Past
from .task import Task

PATIENCE = 10  # epochs without improvement before early_stopping=True stops


@dataclass
class Recipe:
    """The arguments of ct.fit that say how to learn; it explains them. Raises ArgumentError for what makes no sense."""

    optimizer: Any = None
    epochs: int = 20
    batch_size: int | str = 32
    seed: int = 0
    shuffle: bool | Callable = True
    drop_last: bool = False
    early_stopping: bool | int | None = None
    time_limit: float | None = None
    engine: str = "cpu"
    threads: int | None = None
    precision: str | None = None
    devices: int | str | None = None
    device: str | None = None
    exact: bool = False
    own_rows: bool = False

    def __post_init__(self) -> None:
        self.epochs, self.seed = whole_number("epochs", self.epochs), whole_number("seed", self.seed, None)
        if self.threads is not None:
            self.threads = whole_number("threads", self.threads, instead=", or None to choose by the size of a step")
        if isinstance(self.early_stopping, np.bool_):
            self.early_stopping = bool(self.early_stopping)
        if not isinstance(self.early_stopping, bool | None):
            self.early_stopping = whole_number("early_stopping", self.early_stopping, 0, ", True or None")
        self.optimizer = chosen(self.optimizer)
        limit = self.time_limit
        if limit is not None and not (isinstance(limit, int | float | np.number) and limit >= 0):
            raise ArgumentError(f"time_limit must be a number of seconds, or None, got {limit!r}")
        self.drop_last = bool(self.drop_last)
        check_choice(self.engine, self.device, self.devices, self.precision, self.exact)
        if self.own_rows:
            self._check_own_rows()

    def _check_own_rows(self) -> None:
        if self.exact:
            raise ArgumentError("own_rows=True and exact=True: exact mode gives the same bits on any number of "
                                "processes, and rows that one process has cannot go to another: leave one of them out")
        if callable(self.shuffle):
            raise ArgumentError("own_rows=True: a function shuffle= orders the rows of all processes, and none has "
                                "them all: give shuffle=True, by which each orders its own, or False")
        if self.devices is None and processes() > 1:
            raise ArgumentError('own_rows=True shares each batch among processes: add engine="xla", devices="all"')

    @property
    def patience(self) -> int:
        """Epochs without a better score after which training ends; 0: it does not."""
        return PATIENCE if self.early_stopping is True else int(self.early_stopping or 0)

    @property
    def team(self) -> Alone:
        """The processes that train together by it."""
        return ALONE if self.devices is None else current() or ALONE

    def rows_a_step(self, rows: int) -> int:
        """The size of a batch where there are `rows` rows in all."""
        if isinstance(self.batch_size, str) and self.batch_size == "full":
            return rows
        return min(whole_number("batch_size", self.batch_size, instead=', or "full"'), rows)

    def on(self, task: Task) -> Past:
        """Make the past of a training that has not begun: this task's data, in this recipe's batches."""
        if task.held_out is None and self.patience:
            raise ArgumentError("early_stopping needs validation data: pass validation=0.1, or validation=(Xv, yv)")
        if self.team.processes > 1:
            self.team.compare("whose rows they pass", lambda: {"own_rows": self.own_rows})
            if self.own_rows:
                _, placed = engine_for(self.engine, self.device, self.devices)
                return own_past(task, self, placed["devices"].count)
        data = task.data
        if self.exact and data.weight is None:  # parts are filled up with rows of weight zero
            losses.refuse_weights(task.loss)
            data = replace(data, weight=np.ones(len(data)))
        alone = self.devices if self.team.processes == 1 else None  # who looks at steps later does so by itself
        return Past(
            data=data, rows=task.rows, held_out=task.held_out, loss=task.loss, optimizer=self.optimizer,
            batch_size=self.rows_a_step(len(task.rows)), seed=self.seed, shuffle=self.shuffle,
            drop_last=self.drop_last, options={
                "weighted": data.weight is not None, "seed": self.seed, "precision": self.precision,
                "devices": alone, "device": self.device, "exact": self.exact},
        )
