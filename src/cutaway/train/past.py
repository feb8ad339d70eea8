"""The past of a run: what its steps were, so that any of them can be done again exactly."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..arguments import whole_numbers, within
from ..engines import Program
from ..errors import ArgumentError
from ..optim import Optimizer
from ..random import stream
from .feeding import Data, stages

MOST, MOST_BYTES = 16, 64 * 2**20  # of snapshots


def shuffled(rows: np.ndarray, seed: int, epoch: int) -> np.ndarray:
    """The order in which a run of this seed takes its rows in an epoch (from 1)."""
    return stream(seed, "batch order", epoch).permutation(rows)


@dataclass(frozen=True)
class Snapshot:
    """Weights, buffers and optimizer state as they were before an epoch; `steps` had been done."""

    epoch: int
    steps: int
    arrays: list[np.ndarray]  # θ, the optimizer's state, buffers

    @classmethod
    def of(cls, program: Program, epoch: int = 0) -> Snapshot:
        """A program and its model as they are now."""
        return cls(epoch, program.engine.t, [a.copy() for a in _parts(program)])

    def put(self, program: Program) -> None:
        """Bring a program and its model to this point."""
        for place, array in zip(_parts(program), self.arrays, strict=True):
            place[...] = array
        program.engine.t = self.steps


@dataclass(eq=False)
class Past:
    """The data of a run and the order of its batches, and snapshots at epoch starts: a few, the run's length over.

    held_out: the validation rows.
    """

    data: Data
    rows: np.ndarray
    batch_size: int
    seed: int
    shuffle: bool | Callable
    drop_last: bool
    resident: bool
    loss: Callable
    optimizer: Optimizer
    options: dict[str, Any]
    held_out: Data | None = None
    snapshots: list[Snapshot] = field(default_factory=list)
    _every: int = 1
    _first: int = 0
    _most: int = 0
    _parts: list[np.ndarray] = field(default_factory=list)

    @property
    def steps(self) -> int:
        """Updates in an epoch."""
        return len(self.rows) // self.batch_size if self.drop_last else -(-len(self.rows) // self.batch_size)

    @property
    def leaves_one(self) -> bool:
        """Whether the last batch of an epoch has one row."""
        return self.batch_size == 1 or (len(self.rows) % self.batch_size == 1 and not self.drop_last)

    def order(self, epoch: int) -> np.ndarray:
        """The rows of an epoch in the order in which it takes them."""
        if callable(self.shuffle):
            what = "the order that shuffle gives"
            order = whole_numbers(what, self.shuffle(self.rows.copy(), epoch), np.int64)
            if order.shape != self.rows.shape:
                raise ArgumentError(f"{what} must have a number for each of the {len(self.rows)} rows, got an array of "
                                    f"shape {order.shape}")
            within(what, order, len(self.data))
        else:
            order = shuffled(self.rows, self.seed, epoch) if self.shuffle else self.rows
        return order[: self.steps * self.batch_size] if self.drop_last else order

    def batches_of(self, program: Program, order: np.ndarray) -> Iterator[tuple[np.ndarray, int]]:
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
        if not self._first:
            self._first, self._parts = epoch, _parts(program)
            self._most = min(MOST, MOST_BYTES // sum(a.nbytes for a in self._parts))
        if (epoch - self._first) % self._every or not self._most:
            return
        self.snapshots.append(Snapshot(epoch, program.engine.t, [a.copy() for a in self._parts]))
        if len(self.snapshots) > self._most:
            self._every *= 2
            self.snapshots = [s for s in self.snapshots if (s.epoch - self._first) % self._every == 0]

    def before(self, step: int) -> Snapshot | None:
        """The last snapshot before a step."""
        return next((s for s in reversed(self.snapshots) if s.steps < step), None)


def _parts(program: Program) -> list[np.ndarray]:
    """What a snapshot copies. To find it takes longer than to copy it, where networks are small."""
    state = [array for name, array in program.state.items() if name != "t"]
    return [program.model.theta, *state, *(b.data for _, b in program.model.named_buffers())]
