"""Central differences: the same step's program in double precision, with one number moved a little to either side."""

from __future__ import annotations

import inspect
from dataclasses import dataclass, field

import numpy as np

from ...program import Instruction
from ...rules import facts
from ..traces.names import Names
from ..traces.origin import program_before
from ..traces.record import Record

STEP = 6e-6  # the cube root of double precision: where rounding and curvature err alike


@dataclass(frozen=True)
class Difference:
    """The difference (J(w + h) - J(w - h)) / 2h beside the gradient.

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
    """Runs a traced step's program up to J as often as wanted, with the trace's seed and step, so with its masks."""

    def __init__(self, trace: Record) -> None:
        self.program = program_before(trace, "float64", "reference")
        self.engine = self.program.engine
        self.t = self.program.state.t
        self.names = Names(self.program).names
        self.parameters = dict(self.program.model.named_parameters())

    def difference(self, name: str, place: int, gradient: float) -> Difference:
        self._run()
        value = self._value(name, place)
        h = STEP * max(1.0, abs(value))
        below, left = self._run(name, place, -h)
        above, right = self._run(name, place, h)
        crossed = {k: a != right[k] for k, a in left.items()}
        kinks = [self._unit(k, places) for k, places in crossed.items() if places.any()]
        return Difference((above - below) / (2 * h), h, below, above, gradient, kinks)

    def _value(self, name: str, place: int) -> float:
        if name in self.parameters:
            return float(self.parameters[name].data.flat[place])
        v = next(v for v in self.program.values() if self.names[id(v)] == name)
        return float(self.engine.read(v).flat[place])

    def _run(self, name: str = "", place: int = 0, by: float = 0.0) -> tuple[float, dict[int, np.ndarray]]:
        """Compute J, and on which side of its kink every number is, by instruction."""
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
        assert engine.listing.loss is not None
        return float(self.program.value(engine.listing.loss)), sides

    def _side(self, i: Instruction) -> np.ndarray | None:
        """Find on which side of its kink every number of an instruction is; None where its derivative never jumps."""
        rule = facts(i.op)
        if not rule.kink:
            return None
        resolve = self.engine.resolve
        values = rule.by_name(map(resolve, i.arguments), [resolve(v) for v in i.writes])
        values |= {name: resolve(setting) for name, setting in i.attributes.items()}
        if rule.kink is True:
            (out,) = rule.outputs
            return rule.call_backward(values, {out: np.ones_like(values[out])}, values)[0] != 0
        return np.asarray(rule.kink(*(values[name] for name in inspect.signature(rule.kink).parameters)))

    def _unit(self, k: int, crossed: np.ndarray) -> str:
        i = self.program.instructions[k]
        every = [v for v in (*i.written, *i.reads) if self.program.value(v).shape == crossed.shape]
        places = np.flatnonzero(crossed)
        where = ", ".join(str(int(x)) for x in np.unravel_index(places[0], crossed.shape))
        more = f" and {len(places) - 1} more" if len(places) > 1 else ""
        return f"{i.op} {self.names[id(every[0])]}[{where}]{more}"


def checker(trace: Record) -> Checker:
    """Make the checker of a trace, compiled once."""
    kept = vars(trace)
    if "_checker" not in kept:
        kept["_checker"] = Checker(trace)
    return kept["_checker"]
