"""The trial run of a program from a file: two rows of zeros, so that nothing in it can surprise who runs it later."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from ..errors import FileError
from ..rules import OPS
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
    if op in _FITS and not _FITS[op](*given):
        raise ValueError(f"shapes {shapes} do not fit each other")
    if op in _WINDOWS:
        return math.prod(_WINDOWS[op](*given, **attributes))
    if op in _SCANS and not _scan_settings(**attributes):
        raise ValueError(f"its settings are {attributes}")
    if op == "shortened" and not (_places(tuple(attributes.values()), 4, 0) and attributes["stride"]):
        raise ValueError(f"its settings are {attributes}")
    lengths = dict(zip(OPS[op].inputs, arguments, strict=False)).get("lengths")
    if lengths is not None and lengths.dtype.kind not in "iu":
        raise ValueError("lengths must be whole numbers")
    if op == "linear":
        return math.prod(shapes[0][:-1]) * shapes[1][0]
    if op == "embedding":
        return math.prod(shapes[0]) * shapes[1][1]
    if op == "matmul":
        (*left, n, _), (*right, _, m) = shapes
        return math.prod(np.broadcast_shapes(tuple(left), tuple(right))) * n * m
    if op == "concat":
        return sum(map(math.prod, shapes))
    if op == "index":
        return _picked(shapes[0], attributes["key"])
    try:
        return math.prod(np.broadcast_shapes(*shapes))
    except ValueError:  # shapes that do not broadcast: an operation that makes no more than it reads, or an error
        return 0


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


def _places(numbers: Any, count: int, least: int = 1) -> bool:
    return isinstance(numbers, tuple) and len(numbers) == count and all(type(n) is int and n >= least for n in numbers)


def _windows(x: tuple[int, ...], window: tuple[int, ...], stride: Any, padding: Any, dilation: Any) -> tuple[int, ...]:
    """How many places the windows have, everything about them checked."""
    sizes = len(x) - 2
    if sizes not in (1, 2) or len(window) != sizes or len(padding) != sizes or not (
        _places(stride, sizes) and _places(dilation, sizes) and _places(window, sizes) and pairs(padding)
    ):
        raise ValueError(f"windows {window}, {stride}, {padding}, {dilation} over {x}")
    padded = tuple(k + sum(edges) for k, edges in zip(x[1:-1], padding, strict=True))
    spans = tuple(d * (k - 1) + 1 for k, d in zip(window, dilation, strict=True))
    if math.prod(padded) * x[-1] > LARGEST or any(span > k for span, k in zip(spans, padded, strict=True)):
        raise ValueError(f"windows {window} over {padded} places")
    return tuple((k - span) // s + 1 for k, span, s in zip(padded, spans, stride, strict=True))


def _conv_shape(x: tuple, W: tuple, b: tuple | None, *, stride: Any, padding: Any, dilation: Any,
                groups: Any) -> tuple[int, ...]:  # fmt: skip
    if type(groups) is not int or groups < 1 or len(W) != len(x) or W[0] % groups or x[-1] != W[-1] * groups or (
        b not in (None, W[:1])
    ):
        raise ValueError(f"shapes {x}, {W}, {b} in {groups} groups do not fit each other")
    return x[0], *_windows(x, W[1:-1], stride, padding, dilation), W[0]


def _pool_shape(x: tuple, *, window: Any, stride: Any, padding: Any) -> tuple[int, ...]:
    if not isinstance(window, tuple):
        raise ValueError(f"a window {window}")
    return x[0], *_windows(x, window, stride, padding, (1,) * len(window)), x[-1]


def _scan_settings(reverse: Any, truncate: Any, relu: Any = False) -> bool:
    whole_steps = truncate is None or (type(truncate) is int and truncate >= 1)
    return type(reverse) is bool and type(relu) is bool and whole_steps


def _tried(op: str, arguments: list, attributes: dict[str, Any]) -> Any:
    """What an operation gives, with values that mean nothing where only their shape matters."""
    if op in _WINDOWS:
        shape = _WINDOWS[op](*(None if a is None else np.shape(a) for a in arguments), **attributes)
        return np.broadcast_to(arguments[0].dtype.type(0), shape)
    return OPS[op].outline(*arguments, **attributes)


def _scan_fits(gates: int, states: int) -> Callable[..., bool]:
    def fit(u: tuple, W: tuple, b: tuple | None, *others: tuple | None) -> bool:
        *before, lengths = others
        k = W[-1] if W else 0
        rows = len(u) == 3 and u[-1] == gates * k and (gates * k, k) == W and b in (None, W[:1])
        return rows and all(h in (None, (u[0], k)) for h in before) and lengths in (None, u[:1])

    return fit


def _columns(x: tuple[int, ...], *others: tuple[int, ...]) -> bool:
    return all(other == x[-1:] for other in others)


# Kernels walk these operands without looking: no shape may broadcast.
_FITS: dict[str, Callable[..., bool]] = {
    "linear": lambda x, W, b=None: len(W) == 2 and x[-1:] == W[1:] and b in (None, W[:1]),
    "embedding": lambda i, W: len(W) == 2,
    "matmul": lambda u, v: len(u) > 1 and len(v) > 1,
    "layer_norm": _columns,
    "batch_norm": _columns,
    "running_average": lambda old, new: old == new,
    "rnn": _scan_fits(1, 1), "gru": _scan_fits(3, 1), "lstm": _scan_fits(4, 2),
    "masked": lambda x, lengths: len(x) > 1 and lengths == x[:1],
    "global_average": lambda x, lengths: len(x) > 2 and lengths in (None, x[:1]),
    "global_max": lambda x, lengths: len(x) > 2 and lengths in (None, x[:1]),
    "shortened": lambda lengths: len(lengths) == 1,
}

# Windows and scans: the shape that comes out, and which operations are scans.
_WINDOWS: dict[str, Callable[..., tuple[int, ...]]] = {
    "conv": _conv_shape, "max_pool": _pool_shape, "avg_pool": _pool_shape,
}  # fmt: skip
_SCANS = ("rnn", "lstm", "gru")
