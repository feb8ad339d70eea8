"""Nodes that move, pick, join or add up values along axes."""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np

from ...autodiff import apply, ops
from .folded import MOST
from .table import known, node, one_axis, wholes
from .values import Fixed, Joined, Turned, aligned, arranged, for_each_row


@node("Shape")
def shape(at, data, start=0, end=None):
    return Fixed(np.array(data.shape[start:end], np.int64))


@node("Size")
def size(at, data):
    return Fixed(np.array(math.prod(data.shape), np.int64))


@node("Transpose")
def transpose(at, data, perm=None):
    axes = range(data.ndim)[::-1] if perm is None else perm
    return Turned(data.tensor, tuple(data.order[a] for a in axes))


def reshaped(at: Any, x: Turned, target: list[int]) -> Turned:
    """Give a value another shape. Its rows stay apart: the axis that begins with them is found by what stands before
    it, and may also hold what comes behind them, as (steps, rows x heads, width) does."""
    x = x.apart(at.rows) if isinstance(x, Joined) else x
    n, before, target = at.rows, math.prod(x.shape[: x.rows_at]), list(target)
    many, said, whole = x.tensor.shape[0] // n if n else 1, at.net.rows_in_file, math.prod(x.shape)

    def begins(k: int, size: int) -> bool:
        return -1 not in target[: k + 1] and math.prod(target[:k]) == before and target[k] % size == 0

    if said and n not in (0, said):  # the file says 1 where any number of rows may be
        cut = -1 not in target and math.prod(target) * n == whole * said
        place = next((k for k in range(len(target)) if begins(k, said) and (cut or target[k] == said)), None)
        if place is not None and (cut or -1 in target):
            target[place] = target[place] // said * n
    if -1 in target:
        rest = -math.prod(target)
        target[target.index(-1)] = whole // rest if rest else 0
    if math.prod(target) != whole:
        at.refuse(f"it cannot give {x.shape} the shape {tuple(target)}")
    places = [k for k in range(len(target)) if begins(k, max(n, 1))]
    if not places and many == 1 and target and target[0] % (before * n) == 0:
        return Joined(ops.reshape(x.rows_first(), tuple(target)), before)
    if not places:
        at.refuse(f"it joins the rows of the batch with other axes: {x.shape} to {tuple(target)}")
    place = next((k for k in places if target[k] == n), places[0])
    t, first, last = x.rows_first(), target[:place], target[place + 1 :]
    if many > 1 and x.rows_at:  # what was joined with the rows stands behind what is before them
        t = ops.reshape(t, (n, many, *t.shape[1:]))
        t = ops.permute(t, 0, *range(2, 2 + x.rows_at), 1, *range(2 + x.rows_at, t.ndim))
    more = target[place] // n if n else 1
    if more > 1 and place:
        t = ops.reshape(t, (n, *first, more, *last))
        t = ops.permute(t, 0, 1 + place, *range(1, 1 + place), *range(2 + place, t.ndim))
    new = (target[place], *first, *last)
    return Turned.with_rows_at(t if t.shape == new else ops.reshape(t, new), place)


@node("Reshape")
def reshape(at, data, shape, allowzero=0, consumed_inputs=None):
    wanted = wholes(at, shape, "the new shape") or []
    return reshaped(at, data, [data.shape[k] if s == 0 and not allowzero else s for k, s in enumerate(wanted)])


@node("Flatten")
def flatten(at, input, axis=1):
    k = axis if axis == input.ndim else one_axis(at, axis, input.ndim)
    return reshaped(at, input, [math.prod(input.shape[:k]), math.prod(input.shape[k:])])


@node("Squeeze")
def squeeze(at, data, axes=None):
    chosen = wholes(at, axes, "axes")
    gone = {k for k, s in enumerate(data.shape) if s == 1 and k != data.rows_at} if chosen is None else {
        one_axis(at, a, data.ndim) for a in chosen}
    if data.rows_at in gone or any(data.shape[k] != 1 for k in gone):
        at.refuse(f"it takes away axes {sorted(gone)} of {data.shape}")
    kept = [k for k in range(data.ndim) if k not in gone]
    n = data.tensor.shape[0]
    others = tuple(data.shape[k] for k in kept if k != data.rows_at)
    return Turned.with_rows_at(ops.reshape(data.rows_first(), (n, *others)), kept.index(data.rows_at))


@node("Unsqueeze")
def unsqueeze(at, data, axes):
    chosen = wholes(at, axes, "axes") or []
    ndim = data.ndim + len(chosen)
    new = {one_axis(at, a, ndim) for a in chosen}
    old = iter(range(data.ndim))
    axes_now = [None if k in new else next(old) for k in range(ndim)]
    place = axes_now.index(data.rows_at)
    sizes = tuple(1 if a is None else data.shape[a] for k, a in enumerate(axes_now) if k != place)
    return Turned.with_rows_at(ops.reshape(data.rows_first(), (data.tensor.shape[0], *sizes)), place)


@node("Concat")
def concat(at, *inputs, axis=1):
    ndim = max(v.ndim for v in inputs)
    k = one_axis(at, axis, ndim)
    filled = [v for v in inputs if 0 not in v.shape[k : k + 1]]
    first = next(v for v in filled if isinstance(v, Turned))
    if k == first.rows_at:
        if at.ours and filled[0] is first and len(filled) == 2:
            return first
        at.refuse("it puts other rows below those of the batch")

    def fixed(j: int, axes: list[int], rows: int) -> Any:
        whole = filled[j].array
        whole = whole.reshape((1,) * (ndim - whole.ndim) + whole.shape).transpose(axes)
        if whole.shape[0] != 1 and not (whole == whole[:1]).all():
            at.refuse("it joins numbers of its own that differ from row to row")
        own = at.weight(filled[j], j, lambda a: whole[0]) if filled[j].weight and whole.dtype.kind == "f" else whole[0]
        return for_each_row(own, first.tensor)

    found, order = aligned(filled, fixed)
    if len(found) == 1:
        return Turned(found[0], order)
    return Turned(apply("concat", *[at.real(t) for t in found] if not all(v.whole for v in filled) else found,
                        axis=order[k]), order)


@node("Split")
def split(at, input, split=None, axis=0, num_outputs=None):
    k = one_axis(at, axis, input.ndim)
    inner, whole = input.order[k], input.shape[k]
    sizes = wholes(at, split, "the sizes")
    if not sizes:
        count = num_outputs or len(at.node.outputs)
        part = -(-whole // count)
        sizes = [part] * (count - 1) + [whole - part * (count - 1)]
    if inner == 0 or sum(sizes) != whole:
        at.refuse(f"it cuts {input.shape} along axis {k} into {sizes}")
    ends = np.cumsum([0, *sizes]).tolist()
    return tuple(input.like(input.tensor[(*(slice(None),) * inner, slice(lo, hi))])
                 for lo, hi in pairwise(ends))


@node("Slice")
def slices(at, data, starts, ends, axes=None, steps=None):
    starts, ends = wholes(at, starts, "where it starts"), wholes(at, ends, "where it ends")
    axes, steps = wholes(at, axes, "axes"), wholes(at, steps, "steps")
    key: list[Any] = [slice(None)] * data.ndim
    for j, (start, end) in enumerate(zip(starts or [], ends or [], strict=True)):
        k, step = one_axis(at, j if axes is None else axes[j], data.ndim), 1 if steps is None else steps[j]
        cut, whole = slice(start, None if step < 0 and end <= -data.shape[k] - 1 else end, step), data.shape[k]
        if cut.indices(whole) == (0, whole, 1):
            continue
        if k == data.rows_at:
            if at.ours and (start, end) == (0, -1):
                continue
            at.refuse("it takes some rows of the batch alone")
        key[data.order[k]] = slice(*_bounds(cut, whole))
    while key and key[-1] == slice(None):
        key.pop()
    return data.like(data.tensor[tuple(key)]) if key else data


def _bounds(cut: slice, whole: int) -> tuple[Any, Any, Any]:
    """Bounds that stay right for more time steps: "to the end" has no number."""
    start, end, step = cut.start, cut.stop, cut.step
    if step > 0 and end is not None and end >= 2**31 - 1:
        end = None
    if step < 0 and start is not None and start >= 2**31 - 1:
        start = None
    return start, end, None if step == 1 else step


@node("Gather")
def gather(at, data, indices, axis=0):
    k = one_axis(at, axis, data.ndim)
    if isinstance(data, Fixed) and isinstance(indices, Turned):
        return _looked_up(at, data, indices, k)
    places, inner = known(at, indices, "which places it takes"), data.order[k]
    if inner == 0:
        at.refuse("it takes some rows of the batch alone")
    size = data.shape[k]
    if places.size and not -size <= places.min() <= places.max() < size:
        at.refuse(f"it takes places {places.min()} to {places.max()} of {size}")
    before = (slice(None),) * inner
    if places.ndim == 0:
        order = tuple(a - (a > inner) for j, a in enumerate(data.order) if j != k)
        return Turned(data.tensor[(*before, int(places))], order)
    found = data.like(data.tensor[(*before, (places.ravel() % size).astype(np.int64))])
    if places.ndim == 1:
        return found
    return reshaped(at, found, [*data.shape[:k], *places.shape, *data.shape[k + 1 :]])


def _looked_up(at: Any, table: Fixed, places: Turned, k: int) -> Turned:
    """Rows of a table by whole numbers of the data: an embedding."""
    if k or not places.whole:
        at.refuse("it looks up a table along another axis than the first" if k else
                  "it looks up places that are no whole numbers of the input")
    W = at.weight(table, "table", lambda a: a.reshape(len(a), -1))
    found = ops.embedding(places.tensor, W)
    if table.ndim == 2:
        return Turned(found, (*places.order, places.ndim))
    return reshaped(at, Turned(found, (*places.order, places.ndim)), [*places.shape, *table.shape[1:]])


@node("Expand")
def expand(at, input, shape):
    wanted = wholes(at, shape, "the new shape") or []
    x = input.lifted(max(input.ndim, len(wanted)))
    goal = [1] * (x.ndim - len(wanted)) + wanted
    goal = [s if g == 1 or (k == x.rows_at and g == at.net.rows_in_file) else g
            for k, (s, g) in enumerate(zip(x.shape, goal, strict=True))]
    if math.prod(goal) > MOST or any(s not in (1, g) for s, g in zip(x.shape, goal, strict=True)):
        at.refuse(f"it cannot repeat {x.shape} to {tuple(goal)}")
    return x.like(ops.expand(x.tensor, tuple(goal[x.order.index(j)] for j in range(x.ndim))))


@node("Tile")
def tile(at, input, repeats):
    times = wholes(at, repeats, "how often") or []
    if times[input.rows_at] != 1 or math.prod(times) * math.prod(input.shape) > MOST:
        at.refuse(f"it repeats {input.shape} {times} times")
    return input.like(ops.tile(input.tensor, tuple(times[input.order.index(j)] for j in range(input.ndim))))


@node("Pad")
def pad(at, data, pads=None, value=0.0, axes=None, mode="constant", paddings=None):
    edges = wholes(at, pads if pads is not None else paddings, "how much it pads") or []
    chosen = [one_axis(at, a, data.ndim) for a in wholes(at, axes, "axes") or range(data.ndim)]
    fill = float(np.asarray(known(at, value, "what it pads with")).item())
    x = data
    for j, k in enumerate(chosen):
        before, behind = edges[j], edges[j + len(chosen)]
        if not before and not behind:
            continue
        inner, size = x.order[k], x.shape[k]
        if inner == 0 and at.ours and (before, behind) == (0, 1):
            continue
        if inner == 0 or size + before + behind < 1 or max(before, behind) > MOST:
            at.refuse(f"it pads {data.shape} by {edges}")
        if min(before, behind) < 0:
            lo, hi = max(-before, 0), size - max(-behind, 0)
            x = x.like(x.tensor[(*(slice(None),) * inner, slice(lo, hi))])
            before, behind, size = max(before, 0), max(behind, 0), hi - lo
        if mode == "constant":
            width = [(0, 0)] * x.ndim
            width[inner] = before, behind
            x = x.like(ops.pad(x.tensor, tuple(width), fill)) if before or behind else x
        else:
            how: Any = {"edge": "edge", "reflect": "reflect", "wrap": "wrap"}.get(mode)
            if how is None:
                at.refuse(f"it pads by {mode!r}")
            places = np.pad(np.arange(size), (before, behind), how)
            x = x.like(x.tensor[(*(slice(None),) * inner, places)])
    return x


@node("CumSum")
def cumsum(at, x, axis, exclusive=0, reverse=0):
    k = x.order[one_axis(at, known(at, axis, "its axis"), x.ndim)]
    z = ops.flip(x.tensor, k) if reverse else x.tensor
    found = ops.cumsum(z, axis=k)
    found = found - z if exclusive else found
    return x.like(ops.flip(found, k) if reverse else found)


@node("Trilu")
def triangle(at, input, k=0, upper=1):
    keep = (np.triu if upper else np.tril)(np.ones(input.shape[-2:], bool), int(known(at, k, "its diagonal")))
    base = input.order

    def fixed(j: int, axes: list[int], rows: int) -> Any:
        return arranged(keep, axes, 0).astype(at.dtype)

    (x, mask), order = aligned([input, Fixed(keep)], fixed)
    assert order == base
    return Turned(apply("where", mask, x, 0.0), order)


# ---- one number of many ----------------------------------------------------------------------------------------------


def reducing(name: str, how: Callable) -> None:
    """Enter a node that makes one number of many along axes."""
    def row(at: Any, data: Turned, axes: Any = None, keepdims: int = 1, noop_with_empty_axes: int = 0) -> Turned:
        chosen = wholes(at, axes, "axes") or []
        if not chosen and noop_with_empty_axes:
            return data
        gone = {one_axis(at, a, data.ndim) for a in chosen or range(data.ndim)}
        if data.rows_at in gone:
            at.refuse("it makes one number of the rows of the batch")
        inner = tuple(sorted(data.order[k] for k in gone))
        made = how(at.real(data.tensor), inner, bool(keepdims))
        if keepdims:
            return data.like(made)
        left = [a for k, a in enumerate(data.order) if k not in gone]
        return Turned(made, tuple(sorted(left).index(a) for a in left))

    node(name)(row)


for _name, _how in {
    "ReduceSum": ops.sum, "ReduceMean": ops.mean, "ReduceMax": ops.max, "ReduceMin": ops.min, "ReduceL2": ops.norm,
    "ReduceSumSquare": lambda x, axis, keep: ops.sum(ops.square(x), axis, keep),
    "ReduceL1": lambda x, axis, keep: ops.sum(ops.abs(x), axis, keep),
    "ReduceLogSumExp": lambda x, axis, keep: ops.logsumexp(x, axis, keep),
    "ReduceLogSum": lambda x, axis, keep: ops.log(ops.sum(x, axis, keep)),
}.items():
    reducing(_name, _how)


