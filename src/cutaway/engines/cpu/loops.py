"""Kernels made from shapes: nested loops over operands, each of which says where its numbers lie.

The loops go over the axes of one index space. An operand is a View: how far its numbers are apart along each axis (0:
the same number again, negative: backwards). Axes that every operand walks through without a gap become one. Only the
samples' axis is as long as the batch at hand; other sizes are numbers that the kernel is given, so that layers of many
sizes share one text, but for short inner loops, which LLVM unrolls.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from ...program import Value

SHORT = 32  # an inner loop up to so long has its length in the text


@dataclass(frozen=True)
class View:
    """Says where an operand's numbers lie: strides along the axes, and the place of the first one.

    each: how much further on the first one lies for each sample of the batch. table: an axis, and the name of an
    operand whose whole numbers are the places along that axis.
    """

    strides: tuple[int, ...]
    start: int = 0
    each: int = 0
    table: tuple[int, str] | None = None

    def along(self, kept: Sequence[int]) -> View:
        """Walk along these axes alone."""
        table = None if self.table is None else (list(kept).index(self.table[0]), self.table[1])
        return View(tuple(self.strides[k] for k in kept), self.start, self.each, table)


@dataclass(frozen=True)
class Space:
    """An index space: the sizes of its axes. batched: the first one is its size times the samples of the batch."""

    sizes: tuple[int, ...]
    batched: bool = False

    @classmethod
    def of(cls, v: Value) -> Space:
        """Make the space of all numbers of a value."""
        return cls((v.rows, *v.shape) if v.rows else v.shape, v.rows > 0)


def dense(sizes: Sequence[int]) -> tuple[int, ...]:
    """Compute the strides of numbers that lie one after the other.

    >>> dense((4, 3, 2))
    (6, 2, 1)
    """
    return tuple(math.prod(sizes[k + 1 :]) for k in range(len(sizes)))


def broadcast(v: Value, space: Space) -> View | None:
    """Find how a value repeats itself over an index space, as NumPy broadcasts; None where it does not fit."""
    own = Space.of(v)
    missing = len(space.sizes) - len(own.sizes)
    if missing < 0 or (own.batched and (missing or not space.batched)):
        return None
    strides = [0] * missing
    for k, (size, stride) in enumerate(zip(own.sizes, dense(own.sizes), strict=True)):
        samples = own.batched and k == 0
        whole = size == space.sizes[missing + k] and (samples or not (space.batched and missing + k == 0))
        if not whole and (samples or size != 1):
            return None
        strides.append(stride if whole else 0)
    return View(tuple(strides))


def merged(space: Space, views: Mapping[str, View]) -> tuple[Space, dict[str, View]]:
    """Leave out axes of size 1, and make one of those without a gap between them: the walk stays the same."""
    sizes, found = list(space.sizes), dict(views)
    kept = [k for k, size in enumerate(sizes) if size != 1 or (k == 0 and space.batched)]
    kept = [k for k in range(len(sizes)) if k in kept or any(v.table and v.table[0] == k for v in found.values())]
    sizes, found = [sizes[k] for k in kept], {name: v.along(kept) for name, v in found.items()}
    for k in range(len(sizes) - 2, -1, -1):
        apart = any(v.strides[k] != v.strides[k + 1] * sizes[k + 1] or (v.table and v.table[0] in (k, k + 1))
                    for v in found.values())
        if not apart:
            sizes[k : k + 2] = [sizes[k] * sizes[k + 1]]
            found = {name: View((*v.strides[:k], *v.strides[k + 1 :]), v.start, v.each,
                                v.table and (v.table[0] - (v.table[0] > k), v.table[1])) for name, v in found.items()}
    return Space(tuple(sizes), space.batched), found


@dataclass
class Loops:
    """The lines of a kernel as they are written, and the numbers that it is given, by name.

    short: SHORT, or 0 for what picks and joins features: each table's would be a text of its own, and be waited for.
    """

    lines: list[str] = field(default_factory=list)
    numbers: dict[str, int] = field(default_factory=dict)
    short: int = SHORT

    def number(self, value: int) -> str:
        """Choose a number's word in the text: itself, if it is 0 or 1, or the name of a parameter."""
        if value in (0, 1, -1):
            return str(value)
        name = next((name for name, known in self.numbers.items() if known == value), f"k{len(self.numbers)}")
        self.numbers[name] = value
        return name

    def nest(self, space: Space, views: Mapping[str, View], work: Callable[[dict[str, str]], Sequence[str]]) -> None:
        """Write loops over a space. work gives the innermost lines from the place of each operand."""
        space, views = merged(space, views)
        counters = self.open(space, range(len(space.sizes)))
        self.inside(len(counters), work({name: self.place(view, counters) for name, view in views.items()}))

    def open(self, space: Space, axes: Sequence[int], deep: int = 0) -> list[str]:
        """Write the heads of loops over some axes of a merged space, and give the names of their counters."""
        last, counters = len(space.sizes) - 1, []
        for k in axes:
            size, batched = space.sizes[k], space.batched and k == 0
            literal = k == last and not batched and size <= self.short
            count = str(size) if literal else self.number(size)
            count = "n" if batched and size == 1 else f"n * {count}" if batched else count
            counters.append("j" if k == last else f"i{k}")
            self.inside(deep + len(counters) - 1, [f"for {counters[-1]} in range({count}):"])
        return counters

    def inside(self, deep: int, lines: Sequence[str]) -> None:
        self.lines += ["    " * (deep + 1) + line for line in lines]

    def place(self, view: View, counters: Sequence[str]) -> str:
        """Write the place of an operand's number in terms of the loops' counters."""
        last = len(counters) - 1
        parts = []
        for k, (counter, stride) in enumerate(zip(counters, view.strides, strict=True)):
            if view.table is not None and view.table[0] == k:
                parts.append(f"{view.table[1]}[{counter}]")
            elif stride:
                by = str(stride) if k == last and abs(stride) <= SHORT else self.number(stride)
                parts.append(counter if stride == 1 else f"{counter} * {by}")
        if view.each:
            parts.append(f"n * {self.number(view.each)}")
        if view.start:
            parts.append(self.number(view.start))
        return " + ".join(parts) or "0"

    def text(self, operands: Sequence[str], settings: Sequence[str] = ()) -> str:
        """Write the whole function; its pointers lead to memory that does not overlap."""
        arguments = ", ".join(["n", *operands, *self.numbers, *settings])
        return f"@apart\ndef loop({arguments}):\n" + "\n".join(self.lines or ["    n"])
