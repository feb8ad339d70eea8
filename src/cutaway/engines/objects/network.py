"""The evaluation of a network, one row at a time, as steps of an object file."""

from __future__ import annotations

import numpy as np

from ...errors import ArgumentError
from ...program import Instruction, Listing, Value
from ..cpu import codegen, slots
from ..cpu.engine import precision_of
from ..plan import plan
from .build import KernelCall, StaticMemory


class NetworkSteps:
    """The steps of a listing that evaluates, one row at a time. arrays: weights and buffers by name."""

    def __init__(self, listing: Listing, arrays: dict[str, np.ndarray]) -> None:
        self.listing, self.arrays = listing, arrays
        self.dtype = precision_of(listing)
        self.plan = plan(listing.instructions, 1)

    def steps(self, memory: StaticMemory, inputs: dict[str, str | int], output: str | int) -> list[KernelCall]:
        """Give arrays their places in memory, and the steps. inputs, output: where their numbers lie, as operands of a
        `KernelCall` do. Raises ArgumentError for an instruction that has no kernel."""
        kernels = [self._kernel(i) for i in self.listing.instructions if i.op != "batch"]
        most = max((k.work[0] + k.work[1] for k in kernels), default=0)
        values = memory.place("values of a row", np.zeros(self.plan.bytes, np.uint8), changes=True)
        work = memory.place("room to work in", np.zeros(most, self.dtype), changes=True)

        def where(v: Value | codegen.Outside | None) -> tuple[str | int | None, int]:
            if v is None:
                return None, 0
            if isinstance(v, codegen.Outside):
                return (work if v.name == "work" else output if v.name == "outputs" else inputs[v.name]), 0
            if v.array is not None:
                return memory.place(f"constant {id(v)}", v.array), 0
            if v.home:
                return memory.place(v.name, self.arrays[v.name]), 0
            return values, self.plan.offsets[id(v)]

        return [KernelCall(k.text, self.dtype.name, [where(v) for v in k.operands], k.numbers, ONE_ROW)
                for k in kernels]

    def _kernel(self, i: Instruction) -> codegen.Kernel:
        kernel = codegen.write(i, self.plan, None, self.dtype)
        if kernel is None:
            where = f" in {i.layer}" if i.layer else ""
            raise ArgumentError(f"{i.title} has no kernel{codegen.why_none(i)}{where}: it runs in Python alone")
        return kernel


ONE_ROW = dict.fromkeys((slots.N, slots.TOTAL, slots.BATCH, slots.ROWS, slots.SHARDS, slots.POSITION), 1)
