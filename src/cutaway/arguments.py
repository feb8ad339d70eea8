"""What is asked of numbers that callers give: a single one, or whole numbers by which something is looked up."""

from __future__ import annotations

from typing import Any

import numpy as np

from .errors import ArgumentError, ShapeError


class _Own(np.ndarray):
    """The memory of a copy that was made here: an array whose base has this class is known as ours."""


def is_whole(value: Any, least: float = -np.inf, most: float = np.inf) -> bool:
    """Whether a value is a whole number within bounds; True and 3.0 are none."""
    return isinstance(value, int | np.integer) and not isinstance(value, bool) and bool(least <= value <= most)


def whole_number(name: str, value: Any, least: int | None = 1, instead: str = "", most: int | None = None) -> int:
    """Check an argument that counts something. `instead`: what else it may be, for the error.

    >>> whole_number("epochs", np.int64(3))
    3

    Raises ArgumentError for anything but a whole number from `least` to `most`; True and 3.0 are none.
    """
    if not is_whole(value, -np.inf if least is None else least, np.inf if most is None else most):
        bound = "" if least is None else f" of at least {least}" if most is None else f" from {least} to {most}"
        raise ArgumentError(f"{name} must be a whole number{bound}{instead}, got {value!r}")
    return int(value)


def count_rows(name: str, values: Any) -> int:
    """Count the rows of data. Raises ShapeError for a single value, which has none."""
    try:
        return len(values)
    except TypeError:
        raise ShapeError(f"{name} must have a row for each sample, got a single value: {values!r}") from None


def whole_numbers(name: str, given: Any, dtype: Any = np.int32) -> np.ndarray:
    """Copy an array by which rows, classes or steps are looked up: int32 (or int64), in memory of our own.

    It is copied before anybody checks what lies in it: machine code looks rows up without asking, and whoever gave the
    array may change it at any time. One that came from here is not copied again.

    >>> whole_numbers("y", np.array([0.0, 2.0]))
    array([0, 2], dtype=int32)

    Raises ArgumentError for fractions, and for numbers that this type does not hold.
    """
    array = np.asarray(given)
    if type(array.base) is _Own and array.dtype == dtype:
        return array
    if array.dtype.kind not in "biuf":
        raise ArgumentError(f"{name} must hold whole numbers, got {array.dtype}")
    if array.dtype.kind == "f" and not np.all(array == np.floor(array)):
        raise ArgumentError(f"{name} must hold whole numbers, but it has fractions or gaps")
    if array.size and array.dtype != dtype and not np.can_cast(array.dtype, dtype):
        bounds, least, most = np.iinfo(dtype), array.min().item(), array.max().item()
        if least < bounds.min or most > bounds.max:
            raise ArgumentError(
                f"{name} must hold whole numbers from {bounds.min} to {bounds.max}, got {least} to {most}"
            )
    own = _Own(array.shape, dtype)
    own[...] = array
    return own.view(np.ndarray)


def within(name: str, numbers: np.ndarray, limit: int, what: str = "whole numbers") -> None:
    """Raise ArgumentError unless every number is one of 0, 1, ... limit - 1."""
    if numbers.size and (numbers.min() < 0 or numbers.max() >= limit):
        raise ArgumentError(f"{name} must hold {what} from 0 to {limit - 1}, got {numbers.min()} to {numbers.max()}")
