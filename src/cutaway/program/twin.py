"""Twins: what was compiled for one model serves another of the same structure, with its own weights and state."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any, cast

import numpy as np

from ..autodiff import Tensor
from ..optim import Optimizer
from .build import Listing
from .instruction import Instruction, ShapeOf, Value


class Swap:
    """Values that live outside a program's memory, each with the one that takes its place; other values serve both."""

    def __init__(self) -> None:
        self.by_id: dict[int, Value] = {}

    def put(self, v: Value, **own: Any) -> Value:
        self.by_id[id(v)] = replace(v, **own)
        return self.by_id[id(v)]

    def __call__(self, x: Any) -> Any:
        """An argument of an instruction, or an operand of a kernel, for the twin."""
        if isinstance(x, Value):
            return self.by_id.get(id(x), x)
        if isinstance(x, ShapeOf):
            return ShapeOf(self(x.value))
        return tuple(map(self, x)) if isinstance(x, tuple) else x


def twin(listing: Listing, tensors: Iterable[tuple[Tensor, Tensor]], theta: np.ndarray,
         optimizers: tuple[Optimizer, Optimizer] | None) -> tuple[Listing, Swap]:
    """A listing for another model. tensors: its parameters and buffers, each behind the one in whose place it stands.

    optimizers: the listing's and the other model's, which differ in their numbers alone.
    """
    swap, pairs = Swap(), dict((id(old), new) for old, new in tensors)
    for i in listing.instructions:
        for v in (*i.reads, *i.written):
            if v.tensor is not None and id(v) not in swap.by_id:
                swap.put(v, tensor=pairs[id(v.tensor)])
    block, gradients = {}, {}
    if listing.block:
        every = np.zeros_like(cast(np.ndarray, listing.block["shards"].array))
        first = cast(np.ndarray, listing.block["g"].array).ctypes.data
        for key, v in listing.gradients.items():
            array = cast(np.ndarray, v.array)
            at = (array.ctypes.data - first) // array.itemsize
            own = every[0, at : at + array.size].reshape(v.shape)
            gradients[id(pairs[key])] = swap.put(v, array=own)
        own_arrays = {"θ": theta, "g": every[0], "shards": every}
        block = {name: swap.put(v, array=own_arrays.get(name, np.zeros_like(theta)))
                 for name, v in listing.block.items()}
    instructions = [
        Instruction(i.phase, i.op, swap(i.arguments), swap(i.writes), i.attributes, i.backward, i.scope,
                    _formula(i, optimizers), i.layer) for i in listing.instructions
    ]
    return replace(listing, instructions=instructions, gradients=gradients, block=block), swap


def _formula(i: Instruction, optimizers: tuple[Optimizer, Optimizer] | None) -> str:
    if optimizers is None or i.op not in ("optimizer", "schedule"):
        return i.formula
    old, new = optimizers if i.op == "optimizer" else (o.lr for o in optimizers)
    return i.formula.replace(repr(old), repr(new))
