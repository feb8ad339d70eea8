"""Clocks between the instructions of real steps: each an instruction of its own, so that the loop, the caches and the
kernels are those of a step without them."""

from __future__ import annotations

import ctypes
import time
from typing import Any

import numpy as np

from ...program import not_finite
from . import slots

# A kernel. It calls the C library's clock_gettime(clock, place) by its address, and moves the place on.
CLOCK = """def k(p, s):
    clock = ints(p[0])
    call(clock[0], ints(clock[1]), ints(clock[2]))
    clock[2] += 16
"""


def clocked(engine: Any, where: int, steps: int, own: bool) -> np.ndarray:
    """Time every instruction in each of `steps` steps: one thread runs clock, instruction, clock, ..., instruction,
    clock, every shard in turn. where: the address of the clock's machine code. own: see Engine.clocked."""
    which, read = (time.CLOCK_THREAD_CPUTIME_ID, time.thread_time) if own else (
        time.CLOCK_MONOTONIC, time.perf_counter)
    codes, shards = len(engine.code), engine.threads
    addresses = np.full(2 * codes + 1, where, np.int64)
    params = np.zeros((2 * codes + 1, max(engine._width, 1)), np.int64)
    addresses[1::2], params[1::2] = engine._addresses, engine._params
    function = ctypes.cast(ctypes.CDLL(None).clock_gettime, ctypes.c_void_p).value
    clock = np.array([function, which, 0], np.int64)
    params[::2, 0] = clock.ctypes.data

    def clocks(first: int, last: int, times: int) -> np.ndarray:
        """Run codes first to last `times` times; give the clock in seconds, (times, last - first + 1, shards)."""
        marks = np.zeros((times, last - first + 1, shards, 2), np.int64)
        clock[2] = marks.ctypes.data
        fences = np.arange(2 * first, 2 * last + 2)  # all shards of one code, then those of the next one
        control = np.array([addresses.ctypes.data, params.ctypes.data, times, fences.ctypes.data, len(fences) - 1,
                            params.shape[1], shards, slots.WIDTH], np.int64)
        engine._shared[slots.DONE] = 0
        engine._shared[slots.PIECES :] = 0
        engine._run(control.ctypes.data, engine._states.ctypes.data)
        if engine._shared[slots.STOP]:
            raise not_finite()
        return marks[..., 0] - marks[0, 0, 0, 0] + 1e-9 * marks[..., 1]

    def stretch(fences: list[int], native: bool, times: int = 1) -> np.ndarray:
        """Time each code, without what the clock itself takes (`cost`): seconds, (times, codes)."""
        if native:
            marks = clocks(fences[0], fences[-1], times)
            return np.maximum(marks[:, 1:, 0] - marks[:, :-1, -1] - cost, 0)
        began = read()
        engine._by_python(fences[0])
        return np.array([[read() - began]])

    cost = np.median(np.diff(clocks(0, 0, 1000).ravel()))
    if engine.compiled:
        return stretch([0, codes], True, steps)
    rows = [np.concatenate([stretch(s.fences, s.native) for s in engine._stretches], axis=1) for _ in range(steps)]
    return np.concatenate(rows)
