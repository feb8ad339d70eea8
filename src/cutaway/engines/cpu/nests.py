"""Nests of loops over arrays in memory, as a kernel's text."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from .kernels.product import APART, CROWDED, DEEP, WIDEST
from .symbolic import Apply, Array, CannotTrace, Leaf, N, Product, SymbolicSize, contiguous, in_words, together

LANES = 16        # partial sums side by side along the last axis, which LLVM so makes vectors of
LONG = 64         # from so many numbers on


@dataclass
class Room:
    """Room for numbers: an operand, or a part of the shard's work. size: in numbers of the program's precision."""

    kind: str
    size: int
    operand: bool = False


@dataclass
class Block:
    """Some lines of a kernel: what they write, and what they read. mixes: they add up rows of the batch, or compare
    them."""

    lines: list[str]
    writes: set[str]
    reads: set[str] = field(default_factory=set)
    mixes: bool = False


class Writer:
    """Writes the loops of one rule, block by block, as its arrays ask for them."""

    def __init__(self) -> None:
        self.buffers: dict[str, Room] = {}
        self.blocks: list[Block] = []
        self.count = 0

    def name(self, letter: str) -> str:
        self.count += 1
        return f"{letter}{self.count}"

    def array(self, x: Any, beside: str = "real") -> Array:
        """A number as an array of no axes."""
        if isinstance(x, Array):
            return x
        if isinstance(x, bool | np.bool_):
            return self.literal(str(bool(x)), "truth")
        if isinstance(x, int | np.integer):
            return self.literal(f"({in_words(int(x), 'total')})" if abs(int(x)) >= N // 2 else repr(int(x)),
                                beside if beside in ("real", "wide") else "int")
        if isinstance(x, float | np.floating):
            x = float(x)
            text = "np.inf" if x == math.inf else "-np.inf" if x == -math.inf else repr(x)
            return self.literal(text, "wide" if beside == "wide" else "real")
        raise CannotTrace(f"{type(x).__name__} in arithmetic")

    def literal(self, text: str, kind: str) -> Array:
        real = {"real": f"F({text})", "wide": f"np.float64({text})"}
        return Array(self, (), kind, Apply(real.get(kind, text), ()))

    # ---- memory ------------------------------------------------------------------------------------------------------

    def room(self, shape: Sequence[int], kind: str = "real") -> Array:
        """A new array in memory."""
        name = self.name("room")
        self.buffers[name] = Room(kind, math.prod(shape, start=SymbolicSize(1)) * (2 if kind == "wide" else 1))
        return Array(self, tuple(shape), kind, Leaf(name, 0, contiguous(shape)))

    def stored(self, x: Array) -> Array:
        if x.kind in ("int", "truth"):
            raise CannotTrace("whole numbers in room of their own")
        new = self.room(x.shape, x.kind)
        self.store(new, x)
        return new

    def costly(self, x: Array) -> Array:
        """A function that is dear: computed once, if more is made of it."""
        return self.stored(x) if x.shape else x

    def store(self, place: Array, x: Array, sign: str = "=") -> None:
        """Write numbers into an array in memory."""
        x.settle()
        self.loops(place, [place, x.spread(place.shape)], lambda body, place, x: body.put(place, sign, body.value(x)),
                   sign != "=")

    # ---- loops -------------------------------------------------------------------------------------------------------

    def loops(self, writes: Array, arrays: Sequence[Array], work: Callable[..., None], adds: bool = False) -> None:
        """Write a nest of loops over arrays of one shape. work: writes the innermost lines, which may add."""
        shape, arrays = _merged(arrays)
        body = Body(self, tuple(f"i{k}" for k in range(len(shape))))
        work(body, *arrays)
        text = _nested(shape, body.counters, body.lines)
        buffer = writes.leaf.buffer
        mixes = adds and math.prod(shape) >= N > self.buffers[buffer].size
        self.blocks.append(Block(text, {buffer}, body.reads, mixes))

    def reduced(self, how: str, x: Array, axis: Any, keepdims: bool, kind: str | None = None) -> Array:
        """The sum, mean or maximum along axes."""
        axes = axes_of(axis, x.ndim)
        kind = kind or ("real" if x.kind in ("int", "truth") else x.kind)
        shape = tuple(size for k, size in enumerate(x.shape) if k not in axes)
        count = math.prod((x.shape[k] for k in axes), start=SymbolicSize(1))
        if how == "max" and (not count or x.kind not in ("real", "wide")):
            raise CannotTrace("the largest of none, or of whole numbers")
        if isinstance(x.expression, Product) and how == "sum" and not x.expression.axes and all(
                k < x.ndim - 2 for k in axes):
            made = Array(self, shape, kind, Product(x.expression.a, x.expression.b, axes))
        else:
            x.settle()
            made = self.room(shape, kind)
            self._reduce(how, x, axes, made, count)
        if not keepdims:
            return made
        return made.reshape(tuple(1 if k in axes else size for k, size in enumerate(x.shape)))

    def _reduce(self, how: str, x: Array, axes: tuple[int, ...], made: Array, count: int) -> None:
        """Write the loops: over what is kept outside, over what is added up, over what is kept inside."""
        last = max((k for k in axes if x.shape[k] != 1), default=-1)
        kept = [k for k in range(x.ndim) if k not in axes]
        outer, inner = [k for k in kept if k < last], [k for k in kept if k > last]
        x = x.permuted([*outer, *axes, *inner])
        target = made.moved((*(x.shape[: len(outer)]), *(1,) * len(axes), *x.shape[len(outer) + len(axes) :]),
                            lambda offset, s: (offset, (*s[: len(outer)], *(0,) * len(axes), *s[len(outer) :])))
        groups = [len(outer), len(outer) + len(axes)]
        shape, (x, target), groups = _merged_within([x, target.spread(x.shape)], groups)
        a, b = groups
        body = Body(self, tuple(f"i{k}" for k in range(len(shape))))
        number = "F" if made.kind == "real" and how == "max" else "np.float64"
        begin = f"{number}({'-np.inf' if how == 'max' else '0.0'})"
        scale = f" / np.float64({in_words(count, 'total')})" if how == "mean" else ""
        wide = "{}" if made.kind == "wide" else "F({})"
        add = (lambda old, new: f"{old} = xp.maximum({new}, {old})") if how == "max" else (
            lambda old, new: f"{old} += np.float64({new})")
        if math.prod(shape[b:]) != 1 or b < len(shape):  # sums side by side
            sums = self.room(shape[b:], "real" if how == "max" else "wide")
            at = sums.moved(shape, lambda offset, s: (offset, (*(0,) * b, *s)))
            place = body.place(at)
            zero = _nested(shape[b:], body.counters[b:], [f"{place} = {begin}"])
            body.lines.append(add(place, body.value(x)))
            along = _nested(shape[a:], body.counters[a:], body.lines)
            end = _nested(shape[b:], body.counters[b:], [f"{body.place(target)} = {wide.format(place + scale)}"])
            lines = [*zero, *along, *end]
        else:
            lines = self._along_the_last(shape, a, body, x, target, begin, add, how, scale, wide)
        self.blocks.append(Block(_nested(shape[:a], body.counters[:a], lines), {made.leaf.buffer}, body.reads,
                                 count >= N))

    def _along_the_last(self, shape: Any, a: int, body: Body, x: Array, target: Array, begin: str, add: Callable,
                        how: str, scale: str, wide: str) -> list[str]:
        """One sum, or several side by side that are then added up: the last axis is among those that are added up."""
        total, last = self.name("total"), len(shape) - 1
        if a == len(shape):
            shape, last = (*shape, 1), a
            body.counters = (*body.counters, f"i{a}")
            x, target = x.behind((1,)), target.behind((1,))
        many = shape[last]
        if many >= N or many < LONG:
            body.lines.append(add(total, body.value(x)))
            text = _nested(shape[a:], body.counters[a:], body.lines)
            return [f"{total} = {begin}", *text, f"{body.place(target)} = {wide.format(total + scale)}"]
        sums = self.room((LANES,), "real" if how == "max" else "wide")
        name = sums.leaf.buffer
        body.reads.add(name)
        counter = body.counters[last]
        body.lines.append(add(f"{name}[lane]", body.value(x)))
        whole, work = many // LANES * LANES, list(body.lines)
        lanes = [f"for lane in range({LANES}):", *inside([f"{counter} = start + lane", *work])]
        rest = [f"for lane in range({many - whole}):", *inside([f"{counter} = {whole} + lane", *work])]
        inner = [f"for start in range(0, {whole}, {LANES}):", *inside(lanes), *(rest if many > whole else [])]
        text = _nested(shape[a:last], body.counters[a:last], inner)
        return [f"for lane in range({LANES}):", f"    {name}[lane] = {begin}", *text, f"{total} = {begin}",
                f"for lane in range({LANES}):", f"    {add(total, f'{name}[lane]')}",
                f"{body.place(target)} = {wide.format(total + scale)}"]

    # ---- products of matrices ----------------------------------------------------------------------------------------

    def multiplied(self, x: Array) -> Array:
        """Write down a product: one call of the house's own for each matrix, or for many that lie side by side."""
        product = x.expression
        assert isinstance(product, Product)
        batch = together(product.a.shape[:-2], product.b.shape[:-2])
        a, b = self._matrix(product.a), self._matrix(product.b)
        made = self.room([*(size for k, size in enumerate(batch) if k not in product.axes), *x.shape[-2:]])
        (m, k), n = a.shape[-2:], b.shape[-1]
        if not a.size or not b.size:
            self.store(made, self.array(0.0))
            return made
        turned = n != 1 and b.leaf.strides[-1] != 1  # its columns lie as rows do
        rows_apart = a.leaf.strides[-1] != 1 or (a.leaf.strides[-2] != k and m != 1)
        if turned and (b.leaf.strides[-2:] != (1, k) or rows_apart or product.axes):
            turned, new = False, self.room(b.shape)
            self.store(new, b)
            b = new
        a, b = a.spread((*batch, *a.shape[-2:])), b.spread((*batch, *b.shape[-2:]))
        kept = iter(contiguous(made.shape))
        axes = [(size, a.leaf.strides[j], b.leaf.strides[j], 0 if j in product.axes else next(kept))
                for j, size in enumerate(batch)]
        (ar, ac), br = a.leaf.strides[-2:], b.leaf.strides[-2]
        while axes:
            size, by_a, by_b, by_c = axes[-1]
            if size == 1:
                pass
            elif by_c and not by_b and by_a == ar * m:  # more rows of one matrix
                m *= size
            elif not by_c and by_a == ac * k and by_b == br * k:  # longer sums
                k *= size
            else:
                break
            axes.pop()
        counters = [f"i{j}" for j in range(len(axes))]
        A, B, C = (_pointer(y.leaf, [axis[j + 1] for axis in axes], counters) for j, y in enumerate((a, b, made)))
        strides = (k,) if turned else (ar, ac)
        crowded = any(stride >= N or stride % CROWDED == 0 for stride in strides)
        room = (k + WIDEST) * WIDEST if turned else DEEP * WIDEST
        room += max(m, WIDEST) * (DEEP + APART) + DEEP * APART if crowded else 0
        P = self.room((room,)).leaf.buffer
        m_, n_, k_, ar_, ac_, br_ = (in_words(size) for size in (m, n, k, ar, ac, br))
        reads = {a.leaf.buffer, b.leaf.buffer, P}
        if any(not by_c for *_, by_c in axes):  # sums over matrices that lie apart, one after the other
            self.store(made, self.array(0.0))
            reads.add(made.leaf.buffer)
            call = f"product({m_}, {n_}, {k_}, {A}, {ar_}, {ac_}, 1, 0, {B}, {br_}, PANEL, 0, {C}, {n_}, 1, {C}, {n_})"
        elif turned:
            call = f"_times_turned({m_}, {n_}, {k_}, {A}, {B}, reals(0), {C}, {P})"
        else:
            call = f"_times({m_}, {n_}, {k_}, {A}, {ar_}, {ac_}, {B}, {br_}, {C}, {n_}, {P})"
        self.blocks.append(Block(_nested([size for size, *_ in axes], counters, [call]), {made.leaf.buffer}, reads,
                                 k >= N or any(not by_c and size >= N for size, *_, by_c in axes)))
        return made

    def _matrix(self, x: Array) -> Array:
        if x.kind == "wide":
            raise CannotTrace("a product in double")
        return x.astype("real").stored()


class Body:
    """The innermost lines of a nest of loops. What stands there twice is computed once."""

    def __init__(self, writer: Writer, counters: tuple[str, ...]) -> None:
        self.writer, self.counters = writer, counters
        self.lines: list[str] = []
        self.reads: set[str] = set()
        self.known: dict[Any, str] = {}

    def place(self, x: Array) -> str:
        """The text of an array's number in memory."""
        leaf = x.leaf
        at = [f"{counter} * {_factor(stride)}" if stride != 1 else counter
              for counter, stride in zip(self.counters, leaf.strides, strict=True) if stride]
        at += [in_words(leaf.offset)] if leaf.offset or not (at or leaf.picks) else []
        for index, stride, size in leaf.picks:
            picked = f"max(0, min({self.value(index)}, {in_words(size)} - 1))" if size else self.value(index)
            at.append(f"{picked} * {_factor(stride)}")
        where = " + ".join(at)
        if not leaf.buffer:
            return f"({where})"
        self.reads.add(leaf.buffer)
        return f"{leaf.buffer}[{where}]"

    def value(self, x: Array) -> str:
        """The text of an array's number; its lines before, where it is a longer one."""
        x.settle()
        e = x.expression
        if isinstance(e, Leaf):
            return self._once(self.place(x))
        assert isinstance(e, Apply)
        if not e.inputs:
            return e.text
        return self._once(e.text.format(*(self.value(y) for y in e.inputs)))

    def _once(self, text: str) -> str:
        if text not in self.known:
            self.known[text] = self.writer.name("t")
            self.lines.append(f"{self.known[text]} = {text}")
        return self.known[text]

    def put(self, place: Array, sign: str, text: str) -> None:
        self.lines.append(f"{self.place(place)} {sign} {text}")


def _factor(stride: int) -> str:
    words = in_words(stride)
    return words if re.fullmatch(r"\d+", words) else f"({words})"


def _pointer(leaf: Leaf, strides: Sequence[int], counters: Sequence[str]) -> str:
    at = [f"{counter} * {_factor(stride)}" for counter, stride in zip(counters, strides, strict=True) if stride]
    at += [in_words(leaf.offset)] if leaf.offset else []
    return f"at({leaf.buffer}, {' + '.join(at)})" if at else leaf.buffer


def inside(lines: Sequence[str]) -> list[str]:
    return ["    " + line for line in lines]


def _nested(shape: Sequence[int], counters: Sequence[str], lines: Sequence[str]) -> list[str]:
    for size, counter in zip(reversed(shape), reversed(counters), strict=True):
        lines = [f"for {counter} in range({in_words(size)}):", *inside(lines)]
    return list(lines)


def axes_of(axis: Any, ndim: int) -> tuple[int, ...]:
    axes = range(ndim) if axis is None else axis if isinstance(axis, tuple) else (axis,)
    if not ndim and set(axes) <= {0, -1}:  # as NumPy takes it
        return ()
    if any(not -ndim <= k < ndim for k in axes):
        raise CannotTrace(f"axis {axis} among {ndim}")
    return tuple(sorted({k % ndim for k in axes}))


def _merged(arrays: Sequence[Array]) -> tuple[tuple[int, ...], list[Array]]:
    """Arrays of one shape with as few axes as loops need."""
    shape, found, _ = _merged_within(arrays, [])
    return shape, found


def _merged_within(arrays: Sequence[Array], borders: list[int]) -> tuple[tuple[int, ...], list[Array], list[int]]:
    """Do so, but let no axes become one across a border; say where the borders are then."""
    shape = arrays[0].shape
    every = [leaf.strides for array in arrays for leaf in array.leaves()]
    groups: list[list[int]] = []
    for k, size in enumerate(shape):
        if size == 1:
            continue
        before = groups[-1][-1] if groups else -1
        apart = any(before < border <= k for border in borders)
        if groups and not apart and all(s[before] == s[k] * size for s in every):
            groups[-1].append(k)
        else:
            groups.append([k])
    new = tuple(math.prod((shape[k] for k in group), start=SymbolicSize(1)) for group in groups)
    moved = [array.moved(new, lambda offset, s: (offset, tuple(s[group[-1]] for group in groups))) for array in arrays]
    return new, moved, [sum(group[0] < border for group in groups) for border in borders]
