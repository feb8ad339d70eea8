"""Paths: every way from one number of a step to J, as a product of local derivatives, the largest first.

The ways number too many to list them all, so they are found in order: backwards from J it is known how large a product
can still become from each place on, which makes the search exact. It never looks at a way that it does not list.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from ...rules import facts
from ..traces.record import Record
from .derivatives import Edges, differentiable, edges
from .scan_derivatives import sums_name

Place = tuple[str, int]  # a value's name, and the place in its flat array
MOST_EDGES = 4_000_000


@dataclass(frozen=True)
class Path:
    """One way to J. places: from where it starts to J. derivatives: one for each step; edges: what each belongs to."""

    places: tuple[Place, ...]
    derivatives: tuple[float, ...]
    steps: tuple[tuple[str, str], ...]  # operation and operand
    product: float


class Graph:
    """All local derivatives between one number and J, for the samples `rows`.

    inside: a state of a recurrent scan also leads to the next state, not only to the layers above.
    """

    def __init__(self, trace: Record, name: str, place: int, rows: np.ndarray, inside: bool = False) -> None:
        self.trace, self.start, self.rows = trace, (name, place), rows
        mark = np.zeros(place_count(trace, name), bool)
        mark[place] = True
        reached = {name: mark}
        self.blocks: list[Edges] = []
        size = 0
        for i in differentiable(trace):
            known = list(i.operands.values())
            if facts(i.op).sums:
                known += [sums_name(i), *(i.results[k] for k in ("y", "cells") if inside and k in i.results)]
            if not any(v in reached for v in known):
                continue
            for e in edges(trace, i, reached, rows):
                if e.target not in reached:
                    reached[e.target] = np.zeros(trace[e.target].size, bool)
                reached[e.target][e.to] = True
                self.blocks.append(e)
                size += len(e.d)
                if size > MOST_EDGES:
                    raise TooLarge
        self.sizes = {v: len(mark) for v, mark in reached.items()}
        self.sizes.setdefault("J", 1)
        self._back()

    def _back(self) -> None:
        """Go back from J, and note for the paths from each place to J their largest product, the sum of products, the
        sum without signs, and the number of paths."""
        self.best = {v: np.zeros(n) for v, n in self.sizes.items()}
        self.sums = {v: np.zeros(n) for v, n in self.sizes.items()}
        self.absolute = {v: np.zeros(n) for v, n in self.sizes.items()}
        self.count = {v: np.zeros(n) for v, n in self.sizes.items()}
        for found in (self.best, self.sums, self.absolute, self.count):
            found["J"][0] = 1
        for e in reversed(self.blocks):
            np.maximum.at(self.best[e.source], e.by, np.abs(e.d) * self.best[e.target][e.to])
            np.add.at(self.sums[e.source], e.by, e.d * self.sums[e.target][e.to])
            np.add.at(self.absolute[e.source], e.by, np.abs(e.d) * self.absolute[e.target][e.to])
            np.add.at(self.count[e.source], e.by, self.count[e.target][e.to])

    def onward(self, place: Place) -> list[tuple[float, float, Place, tuple[str, str]]]:
        """List where a place leads: (largest product from here, derivative, next place, step), the largest first."""
        if place not in self._known:
            name, k = place
            found = []
            for b, order, sorted_by in self._by_source.get(name, ()):
                e = self.blocks[b]
                lo, hi = np.searchsorted(sorted_by, [k, k + 1])
                for x in order[lo:hi]:
                    to = int(e.to[x])
                    most = abs(e.d[x]) * self.best[e.target][to]
                    if most > 0:
                        found.append((most, float(e.d[x]), (e.target, to), (e.op, e.operand)))
            self._known[place] = sorted(found, key=lambda f: -f[0])
        return self._known[place]

    def largest(self) -> Iterator[Path]:
        """Give every path, the largest product (without its sign) first."""
        self._known: dict[Place, list] = {}
        self._by_source: dict[str, list] = {}
        for b, e in enumerate(self.blocks):
            order = np.argsort(e.by, kind="stable")
            self._by_source.setdefault(e.source, []).append((b, order, e.by[order]))
        # a heap entry is a path so far, and which step comes next: number `turn` of those that its last place leads to
        heap: list = []
        ticket = 0

        def push(way: tuple, product: float, turn: int) -> None:
            nonlocal ticket
            nexts = self.onward(way[-1][0])
            if turn < len(nexts):
                ticket += 1
                heapq.heappush(heap, (-abs(product) * nexts[turn][0], ticket, way, product, turn))

        push(((self.start, 1.0, ("", "")),), 1.0, 0)
        while heap:
            _, _, way, product, turn = heapq.heappop(heap)
            push(way, product, turn + 1)
            _, d, place, step = self.onward(way[-1][0])[turn]
            longer = (*way, (place, d, step))
            if place[0] == "J":
                yield Path(tuple(w[0] for w in longer), tuple(w[1] for w in longer[1:]),
                           tuple(w[2] for w in longer[1:]), product * d)
            else:
                push(longer, product * d, 0)


def place_count(trace: Record, name: str) -> int:
    """Count the numbers of a value; also those of a scan's sums, which are not stored."""
    for i in trace.instructions:
        if facts(i.op).sums and not i.backward and sums_name(i) == name:
            return trace[i.operands["u"]].size
    return trace[name].size


class TooLarge(Exception):
    """More local derivatives than can be looked at together."""


@dataclass
class Paths:
    """The largest paths, and what share of the whole they are.

    count: how many there are in all of `rows`. total: the traced gradient. absolute: the sum of all products without
    their signs, over the same rows. rows: the samples whose paths were searched; whole: they are all that matter, not
    only those that contribute most.
    """

    listed: list[Path]
    count: float
    total: float
    absolute: float
    rows: np.ndarray
    whole: bool

    @property
    def sum(self) -> float:
        return float(sum(p.product for p in self.listed))

    @property
    def complete(self) -> bool:
        return len(self.listed) == self.count and self.whole

    @property
    def share(self) -> float:
        """What part of the gradient the listed paths add up to; products of either sign can make it more than 1."""
        return self.sum / self.total if self.total else float("nan")

    @property
    def share_of_absolute(self) -> float:
        return float(sum(abs(p.product) for p in self.listed)) / self.absolute if self.absolute else float("nan")


def find_paths(trace: Record, name: str, place: int, total: float, order: np.ndarray, most: int = 1000,
               inside: bool = False) -> Paths:
    """Find the largest paths of one number. order: the samples by what they contribute, the largest first; where all
    are too many to be looked at together, a quarter is, and so on."""
    rows = np.asarray(order)
    while True:
        try:
            graph = Graph(trace, name, place, np.sort(rows), inside)
            break
        except TooLarge:
            if len(rows) == 1:
                raise
            rows = rows[: max(1, len(rows) // 4)]
    listed = []
    for path in graph.largest():
        listed.append(path)
        if len(listed) == most:
            break
    count, absolute = graph.count[name][place], graph.absolute[name][place]
    return Paths(listed, float(count), total, float(absolute), np.sort(rows), len(rows) == len(order))

