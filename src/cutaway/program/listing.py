"""A program as text: one line an instruction, as a processor would see it."""

from __future__ import annotations

import ast
import inspect
import re
import textwrap
from functools import cache
from typing import Any

from ..rules import OPS
from ..text import columns
from .instruction import Instruction, Value

SYMBOL = {"weight": "W", "bias": "b"}

#: Settings that the shapes or other lines of a listing show, and such as change nothing.
UNSAID = ("shape", "key", "axis", "axes", "keepdims", "lo", "hi", "step", "seed", "call", "rows")
UNCHANGED = {("dilation", "1"), ("groups", "1"), ("stride", "1"), ("padding", "0"), ("crop", "1"), ("shift", "0"),
             ("rotate", "0")}


# the layer's number, and what may stand between it and a value's own name: a recurrent layer's kind and direction
PLACE = r"layer(\d+)((?:@\d+)?)\.(?:(?:rnn|lstm|gru)\.)?(?:l(\d+)(_reverse)?\.)?"
RECURRENT = r"(weight|bias)_(ih|hh)_l(\d+)(_reverse)?"


def short(v: Value) -> str:
    """Shorten a name: layer1.z to z1, layer2.dweight to dW2, layer1.lstm.weight_hh_l0_reverse to W_hh1←, if it can."""
    match = re.fullmatch(PLACE + r"(d?)(\w+?)((?:_\d+)?(?:@\d+)?)( \(broadcast\))?", v.name)
    if not match:
        return v.name
    number, call, level, back, d, name, again, broad = match.groups()
    way = "" if level is None else "←" if back else "→"
    if parameter := re.fullmatch(RECURRENT, name):
        name, matrix, level, back = parameter.groups()
        name, way = f"{SYMBOL[name]}_{matrix}", "←" if back else ""
    level = f".{level}" if level and level != "0" else ""
    return f"{d}{SYMBOL.get(name, name)}{number}{level}{call}{way}{again}{broad or ''}"


@cache
def derivative(op: str) -> str:
    """Write down what a backward rule computes: in its own words where it has some, else its last line.

    >>> derivative("relu"), derivative("mul")
    ('dz = where(a > 0, da, 0)', 'du = dw * v, dv = dw * u')
    """
    rule = OPS[op]
    assert rule.backward is not None
    gradients = [f"d{'ℓ' if name == 'l' else name}" for name in rule.inputs]
    if words := " ".join((rule.backward.__doc__ or "").split()):
        moved = [name for k, name in enumerate(gradients) if not rule.keeps_whole(k)]
        return words if re.match(r"d[^ ]*(, d[^ ]*)* = ", words) else f"{', '.join(moved)} = {words}"
    body = ast.parse(textwrap.dedent(inspect.getsource(rule.backward))).body[0]
    assert isinstance(body, ast.FunctionDef)
    last = body.body[-1]
    assert isinstance(last, ast.Return)
    assert last.value is not None
    parts = last.value.elts if isinstance(last.value, ast.Tuple) else [last.value]
    steps = {one.targets[0].id: _python(one.value) for one in body.body
             if isinstance(one, ast.Assign) and isinstance(one.targets[0], ast.Name)}
    for guarded in body.args.args:  # an argument that was clipped to a safe range keeps its name
        steps.pop(guarded.arg, None)
    made = {name: _python(part) for name, part in zip(gradients, parts, strict=False)}
    made = {name: steps.pop(text, text) for name, text in made.items() if text not in ("None", "0")}
    used = {name for name in steps if any(re.search(rf"\b{name}\b", text) for text in made.values())}
    return ", ".join(f"{name} = {text}" for name, text in [*made.items(), *((n, steps[n]) for n in steps if n in used)])


def _python(expression: ast.expr) -> str:
    return ast.unparse(expression).replace("xp.", "")


def title(instruction: Instruction) -> str:
    """The short name of an instruction: linear, relu', adamw."""
    return instruction.formula.split("(")[0].lower() if instruction.op == "optimizer" else instruction.title


def formula(instruction: Instruction) -> str:
    """The formula of an instruction as its rule has it, its settings, and whether factors are rounded."""
    return "; ".join([_formula(instruction), *settings(instruction)]) + "; factors in bf16" * instruction.rounded


def settings(instruction: Instruction) -> list[str]:
    """The settings of a layer's forward rule, in words, such as "p 0.2": all but those that change nothing, or that
    the shapes say."""
    if instruction.backward or instruction.phase not in ("forward", "loss"):
        return []
    known = [(name, _plain(value)) for name, value in instruction.attributes.items() if name not in UNSAID]
    return [name if text == "yes" else f"{name} {text}" for name, text in known
            if text and (name, text) not in UNCHANGED]


def _plain(setting: Any) -> str:
    """A setting in words: 2 for (2, 2), "" for one that says nothing.

    >>> _plain(0.2), _plain(((1, 1), (1, 1))), _plain((2, 1)), _plain(True), _plain(None)
    ('0.2', '1', '2x1', 'yes', '')
    """
    if isinstance(setting, tuple):
        parts = [_plain(part) for part in setting]
        return parts[0] if parts and len(set(parts)) == 1 else "x".join(parts) if all(parts) else ""
    if isinstance(setting, bool):
        return "yes" * setting
    return f"{setting:g}" if isinstance(setting, int | float) else setting if isinstance(setting, str) else ""


def _formula(instruction: Instruction) -> str:
    if instruction.backward:
        return derivative(instruction.op)
    if instruction.phase == "loss":
        return re.sub(r"\bp\b", "ŷ", re.sub(r"\bl\b", "ℓ", instruction.formula))
    return instruction.formula


def _shape(instruction: Instruction, batch: int) -> str:
    if not instruction.written:
        return ""
    shape = instruction.written[0].shape_at(batch)
    if instruction.op in ("optimizer", "reduce") and "lo" in instruction.attributes:
        shape = (instruction.attributes["hi"] - instruction.attributes["lo"],)
    return "(" + ", ".join(map(str, shape)) + ("," if len(shape) == 1 else "") + ")"


def lines_of(instructions: list[Instruction], batch: int) -> list[tuple[str, ...]]:
    """The rows of a listing: number, phase, instruction, what it reads and writes, the shape written, its formula."""
    rows: list[tuple[str, ...]] = [("#", "phase", "instruction", "reads", "writes", "shape", "formula")]
    for i, instruction in enumerate(instructions):
        rows.append((
            str(i), instruction.phase, title(instruction), " ".join(dict.fromkeys(short(v) for v in instruction.reads)),
            " ".join(short(v) for v in instruction.written), _shape(instruction, batch), formula(instruction),
        ))
    return rows


def table(instructions: list[Instruction], batch: int) -> str:
    """Write the listing in columns; the first line names them."""
    return "\n".join(columns(lines_of(instructions, batch), right=[0], widest=34))
