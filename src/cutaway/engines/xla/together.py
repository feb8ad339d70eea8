"""Many models in one call: those that are built alike and read the same data are one program, by vmap.

Each is trained by a thread of its own, as ever. Where all that still train have asked for steps, the last to ask does
some of them for all, and gives each its own losses: a search of 64 small networks is one loop of products of 64.
"""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import jax
import numpy as np

from .kept import KeptFunction
from .step import Cuts, pieces

AT_ONCE = 8  # calls' steps whose numbers are found together
DIGESTED = 2**20  # bytes: larger data are known by where they lie


@dataclass(eq=False)
class StepsAsked:
    """Steps that a model's thread waits for: of `rows`, the next batch of which has n. between: as `Engine.run` has
    it."""

    engine: Any
    rows: np.ndarray
    position: int
    steps: int
    n: int
    data: tuple
    between: Callable[[int], bool] | None = None
    losses: np.ndarray | None = None  # None once it is answered: it is to do its steps alone
    error: BaseException | None = None
    answered: bool = False


def vmapped(many: Callable) -> Callable:
    """Compile the function of many steps of one model for as many models as its arguments are stacked of."""
    def every(n, *arguments):
        return jax.vmap(partial(many, n), in_axes=(None, 0, 0, 0, 0, None, 0, None))(*arguments)

    return KeptFunction(every, donated=7)


class Together:
    """Models that do their steps in one call. call: the function for all of them (`vmapped`), with vectors in pieces
    that end `at` these numbers; members: how many they are; room: how many steps are sent at most for batches of so
    many rows; seconds: how long a call may take."""

    def __init__(self, call: Callable, at: Cuts, members: int, room: Callable[[int], int], seconds: float) -> None:
        self.call, self.at, self.members = call, at, members
        self.sizes = sorted({members, *(2**k for k in range(members.bit_length()))})  # each is compiled if it is met
        self.room, self.seconds, self.pace = room, seconds, 0.0
        self.asked: list[StepsAsked] = []
        self.sent: dict[tuple, Any] = {}  # data, on the device
        self.digests: dict[tuple, tuple[np.ndarray, bytes]] = {}  # of arrays by where they lie; they stay alive here
        self.checked: dict[tuple, tuple[np.ndarray, np.ndarray]] = {}  # orders of the models that now wait
        self.door = threading.Condition()

    def run(self, engine: Any, rows: np.ndarray, position: int, steps: int,
            between: Callable[[int], bool] | None = None) -> np.ndarray | None:
        """Wait for the others, and give the losses of as many steps as are done then; None: do them alone."""
        n = min(engine.batch_size, len(rows) - position)
        mine = StepsAsked(engine, rows, position, min(steps, (len(rows) - position) // n), n, self._data_of(engine),
                          between)
        with self.door:
            self.asked.append(mine)
            self._answer()
            self.door.wait_for(lambda: mine.answered)
        if mine.error is not None:
            raise mine.error
        return mine.losses

    def checked_once(self, order: Any, rows: int, check: Callable[[Any], np.ndarray]) -> np.ndarray:
        """Check row numbers once for all models of so many rows that are given the same array, if it cannot change."""
        if not isinstance(order, np.ndarray) or order.flags.writeable or order.base is not None:
            return check(order)
        key = id(order), rows
        if (known := self.checked.get(key)) is None or known[0] is not order:
            known = self.checked[key] = order, check(order)
        return known[1]

    def leave(self) -> None:
        """Wait no longer for one of the models."""
        with self.door:
            self.members -= 1
            self._answer()

    def _answer(self) -> None:
        """If all have asked, do steps for all that may do them together."""
        if not self.asked or len(self.asked) < self.members:
            return
        asked, self.asked = self.asked, []
        self.checked.clear()
        groups: dict[tuple, list[StepsAsked]] = {}
        for one in asked:
            groups.setdefault((one.n, one.data), []).append(one)
        for same in groups.values():
            try:
                if len(same) > 1:
                    self._do(same)
            except BaseException as error:
                for one in same:
                    one.error = error
        for one in asked:
            one.answered = True
        self.door.notify_all()

    def _do(self, same: list[StepsAsked]) -> None:
        """Do the steps that all of them ask for, in calls between which the vectors stay on the device, until one of
        them is to stop, or a number is not finite: its state stays as it was, and it finds the step by itself."""
        first, n = same[0].engine, same[0].n
        size = next(size for size in self.sizes if size >= len(same))
        every = same + same[:1] * (size - len(same))  # filled up, so that few sizes are compiled
        room, done = self.room(n * size), 0
        steps = min(AT_ONCE * room, *(one.steps for one in same))
        seeds = np.array([one.engine.seed % 2**32 for one in every], np.uint32)
        losses, finite = np.zeros((size, steps)), np.ones(size, bool)
        numbers = _numbers([one.engine for one in every], steps)
        here = [self._here(one.engine) for one in every]
        vectors: Any = {name: [np.stack([h[name][k] for h in here]) for k in range(len(some))]
                        for name, some in here[0].items()}
        with first._mode():
            data = self.sent.setdefault(same[0].data, None) or first.devices.send(first.data)
            self.sent[same[0].data] = data
            while done < steps and finite.all():
                began = time.perf_counter()
                count = min(room, max(1, int(self.seconds / self.pace)) if self.pace else 1, steps - done)
                order, at = np.zeros((size, room, n), np.uint32), done * n
                for k, one in enumerate(every):
                    order[k, :count] = one.rows[one.position + at : one.position + at + count * n].reshape(count, n)
                t = np.array([(one.engine.t + done + 1) % 2**32 for one in every], np.uint32)
                now = [np.zeros((size, room, whole.shape[2]), whole.dtype) for whole in numbers]
                for mine, whole in zip(now, numbers, strict=True):
                    mine[:, :count] = whole[:, done : done + count]
                found, vectors, J, kept = self.call(n, np.uint32(count), seeds, t, order, now, data, vectors,
                                                    first.constants)
                finite = np.asarray(found)
                losses[:, done : done + count] = np.asarray(J)[:, :count]
                done += count
                self.pace = (time.perf_counter() - began) / count if self.pace else self.seconds
                if any([one.between(done) for one in same if one.between is not None]):
                    break
            kept = [np.asarray(a) for a in kept]
        back = {name: [np.asarray(a) for a in some] for name, some in vectors.items()}
        for k, one in enumerate(same):
            if finite[k]:
                for name, some in here[k].items():
                    for mine, there in zip(some, back[name], strict=True):
                        mine[...] = there[k]
                one.engine.done(one.rows, n, one.position, done, [a[k] for a in kept])
                one.losses = losses[k, :done]

    def _here(self, engine: Any) -> dict[str, list[np.ndarray]]:
        return {name: pieces(a, self.at[name]) for name, a in engine.flat().items()}

    def _data_of(self, engine: Any) -> tuple:
        """What tells whether two engines were fed the same data: small ones by what they hold."""
        def of(a: np.ndarray) -> Any:
            where = a.__array_interface__["data"], a.strides
            if a.nbytes > DIGESTED:
                return where
            key = *where, a.shape
            if key not in self.digests:
                self.digests[key] = a, hashlib.blake2b(a.tobytes()).digest()
            return self.digests[key][1]

        if engine.fed is None:
            engine.fed = tuple((name, a.shape, a.dtype.str, of(a)) for name, a in engine.data.items())
        return engine.fed


def _numbers(engines: list[Any], steps: int) -> list[np.ndarray]:
    """Compute what the update's instructions need in the next steps of each model, once for those with the same
    settings: for each instruction (models, steps, numbers)."""
    known: dict[tuple, list[np.ndarray]] = {}
    keys = [(engine.t, engine.settings) for engine in engines]
    for engine, key in zip(engines, keys, strict=True):
        if key not in known:
            known[key] = engine.numbers(engine.t + 1, steps, steps)
    return [np.stack(each) for each in zip(*(known[key] for key in keys), strict=True)]
