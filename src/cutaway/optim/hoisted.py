"""Update rules taken apart: what depends on settings alone is a number a step, found once and in double.

Bias correction is the reason: 1 - β₂ᵗ in single precision would lose half its digits in the first steps. The CPU engine
computes these numbers before its loop over the weights, XLA gets them from outside, one row a step.
"""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass, replace
from functools import cache
from types import CodeType, FunctionType
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Hoisted:
    """A rule of `vectors` and `settings`; in its `body` c0, c1, ... stand for the expressions in `constants`."""

    rule: FunctionType
    vectors: tuple[str, ...]
    settings: tuple[str, ...]
    constants: tuple[str, ...]
    body: tuple[ast.stmt, ...]

    def numbers(self, steps: int, **settings: Any) -> np.ndarray:
        """Compute the constants of several steps, in double: (steps, constants). An array as a setting: one a step."""
        try:
            found = self._evaluated(settings)
        except ValueError:  # "if t > 9" asks for one number at a time
            each = ({k: v[s] if np.ndim(v) else v for k, v in settings.items()} for s in range(steps))
            found = list(zip(*map(self._evaluated, each), strict=True))
        out = np.empty((steps, len(self.constants)))
        for k, c in enumerate(found):
            out[:, k] = c
        return out

    def _evaluated(self, settings: dict[str, Any]) -> list[Any]:
        names = {"np": np} | self.rule.__globals__ | settings
        return [eval(code, names) for code in _compiled(self.constants)]

    def function(self) -> FunctionType:
        """Make the rule a function of its vectors and then its constants."""
        if not self.body:
            return _by_place(self.rule, self.vectors, self.settings)
        arguments = ", ".join([*self.vectors, *(f"c{k}" for k in range(len(self.constants)))])
        head = f"def {self.rule.__name__}({arguments}):\n"
        made: dict[str, Any] = {}
        exec(head + textwrap.indent("\n".join(map(ast.unparse, self.body)), "    "), made)
        return FunctionType(made[self.rule.__name__].__code__, self.rule.__globals__)


def _by_place(rule: Callable, vectors: tuple[str, ...], settings: tuple[str, ...]) -> Any:
    """Make a rule that takes its settings by position, after its vectors."""
    return lambda *given: rule(*given[: len(vectors)], **dict(zip(settings, given[len(vectors) :], strict=True)))


def in_one_piece(rule: Any) -> Hoisted:
    """Keep a rule that cannot be taken apart in one piece: each setting is a constant by itself."""
    names = inspect.getfullargspec(rule)
    return Hoisted(rule, tuple(names.args), tuple(names.kwonlyargs), tuple(names.kwonlyargs), ())


@cache
def hoisted(rule: Any) -> Hoisted:
    """Take a rule apart. Raises OSError or TypeError where that cannot be: Python keeps no source of what is typed at
    a prompt, and a rule may need the function around it, or change a setting."""
    node = ast.parse(textwrap.dedent(inspect.getsource(rule))).body[0]
    if not isinstance(node, ast.FunctionDef) or getattr(rule, "__closure__", None):
        raise TypeError(f"{rule!r} is no function that stands by itself")
    settings = tuple(a.arg for a in node.args.kwonlyargs)
    changed = {n.id for n in ast.walk(node) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}
    if changed & set(settings):
        raise TypeError(f"{rule.__name__} changes {', '.join(changed & set(settings))}, a setting")
    hoist = _Hoist(set(settings))
    body = [hoist.visit(line) for line in node.body if not (
        isinstance(line, ast.Expr) and isinstance(line.value, ast.Constant))]
    body = [ast.fix_missing_locations(line) for line in body]
    return Hoisted(rule, tuple(a.arg for a in node.args.args), settings, tuple(hoist.found), tuple(body))


class _Hoist(ast.NodeTransformer):
    """Replace each largest expression of settings alone by a name."""

    def __init__(self, settings: set[str]) -> None:
        self.settings, self.found = settings, []  # type: ignore[var-annotated]

    def visit(self, node):
        if isinstance(node, ast.expr):
            names = {n.id for n in ast.walk(node) if isinstance(n, ast.Name)}
            if names and names <= self.settings:
                text = ast.unparse(node)
                if text not in self.found:
                    self.found.append(text)
                return ast.copy_location(ast.Name(f"c{self.found.index(text)}", ast.Load()), node)
        return super().visit(node)


def by_products(taken: Hoisted) -> Hoisted:
    """Multiply by the reciprocal, found once and in double, where the body divides by a constant."""
    reciprocals = _Reciprocals(taken.constants)
    body = [reciprocals.visit(deepcopy(line)) for line in taken.body]
    return replace(taken, body=tuple(ast.fix_missing_locations(line) for line in body),
                   constants=tuple(reciprocals.constants))


class _Reciprocals(ast.NodeTransformer):
    """Replace `a / c3` by `a * c9`, where c9 is 1 / c3."""

    def __init__(self, constants: tuple[str, ...]) -> None:
        self.constants = list(constants)

    def visit_BinOp(self, node):
        self.generic_visit(node)
        right = node.right.id if isinstance(node.right, ast.Name) else ""
        if not isinstance(node.op, ast.Div) or not right[1:].isdigit() or right[0] != "c":
            return node
        text = f"np.float64(1) / ({self.constants[int(right[1:])]})"
        if text not in self.constants:
            self.constants.append(text)
        by = ast.Name(f"c{self.constants.index(text)}", ast.Load())
        return ast.copy_location(ast.BinOp(node.left, ast.Mult(), by), node)


@cache
def _compiled(constants: tuple[str, ...]) -> list[CodeType]:
    return [compile(text, "<settings>", "eval") for text in constants]
