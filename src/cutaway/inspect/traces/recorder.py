"""The recorder: runs a program one instruction at a time, and copies what each instruction read and wrote."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from fnmatch import fnmatchcase
from typing import Any

import numpy as np

from ...engines import Program
from ...errors import ArgumentError
from ...optim.stated import update_words
from ...program import Instruction, Value, short, title
from ...program.listing import formula
from ...rules import OPS
from ..reading import unknown
from .names import Names
from .origin import Origin
from .record import STANDING, About, TracedInstruction, TracedValue
from .trace import Trace

KEEP_BYTES = 2**28  # of one trace's arrays


class Recorder(Names):
    """Records steps of a program that keeps every value (`ct.compile(..., keep_all=True)`) and was fed.

    `step(...)` records a whole one; `begin(...)`, then `one()` until `done`, goes instruction by instruction, and
    `trace()` gives what was recorded so far. keep: patterns of names ("layer1.*"), all if None. keep_bytes: beyond it
    the largest values are left out first. J and the loss per sample are always kept.
    """

    def __init__(self, program: Program, origin: Origin | None = None, keep: Sequence[str] | None = None,
                 keep_bytes: int = KEEP_BYTES, loss: str = "") -> None:
        if isinstance(keep, str) or not (keep is None or all(isinstance(k, str) for k in keep)):
            raise ArgumentError(f'keep must be a list of names or patterns, such as ["layer1.*"], got {keep!r}')
        if not isinstance(keep_bytes, int | float | np.number) or not keep_bytes >= 0:
            raise ArgumentError(f"keep_bytes must be a number of bytes of at least 0, got {keep_bytes!r}")
        super().__init__(program)
        self.origin = origin
        self.keep, self.keep_bytes, self.loss = keep, keep_bytes, loss

    def step(self, order: np.ndarray | None = None, position: int = 0, epoch: int = 0,
             rows: np.ndarray | None = None) -> Trace:
        """Record the step on the batch that begins at `position` in `order`; rows: its row numbers, if not those."""
        self.begin(order, position, epoch, rows)
        while not self.done:
            self.one()
        return self.trace()

    def begin(self, order: np.ndarray | None = None, position: int = 0, epoch: int = 0,
              rows: np.ndarray | None = None) -> None:
        """Get ready to record one step."""
        engine = self.engine
        self.order = np.arange(engine.rows) if order is None else np.ascontiguousarray(order, np.int64)
        self.rows = (self.order[position : position + engine.batch_size] if rows is None else rows).copy()
        self.number, self.epoch, self.finite = engine.state.t + 1, epoch, True
        self.program.follow()
        engine.begin(None if order is None else self.order, position, 1)
        self.instructions: list[TracedInstruction] = []
        self.versions: dict[str, list[tuple[int, np.ndarray]]] = {}
        self.facts = self._described(len(self.rows))
        self.chosen, self.left_out = self._choose(len(self.rows))

    @property
    def done(self) -> bool:
        """Whether the step is over: every instruction ran, or J or a gradient was not finite."""
        return not self.finite or len(self.instructions) == len(self.program.instructions)

    def one(self) -> TracedInstruction:
        """Run and record the next instruction."""
        k = len(self.instructions)
        instruction = self.program.instructions[k]
        for name, v in self._read_first(instruction):
            standing = (v.role in STANDING) or not k
            self._copy(name, v, -1 if standing else k - 1)
        self.engine.one(k)
        for v in instruction.written:
            for name in self._stored(instruction, v):
                self._copy(name, v, k)
        self.instructions.append(self._traced(k, instruction))
        if instruction.op == "check":
            self.finite = all(np.isfinite(self.engine.read(v)).all() for v in instruction.reads)
            if not self.finite:
                self.engine.state.t -= 1  # the step was not done
        return self.instructions[-1]

    def trace(self) -> Trace:
        """Make a trace of what was recorded of the step."""
        engine, listing = self.engine, self.engine.listing
        assert engine.optimizer is not None and listing.target is not None
        opt = engine.optimizer
        about = About(
            self.number, self.epoch, self.rows, opt.rate(self.number), self.finite, self.loss, repr(opt), engine.seed,
            engine.name, engine.threads, self.names[id(listing.output)], self.names[id(listing.target)],
        )
        vectors = {name: tuple(parts) for name, parts in self.vectors.items()}
        return Trace(about, list(self.instructions), self.facts, {k: list(v) for k, v in self.versions.items()},
                     vectors, self.parameters, self.left_out, self.origin)

    def _described(self, n: int) -> dict[str, TracedValue]:
        found = {}
        for v in dict.fromkeys([*self.program.values(), *self.whole]):
            copies = 1 if v.outside else self.engine.copies(v)
            shape = (copies, *v.shape) if copies > 1 else v.shape_at(n)
            name = self.names[id(v)]
            layer = name.rpartition(".")[0]
            found[name] = TracedValue(name, shape, v.rows, v.dtype.name, v.role, layer, short(v))
        for vector, parts in self.vectors.items():
            role = next((v.role for v in self.whole if self.names[id(v)] == vector), "")
            for name, (owner, part) in zip(parts, self.parameters.items(), strict=True):
                if name not in found:
                    dtype, layer = self.program.model.theta.dtype.name, owner.rpartition(".")[0]
                    found[name] = TracedValue(name, part.shape, 0, dtype, role, layer, name)
        return found

    # ---- what is kept ------------------------------------------------------------------------------------------------
    def _choose(self, n: int) -> tuple[set[str], dict[str, int]]:
        """Choose the names of the values to keep; give them, and the bytes of all others."""
        sizes: Counter[str] = Counter()
        seen: set[str] = set()
        for i in self.program.instructions:
            read = [name for name, _ in self._read_first(i, seen)]
            for name in (*read, *(part for v in i.written for part in self._stored(i, v))):
                v = self.facts[name]
                sizes[name] += int(np.prod(v.shape, dtype=np.int64)) * np.dtype(v.dtype).itemsize
                seen.add(name)
        always = {"J", "ℓ"} & sizes.keys()
        wanted = set(sizes) if self.keep is None else self._matching(sizes) | always
        total = 0
        kept = set()
        for name in sorted(wanted, key=lambda name: (name not in always, sizes[name])):  # the smallest first
            total += sizes[name]
            if total <= self.keep_bytes or name in always:
                kept.add(name)
        return kept, {name: size for name, size in sizes.items() if name not in kept}

    def _matching(self, sizes: Counter[str]) -> set[str]:
        found: set[str] = set()
        for pattern in self.keep or ():
            names = {name for name in sizes if fnmatchcase(name, pattern) or self.facts[name].symbol == pattern}
            names |= set(self.vectors.get(pattern, ()))
            if not names:
                raise unknown("value", pattern, list(sizes))
            found |= names
        return found

    def _stored(self, i: Instruction, v: Value) -> list[str]:
        """List the names under which an instruction's value is stored: its own, or those of a vector's parts."""
        name = self.names[id(v)]
        if name not in self.vectors:
            return [name]
        lo, hi = i.attributes.get("lo", 0), i.attributes.get("hi", v.width)
        parts = zip(self.vectors[name], self.parameters.values(), strict=True)
        return [part for part, p in parts if lo <= p.lo and p.hi <= hi]

    def _read_first(self, i: Instruction, seen: Any = None) -> Iterator[tuple[str, Value]]:
        """Find what must be copied before an instruction runs: read, or about to be changed, and not yet known."""
        seen = self.versions if seen is None else seen
        changed = [v for v in i.written if v.role in STANDING]
        for v in dict.fromkeys([*i.reads, *changed]):
            yield from ((name, v) for name in self._stored(i, v) if name not in seen)

    # ---- copies ------------------------------------------------------------------------------------------------------
    def _copy(self, name: str, v: Value, at: int) -> None:
        if name in self.chosen:
            array = self._array(name, v).copy()
            array.flags.writeable = False  # a trace is a record
            self.versions.setdefault(name, []).append((at, array))

    def _array(self, name: str, v: Value) -> np.ndarray:
        """Get the array of a value now, or of the part of a vector that has this name; not copied."""
        whole = self.engine.read(v)
        if self.names[id(v)] not in self.vectors:
            return whole
        part = self.places[name]
        return whole[..., part.lo : part.hi].reshape((*whole.shape[:-1], *part.shape))

    def _formula(self, i: Instruction) -> str:
        """Write the formula as the listing has it; for an update its equations, since its settings stand elsewhere."""
        opt = self.engine.optimizer
        if i.op != "optimizer" or opt is None:
            return formula(i)
        words = update_words(type(opt))
        return words + i.formula.removeprefix(repr(opt)) if words else formula(i)

    def _traced(self, k: int, i: Instruction) -> TracedInstruction:
        operands, results = ({key: self.names[id(v)] for key, v in part.items()
                              if isinstance(v, Value) and id(v) in self.names} for part in _by_rule(i))
        settings = {key: self.engine.resolve(value) for key, value in i.attributes.items()}
        return TracedInstruction(
            k, i.phase, i.op, title(i), i.backward, i.layer, self._formula(i), i.scope, operands, results,
            {key: _setting(value) for key, value in settings.items()},
            tuple(dict.fromkeys(self.names[id(v)] for v in i.reads)), tuple(self.names[id(v)] for v in i.written),
            settings.get("key"), i.rounded,
        )


def _by_rule(i: Instruction) -> tuple[dict[str, Any], dict[str, Any]]:
    """Name what an instruction reads and what it writes as its rule does."""
    rule = OPS.get(i.op)
    if rule is None:
        return {v.name: v for v in i.reads}, {v.name: v for v in i.written}
    _, results = rule.named(i.arguments, i.writes, i.backward)
    return {key: v for key, v in i.operands().items() if key not in results}, results


def _setting(value: Any) -> Any:
    """Turn a setting into what JSON can hold: numbers, text, lists; anything else as it prints."""
    if isinstance(value, np.generic | np.ndarray):
        value = value.tolist()
    if isinstance(value, tuple | list):
        return [_setting(part) for part in value]
    fits = value is None or isinstance(value, str | int) or (isinstance(value, float) and np.isfinite(value))
    return value if fits else repr(value)
