"""A value taken apart: the weighted sum that made it, or the few numbers that its formula names."""

from __future__ import annotations

import re

import numpy as np

from ...rules import OPS
from ...rules.convolution import in_windows
from ...rules.recurrent import before
from ...rules.shape import sum_to
from ...rules.tabular import rows_of
from ..states import PARTS
from ..traces.record import Record, TracedInstruction
from .derivatives import array, settings, unit_backward
from .edges import factor
from .explanation import MOST_TERMS, Explanation, Factor, Term
from .scan_derivatives import Unrolled
from .symbols import Symbols, indexed


def right_side(i: TracedInstruction, name: str) -> str:
    """The right side of a formula for one result: for `mean, var = mean x, mean (x - mean)^2` that result's half."""
    left, _, right = i.formula.partition("=")
    said = right.strip().split(", ")
    return said[list(i.results.values()).index(name)] if len(said) == len(left.split(",")) else right.strip()


class ValueExplainer:
    """Takes the values of a traced step apart."""

    def __init__(self, trace: Record) -> None:
        self.trace, self.symbols = trace, Symbols.of(trace)
        self.n = len(trace.about.rows)

    def of(self, name: str, place: int, onward: bool = True) -> Explanation:
        """Explain what made one number."""
        t = self.trace
        if name in t._parts:
            return self._part(name, place)
        e = Explanation("value", name, self.symbols.index(name, place), self.symbols(name, place),
                        float(t[name].flat[place]), t.about.step, trace=t)
        e._expand = self._expand
        i = self.symbols.sources.get(name)
        if i is None:
            e.notes.append(self._standing(name))
            return e
        e.operation, e.layer, e.formula = i.op, i.layer, i.formula
        special, rule = getattr(self, f"_{i.op}", None), OPS[i.op]
        summed = [] if rule.variadic else rule.linear_with(rule.inputs[0])
        if special is not None:
            special(e, i, place)
        elif rule.sums:
            self._scan(e, i, place)
        elif len(summed) > (rule.kind == "elementwise"):
            self._sum(e, i, place)
        elif rule.kind == "elementwise":
            self._elementwise(e, i, place)
        elif rule.moves:
            self._moved(e, i, place)
        elif rule.inputs == ("z", "y"):
            self._pairwise(e, i, place)
        else:
            self._other(e, i, place)
        if onward:
            e.then = self._then(name, place)
        return e

    def _expand(self, term: Term) -> Explanation:
        assert term.source is not None
        name, index = term.source
        return self.of(name, indexed(self.trace, name, index))

    def _standing(self, name: str) -> str:
        role = self.trace.facts[name].role
        return {"input": "it was read from the data", "target": "it was read from the data", "parameter":
                'a weight, as it was before the step; of="gradient" and of="update" explain what changed it',
                "gradient": 'a gradient: explain what it belongs to with of="gradient"',
                "weight": "the weight of a sample", "state": "the optimizer's state before the step",
                "buffer": "kept from step to step"}.get(role, "it stood before the step")

    # ---- sums --------------------------------------------------------------------------------------------------------
    def _finish(self, e: Explanation, terms: list[Term]) -> None:
        """Put the largest products first, then what is added as it is: a bias, an input's part."""
        terms = sorted(terms, key=lambda term: (len(term.factors) == 1, -abs(term.value)))
        e.terms, rest = terms[:MOST_TERMS], terms[MOST_TERMS:]
        e.rest, e.rest_count = float(sum(term.value for term in rest)), len(rest)

    def _sum(self, e: Explanation, i: TracedInstruction, place: int) -> None:
        """Explain a weighted sum: every input times its weight, found by the backward rule; then the bias."""
        t, symbols, rule = self.trace, self.symbols, OPS[i.op]
        summed, terms = rule.linear_with(rule.inputs[0]), []
        for operand, d in unit_backward(t, i, e.name, place).items():
            name = i.operands[operand]
            v = factor(t, i, operand)
            if operand not in summed or d is None or v.dtype.kind != "f":
                continue
            if d.shape != v.shape:  # what was broadcast
                d = sum_to(d, shape=v.shape)
            d = d.ravel()
            for p in np.flatnonzero(d):
                x = float(v.flat[p])
                if operand == "b":
                    terms.append(Term((Factor(symbols(name, int(p)), x),), x, (name, symbols.index(name, int(p)))))
                    continue
                words = symbols.derivative((i.op, operand), (name, int(p)), (e.name, place))
                terms.append(Term((Factor(words, float(d[p])), Factor(symbols(name, int(p)), x)), float(d[p]) * x,
                                  (name, symbols.index(name, int(p)))))
        self._finish(e, terms)
        if i.rounded:
            e.notes.append("inputs and weights are rounded to bf16 before they are multiplied, and shown so")
        bias = [term for term in terms if len(term.factors) == 1]
        e.equation = f"{e.symbol} = {right_side(i, e.name)}"
        if rule.units:
            what = "places of the patch" if rule.windows else "inputs"
            count = len(terms) - len(bias)
            e.equation = f"{e.symbol} = Σ over {count} {what} of weight · input" + " + bias" * bool(bias)

    # ---- one number from a few -------------------------------------------------------------------------------------
    def _elementwise(self, e: Explanation, i: TracedInstruction, place: int) -> None:
        shape = self.trace[e.name].shape
        found = []
        for operand, name in i.operands.items():
            v = self.trace[name]
            at = int(np.broadcast_to(np.arange(v.size).reshape(v.shape), shape).ravel()[place])
            e.parts.append(Factor(self.symbols(name, at), float(v.flat[at])))
            found.append((operand, name, at))
        e.equation = f"{e.symbol} = {self._filled(i, {operand: self.symbols(name, at) for operand, name, at in found})}"
        if len(found) == 1 and found[0][1] in self.symbols.sources:
            e.inner = self.of(found[0][1], found[0][2], onward=False)

    def _filled(self, i: TracedInstruction, letters: dict[str, str]) -> str:
        """Write a formula's right side with symbols in place of its letters."""
        right = i.formula.partition("=")[2].strip()
        numbers = {k: f"{v:g}" for k, v in i.settings.items() if isinstance(v, int | float)}
        return re.sub(r"[A-Za-z_]+", lambda m: letters.get(m[0], numbers.get(m[0], m[0])), right)

    def _dropout(self, e: Explanation, i: TracedInstruction, place: int) -> None:
        self._elementwise(e, i, place)
        kept = bool(unit_backward(self.trace, i, e.name, place)["x"].flat[place])
        p = i.settings["p"]
        e.parts.append(Factor("mask", float(kept)))
        e.equation = f"{e.symbol} = {e.parts[0].symbol} / (1 − {p:g})" if kept else f"{e.symbol} = 0"
        e.notes.append(f"dropout kept it, and made it 1/(1 − {p:g}) times as large" if kept else "dropout dropped it")

    def _moved(self, e: Explanation, i: TracedInstruction, place: int) -> None:
        for operand, d in unit_backward(self.trace, i, e.name, place).items():
            for p in np.flatnonzero(d):
                name = i.operands[operand]
                e.parts.append(Factor(self.symbols(name, int(p)), float(self.trace[name].flat[p])))
                e.equation = f"{e.symbol} = {self.symbols(name, int(p))}"
                e.inner = self.of(name, int(p), onward=False)

    def _embedding(self, e: Explanation, i: TracedInstruction, place: int) -> None:
        W = i.operands["W"]
        width = self.trace[W].shape[1]
        row = int(self.trace[i.operands["i"]].flat[place // width])
        at = row * width + place % width
        e.parts = [Factor(self.symbols(i.operands["i"], place // width), row),
                   Factor(self.symbols(W, at), float(self.trace[W].flat[at]))]
        e.equation = f"{e.symbol} = {self.symbols(W, at)}, from row {row} of the table"

    def _lookup(self, e: Explanation, i: TracedInstruction, place: int) -> None:
        x, W, (*sample, k) = i.operands["x"], i.operands["W"], e.index
        t, (entries, width) = self.trace, self.trace[W].shape
        at = int(np.ravel_multi_index((*sample, i.settings["column"]), t[x].shape))
        row = int(rows_of(array(t, x).ravel()[[at]], entries, 0))
        e.parts = [Factor(self.symbols(x, at), float(t[x].flat[at])),
                   Factor(self.symbols(W, row * width + k), float(t[W].flat[row * width + k]))]
        e.equation = f"{e.symbol} = {self.symbols(W, row * width + k)}, from row {row} of the table"

    def _piecewise(self, e: Explanation, i: TracedInstruction, place: int) -> None:
        t, x, (*sample, bin) = self.trace, i.operands["x"], e.index
        feature = int(t[i.operands["i"]][bin])
        at = int(np.ravel_multi_index((*sample, feature), t[x].shape))
        e.parts = [Factor(self.symbols(x, at), float(t[x].flat[at]))]
        e.parts += [Factor(self.symbols(name, bin), float(t[name][bin])) for name in
                    (i.operands["lower"], i.operands["upper"])]
        z, lower, upper = (part.symbol for part in e.parts)
        e.equation = f"{e.symbol} = ({z} − {lower}) / ({upper} − {lower}), at least 0 and at most 1"
        if e.value in (0, 1):
            e.notes.append(f"feature {feature} lies {'below' if e.value == 0 else 'above'} this bin")

    def _max_pool(self, e: Explanation, i: TracedInstruction, place: int) -> None:
        t, x = self.trace, i.operands["x"]
        own = settings(t, i)
        shape = t[x].shape
        sample, *_, channel = self.symbols.index(e.name, place)
        one = 1.0 + np.arange(t[x].size).reshape(shape)[sample : sample + 1]
        seen = in_windows(one, own["window"], own["stride"], own["padding"], 0)
        places = seen[(0, *e.index[1:-1], slice(None), channel)].astype(int) - 1
        self._candidates(e, i, place, places[places >= 0])

    def _global_max(self, e: Explanation, i: TracedInstruction, place: int) -> None:
        t, x = self.trace, i.operands["x"]
        channels = t[x].shape[-1]
        per = t[x].size // self.n
        steps = per // channels
        if "lengths" in i.operands:
            steps = int(t[i.operands["lengths"]][e.index[0]]) * (steps // t[x].shape[1])
        self._candidates(e, i, place, e.index[0] * per + np.arange(steps) * channels + e.index[-1])

    def _candidates(self, e: Explanation, i: TracedInstruction, place: int, places: np.ndarray) -> None:
        x = i.operands["x"]
        v = self.trace[x].ravel()
        won = int(np.flatnonzero(unit_backward(self.trace, i, e.name, place)["x"])[0])
        rest = [int(p) for p in places[np.argsort(-v[places], kind="stable")] if p != won]
        e.parts = [Factor(self.symbols(x, p), float(v[p])) for p in (won, *rest)]
        e.equation = f"{e.symbol} = max of {len(places)} = {self.symbols(x, won)}"
        tie = "; of several equal ones, the first" if rest and v[rest[0]] == v[won] else ""
        e.notes.append(f"{self.symbols(x, won)} won{tie}")

    def _other(self, e: Explanation, i: TracedInstruction, place: int) -> None:
        """Explain anything else by the numbers that it depends on most."""
        e.equation = f"{e.symbol} = {right_side(i, e.name)}"
        rule = OPS[i.op]
        which = next((o for o, name in i.results.items() if name == e.name), "")
        if rule.backward is None or which not in rule.differentiable:
            for name in i.operands.values():
                v = self.trace[name]
                if v.size and v.shape[:1] == (self.n,) and e.index:
                    v, base = v[e.index[0]], v.size // self.n * e.index[0]
                    e.parts += [Factor(self.symbols(name, base + p), float(x)) for p, x in enumerate(np.ravel(v)[:12])]
            return
        found = []
        for operand, d in unit_backward(self.trace, i, e.name, place).items():
            name = i.operands[operand]
            for p in np.flatnonzero(d):
                own = Factor(self.symbols(name, int(p)), float(self.trace[name].flat[p]))
                found.append((abs(float(d.flat[p])), own))
        e.parts = [f for _, f in sorted(found, key=lambda f: -f[0])[:12]]
        if len(found) > 12:
            e.notes.append(f"it depends on {len(found)} numbers; these are those on which it depends most")

    # ---- norms -------------------------------------------------------------------------------------------------------
    def _batch_norm(self, e: Explanation, i: TracedInstruction, place: int) -> None:
        k = e.index[-1]
        for operand in ("x", "mean", "var", "gamma", "beta"):
            name = i.operands[operand]
            at = place if operand == "x" else k
            e.parts.append(Factor(self.symbols(name, at), float(self.trace[name].flat[at])))
        x, mean, var, gamma, beta = (f.symbol for f in e.parts)
        e.equation = f"{e.symbol} = {gamma} ({x} − {mean}) / √({var} + {i.settings['eps']:g}) + {beta}"
        e.inner = self.of(i.operands["x"], place, onward=False) if i.operands["x"] in self.symbols.sources else None

    def _layer_norm(self, e: Explanation, i: TracedInstruction, place: int) -> None:
        if e.name != i.results["y"]:
            return self._other(e, i, place)
        width = self.trace[i.results["y"]].shape[-1]
        u, r = (array(self.trace, i.results[k]).ravel() for k in ("u", "r"))
        own = array(self.trace, i.operands["x"]).ravel()
        mean = float(own[place] - u[place] / r[place // width])
        e.parts = [Factor(self.symbols(i.operands["x"], place), float(own[place])), Factor("mean of the row", mean),
                   Factor("1/√(var + ε) of the row", float(r[place // width]))]
        for operand in ("gamma", "beta"):
            name, k = i.operands[operand], place % width
            e.parts.append(Factor(self.symbols(name, k), float(self.trace[name].flat[k])))
        e.equation = f"{e.symbol} = {e.parts[3].symbol} ({e.parts[0].symbol} − mean) / √(var + ε) + {e.parts[4].symbol}"
        return None

    # ---- losses ------------------------------------------------------------------------------------------------------
    def _cross_entropy(self, e: Explanation, i: TracedInstruction, place: int) -> None:
        t, z, y = self.trace, i.operands["z"], i.operands["y"]
        sample = e.index[0]
        C = t[z].shape[-1]
        truth = int(t[y].flat[sample])
        p = i.results["p"]
        for c in range(min(C, 12)):
            at = sample * C + c
            e.parts.append(Factor(self.symbols(z, at), float(t[z].flat[at])))
            if p in t:
                e.parts.append(Factor(self.symbols(p, at), float(t[p].flat[at])))
        if e.name == p:
            c = e.index[1]
            e.equation = f"{e.symbol} = e^{self.symbols(z, place)} / Σ e^{self._letter(z)}[{sample}, ·]"
            e.notes.append(f"class {c}" + (", the true one" if c == truth else f"; the true one is {truth}"))
        else:
            e.equation = f"{e.symbol} = −log {self.symbols(p, sample * C + truth)}"
            e.notes.append(f"the true class is {truth}")

    def _letter(self, name: str) -> str:
        return self.symbols(name, 0).partition("[")[0]

    def _softmax(self, e: Explanation, i: TracedInstruction, place: int) -> None:
        z = i.operands["z"]
        C = self.trace[z].shape[-1]
        row = place // C * C
        e.parts = [Factor(self.symbols(z, p), float(self.trace[z].flat[p])) for p in range(row, row + min(C, 12))]
        e.equation = f"{e.symbol} = e^{self.symbols(z, place)} / Σ e^{self._letter(z)}"

    def _pairwise(self, e: Explanation, i: TracedInstruction, place: int) -> None:
        sample = e.index[0]
        for name in i.operands.values():
            per = self.trace[name].size // self.n
            for k in range(sample * per, sample * per + min(per, 6)):
                e.parts.append(Factor(self.symbols(name, k), float(self.trace[name].flat[k])))
        if "p" in i.results:
            per = self.trace[i.results["p"]].size // self.n
            e.parts += [Factor(self.symbols(i.results["p"], k), float(self.trace[i.results["p"]].flat[k]))
                        for k in range(sample * per, sample * per + min(per, 6))]
        e.equation = f"{e.symbol} = {right_side(i, e.name)}"

    # ---- recurrent scans -------------------------------------------------------------------------------------------
    def _part(self, name: str, place: int) -> Explanation:
        """Explain a hidden state or a gate by its own name: it is a stretch of what the scan wrote."""
        t = self.trace
        e = self.of(*t.whole(name, place))
        e.name, e.index = name, tuple(int(k) for k in np.unravel_index(place, t[name].shape))
        return e

    def _scan(self, e: Explanation, i: TracedInstruction, place: int) -> None:
        t = self.trace
        scan = Unrolled(t, i)
        letter = next(k for k, name in i.results.items() if name == e.name)
        if letter in ("h", "c"):
            sample, unit = e.index
            source = i.results["y" if letter == "h" else "cells"]
            at = int(np.ravel_multi_index((sample, scan.last[sample], unit), t[source].shape))
            e.equation = f"{e.symbol} = {self.symbols(source, at)}, the last step's"
            e.inner = self.of(source, at, onward=False)
            return
        sample, time, unit = e.index
        if not scan.runs[time, sample]:
            e.equation = f"{e.symbol} = 0"
            e.notes.append(f"time step {time} lies beyond the length of sample {sample}")
            return
        k, row = scan.k, unit % scan.k
        if letter == "gates":
            names = {v[1]: part for part, v in PARTS[i.op].items() if v[0] == "gates"}
            e.notes.append(f"the {names[unit // k]} gate of unit {row}" if i.op != "gru" or unit // k < 2
                           else f"the candidate of unit {row}")
        gates = {}
        if "gates" in i.results:
            gates = {g: int(np.ravel_multi_index((sample, time, j * k + row), t[i.results["gates"]].shape))
                     for j, g in enumerate(OPS[i.op].sums)}
        if letter == "gates" or i.op == "rnn" or letter == "v":
            self._gate(e, i, scan, sample, time, unit, letter)
            return

        def value(letter: str, name: str, at: int) -> None:
            e.parts.append(Factor(f"{letter} = {self.symbols(name, at)}", float(t[name].flat[at])))

        for g in {"y": "o", "cells": "ifg"}[letter] if i.op == "lstm" else "zn":
            value(g, i.results["gates"], gates[g])
        if i.op == "lstm" and letter == "y":
            cells = i.results["cells"]
            value("c", cells, place)
            e.equation = f"{e.symbol} = o tanh(c)"
            e.inner = self.of(cells, place, onward=False)
        elif i.op == "lstm":
            before = float(_before(scan, "cells", "c0")[time, sample, row])
            e.parts.append(Factor("c before", before))
            e.equation = f"{e.symbol} = f c_before + i g"
        else:
            e.parts.append(Factor("h before", float(scan.h_before[time, sample, row])))
            e.equation = f"{e.symbol} = (1 − z) n + z h_before"

    def _gate(self, e: Explanation, i: TracedInstruction, scan: Unrolled, sample: int, time: int, unit: int,
              letter: str) -> None:
        """Explain a gate's weighted sum: its input's part, the state before times its row of W, the bias."""
        t, symbols, k = self.trace, self.symbols, scan.k
        row = unit + 2 * k if letter == "v" else unit
        u, W, b = i.operands["u"], i.operands["W"], i.operands.get("b")
        terms = []
        candidate = i.op == "gru" and row // k == 2
        at = int(np.ravel_multi_index((sample, time, row), t[u].shape))
        ends = [Term((Factor(symbols(u, at), float(t[u].flat[at])),), float(t[u].flat[at]), (u, symbols.index(u, at)))]
        for c in range(k):
            place = row * k + c
            h, w = float(scan.h[time, sample, c]), float(scan.W.flat[place])
            before = symbols.other(("gru", "W"), (W, place), (next(s for s, own in symbols.sums.items() if own is i),
                                   int(np.ravel_multi_index((sample, time, row), t[u].shape))))
            if before is None:  # the state before the first step is zero
                continue
            terms.append(Term((Factor(symbols(W, place), w), Factor(symbols(*before), h)), w * h,
                              (before[0], symbols.index(*before))))
        if b is not None:
            ends.append(Term((Factor(symbols(b, row), float(t[b].flat[row])),), float(t[b].flat[row])))
        if candidate:  # the reset gate stands between u and the rest
            ends = ends[1:]
        self._finish(e, terms + ends)
        if i.rounded:
            e.notes.append("states and weights are rounded to bf16 before they are multiplied, and shown so")
        total = e.total
        inner = f"{symbols(u, at)} + W h + b" if not candidate else "W h + b"
        if letter == "v":
            e.equation = f"{e.symbol} = {inner}"
            return
        if candidate:
            r = float(array(t, i.results["gates"])[sample, time, row - 2 * k])
            e.parts = [Factor(symbols(u, at), float(t[u].flat[at])), Factor("r, the reset gate", r),
                       Factor("v = W h + b", total)]
            e.equation = f"{e.symbol} = tanh({symbols(u, at)} + r v)"
            e.notes.append("the terms add up to v, which the reset gate lets in")
            return
        squash = "max(0, s)" if i.op == "rnn" and i.settings["relu"] else (
            "tanh(s)" if i.op == "rnn" or (i.op == "lstm" and row // k == 2) else "σ(s)")
        e.parts = [Factor("s", total)]
        e.equation = f"{e.symbol} = {squash}, s = {inner}"
        e.notes.append("the terms add up to s")

    # ---- what comes next -------------------------------------------------------------------------------------------
    def _then(self, name: str, place: int) -> list[str]:
        """Write what the activations that read this number give."""
        out = []
        for i in self.trace.instructions:
            if i.phase == "forward" and list(i.operands.values()) == [name] and OPS[i.op].kind == "elementwise":
                (result,) = i.results.values()
                letters = {operand: self.symbols(name, place) for operand in i.operands}
                value = float(self.trace[result].flat[place])
                out.append(f"{self.symbols(result, place)} = {self._filled(i, letters)} = {value:.6g}")
        return out


def _before(scan: Unrolled, of: str, first: str) -> np.ndarray:
    return before(scan.get[of], scan.get.get(first), scan.lengths, scan.reverse)
