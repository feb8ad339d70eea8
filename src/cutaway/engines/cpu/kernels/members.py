"""Members of one program: factors of their inputs, neurons of their own, their loss. Arrays are (n, e members, ...)."""

# ruff: noqa: F821
from __future__ import annotations

from ....program import Instruction, Value
from .helpers import apart
from .product import APART, CROWDED, DEEP, WIDEST
from .takes import Takes


def member_inputs(n, x, r, h, e, k):
    for i in range(n):
        for j in range(e):
            _multiply(at(x, i * k), at(r, j * k), at(h, (i * e + j) * k), k)


def member_inputs_back(n, dh, x, r, dx, dr, e, k):
    if given(dr):
        _zero(dr, e * k)
    for i in range(n):
        if given(dx):
            _zero(at(dx, i * k), k)
        for j in range(e):
            d = at(dh, (i * e + j) * k)
            if given(dx):
                _add_member_products(d, at(r, j * k), at(dx, i * k), k)
            if given(dr):
                _add_member_products(d, at(x, i * k), at(dr, j * k), k)


@apart
def _multiply(u, v, w, k):
    for j in range(k):
        w[j] = u[j] * v[j]


@apart
def _add_member_products(u, v, sums, k):
    for j in range(k):
        sums[j] += u[j] * v[j]


def member_linear(n, x, W, b, z, work, e, k, m):
    """A member's rows lie e k numbers apart, and its results e m: products take them as they lie. One output, though,
    would fill a sixteenth of a tile: its sums go along the row, as rows lie in memory."""
    if m == 1:
        for i in range(n):
            for j in range(e):
                z[i * e + j] = _dot(at(x, (i * e + j) * k), at(W, j * k), work, k)
        if given(b):
            for i in range(n):
                _add(b, at(z, i * e), e)
        return
    for j in range(e):
        _member_times(n, m, k, at(x, j * k), e * k, at(W, j * m * k), at(b, j * m), given(b), at(z, j * m), e * m, work)


def _member_times(n, m, k, x, xr, W, b, start, z, zr, P):
    if n == 1:
        times_one(m, k, W, k, x, b, start, z)
        return
    for a in range(0, m, PANEL):
        width = min(PANEL, m - a)
        pack_turned(k, width, at(W, a * k), k, P)
        product(n, width, k, x, xr, 1, 1, 0, P, PANEL, 0, 0, at(b, a), 0, start, at(z, a), zr)


@apart
def _dot(u, v, sums, k):
    """Σ u v in 16 sums side by side, then in pairs: an order that no other row changes."""
    for lane in range(16):
        sums[lane] = F(0)
    for start in range(0, k - k % 16, 16):
        for lane in range(16):
            sums[lane] += u[start + lane] * v[start + lane]
    for lane in range(k % 16):
        sums[lane] += u[k - k % 16 + lane] * v[k - k % 16 + lane]
    for lane in range(8):
        sums[lane] += sums[lane + 8]
    for lane in range(4):
        sums[lane] += sums[lane + 4]
    return (sums[0] + sums[2]) + (sums[1] + sums[3])


def member_linear_back(n, dz, x, W, dx, dW, db, work, e, k, m):
    if m == 1:
        _one_output_back(n, dz, x, W, dx, dW, e, k)
    else:
        for j in range(e):
            d = at(dz, j * m)
            if given(dW):
                _times(m, k, n, d, 1, e * m, at(x, j * k), e * k, at(dW, j * m * k), k, work)
            if given(dx):
                _times(n, k, m, d, e * m, 1, at(W, j * m * k), k, at(dx, j * k), e * k, work)
    if given(db):
        _sum_rows(n, e * m, dz, e * m, db, work)


def _one_output_back(n, dz, x, W, dx, dW, e, k):
    """Both gradients while a row is at hand."""
    if given(dW):
        _zero(dW, e * k)
    for i in range(n):
        for j in range(e):
            at_row = (i * e + j) * k
            if given(dW):
                _add_times(dz[i * e + j], at(x, at_row), at(dW, j * k), k)
            if given(dx):
                _scaled_row(dz[i * e + j], at(W, j * k), at(dx, at_row), k)


@apart
def _add_times(d, v, sums, k):
    for j in range(k):
        sums[j] += d * v[j]


@apart
def _scaled_row(d, v, w, k):
    for j in range(k):
        w[j] = d * v[j]


def _largest_member(z, e, m):
    """The largest of e numbers that lie m apart."""
    top = z[0]
    for j in range(e):
        top = xp.maximum(z[j * m], top)
    return top


def member_log_mean_exp(n, z, y, e, m):
    for i in range(n):
        for c in range(m):
            top, total = _largest_member(at(z, i * e * m + c), e, m), 0.0
            for j in range(e):
                total += np.float64(xp.exp(z[(i * e + j) * m + c] - top))
            y[i * m + c] = F(xp.log(total / e)) + top


def member_log_mean_exp_back(n, dy, z, dz, e, m):
    for i in range(n):
        for c in range(m):
            top, total = _largest_member(at(z, i * e * m + c), e, m), 0.0
            for j in range(e):
                share = xp.exp(z[(i * e + j) * m + c] - top)
                dz[(i * e + j) * m + c] = share
                total += np.float64(share)
            scale = dy[i * m + c] * F(1 / total)
            for j in range(e):
                dz[(i * e + j) * m + c] *= scale


def member_cross_entropy(n, z, y, l, p, e, m):
    for i in range(n * e):
        top = z[i * m]
        for j in range(i * m, i * m + m):
            top = xp.maximum(z[j], top)
        for j in range(i * m, i * m + m):
            p[j] = z[j] - top
    for i in range(n):
        picked = 0.0
        for j in range(i * e, i * e + e):
            picked += np.float64(p[j * m + y[i]])
        l[i] = F(-picked / e)
    for j in range(n * e * m):
        p[j] = xp.exp(p[j])
    for i in range(n):
        logs = 0.0
        for a in range(i * e, i * e + e):
            total = 0.0
            for j in range(a * m, a * m + m):
                total += np.float64(p[j])
            logs += xp.log(total)
            scale = F(1 / total)
            for j in range(a * m, a * m + m):
                p[j] *= scale
        l[i] += F(logs / e)


def member_cross_entropy_back(n, dl, p, y, dz, e, m):
    for i in range(n):
        share = dl[i] / F(e)
        for j in range(i * e * m, (i + 1) * e * m):
            dz[j] = share * p[j]
        for j in range(i * e, i * e + e):
            dz[j * m + y[i]] -= share


# ---- what kernels take; more numbers for them, from sizes and settings (None: not this case) -----------


def _linear(s: dict[str, int], v: dict[str, Value], i: Instruction) -> dict | None:
    e, k, m = s["e"], s["k"], s["m"]
    if s.get("all", e * m) != e * m:
        return None
    room = max((k + WIDEST) * WIDEST, DEEP * WIDEST)
    if e * m % CROWDED == 0:
        return {"work": (room + (m + APART) * DEEP, DEEP + APART)}
    return {"work": (room, 0)}


TAKES = {
    "member_inputs": Takes("dh dx? dr?"), "member_linear": Takes("dz dx? dW? db?", numbers=_linear),
    "member_log_mean_exp": Takes("dy dz"), "member_cross_entropy": Takes("dl dz"),
}
