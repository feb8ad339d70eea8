"""Memories of modules: one that wasmtime runs in this process, and one that is written down."""

from __future__ import annotations

import atexit
import ctypes
import math
from functools import cache
from typing import Any

import numpy as np

from ...errors import ResourceError
from ...extras import needed
from ...text import size
from . import binary, loops

LINE = 64  # bytes; every array starts on a cache line
FIRST = binary.STACK[1]
MOST = 65536  # pages that a 32-bit address can name


def runtime() -> Any:
    """Import wasmtime. Raises ArgumentError where it is not installed."""
    return needed("wasmtime", "wasm", "the engine 'wasm'")


@atexit.register
def _let_go() -> None:
    """Free what wasmtime holds while it still can: at the end of a process its own functions are gone first."""
    _compiled.cache_clear()
    _engine.cache_clear()


@cache
def _engine() -> Any:
    config = runtime().Config()
    config.memory_may_move = False  # arrays here are views of it
    return runtime().Engine(config)


@cache
def _compiled(content: bytes) -> Any:
    return runtime().Module(_engine(), content)


class _Next:
    """Gives addresses one after the other."""

    def __init__(self) -> None:
        self.top = FIRST

    def take(self, nbytes: int) -> int:
        at = -(-self.top // LINE) * LINE
        self.top = at + nbytes
        if self.top > MOST * binary.PAGE:
            raise ResourceError(f"a WebAssembly module has 4 GiB of memory, and {size(self.top, binary=True)} are "
                                "needed: give fewer rows at a time")
        return at


class Image(_Next):
    """A memory as it is written down: the arrays that lie in it."""

    def __init__(self) -> None:
        super().__init__()
        self.arrays: list[tuple[int, np.ndarray]] = []
        self.directory = np.zeros(loops.WIDTH * loops.PROGRAMS, np.int64)
        self.arrays.append((loops.DIRECTORY, self.directory))

    def place(self, shape: tuple[int, ...], dtype: Any) -> tuple[int, np.ndarray]:
        array = np.zeros(shape, dtype)
        at = self.take(array.nbytes)
        self.arrays.append((at, array))
        return at, array

    @property
    def pages(self) -> int:
        return -(-self.top // binary.PAGE)

    def stretches(self) -> list[tuple[int, bytes]]:
        """What is not zero: (address, bytes)."""
        return [(at, a.astype(a.dtype.newbyteorder("<"), copy=False).tobytes()) for at, a in self.arrays if a.any()]


class Running(_Next):
    """The memory of a module that wasmtime runs; arrays placed in it are views, and keep it alive."""

    def __init__(self, module: binary.WasmModule) -> None:
        super().__init__()
        wasmtime = runtime()
        self.store = wasmtime.Store(_engine())
        instance = wasmtime.Instance(self.store, _compiled(module.bytes(1 + FIRST // binary.PAGE)), [])
        exports = instance.exports(self.store)
        self.memory, self._run, self._one = exports["memory"], exports["run"], exports["one"]
        self.directory = self._view(loops.DIRECTORY, (loops.WIDTH * loops.PROGRAMS,), np.int64)

    def place(self, shape: tuple[int, ...], dtype: Any) -> tuple[int, np.ndarray]:
        nbytes = math.prod(shape) * np.dtype(dtype).itemsize
        at = self.take(nbytes)
        lacking = -(-self.top // binary.PAGE) - self.memory.size(self.store)
        if lacking > 0:
            self.memory.grow(self.store, lacking)
        return at, self._view(at, shape, dtype)

    def _view(self, at: int, shape: tuple[int, ...], dtype: Any) -> np.ndarray:
        nbytes = math.prod(shape) * np.dtype(dtype).itemsize
        if not nbytes:
            return np.zeros(shape, dtype)
        base = ctypes.addressof(self.memory.data_ptr(self.store).contents)
        buffer = (ctypes.c_ubyte * nbytes).from_address(base + at)
        vars(buffer)["keeps"] = self.store
        return np.frombuffer(buffer, dtype).reshape(shape)

    def run(self, program: int, steps: int) -> int:
        return self._run(self.store, program, steps)

    def one(self, program: int, i: int) -> None:
        self._one(self.store, program, i)
