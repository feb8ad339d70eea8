"""The past of a run: what its steps were, so that any of them can be done again exactly."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from threading import RLock
from typing import Any, ClassVar

import numpy as np

from ..arguments import whole_numbers, within
from ..engines import Program, compile
from ..errors import ArgumentError
from ..optim import Optimizer
from ..program import Snapshot
from ..random import stream
from .ahead import ahead
from .checkpoint import rows_digest
from .feeding import Data, stages

MOST, MOST_BYTES = 16, 64 * 2**20  # of snapshots
MOST_TOGETHER = 4  # of those of a model that does its steps with others: one call does all epochs between two
DRAWN = 2**22  # row numbers of orders that are kept for models of one seed


def shuffled(rows: np.ndarray, seed: int, epoch: int) -> np.ndarray:
    """The order in which a run of this seed takes its rows in an epoch (from 1)."""
    return stream(seed, "batch order", epoch).permutation(rows)


class DrawnOnce:
    """Orders of rows that several runs take: what those of one seed take is made once. Nobody can write into it."""

    def __init__(self) -> None:
        self.known: dict[tuple, np.ndarray] = {}
        self.held = 0  # row numbers
        self.lock = RLock()  # else two would make the same one

    def get(self, key: tuple, make: Callable[[], np.ndarray]) -> np.ndarray:
        """Give what was made for this key before, or make it."""
        with self.lock:
            if key not in self.known:
                order = make()
                order.flags.writeable = False
                self.held += len(order)
                while self.known and self.held > DRAWN:
                    self.held -= len(self.known.pop(next(iter(self.known))))  # the oldest
                self.known[key] = order
            return self.known[key]


@dataclass(eq=False)
class Past:
    """The data of a run, the order of its batches, and snapshots at the start of a few epochs, evenly spread.

    held_out: the validation rows.
    """

    data: Data
    rows: np.ndarray
    batch_size: int
    seed: int
    shuffle: bool | Callable
    drop_last: bool
    loss: Callable
    optimizer: Optimizer
    options: dict[str, Any]
    held_out: Data | None = None
    resident: bool = False  # whether a program is fed all data at once
    snapshots: list[Snapshot] = field(default_factory=list)
    drawn: DrawnOnce | None = None  # with the other models of a fit_many
    own: ClassVar[bool] = False  # whether no other process has these rows (own_rows.py)
    _every: int = 1
    _first: int = 0
    _most: int = 0

    # ---- its program, once more --------------------------------------------------------------------------------------
    @property
    def example(self) -> tuple[Any, np.ndarray]:
        """A few rows of inputs and targets, which a program is recorded on."""
        few = self.data.rows(self.rows[:3])
        return few.inputs, few.y

    def program(self, model: Any, engine: str, threads: int | None, optimizer: Optimizer | None = None,
                keep_all: bool = False, compile: Callable[..., Program] = compile, **options: Any) -> Program:
        """Compile the program of the run's steps for a model; it is not fed yet. optimizer, options: instead of the
        run's."""
        return compile(model, self.loss, optimizer or self.optimizer, self.batch_size, *self.example, engine=engine,
                       threads=threads, keep_all=keep_all, **self.options | options)

    def lies_on(self, program: Program) -> bool:
        """Whether the engine of a program has room for all data at once."""
        room = program.engine.room
        return room is None or len(self.data) * program.row_bytes <= room

    def feed(self, program: Program) -> Program:
        """Give a program all of the data, if they fit in memory; else `batches_of` does, part by part."""
        if self.resident:
            program.feed(self.data.inputs, self.data.y, self.data.weight)
        return program

    # ---- its rows, in all processes ----------------------------------------------------------------------------------
    @property
    def count(self) -> int:
        """How many rows are learnt from."""
        return len(self.rows)

    @property
    def sizes(self) -> np.ndarray:
        """The rows that count in each step of an epoch."""
        sizes = np.full(self.steps, self.batch_size)
        if not self.drop_last:
            sizes[-1] = len(self.rows) - self.batch_size * (self.steps - 1)
        return sizes

    def digest(self, dtype: np.dtype) -> str:
        """What the data are recognised by, as a program of numbers `dtype` reads them."""
        return rows_digest(self.data, dtype)

    def held_digest(self, dtype: np.dtype) -> str:
        """What the rows held out are recognised by; "" without any."""
        return rows_digest(self.held_out, dtype) if self.held_out else ""

    # ---- its steps ---------------------------------------------------------------------------------------------------
    @property
    def steps(self) -> int:
        """Updates in an epoch."""
        return len(self.rows) // self.batch_size if self.drop_last else -(-len(self.rows) // self.batch_size)

    @property
    def leaves_one(self) -> bool:
        """Whether the last batch of an epoch has one row."""
        return self.batch_size == 1 or (len(self.rows) % self.batch_size == 1 and not self.drop_last)

    def check_program(self, program: Program) -> None:
        """Raise ArgumentError for a program that cannot take the batches."""

    def order(self, epoch: int) -> np.ndarray:
        """The row numbers of an epoch, in the order in which it takes them."""
        if callable(self.shuffle):
            what = "the order that shuffle gives"
            order = whole_numbers(what, self.shuffle(self.rows.copy(), epoch), np.int64)
            if order.shape != self.rows.shape:
                raise ArgumentError(f"{what} must have a number for each of the {len(self.rows)} rows, got an array of "
                                    f"shape {order.shape}")
            within(what, order, len(self.data))
        else:
            order = self._once((self.seed, epoch), lambda: shuffled(self.rows, self.seed, epoch)
                               ) if self.shuffle else self.rows
        return order[: self.steps * self.batch_size] if self.drop_last else order

    def orders(self, first: int, last: int) -> np.ndarray:
        """The row numbers of several epochs, one after the other."""
        if first == last:
            return self.order(first)
        return self._once((self.seed if self.shuffle else None, first, last, self.steps * self.batch_size),
                          lambda: np.concatenate(list(map(self.order, range(first, last + 1)))))

    def _once(self, key: tuple, make: Callable[[], np.ndarray]) -> np.ndarray:
        return make() if self.drawn is None or callable(self.shuffle) else self.drawn.get(key, make)

    def batches_of(self, program: Program, order: np.ndarray) -> Iterator[tuple[np.ndarray, int]]:
        """Give the rows of an epoch as a program runs them, (order, number of rows): all at once from data that it was
        fed, or stage by stage, each fed now."""
        if self.resident:
            yield order, len(order)
            return
        room, ready = program.engine.room, program.engine.reads_ahead
        parts = ((program.sent(part.inputs, part.y, part.weight), own_order) for part, own_order in stages(
            self.data, order, self.batch_size, program.engine.own_rows, most=None if room is None else room // 2))
        for part, own_order in ahead(parts) if ready else parts:  # two are on the device then: this one and the next
            program.feed_sent(part)
            yield own_order, len(own_order)

    # ---- snapshots ---------------------------------------------------------------------------------------------------
    def epoch_of(self, snapshot: Snapshot) -> int:
        """The epoch of the step that comes after a snapshot."""
        return snapshot["t"] // self.steps + 1

    def keep(self, program: Program, epoch: int) -> None:
        """Take a snapshot before an epoch, if it is one of those that stay; thin them out when they become many."""
        if not self._first:
            self._first, self._most = epoch, min(MOST, MOST_BYTES // program.state.nbytes)
        if (epoch - self._first) % self._every or not self._most:
            return
        self.snapshots.append(program.state.copy())
        if len(self.snapshots) > self._most:
            self._every *= 2
            self.snapshots = [s for s in self.snapshots if (self.epoch_of(s) - self._first) % self._every == 0]

    def spread(self, epochs: int) -> None:
        """Take few snapshots in a run of so many epochs, far apart from the beginning on, so that one call may do all
        epochs between two."""
        while epochs > MOST_TOGETHER * self._every:
            self._every *= 2

    def next_kept(self, epoch: int) -> int:
        """The first epoch after this one before which a snapshot may be taken."""
        return epoch + self._every - (epoch - (self._first or epoch)) % self._every

    def before(self, step: int) -> Snapshot | None:
        """The last snapshot before a step."""
        return next((s for s in reversed(self.snapshots) if s["t"] < step), None)
