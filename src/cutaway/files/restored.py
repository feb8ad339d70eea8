"""A saved network without its Python class: a Module that replays the saved evaluation program."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ..autodiff import Tensor, apply, current_scope, scope
from ..errors import ArgumentError, ShapeError
from ..named_inputs import NamedInputs, lengths_of
from ..nn import Module
from ..random import stream
from ..rules import facts
from ..sequences import Sequences
from .program import Saved, SavedOperation, forms


@dataclass
class _State:
    class_name: str
    program: Saved
    constants: dict[str, np.ndarray]


class Restored(Module):
    """A model that predicts, trains and compiles as the saved one did, under the same names, without its class.

    It does what the model did in evaluation: dropout is absent, and batch norm uses the saved running averages, also
    when it is trained further. `ct.load(path, custom={"MyNet": MyNet})` gives the Python class back.
    """

    def __init__(self, class_name: str, program: Saved, tensors: dict[str, Tensor],
                 constants: dict[str, np.ndarray]) -> None:
        self._restored = _State(class_name, program, constants)
        vars(self).update(tensors)  # by their full names, such as "inner.weight"

    @property
    def class_name(self) -> str:
        return self._restored.class_name

    @property
    def program(self) -> Saved:
        return self._restored.program

    @property
    def embeds(self) -> bool:
        slots = [self.program.slots[i] for i in self.program.inputs]
        lengths = {lengths_of(slot.name) for slot in slots}
        return any(slot.dtype == "int32" and slot.name not in lengths for slot in slots)

    def forward(self, *inputs: Any, **named: Any) -> Tensor:
        given = self._inputs_by_number(inputs, named)
        known: dict[int, Any] = {i: self._stored(name) for i, name in self.program.stored.items()}
        return self.program.run(known | given, len(next(iter(given.values())).data), self._call)

    def _stored(self, name: str) -> Tensor:
        constants = self._restored.constants
        return Tensor(constants[name]) if name in constants else vars(self)[name]

    def _inputs_by_number(self, inputs: tuple, named: dict[str, Any]) -> dict[int, Tensor]:
        """List the inputs by value number; each must have the shape that was saved."""
        slots = {i: self.program.slots[i] for i in self.program.inputs}
        keys = forms(self.program)
        given = [named[key] for key in keys if key in named] if keys else list(inputs)
        every = {slot.name for slot in slots.values()}
        names = [slot.name for slot in slots.values() if slot.name not in map(lengths_of, every)]
        if len(given) != len(names) or (inputs if keys else named):
            wanted = f"named {', '.join(keys)}" if keys else f"{len(names)} of them"
            got = len(inputs) + len(named)
            raise ArgumentError(f"this restored {self.class_name} takes inputs {wanted}, got {got}")
        for name, part in zip(names, given, strict=True):
            if (lengths_of(name) in every) != isinstance(part, Sequences):
                kinds = "Sequences, got an array" if lengths_of(name) in every else "an array, got Sequences"
                raise ArgumentError(f"this restored {self.class_name} takes {name} as {kinds}")
        parts = list(NamedInputs(dict(zip(names, given, strict=True))).arrays.values())
        for part, slot in zip(parts, slots.values(), strict=True):
            rows = part.shape[0] if part.ndim else 0
            free = 2 if lengths_of(slot.name) in every else 1  # sequences may have any number of steps
            shape = slot.shape_at(rows)
            if part.ndim != len(shape) or part.shape[free:] != shape[free:] or rows != parts[0].shape[0]:
                raise ShapeError(
                    f"this restored {self.class_name} takes {slot.name} of shape {('rows', *slot.shape)}, got "
                    f"{part.shape}: its program was saved for inputs of that shape (ct.save(..., input=) sets it)"
                )
            if slot.dtype == "int32" and part.dtype.kind not in "iu":
                raise ArgumentError(f"{slot.name} must be whole numbers, got {part.dtype}: give an integer array")
        return dict(zip(slots, parts, strict=True))

    def _call(self, operation: SavedOperation, arguments: list, attributes: dict[str, Any]) -> Any:
        if (picks := facts(operation.op).picks) and picks[1] == "W":
            i, entries = arguments[0].data, len(arguments[1].data)
            if i.size and not 0 <= i.min() <= i.max() < entries:
                raise ArgumentError(
                    f"{operation.layer or 'an embedding'} of {entries} entries takes numbers 0..{entries - 1}, got "
                    f"{i.min()} to {i.max()}"
                )
        with scope(".".join(filter(None, (current_scope(), operation.layer)))):
            return apply(operation.op, *arguments, **attributes)

    def example_input(self) -> Any:
        """Make two rows of input of the saved shape; sequences fill it."""
        rng = stream(0, "example")
        parts: list[Any] = []
        slots = [self.program.slots[i] for i in self.program.inputs]
        for before, slot in zip([None, *slots], slots, strict=False):
            shape = slot.shape_at(2)
            if before is not None and slot.name == lengths_of(before.name):
                parts[-1] = Sequences(parts[-1], np.full(2, before.shape[0]))
            else:
                parts.append(np.zeros(shape, np.int32) if slot.dtype == "int32" else rng.standard_normal(shape))
        keys = forms(self.program)
        return parts[0] if keys is None else dict(zip(keys, parts, strict=True)) if keys else tuple(parts)

    def astype(self, dtype: Any) -> Module:
        before = self.dtype
        super().astype(dtype)
        constants = self._restored.constants
        for name, constant in constants.items():
            constants[name] = constant.astype(self.dtype) if constant.dtype == before else constant
        return self

    def __repr__(self) -> str:
        count = sum(p.size for p in self.parameters())
        return f"Restored({self.class_name}, {len(self.program.operations)} operations, {count:,} parameters)"
