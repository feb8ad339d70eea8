"""A gradient taken apart: over all that a number goes into, the local derivative times the gradient there."""

from __future__ import annotations

import re

import numpy as np

from ...errors import ArgumentError
from ...rules import bf16, facts
from ..traces.record import Record, TracedInstruction
from .derivatives import array, differentiable, edges
from .difference import checker
from .edges import Edges
from .explanation import MOST_TERMS, Explanation, Factor, Term
from .paths import Graph, Paths, TooLarge, find_paths, place_count
from .scan_derivatives import sums_name
from .symbols import Symbols

MOST_PATHS = 1000


class GradientExplainer:
    """Takes the gradients of a traced step apart."""

    def __init__(self, trace: Record) -> None:
        self.trace, self.symbols = trace, Symbols.of(trace)
        self.n = len(trace.about.rows)

    def of(self, name: str, place: int, check: bool = True, inside: bool = False) -> Explanation:
        """Explain ∂J/∂ of one number: over all that it goes into, the local derivative times the gradient there."""
        t, symbols = self.trace, self.symbols
        index = symbols.index(name, place)
        own = None
        if name in symbols.sums or inside:
            own = self._graph(name, place, inside)
            value = float(own.sums[name][place])
        else:
            value = float(t.grad(name).flat[place])
        found, ops = self._terms(name, place, inside, own)
        by_sample, by_time = self._sums(found)
        order = np.argsort([-abs(v) for *_, v in found], kind="stable")
        terms = [self._term(name, place, *found[k]) for k in order[:MOST_TERMS]]
        e = Explanation(
            "gradient", name, index, symbols(name, place), value, t.about.step,
            operation=", ".join(dict.fromkeys(i.op for i in ops)), layer=ops[0].layer if ops else "",
            formula="; ".join(dict.fromkeys(i.formula for i in ops)), terms=terms,
            rest=float(sum(found[k][-1] for k in order[MOST_TERMS:])), rest_count=max(0, len(found) - MOST_TERMS),
            by_sample=by_sample, by_time=by_time, trace=t,
        )
        e.equation = self._equation(e, found, ops)
        e._expand = lambda term: self._expand(term)
        samples = np.array(sorted(by_sample, key=lambda s: -abs(by_sample[s])) or range(self.n))
        e._paths = lambda: self._paths(name, place, value, samples, inside)
        if not found:
            e.notes.append("nothing that J depends on reads it with a derivative other than zero")
        if any(i.rounded for i in ops):
            e.notes.append("both factors of each product are rounded to bf16 before they are multiplied, and shown so")
        if self._cannot_check(name, inside):
            check = False
        if check and any(i.rounded for i in t.instructions):
            e.notes.append("the central difference is of exact products; this step rounded their factors to bf16")
        if check:
            e.difference = checker(t).difference(name, place, value)
        return e

    def _cannot_check(self, name: str, inside: bool) -> bool:
        return self.trace.origin is None or inside or name in self.symbols.sums

    def _graph(self, name: str, place: int, inside: bool) -> Graph:
        rows = np.arange(self.n)
        if self._has_rows(name):
            rows = np.array([place // (place_count(self.trace, name) // self.n)])
        return Graph(self.trace, name, place, rows, inside)

    def _has_rows(self, name: str) -> bool:
        return name in self.symbols.sums or self.trace.facts[name].rows > 0

    def _terms(self, name: str, place: int, inside: bool, graph: Graph | None) -> tuple[list, list]:
        """List (instruction, edge's step, target, place, derivative, gradient there, product) for all it goes into."""
        t, found, ops, exact = self.trace, [], [], graph
        mark = np.zeros(place_count(t, name), bool)
        mark[place] = True
        for i in differentiable(t):
            read = name in i.operands.values()
            states = (i.results.get("y"), i.results.get("cells"))
            within = facts(i.op).sums and (self.symbols.sums.get(name) is i or (inside and name in states))
            if not read and not within:
                continue
            rows = np.arange(self.n) if not self._has_rows(name) or not read or graph is None else graph.rows
            for e in edges(t, i, {name: mark.copy()}, rows, direct=True):
                if e.source != name:
                    continue
                upstream, graph = self._upstream(i, e.target, name, place, graph, inside)
                if upstream is None:
                    continue
                if i not in ops:
                    ops.append(i)
                step, above = (e.op, e.operand), upstream[e.to]
                if i.rounded and exact is None and self._multiplies(i, e):
                    above = bf16(above)
                found += [(i, step, e.target, int(to), float(d), float(u), float(d * u))
                          for to, d, u in zip(e.to, e.d, above, strict=True)]
        return found, ops

    @staticmethod
    def _multiplies(i: TracedInstruction, e: Edges) -> bool:
        """Whether these derivatives are factors of products: of a scan, those of its sums by weights and states."""
        rule = facts(i.op)
        if rule.sums:
            return e.target == sums_name(i) and e.operand in ("W", "y", "h0")
        return e.operand in (rule.products or ())

    def _upstream(self, i: TracedInstruction, target: str, name: str, place: int, graph: Graph | None,
                  inside: bool) -> tuple[np.ndarray | None, Graph | None]:
        """Find ∂J/∂ of every number of a value, flat: as traced, or inside a scan, from all that follows."""
        t = self.trace
        if target == "J":
            return np.ones(1), graph
        if not facts(i.op).sums or target in (i.results.get("h"), i.results.get("c")):
            try:
                return t.grad(target).ravel().astype(np.float64), graph
            except ArgumentError:
                pass
        elif target in self.symbols.sums:
            try:
                du = t.grad(i.operands["u"]).astype(np.float64)
                if i.op == "gru":
                    r, _, _ = np.split(array(t, i.results["gates"]), 3, axis=-1)
                    du[..., 2 * r.shape[-1] :] *= r
                return du.ravel(), graph
            except ArgumentError:
                pass
        graph = graph or self._graph(name, place, inside)
        return graph.sums.get(target), graph

    def _term(self, name: str, place: int, i: TracedInstruction, step: tuple[str, str], target: str, to: int, d: float,
              upstream: float, value: float) -> Term:
        symbols = self.symbols
        index = symbols.index(target, to)
        above = (Factor(f"∂J/∂{symbols(target, to)}", upstream),) if target != "J" else ()
        sample = index[0] if index and self._has_rows(target) else None
        time = index[1] if facts(i.op).sums and len(index) > 2 else None
        words = symbols.derivative(step, (name, place), (target, to))
        source = (target, index) if target != "J" else None
        return Term((*above, Factor(words, d)), value, source, sample, time)

    def _sums(self, found: list) -> tuple[dict[int, float], dict[int, float]]:
        by_sample: dict[int, float] = {}
        by_time: dict[int, float] = {}
        shapes = {target: self.symbols.shape(target) for _, _, target, *_ in found}
        for i, _, target, to, *_, value in found:
            shape = shapes[target]
            if self._has_rows(target):
                per = int(np.prod(shape)) // self.n
                by_sample[to // per] = by_sample.get(to // per, 0.0) + value
                if len(shape) == 3 and (facts(i.op).sums or shape[1] in self.trace._times):
                    time = to // shape[2] % shape[1]
                    by_time[time] = by_time.get(time, 0.0) + value
        return by_sample, dict(sorted(by_time.items()))

    def _equation(self, e: Explanation, found: list, ops: list) -> str:
        """Write the equation: ∂J/∂W1[3, 2] = Σ over samples ∂J/∂z1[·, 3] · x[·, 2]."""
        left = f"∂J/∂{e.symbol}"
        if len(found) == 1:
            return f"{left} = " + " · ".join(f.symbol for f in e.terms[0].factors)
        if not found or len({(step, target) for _, step, target, *_ in found}) > 1 or e.by_sample.keys() <= {0}:
            return f"{left} = Σ " + " · ".join(("∂J/∂out", f"∂out/∂{e.symbol}"))
        over = ["samples"] if len(e.by_sample) > 1 else []
        over += ["time steps"] if len(e.by_time) > 1 else []
        if facts(ops[0].op).units == "filter":
            over.append("places")
        patterns = [_common([t.factors[k].symbol for t in e.terms]) for k in range(len(e.terms[0].factors))]
        return f"{left} = Σ over {' and '.join(over) or 'all it goes into'} of " + " · ".join(patterns)

    def _expand(self, term: Term) -> Explanation:
        assert term.source is not None
        name, index = term.source
        place = int(np.ravel_multi_index(index, self.symbols.shape(name))) if index else 0
        i = self.symbols.sources[name]
        inside = bool(facts(i.op).sums) and name in (i.results["y"], i.results.get("cells"))
        return self.of(name, place, check=False, inside=inside)

    def _paths(self, name: str, place: int, value: float, samples: np.ndarray, inside: bool) -> Paths | None:
        if name in self.symbols.sums or inside or self._has_rows(name):
            samples = np.array([place // (place_count(self.trace, name) // self.n)])
            if any(facts(i.op).reduces_batch and facts(i.op).normalises for i in differentiable(self.trace)):
                samples = np.concatenate([samples, np.setdiff1d(np.arange(self.n), samples)])
        try:
            return find_paths(self.trace, name, place, value, samples, MOST_PATHS, inside)
        except TooLarge:
            return None


def _common(symbols: list[str]) -> str:
    """Write one symbol for several: z1[0, 3] and z1[1, 3] are z1[·, 3]."""
    split = [re.split(r"(\d+)", s) for s in symbols]
    if len({len(s) for s in split}) > 1:
        return symbols[0]
    return "".join(parts[0] if len(set(parts)) == 1 else "·" for parts in zip(*split, strict=True))
