"""What a layer keeps: parameters, which training changes, and buffers, which it does not."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from .. import changes
from ..autodiff import Tensor
from ..errors import ArgumentError, ResourceError
from ..random import next_stream
from ..text import size


class Kept(Tensor):
    """A Tensor that a layer keeps. That another array takes the place of its own counts as a change of the network."""

    def __setattr__(self, name: str, value: Any) -> None:
        super().__setattr__(name, value)
        if name == "data":
            changes.note()


class Parameter(Kept):
    """A Tensor that training changes. Made from a shape and an initialiser `init(rng, shape) -> array`, or an array.

    learnt: whether its values were trained or loaded, not drawn.

    >>> import numpy as np, cutaway as ct
    >>> ct.nn.Parameter((2, 3), ct.nn.init.he_normal).shape, ct.nn.Parameter(np.ones(3)).tolist()
    ((2, 3), [1.0, 1.0, 1.0])
    """

    learnt = False

    def __init__(self, shape: Any, init: Callable | None = None, requires_grad: bool = True) -> None:
        if init is None:
            if isinstance(shape, tuple) and shape and all(type(n) is int for n in shape):
                raise ArgumentError(f"Parameter({shape}): a shape needs an initialiser, as in Parameter({shape}, "
                                    f"ct.nn.init.he_normal). If these are its values, write np.array({list(shape)})")
            start = np.array(shape.data if isinstance(shape, Tensor) else shape, np.float32)
            init = Start(start)
            shape = start.shape
        self.init = init
        try:
            values = np.asarray(init(next_stream(), shape), np.float32)
        except MemoryError:
            room = size(4 * math.prod(shape), binary=True)
            raise ResourceError(f"a parameter of shape {shape} needs {room}, which cannot be had") from None
        super().__init__(values, requires_grad=requires_grad)
        self.made = self.data.shape  # tells later whether an array of another shape took its place


@dataclass(frozen=True, eq=False)
class Start:
    """The initialiser of a parameter that was made from an array: init() goes back to it."""

    values: np.ndarray

    def __call__(self, rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
        return self.values.copy()


class Buffer(Kept):
    """State that a layer keeps but no gradient changes, such as a running mean.

    found: it was found in data, as the edges of bins are, so that init leaves it as it is.
    """

    def __init__(self, start: np.ndarray, found: bool = False) -> None:
        self.start, self.found = np.asarray(start, np.float32), found
        super().__init__(self.start.copy())


def check_numbers(name: str, t: Tensor) -> None:
    """Raise ArgumentError where a weight's data were replaced by something that is no array of its kind."""
    wrong = not isinstance(t.data, np.ndarray)
    if wrong or (isinstance(t, Parameter) and (t.data.dtype.kind != "f" or t.data.itemsize not in (4, 8))):
        got = type(t.data).__name__ if wrong else f"an array of {t.data.dtype}"
        raise ArgumentError(f"{name}.data is an array of float32 or float64, got {got}: write "
                            f"{name}.data[...] = values")
