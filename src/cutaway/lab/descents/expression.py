"""Functions given as text, such as "sin(3 * x) + y^2": parsed into the operations of `ct.ops`, never run as Python.

The grammar, loosest first; the power binds tighter than a minus before it, and to the right:

    sum      product (("+" | "-") product)*
    product  factor (("*" | "/") factor)*
    factor   ("-" | "+") factor | atom (("^" | "**") factor)?
    atom     number | name | name "(" sum ("," sum)* ")" | "(" sum ")"
"""

from __future__ import annotations

import math
import operator
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Any

import numpy as np

from ...autodiff import Tensor, apply
from ...errors import ArgumentError

LONGEST, DEEPEST = 400, 30  # characters, brackets within brackets
LARGEST, STEEPEST = 1e12, 20  # numbers, exponents

CONSTANTS = {"pi": math.pi, "e": math.e}
FUNCTIONS: dict[str, tuple[int, Callable]] = {  # how many arguments, and their meaning for plain numbers
    "sin": (1, math.sin), "cos": (1, math.cos), "exp": (1, math.exp), "log": (1, math.log), "sqrt": (1, math.sqrt),
    "abs": (1, abs), "tanh": (1, math.tanh), "max": (2, max),
}
OPERATORS = {"+": ("add", operator.add), "-": ("sub", operator.sub), "*": ("mul", operator.mul),
             "/": ("div", operator.truediv)}
RULES = {"max": "maximum"}  # where the name of the rule is another
WORD = re.compile(r"\s*(?:(?P<number>(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)|(?P<name>[^\W\d]\w*)|(?P<sign>\*\*|\S))")

Node = Any  # a number, the name of a variable, or a tuple: (rule, operands..., {settings})


@dataclass(frozen=True)
class Expression:
    """A function given as text. Called with a Tensor for each variable it gives a Tensor; `values` takes arrays."""

    text: str
    variables: tuple[str, ...]
    tree: Node = field(repr=False, compare=False)

    def __call__(self, *given: Tensor) -> Tensor:
        known = dict(zip(self.variables, given, strict=True))
        out = _value(self.tree, known)
        return out if isinstance(out, Tensor) else given[0] * 0.0 + out  # the text is a number alone

    def values(self, *given: Any) -> np.ndarray:
        """The function's values on arrays, in double precision; not finite where it is not defined."""
        with np.errstate(all="ignore"):  # not finite where not defined: drawn as a gap
            arrays = np.broadcast_arrays(*(np.asarray(a, np.float64) for a in given))
            return self(*map(Tensor, arrays)).numpy()

    def __str__(self) -> str:
        return self.text


def expression(text: str, variables: tuple[str, ...] = ("x", "y")) -> Expression:
    """A function of the given variables from text: numbers, + - * / ^, and sin, cos, exp, log, sqrt, abs, tanh, max.

    `^` may be written `**`; exponents are numbers (or the base is). `pi` and `e` are known. The text is parsed by a
    closed grammar and never run, and its length, depth and numbers have limits.

    Raises ArgumentError, with the place, for anything else.

    >>> import cutaway as ct
    >>> f = expression("x^2 - cos(pi * y)")
    >>> f.values([0.0, 2.0], [1.0, 0.5]).tolist()
    [1.0, 4.0]
    >>> float(ct.grad(lambda x: f(x, ct.Tensor(0.0)))(3.0))
    6.0
    """
    if not isinstance(text, str):
        raise ArgumentError(f'an expression is text such as "x^2 + {variables[-1]}^2", got {text!r}')
    if len(text) > LONGEST:
        raise ArgumentError(f"this expression has {len(text)} characters; {LONGEST} are allowed")
    return Expression(text.strip(), tuple(variables), _Parser(text, tuple(variables)).whole())


def _value(node: Node, known: dict[str, Tensor]) -> Any:
    if isinstance(node, str):
        return known[node]
    if not isinstance(node, tuple):
        return node
    rule, *operands, settings = node
    return apply(rule, *(_value(part, known) for part in operands), **settings)


class _Parser:
    """Reads the text once, from left to right; every method reads what its line of the grammar says."""

    def __init__(self, text: str, variables: tuple[str, ...]) -> None:
        self.text, self.variables = text, variables
        self.at = self.depth = 0
        self.kind = self.word = ""
        self.step()

    def step(self) -> str:
        """The current word; then go on to the next, whose kind is "" at the end."""
        gone, found = self.word, WORD.match(self.text, self.at)
        self.kind, self.word = (str(found.lastgroup), found[found.lastgroup]) if found and found.lastgroup else ("", "")
        self.start, self.at = (found.start(self.kind), found.end()) if found and self.kind else (len(self.text),) * 2
        return gone

    def wrong(self, why: str, at: int | None = None) -> ArgumentError:
        at = self.start if at is None else at
        return ArgumentError(f"the expression {self.text!r}, at character {at + 1}: {why}")

    # ---- the grammar -------------------------------------------------------------------------------------------------
    def whole(self) -> Node:
        if not self.kind:
            raise ArgumentError(f'the expression is empty: write something like "{self.variables[0]}^2"')
        node = self.sum()
        if self.kind in ("name", "number") or self.word == "(":
            raise self.wrong(f"an operator is missing before {self.word!r}: products are written with *, as 2 * x")
        if self.kind:
            raise self.wrong(f"{self.word!r} does not belong here")
        return node

    def sum(self) -> Node:
        return self.chain(self.product, "+", "-")

    def product(self) -> Node:
        return self.chain(self.factor, "*", "/")

    def chain(self, part: Callable[[], Node], *signs: str) -> Node:
        node = part()
        while self.kind == "sign" and self.word in signs:
            at = self.start
            rule, meaning = OPERATORS[self.step()]
            node = self.join(rule, meaning, at, node, part())
        return node

    def factor(self) -> Node:
        with_minus, at = False, self.start
        while self.kind == "sign" and self.word in ("-", "+"):
            with_minus ^= self.step() == "-"
        node = self.atom()
        if self.kind == "sign" and self.word in ("^", "**"):
            power_at = self.start
            self.step()
            node = self.power(node, self.nested(self.factor), power_at)
        return self.join("neg", operator.neg, at, node) if with_minus else node

    def atom(self) -> Node:
        at, kind, word = self.start, self.kind, self.word
        if kind == "number":
            return self.number(float(self.step()), at)
        if kind == "name":
            self.step()
            if self.kind == "sign" and self.word == "(":
                return self.call(word, at)
            if word in CONSTANTS and word not in self.variables:
                return CONSTANTS[word]
            if word not in self.variables:
                raise self.unknown(word, at)
            return word
        if word == "(":
            self.step()
            node = self.nested(self.sum)
            self.close(at)
            return node
        raise self.wrong(f"a number, a name or a bracket was expected, got {word!r}" if kind else "the text ends early")

    def call(self, name: str, at: int) -> Node:
        if name not in FUNCTIONS:
            raise self.unknown(name, at)
        bracket = self.start
        self.step()
        given = [self.nested(self.sum)]
        while self.word == ",":
            self.step()
            given.append(self.nested(self.sum))
        self.close(bracket)
        wanted, meaning = FUNCTIONS[name]
        if len(given) != wanted:
            raise self.wrong(f"{name} takes {wanted} argument{'s' * (wanted > 1)}, got {len(given)}", at)
        return self.join(RULES.get(name, name), meaning, at, *given)

    def nested(self, part: Callable[[], Node]) -> Node:
        self.depth += 1
        if self.depth > DEEPEST:
            raise self.wrong(f"brackets and powers are nested more than {DEEPEST} deep")
        node = part()
        self.depth -= 1
        return node

    def close(self, opened: int) -> None:
        if self.word != ")":
            raise self.wrong(f"the bracket at character {opened + 1} is not closed" + (
                f": {self.word!r} stands where it should be" if self.kind else ""))
        self.step()

    def unknown(self, name: str, at: int) -> ArgumentError:
        known = [*self.variables, *CONSTANTS, *FUNCTIONS]
        if name in FUNCTIONS:
            return self.wrong(f"{name} is a function: write {name}({self.variables[0]})", at)
        close = get_close_matches(name.lower(), known, n=1)
        guess = f"; did you mean {close[0]!r}?" if close else "."
        return self.wrong(f"there is no {name!r}{guess} Known are {', '.join(known)}.", at)

    # ---- what it means -----------------------------------------------------------------------------------------------
    def join(self, rule: str, meaning: Callable, at: int, *parts: Node, **settings: Any) -> Node:
        """An operation, or the number it gives where all its operands are numbers."""
        if not all(isinstance(p, float) for p in parts):
            return (rule, *parts, settings)
        try:
            return self.number(float(meaning(*parts)), at)
        except (ValueError, ArithmeticError):
            raise self.wrong(f"{rule} of {', '.join(f'{p:g}' for p in parts)} is not a finite number", at) from None

    def number(self, value: float, at: int) -> float:
        if not abs(value) <= LARGEST:
            raise self.wrong(f"numbers may be as large as {LARGEST:g}, got {value:g}", at)
        return value

    def power(self, base: Node, exponent: Node, at: int) -> Node:
        if isinstance(base, float) and isinstance(exponent, float):
            return self.join("power", math.pow, at, base, exponent)
        if isinstance(base, float):
            if base <= 0:
                raise self.wrong(f"a number above zero was expected before a power of variables, got {base:g}", at)
            return ("exp", ("mul", exponent, math.log(base), {}), {})
        if not isinstance(exponent, float):
            raise self.wrong("an exponent must be a number (u^v of two variables is exp(v * log(u)))", at)
        if abs(exponent) > STEEPEST:
            raise self.wrong(f"exponents may go from -{STEEPEST} to {STEEPEST}, got {exponent:g}", at)
        if exponent in (0, 1):
            return base if exponent else 1.0
        return ("square", base, {}) if exponent == 2 else ("power", base, {"exponent": exponent})
