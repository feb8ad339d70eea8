"""How one number is written: W1[3, 2], z1[17, 3], and the derivative of one by another: W2[0, 3], a(1 − a)."""

from __future__ import annotations

import math
import re

import numpy as np

from ...arguments import is_whole
from ...errors import ArgumentError
from ...program.listing import derivative
from ...rules import OPS, Op, facts
from ..traces.record import Record
from .derivatives import settings, sources
from .scan_derivatives import sums_name


def indexed(trace: Record, name: str, index: tuple[int, ...]) -> int:
    """Find the place of an index in a value's flat array. Raises ArgumentError with the shape if it does not fit."""
    shape = trace[name].shape
    said = f"{name} has shape {shape}"
    if len(index) != len(shape):
        example = ", ".join(["0"] * len(shape))
        numbers = "no index" if not shape else "one index" if len(shape) == 1 else f"{len(shape)} indices"
        raise ArgumentError(f"{said}: give {numbers}, explain({', '.join(filter(None, (repr(name), example)))}), got "
                            f"{len(index)} of them, {index}")
    for axis, (k, size) in enumerate(zip(index, shape, strict=True)):
        if not is_whole(k, -size, size - 1):
            raise ArgumentError(f"{said}: index {axis} must be a whole number from 0 to {size - 1}, got {k!r}")
    return int(np.ravel_multi_index([k % size for k, size in zip(index, shape, strict=True)], shape)) if shape else 0


class Symbols:
    """The symbols of one trace. A network with a single layer needs no layer numbers, one neuron no indices."""

    def __init__(self, trace: Record) -> None:
        self.trace, self.sources = trace, sources(trace)
        layers = {v.layer for v in trace.facts.values() if v.role == "parameter" and v.layer}
        self.single = layers == {"layer1"}
        self.sums = {sums_name(i): i for i in trace.instructions if facts(i.op).sums and not i.backward}

        self._shapes: dict[str, tuple[int, ...]] = {}

    @classmethod
    def of(cls, trace: Record) -> Symbols:
        """Make the symbols of a trace, once."""
        kept = vars(trace)
        if "_symbols_of_numbers" not in kept:
            kept["_symbols_of_numbers"] = cls(trace)
        return kept["_symbols_of_numbers"]

    def __call__(self, name: str, place: int) -> str:
        letter, shape = self._letter(name), self.shape(name)
        if math.prod(shape) == 1:
            return letter.lower() if letter in ("W", "W1") else letter
        return f"{letter}[{', '.join(str(k) for k in self.index(name, place))}]"

    def shape(self, name: str) -> tuple[int, ...]:
        if name not in self._shapes:
            stored = self.sums[name].operands["u"] if name in self.sums else name
            self._shapes[name] = self.trace[stored].shape
        return self._shapes[name]

    def index(self, name: str, place: int) -> tuple[int, ...]:
        found = []
        for size in reversed(self.shape(name)):
            place, k = divmod(int(place), size)
            found.append(k)
        return tuple(found[::-1])

    def _letter(self, name: str) -> str:
        if name in self.sums:
            u = self._letter(self.sums[name].operands["u"])
            return "s" + u.removeprefix("z") if u.startswith("z") else name
        letter = self.trace.facts[name].symbol
        return re.sub(r"^([A-Za-z]+)1$", r"\1", letter) if self.single else letter

    # ---- derivatives -------------------------------------------------------------------------------------------------
    def derivative(self, step: tuple[str, str], source: tuple[str, int], target: tuple[str, int]) -> str:
        """Write ∂target/∂source: an element where it is one (x[17, 2], W2[0, 3]), else the rule's own words."""
        op, operand = step
        found = self.other(step, source, target)
        if found is not None:
            return self(*found)
        rule = OPS[op]
        if op == "cross_entropy":
            sample, c = self.index(*source)
            truth = self.trace[self.sources[target[0]].operands["y"]].flat[sample]
            return self(self.sources[target[0]].results["p"], source[1]) + (" − 1" if c == truth else "")
        if rule.sums:
            return self._in_scan(rule, operand, source, target)
        if words := rule.slope_by(operand):
            if "outputs" in words:
                outputs = self.trace[source[0]].size // len(self.trace.about.rows)
                words = words.removesuffix("/outputs") if outputs == 1 else words.replace("outputs", str(outputs))
                if source[0] in self.sources:  # the loss calls its input z
                    words = words.replace("z", re.sub(r"\d+$", "", self._letter(source[0])))
                if outputs == 1 and words[:1] == "(" and words.endswith(")"):
                    words = words[1:-1]
            return words.removesuffix("/n") if rule.reduces and self.trace[source[0]].size == 1 else words
        if rule.kind == "elementwise":
            words = derivative(op)
            return words.removeprefix("da * ").removeprefix("dw * ")
        return f"∂{self(*target)}/∂{self(*source)}"

    def _in_scan(self, rule: Op, operand: str, source: tuple[str, int], target: tuple[str, int]) -> str:
        i = self.sources[target[0]]
        if target[0] in self.sums or target[0] in (i.results.get("h"), i.results.get("c")):
            return "1"
        if operand == "s":  # of one of the gates
            gate = list(rule.sums)[self.index(*source)[-1] // self.trace[i.operands["W"]].shape[1]]
            return "[h > 0]" if i.settings.get("relu") else rule.slope_by(gate)
        return rule.slope_by("u" if operand == "u" else "cells" if target[0] == i.results.get("cells") else "y")

    def other(self, step: tuple[str, str], source: tuple[str, int], target: tuple[str, int]) -> tuple[str, int] | None:
        """Find the number that is the derivative, where there is one: for z = W x + b, ∂z/∂W is an x."""
        op, operand = step
        i = self.sources[target[0]]
        to = self.index(*target)
        rule = OPS[op]
        if rule.units == "neuron" and operand in ("x", "W"):
            x, W = i.operands["x"], i.operands["W"]
            width = self.trace[W].shape[1]
            if operand == "x":
                return W, to[-1] * width + source[1] % width
            rows = target[1] // self.trace[W].shape[0]
            return x, rows * width + source[1] % width
        if rule.units == "filter" and operand in ("x", "W"):
            return self._window(i, operand, source, to)
        if rule.sums and target[0] in self.sums and operand in ("W", "y", "h0"):
            row, width = to[-1], self.trace[i.operands["W"]].shape[1]
            if operand != "W":
                return i.operands["W"], row * width + source[1] % width
            before = to[1] + (1 if i.settings["reverse"] else -1)
            lengths = self.trace[i.operands["lengths"]][to[0]] if "lengths" in i.operands else 10**9
            steps = min(self.shape(target[0])[1], lengths)
            if 0 <= before < steps:
                y = i.results["y"]
                return y, int(np.ravel_multi_index((to[0], before, source[1] % width), self.shape(y)))
            return (i.operands["h0"], to[0] * width + source[1] % width) if "h0" in i.operands else None
        return None

    def _window(self, i, operand: str, source: tuple[str, int], to: tuple[int, ...]) -> tuple[str, int] | None:
        own = settings(self.trace, i)
        x, W = self.shape(i.operands["x"]), self.shape(i.operands["W"])
        group = to[-1] // (W[0] // own["groups"])
        if operand == "W":
            _, *at, c = self.index(*source)
            places = [p * s + a * d - lo for p, s, a, d, (lo, _) in
                      zip(to[1:-1], own["stride"], at, own["dilation"], own["padding"], strict=True)]
            return i.operands["x"], int(np.ravel_multi_index((to[0], *places, group * W[-1] + c), x))
        _, *at, c = self.index(*source)
        offsets = [(a + lo - p * s) // d for p, s, a, d, (lo, _) in
                   zip(to[1:-1], own["stride"], at, own["dilation"], own["padding"], strict=True)]
        return i.operands["W"], int(np.ravel_multi_index((to[-1], *offsets, c - group * W[-1]), W))
