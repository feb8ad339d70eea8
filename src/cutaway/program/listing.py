"""A program as text: one line an instruction, as a processor would see it."""

from __future__ import annotations

import ast
import inspect
import re
import textwrap
from functools import cache

from ..rules import OPS
from .instruction import Instruction, Value

SYMBOL = {"weight": "W", "bias": "b"}


# the layer's number, and what may stand between it and a value's own name: a recurrent layer's kind and direction
PLACE = r"layer(\d+)((?:@\d+)?)\.(?:(?:rnn|lstm|gru)\.)?(?:l(\d+)(_reverse)?\.)?"
RECURRENT = r"(weight|bias)_(ih|hh)_l(\d+)(_reverse)?"


def short(v: Value) -> str:
    """layer1.z -> z1, layer2.dweight -> dW2, layer1.lstm.weight_hh_l0_reverse -> W_hh1←; other names stay whole."""
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
    """What a backward rule computes: in its own words where it has some, else its last line."""
    rule = OPS[op]
    assert rule.backward is not None
    if rule.backward.__doc__:
        return rule.backward.__doc__.strip()
    body = ast.parse(textwrap.dedent(inspect.getsource(rule.backward))).body[0]
    assert isinstance(body, ast.FunctionDef)
    last = body.body[-1]
    assert isinstance(last, ast.Return)
    assert last.value is not None
    parts = last.value.elts if isinstance(last.value, ast.Tuple) else [last.value]
    return ", ".join(ast.unparse(p).replace("xp.", "") for p in parts if ast.unparse(p) != "None")


def title(instruction: Instruction) -> str:
    """linear, relu', adamw"""
    return instruction.formula.split("(")[0].lower() if instruction.op == "optimizer" else instruction.title


def formula(instruction: Instruction) -> str:
    """The formula of an instruction as its rule has it."""
    if instruction.backward:
        return derivative(instruction.op)
    if instruction.phase == "loss":
        return re.sub(r"\bp\b", "ŷ", re.sub(r"\bl\b", "ℓ", instruction.formula))
    return instruction.formula


def _shape(instruction: Instruction, batch: int) -> str:
    if not instruction.written:
        return ""
    shape = instruction.written[0].shape_at(batch)
    if instruction.op == "optimizer":
        shape = (instruction.attributes["hi"] - instruction.attributes["lo"],)
    return "(" + ", ".join(map(str, shape)) + ("," if len(shape) == 1 else "") + ")"


def lines_of(instructions: list[Instruction], batch: int) -> list[tuple[str, ...]]:
    """The listing: number, phase, instruction, what it reads and writes, the shape it writes, its formula."""
    rows: list[tuple[str, ...]] = [("#", "phase", "instruction", "reads", "writes", "shape", "formula")]
    for i, instruction in enumerate(instructions):
        rows.append((
            str(i), instruction.phase, title(instruction), " ".join(dict.fromkeys(short(v) for v in instruction.reads)),
            " ".join(short(v) for v in instruction.written), _shape(instruction, batch), formula(instruction),
        ))  # fmt: skip
    return rows


def table(instructions: list[Instruction], batch: int) -> str:
    """The listing as text, in columns; the first line names them."""
    rows = lines_of(instructions, batch)
    widths = [min(max(len(row[k]) for row in rows), 34) for k in range(6)]
    lines = []
    for row in rows:
        cells = [row[0].rjust(widths[0])] + [row[k].ljust(widths[k]) for k in range(1, 6)]
        lines.append(("  ".join(cells) + "  " + row[6]).rstrip())
    return "\n".join(lines)
