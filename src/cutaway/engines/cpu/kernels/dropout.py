"""Dropout: the same counted bits as its rule, drawn again in backward instead of kept."""

# ruff: noqa: F821
from __future__ import annotations

from ....autodiff import Runtime
from ....program import Instruction, Value
from .takes import Takes


def dropout(n, first, t, seed, x, a, w, p_bits, scale, call):
    cut = np.uint32(p_bits)
    for j in range(n * w):
        kept = random_bits(np.uint32(first * w + j), np.uint32(seed), np.uint32(t), np.uint32(call)) >= cut
        a[j] = select(kept, x[j] * scale, F(0))


def dropout_back(n, first, t, seed, da, dx, w, p_bits, scale, call):
    cut = np.uint32(p_bits)
    for j in range(n * w):
        kept = random_bits(np.uint32(first * w + j), np.uint32(seed), np.uint32(t), np.uint32(call)) >= cut
        dx[j] = select(kept, da[j] * scale, F(0))


# ---- what kernels take; more numbers for them, from sizes and settings (None: this case runs by its rule) -----------


def _dropout(s: dict[str, int], v: dict[str, Value], i: Instruction) -> dict | None:
    p, own = i.attributes["p"], [type(i.attributes[name]) for name in ("seed", "step")]
    return {"p_bits": int(p * 2**32), "scale": float(1 / (1 - p))} if own == [Runtime] * 2 else None


TAKES = {"dropout": Takes("da dx", numbers=_dropout)}
