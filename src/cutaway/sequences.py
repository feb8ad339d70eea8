"""Sequences: rows of different lengths in one array, and how long each is."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from .errors import ArgumentError, DataError, ShapeError
from .text import counted


def ragged_to_sequences(x: Any) -> Any:
    """Make a list of arrays of different lengths Sequences; all else stays as it is."""
    rows = x if isinstance(x, list) and all(isinstance(row, list | np.ndarray) and np.ndim(row) for row in x) else []
    return Sequences.from_list(rows) if len(set(map(len, rows))) > 1 else x


class Sequences:
    """Sequences of different lengths, padded to one array: values (n, time, features), lengths (n,) whole numbers.

    >>> import numpy as np, cutaway as ct
    >>> s = ct.Sequences.from_list([np.ones((3, 2)), np.ones((5, 2))])
    >>> s
    Sequences(2 of length 3 to 5, 2 features)
    >>> s.values.shape, s.lengths
    ((2, 5, 2), array([3, 5], dtype=int32))

    Row i is values[i, :lengths[i]]; what lies behind it is padding, which never changes a result or a gradient.
    Networks take Sequences where they take an array; inside a network values and lengths are Tensors.
    Raises ShapeError or DataError for lengths that do not fit the values.
    """

    def __init__(self, values: Any, lengths: Any) -> None:
        if not hasattr(values, "shape"):
            values = np.asarray(values)
        if not hasattr(lengths, "shape"):
            lengths = np.asarray(lengths)
        self.values, self.lengths = values, lengths
        if isinstance(lengths, np.ndarray):
            self._check()

    def _check(self) -> None:
        values, lengths = self.values, self.lengths
        if len(values.shape) < 2:
            raise ShapeError(f"sequences are (n, time, features), or (n, time) of whole numbers, got {values.shape}")
        if lengths.shape != values.shape[:1]:
            raise ShapeError(f"{len(values)} sequences need as many lengths, got lengths of shape {lengths.shape}")
        if lengths.dtype.kind not in "iu":
            raise DataError(f"lengths are whole numbers of time steps, got {lengths.dtype}")
        if len(lengths) and (lengths.min() < 1 or lengths.max() > values.shape[1]):
            row = int(np.flatnonzero((lengths < 1) | (lengths > values.shape[1]))[0])
            raise DataError(
                f"sequence {row} has length {lengths[row]}, but lengths are from 1 to {values.shape[1]}, the steps "
                "of the values: " + ("leave empty sequences out" if lengths[row] < 1 else "check the lengths")
            )
        self.lengths = lengths.astype(np.int32, copy=False)

    @classmethod
    def from_array(cls, values: Any, channels: str = "last") -> Sequences:
        """Make Sequences of one length from an array (n, time, features), or (n, features, time) with channels="first".

        aeon and sktime keep the channels first, PyTorch's convolutions too.

        >>> Sequences.from_array(np.zeros((5, 3, 100)), channels="first")
        Sequences(5 of length 100 to 100, 3 features)
        """
        values = np.asarray(values)
        if values.ndim != 3:
            raise ShapeError(f"sequences in an array are (n, time, features), got {values.shape}")
        values = np.ascontiguousarray(values.swapaxes(1, 2)) if _first(channels) else values
        return cls(values, np.full(len(values), values.shape[1], np.int32))

    @classmethod
    def from_list(
        cls, rows: Iterable[Any], dtype: Any = None, tokens: bool | None = None, channels: str = "last"
    ) -> Sequences:
        """Make Sequences from a list of arrays (time, features), or (time,); padded with zeros at the end.

        With channels="first" they are (features, time), as aeon has them.

        Arrays (time,) are tokens, (n, time) whole numbers for an Embedding, or one feature, (n, time, 1). Their type
        decides if `tokens` does not: whole numbers in all of them, none below 0, are tokens, and the repr says so. A
        series that is measured in whole numbers takes tokens=False.

        >>> Sequences.from_list([[3, 1, 4], [1, 5]])
        Sequences(2 of length 2 to 3, tokens)
        >>> Sequences.from_list([[3, 1, 4], [1, 5]], tokens=False)
        Sequences(2 of length 2 to 3, 1 feature)
        """
        arrays = [np.asarray(row, dtype) for row in rows]
        if _first(channels):
            arrays = [a.T if a.ndim == 2 else a for a in arrays]
        if not arrays:
            raise DataError("there are no sequences")
        if tokens is None:
            tokens = all(a.ndim == 1 and a.dtype.kind in "iub" and a.min(initial=0) >= 0 for a in arrays)
        elif tokens:
            arrays = [_as_tokens(a, i) for i, a in enumerate(arrays)]
        if not tokens:
            arrays = [a[:, None] if a.ndim == 1 else a for a in arrays]
            arrays = [a.astype(np.float64) if a.dtype.kind in "iub" and a.shape[1:] == (1,) else a for a in arrays]
        wanted = arrays[0].shape[1:]
        for i, a in enumerate(arrays):
            if a.ndim == 0 or a.shape[1:] != wanted:
                turned = a.ndim == 2 and a.shape[:1] == arrays[0].shape[:1]
                hint = ". If they are (features, time), say so: Sequences.from_list(rows, channels='first')" * turned
                raise ShapeError(f"sequence {i} has shape {a.shape}, but the first has {arrays[0].shape}: only their "
                                 f"lengths may differ{hint}")
            if not len(a):
                raise DataError(f"sequence {i} has no time steps: leave empty sequences out")
        values = np.zeros((len(arrays), max(map(len, arrays)), *wanted), np.result_type(*arrays))
        for i, a in enumerate(arrays):
            values[i, : len(a)] = a
        return cls(values, np.array([len(a) for a in arrays], np.int32))

    def __len__(self) -> int:
        return len(self.values)

    def __getitem__(self, rows: Any) -> Sequences:
        """Take some rows, as Sequences: a slice or an array of numbers."""
        return Sequences(self.values[rows], self.lengths[rows])

    def with_values(self, values: Any) -> Sequences:
        """Make Sequences of other values with the same lengths."""
        return Sequences(values, self.lengths)

    @property
    def shape(self) -> tuple[int, ...]:
        """The values' shape."""
        return self.values.shape

    @property
    def dtype(self) -> np.dtype:
        """The values' type."""
        return self.values.dtype

    def rows(self) -> list[Any]:
        """Give each sequence without its padding."""
        return [row[:length] for row, length in zip(self.values, self.lengths, strict=True)]

    def __repr__(self) -> str:
        if not isinstance(self.lengths, np.ndarray) or not len(self.lengths):
            return f"Sequences({self.values.shape})"
        k = self.values.shape[2] if self.values.ndim > 2 else 0
        features = f", {counted(k, 'feature')}" if k else ", tokens" if self.values.ndim == 2 else ""
        return f"Sequences({len(self):,} of length {self.lengths.min()} to {self.lengths.max()}{features})"


def _first(channels: str) -> bool:
    if channels not in ("first", "last"):
        raise ArgumentError(f"channels is {channels!r}: choose 'first' (features, time) or 'last' (time, features).")
    return channels == "first"


def _as_tokens(row: np.ndarray, i: int) -> np.ndarray:
    """Make a row (time,) whole numbers."""
    if row.ndim != 1 or row.dtype.kind not in "iubf" or not (row == np.rint(row)).all():
        raise DataError(f"sequence {i} is no row of tokens, whole numbers (time,): leave tokens=True out")
    return row.astype(np.int64) if row.dtype.kind in "fb" else row
