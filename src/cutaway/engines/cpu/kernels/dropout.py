"""Dropout: the same counted bits as its rule, drawn again in backward instead of kept."""

# ruff: noqa: F821
from __future__ import annotations

from ....autodiff import Runtime
from ....program import Instruction, Value
from .takes import Takes


def dropout(n, first, t, seed, x, a, w, p_bits, scale, call):
    _drop(n, first, t, seed, x, a, w, p_bits, scale, call)


def dropout_back(n, first, t, seed, da, dx, w, p_bits, scale, call):
    _drop(n, first, t, seed, da, dx, w, p_bits, scale, call)


def falling_dropout(n, first, t, seed, x, p, a, w, s, every, call):
    now = p[min((int(t) - 1) // every, s - 1)]
    _drop(n, first, t, seed, x, a, w, int(now * F(4294967296)), F(1) / (F(1) - now), call)


def falling_dropout_back(n, first, t, seed, da, p, dx, w, s, every, call):
    now = p[min((int(t) - 1) // every, s - 1)]
    _drop(n, first, t, seed, da, dx, w, int(now * F(4294967296)), F(1) / (F(1) - now), call)


def _drop(n, first, t, seed, x, a, w, p_bits, scale, call):
    if same(x, a):  # known to be one array, LLVM works on vectors; of two that overlap it would take number by number
        _drop_from(n, first, t, seed, a, a, w, p_bits, scale, call)
    else:
        _drop_from(n, first, t, seed, x, a, w, p_bits, scale, call)


def _drop_from(n, first, t, seed, x, a, w, p_bits, scale, call):
    cut = np.uint32(p_bits)
    for j in range(n * w):
        kept = random_bits(np.uint32(first * w + j), np.uint32(seed), np.uint32(t), np.uint32(call)) >= cut
        a[j] = select(kept, x[j] * scale, F(0))


# ---- what kernels take; more numbers for them, from sizes and settings (None: not this case) -----------


def _dropout(s: dict[str, int], v: dict[str, Value], i: Instruction) -> dict:
    p = i.attributes["p"]
    return {"p_bits": int(p * 2**32), "scale": float(1 / (1 - p))} | fixed_chance(i)


def _falling(s: dict[str, int], v: dict[str, Value], i: Instruction) -> dict:
    return fixed_chance(i)


def fixed_chance(i: Instruction) -> dict[str, int]:
    """The seed and the step where they are numbers that an instruction says, and not the running program's."""
    said = {"seed": i.attributes["seed"], "t": i.attributes["step"]}
    return {name: x % 2**32 for name, x in said.items() if not isinstance(x, Runtime)}


TAKES = {"dropout": Takes("da dx", numbers=_dropout), "falling_dropout": Takes("da dx", numbers=_falling)}
