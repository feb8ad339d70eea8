"""Conditions at which a stepping session stops: written as text, or any Python function of the session.

    nan                             a value of the step is not finite; stops at the instruction that wrote it
    gradient > 10                   the length of the whole gradient; loss < 0.1 is the step's J
    layer1.a > 100                  some number of a value; layer1.weight[0, 1] > 0.5 only that one
    layer1.weight[0, 1] crosses 0   a number passes a bound within a step
    dead relu 10                    a ReLU's neuron gave nothing but zero in ten steps (in this step, without a number)

Each looks at the program's memory after a step: all of its values are still there.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ...errors import ArgumentError
from .looking import Looking, label

KINDS = 'such as "nan", "gradient > 10", "loss < 0.1", "layer1.weight[0, 1] crosses 0" or "dead relu 10"'
NUMBER = r"[-+]?(?:\d+\.?\d*|\.\d+)(?:e[-+]?\d+)?"


@dataclass(eq=False)
class Break:
    """A condition. `hit` says what was found after a step, "" if nothing; `recorded`: the step must be recorded."""

    text: str

    def begin(self, s: Looking) -> None:
        """Look at where the session stands, before it goes on from there. Raises ArgumentError for unknown names."""

    def hit(self, s: Looking) -> str:
        raise NotImplementedError

    def recorded(self, s: Looking) -> bool:
        return False

    def __str__(self) -> str:
        return self.text


class NotFinite(Break):
    def hit(self, s: Looking) -> str:
        bad = next((name for name, a in s.values() if a.dtype.kind == "f" and not np.isfinite(a).all()), "")
        return bad and f"{bad} is not finite"


@dataclass(eq=False)
class Compare(Break):
    """A number, or some number of an array, beyond a bound."""

    name: str
    index: tuple[int, ...]
    above: bool
    bound: float

    def begin(self, s: Looking) -> None:
        s.look_up(self.name, self.index)

    def hit(self, s: Looking) -> str:
        value = np.asarray(s.look(self.name, self.index), np.float64)
        if not value.size:  # a smaller batch has no such row
            return ""
        extreme = float(value.max() if self.above else value.min())
        beyond = extreme > self.bound if self.above else extreme < self.bound
        return f"{label(self.name, self.index)} is {extreme:.6g}" if beyond else ""

    def recorded(self, s: Looking) -> bool:
        return self.name == "gradient" and bool(s.optimizer.prepare)  # the program clips it in place


@dataclass(eq=False)
class Crosses(Break):
    """A number that was on one side of a bound before the step and is on the other after it."""

    name: str
    index: tuple[int, ...]
    bound: float
    before: float = np.nan

    def begin(self, s: Looking) -> None:
        if np.size(s.look_up(self.name, self.index)) != 1:
            raise ArgumentError(f"{label(self.name, self.index)} has many numbers: give the place of one, such as "
                                f"{self.name}[0, 1]")
        self.before = self._now(s)

    def hit(self, s: Looking) -> str:
        before, self.before = self.before, self._now(s)
        crossed = (before - self.bound) * (self.before - self.bound) < 0 or (self.before == self.bound != before)
        return f"{label(self.name, self.index)} went from {before:.6g} to {self.before:.6g}" if crossed else ""

    def _now(self, s: Looking) -> float:
        value = s.look(self.name, self.index)
        return float(value.item()) if np.size(value) else np.nan


@dataclass(eq=False)
class DeadReLU(Break):
    """Neurons of a ReLU that fire for no sample of `steps` steps; each is reported once."""

    steps: int = 1
    fired: dict[str, np.ndarray] = field(default_factory=dict)
    seen: int = 0
    told: set[tuple[str, int]] = field(default_factory=set)

    def begin(self, s: Looking) -> None:
        if not s.relus():
            raise ArgumentError("no layer of this network has a ReLU, so that none can be dead")
        self.fired, self.seen = {}, 0

    def hit(self, s: Looking) -> str:
        for name in s.relus():
            a = s.look(name)
            fires = (a > 0).reshape(-1, a.shape[-1]).any(axis=0)
            self.fired[name] = np.logical_or(fires, self.fired.get(name, fires))
        self.seen += 1
        if self.seen < self.steps:
            return ""
        dead = [(name, int(k)) for name, fires in self.fired.items() for k in np.flatnonzero(~fires)]
        new = [place for place in dead if place not in self.told]
        self.told.update(new)
        self.fired, self.seen = {}, 0
        places = ", ".join(f"{name}[{k}]" for name, k in new[:8]) + (f" and {len(new) - 8} more" if new[8:] else "")
        over = "this step" if self.steps == 1 else f"the last {self.steps:,} steps"
        return f"never above zero in {over}: {places}" if new else ""


@dataclass(eq=False)
class Function(Break):
    f: Callable[[Any], Any]

    def hit(self, s: Looking) -> str:
        found = self.f(s)
        return (found if isinstance(found, str) else f"{self.text} is true") if found else ""

    def recorded(self, s: Looking) -> bool:
        return True


def condition(given: str | Callable) -> Break:
    """Read a condition that is written as text, or a function of the session.

    >>> condition("layer1.weight[0, 1] crosses 0")
    Crosses(text='layer1.weight[0, 1] crosses 0', name='layer1.weight', index=(0, 1), bound=0.0, before=nan)
    """
    if callable(given):
        return Function(getattr(given, "__name__", "the function"), given)
    text = str(given).strip()
    if text.lower() in ("nan", "inf", "not finite"):
        return NotFinite("nan")
    if match := re.fullmatch(r"dead(?:\s+relu)?(?:\s+(\d+))?", text, re.IGNORECASE):
        return DeadReLU(text, max(int(match[1] or 1), 1))
    if match := re.fullmatch(rf"(\S+?)\s*(\[[\s\d,]*\])?\s*(<|>|crosses\s)\s*({NUMBER})", text):
        name, index, how, bound = match[1], places(match[2]), match[3].strip(), float(match[4])
        if how == "crosses":
            return Crosses(text, name, index, bound)
        return Compare(text, name, index, how == ">", bound)
    raise ArgumentError(f"{text!r} is no condition: give one {KINDS}, or a function of the session")


def places(text: str | None) -> tuple[int, ...]:
    """Read the numbers of an index.

    >>> places("[0, 12]"), places(None)
    ((0, 12), ())
    """
    return tuple(int(k) for k in re.findall(r"\d+", text or ""))
