"""Sums of products: a layer of neurons and the lookup that an embedding is."""

# ruff: noqa: F821
from __future__ import annotations

from ...program import Instruction, Value


def linear(n, r, x, W, b, z, k, m):
    gemm(0, 1, n * r, m, k, x, k, W, k, 0, z, m)
    if given(b):
        for i in range(n * r):
            for j in range(m):
                z[i * m + j] += b[j]


def linear_back(n, r, dz, x, W, dx, dW, db, k, m):
    if given(dW):
        gemm(1, 0, m, k, n * r, dz, m, x, k, 0, dW, k)
    if given(db):
        for j in range(m):
            db[j] = F(0)
        for i in range(n * r):
            for j in range(m):
                db[j] += dz[i * m + j]
    if given(dx):
        gemm(0, 0, n * r, k, m, dz, m, W, k, 0, dx, k)


def linear_weights(n, r, lo, hi, dz, x, dW, db, k, m):
    """The gradients of neurons lo..hi over the whole batch: how threads share a layer's weights."""
    if given(dW) and hi > lo:
        gemm(1, 0, hi - lo, k, n * r, at(dz, lo), m, x, k, 0, at(dW, lo * k), k)
    if given(db):
        for j in range(lo, hi):
            db[j] = F(0)
        for i in range(n * r):
            for j in range(lo, hi):
                db[j] += dz[i * m + j]


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


# ---- sizes, from the shapes of the operands; None: this case runs by its rule ----------------------------------------


def _linear(v: dict[str, Value], i: Instruction) -> dict | None:
    (m, k), x, b = v["W"].shape, v["x"], v.get("b")
    fits = x.rows and k and x.shape[-1:] == (k,) and (b is None or b.shape == (m,))
    return {"m": m, "k": k, "r": x.width // k} if fits else None


def _embedding(v: dict[str, Value], i: Instruction) -> dict | None:
    entries, k = v["W_shape" if i.backward else "W"].shape
    # numbers that come straight from the data are checked when it is fed; others go to the rule, which checks
    return {"k": k, "entries": entries, "r": v["i"].width} if v["i"].rows and v["i"].role == "input" else None


SIZES = {"linear": _linear, "embedding": _embedding}
