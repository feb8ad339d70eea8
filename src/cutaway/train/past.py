"""The past of a run: what its steps were, so that any of them can be done again exactly."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..engines import Program
from ..optim import Optimizer
from ..random import stream
from .feeding import Data, stages

MOST, MOST_BYTES = 32, 64 * 2**20  # of snapshots


@dataclass(frozen=True)
class Snapshot:
    """Weights, buffers and optimizer state as they were before an epoch; `steps` had been done."""

    epoch: int
    steps: int
    theta: np.ndarray
    state: dict[str, np.ndarray]
    buffers: dict[str, np.ndarray]

    @property
    def bytes(self) -> int:
        return sum(a.nbytes for a in (self.theta, *self.state.values(), *self.buffers.values()))

    def put(self, program: Program) -> None:
        """Bring a program and its model to this point."""
        program.model.theta[...] = self.theta
        for name, buffer in program.model.named_buffers():
            buffer.data[...] = self.buffers[name]
        for name, array in self.state.items():
            program.state[name][...] = array
        program.engine.t = self.steps


@dataclass(eq=False)
class Past:
    """The data of a run and the order of its batches, and snapshots at epoch starts: a few, the run's length over."""

    data: Data
    rows: np.ndarray
    batch_size: int
    steps: int  # of an epoch
    seed: int
    shuffle: bool
    drop_last: bool
    resident: bool
    loss: Callable
    optimizer: Optimizer
    options: dict[str, Any]
    snapshots: list[Snapshot] = field(default_factory=list)
    _every: int = 1
    _first: int = 0

    def order(self, epoch: int) -> np.ndarray:
        """The rows of an epoch in the order in which it takes them."""
        order = stream(self.seed, "batch order", epoch).permutation(self.rows) if self.shuffle else self.rows
        return order[: self.steps * self.batch_size] if self.drop_last else order

    def fed(self, program: Program, order: np.ndarray) -> Iterator[tuple[np.ndarray, int]]:
        """The rows of an epoch as a program runs them, (order, number of rows): all of them from data that it was fed,
        or stage by stage, each fed now."""
        if self.resident:
            yield order, len(order)
            return
        for part, own_order in stages(self.data, order, self.batch_size):
            program.feed(part.inputs, part.y, part.weight)
            yield own_order, len(part)

    def keep(self, program: Program, epoch: int) -> None:
        """Take a snapshot before an epoch, if it is one of those that stay; thin them out when they become many."""
        self._first = self._first or epoch
        if (epoch - self._first) % self._every:
            return
        state = {name: array.copy() for name, array in program.state.items() if name != "t"}
        buffers = {name: b.data.copy() for name, b in program.model.named_buffers()}
        self.snapshots.append(Snapshot(epoch, program.engine.t, program.model.theta.copy(), state, buffers))
        while self.snapshots and (
            len(self.snapshots) > MOST or sum(s.bytes for s in self.snapshots) > MOST_BYTES
        ):
            self._every *= 2
            kept = [s for s in self.snapshots if (s.epoch - self._first) % self._every == 0]
            self.snapshots = kept if len(self.snapshots) > 1 else []

    def before(self, step: int) -> Snapshot | None:
        """The last snapshot before a step."""
        return next((s for s in reversed(self.snapshots) if s.steps < step), None)
