"""Central differences: the same step's program in double precision, with one number moved a little to either side."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ...program import Instruction
from ...rules import OPS
from ..traces.recorder import Recorder
from ..traces.trace import Trace

STEP = 6e-6  # the cube root of double precision: where rounding and curvature err alike
SIDES = {"relu": "z", "leaky_relu": "z", "selu": "z", "abs": "u"}  # derivatives that jump where this is zero


@dataclass(frozen=True)
class Difference:
    """(J(w + h) - J(w - h)) / 2h beside the gradient.

    kinks: units whose derivative jumps between w - h and w + h, so that the difference need not be the derivative.
    """

    value: float
    h: float
    below: float
    above: float
    gradient: float
    kinks: list[str] = field(default_factory=list)

    @property
    def error(self) -> float:
        """How far gradient and difference are apart."""
        return abs(self.value - self.gradient)


class Checker:
    """A traced step's program, run up to J as often as wanted. Seed, step, and with them dropout's masks, are those of
    the trace."""

    def __init__(self, trace: Trace) -> None:
        self.program = trace.program("float64", "reference")
        self.engine = self.program.engine
        self.t = self.program.state.t
        self.names = Recorder(self.program).names
        self.parameters = dict(self.program.model.named_parameters())

    def settings(self, number: int) -> dict[str, Any]:
        """An instruction's settings as its rule takes them."""
        self._run()
        return {k: self.engine.resolve(v) for k, v in self.program.instructions[number].attributes.items()}

    def difference(self, name: str, place: int, gradient: float) -> Difference:
        self._run()
        value = self._value(name, place)
        h = STEP * max(1.0, abs(value))
        below, left = self._run(name, place, -h)
        above, right = self._run(name, place, h)
        kinks = [self._unit(k, np.flatnonzero(a.ravel() != b.ravel())) for (k, a), b in
                 zip(left.items(), right.values(), strict=True) if (a != b).any()]
        return Difference((above - below) / (2 * h), h, below, above, gradient, kinks)

    def _value(self, name: str, place: int) -> float:
        if name in self.parameters:
            return float(self.parameters[name].data.flat[place])
        v = next(v for v in self.program.values() if self.names[id(v)] == name)
        return float(self.engine.read(v).flat[place])

    def _run(self, name: str = "", place: int = 0, by: float = 0.0) -> tuple[float, dict[int, np.ndarray]]:
        """J, and on which side of its kink every number is, by instruction."""
        engine, moved = self.engine, self.parameters.get(name)
        before = None if moved is None else moved.data.flat[place]
        if moved is not None:
            moved.data.flat[place] += by
        self.program.state.t, sides = self.t, {}
        engine.begin(None, 0, 1)
        for k, i in enumerate(self.program.instructions):
            if i.phase not in ("load", "forward", "loss"):
                break
            engine.one(k)
            for v in i.written:
                if moved is None and self.names[id(v)] == name:
                    array = engine.read(v).copy()
                    array.flat[place] += by
                    engine.write(v, array)
            side = self._side(i)
            if side is not None:
                sides[k] = side
        if moved is not None:
            moved.data.flat[place] = before
        return float(self.program.value(engine.listing.loss)), sides

    def _side(self, i: Instruction) -> np.ndarray | None:
        given = [self.engine.resolve(a) for a in i.arguments]
        if i.op in SIDES:
            return given[0] > 0
        if i.op in ("maximum", "minimum"):
            return given[0] > given[1]
        if i.op == "mae":
            return given[0] > given[1].reshape(given[0].shape)
        if i.op == "where":
            return given[0] != 0
        if i.op == "clip":
            return np.where(given[0] > i.attributes["high"], 1, np.where(given[0] < i.attributes["low"], -1, 0))
        if i.op == "rnn" and i.attributes["relu"]:
            return self.engine.resolve(i.writes[0]) > 0
        if i.op in ("max_pool", "global_max", "max"):  # which place won
            y = self.engine.resolve(i.writes[0])
            settings = {k: self.engine.resolve(v) for k, v in i.attributes.items()}
            rule = OPS[i.op]
            return rule.call_backward(rule.by_name(given, [y]), {"y": np.ones_like(y)}, settings)[0] > 0
        return None

    def _unit(self, k: int, places: np.ndarray) -> str:
        i = self.program.instructions[k]
        v = i.writes[0] if i.op not in ("max_pool", "global_max", "mae") else i.arguments[0]
        assert v is not None
        at = np.unravel_index(places[0], self.engine.read(v).shape)  # type: ignore[arg-type]
        where = ", ".join(str(int(x)) for x in at)
        more = f" and {len(places) - 1} more" if len(places) > 1 else ""
        return f"{i.op} {self.names[id(v)]}[{where}]{more}"


def checker(trace: Trace) -> Checker:
    """The checker of a trace, compiled once."""
    kept = vars(trace)
    if "_checker" not in kept:
        kept["_checker"] = Checker(trace)
    return kept["_checker"]
