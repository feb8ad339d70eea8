"""The WebAssembly engine: the CPU engine's kernels as a module that runs in a page, and here by wasmtime.

It is there to be tested, and to prove what a page did: each program has a module and a memory of its own, into which
the state is copied before a call and out of which it is brought back.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np

from ...errors import ArgumentError
from ...optim import Optimizer
from ...program import State
from ...text import counted
from ..cpu import codegen, slots
from ..cpu.engine import address_of, precision_of, warn_once
from ..plan import plan
from ..reference.engine import Reference, rates
from . import memory
from .code import Code, code
from .layout import Arrays, ProgramLayout

SECONDS = 0.1  # of steps in one call, in which Ctrl-C is not heard


class Wasm(Reference):
    """Runs a listing as a WebAssembly module. Same interface as the reference engine; its bits are the portable
    one's."""

    name = "wasm"

    @classmethod
    def runs_on(cls) -> str:
        memory.runtime()
        return "one core, as a WebAssembly module in wasmtime; the same module trains in a page"

    @classmethod
    def cannot_round(cls) -> str:
        return "WebAssembly has no products of such factors"

    def _lay_out(self, threads: int | None, keep_all: bool) -> None:
        self.dtype = precision_of(self.listing)
        self.plan = plan(self.instructions, self.batch_size, keep_all=keep_all)
        self.kernels = [codegen.write(i, self.plan, self.optimizer, self.dtype) for i in self.instructions]
        self._code: Code | None = None
        self._warned = False

    @property
    def code(self) -> Code:
        """The module's code, compiled when it is first asked for."""
        if self._code is None:
            self._code = code(self.kernels, self.dtype)
        return self._code

    def use(self, code: Code) -> None:
        """Run by a module that has this program's kernels among others. Called before it has run."""
        self._code = code

    @property
    def compiled(self) -> bool:
        """Whether every instruction is in the module."""
        return None not in self.kernels

    def twin(self, optimizer: Optimizer | None, seed: int) -> Wasm:
        code = self.code
        twin = super().twin(optimizer, seed)
        assert isinstance(twin, Wasm)
        twin._code = code
        twin.kernels = [codegen.write(i, twin.plan, optimizer, twin.dtype) if i.op == "optimizer" else kernel
                        for i, kernel in zip(twin.instructions, self.kernels, strict=True)]
        return twin

    def bind(self, state: State) -> None:
        super().bind(state)
        self._layout: ProgramLayout | None = None
        self._pace = 0.0  # seconds a step takes
        if not self._warned:
            warn_once([i for i, k in zip(self.instructions, self.kernels, strict=True) if k is None], self.optimizer)
            self._warned = True

    def source(self, i: int) -> str:
        kernel = self.kernels[i]
        return kernel.text if kernel is not None else super().source(i)

    # ---- between here and the module -------------------------------------------------------------------------------
    def _enter(self, position: int, steps: int) -> ProgramLayout:
        """Have everything in the module's memory that `steps` steps need."""
        layout = self._layout
        if layout is None or any(address_of(self.state.array(v)) != where for v, where in self._homes):
            layout = self._layout = self._made()
        for name, array in self.data.items():
            layout.area(name, array.shape, array.dtype)[...] = array
        if self.order is not None:
            layout.area("order", self.order.shape, np.int64)[...] = self.order
        if self.rates is not None:
            layout.area("rates", self.rates.shape, np.float64)[...] = self.rates
        layout.area("losses", (max(steps, 1),), np.float64)
        if self.optimizer is None:
            out = self.listing.output
            layout.area("outputs", out.shape_at(self.rows if self.order is None else len(self.order)), out.dtype)
        layout.write_parameters()
        layout.begin(position, self.rows if self.order is None else len(self.order), self.t)
        if self.order is None:
            layout.slots[slots.ORDER] = 0
        layout.state.send()
        return layout

    def _made(self) -> ProgramLayout:
        room = memory.Running(self.code.module)
        self._room_in = room
        own = [self.state.array(v) for v in self._state_values()]
        layout = ProgramLayout(self, self.code, room, room.directory, 0, Arrays(room, own))
        layout.memory[:] = self.memory
        self.memory = layout.memory
        for name, (_, array) in layout.own.items():
            array[...] = self.own[name]
            self.own[name] = array
        self._homes = [(v, address_of(self.state.array(v))) for v in self._state_values()]
        return layout

    def _leave(self, layout: ProgramLayout) -> None:
        """Bring back what steps have changed."""
        layout.state.bring_back()
        self.n, self.now = int(layout.slots[slots.TOTAL]), int(layout.slots[slots.NOW])

    # ---- running ---------------------------------------------------------------------------------------------------
    def run(self, order: np.ndarray | None, position: int, steps: int,
            between: Callable[[int], bool] | None = None) -> np.ndarray:
        self.order = None if order is None else self.row_numbers(order)
        self.finite, first = True, self.t
        opt = self.optimizer
        self.rates = rates(opt, self.t + 1, steps) if opt is not None and callable(opt.lr) else None
        layout = self._enter(position, steps)
        losses = layout.area("losses", (max(steps, 1),), np.float64)
        losses[:] = 0
        done = 0
        while done < steps and self.finite:
            chunk = min(steps - done, max(1, int(SECONDS / self._pace)) if self._pace else 1)
            layout.slots[slots.LOSSES] = layout.at("losses") + 8 * done
            layout.slots[slots.RATES] = layout.at("rates") + 8 * done if self.rates is not None else 0
            began = time.perf_counter()
            try:
                count = self._room_in.run(0, chunk) if self.compiled else self._step_by_instructions(layout)
            except BaseException:
                self.t = first + done
                raise
            self._pace = (time.perf_counter() - began) / chunk
            done += count
            self.finite = not layout.shared[slots.STOP]
            self.t = first + done
            self._leave(layout)
            if self.finite and between is not None and between(done):
                break
        return losses[:done].copy()

    def _step_by_instructions(self, layout: ProgramLayout) -> int:
        """Run one step in which some instructions run by their rules in Python: the steps done, 1 or 0."""
        layout.slots[slots.STEP], layout.shared[slots.STOP] = -1, 0
        for i in range(len(self.instructions)):
            self._alone(layout, i)
            if layout.shared[slots.STOP]:
                return 0
        return 1

    def _alone(self, layout: ProgramLayout, i: int) -> None:
        if self.kernels[i] is not None:
            self._room_in.one(0, i)
            return
        self._leave(layout)
        self.t = int(layout.slots[slots.T])
        self.rate = float(layout.slots.view(np.float64)[slots.RATE])
        self.execute(self.instructions[i])
        layout.state.send()

    def predict(self) -> np.ndarray:
        self.order = None
        self.outputs = self._room_for_outputs(self.rows)
        if self.rows:
            layout = self._enter(0, 1)
            for _ in range(-(-self.rows // self.batch_size)):
                layout.slots[slots.LOSSES] = layout.at("losses")
                if self.compiled:
                    self._room_in.run(0, 1)
                else:
                    self._step_by_instructions(layout)
            self._leave(layout)
            self.outputs[...] = layout.area("outputs", self.outputs.shape, self.outputs.dtype)
        return self.outputs

    # ---- one at a time, for those who look ---------------------------------------------------------------------------
    def begin(self, order: np.ndarray | None, position: int, steps: int) -> None:
        super().begin(order, position, steps)
        self._begun, t = max(steps, 1), self.t
        self._looked = self._enter(position, self._begun)
        self.t = t

    def one(self, i: int) -> None:
        layout = self._looked
        if i == 0 and layout.slots[slots.STEP] + 1 >= self._begun:  # there is no place for another loss
            raise ArgumentError(f"these were all of the {counted(self._begun, 'step')} that were begun")
        layout.state.send()
        if self.optimizer is not None:
            layout.slots[slots.T] = self.t
        self._alone(layout, i)
        self._leave(layout)
        if self.optimizer is not None:
            self.t = int(layout.slots[slots.T])
        elif self.outputs is not None and self.instructions[i].op == "store":
            self.outputs[...] = layout.area("outputs", self.outputs.shape, self.outputs.dtype)
        self.finite = not layout.shared[slots.STOP]


ENGINE = Wasm
