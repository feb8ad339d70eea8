"""Loops made from rules that work value by value: the rule's own text, once for each number of what it makes."""

from __future__ import annotations

import ast
import inspect
import textwrap
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...program import Instruction, Value
from ...rules import Op, elementwise
from ..plan import Plan
from .loops import Loops, Space, View, broadcast
from .moves import as_int32


@dataclass(frozen=True)
class Written:
    """The text of a loop, its operands and numbers. foreign: it says something that no rule of the house does."""

    text: str
    operands: dict[str, Value]
    numbers: dict[str, int]
    foreign: bool


def write(i: Instruction, rule: Op, plan: Plan, dtype: np.dtype) -> Written | None:
    """Write the loops of a rule over all that it makes; None for operands that do not fit.

    Values at the same place share a pointer: LLVM is told that different ones lie apart.
    """
    outs = [f"d{name}" for name in rule.inputs] if i.backward else list(rule.outputs)
    operands = {name: as_int32(v) for name, v in i.operands().items() if v is not None}
    ins = [name for name in i.operands() if name not in outs]
    written = {o: operands[o] for o in outs if o in operands}
    whole = next(iter(written.values()))
    space = Space.of(whole)
    views = {name: broadcast(v, space) for name, v in operands.items()}
    fits = all(view is not None for view in views.values()) and all(name in operands for name in ins)
    if not fits or any(Space.of(v) != space for v in written.values()):
        return None
    if any(v.dtype not in (dtype, np.int32) for v in operands.values()):
        return None
    function = rule.backward if i.backward else rule.forward
    assert function is not None
    own = "" if function.__module__ == elementwise.__name__ else _own_rule(function)
    if own is None:
        return None
    settings = list(rule.backward_attributes if i.backward else rule.attributes)
    pointers: dict[str, str] = {}
    for name, v in operands.items():
        pointers[name] = next((p for p in pointers.values() if plan.shares(operands[p], v)), name)

    def work(at: dict[str, str]) -> list[str]:
        number = {name: f"{pointers[name]}[{at[name]}]" for name in operands}
        if whole.dtype == dtype:  # a tanh, as it is written, is one of real numbers
            number |= {name: f"F({number[name]})" for name in ins if operands[name].dtype == np.int32}
        call = f"{function.__name__}({', '.join([*(number[name] for name in ins), *settings])})"
        if len(outs) == 1:
            return [f"{number[outs[0]]} = {call}"]
        return [f"{', '.join(f'new_{o}' for o in outs)} = {call}", *(f"{number[o]} = new_{o}" for o in written)]

    loops, known = Loops(), {name: view for name, view in views.items() if isinstance(view, View)}
    loops.nest(space, known, work)
    names = dict.fromkeys(pointers.values())
    foreign = bool(own) or any(v.dtype == np.int32 for v in operands.values())
    text = own + loops.text(list(names), settings)
    return Written(text, {name: operands[name] for name in names}, loops.numbers, foreign)


def _own_rule(function: Any) -> str | None:
    """The text of an elementwise rule that stands in a user's own file; None where Python keeps no source."""
    try:
        node = ast.parse(textwrap.dedent(inspect.getsource(function))).body[0]
    except (OSError, TypeError):
        return None
    assert isinstance(node, ast.FunctionDef)
    node.decorator_list = []
    return ast.unparse(node) + "\n\n"
