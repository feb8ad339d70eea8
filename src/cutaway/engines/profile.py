"""Where a step's time goes: real steps, with a clock between each two instructions."""

from __future__ import annotations

import ctypes
import math
import time
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

import numpy as np

from .. import text
from ..arguments import whole_number
from ..errors import ArgumentError
from ..program import Instruction, short, title
from ..rules import facts
from ..shown import Shown, Table, Words
from .cpu import slots
from .cpu.codegen import Kernel
from .cpu.engine import CPU, address
from .reference.engine import Reference

SECONDS = 0.2  # of steps that a profile looks at where it is not told how many
WIDTH = 100  # characters of the printed table
WIDTHS = (8, 14, 16, 18)  # of its first columns of words, at most
TICK = 0.02  # microseconds: of shorter instructions the clock says nothing
STRETCH = 0.01  # seconds of steps with clocks, in turn with as many without
LONG = 0.001  # seconds: in longer steps the clock is the thread's own time, dearer to read but deaf to other work


@dataclass(repr=False)
class Profile(Shown):
    """Where a training step's time goes; one entry an instruction, in the program's order.

    phase, layer, instruction, writes: as in the program's listing. microseconds: the median over the steps.
    operations: multiplications and additions in matrix products (linear, convolution, recurrent scans; 0 elsewhere).
    bytes: what the others read and write, each number counted once. step: microseconds of a step without clocks, on
    `threads` threads. `print` it, or take `to_pandas()`.
    """

    phase: list[str]
    layer: list[str]
    instruction: list[str]
    writes: list[str]
    microseconds: np.ndarray
    operations: np.ndarray
    bytes: np.ndarray
    step: float
    threads: int

    @property
    def share(self) -> np.ndarray:
        """Of the whole step, from 0 to 1."""
        return self.microseconds / self.microseconds.sum()

    @property
    def gflops(self) -> np.ndarray:
        """Billions of operations a second; NaN for instructions without products."""
        return _speed(self.operations, self.microseconds)

    @property
    def gigabytes(self) -> np.ndarray:
        """Gigabytes read and written a second; NaN for instructions with products."""
        return _speed(self.bytes, self.microseconds)

    def to_pandas(self) -> Any:
        """A table with a row an instruction."""
        import pandas as pd

        return pd.DataFrame({
            "phase": self.phase, "layer": self.layer, "instruction": self.instruction, "writes": self.writes,
            "microseconds": self.microseconds, "share": self.share, "gflops": self.gflops,
            "gigabytes": self.gigabytes,
        })

    def _in_notebook(self) -> Any:
        head = ("#", "phase", "layer", "instruction", "writes", "µs", "share", "GFLOP/s", "GB/s", "")
        rows = [(str(k), self.phase[k], self.layer[k], self.instruction[k], self.writes[k],
                 f"{self.microseconds[k]:,.2f}", f"{self.share[k]:.1%}", _cell(self.gflops[k]),
                 _cell(self.gigabytes[k]), "█" * round(20 * self.share[k] / self.share.max()))
                for k in range(len(self.phase))]
        yield Table(head, rows, (0, 5, 6, 7, 8))
        yield Words("\n".join(self._totals()))

    def __repr__(self) -> str:
        return f"Profile({len(self.phase)} instructions, a step of {self.step:,.2f} µs)"

    def __str__(self) -> str:
        total = self.microseconds.sum()
        names = zip(self.phase, self.layer, self.instruction, self.writes, strict=True)
        speeds = zip(self.microseconds, self.share, self.gflops, self.gigabytes, strict=True)
        rows = [("#", "phase", "layer", "instruction", "writes", "µs", "share", "GFLOP/s", "GB/s"),
                *((str(k), *map(text.short, words, WIDTHS), f"{us:,.2f}", f"{share:.1%}", _cell(f), _cell(b))
                  for k, (words, (us, share, f, b)) in enumerate(zip(names, speeds, strict=True))),
                ("", "", "", "sum", "", f"{total:,.2f}")]
        lines = text.columns(rows, (0, 5, 6, 7, 8))
        wide = len(lines[0])
        bars = ["█" * round((WIDTH - wide - 2) * share / self.share.max()) for share in self.share]
        lines = [f"{line:<{wide}}  {bar}".rstrip() for line, bar in zip(lines, ["", *bars, ""], strict=True)]
        return "\n".join([*lines, *self._totals()])

    def _totals(self) -> list[str]:
        """The lines under the table: what products take, and a step without clocks."""
        total, products = self.microseconds.sum(), self.operations > 0
        in_products = self.microseconds[products].sum()
        speed = f", at {self.operations.sum() / in_products / 1e3:.1f} GFLOP/s" if in_products else ""
        how = f" on {self.threads} threads; the sum is that of one thread doing every thread's part in turn"
        return [f"matrix products: {in_products / total:.0%} of the sum{speed}",
                f"a step without clocks: {self.step:,.2f} µs{how if self.threads > 1 else ''}"]


def _speed(work: np.ndarray, microseconds: np.ndarray) -> np.ndarray:
    out = np.full(len(work), np.nan)
    return np.divide(work, microseconds * 1e3, out=out, where=(work > 0) & (microseconds > TICK))


def _cell(speed: float) -> str:
    return "" if np.isnan(speed) else f"{speed:.1f}"


def profile(program: Any, steps: int | None) -> Profile:
    """Time every instruction of a `Program`, of real steps on the rows last fed; then put weights and state back.

    The steps are shuffled batches of full size, as in training. On the CPU engine the clock is an instruction of its
    own that stands between the others, so that the loop, the caches and the kernels are those of a real step.
    """
    engine: Any = program.engine
    if not engine.rows:
        raise ArgumentError("profile needs data: call program.feed(X, y) first")
    steps = None if steps is None else whole_number("steps", steps, instead=", or None for 0.2 s of them")
    if engine.optimizer is not None:
        program.follow()
    kept, outputs = program.state.copy(), engine.outputs
    try:
        with np.errstate(all="ignore"):  # the step is timed, whatever its numbers are
            times, step = _measure(engine, steps)
    finally:
        program.state.put(kept)
        engine.outputs, engine.order = outputs, None
        engine.feed(engine.data)
    every, batch = engine.instructions, engine.batch_size
    return Profile(
        [i.phase for i in every], [i.layer for i in every], [title(i) for i in every],
        [" ".join(short(v) for v in i.written) for i in every], np.median(times, axis=0) * 1e6,
        np.array([operations(i, batch) for i in every], float),
        np.array([0 if operations(i, batch) else traffic(i, batch, engine.threads, engine.copied)
                  for i in every], float),
        step * 1e6, engine.threads,
    )


# ---- measuring -------------------------------------------------------------------------------------------------------


def _measure(engine: Reference, steps: int | None) -> tuple[np.ndarray, float]:
    """Seconds of every instruction in each step with clocks, and of a step without."""
    first = _run(engine, 3)  # wakes caches and memory
    if steps is None:
        steps = int(np.clip(SECONDS / first, 5, 5000))
    each = int(np.clip(STRETCH / first, 1, steps))
    times, plain = [], []
    for _ in range(-(-steps // each)):
        _order(engine, each)
        times.append(_native_steps(engine, each, first > LONG) if isinstance(engine, CPU)
                     else _python_steps(engine, each))
        plain.append(_run(engine, each))
    return np.concatenate(times), float(np.median(plain))


def _order(engine: Reference, steps: int) -> np.ndarray:
    """Shuffled rows for so many full batches; an evaluation puts its outputs where the rows stand in the order."""
    order = np.resize(np.random.default_rng(0).permutation(engine.rows), steps * engine.batch_size)
    out = engine.listing.output
    if engine.optimizer is None:
        engine.outputs = np.empty(out.shape_at(len(order)), out.dtype)
        engine.feed(engine.data)
    engine.begin(order, 0, steps)
    return order


def _run(engine: Reference, steps: int) -> float:
    """Seconds a step, as `run` does them: on one thread its processor time, which other work does not stretch."""
    order = _order(engine, steps)
    clock = time.thread_time if engine.threads == 1 else time.perf_counter
    began = clock()
    engine.run(order, 0, steps)
    seconds = clock() - began
    if not engine.finite:
        _not_finite()
    return seconds / steps


def _python_steps(engine: Reference, steps: int) -> np.ndarray:
    marks = np.empty((steps, len(engine.instructions) + 1))
    for k in range(steps):
        marks[k, 0] = time.perf_counter()
        for i in range(len(engine.instructions)):
            engine.one(i)
            marks[k, i + 1] = time.perf_counter()
    return np.diff(marks, axis=1)


# A kernel. It calls the C library's clock_gettime(clock, place) by its address, and moves the place on.
CLOCK = """def k(p, s):
    clock = ints(p[0])
    call(clock[0], ints(clock[1]), ints(clock[2]))
    clock[2] += 16
"""


def _native_steps(engine: CPU, steps: int, long: bool) -> np.ndarray:
    """Clock, instruction, clock, ..., instruction, clock: one thread runs them, every shard in turn."""
    which, read = (time.CLOCK_THREAD_CPUTIME_ID, time.thread_time) if long else (
        time.CLOCK_MONOTONIC, time.perf_counter)
    codes, shards = len(engine.code), engine.threads
    addresses = np.full(2 * codes + 1, address(Kernel("clock", CLOCK, [], []), np.dtype(np.float32)), np.int64)
    params = np.zeros((2 * codes + 1, max(engine._width, 1)), np.int64)
    addresses[1::2], params[1::2] = engine._addresses, engine._params
    function = ctypes.cast(ctypes.CDLL(None).clock_gettime, ctypes.c_void_p).value
    clock = np.array([function, which, 0], np.int64)
    params[::2, 0] = clock.ctypes.data
    engine._states[:, slots.SERIAL] = 1

    def clocks(first: int, last: int, times: int) -> np.ndarray:
        """Run codes first to last so many times: (times, last - first + 1, shards), seconds on the clock."""
        marks = np.zeros((times, last - first + 1, shards, 2), np.int64)
        clock[2] = marks.ctypes.data
        control = np.array([addresses.ctypes.data, params.ctypes.data, times, 2 * first, 2 * last + 1,
                            params.shape[1], shards, slots.WIDTH], np.int64)
        engine._run(control.ctypes.data, engine._states.ctypes.data)
        if engine._shared[slots.STOP]:
            _not_finite()
        return marks[..., 0] - marks[0, 0, 0, 0] + 1e-9 * marks[..., 1]

    def stretch(first: int, last: int, machine: bool, times: int = 1) -> np.ndarray:
        """(times, codes): seconds of each; `cost` is the clock's own."""
        if machine:
            marks = clocks(first, last, times)
            return np.maximum(marks[:, 1:, 0] - marks[:, :-1, -1] - cost, 0)
        began = read()
        engine._by_python(first)
        return np.array([[read() - began]])

    cost = np.median(np.diff(clocks(0, 0, 1000).ravel()))
    if engine.compiled:
        return stretch(0, codes, True, steps)[:, engine._where]
    rows = [np.concatenate([stretch(*part) for part in engine._stretches], axis=1) for _ in range(steps)]
    return np.concatenate(rows)[:, engine._where]


def _not_finite() -> None:
    raise ArgumentError(
        "the loss or a gradient of the steps to profile is not finite: check the data, or lower the learning rate"
    )


# ---- how much work an instruction is -------------------------------------------------------------------------------


def operations(i: Instruction, batch: int) -> int:
    """Multiplications and additions in its matrix products, as its kernel does them."""
    rule = facts(i.op)
    if rule.products is None:
        return 0
    v: dict[str, Any] = i.operands()
    if not rule.sums:  # each number is a sum over a row of W, or over u's last axis
        made = sum(v.get(f"d{name}") is not None for name in rule.products) if i.backward else 1
        z = v["d" * i.backward + rule.outputs[0]]
        row = v["W"].shape[1:] if "W" in v else v[rule.products[0]].shape_at(batch)[-1:]
        return 2 * math.prod(z.shape_at(batch)) * math.prod(row) * made
    W, n = v["W"], batch
    time, from_h0 = v["y"].shape[0], v["h0"] is not None
    steps = n * (time - 1 + from_h0)  # the first step's state is zero unless h0 is given
    if i.backward:
        back = n * (time - 1 + (v["dh0"] is not None))
        steps = back + (n * time - 1 + n * from_h0 if v["dW"] is not None else 0)
    return 2 * steps * W.width


def traffic(i: Instruction, batch: int, threads: int, copied: Collection[int] = ()) -> int:
    """The bytes that an instruction reads and writes, each number counted once for either. copied: ids of the values
    of which each thread has a copy."""
    values = [*i.reads, *i.written]
    if i.op in ("gather", "store"):
        values *= 2  # the data's side, or the outputs', is as large
    elif (picks := facts(i.op).picks) and picks[1] == "W" and not i.backward:
        values = [i.reads[0], *i.written * 2]  # of its table it reads the rows it writes
    total = sum(math.prod(v.shape_at(batch)) * v.dtype.itemsize * (threads if id(v) in copied else 1) for v in values)
    if "lo" in i.attributes:  # a stretch of θ
        return total * (i.attributes["hi"] - i.attributes["lo"]) // i.written[0].width
    return total
