"""Whether a kernel takes the operands of an instruction: the type and shape of each.

Kernels walk memory without asking, so they are asked about here before one is chosen (codegen.py), for whatever they
read and whatever they write. The shapes are those of the operation's row (rules/registry.py has its letters), or the
kernel's own where it takes fewer. Equal letters are equal sizes, at least 1, and a kernel gets them by these names.
Beside the operands stand the gradients that the backward kernel writes or reads, of the same shapes.

Operands have the program's precision, besides these. int: whole numbers, which no kernel goes astray by; those that
pick (`Op.picks`) must come straight from the data, and are checked when fed. any: all alike, whole or not. unread:
nobody looks at it.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Collection
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from ....program import Value
from ....rules import OPS


@dataclass(frozen=True)
class Takes:
    """What is a kernel's own: gradients, shapes where it takes fewer than its operation, and a function that gives more
    numbers for it from sizes, operands and the instruction (None: loops are made of its rule)."""

    gradients: str = ""
    shapes: str = ""
    numbers: Callable[[dict[str, int], dict[str, Any], Any], dict[str, Any] | None] = lambda s, v, i: {}


@dataclass
class Fit:
    """How operands fit a kernel: the sizes by their letters, and those that are to be spread to a shape of the kernel's
    first ("n": the rows)."""

    sizes: dict[str, int]
    apart: dict[str, tuple[int | str, ...]]


def sizes(op: str, kernel: Takes, backward: bool, operands: dict[str, Value | None],
          dtype: np.dtype) -> dict[str, int] | None:
    """The sizes in the operands' shapes by their letters, in a program of that precision; None where one does not fit.

    operands: of the instruction, by the rule's names (None: not there). Each must be in the row.
    """
    found = fit(op, kernel, backward, operands, dtype)
    return None if found is None else found.sizes


def fit(op: str, kernel: Takes, backward: bool, operands: dict[str, Value | None], dtype: np.dtype,
        spread: Collection[str] = ()) -> Fit | None:
    """Find the sizes where operands named in `spread` may have another shape: it says what they are to be spread to."""
    bare = not any(v.rows for v in operands.values() if v is not None)
    row, found, apart = row_of(op, kernel, backward), _Found(dtype, bare), []
    for name, v in operands.items():
        wanted = row.get(name)
        if v is None:
            if wanted is not None and not wanted.optional:
                return None
            continue
        before = dict(found.sizes)
        if wanted is None or not wanted.takes(v, found):
            if wanted is None or name.removesuffix("_shape") not in spread or v.dtype != dtype:
                return None
            found.sizes = before
            apart.append(name)
    shapes = {name: row[name].whole(found) for name in apart if not name.endswith("_shape")}
    if None in shapes.values():
        return None
    rows = found.sizes.get("n")  # of operands that are asked for rows: others, such as running averages, know none
    return Fit(found.sizes | ({"total": rows, "first": 0} if bare and rows else {}), shapes)


class _Found:
    """The sizes and types that the operands so far have shown."""

    def __init__(self, dtype: np.dtype, bare: bool) -> None:
        self.dtype, self.bare = dtype, bare  # bare: no operand has samples, and the shapes say how many rows there are
        self.sizes: dict[str, int] = {}
        self.alongs: dict[str, tuple[int, ...]] = {}  # "n*r": its sizes one by one
        self.types: set[np.dtype] = set()  # of the operands of any type

    def size(self, letter: str, size: int, times: int = 1) -> bool:
        return size > 0 and self.sizes.setdefault(letter, size // times) * times == size

    def along(self, letter: str, key: str, along: tuple[int, ...]) -> bool:
        return self.size(letter, math.prod(along)) and self.alongs.setdefault(key, along) == along


@dataclass(frozen=True)
class _Operand:
    """One operand's entry. `batch`: "" (no samples), "n" or "n*". `star`: where the parts have any sizes, or -1."""

    optional: bool
    type: str
    alike: bool  # whether the shape counts, not the numbers alone
    batch: str
    parts: tuple[tuple[int, str], ...]  # times, letter; a size as it is has no letter
    star: int

    def takes(self, v: Value, found: _Found) -> bool:
        right = v.dtype == found.dtype if self.type == "real" else self._type(v, found)
        return right and (self.type == "unread" or self._shape(v, found))

    def _type(self, v: Value, found: _Found) -> bool:
        if self.type == "any":
            found.types.add(v.dtype)
            return v.dtype in (found.dtype, np.int32) and len(found.types) == 1
        if self.type in ("int", "picks"):
            return v.dtype == np.int32 and (self.type == "int" or v.role in ("input", "target"))
        return True

    def _shape(self, v: Value, found: _Found) -> bool:
        shape = (v.rows, *v.shape) if self.batch == "n*" else v.shape
        if found.bare and self.batch:
            if self.batch == "n" and not (v.shape and found.size("n", v.shape[0])):
                return False
            if self.batch == "n*" and not found.size("n", 1):
                return False
            shape = v.shape[1:] if self.batch == "n" else v.shape
        elif bool(v.rows) != bool(self.batch) or (self.batch == "n" and v.rows != 1):
            return False
        if not self.alike:
            return self._each(self.parts, (v.width,), found)
        star, after = self.star, len(self.parts) - self.star - 1
        if star < 0:
            return len(shape) == len(self.parts) and self._each(self.parts, shape, found)
        if len(shape) < star + after:
            return False
        letter, end = self.parts[star][1], len(shape) - after
        if not found.along(letter, self.batch + letter, shape[star:end]):
            return False
        return self._each(self.parts[:star], shape, found) and self._each(self.parts[star + 1 :], shape[end:], found)

    def whole(self, found: _Found) -> Any:
        """The shape that it has in the kernel, "n" for the rows; None where that is not known."""
        if self.star >= 0 or not self.alike or self.batch == "n*" or self.type != "real":
            return None
        if any(letter and letter not in found.sizes for _, letter in self.parts):
            return None
        sizes = tuple(times * found.sizes[letter] if letter else times for times, letter in self.parts)
        return ((found.sizes["n"] if found.bare else "n",) if self.batch else ()) + sizes

    def _each(self, parts: tuple[tuple[int, str], ...], shape: tuple[int, ...], found: _Found) -> bool:
        for (times, letter), size in zip(parts, shape, strict=False):
            if size != times if not letter else not found.size(letter, size, times):
                return False
        return True


ENTRY = re.compile(r"(\w+)(\??)(?: (int|any|unread))?(?: ([(\[])(.*?)[)\]])?(?:  |$)")


@cache
def row_of(op: str, kernel: Takes, backward: bool) -> dict[str, _Operand]:
    """List a kernel's operands by name; backward, its gradients, values and shapes."""
    forward, picks = {}, OPS[op].picks
    for name, optional, type_, bracket, inside in ENTRY.findall(kernel.shapes or OPS[op].shapes):
        type_ = "picks" if picks is not None and name == picks[0] else type_ or "real"
        forward[name] = _operand(bool(optional), type_, bracket == "(", inside)
    if not backward:
        return forward
    shapes = {f"{name}_shape": _with(operand, type="shape") for name, operand in forward.items()}
    written = {g.rstrip("?"): _with(forward[g.rstrip("?")[1:]], optional=g.endswith("?"))
               for g in kernel.gradients.split()}
    return forward | shapes | written


def _with(operand: _Operand, **changes) -> _Operand:
    return _Operand(**vars(operand) | changes)


def _operand(optional: bool, type_: str, alike: bool, inside: str) -> _Operand:
    words, batch = [w.strip() for w in inside.split(",") if w.strip()], ""
    if words[:1] == ["n"]:
        batch, words = "n", words[1:]
    elif words and words[0].startswith("n*"):
        batch, words[0] = "n*", words[0][1:]
    star = next((k for k, word in enumerate(words) if word.startswith("*")), -1)
    parts = tuple((int(times or 1), letter) for times, letter in (re.fullmatch(r"\*?(\d*)(\w*?)", w).groups()
                                                                  for w in words))
    return _Operand(optional, type_, alike, batch, parts, star)
