"""Functions given as text, such as "sin(3 * x) + y^2": turned into the operations of `ct.ops`, never run.

The words are looked at one by one, and what does not belong is refused with its place. Which operation binds tighter is
left to Python's own parser, `ast`: its tree is walked, and every kind of node that may stand in it is named here.
"""

from __future__ import annotations

import ast
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
from ...text import counted

LONGEST, DEEPEST = 400, 30  # characters, brackets within brackets
LARGEST, STEEPEST = 1e12, 20  # numbers, exponents

CONSTANTS = {"pi": math.pi, "e": math.e}
FUNCTIONS: dict[str, tuple[int, Callable]] = {  # how many arguments, and their meaning for plain numbers
    "sin": (1, math.sin), "cos": (1, math.cos), "exp": (1, math.exp), "log": (1, math.log), "sqrt": (1, math.sqrt),
    "abs": (1, abs), "tanh": (1, math.tanh), "max": (2, max),
}
OPERATORS: dict[type[ast.operator], tuple[str, Callable]] = {
    ast.Add: ("add", operator.add), ast.Sub: ("sub", operator.sub), ast.Mult: ("mul", operator.mul),
    ast.Div: ("div", operator.truediv),
}
RULES = {"max": "maximum"}  # where the name of the rule is another
NUMBER, NAME = r"(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?", r"[^\W\d]\w*"
WORD = re.compile(rf"(?P<number>{NUMBER})|(?P<call>{NAME})(?=\s*\()|(?P<name>{NAME})|(?P<sign>\*\*|\S)")

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

    `^` may be written `**`; exponents are numbers (or the base is). `pi` and `e` are known. The text is parsed
    and never run, and its length, depth and numbers have limits.

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
    return Expression(text.strip(), tuple(variables), _Parser(text, tuple(variables)).tree())


def _value(node: Node, known: dict[str, Tensor]) -> Any:
    if isinstance(node, str):
        return known[node]
    if not isinstance(node, tuple):
        return node
    rule, *operands, settings = node
    return apply(rule, *(_value(part, known) for part in operands), **settings)


@dataclass
class _Bracket:
    at: int
    call: bool  # of a function's arguments
    powers: int = 0  # that stand in one another here


class _Parser:
    """Checks the words of a text, writes them as Python would, and walks the tree that `ast` makes of them."""

    def __init__(self, text: str, variables: tuple[str, ...]) -> None:
        self.text, self.variables = text, variables
        self.python = ""
        self.places: dict[int, int] = {}  # where a word begins in `python`: where it stood in the text

    def wrong(self, why: str, at: int) -> ArgumentError:
        return ArgumentError(f"the expression {self.text!r}, at character {at + 1}: {why}")

    def tree(self) -> Node:
        self.check()
        return self.node(ast.parse(self.python, mode="eval").body)

    # ---- the words ---------------------------------------------------------------------------------------------------
    def check(self) -> None:
        """Look at each word: values and operators take turns, brackets are closed, nothing is nested too deep."""
        levels, wanted, minus, before = [_Bracket(-1, False)], True, False, ""
        for found in WORD.finditer(self.text):
            kind, word, at = str(found.lastgroup), found[0], found.start()
            begins = kind != "sign" or word == "("
            if wanted and word in ("+", "-"):
                minus ^= word == "-"
            elif wanted and begins:
                if minus:
                    self.write("-", at)
                self.write(self.value(kind, word, at), at)
                wanted, minus = kind == "call" or word == "(", False
                if word == "(":
                    levels.append(_Bracket(at, before == "call"))
            elif wanted:
                raise self.wrong(f"a number, a name or a bracket was expected, got {word!r}", at)
            elif begins:
                raise self.wrong(f"an operator is missing before {word!r}: products are written with *, as 2 * x", at)
            elif word == ")" and len(levels) > 1:
                levels.pop()
                self.write(word, at)
            elif word in ("+", "-", "*", "/", "^", "**") or (word == "," and levels[-1].call):
                self.write("**" if word == "^" else word, at)
                levels[-1].powers = levels[-1].powers + 1 if word in ("^", "**") else 0
                wanted = True
            else:
                raise self.wrong(f"{word!r} does not belong here", at)
            before = kind
            if len(levels) - 1 + sum(level.powers for level in levels) > DEEPEST:
                raise self.wrong(f"brackets and powers are nested more than {DEEPEST} deep", at)
        if not self.text.strip():
            raise ArgumentError(f'the expression is empty: write something like "{self.variables[0]}^2"')
        if wanted:
            raise self.wrong("the text ends early", len(self.text))
        if len(levels) > 1:
            raise self.wrong(f"the bracket at character {levels[-1].at + 1} is not closed", len(self.text))

    def write(self, word: str, at: int) -> None:
        self.places[len(self.python)] = at
        self.python += word

    def value(self, kind: str, word: str, at: int) -> str:
        """Write a number, a bracket or a known name as Python would."""
        if kind == "number":
            return repr(self.number(float(word), at))
        if kind == "call" and word not in FUNCTIONS and word in (*self.variables, *CONSTANTS):
            raise self.wrong(f"{word} is no function: products are written with *, as 2 * x", at)
        if kind == "name" and word in FUNCTIONS:
            raise self.wrong(f"{word} is a function: write {word}({self.variables[0]})", at)
        known = [*self.variables, *CONSTANTS, *FUNCTIONS]
        if kind != "sign" and word not in known:
            close = get_close_matches(word.lower(), known, n=1)
            guess = f"; did you mean {close[0]!r}?" if close else "."
            raise self.wrong(f"there is no {word!r}{guess} Known are {', '.join(known)}.", at)
        return word

    # ---- the tree ----------------------------------------------------------------------------------------------------
    def node(self, node: ast.expr) -> Node:
        """Work out what a part of Python's tree means here. No other kinds of parts can come from words that passed."""
        match node:
            case ast.Constant(float(number)):
                return number
            case ast.Name(name):
                return name if name in self.variables else CONSTANTS[name]
            case ast.UnaryOp(ast.USub(), part):
                return self.join("neg", operator.neg, self.places[node.col_offset], self.node(part))
            case ast.BinOp(left, sign, right):
                end, parts = left.end_col_offset or 0, (self.node(left), self.node(right))
                at = next(at for k, at in self.places.items() if k >= end and self.python[k] != ")")
                if isinstance(sign, ast.Pow):
                    return self.power(*parts, at)
                return self.join(*OPERATORS[type(sign)], at, *parts)
            case ast.Call(ast.Name(name), arguments):
                at, (wanted, meaning) = self.places[node.col_offset], FUNCTIONS[name]
                if len(arguments) != wanted:
                    raise self.wrong(f"{name} takes {counted(wanted, 'argument')}, got {len(arguments)}", at)
                return self.join(RULES.get(name, name), meaning, at, *map(self.node, arguments))
        raise AssertionError(ast.dump(node))

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
