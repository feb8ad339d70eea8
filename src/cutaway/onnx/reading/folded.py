"""Nodes of nothing but known numbers, worked out by NumPy before any data: shapes, and weights turned about."""

from __future__ import annotations

from typing import Any

import numpy as np

from .values import Fixed

MOST = 2**27  # numbers that such a node may make: shapes are a few, and weights are there already
#: Nodes that give parts of a weight, which are weights, too.
PARTS = {"Gather", "Slice", "Split"}
#: Nodes that make of a weight the same weight in another form: it keeps its name.
SAME = {"Cast", "Flatten", "Identity", "Reshape", "Squeeze", "Transpose", "Unsqueeze"}
CASTS = {1: np.float32, 2: np.uint8, 3: np.int8, 4: np.uint16, 5: np.int16, 6: np.int32, 7: np.int64, 9: np.bool_,
         10: np.float16, 11: np.float64, 12: np.uint32, 13: np.uint64, 16: np.float32}


def divided(u: np.ndarray, v: np.ndarray) -> np.ndarray:
    """u / v; of whole numbers cut towards zero."""
    return np.trunc(u / v).astype(u.dtype) if u.dtype.kind in "iu" else u / v


def axes_of(array: np.ndarray | None, setting: Any) -> list[int] | None:
    return [int(a) for a in (array.ravel() if array is not None else setting)] if (
        array is not None or setting is not None) else None


def reshaped(x, shape, allowzero=0):
    return x.reshape([x.shape[k] if s == 0 and not allowzero else int(s) for k, s in enumerate(shape.tolist())])


def squeezed(x, given=None, axes=None):
    chosen = axes_of(given, axes)
    return x.squeeze() if chosen is None else x.squeeze(tuple(a % x.ndim for a in chosen))


def unsqueezed(x, given=None, axes=None):
    chosen = axes_of(given, axes) or []
    return np.expand_dims(x, tuple(a % (x.ndim + len(chosen)) for a in chosen))


def sliced(x, starts=None, ends=None, axes=None, steps=None, **old):
    if starts is None:
        starts, ends, axes = (np.array(old[k]) if k in old else None for k in ("starts", "ends", "axes"))
    key = [slice(None)] * x.ndim
    places = range(len(starts)) if axes is None else axes.tolist()
    for k, (axis, start, end) in enumerate(zip(places, starts.tolist(), ends.tolist(), strict=True)):
        step = 1 if steps is None else int(steps[k])
        low = -x.shape[axis] - 1
        key[axis] = slice(start, None if step < 0 and end <= low else end, step)
    return x[tuple(key)]


def constant(value=None, value_float=None, value_int=None, value_floats=None, value_ints=None, **_):
    if value is not None:
        return value
    for given, dtype in ((value_float, np.float32), (value_floats, np.float32), (value_int, np.int64),
                         (value_ints, np.int64)):
        if given is not None:
            return np.array(given, dtype)
    raise KeyError("its value is no array of numbers")


def filled(shape, value=None):
    fits([int(s) for s in shape])
    return np.full([int(s) for s in shape], np.float32(0) if value is None else value.ravel()[0])


def expanded(x, shape):
    whole = np.broadcast_shapes(x.shape, tuple(int(s) for s in shape))
    fits(whole)
    return np.broadcast_to(x, whole)


def ranged(start, limit, delta):
    fits([max(int(np.ceil((limit - start) / delta)), 0)])
    return np.arange(start, limit, delta, dtype=start.dtype)


def tiled(x, repeats):
    fits([s * int(r) for s, r in zip(x.shape, repeats, strict=True)])
    return np.tile(x, repeats)


def parts(x, given=None, axis=0, split=None, num_outputs=None):
    sizes = axes_of(given, split)
    count = num_outputs or 2
    return tuple(np.split(x, np.cumsum(sizes)[:-1] if sizes else count, axis))


def dequantised(x, scale, zero=None, axis=1, block_size=0, output_dtype=0):
    if block_size:
        raise KeyError("weights quantised in blocks are not read")
    side = [1] * x.ndim
    if scale.ndim == 1 and scale.size > 1:
        side[axis] = -1
    scale, zero = scale.reshape(side) if scale.ndim else scale, 0 if zero is None else zero
    zero = zero.reshape(side) if getattr(zero, "ndim", 0) else zero
    return (x.astype(np.float32) - np.asarray(zero, np.float32)) * scale


def taken(x, i, axis=0):
    axis = axis % x.ndim
    fits((*x.shape[:axis], *i.shape, *x.shape[axis + 1 :]))
    return np.take(x, i, axis)


def fits(shape: Any) -> None:
    size = 1
    for s in shape:
        size *= max(int(s), 0)
    if size > MOST:
        raise KeyError(f"it would make {size:,} numbers")


def over(how):
    def reduced(x, given=None, axes=None, keepdims=1, noop_with_empty_axes=0):
        chosen = axes_of(given, axes)
        if not chosen and noop_with_empty_axes:
            return x
        return how(x, axis=tuple(chosen) if chosen else None, keepdims=bool(keepdims)).astype(x.dtype)

    return reduced


KNOWN: dict[str, Any] = {
    "Add": np.add, "Sub": np.subtract, "Mul": np.multiply, "Div": divided, "Pow": lambda u, v: u ** v.astype(u.dtype),
    "Neg": np.negative, "Abs": np.abs, "Sqrt": np.sqrt, "Exp": np.exp, "Log": np.log, "Floor": np.floor,
    "Ceil": np.ceil, "Reciprocal": lambda u: 1 / u, "Tanh": np.tanh, "Sin": np.sin, "Cos": np.cos,
    "Mod": lambda u, v, fmod=0: np.fmod(u, v) if fmod else np.mod(u, v), "Sign": np.sign,
    "Min": lambda *u: np.minimum.reduce(np.broadcast_arrays(*u)),
    "Max": lambda *u: np.maximum.reduce(np.broadcast_arrays(*u)),
    "Equal": np.equal, "Less": np.less, "Greater": np.greater, "LessOrEqual": np.less_equal,
    "GreaterOrEqual": np.greater_equal, "And": np.logical_and, "Or": np.logical_or, "Not": np.logical_not,
    "Xor": np.logical_xor, "Where": np.where, "MatMul": lambda u, v, b=0: u @ v + b,
    "Identity": lambda x: x, "Cast": lambda x, to, saturate=1, round_mode="": x.astype(CASTS[to]),
    "CastLike": lambda x, like, saturate=1, round_mode="": x.astype(like.dtype),
    "Constant": constant, "ConstantOfShape": filled, "Shape": lambda x, start=0, end=None: np.array(
        x.shape[start:end], np.int64),
    "Size": lambda x: np.array(x.size, np.int64), "Reshape": reshaped, "Squeeze": squeezed, "Unsqueeze": unsqueezed,
    "Flatten": lambda x, axis=1: x.reshape(int(np.prod(x.shape[:axis])), -1), "Slice": sliced, "Split": parts,
    "Concat": lambda *x, axis: np.concatenate(x, axis), "Gather": taken, "Expand": expanded, "Range": ranged,
    "Transpose": lambda x, perm=None: x.transpose(perm), "Tile": tiled, "DequantizeLinear": dequantised,
    "ReduceSum": over(np.sum), "ReduceMean": over(np.mean), "ReduceMax": over(np.max), "ReduceMin": over(np.min),
    "ReduceProd": over(np.prod), "ReduceL2": over(lambda x, axis, keepdims: np.sqrt(np.sum(x * x, axis=axis,
                                                                                         keepdims=keepdims))),
    "Trilu": lambda x, k=None, upper=1: (np.triu if upper else np.tril)(x, 0 if k is None else int(k)),
    "CumSum": lambda x, axis, exclusive=0, reverse=0: np.cumsum(x, int(axis)) if not (exclusive or reverse) else (
        _refuse("CumSum backwards or without its own number")),
    "Dropout": lambda x, *_, **__: x, "GatherElements": lambda x, i, axis=0: np.take_along_axis(x, i, axis),
}


def _refuse(what: str) -> Any:
    raise KeyError(f"{what} is not read")


def foldable(n: Any, inputs: list[Any]) -> bool:
    """Whether a node is worked out beforehand: all its inputs are known numbers."""
    return not n.domain and n.op in KNOWN and all(v is None or isinstance(v, Fixed) for v in inputs)


def folded(n: Any, at: Any, inputs: list[Any]) -> tuple[Fixed, ...]:
    """Work a node out. Raises FileError that names it where that fails."""
    arrays = [None if v is None else v.array for v in inputs]
    try:
        with np.errstate(all="ignore"):  # as runtimes do: 1 / 0 in a mask, say
            made = KNOWN[n.op](*arrays, **n.settings)
    except Exception as reason:  # damaged files may hold anything
        raise at.refused(f"{n} cannot be worked out ({str(reason)[:160]})") from None
    made = made if isinstance(made, tuple) else (made,)
    source = inputs[0] if inputs else None
    if isinstance(source, Fixed) and source.weight and n.op in SAME | PARTS:
        names = [source.name] if n.op in SAME else [f"{source.name}.{out.rpartition('/')[2]}" for out in n.outputs]
        return tuple(Fixed(np.asarray(a), name, True) for a, name in zip(made, names, strict=False))
    return tuple(Fixed(np.asarray(a), output) for a, output in zip(made, n.outputs, strict=False))


