"""The memory plan: where each value lives, so that values that are never alive together share the same bytes."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np

from ..program import Instruction, Value
from ..rules import OPS, Op

LINE = 64  # bytes; every value starts on a cache line


@dataclass(repr=False)
class Plan:
    """Offsets in bytes of every value in the program's memory, for batches of up to `batch` samples."""

    offsets: dict[int, int]
    bytes: int
    unshared_bytes: int
    batch: int
    shards: int = 1

    @property
    def rows(self) -> int:
        """The rows of a shard of a whole batch, but perhaps of the last one."""
        return -(-self.batch // self.shards)

    def shares(self, a: Value, b: Value) -> bool:
        """Whether two values that live at the same time are at the same place."""
        if a is b:
            return True
        if a.outside or b.outside:
            return a.array is None and b.array is None and (a.home, a.at) == (b.home, b.at)
        return self.offsets[id(a)] == self.offsets[id(b)] and a.width * b.width > 0

    def __repr__(self) -> str:
        return f"Plan({self})"

    def __str__(self) -> str:
        return f"{self.bytes:,} bytes for batches of {self.batch} ({self.unshared_bytes:,} if nothing shared memory)"


def plan(instructions: list[Instruction], batch: int, shards: int = 1, keep_all: bool = False,
         copied: Collection[int] = ()) -> Plan:
    """Give every value its place in memory. keep_all: no sharing, so that every value can be read afterwards.

    shards: threads that share a batch; copied: ids of the values of which each thread writes a copy. Threads wait for
    each other only at fences: with several, two values share bytes only if a fence lies between their lives.
    """
    alive: dict[int, list[int]] = {}
    segment = list(range(len(instructions)))
    if shards > 1:
        segment = [0] * len(instructions)
        for i in range(1, len(instructions)):
            segment[i] = segment[i - 1] + fenced(instructions[i - 1], instructions[i])
    values: dict[int, Value] = {}
    for i, instruction in enumerate(instructions):
        for v in (*instruction.reads, *instruction.written):
            if not v.outside:
                values[id(v)] = v
                alive.setdefault(id(v), [i, i])[1] = i
    home = {key: key for key in values}  # whose memory a value uses: its own, or that of the value it overwrites
    if not keep_all:
        for i, instruction in enumerate(instructions):
            _overwrite(i, instruction, alive, home, copied)
    sizes = {key: _size(v, batch, shards if key in copied else 1) for key, v in values.items()}
    blocks: dict[int, list[int]] = {}  # home -> first and last instruction
    for key in values:
        root = _root(home, key)
        span = blocks.setdefault(root, list(alive[key]))
        span[0], span[1] = min(span[0], alive[key][0]), max(span[1], alive[key][1])
    placed = np.zeros((4, 0), np.int64)  # start, end, first, last of each block, by start
    offsets: dict[int, int] = {}
    for root in sorted(blocks, key=lambda r: (-sizes[r], blocks[r][0])):
        first, last = (segment[i] for i in blocks[root])
        rivals = placed[:2] if keep_all else placed[:2, (placed[2] <= last) & (placed[3] >= first)]
        at = offsets[root] = _first_gap(rivals[0], rivals[1], sizes[root])
        block = at, at + sizes[root], first, last
        placed = np.insert(placed, np.searchsorted(placed[0], at), block, axis=1)
    total = int(placed[1].max(initial=0))
    return Plan({key: offsets[_root(home, key)] for key in values}, total, sum(sizes.values()), batch, shards)


def bytes_needed(instructions: list[Instruction], batch: int) -> int:
    """The bytes of the values of a batch of so many rows, on one thread."""
    return plan(instructions, batch).bytes


def most_rows(instructions: list[Instruction], room: int) -> int:
    """Choose how many rows a batch may have so that its values fit in `room` bytes: a power of two, at least one."""
    values = {id(v): v for i in instructions for v in (*i.reads, *i.written) if v.rows and not v.outside}
    width = sum(v.width * v.dtype.itemsize for v in values.values())  # what shares memory counts twice
    return 1 << (max(room // max(width, 1), 1).bit_length() - 1)


def fenced(one: Instruction, next: Instruction) -> bool:
    """Whether threads must wait for each other between two instructions: what they split the work by differs."""
    return one.scope != next.scope or (one.scope == "range" and one.op != next.op)


def _first_gap(starts: np.ndarray, ends: np.ndarray, size: int) -> int:
    """The lowest offset at which `size` bytes are free between blocks, which may overlap, in the order of `starts`."""
    free = np.concatenate(([0], np.maximum.accumulate(ends)))
    return int(free[np.argmax(np.append(starts - free[:-1] >= size, True))])


def _size(v: Value, batch: int, copies: int) -> int:
    count = v.width * (batch if v.rows else copies)
    return -(-count * v.dtype.itemsize // LINE) * LINE


def _root(home: dict[int, int], key: int) -> int:
    while home[key] != key:
        key = home[key]
    return key


def _overwrite(i: int, instruction: Instruction, alive: dict[int, list[int]], home: dict[int, int],
               copied: Collection[int]) -> None:
    """Let an instruction that works value by value write over an input that nobody reads again (a over z)."""
    rule = OPS.get(instruction.op)
    if rule is None:
        return
    taken: set[int] = set()
    for out, candidates in _candidates(rule, instruction):
        if out.outside or alive[id(out)][0] != i:
            continue
        for v in candidates:
            alike = (v.width, v.dtype, id(v) in copied) == (out.width, out.dtype, id(out) in copied)
            batched = v.rows == out.rows or (rule.kind == "view" and bool(v.rows) == bool(out.rows))
            fits = alike and batched and not v.outside
            if fits and v.role == "activation" and alive[id(v)][1] == i and id(v) not in taken:
                home[id(out)] = _root(home, id(v))
                taken.add(id(v))
                break


def _candidates(rule: Op, instruction: Instruction) -> list[tuple[Value, list[Value]]]:
    """Pair what an instruction writes with the inputs that its kernel can write it over."""
    if rule.kind in ("elementwise", "view"):
        return [(out, instruction.reads) for out in instruction.written]
    if not rule.overwrites:
        return []
    named = instruction.operands()
    pairs = ((named.get(out), named.get(over)) for out, over in rule.overwrites.items())
    return [(out, [over]) for out, over in pairs if out is not None and over is not None and out in instruction.written]
