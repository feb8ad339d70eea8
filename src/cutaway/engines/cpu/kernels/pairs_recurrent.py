"""Recurrent scans of factors rounded to bf16: those of recurrent.py, with these helpers in place of theirs (pairs.py).

X is room for words of what changes from step to step: the state, its gradient, or some rows' gates.
"""

# ruff: noqa: F821
from __future__ import annotations

from ....program import Instruction, Value
from . import recurrent
from .pairs import words_apart
from .product import DEEP
from .takes import Takes


def _pack_turned_bf16(k, m, W, P):
    pair_turned(k, m, W, k, P, (k + 1) // 2 * 32)


def _pack_plain_bf16(m, k, W, P):
    pair_columns(m, k, W, k, P, 32, (m + 1) // 2 * 32)


def _times_packed_bf16(n, m, k, A, ar, P, S, sr, start, C, cr, X):
    K, apart = (k + 1) // 2, (k + 31) // 32 * 16
    if apart % 128 == 0:
        apart += 16
    pair_rows(n, k, A, ar, X, apart)
    product_pairs(n, m, K, X, apart, 1, 1, 0, P, 32, K * 32, 0, S, sr, start, C, cr)


def _state_weights_bf16(n, time, k, m, du, width, y, h0, lengths, dW, db, reverse, P, X):
    now = 0 if reverse else 1
    before = 1 - now
    K, apart = time // 2, (m + 31) // 32 * 32
    if given(dW) and n == 0:
        _zero(dW, m * k)
    some = max(1, DEEP // time)
    for first in range(0, n if given(dW) else 0, some):
        count = min(some, n - first)
        d, states = at(du, (first * time + now) * width), at(y, (first * time + before) * k)
        for i in range(count):
            pair_columns(time - 1, m, at(d, i * time * width), width, at(X, i * K * apart), apart, 32)
        for j in range(0, k, 32):
            columns, c = min(32, k - j), at(dW, j)
            for i in range(count):
                pair_columns(time - 1, columns, at(states, i * time * k + j), k, at(P, i * K * 32), 32, 0)
            product_pairs(m, columns, K, X, 1, apart, count, K * apart, P, 32, 0, K * 32, c, k, first, c, k)
    if given(dW) and given(h0):
        for r in range(n):
            start = _last(r, lengths, time) if reverse else 0
            pair_columns(1, m, at(du, (r * time + start) * width), 0, X, 0, 32)
            pair_columns(1, k, at(h0, r * k), 0, P, 0, 32)
            product_pairs(m, k, 1, X, 1, 0, 1, 0, P, 0, 32, 0, dW, k, 1, dW, k)
    if given(db):
        _sum_rows(n * time, m, du, width, db, P)


# ---- what kernels take, as in the files of the others ----------------------------------------------------------------


def _scan(op: str, gates: int) -> Takes:
    """What the scan of float32 takes, with room for words behind its own."""
    own = recurrent.TAKES[op]

    def numbers(s: dict[str, int], v: dict[str, Value], i: Instruction) -> dict | None:
        found = own.numbers(s, v, i)
        if found is None:
            return None
        k, time, (fixed, row) = s["k"], s["time"], found["work"]
        states = words_apart(gates * k if i.backward else k)
        weights = max(DEEP, time) // 2 * (gates * k + 32) if i.backward else 0
        return found | {"work": (fixed + weights, row + states)}

    return Takes(own.gradients, own.shapes, numbers)


ROUNDED = {op: _scan(op, gates) for op, gates in (("rnn", 1), ("lstm", 4), ("gru", 3))}
