"""Matrix products of factors rounded to bf16 (bfloat.py): packed in words of two along k. K is their number, half of k.

The kernels of layers whose instruction says `rounded`; named like those of float32, with _bf16 behind.
"""

# ruff: noqa: F821
from __future__ import annotations

from ....program import Instruction, Value
from .product import DEEP, WIDEST
from .takes import Takes


def product_pairs(m, n, k, A, ar, ac, outer, ao, B, br, bp, bo, S, sr, start, C, cr):
    """What `product` does (product.py), of words: C (m, n) = S + A (m, k) B (k, n)."""
    for i in range(0 if k else m):
        for j in range(n):
            C[i * cr + j] = S[i * sr + j] if start else F(0)
    for j in range(0, n - n % 32 if k else 0, 32):
        tile_pairs(m, 32, k, A, ar, ac, outer, ao, at(B, j // 32 * bp), br, bo, at(S, j), sr, start, at(C, j), cr)
    if n % 32 and k:
        last = n - n % 32
        tile_pairs(m, n % 32, k, A, ar, ac, outer, ao, at(B, last // 32 * bp), br, bo, at(S, last), sr, start,
                   at(C, last), cr)


def pair_rows(m, k, A, ar, P, pr):
    """A (m, k), whose rows lie side by side, in words: P (m, K), its rows pr apart."""
    for i in range(m):
        a, p = at(A, i * ar), at(P, i * pr)
        for j in range(0, k - 31, 32):
            pair_along(at(a, j), at(p, j // 2))
        if k % 32:
            pair_along(at(a, k // 32 * 32), at(p, k // 32 * 16), k % 32)


def pair_columns(k, n, B, br, P, pr, pp):
    """B (k, n) in words of two rows: K rows, pr apart, of each panel of 32 columns; the panels lie pp apart."""
    for j in range(0, n, 16):
        p, count = at(P, j // 32 * pp + j % 32), min(n - j, 16)
        for i in range(0, k, 2):
            row = at(B, i * br + j)
            if count == 16 and i + 1 < k:
                pair_across(row, at(row, br), at(p, i // 2 * pr))
            else:
                pair_across(row, at(row, br), at(p, i // 2 * pr), count, count if i + 1 < k else 0)


def pair_turned(k, n, W, wr, P, pp):
    """The panels of Wᵀ in words, W (n, k), pp apart. P needs room for 16 more rows."""
    for j in range(0, n, 16):
        for i in range(0, k, 32):
            w, p = at(W, j * wr + i), at(P, j // 32 * pp + j % 32 + i // 2 * 32)
            if j + 16 <= n and i + 32 <= k:
                turn_pairs(w, wr, p, 32)
            else:
                turn_pairs(w, wr, p, 32, n - j, k - i)


# ---- layers of neurons -----------------------------------------------------------------------------------------------


def linear_bf16(n, r, x, W, b, z, work, k, m, kw):
    """z (n, m) = x Wᵀ + b, a panel of W's rows at a time."""
    K, panel = (k + 1) // 2, work
    X = at(panel, (K + 16) * 32)
    pair_rows(n * r, k, x, k, X, kw)
    for j in range(0, m, 32):
        width = min(32, m - j)
        pair_turned(k, width, at(W, j * k), k, panel, 0)
        product_pairs(n * r, width, K, X, kw, 1, 1, 0, panel, 32, 0, 0, at(b, j), 0, given(b), at(z, j), m)


def linear_bf16_back(n, r, dz, x, W, dx, dW, db, work, k, m, mw):
    _neurons_back_bf16(n, r, 0, m, dz, x, dW, db, work, k, m, mw)
    if given(dx):
        K, panel = (m + 1) // 2, work
        D = at(panel, K * 32)
        pair_rows(n * r, m, dz, m, D, mw)
        for j in range(0, k, 32):
            width = min(32, k - j)
            pair_columns(m, width, at(W, j), k, panel, 32, 0)
            product_pairs(n * r, width, K, D, mw, 1, 1, 0, panel, 32, 0, 0, at(dx, j), 0, 0, at(dx, j), k)


def linear_bf16_weights(n, r, lo, hi, dz, x, dW, db, work, k, m, mw):
    _neurons_back_bf16(n, r, lo, hi, dz, x, dW, db, work, k, m, mw)


def _neurons_back_bf16(n, r, lo, hi, dz, x, dW, db, work, k, m, mw):
    """The gradients of neurons lo..hi: dW = dzᵀ x, DEEP rows of the batch at a time."""
    panel, D = work, at(work, DEEP // 2 * 32)
    for i in range(0, max(n * r, 1) if given(dW) else 0, DEEP):
        deep = min(DEEP, n * r - i)
        pair_columns(deep, hi - lo, at(dz, i * m + lo), m, D, 2 * mw, 32)
        for j in range(0, k, 32):
            width, c = min(32, k - j), at(dW, lo * k + j)
            pair_columns(deep, width, at(x, i * k + j), k, panel, 32, 0)
            product_pairs(hi - lo, width, (deep + 1) // 2, D, 1, 2 * mw, 1, 0, panel, 32, 0, 0, c, k, i, c, k)
    if given(db):
        _sum_rows(n * r, hi - lo, at(dz, lo), m, at(db, lo), work)


# ---- what kernels take, as in the files of the others ----------------------------------------------------------------


def words_apart(k: int) -> int:
    """The distance in words of rows of k numbers, so that they do not crowd each other out of the cache."""
    words = -(-k // 32) * 16
    return words + 16 * (words % 128 == 0)


def _linear(s: dict[str, int], v: dict[str, Value], i: Instruction) -> dict:
    r, k, m = s["r"], s["k"], s["m"]
    kw, mw = words_apart(k), words_apart(m)
    if not i.backward:
        return {"kw": kw, "work": (((k + 1) // 2 + 16) * WIDEST, r * kw)}
    weights = DEEP // 2 * (WIDEST + 2 * mw)
    return {"mw": mw, "work": (max(weights, (m + 1) // 2 * WIDEST), r * mw)}


ROUNDED = {"linear": Takes("dz dx? dW? db?", numbers=_linear)}
