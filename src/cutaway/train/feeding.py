"""Data for training: checked, in the program's precision; arrays too large for memory come in stages."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..arguments import count_rows, whole_numbers
from ..errors import ArgumentError, DataError, ShapeError
from ..named_inputs import NamedInputs
from ..sequences import Sequences
from ..staged import STAGE, Staged, from_sparse


@dataclass
class Data:
    """Inputs, targets and weights, all with the same number of rows.

    kept: the numbers of the rows of `inputs` that count, where inputs stay on the disk; None: all rows count.
    """

    inputs: Any  # NamedInputs, whatever they were made of
    y: np.ndarray
    weight: np.ndarray | None = None
    kept: np.ndarray | None = None

    def __post_init__(self) -> None:
        self.inputs = NamedInputs.of(self.inputs)
        arrays = {} if self.kept is not None else self.inputs.arrays
        lengths = {name: len(array) for name, array in arrays.items()} | {"y": len(self.y)}
        if self.weight is not None:
            lengths["sample_weight"] = len(self.weight)
        if len(set(lengths.values())) > 1:
            raise ShapeError(f"X and y must have the same number of rows, got {lengths}")
        if not len(self.y):
            raise DataError("there are no rows to train on")

    def __len__(self) -> int:
        return len(self.y)

    def counted(self) -> np.ndarray:
        """Find the numbers of the rows whose weight is not zero."""
        n = len(self)
        kept = np.arange(n) if self.weight is None else np.flatnonzero(self.weight)
        return kept.astype(np.int32 if n < 2**31 else np.int64, copy=False)

    def rows(self, index: np.ndarray) -> Data:
        """Take some rows, in memory."""
        where = index if self.kept is None else self.kept[index]
        return Data(self.inputs[where], self.y[index], None if self.weight is None else self.weight[index])

    def part(self, index: np.ndarray) -> Data:
        """Take some rows; inputs on the disk stay there."""
        if not self.on_disk:
            return self.rows(index)
        return Data(self.inputs, self.y[index], None if self.weight is None else self.weight[index], index)

    @property
    def on_disk(self) -> bool:
        return any(map(on_disk, self.inputs.arrays.values()))


def checked(name: str, X: Any, y: Any, sample_weight: Any, classes: bool) -> Data:
    """Check data that are to be trained on; `name` is that of y. What rows of weight zero hold is not looked at.

    Raises ShapeError, DataError or ArgumentError.
    """
    weight = weights_of(sample_weight, count_rows(name, y))
    if weight is not None and not weight.all():
        y = np.array(y)
        y[weight == 0] = y[np.argmax(weight > 0)]  # a target that fits, never used
    data = Data(as_arrays(X), target(y, classes), weight)
    check_all_finite(data.inputs, weight)
    check_finite(name, data.y)
    return data


def as_arrays(X: Any) -> NamedInputs:
    """Make inputs arrays of numbers; memory maps stay maps, large sparse matrices become rows made when read."""
    return NamedInputs.of(X).each(_numbers)


def _numbers(part: Any) -> Any:
    """Check one input, and turn it into numbers that can be trained on."""
    if isinstance(part, Staged):
        return part
    if hasattr(part, "tocsr"):
        return from_sparse(part)
    if isinstance(part, Sequences):
        return _without_gaps(part.with_values(_numbers(part.values)))
    count_rows("X", part)
    if part.dtype.kind not in "fiub":
        raise DataError(
            f"X must hold numbers, got an array of {part.dtype}: encode text, dates and categories first, or use "
            "ct.Classifier or ct.Regressor, which take tables as they are"
        )
    if part.ndim < 2 and part.dtype.kind == "f":
        raise ShapeError(f"X must have one row a sample, got shape {part.shape}: use X.reshape(-1, 1) for one feature")
    return part


def _without_gaps(x: Sequences) -> Sequences:
    """Put zeros for padding that is no number: gradients, which sum products with padding, would be spoilt."""
    if x.dtype.kind != "f" or on_disk(x.values) or np.isfinite(np.sum(x.values, dtype=np.float64)):
        return x
    inside = (np.arange(x.shape[1]) < x.lengths[:, None]).reshape(*x.shape[:2], *(1,) * (x.values.ndim - 2))
    return x.with_values(np.where(inside, x.values, 0))


def target(y: Any, classes: bool) -> np.ndarray:
    """Make y an array: class numbers as int32, everything else as numbers."""
    parts = y.values() if isinstance(y, dict) else y if isinstance(y, tuple) else ()
    if any(getattr(part, "ndim", 0) for part in parts):
        raise ShapeError(f"y is one array with a row a sample, got a {type(y).__name__} of {len(y)}: put several "
                         "targets side by side, np.column_stack(targets), and take them apart in the loss, as y[:, :1]")
    y = np.asarray(y)
    if y.dtype.kind not in "fiub":
        raise DataError(
            f"y must hold numbers, got {y.dtype}: number the classes 0, 1, ... or use ct.Classifier, which takes any "
            "labels"
        )
    if classes and y.ndim == 1:
        if y.dtype.kind == "f" and not np.all(y == np.floor(y)):
            raise DataError("cross_entropy takes class numbers 0, 1, ... or (n, C) probabilities, but y has fractions")
        return whole_numbers("y", y)
    return y


def check_finite(
    name: str, array: np.ndarray, numbers: np.ndarray | None = None, weight: np.ndarray | None = None
) -> None:
    """Raise if a float array has NaN or infinity, and say where. numbers: its rows' own, where it has only some."""
    if array.dtype.kind != "f" or np.isfinite(np.sum(array, dtype=np.float64)):
        return
    bad = np.argwhere(~np.isfinite(array))
    bad = bad if weight is None else bad[weight[bad[:, 0]] > 0]
    if len(bad):
        row, *column = bad[0].tolist()
        row = row if numbers is None else numbers[row]
        where = f"row {row}" + (f", column {', '.join(map(str, column))}" if column else "")
        raise DataError(
            f"{name} has {array[tuple(bad[0])]} at {where} ({len(bad):,} such values): fill or drop them first "
            "(ct.Classifier and ct.Regressor handle gaps in tables)"
        )


def check_all_finite(inputs: NamedInputs, weight: np.ndarray | None = None) -> None:
    """Raise if an array that is in memory has NaN or infinity; maps are checked as they are read."""
    for name, array in inputs.arrays.items():
        if not on_disk(array):
            check_finite("X" if name == "x" else name, array, weight=weight)


def on_disk(array: np.ndarray) -> bool:
    """Whether an array is a memory map, or a view of one, or rows that are made as they are read."""
    if isinstance(array, Staged):
        return True
    while isinstance(array, np.ndarray):
        if isinstance(array, np.memmap):
            return True
        array = array.base  # type: ignore[assignment]
    return False


def fits(inputs: NamedInputs, itemsize: int) -> bool:
    """Whether a copy in the program's precision fits beside the original: no memory map, under half of free memory."""
    parts = list(inputs.arrays.values())
    if any(map(on_disk, parts)):
        return False
    copied = [p for p in parts if p.dtype.itemsize != itemsize or p.dtype.kind != "f" or not p.flags.c_contiguous]
    copies = sum(part.size * itemsize for part in copied)
    try:
        free = os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (ValueError, OSError, AttributeError):
        return True
    return copies < max(free // 2, 2**28)


def stages(data: Data, order: np.ndarray, batch_size: int,
           own: Callable[[int], slice] | None = None, most: int | None = None) -> Iterator[tuple[Data, np.ndarray]]:
    """Read the rows of `order` a few batches at a time: give them as they lie on the disk, and their order.

    own: which rows of a batch of n are read here; the order has any number for the others. most: bytes at a time, at
    most, but for one batch.
    """
    ones = [part[:1] for part in data.inputs.arrays.values()]
    width = sum(max(4 * part.size, part.nbytes) for part in ones)
    stage = STAGE if most is None else min(STAGE, most)
    rows = max(1, stage // (width + 32) // batch_size) * batch_size  # 32 bytes of numbers and order for each row
    for start in range(0, len(order), rows):
        wanted = order[start : start + rows]
        back, mine = np.zeros(len(wanted), np.int64), places_here(len(wanted), batch_size, own)
        wanted = wanted[mine]
        sequence = np.argsort(wanted, kind="stable")
        back[mine[sequence]] = np.arange(len(wanted))
        part, numbers = data.rows(wanted[sequence]), wanted[sequence]
        for name, array in part.inputs.arrays.items():
            check_finite("X" if name == "x" else name, array, numbers if data.kept is None else data.kept[numbers])
        yield part, back


def places_here(count: int, batch_size: int, own: Callable[[int], slice] | None) -> np.ndarray:
    """The places, in `count` rows cut into batches, of the rows that are read here."""
    places = np.arange(count)
    if own is None:
        return places
    return np.concatenate([places[at : at + batch_size][own(min(batch_size, count - at))]
                           for at in range(0, count, batch_size)])


def weights_of(sample_weight: Any, n: int) -> np.ndarray | None:
    if sample_weight is None:
        return None
    try:
        w = np.asarray(sample_weight, float)
    except (TypeError, ValueError):
        raise ArgumentError(f"sample_weight must hold numbers, got {np.asarray(sample_weight).dtype}") from None
    if w.shape != (n,):
        raise ShapeError(f"sample_weight must have shape ({n},), one weight a row, got {w.shape}")
    if not np.isfinite(w).all() or (w < 0).any() or not (w > 0).any():
        raise ArgumentError("sample_weight must be finite, not negative, and not all zero")
    return w
