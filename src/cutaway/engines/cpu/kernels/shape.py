"""Moving and adding up values."""

# ruff: noqa: F821
from __future__ import annotations

from ....program import Instruction, Value
from .takes import Takes


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


def concat(n, r, x1, x2, y, w1, w2):
    for i in range(n * r):
        for j in range(w1):
            y[i * (w1 + w2) + j] = x1[i * w1 + j]
        for j in range(w2):
            y[i * (w1 + w2) + w1 + j] = x2[i * w2 + j]


def concat_back(n, r, dy, dx1, dx2, w1, w2):
    for i in range(n * r):
        if given(dx1):
            for j in range(w1):
                dx1[i * w1 + j] = dy[i * (w1 + w2) + j]
        if given(dx2):
            for j in range(w2):
                dx2[i * w2 + j] = dy[i * (w1 + w2) + w1 + j]


def sum_to(n, x, y, w, q):
    """The rows of x, q wide, added up."""
    for j in range(q):
        y[j] = F(0)
    for i in range(n * w // q):
        for j in range(q):
            y[j] += x[i * q + j]


# ---- what kernels take; more numbers for them, from sizes and settings (None: this case runs by its rule) -----------


def _over_everything(s: dict[str, int], v: dict[str, Value], i: Instruction) -> dict | None:
    return {} if i.attributes["axis"] is None else None


def _side_by_side(s: dict[str, int], v: dict[str, Value], i: Instruction) -> dict | None:
    last = len(v["dy" if i.backward else "y"].shape)
    two = "w1" in s and "w2" in s
    return {} if i.attributes["axis"] in (-1, last) and two and s["w"] == s["w1"] + s["w2"] else None


def _sum_to(s: dict[str, int], v: dict[str, Value], i: Instruction) -> dict | None:
    x, y = v["x"].shape, v["y"].shape
    leading = s["q"] == 1 or (y[-1:] == x[-1:] and s["q"] in (x[-1], s["w"]))  # the sums go over leading axes alone
    return {} if leading else None


TAKES = {
    "reshape": Takes("dy dx"),
    "real": Takes(shapes="x int [n*w]  like unread  y [n*w]"),
    "concat": Takes("dy dx1? dx2?", "x1 any (n, *r, w1)  x2 any (n, *r, w2)  y any (n, *r, w)", _side_by_side),
    "sum": Takes("dy dx", "x (n*w)  y [1]", _over_everything),
    "mean": Takes("dy dx", "x (n*w)  y [1]", _over_everything),
    "sum_to": Takes("", "x (n*w)  y (*q)", _sum_to),
}
