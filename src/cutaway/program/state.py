"""State: what outlasts a training step, by name. Whatever copies, saves or puts back a training goes through it."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Mapping
from typing import Any

import numpy as np

from ..autodiff import Tensor
from ..errors import ArgumentError, ShapeError
from ..optim import Optimizer

Snapshot = dict[str, Any]  # copies of a state's arrays by name, and "t"


class State(Mapping[str, Any]):
    """The weights "θ", the optimizer's vectors ("m", "v"), the model's buffers ("layer2.running_mean"), and "t", the
    number of steps done.

    `state["m"]` is the array as it is now, not a copy: what is written into it is what the next step reads. θ and the
    buffers are the model's own, even where somebody gave the model other arrays meanwhile. An engine that works on
    copies (on another device, say) brings them back before its `run` returns.

    vectors: the optimizer's arrays by name, each with a part for every parameter, in the shape that the optimizer says
    (`Optimizer.shapes`). tensors: the model's parameters and buffers by name.

    >>> import cutaway as ct
    >>> program = ct.compile(ct.nn.Linear(2, 1).init(0), "mse", ct.optim.Momentum(0.1))
    >>> list(program.state), program.state.part("weight", "v")
    (['θ', 'v', 't'], array([[0., 0.]], dtype=float32))
    """

    def __init__(self, model: Any, optimizer: Optimizer | None = None) -> None:
        self.model, self.t = model, 0
        parameters, buffers = dict(model.named_parameters()), dict(model.named_buffers())
        self.tensors: dict[str, Tensor] = parameters | buffers
        self.vectors: dict[str, np.ndarray] = {}
        self._places = {"θ": _places({name: p.shape for name, p in parameters.items()})}
        shapes = {} if optimizer is None else {name: optimizer.shapes(p.shape) for name, p in parameters.items()}
        for vector in optimizer.state_names if optimizer is not None else ():
            self._places[vector] = _places({name: own[vector] for name, own in shapes.items()})
            self.vectors[vector] = np.zeros(sum(map(_size, self._places[vector].values())), model.dtype)
        taken = ("θ", "t", *self.vectors)
        self._buffers = {f"buffer.{name}" if name in taken else name: b for name, b in buffers.items()}

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the arrays: θ, the optimizer's vectors, and the buffers."""
        return ("θ", *self.vectors, *self._buffers)

    @property
    def nbytes(self) -> int:
        """The bytes of a snapshot."""
        return sum(self[name].nbytes for name in self.names)

    def part(self, parameter: str, vector: str = "θ") -> np.ndarray:
        """The stretch of a vector that belongs to a parameter, in its shape; not a copy."""
        for known, name, what in ((self._places, vector, "vector"), (self._places["θ"], parameter, "parameter")):
            if name not in known:
                raise ArgumentError(f"the state has no {what} called {name!r}: it has {', '.join(known) or 'none'}")
        at, shape = self._places[vector][parameter]
        return self[vector][at].reshape(shape)

    # ---- snapshots -------------------------------------------------------------------------------------------------
    def copy(self, names: Collection[str] | None = None) -> Snapshot:
        """A snapshot: copies of these arrays (all if None), which nobody can write into, and t."""
        found = {name: self.read(name) for name in self.names if names is None or name in names}
        for array in found.values():
            array.flags.writeable = False
        return found | {"t": self.t}

    def put(self, snapshot: Mapping[str, Any]) -> None:
        """Bring arrays and t back to those of a snapshot, or of another state. A name that only one of both knows is
        left alone."""
        for name in (*self.names, "t"):
            if name in snapshot:
                self.write(name, snapshot[name])

    def read(self, name: str) -> Any:
        """A copy of an array, or t."""
        return self.t if name == "t" else self[name].copy()

    def write(self, name: str, value: Any) -> None:
        """Write other numbers into an array, or set t."""
        if name == "t":
            self.t = int(value)
            return
        array = self[name]
        if np.shape(value) != array.shape:
            raise ShapeError(f"{name} of the state has shape {array.shape}, got numbers of shape {np.shape(value)}")
        array[...] = value

    # ---- a mapping -------------------------------------------------------------------------------------------------
    def __getitem__(self, name: str) -> Any:
        if name == "t":
            return self.t
        if name == "θ":
            return self.model.theta
        if name in self.vectors:
            return self.vectors[name]
        if name in self._buffers:
            return self._buffers[name].data
        raise KeyError(f"the state has no {name!r}: it has {', '.join(self)}")

    def __iter__(self) -> Iterator[str]:
        return iter((*self.names, "t"))

    def __len__(self) -> int:
        return len(self.names) + 1

    def __eq__(self, other: object) -> bool:
        """Whether both have the same names with the same numbers."""
        return isinstance(other, Mapping) and self.keys() == other.keys() and all(
            np.array_equal(self[name], other[name]) for name in self)

    __hash__ = None  # type: ignore[assignment]  # its numbers change

    def __repr__(self) -> str:
        return f"State({', '.join(self.names)} after {self.t:,} steps)"


Place = tuple[slice, tuple[int, ...]]


def _places(shapes: dict[str, tuple[int, ...]]) -> dict[str, Place]:
    """Where arrays of these shapes lie in a vector that holds them one after the other."""
    found, at = {}, 0
    for name, shape in shapes.items():
        found[name] = slice(at, at := at + math.prod(shape)), shape
    return found


def _size(place: Place) -> int:
    return place[0].stop - place[0].start
