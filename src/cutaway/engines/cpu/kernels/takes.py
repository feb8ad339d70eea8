"""What every hand-written kernel takes: type and shape of each operand. One that does not fit is left to the rule.

Kernels walk memory without asking, so this table is asked before one is chosen (codegen.py), for whatever it reads and
whatever it writes. A row holds an operation's operands and results by the names of its rule, each with a shape in
letters; equal letters are equal sizes, at least 1, and the kernel gets them by these names. Beside them stand the
gradients that the backward kernel writes or reads, of the same shapes. `?`: the kernel does without it.

    (n, k)     one row for each sample, of k numbers          (n*r, k)   the same for r rows a sample, along any sizes
    (m, k)     no samples: the whole batch has one            (n, *m)    any sizes, m numbers in all
    [n*m]      m numbers a sample, in whatever shape          4k         four times k

Operands have the program's precision, besides these. int: whole numbers, which no kernel goes astray by. index: whole
numbers that a kernel looks up; they come straight from the data, and are checked when fed. any: all alike, whole or
not. unread: nobody looks at it.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from functools import cache

import numpy as np

from ....program import Value

LOSS = ("z (n, *m)  y [n*m]  l (n)", "dl dz")
TAKES: dict[str, tuple[str, str]] = {
    # operation: operands and results; gradients
    "linear": ("x (n*r, k)  W (m, k)  b? (m)  z (n*r, m)", "dz dx? dW? db?"),
    "embedding": ("i index (n*r)  W (entries, k)  h (n*r, k)", "dh dW"),
    "mse": LOSS,
    "half_mse": LOSS,
    "mae": LOSS,
    "huber": LOSS,
    "poisson": LOSS,
    "binary_cross_entropy": ("z (n, *m)  y [n*m]  l (n)  p (n, *m)", "dl dz"),
    "cross_entropy": ("z (n, m)  y index (n)  l (n)  p (n, m)", "dl dz"),
    "soft_cross_entropy": ("z (n, m)  y (n, m)  l (n)  p (n, m)", "dl dz"),
    "weighted_mean": ("l (n)  w (n)  J ()", "dJ dl"),
    "penalty": ("W (*k)  P ()", "dP dW"),
    "penalized_mean": ("l (n)  w? (n)  P ()  J ()", "dJ dl dP?"),
    "layer_norm": ("x (n*q, k)  gamma (k)  beta (k)  y (n*q, k)  u (n*q, k)  r (n*q, 1)", "dy dx? dgamma? dbeta?"),
    "batch_stats": ("x (n*q, k)  mean (k)  var (k)", "dmean dvar dx"),
    "batch_norm": ("x (n*q, k)  mean (k)  var (k)  gamma (k)  beta (k)  y (n*q, k)",
                   "dy dx? dmean? dvar? dgamma? dbeta?"),
    "running_average": ("old (*k)  new (*k)  running (*k)", ""),
    "dropout": ("x (n*w)  a (n*w)", "da dx"),
    "augment": ("x (n*r, h, w, c)  y (n*r, h, w, c)", ""),
    "reshape": ("x any [n*w]  y any [n*w]", "dy dx"),
    "real": ("x int [n*w]  like unread  y [n*w]", ""),
    "concat": ("x1 any (n, *r, w1)  x2 any (n, *r, w2)  y any (n, *r, w)", "dy dx1? dx2?"),
    "sum": ("x (n*w)  y [1]", "dy dx"),
    "mean": ("x (n*w)  y [1]", "dy dx"),
    "sum_to": ("x (n*w)  y (*q)", ""),
    "conv": ("x (n, *i, c)  W (m, *size, c)  b? (m)  z (n, *o, m)", "dz dx? dW? db?"),
    "max_pool": ("x (n, *i, c)  y (n, *o, c)", "dy dx"),
    "avg_pool": ("x (n, *i, c)  y (n, *o, c)", "dy dx"),
    "global_average": ("x (n, time, *rest, c)  lengths? int (n)  y (n, c)", "dy dx"),
    "global_max": ("x (n, time, *rest, c)  lengths? int (n)  y (n, c)", "dy dx"),
    "masked": ("x (n, time, *w)  lengths int (n)  y (n, time, *w)", "dy dx"),
    "shortened": ("lengths int (n)  l int (n)", ""),
    "rnn": ("u (n, time, k)  W (k, k)  b? (k)  h0? (n, k)  lengths? int (n)  y (n, time, k)  h (n, k)",
            "dy? dh? du dW? db? dh0?"),
    "lstm": ("u (n, time, 4k)  W (4k, k)  b? (4k)  h0? (n, k)  c0? (n, k)  lengths? int (n)  y (n, time, k)  h (n, k)"
             "  c (n, k)  gates (n, time, 4k)  cells (n, time, k)", "dy? dh? dc? du dW? db? dh0? dc0?"),
    "gru": ("u (n, time, 3k)  W (3k, k)  b? (3k)  h0? (n, k)  lengths? int (n)  y (n, time, k)  h (n, k)"
            "  gates (n, time, 3k)  v (n, time, k)", "dy? dh? du dW? db? dh0?"),
}


def sizes(op: str, backward: bool, operands: dict[str, Value | None], dtype: np.dtype) -> dict[str, int] | None:
    """The sizes in the operands' shapes by their letters, in a program of that precision; None where one does not fit.

    operands: of the instruction, by the rule's names (None: not there). Each must be in the table.
    """
    row, found = _row(op, backward), _Found(dtype)
    for name, v in operands.items():
        wanted = row.get(name)
        if v is None:
            if wanted is not None and not wanted.optional:
                return None
        elif wanted is None or not wanted.takes(v, found):
            return None
    return found.sizes


class _Found:
    """What the operands so far have said."""

    def __init__(self, dtype: np.dtype) -> None:
        self.dtype = dtype
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
        if self.type in ("int", "index"):
            return v.dtype == np.int32 and (self.type == "int" or v.role in ("input", "target"))
        return True

    def _shape(self, v: Value, found: _Found) -> bool:
        if bool(v.rows) != bool(self.batch) or (self.batch == "n" and v.rows != 1):
            return False
        if not self.alike:
            return self._each(self.parts, (v.width,), found)
        shape = (v.rows, *v.shape) if self.batch == "n*" else v.shape
        star, after = self.star, len(self.parts) - self.star - 1
        if star < 0:
            return len(shape) == len(self.parts) and self._each(self.parts, shape, found)
        if len(shape) < star + after:
            return False
        letter, end = self.parts[star][1], len(shape) - after
        if not found.along(letter, self.batch + letter, shape[star:end]):
            return False
        return self._each(self.parts[:star], shape, found) and self._each(self.parts[star + 1 :], shape[end:], found)

    def _each(self, parts: tuple[tuple[int, str], ...], shape: tuple[int, ...], found: _Found) -> bool:
        for (times, letter), size in zip(parts, shape, strict=False):
            if size != times if not letter else not found.size(letter, size, times):
                return False
        return True


ENTRY = re.compile(r"(\w+)(\??)(?: (int|index|any|unread))?(?: ([(\[])(.*?)[)\]])?(?:  |$)")


@cache
def _row(op: str, backward: bool) -> dict[str, _Operand]:
    """An operation's operands by name; backward its gradients, values and shapes."""
    text, gradients = TAKES[op]
    forward = {}
    for name, optional, type_, bracket, inside in ENTRY.findall(text):
        forward[name] = _operand(bool(optional), type_ or "real", bracket == "(", inside)
    if not backward:
        return forward
    shapes = {f"{name}_shape": _with(operand, type="shape") for name, operand in forward.items()}
    written = {g.rstrip("?"): _with(forward[g.rstrip("?")[1:]], optional=g.endswith("?")) for g in gradients.split()}
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
