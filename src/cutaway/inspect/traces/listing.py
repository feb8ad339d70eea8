"""A trace as text: the listing of its program, with a digest of what every instruction wrote."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ...text import columns, listed
from .record import Record

HEAD = ("#", "phase", "instruction", "writes", "shape", "min", "mean", "max", "formula")
RIGHT = (0, 5, 6, 7)  # columns of numbers


def listing(trace: Record) -> str:
    """Write each instruction with what it wrote, then the update's size, and what was left out."""
    head, rows = cells(trace)
    return "\n".join([title(trace), "", *columns([head, *rows], RIGHT, 34), "", *below(trace)])


def cells(trace: Record) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    """Make the names of the columns, and a row for each value that an instruction wrote."""
    rows: list[tuple[str, ...]] = []
    for i in trace.instructions:
        first = (str(i.number), i.phase, i.title)
        formula = i.formula
        for name in i.written or ("",):
            rows.append((*first, *_written(i, name), formula))
            first, formula = ("", "", ""), ""
    return HEAD, rows


def below(trace: Record) -> list[str]:
    """Write the lines under the table: how far the update went, what was left out, and how a replay differs."""
    return [*_update(trace), *_left_out(trace), *filter(None, [trace.note])]


def title(trace: Record) -> str:
    """Write the title: step 3 (epoch 1): J = 0.693, batch of 32, AdamW(...), lr 0.001."""
    a = trace.about
    epoch = f" (epoch {a.epoch})" if a.epoch else ""
    rate = "" if f"lr={a.lr!r}" in a.optimizer else f", lr now {a.lr:.4g}"
    J = f"J = {trace.J:.6g}" if "J" in trace else "J not computed yet"
    return f"step {a.step}{epoch}: {J}, batch of {len(a.rows):,}, {a.optimizer}{rate}"


def digest(array: np.ndarray) -> tuple[str, str, str]:
    """Say the smallest, mean, and largest number, and how many are not finite, if any."""
    if not array.size:
        return "", "", ""
    good = array[np.isfinite(array)]
    if good.size < array.size:
        return "", f"{array.size - good.size:,} not finite", ""
    return f"{good.min():.4g}", f"{good.mean(dtype=np.float64):.4g}", f"{good.max():.4g}"


def _written(i, name: str) -> tuple[str, ...]:
    if not name:
        return "", "", "", "", ""
    v = i.trace.facts[name]
    array = i.writes.get(name)
    shape = v.shape if array is None else array.shape
    shown = "(" + ", ".join(map(str, shape)) + ("," if len(shape) == 1 else "") + ")"
    return (v.symbol, shown, *(("", "left out", "") if array is None else digest(array)))


def _update(trace: Record) -> list[str]:
    if not trace.about.finite:
        return ["J or a gradient is not finite: the update did not take place"]
    if not trace.keeps("θ") or not trace.keeps("g") or trace.instructions[-1].phase != "update":
        return []
    u = trace.update("θ")
    sizes = [np.linalg.norm(a.astype(np.float64)) for a in (trace["g"], u.change, u.before)]
    share = f" ({sizes[1] / sizes[2]:.2g} of them)" if sizes[2] else ""
    return [f"‖g‖ = {sizes[0]:.4g}; the update moved the weights, ‖θ‖ = {sizes[2]:.4g}, by {sizes[1]:.4g}{share}"]


def _left_out(trace: Record) -> list[str]:
    if not trace.left_out:
        return []
    shown = listed(trace.left_out, 6, 80)
    return [f"left out: {shown} ({sum(trace.left_out.values()) / 2**20:,.1f} MiB); keep=[...] chooses by name"]


def of_steps(traces: Sequence[Record]) -> str:
    """Write a line for each of several steps."""
    rows: list[tuple[str, ...]] = [("step", "epoch", "rows", "J", "‖g‖", "‖Δθ‖")]
    for t in traces:
        a, sizes = t.about, ["", ""]
        if t.keeps("θ") and t.keeps("g"):
            sizes = [f"{np.linalg.norm(v):.4g}" for v in (t["g"], t.update("θ").change)]
        rows.append((str(a.step), str(a.epoch or ""), f"{len(a.rows):,}", f"{t.J:.6g}", *sizes))
    return "\n".join(columns(rows, range(6)))
