"""Normalisation of rows and of columns."""

# ruff: noqa: F821
from __future__ import annotations

from ....program import Instruction, Rows, Value
from .helpers import apart
from .takes import Takes


def layer_norm(n, q, x, gamma, beta, y, u, r, k, eps):
    for i in range(n * q):
        total, squares = 0.0, 0.0
        for j in range(i * k, i * k + k):
            total += np.float64(x[j])
        mean = F(total / k)
        for j in range(i * k, i * k + k):
            squares += np.float64((x[j] - mean) * (x[j] - mean))
        scale = F(1) / xp.sqrt(F(squares / k) + eps)
        r[i] = scale
        for j in range(k):
            v = (x[i * k + j] - mean) * scale
            u[i * k + j] = v
            y[i * k + j] = gamma[j] * v + beta[j]


def layer_norm_back(n, q, dy, u, r, gamma, dx, dgamma, dbeta, work, k):
    sums, products = doubles(work), at(doubles(work), k)
    for j in range(2 * k):
        sums[j] = 0.0
    for i in range(n * q):
        _add_double(at(dy, i * k), sums, k)
        _add_products(at(u, i * k), at(dy, i * k), products, k)
    for j in range(k):
        if given(dgamma):
            dgamma[j] = F(products[j])
        if given(dbeta):
            dbeta[j] = F(sums[j])
    if given(dx):
        for i in range(n * q):
            total, along = 0.0, 0.0
            for j in range(k):
                d = dy[i * k + j] * gamma[j]
                total += np.float64(d)
                along += np.float64(d * u[i * k + j])
            a, b = F(total / k), F(along / k)
            for j in range(k):
                dx[i * k + j] = r[i] * (dy[i * k + j] * gamma[j] - a - u[i * k + j] * b)


@apart
def _add_products(u, dy, sums, k):
    for j in range(k):
        sums[j] += np.float64(dy[j] * u[j])


def batch_stats(n, q, x, mean, var, work, k):
    sums, squares = doubles(work), at(doubles(work), k)
    for j in range(2 * k):
        sums[j] = 0.0
    for i in range(n * q):
        _add_double(at(x, i * k), sums, k)
    for j in range(k):
        mean[j] = F(sums[j] / (n * q))
    for i in range(n * q):
        _add_squares(at(x, i * k), mean, squares, k)
    for j in range(k):
        var[j] = F(squares[j] / (n * q))


@apart
def _add_squares(x, mean, sums, k):
    for j in range(k):
        sums[j] += np.float64((x[j] - mean[j]) * (x[j] - mean[j]))


def batch_stats_back(n, q, dmean, dvar, x, mean, dx, k):
    for i in range(n * q):
        for j in range(k):
            dx[i * k + j] = (dmean[j] + F(2) * dvar[j] * (x[i * k + j] - mean[j])) / F(n * q)


def step_stats(n, x, lengths, mean, var, unbiased, work, time, k):
    sums, squares = doubles(work), at(doubles(work), k)
    for j in range(2 * k):
        sums[j] = 0.0
    m = 0
    for i in range(n):
        steps = min(time, lengths[i])
        m += steps
        for p in range(steps):
            _add_double(at(x, (i * time + p) * k), sums, k)
    m = max(m, 1)
    for j in range(k):
        mean[j] = F(sums[j] / m)
    for i in range(n):
        for p in range(min(time, lengths[i])):
            _add_squares(at(x, (i * time + p) * k), mean, squares, k)
    for j in range(k):
        var[j] = F(squares[j] / m)
        unbiased[j] = F(squares[j] / max(m - 1, 1))


def step_stats_back(n, dmean, dvar, x, lengths, mean, dx, time, k):
    m = 0
    for i in range(n):
        m += min(time, lengths[i])
    count = F(max(m, 1))
    for i in range(n):
        for p in range(time):
            for j in range(k):
                at_j = (i * time + p) * k + j
                slope = (dmean[j] + F(2) * dvar[j] * (x[at_j] - mean[j])) / count
                dx[at_j] = select(p < lengths[i], slope, F(0))


def batch_norm(n, q, x, mean, var, gamma, beta, y, k, eps):
    for i in range(n * q):
        for j in range(k):
            y[i * k + j] = (x[i * k + j] - mean[j]) * (gamma[j] / xp.sqrt(var[j] + eps)) + beta[j]


def batch_norm_back(n, q, dy, x, mean, var, gamma, dx, dmean, dvar, dgamma, dbeta, work, k, eps):
    sums, products = doubles(work), at(doubles(work), k)
    for j in range(2 * k):
        sums[j] = 0.0
    for i in range(n * q):
        _add_double(at(dy, i * k), sums, k)
        _add_products_of_centred(at(x, i * k), mean, at(dy, i * k), products, k)
    for j in range(k):
        b, g = F(sums[j]), F(products[j])
        r = F(1) / xp.sqrt(var[j] + eps)
        if given(dgamma):
            dgamma[j] = g * r
        if given(dbeta):
            dbeta[j] = b
        if given(dmean):
            dmean[j] = -gamma[j] * r * b
        if given(dvar):
            dvar[j] = F(-0.5) * gamma[j] * r * r * (g * r)
    if given(dx):
        for i in range(n * q):
            for j in range(k):
                dx[i * k + j] = dy[i * k + j] * (gamma[j] / xp.sqrt(var[j] + eps))


@apart
def _add_products_of_centred(x, mean, dy, sums, k):
    for j in range(k):
        sums[j] += np.float64((x[j] - mean[j]) * dy[j])


def running_average(total, old, new, running, k, per_sample, momentum):
    share = momentum
    if per_sample:
        share = momentum * F(total * per_sample) / F(total * per_sample - 1)
    for j in range(k):
        running[j] = (F(1) - momentum) * old[j] + share * new[j]


# ---- what kernels take; more numbers for them, from sizes and settings (None: not this case) -----------


def _columns(s: dict[str, int], v: dict[str, Value], i: Instruction) -> dict:
    return {"work": (4 * s["k"], 0)}


def _running(s: dict[str, int], v: dict[str, Value], i: Instruction) -> dict | None:
    rows = i.attributes["rows"]
    if rows is not None and not isinstance(rows, Rows):  # rows of no batch: a number
        return None
    return {"per_sample": 0 if rows is None else rows.per_sample}


TAKES = {
    "layer_norm": Takes("dy dx? dgamma? dbeta?", numbers=_columns),
    "batch_stats": Takes("dmean dvar dx", numbers=_columns),
    "step_stats": Takes("dmean dvar dx", numbers=_columns),
    "batch_norm": Takes("dy dx? dmean? dvar? dgamma? dbeta?", numbers=_columns),
    "running_average": Takes(numbers=_running),
}
