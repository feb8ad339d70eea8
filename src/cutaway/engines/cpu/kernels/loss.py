"""Losses: one number for each sample, and their weighted mean. Sums in double, however many outputs or samples."""

# ruff: noqa: F821
from __future__ import annotations

from .helpers import apart
from .takes import Takes


def mse(n, z, y, l, m):
    for i in range(n):
        total = 0.0
        for j in range(m):
            d = z[i * m + j] - y[i * m + j]
            total += np.float64(d * d)
        l[i] = F(total / m)


def mse_back(n, dl, z, y, dz, m):
    scale = F(2) / F(m)
    for i in range(n):
        for j in range(m):
            dz[i * m + j] = dl[i] * scale * (z[i * m + j] - y[i * m + j])


def half_mse(n, z, y, l, m):
    for i in range(n):
        total = 0.0
        for j in range(m):
            d = z[i * m + j] - y[i * m + j]
            total += np.float64(F(0.5) * d * d)
        l[i] = F(total / m)


def half_mse_back(n, dl, z, y, dz, m):
    for i in range(n):
        for j in range(m):
            dz[i * m + j] = dl[i] / F(m) * (z[i * m + j] - y[i * m + j])


def mae(n, z, y, l, m):
    for i in range(n):
        total = 0.0
        for j in range(m):
            total += np.float64(xp.abs(z[i * m + j] - y[i * m + j]))
        l[i] = F(total / m)


def mae_back(n, dl, z, y, dz, m):
    for i in range(n):
        for j in range(m):
            dz[i * m + j] = dl[i] / F(m) * xp.sign(z[i * m + j] - y[i * m + j])


def huber(n, z, y, l, m, delta):
    for i in range(n):
        total = 0.0
        for j in range(m):
            d = xp.abs(z[i * m + j] - y[i * m + j])
            near = xp.minimum(d, delta)
            total += np.float64(near * (d - F(0.5) * near))
        l[i] = F(total / m)


def huber_back(n, dl, z, y, dz, m, delta):
    for i in range(n):
        for j in range(m):
            dz[i * m + j] = dl[i] / F(m) * xp.maximum(xp.minimum(z[i * m + j] - y[i * m + j], delta), -delta)


def pinball(n, q, y, t, l, m):
    for i in range(n):
        total = 0.0
        for j in range(m):
            d = y[i] - q[i * m + j]
            total += np.float64(xp.maximum(t[j] * d, (t[j] - F(1)) * d))
        l[i] = F(total / m)


def pinball_back(n, dl, q, y, t, dq, dt, m):
    if given(dq):
        for i in range(n):
            for j in range(m):
                dq[i * m + j] = dl[i] / F(m) * ((F(0.5) - t[j]) - F(0.5) * xp.sign(y[i] - q[i * m + j]))
    if given(dt):
        for j in range(m):
            total = 0.0
            for i in range(n):
                total += np.float64(dl[i] / F(m) * (y[i] - q[i * m + j]))
            dt[j] = F(total)


def rising(n, r, z, q, m, middle):
    for i in range(n * r):
        first = i * m
        q[first + middle] = z[first + middle]
        total = F(0)
        for j in range(first + middle + 1, first + m):
            total += xp.maximum(z[j], F(0)) + xp.log1p(xp.exp(-xp.abs(z[j])))
            q[j] = z[first + middle] + total
        total = F(0)
        for j in range(first + middle - 1, first - 1, -1):
            total += xp.maximum(z[j], F(0)) + xp.log1p(xp.exp(-xp.abs(z[j])))
            q[j] = z[first + middle] - total


def rising_back(n, r, dq, z, dz, m, middle):
    for i in range(n * r):
        first, whole, total = i * m, F(0), F(0)
        for j in range(first, first + m):
            whole += dq[j]
        for j in range(first, first + middle):
            e = xp.exp(-xp.abs(z[j]))
            total += dq[j]
            dz[j] = -(select(z[j] >= F(0), F(1), e) / (F(1) + e)) * total
        total = F(0)
        for j in range(first + m - 1, first + middle, -1):
            e = xp.exp(-xp.abs(z[j]))
            total += dq[j]
            dz[j] = select(z[j] >= F(0), F(1), e) / (F(1) + e) * total
        dz[first + middle] = whole


def poisson(n, z, y, l, m):
    for i in range(n):
        total = 0.0
        for j in range(i * m, i * m + m):
            d = z[j] - xp.log(select(y[j] > F(0), y[j], F(1)))
            apart = xp.exp(z[j]) - y[j] * select(y[j] == F(0), F(0), z[j]) - y[j]
            total += np.float64(select(y[j] > F(0), y[j] * (xp.expm1(d) - d), apart))
        l[i] = F(total / m)


def poisson_back(n, dl, z, y, dz, m):
    for i in range(n):
        for j in range(i * m, i * m + m):
            dz[j] = dl[i] / F(m) * (xp.exp(z[j]) - y[j])


def binary_cross_entropy(n, z, y, l, p, m):
    for i in range(n):
        total = 0.0
        for j in range(i * m, i * m + m):
            e = xp.exp(-xp.abs(z[j]))
            left = select(y[j] == select(z[j] > F(0), F(1), F(0)), F(0), z[j])
            total += np.float64(xp.maximum(left, F(0)) - select(y[j] == F(0), F(0), left) * y[j] + xp.log1p(e))
            p[j] = select(z[j] >= F(0), F(1), e) / (F(1) + e)
        l[i] = F(total / m)


def binary_cross_entropy_back(n, dl, p, y, dz, m):
    for i in range(n):
        for j in range(i * m, i * m + m):
            dz[j] = dl[i] / F(m) * (p[j] - y[j])


def log_softmax(n, r, z, q, m):
    for a in range(n * r):
        _log_softmax(at(z, a * m), at(q, a * m), m)


@apart
def _log_softmax(z, q, m):
    top, total = z[0], 0.0
    for j in range(m):
        top = xp.maximum(z[j], top)
    for j in range(m):
        q[j] = xp.exp(z[j] - top)
    for j in range(m):
        total += np.float64(q[j])
    log = xp.log(F(total))
    for j in range(m):
        q[j] = z[j] - top - log


def log_softmax_back(n, r, dq, q, dz, m):
    for a in range(n * r):
        total = 0.0
        for j in range(a * m, a * m + m):
            total += np.float64(dq[j])
        for j in range(a * m, a * m + m):
            dz[j] = dq[j] - xp.exp(q[j]) * F(total)


def cross_entropy(n, z, y, l, p, m):
    for i in range(n):
        top = z[i * m]
        for j in range(i * m, i * m + m):
            top = xp.maximum(z[j], top)
        l[i] = top - z[i * m + y[i]]
        for j in range(i * m, i * m + m):
            p[j] = z[j] - top
    for j in range(n * m):                      # all rows in one loop: with ten classes a row is too short to vectorise
        p[j] = xp.exp(p[j])
    for i in range(n):
        total = 0.0
        for j in range(i * m, i * m + m):
            total += np.float64(p[j])
        l[i] += F(xp.log(total))
        scale = F(1 / total)
        for j in range(i * m, i * m + m):
            p[j] *= scale


def cross_entropy_back(n, dl, p, y, dz, m):
    for i in range(n):
        for j in range(i * m, i * m + m):
            dz[j] = dl[i] * p[j]
        dz[i * m + y[i]] -= dl[i]


def soft_cross_entropy(n, z, y, l, p, m):
    for i in range(n):
        top = z[i * m]
        for j in range(i * m, i * m + m):
            top = xp.maximum(z[j], top)
        total = 0.0
        for j in range(i * m, i * m + m):
            p[j] = xp.exp(z[j] - top)
            total += np.float64(p[j])
        loss, log_total, scale = 0.0, F(xp.log(total)), F(1 / total)
        for j in range(i * m, i * m + m):
            loss += select(y[j] == F(0), 0.0, np.float64(y[j] * (log_total - (z[j] - top))))
            p[j] *= scale
        l[i] = F(loss)


def soft_cross_entropy_back(n, dl, p, y, dz, m):
    for i in range(n):
        mass = F(0)
        for j in range(i * m, i * m + m):
            mass += y[j]
        for j in range(i * m, i * m + m):
            dz[j] = dl[i] * (p[j] * mass - y[j])


def weighted_mean(n, l, w, J):
    total = 0.0
    for i in range(n):
        total += np.float64(w[i] * l[i])
    J[0] = F(total / n)


def weighted_mean_back(n, total, dJ, w, dl):
    for i in range(n):
        dl[i] = dJ[0] * w[i] / F(total)


def penalty(W, P, k, strength):
    total = 0.0
    for j in range(k):
        total += np.float64(W[j] * W[j])
    P[0] = F(0.5) * strength * F(total)


def penalty_back(dP, W, dW, k, strength):
    for j in range(k):
        dW[j] = dP[0] * strength * W[j]


def penalized_mean(n, l, w, P, J):
    total, mass = np.float64(P[0]), 0.0
    for i in range(n):
        weight = F(1)
        if given(w):
            weight = w[i]
        total += np.float64(weight * l[i])
        mass += np.float64(weight)
    J[0] = F(total / mass)


def penalized_mean_back(n, dJ, w, dl, dP):
    mass = np.float64(n)
    if given(w):
        mass = 0.0
        for i in range(n):
            mass += np.float64(w[i])
    scale = F(np.float64(dJ[0]) / mass)
    for i in range(n):
        dl[i] = scale
        if given(w):
            dl[i] = scale * w[i]
    if given(dP):
        dP[0] = scale


TAKES = {
    "weighted_mean": Takes("dJ dl"), "penalty": Takes("dP dW"), "penalized_mean": Takes("dJ dl dP?"),
} | dict.fromkeys(("mse", "half_mse", "mae", "huber", "poisson", "binary_cross_entropy", "cross_entropy",
                   "soft_cross_entropy"), Takes("dl dz")) | {"pinball": Takes("dl dq? dt?"), "rising": Takes("dq dz"),
                                          "log_softmax": Takes("dq dz")}
