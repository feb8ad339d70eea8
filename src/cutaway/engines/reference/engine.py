"""The reference engine: every instruction by its rule, in NumPy, in either precision. What other engines must equal."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from ...arguments import whole_numbers, within
from ...errors import ArgumentError, ResourceError, ShapeError
from ...memory import aligned
from ...optim import Optimizer
from ...optim.optimizers import average_weights
from ...program import Engine, Instruction, Listing, State, Value, reworded
from ...rules import OPS, facts, with_rounded_factors
from ...rules.shape import sum_to
from ...text import size
from ..plan import Plan, plan


class Reference(Engine):
    """Runs a listing over one block of memory. What its methods promise stands in program/engine.py."""

    name = "reference"

    def __init__(self, listing: Listing, batch_size: int, optimizer: Optimizer | None = None, seed: int = 0,
                 threads: int | None = None, keep_all: bool = False) -> None:
        self.listing, self.batch_size, self.optimizer, self.seed = listing, batch_size, optimizer, seed
        self.instructions, self.threads = listing.instructions, 1
        self._lay_out(threads, keep_all)
        self._with_home = list({id(v): v for i in self.instructions for v in (*i.reads, *i.written) if v.home}.values())

    def _lay_out(self, threads: int | None, keep_all: bool) -> None:
        """Prepare all that needs no state, and that twins share."""
        self.plan = plan(self.instructions, self.batch_size, keep_all=keep_all)

    @classmethod
    def runs_on(cls) -> str:
        return f"one core, by NumPy {np.__version__}; slow, and easy to follow"

    @classmethod
    def cannot_round(cls) -> str:
        return ""

    def __repr__(self) -> str:
        return f"{type(self).__name__}({len(self.instructions)} instructions, batches of {self.batch_size})"

    def twin(self, optimizer: Optimizer | None, seed: int) -> Reference:
        twin = copy.copy(self)
        twin.optimizer, twin.seed = optimizer, seed
        twin.instructions = reworded(self.instructions, self.optimizer, optimizer)
        twin.listing = replace(self.listing, instructions=reworded(
            self.listing.instructions, self.optimizer, optimizer))
        return twin

    def altered(self, listing: Listing) -> Reference:
        return type(self)(listing, self.batch_size, self.optimizer, self.seed, self.threads, keep_all=True)

    def bind(self, state: State) -> None:
        self.state, optimizer = state, self.optimizer
        self.memory = self._room(self.plan.bytes)
        self.data: dict[str, np.ndarray] = {}
        self.order: np.ndarray | None = None
        self.rows = self.position = self.n = 0
        self.finite, self._first = True, 1
        self.rates: np.ndarray | None = None
        self.rate = optimizer.rate(1) if optimizer is not None and not callable(optimizer.lr) else 0.0
        self.outputs: np.ndarray | None = None
        self.own: dict[str, np.ndarray] = {}  # vectors that are no part of the state, such as g
        for v in (*self.listing.block.values(), *self._with_home):
            if v.home and v.home not in self.own and not state.holds(v):
                self.own[v.home] = np.zeros(v.shape, v.dtype)

    @property
    def t(self) -> int:
        """The number of steps done."""
        return self.state.t

    @t.setter
    def t(self, steps: int) -> None:
        self.state.t = steps

    # ---- memory ----------------------------------------------------------------------------------------------------
    def _room(self, count: int) -> np.ndarray:
        """Allocate `count` bytes for a batch to be calculated in, all zero."""
        try:
            return aligned((count,), np.uint8)
        except (MemoryError, ValueError):  # ValueError: more than an address can name
            rows = "one row" if self.batch_size == 1 else f"a batch of {self.batch_size:,} rows"
            smaller = "" if self.batch_size == 1 else ": choose a smaller batch_size"
            needed = size(count, binary=True)
            raise ResourceError(f"the program needs {needed} for {rows}, which cannot be had{smaller}") from None

    def view(self, v: Value, n: int) -> np.ndarray:
        """A value's array in a batch of n samples (shared memory, not a copy)."""
        if v.array is not None:
            return v.array
        if v.home in self.own:
            return self.own[v.home][..., v.at : v.at + v.width].reshape(v.shape)
        if v.home:
            return self.state.array(v)
        shape = v.shape_at(n)
        start = self.plan.offsets[id(v)]
        size = math.prod(shape) * v.dtype.itemsize
        return self.memory[start : start + size].view(v.dtype).reshape(shape)

    @property
    def needs(self) -> Plan:
        return self.plan

    def read(self, v: Value) -> np.ndarray:
        return self.view(v, self.n)

    def write(self, v: Value, array: Any) -> None:
        self.view(v, self.n)[...] = array

    # ---- work ------------------------------------------------------------------------------------------------------
    def feed(self, data: dict[str, np.ndarray]) -> None:
        self.data = self._taken(data)
        self.rows = len(next(iter(self.data.values())))

    def _taken(self, data: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Make arrays as instructions read them, and check whole numbers."""
        taken = {v.name: whole_numbers(v.name, data[v.name]) if v.dtype == np.int32 else
                 np.ascontiguousarray(data[v.name], v.dtype) for i in self.instructions if i.op == "gather"
                 for v in i.written}
        for i in self.instructions:  # kernels look rows up without asking
            if (picks := facts(i.op).picks) and not i.backward:
                name, source, axis = picks
                v: dict[str, Any] = i.operands()
                if v[name].name in taken:
                    within(v[name].name, taken[v[name].name], v[source].shape[axis])
        return taken

    def forget(self) -> None:
        self.data, self.rows, self.outputs = {}, 0, None

    def row_numbers(self, order: Any) -> np.ndarray:
        """Copy row numbers, then check them: the loop reads them without asking, and nobody can change the copy."""
        numbers = order if isinstance(order, np.ndarray) else np.asarray(order)
        if numbers.ndim != 1 or (numbers.size and numbers.dtype.kind not in "iu"):
            got = f"an array of {numbers.dtype} of shape {numbers.shape}"
            raise ArgumentError(f"order must be a vector of row numbers from 0 to {self.rows - 1}, got {got}")
        numbers = whole_numbers("order", numbers, np.int64)
        within("order", numbers, self.rows, "row numbers")
        return numbers

    def run(self, order: np.ndarray | None, position: int, steps: int,
            between: Callable[[int], bool] | None = None) -> np.ndarray:
        self.begin(order, position, steps)
        losses = np.zeros(steps)
        for k in range(steps):
            self.t += 1
            for instruction in self.instructions:
                self.execute(instruction)
                if not self.finite:
                    self.t -= 1
                    return losses[:k]
            loss = self.listing.loss
            losses[k] = float(self.view(loss, self.n)) if loss is not None else 0.0
            if between is not None and between(k + 1):
                return losses[: k + 1]
        return losses

    def predict(self) -> np.ndarray:
        self.begin(None, 0, 1)
        for _ in range(-(-self.rows // self.batch_size)):
            for instruction in self.instructions:
                self.execute(instruction)
        assert self.outputs is not None
        return self.outputs

    def _room_for_outputs(self, rows: int) -> np.ndarray:
        out = self.listing.output
        shape = out.shape_at(rows)
        try:
            return np.empty(shape, out.dtype)
        except (MemoryError, ValueError):
            needed = size(math.prod(shape) * out.dtype.itemsize, binary=True)
            raise ResourceError(f"the outputs of {rows:,} rows need {needed}, which cannot be had: give fewer "
                                "rows at a time") from None

    def source(self, i: int) -> str:
        return f"# runs by its rule in NumPy: {self.instructions[i].formula}"

    def one(self, i: int) -> None:
        if i == 0 and self.optimizer is not None:
            self.t += 1
        self.execute(self.instructions[i])

    def begin(self, order: np.ndarray | None, position: int, steps: int) -> None:
        self.order = None if order is None else self.row_numbers(order)
        if self.optimizer is None:
            self.outputs = self._room_for_outputs(self.rows if self.order is None else len(self.order))
        self.position, self.finite = position, True
        for v in self._state_values():
            self.state.array(v)  # another array may have been put there
        if self.optimizer is not None and callable(self.optimizer.lr):
            self.rates = rates(self.optimizer, self.t + 1, steps)
            self._first = self.t + 1

    def execute(self, instruction: Instruction) -> None:
        """Run one instruction."""
        if instruction.op in OPS:
            self.by_rule(instruction)
        else:
            getattr(self, f"_{instruction.op}")(instruction)

    def _state_values(self) -> list[Value]:
        return [v for v in self._with_home if v.home not in self.own]

    def by_rule(self, instruction: Instruction) -> None:
        """Run an instruction as its rule says, and put the results in their places."""
        rule, n = OPS[instruction.op], self.n
        f = rule.backward if instruction.backward else rule.forward
        assert f is not None
        f = with_rounded_factors(f) if instruction.rounded else f
        attributes = {k: self.resolve(v) for k, v in instruction.attributes.items()}
        try:
            results = f(*[self.resolve(a) for a in instruction.arguments], **attributes)
            results = results if isinstance(results, tuple) else (results,)
            for value, result in zip(instruction.writes, results, strict=False):
                if value is not None:
                    place = self.view(value, n)
                    if result is None:  # no gradient goes this way
                        result = np.zeros_like(place)
                    place[...] = result if result.shape == place.shape else sum_to(result, shape=place.shape)
        except (ValueError, IndexError, TypeError, ZeroDivisionError) as error:  # such as for rows that are not there
            where = f"{instruction.layer}: " if instruction.layer else ""
            raise ShapeError(f"{where}{instruction.title} cannot run on a batch of {n}: {error}") from None

    # ---- instructions of the engine itself -------------------------------------------------------------------------
    def _batch(self, instruction: Instruction) -> None:
        total = self.rows if self.order is None else len(self.order)
        self.n = min(self.batch_size, total - self.position)
        self.now = self.position
        self.position += self.n

    def _gather(self, instruction: Instruction) -> None:
        (v,) = instruction.written
        picked = slice(self.now, self.now + self.n)
        self.view(v, self.n)[...] = self.data[v.name][picked if self.order is None else self.order[picked]].reshape(
            v.shape_at(self.n)
        )

    def _store(self, instruction: Instruction) -> None:
        (v,) = instruction.reads
        assert self.outputs is not None
        k = max(v.rows, 1)
        self.outputs[self.now * k : (self.now + self.n) * k] = self.view(v, self.n)

    def _fill(self, instruction: Instruction) -> None:
        self.view(instruction.written[0], self.n)[...] = instruction.attributes["value"]

    def _assign(self, instruction: Instruction) -> None:
        self.view(instruction.written[0], self.n)[...] = self.view(instruction.reads[0], self.n)

    def _check(self, instruction: Instruction) -> None:
        self.finite = all(bool(np.isfinite(self.view(v, self.n)).all()) for v in instruction.reads)

    def _schedule(self, instruction: Instruction) -> None:
        assert self.rates is not None
        self.rate = float(self.rates[self.t - self._first])

    def _prepare(self, instruction: Instruction) -> None:
        part = slice(instruction.attributes["lo"], instruction.attributes["hi"])
        g, theta = (self.view(v, self.n)[part] for v in instruction.arguments)
        g[...] = instruction.attributes["prepare"].apply(g, theta)

    _clip_norm = _clip_value = _l1_gradient = _l2_gradient = _prepare

    def _average_weights(self, instruction: Instruction) -> None:
        average, theta = (self.view(v, self.n) for v in instruction.arguments)
        average[...] = average_weights(average, theta, t=self.t, decay=instruction.attributes["decay"])

    def _optimizer(self, instruction: Instruction) -> None:
        opt, of = self.optimizer, instruction.attributes
        assert opt is not None
        part: Any = slice(of["lo"], of["hi"]) if "lo" in of else ...
        theta, g, *state = (self.view(v, self.n)[part] for v in instruction.arguments)
        settings = hyperparameters(opt, instruction) | {"lr": self.rate}
        if opt.uses_step:
            settings["t"] = self.t
        results = type(opt).rule(theta, g, *state, **settings)
        results = results if isinstance(results, tuple) else (results,)
        for v, place, new in zip(instruction.written, (theta, *state), results, strict=True):
            if opt.by_parameter and np.shape(new) != place.shape:
                raise ShapeError(f"{opt.name} gives {v} as numbers of shape {np.shape(new)}, and its place has "
                                 f"{place.shape}: see shapes() of {type(opt).__name__}")
            place[...] = new


ENGINE = Reference


def hyperparameters(opt: Optimizer, instruction: Instruction) -> dict[str, float]:
    """The settings of an update instruction, its own exemption from weight decay among them; lr comes at run time."""
    settings = {name: float(getattr(opt, name)) for name in opt.settings if name != "lr"}
    if not instruction.attributes["decays"] and "weight_decay" in settings:
        settings["weight_decay"] = 0.0
    return settings


def rates(opt: Optimizer, first: int, steps: int) -> np.ndarray:
    """The learning rates of `steps` steps, from number `first` on."""
    from ...optim import Schedule

    t = np.arange(first, first + steps)
    if isinstance(opt.lr, Schedule):
        return np.ascontiguousarray(np.broadcast_to(opt.lr(t), t.shape), np.float64)
    return np.array([opt.rate(int(k)) for k in t], np.float64)
