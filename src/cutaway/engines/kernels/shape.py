"""Moving and adding up values."""

# ruff: noqa: F821
from __future__ import annotations

from ...program import Instruction, Value


def sum(n, x, y, w):
    total = 0.0
    for i in range(n * w):
        total += np.float64(x[i])
    y[0] = F(total)


def sum_back(n, dy, dx, w):
    for i in range(n * w):
        dx[i] = dy[0]


def mean(n, x, y, w):
    total = 0.0
    for i in range(n * w):
        total += np.float64(x[i])
    y[0] = F(total / (n * w))


def mean_back(n, total, dy, dx, w):
    for i in range(n * w):
        dx[i] = dy[0] / F(total * w)


def real(n, x, y, w):
    for j in range(n * w):
        y[j] = F(x[j])


def reshape(n, x, y, w):
    for j in range(n * w):
        y[j] = x[j]


def reshape_back(n, dy, dx, w):
    for j in range(n * w):
        dx[j] = dy[j]


def concat2(n, r, x0, x1, y, w0, w1):
    for i in range(n * r):
        for j in range(w0):
            y[i * (w0 + w1) + j] = x0[i * w0 + j]
        for j in range(w1):
            y[i * (w0 + w1) + w0 + j] = x1[i * w1 + j]


def concat2_back(n, r, dy, dx0, dx1, w0, w1):
    for i in range(n * r):
        if given(dx0):
            for j in range(w0):
                dx0[i * w0 + j] = dy[i * (w0 + w1) + j]
        if given(dx1):
            for j in range(w1):
                dx1[i * w1 + j] = dy[i * (w0 + w1) + w0 + j]


def sum_to(n, x, y, w, q):
    """The rows of x, q wide, added up."""
    for j in range(q):
        y[j] = F(0)
    for i in range(n * w // q):
        for j in range(q):
            y[j] += x[i * q + j]


# ---- sizes, from the shapes of the operands; None: this case runs by its rule ----------------------------------------


def _mean(v: dict[str, Value], i: Instruction) -> dict | None:
    x = v.get("x") or v["dx"] if not i.backward else v["dx"]
    return {"w": x.width} if i.attributes["axis"] is None and x.rows else None


def _reshape(v: dict[str, Value], i: Instruction) -> dict | None:
    x = v["dy"] if i.backward else v["x"]
    return {"w": x.width} if x.rows else None


def _sum_to(v: dict[str, Value], i: Instruction) -> dict | None:
    x, y = v["x"], v["y"]
    kept = y.width == 1 or (y.shape[-1] == x.shape[-1] and y.width in (x.shape[-1], x.width))  # trailing axes
    return {"w": x.width, "q": y.width} if x.rows and not y.rows and kept else None


SIZES = {"mean": _mean, "sum": _mean, "reshape": _reshape, "real": _reshape, "sum_to": _sum_to}
