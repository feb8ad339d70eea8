"""Local derivatives inside a recurrent scan, time step by time step: from the rules' own cells.

A scan is one instruction; inside it are the sums s = u + W h + b of each step, which nobody stores. They get a name
here, `layer1.lstm.s`, so that the way through time can be followed. In a GRU the candidate's u is not in s, since the
reset gate stands between them: s is W h + b there.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ...rules import OPS, bf16
from ...rules import recurrent as rules
from ..traces.record import Record, TracedInstruction
from .edges import Edges, array, factor


def sums_name(i: TracedInstruction) -> str:
    return i.results["y"].rpartition(".")[0] + "." + "s" + i.results["y"].rpartition(".")[2].removeprefix("y")


class Unrolled:
    """A scan's arrays, time first, and which steps follow which."""

    def __init__(self, trace: Record, i: TracedInstruction) -> None:
        self.trace, self.i = trace, i
        get = {k: array(trace, name) for k, name in (i.operands | i.results).items()}
        self.get = get
        self.n, self.time, self.k = get["y"].shape
        self.lengths = get.get("lengths")
        self.reverse = bool(i.settings["reverse"])
        shape, truncate = get["u"].shape, i.settings["truncate"]
        self.runs = rules.running(shape, self.lengths)[..., 0]
        since = rules.since_start(shape, self.lengths, self.reverse)[..., 0]
        self.first = self.runs & (since == 0)
        cut = np.broadcast_to(rules.cuts(shape, self.lengths, self.reverse, truncate)[..., 0], self.runs.shape)
        self.follows = self.runs & (since > 0) & ~cut
        last = np.zeros(self.n, int) if self.reverse else np.asarray(
            self.lengths if self.lengths is not None else [self.time] * self.n) - 1
        self.last = last
        self.h_before = rules.before(get["y"], get.get("h0"), self.lengths, self.reverse)
        self.W, self.h = factor(trace, i, "W"), bf16(self.h_before) if i.rounded else self.h_before  # as multiplied
        self.by_cell = getattr(self, f"_{i.op}")()

    def _gates(self) -> list[np.ndarray]:
        return rules.gates_of(rules.along_time(self.get["gates"]), len(OPS[self.i.op].sums))

    def _rnn(self) -> dict:
        h = rules.along_time(self.get["y"])
        return {("s", 0, "y"): rules.rnn_cell_back(np.ones_like(h), h, self.i.settings["relu"]), ("u", 0, "s"): 1.0}

    def _lstm(self) -> dict:
        i, f, g, o = self._gates()
        c = rules.along_time(self.get["cells"])
        before = rules.before(self.get["cells"], self.get.get("c0"), self.lengths, self.reverse)
        one, zero = np.ones_like(c), np.zeros_like(c)
        to_c = rules.lstm_cell_back(zero, one, i, f, g, o, c, before)
        to_h = rules.lstm_cell_back(one, zero, i, one, g, o, c, before)
        found = {("u", j, "s"): 1.0 for j in range(4)} | {("s", j, "cells"): to_c[j] for j in range(3)}
        return found | {("s", 3, "y"): to_h[3], ("cells", 0, "y"): to_h[4], ("cells", -1, "cells"): to_c[4]}

    def _gru(self) -> dict:
        r, z, n = self._gates()
        one = np.ones_like(r)
        dr, dz, dn, dv, kept = rules.gru_cell_back(one, r, z, n, rules.along_time(self.get["v"]), self.h_before)
        found = {("u", 0, "s"): 1.0, ("u", 1, "s"): 1.0, ("u", 2, "y"): dn, ("y", -1, "y"): kept}
        return found | {("s", 0, "y"): dr, ("s", 1, "y"): dz, ("s", 2, "y"): dv}

    def width(self, letter: str) -> int:
        return self.k * (len(OPS[self.i.op].sums) if letter in ("s", "u") else 1)

    def steps(self) -> range:
        return range(self.time - 1, -1, -1) if self.reverse else range(self.time)


def scan_edges(trace: Record, i: TracedInstruction, reached: dict[str, np.ndarray], rows: np.ndarray,
               direct: bool = False) -> Iterator[Edges]:
    """Give what `derivatives.edges` gives, in the order of the scan's steps; each marks what it reaches for the next.

    direct: only derivatives by what is marked already.
    """
    names = i.operands | i.results | {"s": sums_name(i)}
    if not any(names.get(k) in reached for k in ("u", "W", "b", "h0", "c0", "y", "cells", "s")):
        return
    scan = Unrolled(trace, i)
    n, time, k = scan.n, scan.time, scan.k
    marks = {letter: reached.setdefault(names[letter], np.zeros(n * time * scan.width(letter), bool))
             for letter in ("s", "y", *(["cells"] if i.op == "lstm" else []))}
    for letter in ("u", "W", "b", "h0", "c0"):
        if letter in names and names[letter] in reached:
            marks[letter] = reached[names[letter]]

    def flat(letter: str, t: int, samples: np.ndarray, units: np.ndarray) -> np.ndarray:
        return (samples[:, None] * time + t) * scan.width(letter) + units

    def edge(source: str, target: str, to, by, d) -> Iterator[Edges]:
        if source not in marks or not marks[source].any():
            return
        to, by, d = (a.ravel() for a in np.broadcast_arrays(to, by, d))
        kept = (d != 0) & marks[source][by]
        if kept.any():
            if target in marks and not direct:
                marks[target][to[kept]] = True
            yield Edges(names[source], names[target], to[kept], by[kept], d[kept], i.op, source)

    W, units, wide = scan.W, np.arange(k), scan.width("s")
    every = np.arange(wide)
    for t in scan.steps():
        before = t + 1 if scan.reverse else t - 1
        on, follows, first = (np.asarray([s for s in rows if a[t, s]], int) for a in
                              (scan.runs, scan.follows, scan.first))
        if "W" in marks:
            for place in np.flatnonzero(marks["W"]):
                row, column = divmod(place, k)
                to = flat("s", t, on, np.array([row]))
                yield from edge("W", "s", to, place, scan.h[t, on, column][:, None])
        if "b" in marks:
            yield from edge("b", "s", flat("s", t, on, every), every, np.ones((len(on), wide)))
        for (source, gate, target), d in scan.by_cell.items():  # into s first: the cells' order is that of the table
            if target == "s":
                place = units + gate * k
                yield from edge(source, "s", flat("s", t, on, place), flat(source, t, on, place), d)
        for samples, source in ((follows, "y"), (first, "h0")):
            if source in marks and len(samples):
                by = flat("y", before, samples, units) if source == "y" else samples[:, None] * k + units
                yield from edge(source, "s", flat("s", t, samples, every)[:, :, None], by[:, None, :], W)
        if i.op != "rnn":  # what a cell keeps: c in an LSTM, h in a GRU
            kept = "cells" if i.op == "lstm" else "y"
            d = scan.by_cell[kept, -1, kept][t]
            for samples, source in ((follows, kept), (first, "c0" if i.op == "lstm" else "h0")):
                if source in marks and len(samples):
                    by = flat(kept, before, samples, units) if source == kept else samples[:, None] * k + units
                    yield from edge(source, kept, flat(kept, t, samples, units), by, d[samples])
        for (source, gate, target), d in sorted(scan.by_cell.items(), key=lambda e: e[0][2]):  # cells, then y
            if target != "s" and gate >= 0:
                place = units + gate * k
                yield from edge(source, target, flat(target, t, on, units), flat(source, t, on, place), d[t, on])
    rows = np.asarray(rows)
    for result, letter in (("h", "y"), ("c", "cells")):
        if result in names and letter in marks:
            to = rows[:, None] * k + units
            yield from edge(letter, result, to, (rows[:, None] * time + scan.last[rows][:, None]) * k + units, 1.0)
