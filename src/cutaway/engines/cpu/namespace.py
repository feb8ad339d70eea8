"""`xp` for a rule that is written down: the functions of rules/namespace.py, as far as there are loops for them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from types import SimpleNamespace
from typing import Any

from .nests import Block, Writer, axes_of, inside
from .symbolic import Array, CannotTrace, Leaf, kind_of


def namespace(writer: Writer, rounded: bool = False) -> SimpleNamespace:
    """Make the functions of rules/namespace.py, as far as there are loops for them. rounded: factors become bf16."""
    def one(name: str, costly: bool) -> Callable:
        def f(x: Any) -> Array:
            x = writer.array(x)
            made = x.astype(_real(x)).map(f"xp.{name}({{0}})", _real(x))
            return writer.costly(made) if costly else made
        return f

    def two(name: str) -> Callable:
        def f(x: Any, y: Any) -> Array:
            a, b = _both(writer, x, y)
            return a.map(f"xp.{name}({{0}}, {{1}})", _larger(a, b), b)
        return f

    def where(test: Any, x: Any, y: Any) -> Array:
        test, (a, b) = writer.array(test), _both(writer, x, y)
        condition = "{0}" if test.kind == "truth" else "{0} != 0"
        return test.map(f"select({condition}, {{1}}, {{2}})", _larger(a, b), a, b)

    def matmul(u: Array, v: Array) -> Array:
        return u.map("bf16({0})", u.kind) @ v.map("bf16({0})", v.kind) if rounded else u @ v

    def along(how: str) -> Callable:
        def f(x: Array, axis: Any = None, keepdims: bool = False, dtype: Any = None) -> Array:
            return writer.reduced(how, x, axis, keepdims, dtype and kind_of(dtype))
        return f

    def expand_dims(x: Array, axis: Any) -> Array:
        axes = axes_of(axis, x.ndim + (len(axis) if isinstance(axis, tuple) else 1))
        sizes = iter(x.shape)
        return x.reshape(tuple(1 if k in axes else next(sizes) for k in range(x.ndim + len(axes))))

    def swapaxes(x: Array, a: int, b: int) -> Array:
        axes = list(range(x.ndim))
        axes[a], axes[b] = axes[b], axes[a]
        return x.permuted(axes)

    def full(shape: Any, value: Any, kind: Any = None) -> Array:
        made = writer.array(value, kind_of(kind) if kind is not None else "real")
        return made.spread(shape if isinstance(shape, tuple) else (shape,))

    def concatenate(parts: Sequence[Array], axis: int = 0) -> Array:
        k = axis % parts[0].ndim
        shape = [*parts[0].shape]
        shape[k] = sum(part.shape[k] for part in parts)
        made, start = writer.room(shape), 0
        for part in parts:
            writer.store(made[(slice(None),) * k + (slice(start, start + part.shape[k]),)], part)
            start += part.shape[k]
        return made

    def scatter_add(shape: Any, key: Any, values: Array) -> Array:
        made = writer.room(shape)
        writer.store(made, writer.array(0.0))
        writer.store(made[key], values, "+=")
        return made

    def patches(x: Array, window: Any, stride: Any, padding: Any, dilation: Any, fill: float) -> Array:
        if any(map(any, padding)):
            wide = writer.room((x.shape[0], *(k + sum(p) for k, p in zip(x.shape[1:-1], padding, strict=True)),
                                x.shape[-1]))
            writer.store(wide, writer.array(float(fill)))
            writer.store(wide[_within(x.shape, padding)], x)
            x = wide
        return _windows(x.stored(), window, stride, dilation)

    def add_patches(shape: Any, p: Array, stride: Any, padding: Any, dilation: Any) -> Array:
        wide = writer.room((shape[0], *(k + sum(q) for k, q in zip(shape[1:-1], padding, strict=True)), shape[-1]))
        writer.store(wide, writer.array(0.0))
        writer.store(_windows(wide, p.shape[len(shape) - 1 : -1], stride, dilation), p, "+=")
        return wide[_within(shape, padding)]

    def argmax(x: Array, axis: int) -> Array:
        """Places of the largest, the first of several equal ones: whole numbers, held as real ones."""
        best = writer.reduced("max", x, axis, True)
        along = [1] * x.ndim
        along[axis] = x.shape[axis]
        place = arange(x.shape[axis]).astype("wide").reshape(along)
        return -writer.reduced("max", where(x == best, -place, float("-inf")), axis, False)

    def scan(step: Callable, state: Any, inputs: Sequence[Array], reverse: bool) -> tuple:
        """A loop over steps, around the loops of one of them. The state has room of its own, and so has what comes of
        each step."""
        steps, one = inputs[0].shape[0], isinstance(state, Array)
        states = [writer.room(x.shape, x.kind) for x in ((state,) if one else state)]
        for place, x in zip(states, (state,) if one else state, strict=True):
            writer.store(place, x)
        now = writer.literal(f"({steps - 1} - step)" if reverse else "step", "int")
        before, writer.blocks = writer.blocks, []
        new, outs = step(states[0] if one else tuple(states), [x.at_step(now) for x in inputs])
        kept = [writer.room((steps, *x.shape), x.kind) for x in outs]
        for place, x in zip(kept, outs, strict=True):
            writer.store(place.at_step(now), x)
        after = [writer.stored(x) for x in ((new,) if one else new)]  # whole, before the old state goes
        for place, x in zip(states, after, strict=True):
            writer.store(place, x)
        lines = [line for block in writer.blocks for line in block.lines]
        writes, reads = (set().union(*(getattr(b, which) for b in writer.blocks)) for which in ("writes", "reads"))
        writer.blocks = [*before, Block([f"for step in range({steps}):", *inside(lines)], writes, reads,
                                        any(block.mixes for block in writer.blocks))]
        return (states[0] if one else tuple(states)), tuple(kept)

    def arange(n: int) -> Array:
        return Array(writer, (n,), "int", Leaf("", 0, (1,)))

    def refused(*_: Any, **named: Any) -> Any:
        raise CannotTrace("a function without loops")

    found = {name: one(name, True) for name in ("exp", "tanh", "expm1", "log", "log1p", "erf", "sin", "cos", "sqrt")}
    found |= {name: one(name, False) for name in ("abs", "sign")} | {name: two(name) for name in ("maximum", "minimum")}
    found |= {name: along(name) for name in ("sum", "mean", "max")}
    found |= dict.fromkeys(("floor", "uint32"), refused)
    return SimpleNamespace(
        **found, where=where, expand_dims=expand_dims, swapaxes=swapaxes, full=full, concatenate=concatenate,
        scatter_add=scatter_add, patches=patches, add_patches=add_patches, wide="wide", float64="wide", int32="int",
        float32="real", reshape=lambda x, shape: x.reshape(shape), transpose=lambda x, axes: x.permuted(axes),
        broadcast_to=lambda x, shape: x.spread(shape), take=lambda x, i, axis: x[(slice(None),) * axis + (i,)],
        arange=arange, argmax=argmax, scan=scan, matmul=matmul,
    )


def _real(x: Array) -> str:
    return x.kind if x.kind in ("real", "wide") else "real"


def _both(writer: Writer, x: Any, y: Any) -> tuple[Array, Array]:
    known = next((v.kind for v in (x, y) if isinstance(v, Array)), "real")
    return writer.array(x, known), writer.array(y, known)


def _larger(a: Array, b: Array) -> str:
    return max(a.kind, b.kind, key=("truth", "int", "real", "wide").index)


def _windows(x: Array, window: Sequence[int], stride: Sequence[int], dilation: Sequence[int]) -> Array:
    """What windows see of x (n, *size, c), in the same memory: (n, *places, *window, c)."""
    spans = [d * (k - 1) + 1 for k, d in zip(window, dilation, strict=True)]
    places = [(size - span) // by + 1 for size, span, by in zip(x.shape[1:-1], spans, stride, strict=True)]
    if any(count < 1 for count in places):
        raise CannotTrace("windows larger than the image")
    return x.moved((x.shape[0], *places, *window, x.shape[-1]), lambda offset, s: (offset, (
        s[0], *(a * by for a, by in zip(s[1:-1], stride, strict=True)),
        *(a * d for a, d in zip(s[1:-1], dilation, strict=True)), s[-1])))


def _within(shape: Any, padding: Any) -> tuple:
    inner = (slice(lo, lo + k) for k, (lo, _) in zip(shape[1:-1], padding, strict=True))
    return (slice(None), *inner)
