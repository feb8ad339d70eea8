"""What callers give a program: how it should run, and the data that its batches are gathered from."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..arguments import whole_number, whole_numbers
from ..autodiff import Tensor
from ..errors import ArgumentError, ShapeError
from ..program import Value, named_inputs

STAGE = 64 * 2**20  # bytes of rows that are copied at a time


def how(batch_size: Any, threads: Any) -> tuple[int, int | None]:
    """Rows of a batch and number of threads, as Python's numbers. Raises ArgumentError for what counts nothing."""
    if threads is not None:
        threads = whole_number("threads", threads, instead=", or None to choose by the size of a step")
    return whole_number("batch_size", batch_size), threads


def rows_in(X: Any) -> int:
    """The number of rows of the inputs."""
    part = next(iter(named_inputs(X).values()), ())
    return len(part) if np.ndim(part) else 1


def same_rows(data: dict[str, np.ndarray]) -> None:
    """Raise ShapeError unless all data, by name, have the same number of rows."""
    lengths = {name: len(values) for name, values in data.items()}
    if len(set(lengths.values())) > 1:
        raise ShapeError(f"inputs and targets must have the same number of rows, got {lengths}")


def prepared(name: str, value: Any, whole: bool) -> np.ndarray:
    """Data by its name as an array with a row a sample; whole numbers as ours, so that they stay what is checked."""
    array = value.data if isinstance(value, Tensor) else np.asarray(value)
    if not array.ndim:
        raise ShapeError(f"{name} must have a row for each sample, got a single value: {array!r}")
    if array.dtype.kind not in "fiub":
        raise ArgumentError(f"{name} must hold numbers, got an array of {array.dtype}")
    return whole_numbers(name, array) if whole else array


def pieces(data: dict[str, Any], inputs: list[Value], batch_size: int) -> list[dict[str, Any]]:
    """The data in pieces of whole batches, where not all should be copied at once: they might not fit in memory."""
    for part in data.values():
        if getattr(part, "nbytes", 0) > STAGE // len(data):
            break
    else:
        return [data]
    kinds = {v.name: v.dtype for v in inputs}
    arrays = {name: part if isinstance(part, np.ndarray) else np.asarray(part) for name, part in data.items()}
    copied = [part for name, part in arrays.items() if part.dtype.kind != "f" or part.dtype != kinds.get(name)]
    if sum(part.nbytes for part in copied) <= STAGE or not all(part.ndim for part in arrays.values()):
        return [data]
    same_rows(arrays)
    rows = max(1, STAGE // max(sum(part[:1].nbytes for part in copied), 1) // batch_size) * batch_size
    return [{name: part[start : start + rows] for name, part in arrays.items()}
            for start in range(0, len(copied[0]), rows)]
