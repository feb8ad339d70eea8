"""The trial run of a program from a file: two rows of zeros, so that nothing in it can surprise who runs it later."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from ..errors import FileError
from ..rules import OPS
from ..rules.settings import refused
from .program import LARGEST, Operation, Saved, Slot, pairs

MOST_WORK = 2**30  # numbers read and written by all operations, beside each stored one four times


def check(saved: Saved, arrays: dict[str, np.ndarray]) -> None:
    """Run the program once on two rows of zeros: every operation must give values of the declared shapes."""
    if sum(math.prod(slot.shape_at(2)) for slot in saved.slots if not slot.tensor) > LARGEST:
        raise FileError(f"its values hold more than {LARGEST:,} numbers for two rows: no network needs that")
    known: dict[int, Any] = {i: arrays[name] for i, name in saved.stored.items()}
    known |= {i: np.zeros(saved.slots[i].shape_at(2), saved.slots[i].dtype) for i in saved.inputs}
    left = MOST_WORK + 4 * sum(array.size for array in arrays.values())

    def call(operation: Operation, arguments: list, attributes: dict[str, Any]) -> Any:
        if operation.op == "embedding":
            _looked_up(saved.slots[operation.reads[0] or 0], arguments)
        nonlocal left
        made = _numbers(operation.op, arguments, attributes)
        if made > LARGEST:
            raise ValueError("the result is too large")
        left -= _work(operation.op, [np.shape(a) for a in arguments if a is not None], made)
        if left < 0:
            raise ValueError("the operations so far are more work than any network's")
        results = _tried(operation.op, arguments, attributes)
        for i, value in zip(operation.writes, results if isinstance(results, tuple) else (results,), strict=True):
            if np.shape(value) != saved.slots[i].shape_at(2):
                raise ValueError(f"a result has shape {np.shape(value)}, not {saved.slots[i].shape_at(2)}")
        return results

    def named(operation: Operation, arguments: list, attributes: dict[str, Any]) -> Any:
        try:
            return call(operation, arguments, attributes)
        except Exception as error:  # a rule may stumble over wrong values in any way
            where = f" of {operation.layer}" if operation.layer else ""
            raise FileError(f"it is damaged (operation {operation.op}{where} cannot run: {str(error)[:120]})") from None

    with np.errstate(all="ignore"):  # only whether it runs is asked
        saved.run(known, 2, named)


def _work(op: str, given: list[tuple[int, ...]], made: int) -> int:
    """How many numbers it reads and writes in the trial run; sixteen products count as one."""
    if op in _WINDOWS:  # tried on their shapes alone
        return 1
    if op in _SCANS:  # tried on one step
        u, *given = given
        return math.prod(u) // max(u[1], 1) + sum(map(math.prod, given))
    products = made * given[0][-1] // 16 if op in ("linear", "matmul") else 0
    return sum(map(math.prod, given)) + made + products


def _looked_up(slot: Slot, arguments: list) -> None:
    """Which rows of a table are wanted depends on the data, unless the file says so."""
    if arguments[0].dtype.kind not in "iu":
        raise ValueError("it looks up whole numbers, and was given others")
    if not slot.tensor:
        arguments[0] = np.zeros_like(arguments[0])
    elif arguments[0].size and not 0 <= arguments[0].min() <= arguments[0].max() < len(arguments[1]):
        raise ValueError("it looks up rows that the table has not")


def _numbers(op: str, arguments: list, attributes: dict[str, Any]) -> int:
    """How many numbers an operation would make, at most: asked before it runs, so that no file can fill the memory."""
    given = [None if a is None else np.shape(a) for a in arguments]
    shapes = [shape for shape in given if shape is not None]
    if wrong := refused(op, attributes):
        raise ValueError(f"{wrong}: they do not fit each other" if op in _WINDOWS else f"its settings are {attributes}")
    if op in _SCANS and any(type(attributes.get(name, True)) is not bool for name in ("reverse", "relu")):
        raise ValueError(f"its settings are {attributes}")
    named = dict(zip(OPS[op].inputs, arguments, strict=False))
    lengths = named.get("lengths")
    if lengths is not None and lengths.dtype.kind not in "iu":
        raise ValueError("lengths must be whole numbers")
    if lengths is not None and op != "shortened":
        if lengths.shape != shapes[0][:1]:
            raise ValueError(f"lengths of shape {lengths.shape} do not fit {shapes[0]}")
        shapes = shapes[:-1]
    if op in _WINDOWS:
        return math.prod(_WINDOWS[op](*given, **attributes))
    if op == "concat" or op in _RESHAPED:
        return sum(map(math.prod, shapes))
    if op == "index":
        return _picked(shapes[0], attributes["key"])
    try:
        return _MAKES[op](*given) if op in _MAKES else _together(*shapes)
    except (ValueError, IndexError):
        raise ValueError(f"shapes {shapes} do not fit each other") from None


def _together(*shapes: tuple[int, ...] | None) -> int:
    """The size of what arrays broadcast to; all of them, since two alone may broadcast to more."""
    return math.prod(np.broadcast_shapes(*(shape for shape in shapes if shape is not None)))


def _linear(x: tuple, W: tuple, b: tuple | None) -> int:
    m, k = W
    if x[-1] != k or b not in (None, (m,)):  # no layer has another bias: that is damage
        raise ValueError
    return math.prod(x[:-1]) * m


def _matmul(u: tuple, v: tuple) -> int:
    (*left, n, _), (*right, _, m) = (1, *u)[-max(2, len(u)) :], (*v, 1)[: max(2, len(v))]
    return _together(tuple(left), tuple(right)) * n * m


def _scan(u: tuple, W: tuple, b: tuple | None, *states: tuple | None) -> int:
    (n, _, width), (gates, k) = u, W
    if width not in (1, gates):
        raise ValueError
    return _together((n, gates), b) + sum(_together((n, k), state) for state in states[:-1])


# What operations make that do more than broadcast; the last of a scan's inputs are lengths.
_MAKES: dict[str, Callable[..., int]] = {
    "linear": _linear,
    "matmul": _matmul,
    "embedding": lambda i, W: math.prod(i) * math.prod(W[1:]),
    "penalized_mean": lambda l, w, P: _together(l, w) + math.prod(P),
    "cross_entropy": lambda z, y: math.prod(z) + _together(z[:1], y) * math.prod(z[2:]),
    "rnn": _scan, "lstm": _scan, "gru": _scan,
}
_RESHAPED = ("mse", "half_mse", "mae", "huber", "poisson", "binary_cross_entropy")  # y takes the shape of z
_SCANS = ("rnn", "lstm", "gru")


def _picked(shape: tuple[int, ...], key: Any) -> int:
    """The size of x[key], at most: what its arrays pick together, times the dimensions that they leave."""
    keys = [np.asarray(k) if isinstance(k, list) else k for k in (key if isinstance(key, tuple) else (key,))]
    spans = [k.ndim if isinstance(k, np.ndarray) and k.dtype == bool else int(k is not None) for k in keys]
    rest = len(shape) - sum(span for k, span in zip(keys, spans, strict=True) if k is not ...)
    left, arrays, at = 1, [], 0
    for k, span in zip(keys, spans, strict=True):
        span = rest if k is ... else span
        if isinstance(k, np.ndarray):
            arrays.append((int(k.sum()),) if k.dtype == bool else k.shape)
        elif k is ... or isinstance(k, slice):
            left *= math.prod(shape[at : at + span])
        at += span
    return math.prod(np.broadcast_shapes(*arrays)) * left * math.prod(shape[at:])


# ---- windows and scans: tried on their shapes, since a whole run would take long -------------------------------------


def _windows(x: tuple[int, ...], window: tuple[int, ...], stride: Any, padding: Any, dilation: Any) -> tuple[int, ...]:
    """How many places the windows have, everything about them checked."""
    sizes = len(x) - 2
    settings = window, stride, padding, dilation
    if sizes not in (1, 2) or any(not isinstance(s, tuple) or len(s) != sizes for s in settings) or not pairs(padding):
        raise ValueError(f"windows {window}, {stride}, {padding}, {dilation} over {x}")
    padded = tuple(k + sum(edges) for k, edges in zip(x[1:-1], padding, strict=True))
    spans = tuple(d * (k - 1) + 1 for k, d in zip(window, dilation, strict=True))
    if math.prod(padded) * x[-1] > LARGEST or any(span > k for span, k in zip(spans, padded, strict=True)):
        raise ValueError(f"windows {window} over {padded} places")
    return tuple((k - span) // s + 1 for k, span, s in zip(padded, spans, stride, strict=True))


def _conv_shape(x: tuple, W: tuple, b: tuple | None, *, stride: Any, padding: Any, dilation: Any,
                groups: Any) -> tuple[int, ...]:
    if len(W) != len(x) or W[0] % groups or x[-1] != W[-1] * groups:
        raise ValueError(f"shapes {x}, {W} in {groups} groups do not fit each other")
    z = x[0], *_windows(x, W[1:-1], stride, padding, dilation), W[0]
    return z if b is None else np.broadcast_shapes(z, b)


def _pool_shape(x: tuple, *, window: Any, stride: Any, padding: Any) -> tuple[int, ...]:
    if not isinstance(window, tuple):
        raise ValueError(f"a window {window}")
    return x[0], *_windows(x, window, stride, padding, (1,) * len(window)), x[-1]


def _tried(op: str, arguments: list, attributes: dict[str, Any]) -> Any:
    """What an operation gives, with values that mean nothing where only their shape matters."""
    if op in _WINDOWS:
        shape = _WINDOWS[op](*(None if a is None else np.shape(a) for a in arguments), **attributes)
        return np.broadcast_to(arguments[0].dtype.type(0), shape)
    return OPS[op].outline(*arguments, **attributes)


# Windows: the shape that comes out.
_WINDOWS: dict[str, Callable[..., tuple[int, ...]]] = {
    "conv": _conv_shape, "max_pool": _pool_shape, "avg_pool": _pool_shape,
}
