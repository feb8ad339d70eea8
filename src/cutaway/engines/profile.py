"""Where a step's time goes: every instruction timed by itself."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import ArgumentError
from ..program import Instruction, short

if TYPE_CHECKING:
    from .compile import Program


@dataclass
class Profile:
    """Microseconds of each instruction in a step, and its floating-point operations where it is a product."""

    titles: list[str]
    microseconds: np.ndarray
    operations: np.ndarray

    def __str__(self) -> str:
        total = self.microseconds.sum()
        lines = [f"{'#':>3}  {'instruction':34}{'µs':>10}{'share':>8}{'GFLOP/s':>10}"]
        for i, (title, us, work) in enumerate(zip(self.titles, self.microseconds, self.operations, strict=True)):
            speed = f"{work / us / 1e3:10.1f}" if work and us else ""
            lines.append(f"{i:3d}  {title:34}{us:10.2f}{us / total:8.1%}{speed}")
        products = self.microseconds[self.operations > 0].sum()
        lines.append(f"     {'a step':34}{total:10.2f}   of which matrix products {products / total:.0%}")
        return "\n".join(lines)


def profile(program: Program, steps: int) -> Profile:
    """Run `steps` steps one instruction at a time; the median of each, less what an empty call costs."""
    engine = program.engine
    if not engine.rows:
        raise ArgumentError("profile needs data: call program.feed(X, y) first")
    kept = [(a, a.copy()) for a in _changing(program)]
    t = engine.t
    times = np.zeros((steps, len(engine.instructions)))
    for k in range(steps):
        engine.begin(None, 0, 1)
        for i in range(len(engine.instructions)):
            begin = time.perf_counter()
            engine.one(i)
            times[k, i] = time.perf_counter() - begin
    for array, before in kept:
        array[...] = before
    engine.t = t
    overhead = min(times.min(axis=0))
    micro = np.maximum(np.median(times, axis=0) - overhead, 0) * 1e6
    batch = min(engine.batch_size, engine.rows)
    titles = [f"{i.title} {short(i.written[0]) if i.written else ''}".strip() for i in engine.instructions]
    return Profile(titles, micro, np.array([_operations(i, batch) for i in engine.instructions], float))


def _changing(program: Program) -> list[np.ndarray]:
    """Everything outside the program's memory that a step changes."""
    state = [a for a in program.state.values() if isinstance(a, np.ndarray)]
    return [program.model.theta, *state, *(b.data for _, b in program.model.named_buffers())]


def _operations(i: Instruction, batch: int) -> float:
    """Multiplications and additions of a layer's matrix products."""
    if i.op != "linear":
        return 0.0
    v: dict[str, Any] = i.operands()
    rows = batch * v["x"].width / v["W"].shape[1]
    products = sum(v.get(name) is not None for name in ("dx", "dW")) if i.backward else 1
    return 2.0 * rows * v["W"].width * products
