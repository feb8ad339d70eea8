"""Kernels made from the text of any rule: it runs once on arrays without numbers, and every step becomes loops.

Hand-written kernels (kernels/) take the shapes that layers give them. An operand that only repeats itself along a shape
of theirs, such as a first state that all rows share, is first copied as often as it counts, and its gradient added up
afterwards. Whatever else a rule takes, from a softmax of a parameter to a gain for each row, is written down here:
`program.source(i)` shows the loops. Sums run in double, in an order that no other row changes.
"""

from __future__ import annotations

import ast
import math
import re
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import numpy as np

from ...autodiff import Runtime
from ...program import Instruction, Rows, ShapeOf, Value
from ...rules import OPS
from ...rules.binding import bind
from ...rules.shape import sum_to
from .kernels import Takes, fit
from .namespace import namespace
from .nests import Block, Room, Writer, inside
from .symbolic import Apply, Array, CannotTrace, Leaf, N, SymbolicSize, contiguous

TOGETHER = 2**13  # numbers of the rows that are worked on together, so that what is between stays in the cache


@dataclass
class Traced:
    """The text of an instruction's loops; its last function takes the operands of these names, n, total and work."""

    name: str
    text: str
    work: tuple[int, int]
    rounded: bool = False  # whether it calls a kernel whose helpers round


def traced(i: Instruction, dtype: np.dtype, kernel: tuple[str, str, Takes] | None) -> Traced | None:
    """Write down an instruction's rule, or a call of its hand-written kernel (name, text and what it takes), if it
    takes the operands once they are spread; None where it does what no loops are written for."""
    if not any(v.width for v in i.written):
        return Traced("nothing", "def nothing(n):\n    n", (0, 0))
    with suppress(CannotTrace, *WRONG):
        if kernel is not None:
            return _Kernel(i, dtype).spread(*kernel)
    with suppress(CannotTrace, *WRONG):
        return _Kernel(i, dtype).by_rule()
    return None


OWN = r"n|total|work|first|start|lane|step|(room|total|t|i)\d+"  # names that loops have already
WRONG = (TypeError, ValueError, IndexError, AttributeError, ZeroDivisionError, OverflowError)  # what a rule may raise


class _Kernel:
    """The loops of an instruction, from its rule's results back to what they need."""

    def __init__(self, i: Instruction, dtype: np.dtype) -> None:
        self.writer, self.i, self.dtype = Writer(), i, dtype
        self.values: dict[str, Value] = {}
        self.renamed: dict[str, str] = {}  # room that is an operand in the end
        self.reads, self.writes = OPS[i.op].named(i.arguments, i.writes, i.backward)

    def by_rule(self) -> Traced:
        i, rule = self.i, OPS[self.i.op]
        function = rule.backward if i.backward else rule.forward
        names = iter(self.reads)
        settings = {name: self._setting(x) for name, x in i.attributes.items()}
        arguments = [self._argument(a, names) for a in i.arguments]
        results = bind(function, namespace(self.writer, i.rounded))(*arguments, **settings)
        results = results if isinstance(results, tuple) else (results,)
        if rule.overwrites:  # an output may lie where an input does: nothing is written there before all is known
            results = tuple(None if x is None else self.writer.stored(self.writer.array(x)) for x in results)
        for (name, v), result in zip(self.writes.items(), results, strict=False):
            if v is not None:
                self._output(name, v, result)
        if i.scope == "rows":
            self._refuse_mixed_rows()
        apart = i.scope == "rows" and all(v.rows for v in i.written) and len(self.writer.blocks) > 1
        return self._text("", apart)

    def _refuse_mixed_rows(self) -> None:
        """Refuse results of a row that are made of all rows, as of a softmax along them: a thread has some alone."""
        mixed: set[str] = set()
        for block in self.writer.blocks:
            if block.mixes or block.reads & mixed:
                mixed |= {self.renamed.get(name, name) for name in block.writes} | block.writes
        if any(v is not None and v.rows and name in mixed for name, v in self.writes.items()):
            raise CannotTrace("rows beside each other")

    def spread(self, name: str, text: str, takes: Takes) -> Traced:
        """Copy operands that repeat themselves along a shape of the hand-written kernel's; add up their gradients."""
        i, rule = self.i, OPS[self.i.op]
        others = rule.inputs if rule.sums else rule.inputs[1:]
        operands = i.operands()
        found = fit(i.op, takes, i.backward, operands, self.dtype, {*others, *(f"d{x}" for x in others)})
        more = found and takes.numbers(found.sizes, operands, i)
        if found is None or not isinstance(more, dict):
            raise CannotTrace("no kernel for these operands")
        numbers: dict[str, Any] = {**i.attributes, **found.sizes, **more}
        fixed, each = numbers.get("work", (0, 0))
        arguments, made, block = [], {}, Block([], set())
        for x in parameters(text, name):
            v = operands.get(x)
            if x in operands and v is None:
                arguments.append("int32s(0)" if x == "lengths" else "reals(0)")
            elif v is not None:
                place = self._operand(x, v)
                if x in found.apart:
                    shape = [SymbolicSize(N) if isinstance(size, str) else size for size in found.apart[x]]
                    if x.removeprefix("d" * i.backward) == rule.inputs[0] and len(shape) != place.ndim:
                        raise CannotTrace("steps of another kind")
                    whole = self.writer.room(shape)
                    if x in self.writes:
                        made[x] = whole
                    else:
                        self.writer.store(whole, place.reshape(_without_ones(place.shape, whole.ndim)))
                    place = whole
                (block.writes if x in self.writes else block.reads).add(place.leaf.buffer)
                arguments.append(place.leaf.buffer)
            elif x == "work":
                room = self.writer.room((SymbolicSize(N * each) + fixed,)).leaf.buffer
                block.reads.add(room)
                arguments.append(room)
            elif isinstance(numbers.get(x), int | float):
                arguments.append(repr(numbers[x]))
            elif x in ("n", "total"):
                arguments.append(x)
            else:
                raise CannotTrace(f"{name} asks for {x}")
        block.lines.append(f"{name}({', '.join(arguments)})")
        self.writer.blocks.append(block)
        for x, whole in made.items():
            own = self.writes[x]
            added = bind(sum_to, namespace(self.writer))(whole, shape=_without_ones(_shape(own), whole.ndim))
            self._output(x, own, added.reshape(_shape(own)))
        return replace(self._text(text + "\n\n\n", False), rounded=i.rounded)

    def _setting(self, x: Any) -> Any:
        if isinstance(x, Runtime):
            raise CannotTrace("a number that comes with the step")
        if isinstance(x, Rows):
            return self.writer.literal(f"total * {x.per_sample}", "real")
        return _shape(x.value) if isinstance(x, ShapeOf) else x

    def _argument(self, a: Any, names: Any) -> Any:
        if isinstance(a, tuple):
            return tuple(self._argument(part, names) for part in a)
        name = next(names)
        if not isinstance(a, Value):
            return _shape(a.value) if isinstance(a, ShapeOf) else a
        return self._operand(name, a)

    def _operand(self, name: str, v: Value) -> Array:
        if v.dtype not in (self.dtype, np.int32) or re.fullmatch(OWN, name):
            raise CannotTrace(f"an operand {name} of {v.dtype}")
        kind = "int" if v.dtype == np.int32 else "real"
        shape = _shape(v)
        self.values[name] = v
        self.writer.buffers[name] = Room(kind, math.prod(shape, start=SymbolicSize(1)), True)
        return Array(self.writer, shape, kind, Leaf(name, 0, contiguous(shape)))

    def _output(self, name: str, v: Value, result: Any) -> None:
        """Let the last array of a result be the operand itself, or else copy it there."""
        place = self._operand(name, v)
        result = self.writer.array(0.0 if result is None else result)
        if result.shape != place.shape and not (isinstance(result.expression, Apply) and not result.shape):
            result = bind(sum_to, namespace(self.writer))(result, shape=place.shape)
        result.settle()
        leaf = result.expression
        if isinstance(leaf, Leaf) and result.shape == place.shape and self._may_be(leaf, place, v):
            self.renamed[leaf.buffer] = name
        else:
            self.writer.store(place, result)

    def _may_be(self, leaf: Leaf, place: Array, v: Value) -> bool:
        """Whether room holds just the numbers of an operand, one after the other."""
        room = self.writer.buffers.get(leaf.buffer)
        if OPS[self.i.op].overwrites or room is None or room.operand or leaf.buffer in self.renamed:
            return False
        if leaf.picks or leaf.offset:
            return False
        alike = _plain(leaf.strides, place.shape) == _plain(contiguous(place.shape), place.shape)
        return alike and (room.kind, room.size) == ("real", place.size) and v.dtype == self.dtype

    def _text(self, before: str, rowwise: bool) -> Traced:
        """The whole text, without what nobody reads; rows that know nothing of each other a few at a time."""
        new = self.renamed
        needed = {name for name, v in self.writes.items() if v is not None}
        blocks: list[Block] = []
        for block in reversed(self.writer.blocks):
            writes, reads = ({new.get(name, name) for name in names} for names in (block.writes, block.reads))
            if writes & needed:
                needed |= reads
                blocks.insert(0, block)
        lines = [re.sub(r"\broom\d+\b", lambda found: new.get(found[0], found[0]), line)
                 for block in blocks for line in block.lines]
        buffers = {name: b for name, b in self.writer.buffers.items() if name in needed and name not in new}
        used = [name for name, b in buffers.items() if b.operand]
        rooms = {name: b for name, b in buffers.items() if not b.operand}
        width = sum(int(b.size) // N for b in buffers.values())
        rows = 2 ** max(0, (TOGETHER // max(width, 1)).bit_length() - 1)
        passed, fixed, each = [], 0, 0
        for b in rooms.values():
            place = f"at(work, {fixed}" + (f" + n * {each})" if each else ")")
            passed.append(f"doubles({place})" if b.kind == "wide" else place)
            more, rest = divmod(int(b.size), N)
            more, rest = (0, rest + more * rows) if rowwise else (more, rest)
            fixed, each = fixed + -(-rest // 16) * 16, each + -(-more // 16) * 16
        name = f"{self.i.op}{'_back' * self.i.backward}_loops"
        apart = "" if OPS[self.i.op].overwrites else "@apart\n"
        takes = ", ".join(["n", "total", *used, *rooms])
        text = "\n".join([f"{apart}def loops({takes}):", *inside(lines), "", ""])
        head = ", ".join(["n", "total", *used, *["work"] * bool(rooms)])
        if rowwise:
            moved = [f"at({x}, first * {self.values[x].width})" if self.values[x].rows else x for x in used]
            call = f"loops({', '.join([f'min({rows}, n - first)', 'total', *moved, *passed])})"
            body = [f"for first in range(0, n, {rows}):", f"    {call}"]
        else:
            body = [f"loops({', '.join(['n', 'total', *used, *passed])})"]
        text += "\n".join([f"def {name}({head}):", *inside(body)])
        return Traced(name, before + text, (max(fixed, 16 * bool(rooms)), each))


@cache
def parameters(text: str, name: str) -> tuple[str, ...]:
    """The names of the arguments of a function of a kernel's text."""
    head = re.search(rf"^def {name}\(.*?:$", text, re.MULTILINE | re.DOTALL)  # parsing all of it takes long
    assert head is not None
    node, = ast.parse(f"{head[0]} pass").body
    assert isinstance(node, ast.FunctionDef)
    return tuple(a.arg for a in node.args.args)


def _shape(v: Value) -> tuple[int, ...]:
    return (SymbolicSize(v.rows * N), *v.shape) if v.rows else v.shape


def _without_ones(shape: tuple[int, ...], ndim: int) -> tuple[int, ...]:
    """A shape without what ones it begins with, as far as there are more axes than ndim."""
    ahead = max(0, len(shape) - ndim)
    return shape[ahead:] if all(size == 1 for size in shape[:ahead]) else shape


def _plain(strides: Sequence[int], shape: Sequence[int]) -> tuple[int, ...]:
    """Strides along the axes that have more than one number."""
    return tuple(int(s) for s, size in zip(strides, shape, strict=True) if size != 1)
