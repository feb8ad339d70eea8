"""Python values as plain JSON and back: numbers, text, lists and dicts as they are, a few others under a "$" name."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from ..errors import ArgumentError, FileError
from ..program import Rows

DEEPEST = 64  # lists in lists
LARGEST = 2**63
ARRAYS = ("bool", "int32", "int64", "float32", "float64")


def encode(value: Any, what: str, depth: int = 0) -> Any:
    """Turn a value into JSON; `what` names it in errors.

    >>> encode({"key": (slice(0, 2), ..., None)}, "settings")
    {'key': {'$tuple': [{'$slice': [0, 2, None]}, {'$ellipsis': []}, None]}}
    """
    if depth > DEEPEST:
        raise ArgumentError(f"{what} is nested more than {DEEPEST} deep: a model file cannot hold it")

    def inner(parts: Any) -> list:
        return [encode(part, what, depth + 1) for part in parts]

    if isinstance(value, np.generic):
        value = value.item()
    if value is None or type(value) in (bool, str):
        return value
    if type(value) is int and abs(value) < LARGEST:
        return value
    if type(value) is float:
        return value if math.isfinite(value) else {"$float": str(value)}
    if type(value) is list:
        return inner(value)
    if type(value) is tuple:
        return {"$tuple": inner(value)}
    if type(value) is slice:
        return {"$slice": inner((value.start, value.stop, value.step))}
    if value is Ellipsis:
        return {"$ellipsis": []}
    if type(value) is Rows:
        return {"$rows": value.per_sample}
    if isinstance(value, np.ndarray) and value.dtype.name in ARRAYS:
        return {"$array": [value.dtype.name, list(value.shape), inner(value.ravel().tolist())]}
    if isinstance(value, dict) and all(type(key) is str for key in value):
        if any(key.startswith("$") for key in value):
            return {"$dict": inner([key, part] for key, part in value.items())}
        return {key: encode(part, what, depth + 1) for key, part in value.items()}
    raise ArgumentError(
        f"{what} holds {value!r} ({type(value).__name__}), which a model file cannot hold: it takes numbers, text, "
        "None, lists, tuples, slices, arrays of numbers, and dicts with text as keys"
    )


def decode(value: Any, depth: int = 0) -> Any:
    """Read the value that `encode` wrote.

    >>> decode({"$tuple": [{"$slice": [0, 2, None]}, {"$ellipsis": []}]})
    (slice(0, 2, None), Ellipsis)
    """
    if depth > DEEPEST:
        raise FileError(f"its description is nested more than {DEEPEST} deep")
    if isinstance(value, list):
        return [decode(part, depth + 1) for part in value]
    if isinstance(value, dict):
        if not any(key.startswith("$") for key in value):
            return {key: decode(part, depth + 1) for key, part in value.items()}
        if len(value) == 1:
            ((tag, content),) = value.items()
            try:
                return _TAGS[tag](decode(content, depth + 1))
            except (KeyError, TypeError, ValueError, OverflowError):
                pass
        raise FileError(f"its description has an entry that means nothing ({str(value)[:60]})")
    if type(value) is int and abs(value) >= LARGEST:
        raise FileError("its description has a number beyond 64 bits")
    return value


def _float(text: str) -> float:
    return {"nan": math.nan, "inf": math.inf, "-inf": -math.inf}[text]


def _slice(parts: list) -> slice:
    start, stop, step = parts
    if any(part is not None and type(part) is not int for part in parts):
        raise ValueError
    return slice(start, stop, step)


def _ellipsis(parts: list) -> Any:
    if parts != []:
        raise ValueError
    return ...


def _rows(per_sample: int) -> Rows:
    if type(per_sample) is not int or not 1 <= per_sample < 2**31:
        raise ValueError
    return Rows(per_sample)


def _array(parts: list) -> np.ndarray:
    dtype, shape, values = parts
    kinds = {"b": (bool,), "i": (int,), "f": (int, float)}[np.dtype(dtype).kind]
    if dtype not in ARRAYS or any(type(v) not in kinds for v in values) or any(type(n) is not int for n in shape):
        raise ValueError
    if math.prod(shape) != len(values) or min(shape, default=0) < 0:
        raise ValueError
    return np.array(values, dtype).reshape(shape)


def _tuple(parts: list) -> tuple:
    if type(parts) is not list:
        raise ValueError
    return tuple(parts)


def _dict(pairs: list) -> dict:
    found = {key: value for key, value in pairs}
    if len(found) != len(pairs) or any(type(key) is not str for key in found):
        raise ValueError
    return found


_TAGS: dict[str, Callable[[Any], Any]] = {
    "$float": _float, "$tuple": _tuple, "$slice": _slice, "$ellipsis": _ellipsis, "$rows": _rows, "$array": _array,
    "$dict": _dict,
}
