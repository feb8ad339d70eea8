"""Kernels of sums along axes that are made from shapes: sum_to, which undoes broadcasting, and cumsum."""

from __future__ import annotations

import math

from ...program import Instruction, Value
from ..plan import Plan
from .loops import SHORT, Loops, Space, View, broadcast, dense, merged

Written = tuple[Loops, dict[str, Value]]


def sum_to(i: Instruction, plan: Plan) -> Written | None:
    """Add up all numbers of x that came from the same number of y, in order.

    Where the innermost of them lie side by side, a sum of their own in double takes them.
    """
    (x,), (y,) = i.reads, i.written
    every, own = Space.of(x), Space.of(y)
    back = broadcast(y, every)
    if back is None or x.dtype != y.dtype or x.dtype.kind != "f":
        return None
    loops = Loops()
    loops.nest(own, {"y": View(dense(own.sizes))}, lambda at: [f"y[{at['y']}] = F(0)"])
    space, views = merged(every, {"x": View(dense(every.sizes)), "y": back})
    if not space.sizes or views["y"].strides[-1]:
        loops.nest(space, views, lambda at: [f"y[{at['y']}] += x[{at['x']}]"])
        return loops, {"x": x, "y": y}
    last = len(space.sizes) - 1
    outer = loops.open(space, range(last))
    if views["x"].strides[last] == 1 and (space.sizes[last] > SHORT or (space.batched and not last)):
        start = loops.place(views["x"], [*outer, "0"])
        count = loops.number(space.sizes[last])
        count = f"n * {count}" if space.batched and not last else count
        loops.inside(last, [f"y[{loops.place(views['y'], [*outer, '0'])}] += F(_total(at(x, {start}), {count}))"])
        return loops, {"x": x, "y": y}
    loops.inside(last, ["total = 0.0"])
    counters = [*outer, *loops.open(space, [last], last)]
    loops.inside(last + 1, [f"total += np.float64(x[{loops.place(views['x'], counters)}])"])
    loops.inside(last, [f"y[{loops.place(views['y'], counters)}] += F(total)"])
    return loops, {"x": x, "y": y}


def cumsum(i: Instruction, plan: Plan) -> Written | None:
    """Add up along an axis, each number to the sum of those before it; backwards, of those after it."""
    operands = i.operands()
    x, y = ("dy", "dx") if i.backward else ("x", "y")
    made, given = operands[y], operands[x]
    if made is None or given is None or made.dtype != given.dtype or not isinstance(i.attributes["axis"], int):
        return None
    loops, space = Loops(), Space.of(made)
    if not made.width:
        return loops, {x: given, y: made}
    space = Space(space.sizes or (1,), space.batched)
    axis = i.attributes["axis"] % len(space.sizes)
    side = math.prod(space.sizes[axis + 1 :])
    along, apart = loops.number(space.sizes[axis]), loops.number(side)
    along = f"n * {along}" if space.batched and axis == 0 else along
    deep, start = 0, ""
    if axis:
        outer = Space((math.prod(space.sizes[:axis]), space.sizes[axis] * side), space.batched)
        (counter,) = loops.open(outer, [0])
        deep, start = 1, f"{counter} * {loops.number(outer.sizes[1])} + "
    first, rest = ("0", f"range(1, {along})") if not i.backward else (f"({along} - 1)", f"range({along} - 2, -1, -1)")
    if side == 1:
        loops.inside(deep, [f"total = {x}[{start}{first}]", f"{y}[{start}{first}] = total", f"for t in {rest}:",
                            f"    total = total + {x}[{start}t]", f"    {y}[{start}t] = total"])
        return loops, {x: given, y: made}
    before = "t + 1" if i.backward else "t - 1"
    at, last, next_ = (f"{start}{t} * {apart} + j" for t in (first, f"({before})", "t"))
    loops.inside(deep, [f"for j in range({apart}):", f"    {y}[{at}] = {x}[{at}]", f"for t in {rest}:",
                        f"    for j in range({apart}):", f"        {y}[{next_}] = {y}[{last}] + {x}[{next_}]"])
    return loops, {x: given, y: made}
