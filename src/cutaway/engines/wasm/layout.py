"""Where a program's arrays lie in a module's memory, and the parameters of its kernels that say so."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any, Protocol

import numpy as np

from ...program import Value
from ..cpu import codegen, slots
from ..cpu.engine import address_of
from . import loops
from .code import Code

SLOTS = {name: slots.NAMES[name] for name in ("N", "TOTAL", "T", "POSITION", "NOW", "BATCH", "ROWS", "ORDER", "SEED",
                                             "STEP", "LOSSES", "RATES", "RATE")}


class LinearMemory(Protocol):
    """A memory in which arrays get places."""

    def place(self, shape: tuple[int, ...], dtype: Any) -> tuple[int, np.ndarray]:
        """Make an array of zeros: its address, and the array itself."""


class Arrays:
    """Copies of arrays in a module's memory; one that lies within another, as a weight does in θ, lies so there."""

    def __init__(self, room: LinearMemory, arrays: Iterable[np.ndarray] = ()) -> None:
        self.room = room
        self.placed: list[tuple[np.ndarray, int, np.ndarray]] = []  # an array, the address of its copy, the copy
        for array in sorted(arrays, key=lambda a: -a.nbytes):
            self.address(array)

    def address(self, array: np.ndarray) -> int:
        """Find the address of an array's copy, made now if there is none."""
        start = address_of(array)
        for known, address, _ in self.placed:
            offset = start - address_of(known)
            if 0 <= offset <= known.nbytes - array.nbytes:
                return address + offset
        address, copy = self.room.place(array.shape, array.dtype)
        copy[...] = array
        self.placed.append((array, address, copy))
        return address

    def send(self) -> None:
        for array, _, copy in self.placed:
            copy[...] = array

    def bring_back(self) -> None:
        for array, _, copy in self.placed:
            array[...] = copy


class ProgramLayout:
    """The arrays of one program in a module's memory.

    number: of the program in the module's directory. state: the arrays that outlive a step, perhaps those of other
    programs too. areas: what is as large as the data, by name; `area` makes it anew where it has to grow.
    """

    def __init__(self, engine: Any, code: Code, room: LinearMemory, directory: np.ndarray, number: int,
                 state: Arrays) -> None:
        self.engine, self.room, self.number, self.state = engine, room, number, state
        kernels, itemsize = engine.kernels, engine.dtype.itemsize
        self.width = max((3 * len(k.operands) + len(k.numbers) for k in kernels if k is not None), default=1)
        self.params_at, self.params = room.place((len(kernels), self.width), np.int64)
        codes_at, codes = room.place((len(kernels),), np.int64)
        codes[:] = [0 if k is None else code.number(k) for k in kernels]
        self.slots_at, self.slots = room.place((slots.WIDTH,), np.int64)
        self.shared_at, self.shared = room.place((slots.PIECES + 1,), np.int64)
        self.memory_at, self.memory = room.place((engine.plan.bytes,), np.uint8)
        work = max((k.work[0] + engine.batch_size * k.work[1] for k in kernels if k is not None), default=0)
        self.work_at, _ = room.place((work * itemsize,), np.uint8)
        self.own = {name: room.place(a.shape, a.dtype) for name, a in engine.own.items()}
        self.constants = Arrays(room)
        self.areas: dict[str, tuple[int, np.ndarray]] = {}
        entry = directory[loops.WIDTH * number :]
        entry[loops.CODES], entry[loops.PARAMS], entry[loops.COUNT] = codes_at, self.params_at, len(kernels)
        entry[loops.STRIDE], entry[loops.STATE] = self.width, self.slots_at

    def area(self, name: str, shape: tuple[int, ...], dtype: Any) -> np.ndarray:
        """Find room for an array as large as the data, where the last one of this name was if that is large enough."""
        needed = math.prod(shape) * np.dtype(dtype).itemsize
        if name not in self.areas or self.areas[name][1].nbytes < needed:
            self.areas[name] = self.room.place((needed,), np.uint8)
        return self.areas[name][1][:needed].view(dtype).reshape(shape)

    def at(self, name: str) -> int:
        """The address of an area; 0 where there is none."""
        return self.areas[name][0] if name in self.areas else 0

    def write_parameters(self) -> None:
        """Write every operand's address, and the numbers, where kernels read them."""
        for k, kernel in enumerate(self.engine.kernels):
            if kernel is not None:
                row = [x for v in kernel.operands for x in (*self.place(v), 0)] + kernel.numbers
                self.params[k, : len(row)] = row

    def place(self, v: Value | codegen.Outside | None) -> tuple[int, int]:
        """Find a value's address, and its bytes from row to row of the batch."""
        if v is None:
            return 0, 0
        if isinstance(v, codegen.Outside):
            return (self.work_at if v.name == "work" else self.at(v.name)), 0
        if v.array is not None:
            return self.constants.address(v.array), 0
        if v.home in self.own:
            return self.own[v.home][0] + v.at * v.dtype.itemsize, 0
        if v.home:
            return self.state.address(self.engine.state.array(v)), 0
        return self.memory_at + self.engine.plan.offsets[id(v)], v.width * v.dtype.itemsize if v.rows else 0

    def begin(self, position: int, rows: int, t: int) -> None:
        """Write the state of the step before the first one."""
        e, row = self.engine, np.zeros(slots.WIDTH, np.int64)
        row[slots.T], row[slots.POSITION], row[slots.BATCH], row[slots.ROWS] = t, position, e.batch_size, rows
        row[slots.SEED], row[slots.SHARDS], row[slots.SHARED] = e.seed % 2**32, 1, self.shared_at
        row[slots.STEP], row[slots.RATE] = -1, codegen.as_bits(e.rate)
        row[slots.ORDER], row[slots.LOSSES], row[slots.RATES] = map(self.at, ("order", "losses", "rates"))
        self.slots[:] = row
        self.shared[:] = 0
