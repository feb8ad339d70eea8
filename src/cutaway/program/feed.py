"""What callers give a program: how it should run, and the data that its batches are gathered from."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..arguments import whole_number, whole_numbers
from ..autodiff import Tensor
from ..errors import ArgumentError, ShapeError
from ..named_inputs import NamedInputs
from .instruction import Value

STAGE = 64 * 2**20  # bytes of rows that are copied at a time


def batch_and_threads(batch_size: Any, threads: Any) -> tuple[int, int | None]:
    """Check the size of a batch and the number of threads, and make Python's numbers of them."""
    if threads is not None:
        threads = whole_number("threads", threads, instead=", or None to choose by the size of a step")
    return whole_number("batch_size", batch_size), threads


def same_rows(data: dict[str, np.ndarray]) -> None:
    """Raise ShapeError unless all data, by name, have the same number of rows."""
    lengths = {name: len(values) for name, values in data.items()}
    if len(set(lengths.values())) > 1:
        raise ShapeError(f"inputs and targets must have the same number of rows, got {lengths}")


def prepared(name: str, value: Any, whole: bool) -> np.ndarray:
    """Make data an array with a row for each sample. whole: copy whole numbers, so that nobody changes them later."""
    array = value.data if isinstance(value, Tensor) else np.asarray(value)
    if not array.ndim:
        raise ShapeError(f"{name} must have a row for each sample, got a single value: {array!r}")
    if array.dtype.kind not in "fiub":
        raise ArgumentError(f"{name} must hold numbers, got an array of {array.dtype}")
    return whole_numbers(name, array) if whole else array


def pieces(X: NamedInputs, inputs: list[Value], batch_size: int) -> list[NamedInputs]:
    """Cut data into pieces of whole batches, where a copy of all rows at once might not fit in memory."""
    for array in X.arrays.values():
        if getattr(array, "nbytes", 0) > STAGE // len(X.arrays):
            break
    else:
        return [X]
    kinds = {v.name: v.dtype for v in inputs}
    copied = [array for name, array in X.arrays.items() if array.dtype.kind != "f" or array.dtype != kinds.get(name)]
    if sum(array.nbytes for array in copied) <= STAGE or not all(array.ndim for array in X.arrays.values()):
        return [X]
    same_rows(X.arrays)
    rows = max(1, STAGE // max(sum(array[:1].nbytes for array in copied), 1) // batch_size) * batch_size
    return [X[start : start + rows] for start in range(0, len(X), rows)]
