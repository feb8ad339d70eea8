"""Sums of products: a layer of neurons and the lookup that an embedding is."""

# ruff: noqa: F821
from __future__ import annotations

from ....program import Instruction, Value
from .product import APART, CROWDED, DEEP, WIDEST
from .takes import Takes


def linear(n, r, x, W, b, z, work, k, m):
    _times_turned(n * r, m, k, x, W, b, z, work)


def linear_back(n, r, dz, x, W, dx, dW, db, work, k, m):
    _neurons_back(n, r, 0, m, dz, x, dW, db, work, k, m)
    if given(dx):
        _times(n * r, k, m, dz, m, 1, W, k, dx, k, work)


def linear_weights(n, r, lo, hi, dz, x, dW, db, work, k, m):
    """The gradients of neurons lo..hi over the whole batch: how threads share a layer's weights."""
    _neurons_back(n, r, lo, hi, dz, x, dW, db, work, k, m)


def _neurons_back(n, r, lo, hi, dz, x, dW, db, work, k, m):
    if given(dW):
        _times(hi - lo, k, n * r, at(dz, lo), 1, m, x, k, at(dW, lo * k), k, work)
    if given(db):
        _sum_rows(n * r, hi - lo, at(dz, lo), m, at(db, lo), work)


def embedding(n, r, i, W, h, k):
    for a in range(n * r):
        for j in range(k):
            h[a * k + j] = W[i[a] * k + j]


def embedding_back(n, r, dh, i, dW, k, entries):
    for j in range(entries * k):
        dW[j] = F(0)
    for a in range(n * r):
        for j in range(k):
            dW[i[a] * k + j] += dh[a * k + j]


# ---- what kernels take; more numbers for them, from sizes and settings (None: not this case) -----------


def _linear(s: dict[str, int], v: dict[str, Value], i: Instruction) -> dict:
    r, k, m = s["r"], s["k"], s["m"]
    room = max((k + WIDEST) * WIDEST, DEEP * WIDEST)
    if k % CROWDED == 0 or m % CROWDED == 0:
        return {"work": (room + (m + APART) * DEEP, r * (DEEP + APART))}
    return {"work": (room, 0)}


TAKES = {"linear": Takes("dz dx? dW? db?", numbers=_linear), "embedding": Takes("dh dW")}
