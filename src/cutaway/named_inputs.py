"""What a network is given, parsed once where it comes in: arrays and Sequences by the names that programs use."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .arguments import count_rows
from .errors import ShapeError
from .sequences import Sequences, ragged_to_sequences
from .staged import Staged

READY = (np.ndarray, Staged)


class NamedInputs:
    """The inputs of a network by name: x; x1, x2, ... of a tuple; x.key of a dict; each with a row a sample.

    >>> X = NamedInputs.of({"age": np.zeros((3, 1)), "words": [[1, 2], [3], [4, 5, 6]]})
    >>> X.parts
    {'x.age': array([[0.],
           [0.],
           [0.]]), 'x.words': Sequences(3 of length 1 to 3, tokens)}
    >>> list(X.arrays), len(X[:2])
    (['x.age', 'x.words', 'x.words.lengths'], 2)

    parts: arrays or Sequences. arrays: the same, but the values of Sequences apart from their lengths, as programs
    read them. by_name: whether a network takes them as keywords, as it does those of a dict. What is read from the
    disk, or made as it is read, stays so until some rows are taken.
    """

    __slots__ = ("arrays", "by_name", "parts")

    def __init__(self, parts: dict[str, Any], by_name: bool = False) -> None:
        self.parts, self.by_name = parts, by_name
        self.arrays: dict[str, Any] = {}
        for name, part in parts.items():
            if isinstance(part, Sequences):
                self.arrays[name], self.arrays[lengths_of(name)] = part.values, part.lengths
            else:
                self.arrays[name] = part

    @classmethod
    def of(cls, X: Any) -> NamedInputs:
        """Name what X holds, which may be anything that ct.fit takes as X; its lists become arrays, or Sequences."""
        if isinstance(X, NamedInputs):
            return X
        if isinstance(X, tuple):
            return cls({f"x{i + 1}": _array(part) for i, part in enumerate(X)})
        if isinstance(X, dict):
            return cls({f"x.{key}": _array(part) for key, part in X.items()}, by_name=True)
        return cls({"x": _array(X)})

    def __len__(self) -> int:
        """The number of rows."""
        first = next(iter(self.arrays.values()), ())
        return len(first) if np.ndim(first) else 1

    def __getitem__(self, rows: Any) -> NamedInputs:
        """Take some rows: a slice or an array of numbers."""
        return self.each(lambda part: part[rows])

    def first(self, n: int) -> NamedInputs:
        """Take the first n rows, repeated where there are fewer."""
        return self.each(lambda part: first_rows(part, n))

    def each(self, f: Callable[[Any], Any]) -> NamedInputs:
        """Apply a function to each part."""
        return NamedInputs({name: f(part) for name, part in self.parts.items()}, self.by_name)

    def passed_to(self, f: Callable) -> Any:
        """Call a network, or another function with its arguments, on these inputs."""
        return f(**self.as_given()) if self.by_name else f(*self.parts.values())

    def as_given(self) -> Any:
        """Give the inputs as they came: one array or Sequences, a tuple or a dict."""
        if self.by_name:
            return {name.removeprefix("x."): part for name, part in self.parts.items()}
        return self.parts["x"] if "x" in self.parts else tuple(self.parts.values())

    @property
    def kind(self) -> tuple:
        """What a program's recording depends on: names, shapes and kinds of numbers, not the number of rows."""
        return tuple((name, array.shape[1:], array.dtype.kind) for name, array in self.arrays.items())

    @property
    def step(self) -> int | None:
        """How many rows may be made at a time, where rows are made as they are read; None where they lie ready."""
        steps = [array.step for array in self.arrays.values() if isinstance(array, Staged)]
        return min(steps) if steps else None


def _array(part: Any) -> Any:
    """Make an input an array; a list of arrays of different lengths becomes Sequences. Sparse matrices stay."""
    if isinstance(part, READY) or hasattr(part, "tocsr"):
        return part
    if isinstance(part, tuple):
        raise ShapeError("the inputs of a network are arrays with a row a sample, got a tuple among them: give rows "
                         "as a list or an array")
    part = ragged_to_sequences(part)
    if isinstance(part, Sequences):
        return part if isinstance(part.values, READY) else Sequences(np.asarray(part.values), np.asarray(part.lengths))
    return np.asarray(part)


def lengths_of(name: str) -> str:
    """The name of the lengths that belong to the input `name`."""
    return "lengths" if name == "x" else f"{name}.lengths"


def first_rows(part: Any, n: int) -> Any:
    """Take the first n rows of an array or of Sequences, repeated where there are fewer."""
    if isinstance(part, Sequences):
        return Sequences(first_rows(part.values, n), np.maximum(first_rows(part.lengths, n), 1))
    count_rows("the data", part)
    return np.resize(np.asarray(part[:n]), (n, *part.shape[1:]))
