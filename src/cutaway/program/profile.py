"""Where a step's time goes: real steps, with a clock between each two instructions."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from .. import text
from ..arguments import whole_number
from ..errors import ArgumentError
from ..rules import facts
from ..shown import Shown, Table, Words
from .engine import Engine
from .instruction import Instruction, Value
from .listing import short, title

SECONDS = 0.2  # of steps that are profiled where their number is not given
WIDTH = 100  # characters of the printed table
WIDTHS = (8, 14, 16, 18)  # of its first columns of words, at most
TICK = 0.02  # microseconds: shorter instructions are too fast for the clock
STRETCH = 0.01  # seconds of steps with clocks, in turn with as many without
LONG = 0.001  # seconds: longer steps are timed by the thread's own clock: slow to read, but not disturbed by others


@dataclass(repr=False)
class Profile(Shown):
    """Where a training step's time goes; one entry an instruction, in the program's order.

    phase, layer, instruction, writes: as in the program's listing. microseconds: the median over the steps.
    operations: multiplications and additions in matrix products (linear, convolution, recurrent scans; 0 elsewhere).
    bytes: what the others read and write, each number counted once. step: microseconds of a step without clocks, on
    `threads` threads. note: what else must be known of the times, "" where nothing is. `print` it, or take
    `to_pandas()`.
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
    note: str = ""

    @property
    def share(self) -> np.ndarray:
        """The share of the whole step, from 0 to 1."""
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
        """Make a table with a row for each instruction."""
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
                f"a step without clocks: {self.step:,.2f} µs{how if self.threads > 1 else ''}",
                *filter(None, [self.note])]


def _speed(work: np.ndarray, microseconds: np.ndarray) -> np.ndarray:
    out = np.full(len(work), np.nan)
    return np.divide(work, microseconds * 1e3, out=out, where=(work > 0) & (microseconds > TICK))


def _cell(speed: float) -> str:
    return "" if np.isnan(speed) else f"{speed:.1f}"


def profile(engine: Engine, steps: int | None) -> Profile:
    """Time every instruction of real steps on the rows last fed; then put weights and state back.

    The steps are shuffled batches of full size, as in training.
    """
    if not engine.rows:
        raise ArgumentError("profile needs data: call program.feed(X, y) first")
    steps = None if steps is None else whole_number("steps", steps, instead=", or None for 0.2 s of them")
    kept = engine.state.copy()
    try:
        with np.errstate(all="ignore"):  # the step is timed, whatever its numbers are
            times, step = _measure(engine, steps)
    finally:
        engine.state.put(kept)
    every, batch = engine.instructions, engine.batch_size
    return Profile(
        [i.phase for i in every], [i.layer for i in every], [title(i) for i in every],
        [" ".join(short(v) for v in i.written) for i in every], np.median(times, axis=0) * 1e6,
        np.array([operations(i, batch) for i in every], float),
        np.array([0 if operations(i, batch) else traffic(i, batch, engine.copies) for i in every], float),
        step * 1e6, engine.threads, "" if engine.exact else _WHOLE.format(engine.name),
    )


_WHOLE = "the engine {} runs a step as a whole: the times above are of single instructions, each by its rule in NumPy"


# ---- measuring -------------------------------------------------------------------------------------------------------


def _measure(engine: Engine, steps: int | None) -> tuple[np.ndarray, float]:
    """Measure the seconds of every instruction in each step with clocks, and of a step without."""
    first = _run(engine, 3)  # wakes caches and memory
    if steps is None:
        steps = int(np.clip(SECONDS / first, 5, 5000))
    each = int(np.clip(STRETCH / first, 1, steps))
    times, plain = [], []
    for _ in range(-(-steps // each)):
        _order(engine, each)
        times.append(engine.clocked(each, own=first > LONG))
        plain.append(_run(engine, each))
    return np.concatenate(times), float(np.median(plain))


def _order(engine: Engine, steps: int) -> np.ndarray:
    """Shuffle rows for `steps` full batches, and make the engine ready to run them."""
    order = np.resize(np.random.default_rng(0).permutation(engine.rows), steps * engine.batch_size)
    engine.begin(order, 0, steps)
    return order


def _run(engine: Engine, steps: int) -> float:
    """Measure the seconds that `run` takes for a step: on one thread its processor time, untouched by other work.

    An engine that is not exact may work in threads, or on a device, of its own.
    """
    order = _order(engine, steps)
    clock = time.thread_time if engine.threads == 1 and engine.exact else time.perf_counter
    began = clock()
    engine.run(order, 0, steps)
    seconds = clock() - began
    if not engine.finite:
        raise not_finite()
    return seconds / steps


def not_finite() -> ArgumentError:
    """The error of a profile whose steps break off."""
    return ArgumentError(
        "the loss or a gradient of the steps to profile is not finite: check the data, or lower the learning rate"
    )


# ---- how much work an instruction is -------------------------------------------------------------------------------


def operations(i: Instruction, batch: int) -> int:
    """Count the multiplications and additions in an instruction's matrix products, as its kernel does them."""
    rule = facts(i.op)
    if rule.products is None:
        return 0
    v: dict[str, Any] = i.operands()
    if not rule.sums:  # each number is a sum over a unit's row of W, or over the first factor's last axis
        count = sum(v.get(f"d{name}") is not None for name in rule.products) if i.backward else 1
        z = v["d" * i.backward + rule.outputs[0]]
        row = v["W"].shape[1:] if rule.units else v[rule.products[0]].shape_at(batch)[-1:]
        return 2 * math.prod(z.shape_at(batch)) * math.prod(row) * count
    W, n = v["W"], batch
    time, from_h0 = v["y"].shape[0], v["h0"] is not None
    steps = n * (time - 1 + from_h0)  # the first step's state is zero unless h0 is given
    if i.backward:
        back = n * (time - 1 + (v["dh0"] is not None))
        steps = back + (n * time - 1 + n * from_h0 if v["dW"] is not None else 0)
    return 2 * steps * W.width


def traffic(i: Instruction, batch: int, copies: Callable[[Value], int] = lambda v: 1) -> int:
    """The bytes that an instruction reads and writes, each number counted once for either. copies: how many copies of
    a value there are."""
    values = [*i.reads, *i.written]
    if i.op in ("gather", "store"):
        values *= 2  # the data's side, or the outputs', is as large
    elif (picks := facts(i.op).picks) and picks[1] == "W" and not i.backward:
        values = [i.reads[0], *i.written * 2]  # of its table it reads the rows it writes
    total = sum(math.prod(v.shape_at(batch)) * v.dtype.itemsize * copies(v) for v in values)
    if "lo" in i.attributes:  # a stretch of θ
        return total * (i.attributes["hi"] - i.attributes["lo"]) // i.written[0].width
    return total
