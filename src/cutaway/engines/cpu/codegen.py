"""The text of a kernel: an instruction's rule as a fused loop, or its hand-written kernel, and the code that calls it.

A kernel is `k(p, s)`: its own parameters and the step state (slots.py). p holds three integers for each operand
(address, bytes from row to row, bytes from shard to shard) and then the numbers it takes.
"""

from __future__ import annotations

import ast
import re
import struct
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from ...optim.hoisted import hoisted
from ...optim.optimizers import average_weights
from ...program import Instruction, Value
from ...rules import OPS, facts
from ..plan import Plan
from ..reference.engine import hyperparameters
from . import elementwise, kernels, moves, stepping, sums
from .rule_loops import parameters, traced
from .shards import ends

STATE = {
    "n": "s[N]", "first": "s[FIRST]", "total": "s[TOTAL]", "t": "s[T]", "seed": "s[SEED]", "shard": "s[SHARD]",
    "shards": "s[SHARDS]",
    "now": "s[NOW] + s[FIRST]", "order": "ints(s[ORDER])", "s": "s",
}


@dataclass(frozen=True)
class Outside:
    """An array of the engine's own: the data a gather reads (by name), the "outputs" that store fills, or "work", room
    that every kernel of a shard may use while it runs."""

    name: str
    dtype: np.dtype


@dataclass
class Kernel:
    """The text of a kernel, and what its parameters hold."""

    name: str
    text: str
    operands: list[Value | Outside | None]
    numbers: list[int]
    work: tuple[int, int] = (0, 0)  # numbers of room that it needs: as it is, and for each row of its shard
    sized: str = ""  # the same kernel, with its sizes as numbers for shards of as many rows as most have
    range: tuple[int, int] | None = None  # what shards have parts of: the ends of these stand behind the numbers
    settings: tuple[str, ...] = ()  # what the numbers are called; "" for whole ones, the others are bits of float64


CALLED = re.compile(r"(?<!def )\b(_\w+)\(")
FUNCTION = re.compile(r"^(?:@\w+\n)*def (\w+)\(.*?(?=^\S|\Z)", re.MULTILINE | re.DOTALL)


def _hand_written() -> dict[str, str]:
    """The functions of kernels/ and stepping.py by name, as text."""
    return _functions((*kernels.FILES, stepping))


@cache
def _functions(files: tuple[ModuleType, ...]) -> dict[str, str]:
    """The functions of files by name, as text. (Parsing them all would cost each process 17 ms.)"""
    texts = (Path(str(module.__file__)).read_text("utf-8") for module in files)
    return {function[1]: function[0].rstrip() for text in texts for function in FUNCTION.finditer(text)}


@cache
def _with_helpers(text: str, rounded: bool = False) -> str:
    """The text of the helpers that a function calls (their names start with an underscore), then the function's.

    rounded: those with _bf16 behind their names are called where there are such."""
    found: dict[str, str] = {}

    def look(text: str) -> str:
        if rounded:
            text = CALLED.sub(lambda m: f"{m[1]}_bf16(" if f"{m[1]}_bf16" in _hand_written() else m[0], text)
        for name in dict.fromkeys(CALLED.findall(text)):
            if name not in found:
                found[name] = look(_hand_written()[name])
        return text

    text = look(text)
    return "\n\n\n".join([*found.values(), text])


def as_bits(value: float) -> int:
    return struct.unpack("q", struct.pack("d", float(value)))[0]


def write(i: Instruction, plan: Plan, optimizer: Any, dtype: np.dtype, cuts: Sequence[int] = (),
          even: bool = False) -> Kernel | None:
    """Write the kernel of an instruction; None where there is none for this case. cuts, even: of shards (Sharded)."""
    kernel = _write(i, plan, optimizer, dtype, len(cuts) > 2)
    if kernel is not None and kernel.range is not None:
        kernel.numbers += ends(i, *kernel.range, cuts, even)
    return kernel


def _write(i: Instruction, plan: Plan, optimizer: Any, dtype: np.dtype, shards: bool) -> Kernel | None:
    if i.op == "optimizer" and "lo" not in i.attributes:  # a parameter at a time, in its shape
        return None
    if i.op == "optimizer":
        own = {name: i.attributes[name] for name in ("lo", "hi")}
        return _update(i, type(optimizer).rule, hyperparameters(optimizer, i) | own, dtype, shards)
    if i.op in ("clip_value", "l1_gradient", "l2_gradient"):
        prepare, own = i.attributes["prepare"], {name: i.attributes[name] for name in ("lo", "hi")}
        return _update(i, type(prepare).rule, vars(prepare) | own, dtype)
    if i.op == "average_weights":
        return _update(i, average_weights, i.attributes, dtype)
    if i.op not in OPS:
        return _engine_kernel(i, dtype)
    if OPS[i.op].kind == "elementwise":
        return _elementwise(i, plan, dtype)
    if i.op in SHAPED:
        return _shaped(i, plan, dtype)
    operands = i.operands()
    numbers = _numbers(i, operands, dtype)
    if numbers is None:
        return _from_rule(i, operands, plan, dtype)
    name, rows = _name(i), plan.rows if optimizer is not None and _small(i, plan.rows, numbers) else 0
    return _call(name, _hand_written()[name], operands, {**i.attributes, **numbers}, i, rows=rows)


SMALL = 2**20  # multiplications in a product; larger ones gain nothing by it


def _small(i: Instruction, rows: int, numbers: dict[str, Any]) -> bool:
    """Whether an instruction is a layer of neurons so small that a kernel that knows its sizes pays."""
    plain = i.op == "linear" and i.scope == "rows" and not i.rounded
    return plain and rows * numbers["r"] * numbers["k"] * numbers["m"] <= SMALL


def _from_rule(i: Instruction, operands: dict[str, Any], plan: Plan, dtype: np.dtype) -> Kernel | None:
    """Write the loops of a rule whose operands no hand-written kernel takes."""
    name, takes = _name(i), (kernels.ROUNDED if i.rounded else kernels.TAKES).get(i.op)
    loops = traced(i, dtype, None if takes is None else (name, _hand_written()[name], takes))
    if loops is None or i.scope == "neurons":
        return None
    fixed, each = loops.work
    alone = i.scope != "rows"  # one thread for the whole batch
    i = replace(i, scope="once" if alone else "rows", rounded=loops.rounded)
    return _call(loops.name, loops.text, operands, {"work": (fixed + plan.batch * each, 0) if alone else loops.work}, i)


def _name(i: Instruction) -> str:
    """The name of the hand-written kernel of a rule's instruction."""
    if i.scope == "neurons":
        return "linear_bf16_weights" if i.rounded else "linear_weights"
    name = i.op + "_back" * i.backward
    rounded = f"{i.op}_bf16" + "_back" * i.backward
    return rounded if i.rounded and rounded in _hand_written() else name


def _numbers(i: Instruction, operands: dict[str, Value | None], dtype: np.dtype) -> dict[str, Any] | None:
    """The numbers that an instruction's hand-written kernel asks for; None where none takes such operands."""
    takes = (kernels.ROUNDED if i.rounded else kernels.TAKES).get(i.op)
    sizes = None if takes is None else kernels.sizes(i.op, takes, i.backward, operands, dtype)
    more = None if takes is None or sizes is None else takes.numbers(sizes, operands, i)
    if sizes is None or more is None:
        return None
    return sizes | more | ({"lo": 0, "hi": sizes["m"]} if i.scope == "neurons" else {})


def _engine_kernel(i: Instruction, dtype: np.dtype) -> Kernel | None:
    """The kernel of an instruction that is the engine's own, such as gather."""
    operands: dict[str, Any] = {}
    numbers: dict[str, Any] = {}
    if i.op == "gather":
        (out,) = i.written
        operands, numbers = {"data": Outside(out.name, out.dtype), "out": out}, {"w": out.width}
    elif i.op == "store":
        (x,) = i.arguments
        operands, numbers = {"x": x, "out": Outside("outputs", x.dtype)}, {"w": x.width}
    elif i.op in ("fill", "reduce", "clip_norm"):
        (v,) = i.written
        operands, numbers = {"x" if i.op == "fill" else "g": v}, {"w": v.width}
        if i.op == "clip_norm":
            numbers["norm"] = i.attributes["prepare"].norm
    elif i.op == "assign":
        (new,), (old,) = i.arguments, i.written
        if (new.rows, new.shape) != (0, old.shape):
            return None
        operands, numbers = {"new": new, "old": old}, {"k": old.width}
    elif i.op == "check":
        J, g = i.arguments
        operands, numbers = {"J": J, "g": g}, {"lo": 0, "hi": g.width}
    elif i.op not in ("batch", "schedule"):
        return None
    if not all(v.dtype in (dtype, np.int32) for v in operands.values()):
        return None
    name = "fill_whole" if i.op == "fill" and not i.written[0].rows else i.op
    return _call(name, _hand_written()[name], operands, {**i.attributes, **numbers}, i)


def _call(name: str, text: str, operands: dict[str, Any], numbers: dict[str, Any], i: Instruction,
          double: tuple[str, ...] = (), rows: int = 0) -> Kernel:
    """Write the kernel that calls a function with what its arguments name; settings in `double` stay float64.

    rows: those of a shard for which a kernel that knows its sizes shall be written, too; 0: none.
    """
    text = _with_helpers(text, i.rounded)
    work: tuple[int, int] = numbers.pop("work", (0, 0))
    if work != (0, 0):
        operands = operands | {"work": Outside("work", i.written[0].dtype)}
    from_state = STATE | ({"t": "np.float64(s[T])", "lr": "double(s[RATE])"} if double else {})
    used: list[Any] = []
    values: list[int] = []
    names: list[str] = []
    wanted = parameters(text, name)
    places = {o: k for k, o in enumerate(w for w in wanted if w in operands)}
    start = 3 * len(places)
    arguments: list[str] = []
    literal = {STATE["n"]: str(rows)}
    for w in wanted:
        if w in operands:
            v = operands[w]
            used.append(v)
            row = f" + s[FIRST] * p[{3 * places[w] + 1}]" if i.scope == "rows" else ""
            arguments.append(f"{_pointer(v, w)}(p[{3 * places[w]}]{row} + s[SHARD] * p[{3 * places[w] + 2}])")
        elif w in ("lo", "hi"):
            arguments.append(w)
        elif w in from_state and type(numbers.get(w)) is not int:  # a kernel's own
            arguments.append("s[TOTAL]" if w == "n" and i.scope != "rows" else from_state[w])
        else:
            value = numbers[w]
            real = isinstance(value, float | np.floating)
            values.append(as_bits(value) if real else int(value))
            names.append(w if real else "")
            place = f"p[{start + len(values) - 1}]"
            arguments.append(f"{'double' if w in double else 'number'}({place})" if real else place)
            literal |= {} if real else {place: str(int(value))}
    guards = "    if s[SHARD] != 0:\n        return\n" if i.scope == "once" else ""
    if i.phase == "update" and i.op in ("assign", "optimizer", "clip_norm", "clip_value", "l1_gradient",
                                      "l2_gradient", "average_weights"):
        guards += "    if ints(s[SHARED])[STOP]:\n        return\n"
    cut, at = "lo" in arguments, f"{start + len(values)} + s[SHARD]"
    ranges = f"    lo, hi = p[{at}], p[{at} + 1]\n" if cut else ""
    head, call = f"{text}\n\ndef k(p, s):\n{guards}{ranges}", f"    {name}({', '.join(arguments)})\n"
    known = ", ".join(literal.get(a, a) for a in arguments)
    sized = f"    if s[N] == {rows}:\n        {name}({known})\n    else:\n    "
    parts = (int(numbers["lo"]), int(numbers["hi"])) if cut else None
    return Kernel(name, head + call, used, values, work, head + sized + call if rows else "", parts,
                  tuple(names))


def _pointer(v: Any, name: str) -> str:
    whole = name == "lengths" if v is None else v.dtype == np.int32
    return "int32s" if whole else "reals"


# ---- loops made from rules -----------------------------------------------------------------------------------------


def _elementwise(i: Instruction, plan: Plan, dtype: np.dtype) -> Kernel | None:
    """Write the loops of an elementwise rule."""
    made = elementwise.write(i, OPS[i.op], plan, dtype)
    if made is None:
        return None
    kernel = _call("loop", made.text, {**made.operands}, {**i.attributes, **made.numbers}, i)
    return kernel if not made.foreign or _in_the_language(i.title, kernel.text, dtype) else None


SHAPED = {"index": moves.write, "transpose": moves.write, "concat": moves.write, "reshape": moves.write,
          "real": moves.write, "sum_to": sums.sum_to, "cumsum": sums.cumsum}


def _shaped(i: Instruction, plan: Plan, dtype: np.dtype) -> Kernel | None:
    """Write the loops of an operation whose kernel follows from its operands' shapes."""
    made = SHAPED[i.op](i, plan)
    if made is None or any(v.dtype not in (dtype, np.int32) for v in made[1].values()):
        return None
    loops, operands = made
    return _call("loop", loops.text(list(operands)), {**operands}, {**loops.numbers}, i)


_foreign: dict[str, str] = {}  # what machine code cannot be made of, by the title of an instruction


def _in_the_language(title: str, text: str, dtype: np.dtype) -> bool:
    """Whether a user's own rule says only what machine code can be made of; else it runs as it is, in Python."""
    from . import language

    try:
        return bool(language.written(text, dtype.name, "trial"))
    except language.NotInTheLanguage as error:
        _foreign[title] = str(error)
        return False


def why_none(i: Instruction) -> str:
    """Say why `write` found no kernel."""
    if i.op == "optimizer":
        return ", as its rule takes whole parameters"
    if i.title in _foreign:
        return f" ({_foreign[i.title]})"
    return " for these shapes" if i.op in kernels.TAKES or facts(i.op).kind == "elementwise" else ""


def remedy(i: Instruction) -> str:
    """Say what would make machine code of a rule of the user's own; "" for others."""
    if i.op == "optimizer" or facts(i.op).forward.__module__.startswith("cutaway."):
        return ""
    return ". It becomes machine code where it has only arithmetic, numbers in digits and functions of cutaway.rules.xp"


# ---- the update loop made from an optimizer's rule -----------------------------------------------------------------


@cache
def _update_text(rule: Any, shards: bool) -> tuple[str, tuple[str, ...], tuple[str, ...]]:
    """Write an optimizer's rule as a loop: the text, the names of its vectors, and of its settings.

    shards: every core holds what it has read of θ, so a core asks for its part back, a block before it writes that.
    """
    apart = hoisted(rule)
    vectors, settings = apart.vectors, apart.settings
    body = [ast.unparse(line) for line in apart.body]
    results = body.pop().removeprefix("return ")
    stored = [vectors[0]] if vectors[0] in ("g", "average") else [v for v in vectors if v != "g"]
    new = ", ".join(f"new_{v}" for v in stored)
    lines = [f"def {rule.__name__}(lo, hi, {', '.join(f'{v}_' for v in vectors)}, {', '.join(settings)}):"]
    lines += [f"    c{k} = F({text})" for k, text in enumerate(apart.constants)]
    loop = ["for j in range(lo, hi):"] + [f"    {v} = {v}_[j]" for v in vectors]
    loop += [f"    {line}" for line in body]
    loop += [f"    {new} = {results.strip('()') if len(stored) > 1 else results}"]
    loop += [f"    {v}_[j] = new_{v}" for v in stored]
    if shards:
        loop[0] = "for j in range(block, min(block + 512, hi)):"
        ask = ["for j in range(min(block + 512, hi), min(block + 1024, hi), 4 * SIDE):",
               f"    prefetch(at({vectors[0]}_, j), 1)"]
        loop = ["for block in range(lo, hi, 512):", *(f"    {line}" for line in ask + loop)]
    return "\n".join(lines + [f"    {line}" for line in loop]), vectors, settings


def _update(i: Instruction, rule: Any, numbers: dict[str, Any], dtype: np.dtype, shards: bool = False) -> Kernel | None:
    """Write the loop of an optimizer's rule, or of one that prepares the gradient or averages, over a range of θ."""
    try:
        text, vectors, settings = _update_text(rule, shards)
    except (OSError, TypeError):  # typed at a prompt: Python keeps no source
        return None
    operands = {f"{v}_": a for v, a in zip(vectors, i.arguments, strict=True)}
    if any((v.dtype, v.width) != (dtype, i.arguments[0].width) for v in i.arguments):
        return None
    numbers = {"lo": 0, "hi": i.arguments[0].width} | numbers
    return _call(rule.__name__, text, operands, numbers, i, double=settings)
