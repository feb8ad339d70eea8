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


def short(v: Value) -> str:
    """layer1.z -> z1, layer2.weight -> W2, layer2.dweight -> dW2; other names stay whole."""
    match = re.fullmatch(r"layer(\d+)((?:@\d+)?)\.(d?)(\w+?)((?:_\d+)?(?:@\d+)?)( \(broadcast\))?", v.name)
    if not match:
        return v.name
    number, call, d, name, again, broad = match.groups()
    return f"{d}{SYMBOL.get(name, name)}{number}{call}{again}{broad or ''}"


@cache
def derivative(op: str) -> str:
    """What a backward rule computes: its own last line."""
    rule = OPS[op]
    assert rule.backward is not None
    body = ast.parse(textwrap.dedent(inspect.getsource(rule.backward))).body[0]
    assert isinstance(body, ast.FunctionDef)
    last = body.body[-1]
    assert isinstance(last, ast.Return)
    assert last.value is not None
    parts = last.value.elts if isinstance(last.value, ast.Tuple) else [last.value]
    return ", ".join(ast.unparse(p).replace("xp.", "") for p in parts if ast.unparse(p) != "None")


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


def table(instructions: list[Instruction], batch: int) -> str:
    """The listing: number, phase, instruction, what it reads and writes, the shape it writes, its formula."""
    rows = [("#", "phase", "instruction", "reads", "writes", "shape", "formula")]
    for i, instruction in enumerate(instructions):
        title = instruction.title
        if instruction.op == "optimizer":
            title = instruction.formula.split("(")[0].lower()
        rows.append((
            str(i), instruction.phase, title, " ".join(dict.fromkeys(short(v) for v in instruction.reads)),
            " ".join(short(v) for v in instruction.written), _shape(instruction, batch), formula(instruction),
        ))  # fmt: skip
    widths = [min(max(len(row[k]) for row in rows), 34) for k in range(6)]
    lines = []
    for row in rows:
        cells = [row[0].rjust(widths[0])] + [row[k].ljust(widths[k]) for k in range(1, 6)]
        lines.append(("  ".join(cells) + "  " + row[6]).rstrip())
    return "\n".join(lines)
