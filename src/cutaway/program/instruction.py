"""What a program is made of: values, and the instructions that read and write them."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..rules import OPS


@dataclass(eq=False)
class Value:
    """An array that an instruction reads or writes.

    shape: without the batch. rows: leading rows for each sample (1 for most), or 0 for a value that has no batch.
    role: "input", "target", "weight" (of samples), "parameter", "buffer", "constant", "gradient", "state" or
    "activation".
    home: the vector in which its numbers outlive a step, from number `at` on: "θ" for a parameter, "g" for its
    gradient, an optimizer's vector by name, "buffer.layer2.running_mean" for a buffer of that name; "" for what lives
    within a step. array: a constant's numbers, which nobody changes.
    """

    name: str
    shape: tuple[int, ...]
    rows: int
    dtype: np.dtype
    role: str = "activation"
    home: str = ""
    at: int = 0
    array: np.ndarray | None = None

    @property
    def width(self) -> int:
        """Numbers for each sample, or in all where there is no batch."""
        return math.prod(self.shape) * max(self.rows, 1)

    @property
    def outside(self) -> bool:
        """Whether it is there before a step and after it: a part of the state, g, or a constant."""
        return bool(self.home) or self.array is not None

    def shape_at(self, n: int) -> tuple[int, ...]:
        """The whole shape in a batch of n samples."""
        return (self.rows * n, *self.shape) if self.rows else self.shape

    def __repr__(self) -> str:
        return self.name


@dataclass(frozen=True)
class ShapeOf:
    """An argument of which a rule needs the shape alone, so that its values need not be kept."""

    value: Value


@dataclass(frozen=True)
class Rows:
    """A setting that counts rows: `per_sample` times the samples in the batch."""

    per_sample: int

    def __repr__(self) -> str:
        return "n" if self.per_sample == 1 else f"{self.per_sample}n"


@dataclass(eq=False)
class Instruction:
    """One line of a program.

    phase: load, forward, loss, backward or update. op: a rule's name, or one of the engine's own (batch, gather, check,
    ...). backward: run the rule's backward. scope: by what its work can be divided: by "rows" of the batch, by a
    "range" of θ, or not at all ("once"). An engine may know more ways. rounded: the factors of its products are rounded
    to bf16, and their products added up in float32 (rules/rounding.py).
    """

    phase: str
    op: str
    arguments: tuple[Any, ...]
    writes: tuple[Value | None, ...]
    attributes: dict[str, Any] = field(default_factory=dict)
    backward: bool = False
    scope: str = "rows"
    formula: str = ""
    layer: str = ""
    rounded: bool = False

    @property
    def title(self) -> str:
        return self.op + ("'" if self.backward else "")

    @property
    def reads(self) -> list[Value]:
        found = []
        for argument in self.arguments:
            if isinstance(argument, Value):
                found.append(argument)
            elif isinstance(argument, tuple):
                found += [a for a in argument if isinstance(a, Value)]
        return found

    @property
    def written(self) -> list[Value]:
        return [w for w in self.writes if w is not None]

    def operands(self) -> dict[str, Value | None]:
        """Name every value as its rule does: x, W, b, z; dz, dx, dW, db for a backward rule."""
        reads, writes = OPS[self.op].named(self.arguments, self.writes, self.backward)
        return {name: a.value if isinstance(a, ShapeOf) else a for name, a in reads.items()} | writes


def constant(name: str, array: np.ndarray) -> Value:
    """Make a value that is the same in every step. It keeps the array itself, which nobody may change from now on."""
    array.flags.writeable = False
    return Value(name, array.shape, 0, array.dtype, "constant", array=array)
