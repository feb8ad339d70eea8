"""Kernels that move numbers: index, transpose, concat, reshape, real. NumPy says from where to where.

Each operation is one part of an array, or several, beside an array that holds them: what is picked, or what was joined.
NumPy picks the part out of an array of that shape, for batches of a few sizes; where it has made a view, the view's
strides are the loops', and where it has copied (indexing by arrays), the places become a table.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...program import Instruction, Rows, Value, constant
from ..plan import Plan
from .loops import Loops, Space, View, dense

BATCHES = (2, 3, 4, 1)  # what holds for these holds for all: places are linear in the number of samples
FAR = 2**31 - 1
Pick = Callable[[np.ndarray, int], np.ndarray]


@dataclass(frozen=True)
class Picked:
    """Says where the numbers of a part lie in the whole: both as views of one space. once: none of them twice."""

    space: Space
    own: View
    within: View
    table: np.ndarray | None
    once: bool


Written = tuple[Loops, dict[str, Value]]


def write(i: Instruction, plan: Plan) -> Written | None:
    """Write the loops of an instruction that moves numbers, with their operands by name; None where there are none."""
    operands = i.operands()
    if i.op == "concat":
        return _joined(i, operands)
    x, y = (operands.get("x_shape") or operands.get("dx"), operands["dy"]) if i.backward else (
        operands["x"], operands["y"])
    if x is None or y is None:
        return None
    x = as_int32(x)
    if i.op != "real" and x.dtype != y.dtype:
        return None
    if i.op in ("reshape", "real"):
        if (x.width, bool(x.rows)) != (y.width, bool(y.rows)):
            return None
        if i.op == "reshape" and plan.shares(*i.reads[:1], *i.written):
            return Loops(), {}  # it is there already
        space = Space((x.width,), x.rows > 0)
        part = Picked(space, View((1,)), View((1,)), None, True)
    else:
        found = find(y, x, PICKS[i.op](i))
        if found is None:
            return None
        part = found
    loops = Loops(short=0) if i.op == "index" else Loops()
    if not i.backward:
        _move(loops, part, ("x", part.within), ("y", part.own), "F(x[{}])" if i.op == "real" else "x[{}]")
        return loops, {"x": x, "y": y} | _table("places", part)
    dx = operands["dx"]
    assert dx is not None
    _back(loops, part, dx, "places")
    return loops, {"dy": y, "dx": dx} | _table("places", part)


def _joined(i: Instruction, operands: dict[str, Value | None]) -> Written | None:
    y = operands["dy" if i.backward else "y"]
    parts = [v for name, v in operands.items() if name.startswith("x")]
    if y is None or any(v is None or v.dtype != y.dtype for v in parts):
        return None
    loops, values, joined = Loops(short=0), {"dy" if i.backward else "y": y}, [v for v in parts if v is not None]
    for k, v in enumerate(joined):
        name, found = f"dx{k + 1}" if i.backward else f"x{k + 1}", find(v, y, _side(i.attributes["axis"], joined, k))
        if found is None or found.table is not None:
            return None
        dx = operands.get(name)
        if dx is None:
            continue
        values[name] = dx
        here, there = (name, found.own), ("dy" if i.backward else "y", found.within)
        source, target = (there, here) if i.backward else (here, there)
        _move(loops, found, source, target, f"{source[0]}[{{}}]")
    return loops, values


def _move(loops: Loops, part: Picked, source: tuple[str, View], target: tuple[str, View], value: str) -> None:
    views = {"source": source[1], "target": target[1]}
    loops.nest(part.space, views, lambda at: [f"{target[0]}[{at['target']}] = {value.format(at['source'])}"])


def _back(loops: Loops, part: Picked, dx: Value, table: str) -> None:
    """Put gradients where their numbers came from; where one was taken several times, they add up in order."""
    every = Space.of(dx)
    if not (part.once and np.prod(part.space.sizes) == dx.width and part.space.batched == every.batched):
        loops.nest(every, {"dx": View(dense(every.sizes))}, lambda at: [f"dx[{at['dx']}] = F(0)"])
    how = "=" if part.once else "+="
    loops.nest(part.space, {"dy": part.own, "dx": part.within},
               lambda at: [f"dx[{at['dx']}] {how} dy[{at['dy']}]"])


def _table(name: str, part: Picked) -> dict[str, Value]:
    return {} if part.table is None else {name: constant(name, part.table)}


def as_int32(v: Value) -> Value:
    """Make a constant of truths or longer whole numbers one of int32, which kernels read; anything else stays."""
    a = v.array
    if a is None or a.dtype == np.int32 or a.dtype.kind not in "iub" or (a.size and np.abs(a).max() > FAR):
        return v
    return constant(v.name, a.astype(np.int32))


# ---- what is picked ------------------------------------------------------------------------------------------------


def _at(setting: Any, n: int) -> Any:
    if isinstance(setting, tuple):
        return tuple(_at(one, n) for one in setting)
    return setting.per_sample * n if isinstance(setting, Rows) else setting


def _picked(i: Instruction) -> Pick:
    return lambda whole, n: whole[_at(i.attributes["key"], n)]


def _permuted(i: Instruction) -> Pick:
    return lambda whole, n: np.transpose(whole, i.attributes["axes"])


PICKS: dict[str, Callable[[Instruction], Pick]] = {"index": _picked, "transpose": _permuted}


def _side(axis: int, parts: list[Value], k: int) -> Pick:
    """Pick part k out of all that stand side by side along an axis."""
    def pick(whole: np.ndarray, n: int) -> np.ndarray:
        sizes = [v.shape_at(n)[axis] for v in parts]
        return np.moveaxis(np.moveaxis(whole, axis, 0)[sum(sizes[:k]) : sum(sizes[: k + 1])], 0, axis)

    return pick


# ---- where it lies ---------------------------------------------------------------------------------------------------


def find(part: Value, whole: Value, pick: Pick) -> Picked | None:
    """Find where the numbers of a part lie in the whole; None where that is not alike for every sample and batch."""
    try:
        found = [_seen(whole.shape_at(n), pick, n) for n in BATCHES]
    except (IndexError, ValueError, TypeError, OverflowError, MemoryError):  # as its rule will say
        return None
    if any(shape != part.shape_at(n) for (shape, _), n in zip(found, BATCHES, strict=True)):
        return None
    if not part.width:
        return Picked(Space((0,)), View((0,)), View((0,)), None, True)
    places = [p for _, p in found]
    if all(isinstance(p, View) for p in places):
        return _strided(part, places)
    tables = [_looked_up(whole.shape_at(n), pick, n) for n in BATCHES]
    return _tabled(part, tables)


def _seen(shape: tuple[int, ...], pick: Pick, n: int) -> tuple[tuple[int, ...], View | None]:
    """Let NumPy pick out of an array that nobody touches: the shape, and where it lies if it is a view."""
    whole = np.empty(shape, np.int8)
    part = pick(whole, n)
    if np.ndim(part) == 0 or not np.may_share_memory(part, whole):
        return np.shape(part), None
    start = part.__array_interface__["data"][0] - whole.__array_interface__["data"][0]
    strides = tuple(0 if size == 1 else stride for size, stride in zip(part.shape, part.strides, strict=True))
    return part.shape, View(strides, start)


def _strided(part: Value, views: list[Any]) -> Picked | None:
    two, three, four, _ = views
    each, space = three.start - two.start, Space.of(part)
    starts = [two.start + (n - 2) * each for n in BATCHES]
    if starts != [v.start for v in views] or not two.strides == three.strides == four.strides:
        return None
    return Picked(space, View(dense(space.sizes)), View(two.strides, two.start - 2 * each, each), None, True)


def _looked_up(shape: tuple[int, ...], pick: Pick, n: int) -> np.ndarray:
    """Find the place of each number that NumPy picks: out of coordinates, axis by axis, which take no memory."""
    places: Any = 0
    for k, (size, stride) in enumerate(zip(shape, dense(shape), strict=True)):
        coordinate = np.arange(size).reshape(-1, *(1,) * (len(shape) - k - 1))
        places = places + stride * np.asarray(pick(np.broadcast_to(coordinate, shape), n))
    return np.asarray(places)


def _tabled(part: Value, tables: list[np.ndarray]) -> Picked | None:
    rows, own = part.rows, (part.rows, *part.shape) if part.rows else part.shape
    each = [table.reshape(n if rows else 1, *own) for table, n in zip(tables, BATCHES, strict=True)]
    first = each[0][0]
    step = int((each[0][1] - first).flat[0]) if rows else 0
    more = int((each[1][0] - first).flat[0])
    for table, n in zip(each, BATCHES, strict=True):
        ahead = step * np.arange(len(table)).reshape(-1, *(1,) * len(own))
        if not np.array_equal(table, first + ahead + (n - 2) * more):
            return None
    largest = each[2].max()
    if largest > FAR:
        return None
    once = np.unique(each[2]).size == each[2].size
    strides, left = _straight(first)
    before, middle, after = left
    start, lookup = int(first.flat[0]), None
    sizes, along = [*own[:before], *own[after:]], [*strides[:before], *strides[after:]]
    out = dense(own)
    written = [*out[:before], *out[after:]]
    if after > before:
        start, lookup = 0, middle.ravel().astype(np.int32)
        sizes.insert(before, lookup.size)
        along.insert(before, 0)
        written.insert(before, out[after - 1])
    if rows:
        sizes, along, written = [1, *sizes], [step, *along], [int(np.prod(own)), *written]
    places = None if lookup is None else (before + (rows > 0), "places")
    within = View(tuple(along), start - 2 * more, more, places)
    return Picked(Space(tuple(sizes), rows > 0), View(tuple(written)), within, lookup, once)


def _straight(table: np.ndarray) -> tuple[list[int], tuple[int, np.ndarray, int]]:
    """Find the strides of the first and the last axes along which a table of places goes in even steps.

    And what is between: the number of the first axis there, the table of these axes, and the number of the next one.
    """
    strides, before, after = [0] * table.ndim, 0, table.ndim
    while after > 0 and (found := _even(table, after - 1)) is not None:
        after -= 1
        strides[after], table = found, table.take(0, after)
    while before < after and (found := _even(table, 0)) is not None:
        strides[before], table = found, table[0]
        before += 1
    return strides, (before, table, after)


def _even(table: np.ndarray, axis: int) -> int | None:
    moved = np.moveaxis(table, axis, 0)
    step = int((moved[1] - moved[0]).flat[0]) if len(moved) > 1 else 0
    even = moved[:1] + step * np.arange(len(moved)).reshape(-1, *(1,) * (table.ndim - 1))
    return step if np.array_equal(moved, even) else None
