"""Sums and means of everything."""

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


# ---- what kernels take; more numbers for them, from sizes and settings (None: this case runs by its rule) -----------


def _over_everything(s: dict[str, int], v: dict[str, Value], i: Instruction) -> dict | None:
    return {} if i.attributes["axis"] is None else None


TAKES = {
    "sum": Takes("dy dx", "x (n*w)  y [1]", _over_everything),
    "mean": Takes("dy dx", "x (n*w)  y [1]", _over_everything),
}
