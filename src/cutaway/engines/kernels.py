"""Hand-written CPU kernels of the heavy operations, each checked against its rule by the tests.

A kernel names what it wants, in any order: the operands as its rule calls them (pointers, rows first; `given(b)` is
false for one that is not there), settings, sizes (SIZES below), and the step state: n rows of this shard, the number
`first` of the first one in the batch of `total`, t, seed. It never allocates and never raises. The language is in
language.py.
"""

# ruff: noqa: F821
from __future__ import annotations

from ..autodiff import Runtime
from ..program import Instruction, Value

# ---- sums of products ------------------------------------------------------------------------------------------------


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


# ---- losses --------------------------------------------------------------------------------------------------------


def mse(n, z, y, l, m):
    for i in range(n):
        total = F(0)
        for j in range(m):
            d = z[i * m + j] - y[i * m + j]
            total += d * d
        l[i] = total / F(m)


def mse_back(n, dl, z, y, dz, m):
    scale = F(2) / F(m)
    for i in range(n):
        for j in range(m):
            dz[i * m + j] = dl[i] * scale * (z[i * m + j] - y[i * m + j])


def half_mse(n, z, y, l, m):
    for i in range(n):
        total = F(0)
        for j in range(m):
            d = z[i * m + j] - y[i * m + j]
            total += F(0.5) * d * d
        l[i] = total / F(m)


def half_mse_back(n, dl, z, y, dz, m):
    for i in range(n):
        for j in range(m):
            dz[i * m + j] = dl[i] / F(m) * (z[i * m + j] - y[i * m + j])


def mae(n, z, y, l, m):
    for i in range(n):
        total = F(0)
        for j in range(m):
            total += xp.abs(z[i * m + j] - y[i * m + j])
        l[i] = total / F(m)


def mae_back(n, dl, z, y, dz, m):
    for i in range(n):
        for j in range(m):
            dz[i * m + j] = dl[i] / F(m) * xp.sign(z[i * m + j] - y[i * m + j])


def huber(n, z, y, l, m, delta):
    for i in range(n):
        total = F(0)
        for j in range(m):
            d = xp.abs(z[i * m + j] - y[i * m + j])
            total += select(d < delta, F(0.5) * d * d, delta * (d - F(0.5) * delta))
        l[i] = total / F(m)


def huber_back(n, dl, z, y, dz, m, delta):
    for i in range(n):
        for j in range(m):
            dz[i * m + j] = dl[i] / F(m) * xp.maximum(xp.minimum(z[i * m + j] - y[i * m + j], delta), -delta)


def binary_cross_entropy(n, z, y, l, p, m):
    for i in range(n):
        total = F(0)
        for j in range(i * m, i * m + m):
            e = xp.exp(-xp.abs(z[j]))
            total += xp.maximum(z[j], F(0)) - z[j] * y[j] + xp.log1p(e)
            p[j] = select(z[j] >= F(0), F(1), e) / (F(1) + e)
        l[i] = total / F(m)


def binary_cross_entropy_back(n, dl, p, y, dz, m):
    for i in range(n):
        for j in range(i * m, i * m + m):
            dz[j] = dl[i] / F(m) * (p[j] - y[j])


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
        total = F(0)
        for j in range(i * m, i * m + m):
            total += p[j]
        l[i] += xp.log(total)
        scale = F(1) / total
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
        total = F(0)
        for j in range(i * m, i * m + m):
            p[j] = xp.exp(z[j] - top)
            total += p[j]
        loss, log_total = F(0), xp.log(total)
        for j in range(i * m, i * m + m):
            loss += y[j] * (log_total - (z[j] - top))
            p[j] = p[j] / total
        l[i] = loss


def soft_cross_entropy_back(n, dl, p, y, dz, m):
    for i in range(n):
        mass = F(0)
        for j in range(i * m, i * m + m):
            mass += y[j]
        for j in range(i * m, i * m + m):
            dz[j] = dl[i] * (p[j] * mass - y[j])


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


def weighted_mean(n, l, w, J):
    total = 0.0
    for i in range(n):
        total += np.float64(w[i] * l[i])
    J[0] = F(total / n)


def weighted_mean_back(n, total, dJ, w, dl):
    for i in range(n):
        dl[i] = dJ[0] * w[i] / F(total)


# ---- normalisation, dropout ----------------------------------------------------------------------------------------


def layer_norm(n, q, x, gamma, beta, y, u, r, k, eps):
    for i in range(n * q):
        mean, var = F(0), F(0)
        for j in range(i * k, i * k + k):
            mean += x[j]
        mean = mean / F(k)
        for j in range(i * k, i * k + k):
            var += (x[j] - mean) * (x[j] - mean)
        scale = F(1) / xp.sqrt(var / F(k) + eps)
        r[i] = scale
        for j in range(k):
            v = (x[i * k + j] - mean) * scale
            u[i * k + j] = v
            y[i * k + j] = gamma[j] * v + beta[j]


def layer_norm_back(n, q, dy, u, r, gamma, dx, dgamma, dbeta, k):
    if given(dgamma):
        for j in range(k):
            dgamma[j] = F(0)
        for i in range(n * q):
            for j in range(k):
                dgamma[j] += dy[i * k + j] * u[i * k + j]
    if given(dbeta):
        for j in range(k):
            dbeta[j] = F(0)
        for i in range(n * q):
            for j in range(k):
                dbeta[j] += dy[i * k + j]
    if given(dx):
        for i in range(n * q):
            a, b = F(0), F(0)
            for j in range(k):
                d = dy[i * k + j] * gamma[j]
                a += d
                b += d * u[i * k + j]
            a, b = a / F(k), b / F(k)
            for j in range(k):
                dx[i * k + j] = r[i] * (dy[i * k + j] * gamma[j] - a - u[i * k + j] * b)


def batch_stats(n, q, x, mean, var, k):
    for j in range(k):
        mean[j] = F(0)
        var[j] = F(0)
    for i in range(n * q):
        for j in range(k):
            mean[j] += x[i * k + j]
    for j in range(k):
        mean[j] = mean[j] / F(n * q)
    for i in range(n * q):
        for j in range(k):
            var[j] += (x[i * k + j] - mean[j]) * (x[i * k + j] - mean[j])
    for j in range(k):
        var[j] = var[j] / F(n * q)


def batch_stats_back(n, q, dmean, dvar, x, mean, dx, k):
    for i in range(n * q):
        for j in range(k):
            dx[i * k + j] = (dmean[j] + F(2) * dvar[j] * (x[i * k + j] - mean[j])) / F(n * q)


def batch_norm(n, q, x, mean, var, gamma, beta, y, k, eps):
    for i in range(n * q):
        for j in range(k):
            y[i * k + j] = (x[i * k + j] - mean[j]) * (gamma[j] / xp.sqrt(var[j] + eps)) + beta[j]


def batch_norm_back(n, q, dy, x, mean, var, gamma, dx, dmean, dvar, dgamma, dbeta, k, eps):
    for j in range(k):
        b, g = F(0), F(0)
        for i in range(n * q):
            b += dy[i * k + j]
            g += (x[i * k + j] - mean[j]) * dy[i * k + j]
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


def running_average(total, old, new, running, k, per_sample, momentum):
    share = momentum
    if per_sample:
        share = momentum * F(total * per_sample) / F(total * per_sample - 1)
    for j in range(k):
        running[j] = (F(1) - momentum) * old[j] + share * new[j]


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


# ---- moving values -------------------------------------------------------------------------------------------------


def real(n, x, y, w):
    for j in range(n * w):
        y[j] = F(x[j])


def reshape(n, x, y, w):
    for j in range(n * w):
        y[j] = x[j]


def reshape_back(n, dy, dx, w):
    for j in range(n * w):
        dx[j] = dy[j]


def concat2(n, x0, x1, y, w0, w1):
    for i in range(n):
        for j in range(w0):
            y[i * (w0 + w1) + j] = x0[i * w0 + j]
        for j in range(w1):
            y[i * (w0 + w1) + w0 + j] = x1[i * w1 + j]


def concat2_back(n, dy, dx0, dx1, w0, w1):
    for i in range(n):
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


# ---- the sizes that kernels ask for, from the shapes of their operands; None: this case runs by its rule -----------


def _linear(v: dict[str, Value], i: Instruction) -> dict | None:
    (m, k), x, b = v["W"].shape, v["x"], v.get("b")
    fits = x.rows and k and x.shape[-1:] == (k,) and (b is None or b.shape == (m,))
    return {"m": m, "k": k, "r": x.width // k} if fits else None


def _embedding(v: dict[str, Value], i: Instruction) -> dict | None:
    entries, k = (v.get("W") or v["W_shape"]).shape
    # numbers that come straight from the data are checked when it is fed; others go to the rule, which checks
    return {"k": k, "entries": entries, "r": v["i"].width} if v["i"].rows and v["i"].role == "input" else None


def _loss(v: dict[str, Value], i: Instruction) -> dict | None:
    z = v.get("z") or v["p"]
    return {"m": z.width} if z.rows == 1 and all(x.rows for x in v.values() if x is not None) else None


def _mean(v: dict[str, Value], i: Instruction) -> dict | None:
    x = v.get("x") or v["dx"] if not i.backward else v["dx"]
    return {"w": x.width} if i.attributes["axis"] is None and x.rows else None


def _columns(name: str):
    def sizes(v: dict[str, Value], i: Instruction) -> dict | None:
        x = v[name]
        k = x.shape[-1] if x.shape else 0
        columns = [v[c] for c in ("gamma", "beta", "mean", "var") if v.get(c) is not None]
        fits = x.rows and k and all(c.shape == (k,) for c in columns)
        return {"k": k, "q": x.width // k} if fits else None

    return sizes


def _running(v: dict[str, Value], i: Instruction) -> dict | None:
    rows = i.attributes["rows"]
    return {"k": v["old"].width, "per_sample": 0 if rows is None else rows.per_sample}


def _dropout(v: dict[str, Value], i: Instruction) -> dict | None:
    x = v.get("x") or v["da"]
    p, own = i.attributes["p"], [type(i.attributes[name]) for name in ("seed", "step")]
    return {"w": x.width, "p_bits": int(p * 2**32), "scale": 1 / (1 - p)} if x.rows and own == [Runtime] * 2 else None


def _reshape(v: dict[str, Value], i: Instruction) -> dict | None:
    x = v["dy"] if i.backward else v["x"]
    return {"w": x.width} if x.rows else None


def _sum_to(v: dict[str, Value], i: Instruction) -> dict | None:
    x, y = v["x"], v["y"]
    kept = y.width == 1 or (y.shape[-1] == x.shape[-1] and y.width in (x.shape[-1], x.width))  # trailing axes
    return {"w": x.width, "q": y.width} if x.rows and not y.rows and kept else None


def _embedding(v: dict[str, Value], i: Instruction) -> dict | None:
    entries, k = v["W_shape" if i.backward else "W"].shape
    # numbers that come straight from the data are checked when it is fed; others go to the rule, which checks
    return {"k": k, "entries": entries, "r": v["i"].width} if v["i"].rows and v["i"].role == "input" else None


SIZES = {
    "linear": _linear, "mse": _loss, "half_mse": _loss, "mae": _loss, "huber": _loss, "binary_cross_entropy": _loss,
    "cross_entropy": _loss, "soft_cross_entropy": _loss, "mean": _mean, "sum": _mean,
    "weighted_mean": lambda v, i: {}, "layer_norm": lambda v, i: _columns("dy" if i.backward else "x")(v, i),
    "batch_stats": _columns("x"), "batch_norm": _columns("x"), "running_average": _running, "dropout": _dropout,
    "reshape": _reshape, "real": _reshape, "sum_to": _sum_to,
    "embedding": _embedding,
}  # fmt: skip
