"""An optimizer's equations, in pieces that a page can show with numbers in place of symbols.

What is stated is held against what happened: an equation that does not give the recorded numbers is left out.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..lab.descents.descend import DescentPath
from ..optim import Optimizer

GREEK = {"alpha": "α", "beta": "β", "beta1": "β₁", "beta2": "β₂", "eps": "ε", "weight_decay": "λ"}
FUNCTIONS: dict[str, Callable] = {"max": np.maximum, "sign": np.sign}
PIECE = re.compile(r"\d+|[A-Za-z]{2,}|[^\W\d_²]\u0302?[₁₂]?|[²ᵗ(),+/√-]")


@dataclass(frozen=True)
class Equation:
    """One line of an update: the symbol it gives, and what that is made of.

    >>> e = Equation("v", "β v + (1 - β) g")
    >>> e.pieces
    ['β', '·', 'v', '+', '(', '1', '-', 'β', ')', '·', 'g']
    >>> float(e({"β": 0.9, "v": 2.0, "g": 1.0}))
    1.9
    """

    gives: str
    text: str

    @property
    def pieces(self) -> list[str]:
        """Symbols, numbers and signs; products have their dots."""
        pieces: list[str] = []
        for piece in PIECE.findall(self.text):
            if pieces and pieces[-1] not in (*"(,+-/√", *FUNCTIONS) and piece not in "²ᵗ),+-/":
                pieces.append("·")
            pieces.append(piece)
        return pieces

    @property
    def symbols(self) -> set[str]:
        return {p for p in self.pieces if p[0].isalpha() and p != "ᵗ" and p not in FUNCTIONS}

    def __call__(self, values: dict[str, Any]) -> Any:
        """The right side, worked out with these numbers or arrays."""
        return _Working(self.pieces, values).sum()


class _Working:
    """Works out an equation's pieces from left to right."""

    def __init__(self, pieces: list[str], values: dict[str, Any]) -> None:
        self.left, self.values = pieces[::-1], values

    def next(self, among: str) -> str:
        """The next piece if it is one of these, else ""."""
        return self.left.pop() if self.left and self.left[-1] in among else ""

    def sum(self) -> Any:
        found = self.product()
        while sign := self.next("+-"):
            found = found + self.product() if sign == "+" else found - self.product()
        return found

    def product(self) -> Any:
        found = self.power()
        while sign := self.next("·/"):
            found = found * self.power() if sign == "·" else found / self.power()
        return found

    def power(self) -> Any:
        if self.next("√"):
            return np.sqrt(self.power())
        if self.next("("):
            found = self.sum()
            self.next(")")
        elif self.left[-1] in FUNCTIONS:
            function, _, arguments = FUNCTIONS[self.left.pop()], self.next("("), [self.sum()]
            while self.next(","):
                arguments.append(self.sum())
            self.next(")")
            found = function(*arguments)
        else:
            piece = self.left.pop()
            found = float(piece) if piece.isdigit() else self.values[piece]
        exponent = self.next("²ᵗ")
        return found ** (2 if exponent == "²" else self.values["t"]) if exponent else found


def stated(kind: type[Optimizer]) -> list[Equation]:
    """The equations that an optimizer states.

    >>> import cutaway as ct
    >>> [f"{e.gives} = {e.text}" for e in stated(ct.optim.Momentum)]
    ['v = β v + (1 - β) g', 'θ = θ - α v']
    """
    return [Equation(*re.split(" [←=] ", line, maxsplit=1)) for line in kind.equations]


def settings(optimizer: Optimizer, steps: int) -> dict[str, Any]:
    """The numbers of an optimizer by the lecture's symbols; the learning rate, η, is α where that is free, and a list,
    a number a step, if a schedule changes it.

    >>> import cutaway as ct
    >>> settings(ct.optim.RMSProp(0.1), 2)
    {'α': 0.9, 'ε': 1e-08, 'η': 0.1}
    """
    rates = [optimizer.rate(t + 1) for t in range(steps)]
    lr = rates if len(set(rates)) > 1 else optimizer.rate(1)
    own = {GREEK.get(name, name): getattr(optimizer, name) for name in optimizer.settings if name != "lr"}
    return {"α": lr} | own | {"η": lr}


def equations(path: DescentPath) -> tuple[list[Equation], dict[str, np.ndarray]]:
    """Find an optimizer's equations that give the numbers recorded in every step of a path, and compute what stands
    between state and θ, such as m̂ and v̂, (steps, 2) each."""
    known = {name: np.array(value)[:, None] if isinstance(value, list) else value
             for name, value in settings(path.optimizer, path.steps).items()}
    known |= {"g": path.gradient, "θ": path.points[:-1], "t": np.arange(1, path.steps + 1)[:, None]} | path.state
    starts = path.optimizer.init(path.points[0])
    lines, between = [], {}
    for e in stated(type(path.optimizer)):
        if e.gives in path.state:
            after = path.state[e.gives]
            before = known | {e.gives: np.concatenate([starts[e.gives][None], after])[:-1]}
            lines += [e] if _holds(e, before, after) else []
        elif e.gives == "θ":
            lines += [e] if _holds(e, known, path.points[1:]) else []
        elif e.symbols <= known.keys():
            known[e.gives] = between[e.gives] = e(known)
            lines.append(e)
    return lines, between


def _holds(equation: Equation, values: dict[str, Any], wanted: np.ndarray) -> bool:
    """Whether an equation gives these numbers, up to rounding."""
    if not equation.symbols <= values.keys():
        return False
    with np.errstate(all="ignore"):  # what is not finite is no equality
        return bool(np.allclose(equation(values), wanted, rtol=1e-6, atol=1e-12 * float(np.abs(wanted).max(initial=0))))
