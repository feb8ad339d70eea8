"""State: what outlasts a training step, by name. Whatever copies, saves or puts back a training goes through it."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from ..autodiff import Tensor
from ..errors import ArgumentError, ShapeError, TrainingError
from ..optim import Optimizer
from .instruction import Value
from .places import places

Snapshot = dict[str, Any]  # copies of a state's arrays by name, and "t"


class State(Mapping[str, Any]):
    """The weights "θ", the optimizer's vectors ("m", "v"), the model's buffers ("layer2.running_mean"), and "t", the
    number of steps done.

    `state["m"]` is the array as it is now, not a copy: what is written into it is what the next step reads. θ and the
    buffers are the model's own, even where somebody gave the model other arrays meanwhile. An engine that works on
    copies (on another device, say) brings them back before its `run` returns.

    parameters: those of the model by name; tensors: its buffers too. vectors: the optimizer's arrays by name, each with
    a part for every parameter, in the shape that the optimizer says (`Optimizer.shapes`).

    >>> import cutaway as ct
    >>> program = ct.compile(ct.nn.Linear(2, 1).init(0), "mse", ct.optim.Momentum(0.1))
    >>> list(program.state), program.state.part("weight", "v")
    (['θ', 'v', 't'], array([[0., 0.]], dtype=float32))
    """

    def __init__(self, model: Any, optimizer: Optimizer | None = None) -> None:
        self.model, self.t = model, 0
        parameters, buffers = dict(model.named_parameters()), dict(model.named_buffers())
        self.tensors: dict[str, Tensor] = parameters | buffers
        self.parameters: dict[str, Any] = parameters
        self.vectors: dict[str, np.ndarray] = {}
        self._places = {"θ": places({name: p.shape for name, p in parameters.items()})}
        self._size = max((place.hi for place in self._places["θ"].values()), default=0)
        if optimizer is not None:
            dtype = next((p.dtype for p in parameters.values()), model.dtype)
            shapes = {name: optimizer.layout(p.shape) for name, p in parameters.items()}
            for vector in optimizer.vectors:
                self._places[vector] = own = places({name: shape[vector] for name, shape in shapes.items()})
                self.vectors[vector] = whole = np.zeros(max((p.hi for p in own.values()), default=0), dtype)
                for place in own.values():
                    optimizer.begin(vector, whole[place.lo : place.hi].reshape(place.shape))
        taken = ("θ", "t", *self.vectors)
        self._theta = None if optimizer is None else model.theta  # as `follow` last saw it; weights move there now
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
        place = self._places[vector][parameter]
        return self[vector][place.lo : place.hi].reshape(place.shape)

    def alike(self, other: State) -> list[str]:
        """The names of the optimizer's vectors that are laid out alike in both states."""
        return [name for name in self.vectors if other._places.get(name) == self._places[name]]

    # ---- for engines -----------------------------------------------------------------------------------------------
    def holds(self, v: Value) -> bool:
        """Whether a value is a part of the state."""
        return v.home == "θ" or v.home in self.vectors or (v.role == "buffer" and v.name in self.tensors)

    def array(self, v: Value) -> np.ndarray:
        """The array of a value that outlives a step, if it still is what the program was compiled for.

        Machine code walks it by its first address alone. Other strides do no harm: the tensor gets a copy that lies in
        order. Raises ShapeError or TrainingError for another shape or precision.
        """
        tensor = self.tensors.get(v.name) if v.role in ("parameter", "buffer") else None
        if tensor is None or (v.name == v.home == "θ" and v.shape == (self._size,)):
            tensor, array = None, self.theta if v.home == "θ" else self.vectors[v.home]
            if v.home != v.name:  # a parameter's part of an optimizer's vector
                array = array[v.at : v.at + v.width].reshape(v.shape)
        else:
            array = tensor.data
        if isinstance(array, np.ndarray) and array.shape == v.shape and array.dtype == v.dtype and (
            array.flags.c_contiguous and array.flags.aligned
        ):
            return array
        if not isinstance(array, np.ndarray) or array.shape != v.shape:
            got = f"shape {array.shape}" if isinstance(array, np.ndarray) else type(array).__name__
            raise ShapeError(
                f"{v.name} was replaced: the program was compiled for an array of shape {v.shape}, got {got}. Give it "
                "an array of that shape, or compile the model again"
            )
        if tensor is None or array.dtype.newbyteorder("=") != v.dtype:
            raise TrainingError(
                f"{v.name} changed its precision from {v.dtype} to {array.dtype} while a program was at work on it: "
                "change it between runs (model.astype), and compile the model again"
            )
        tensor.data = array = np.array(array, v.dtype, order="C", copy=True)
        return array

    @property
    def theta(self) -> np.ndarray:
        """θ as `follow` last saw it."""
        assert self._theta is not None  # asked for by programs that train
        return self._theta

    def _in_place(self) -> bool:
        """Whether every weight still lies in θ as `follow` last saw it."""
        block = self._theta
        return block is not None and all(getattr(p.data, "base", None) is block.base for p in self.parameters.values())

    def follow(self, trained: Sequence[Value]) -> None:
        """Take weights where they are now: somebody may have replaced the arrays of those trained, or locked them."""
        if not self._in_place():
            for v in trained:
                self.array(v)
            self._theta = self.model.theta
        block = self.theta
        for v in trained:
            if not self.tensors[v.name].data.flags.writeable:
                _locked(v.name)
        if not block.flags.writeable:
            _locked("model.theta")

    # ---- snapshots -------------------------------------------------------------------------------------------------
    def copy(self, names: Collection[str] | None = None) -> Snapshot:
        """Take a snapshot: copies of these arrays (all if None), which nobody can write into, and t."""
        found = {name: self.read(name) for name in self.names if names is None or name in names}
        for array in found.values():
            array.flags.writeable = False
        return found | {"t": self.t}

    def put(self, snapshot: Mapping[str, Any]) -> None:
        """Bring arrays and t back to those of a snapshot, or of another state. A name that only one of the two knows
        is left alone."""
        for name in (*self.names, "t"):
            if name in snapshot:
                self.write(name, snapshot[name])

    def read(self, name: str) -> Any:
        """Copy an array, or give t."""
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
        """The array of this name as it is now, or t."""
        if name == "t":
            return self.t
        if name == "θ":
            return self.theta if self._in_place() else self.model.theta
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


def _locked(name: str) -> None:
    raise TrainingError(
        f"{name} is read-only (its flags.writeable is False), so training cannot change it: set flags.writeable = "
        "True, or freeze parameters by requires_grad = False"
    )
