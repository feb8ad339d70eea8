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


def apart(helper):
    """Marks a helper whose pointers' memory never overlaps, so that its loop vectorises however many there are.

    It may be called from one place of a kernel only: the promise holds for all calls together.
    """
    return helper


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


# ---- convolution and pooling: sequences are images of one column -----------------------------------------------------


def conv(n, x, W, b, z, work, ih, iw, c, oh, ow, m, kh, taps, run, sh, sw, dh, dw, top, left, ph, pw, band):
    """Band by band of an image, its windows are laid out as rows (in cache), and one product does them all."""
    k = kh * taps * run
    Wt, image, P = work, at(work, k * m), at(work, k * m + ph * pw * c)
    _transpose(W, Wt, m, k)
    for i in range(n):
        _pad(at(x, i * ih * iw * c), image, ih, iw, c, top, left, ph, pw)
        for first in range(0, oh, band):
            rows = min(band, oh - first)
            _unfold(image, P, first, rows, ow, c, kh, taps, run, sh, sw, dh, dw, pw)
            out = at(z, (i * oh + first) * ow * m)
            if given(b):
                for j in range(rows * ow):
                    _copy(b, at(out, j * m), m)
                gemm(0, 0, rows * ow, m, k, P, k, Wt, m, 1, out, m)
            else:
                gemm(0, 0, rows * ow, m, k, P, k, Wt, m, 0, out, m)


def conv_back(n, dz, x, W, dx, dW, db, work, ih, iw, c, oh, ow, m, kh, taps, run, sh, sw, dh, dw, top, left, ph, pw,
              band):
    k = kh * taps * run
    image, dimage, P = work, at(work, ph * pw * c), at(work, 2 * ph * pw * c)
    if given(dW):
        _zero(dW, m * k)
    if given(db):
        _zero(db, m)
        for j in range(n * oh * ow):
            _add(at(dz, j * m), db, m)
    for i in range(n):
        if given(dW):
            _pad(at(x, i * ih * iw * c), image, ih, iw, c, top, left, ph, pw)
        if given(dx):
            _zero(dimage, ph * pw * c)
        for first in range(0, oh, band):
            rows = min(band, oh - first)
            d = at(dz, (i * oh + first) * ow * m)
            if given(dW):
                _unfold(image, P, first, rows, ow, c, kh, taps, run, sh, sw, dh, dw, pw)
                gemm(1, 0, m, k, rows * ow, d, m, P, k, 1, dW, k)
            if given(dx):
                gemm(0, 0, rows * ow, k, m, d, m, W, k, 0, P, k)
                _fold(P, dimage, first, rows, ow, c, kh, taps, run, sh, sw, dh, dw, pw)
        if given(dx):
            for row in range(ih):
                _copy(at(dimage, ((row + top) * pw + left) * c), at(dx, (i * ih + row) * iw * c), iw * c)


def _pad(x, image, ih, iw, c, top, left, ph, pw):
    _zero(image, top * pw * c)
    for row in range(ih):
        line = at(image, (row + top) * pw * c)
        _zero(line, left * c)
        _copy(at(x, row * iw * c), at(line, left * c), iw * c)
        _zero(at(line, (left + iw) * c), (pw - left - iw) * c)
    _zero(at(image, (top + ih) * pw * c), (ph - top - ih) * pw * c)


def _unfold(image, P, first, rows, ow, c, kh, taps, run, sh, sw, dh, dw, pw):
    """Each place's window as a row of P: kh · taps stretches of `run` numbers."""
    k = kh * taps * run
    for i in range(rows):
        for j in range(ow):
            for a in range(kh):
                for b in range(taps):
                    source = at(image, (((first + i) * sh + a * dh) * pw + j * sw + b * dw) * c)
                    target = at(P, (i * ow + j) * k + (a * taps + b) * run)
                    if run == 3:                            # grey images: a loop would cost more than its three copies
                        target[0], target[1], target[2] = source[0], source[1], source[2]
                    else:
                        _copy(source, target, run)


def _fold(P, image, first, rows, ow, c, kh, taps, run, sh, sw, dh, dw, pw):
    k = kh * taps * run
    for i in range(rows):
        for j in range(ow):
            for a in range(kh):
                for b in range(taps):
                    target = at(image, (((first + i) * sh + a * dh) * pw + j * sw + b * dw) * c)
                    _add(at(P, (i * ow + j) * k + (a * taps + b) * run), target, run)


def _copy(a, b, k):
    for j in range(k):
        b[j] = a[j]


def _add(a, b, k):
    for j in range(k):
        b[j] += a[j]


def _zero(a, k):
    for j in range(k):
        a[j] = F(0)


def _transpose(a, b, m, k):
    """(m, k) -> (k, m), in tiles that stay in cache. Small products with W are faster than those with its transpose."""
    for i0 in range(0, m, 16):
        for j0 in range(0, k, 16):
            for j in range(j0, min(j0 + 16, k)):
                for i in range(i0, min(i0 + 16, m)):
                    b[j * m + i] = a[i * k + j]


def max_pool(n, x, y, ih, iw, c, oh, ow, kh, kw, sh, sw, top, left, quarters):
    for i in range(n):
        for p in range(oh):
            for q in range(ow):
                out = at(y, ((i * oh + p) * ow + q) * c)
                if quarters:
                    corner = at(x, ((i * ih + 2 * p) * iw + 2 * q) * c)
                    _largest_of_four(corner, at(corner, iw * c), out, c)
                    continue
                for j in range(c):
                    out[j] = F(-np.inf)
                for row in range(max(0, p * sh - top), min(ih, p * sh - top + kh)):
                    for column in range(max(0, q * sw - left), min(iw, q * sw - left + kw)):
                        _largest(at(x, ((i * ih + row) * iw + column) * c), out, c)


def _largest(a, b, k):
    for j in range(k):
        b[j] = xp.maximum(b[j], a[j])


@apart
def _largest_of_four(x, below, y, k):
    for j in range(k):
        y[j] = xp.maximum(xp.maximum(xp.maximum(x[j], x[k + j]), below[j]), below[k + j])


def max_pool_back(n, dy, x, y, dx, work, ih, iw, c, oh, ow, kh, kw, sh, sw, top, left, quarters):
    if not quarters or ih % 2 or iw % 2:
        _zero(dx, n * ih * iw * c)
    for i in range(n):
        for p in range(oh):
            for q in range(ow):
                out = ((i * oh + p) * ow + q) * c
                if quarters:
                    corner = ((i * ih + 2 * p) * iw + 2 * q) * c
                    d, x_ = at(dx, corner), at(x, corner)
                    _to_winner_of_four(x_, at(x_, iw * c), at(y, out), at(dy, out), d, at(d, c), at(d, iw * c),
                                       at(d, iw * c + c), c)
                    continue
                _copy(at(dy, out), work, c)
                for row in range(max(0, p * sh - top), min(ih, p * sh - top + kh)):
                    for column in range(max(0, q * sw - left), min(iw, q * sw - left + kw)):
                        here = ((i * ih + row) * iw + column) * c
                        _to_winner(at(x, here), at(y, out), work, at(dx, here), c)


@apart
def _to_winner_of_four(x, below, y, dy, d0, d1, d2, d3, k):
    """The same where windows of two by two tile the image, the common case: every gradient is written once."""
    for j in range(k):
        g, top = dy[j], y[j]
        won = (x[j] == top) | (x[j] != x[j])
        d0[j] = select(won, g, F(0))
        g = select(won, F(0), g)
        won = (x[k + j] == top) | (x[k + j] != x[k + j])
        d1[j] = select(won, g, F(0))
        g = select(won, F(0), g)
        won = (below[j] == top) | (below[j] != below[j])
        d2[j] = select(won, g, F(0))
        d3[j] = select(won, F(0), g)


@apart
def _to_winner(x, y, rest, dx, k):
    """The gradient goes to the first of a window that equals its maximum; rest is what has not found its place yet."""
    for j in range(k):
        won = (x[j] == y[j]) | (x[j] != x[j])
        dx[j] += select(won, rest[j], F(0))
        rest[j] = select(won, F(0), rest[j])


def avg_pool(n, x, y, ih, iw, c, oh, ow, kh, kw, sh, sw, top, left):
    share = F(1) / F(kh * kw)
    for i in range(n):
        for p in range(oh):
            for q in range(ow):
                out = at(y, ((i * oh + p) * ow + q) * c)
                _zero(out, c)
                for row in range(max(0, p * sh - top), min(ih, p * sh - top + kh)):
                    for column in range(max(0, q * sw - left), min(iw, q * sw - left + kw)):
                        _add(at(x, ((i * ih + row) * iw + column) * c), out, c)
                for j in range(c):
                    out[j] *= share


def avg_pool_back(n, dy, dx, ih, iw, c, oh, ow, kh, kw, sh, sw, top, left):
    share = F(1) / F(kh * kw)
    _zero(dx, n * ih * iw * c)
    for i in range(n):
        for p in range(oh):
            for q in range(ow):
                out = ((i * oh + p) * ow + q) * c
                for row in range(max(0, p * sh - top), min(ih, p * sh - top + kh)):
                    for column in range(max(0, q * sw - left), min(iw, q * sw - left + kw)):
                        _add_share(at(dy, out), at(dx, ((i * ih + row) * iw + column) * c), share, c)


def _add_share(a, b, share, k):
    for j in range(k):
        b[j] += share * a[j]


def global_average(n, x, lengths, y, time, rest, c):
    """rest: places of each time step (1 for a sequence)."""
    for i in range(n):
        places = (min(time, lengths[i]) if given(lengths) else time) * rest
        _zero(at(y, i * c), c)
        for p in range(places):
            _add(at(x, (i * time * rest + p) * c), at(y, i * c), c)
        for j in range(i * c, i * c + c):
            y[j] = y[j] / F(places)


def global_average_back(n, dy, lengths, dx, time, rest, c):
    for i in range(n):
        places = (min(time, lengths[i]) if given(lengths) else time) * rest
        share = F(1) / F(places)
        for p in range(time * rest):
            for j in range(c):
                dx[(i * time * rest + p) * c + j] = select(p < places, dy[i * c + j] * share, F(0))


def global_max(n, x, lengths, y, time, rest, c):
    for i in range(n):
        _copy(at(x, i * time * rest * c), at(y, i * c), c)
        for p in range(1, (min(time, lengths[i]) if given(lengths) else time) * rest):
            _largest(at(x, (i * time * rest + p) * c), at(y, i * c), c)


def global_max_back(n, dy, x, y, lengths, dx, work, time, rest, c):
    _zero(dx, n * time * rest * c)
    for i in range(n):
        _copy(at(dy, i * c), work, c)
        for p in range((min(time, lengths[i]) if given(lengths) else time) * rest):
            here = (i * time * rest + p) * c
            _to_winner(at(x, here), at(y, i * c), work, at(dx, here), c)


def masked(n, x, lengths, y, time, w):
    for i in range(n):
        for j in range(time * w):
            y[i * time * w + j] = select(j < lengths[i] * w, x[i * time * w + j], F(0))


def masked_back(n, dy, lengths, dx, time, w):
    for i in range(n):
        for j in range(time * w):
            dx[i * time * w + j] = select(j < lengths[i] * w, dy[i * time * w + j], F(0))


def shortened(n, lengths, l, window, stride, padding, dilation):
    for i in range(n):
        l[i] = np.int32(max(1, (lengths[i] + (padding - dilation * (window - 1) - 1)) // stride + 1))


# ---- images changed by chance ----------------------------------------------------------------------------------------


def augment(n, first, t, seed, x, y, r, h, w, c, flip, flip_vertical, shift, rotate, crop, call):
    for k in range(n * r):
        ai, aj, a, bi, bj, b = inverse_map(np.uint32(first * r + k), h, w, flip, flip_vertical, shift, rotate, crop,
                                           np.uint32(seed), np.uint32(t), np.uint32(call))
        image = at(x, k * h * w * c)
        for i in range(h):
            _line_of_places(image, at(y, (k * h + i) * w * c), ai * i + a, aj, bi * i + b, bj, h, w, c)


def _line_of_places(image, out, row, step, column, stride, h, w, c):
    """One line of the changed image: a straight walk through the image as it was."""
    last_row, last_column = np.float64(h - 1), np.float64(w - 1)
    for j in range(w):
        p, q = min(max(step * j + row, 0.0), last_row), min(max(stride * j + column, 0.0), last_column)
        top, left = int(p), int(q)
        down, right = F(p - top), F(q - left)
        nw, beside, below = (top * w + left) * c, c * (left < w - 1), w * c * (top < h - 1)
        for s in range(nw, nw + c):
            upper = (F(1) - right) * image[s] + right * image[s + beside]
            lower = (F(1) - right) * image[s + below] + right * image[s + below + beside]
            out[j * c + s - nw] = (F(1) - down) * upper + down * lower


# ---- recurrent scans: the input's products for all steps came before; only the state's are inside -------------------


def rnn(n, u, W, b, h0, lengths, y, h, work, time, k, relu, reverse, wide):
    bias, z = work, at(work, k)
    Wt = at(z, k * n)
    if not wide:
        _transpose(W, Wt, k, k)
    _begin(b, bias, k)
    _begin(h0, h, n * k)
    for s in range(time):
        t = time - 1 - s if reverse else s
        if s or given(h0):
            _state_product(n, k, k, h, W, Wt, z, wide)
        else:
            _zero(z, n * k)
        for r in range(n):
            now = (r * time + t) * k
            if given(lengths) and t >= lengths[r]:
                _zero(at(y, now), k)
            else:
                _rnn_step(at(u, now), at(z, r * k), bias, at(h, r * k), at(y, now), k, relu)


def _state_product(n, k, m, h, W, Wt, z, wide):
    """z (n, m) = h Wᵀ. A wide W is faster from the left, z and h transposed (16 rows of 256: 81, not 46 GFLOP/s)."""
    if wide:
        turned, result = at(z, n * m), at(z, n * m + n * k)
        _transpose(h, turned, n, k)
        gemm(0, 0, m, n, k, W, k, turned, n, 0, result, n)
        _transpose(result, z, m, n)
    else:
        gemm(0, 0, n, m, k, h, k, Wt, m, 0, z, m)


def _begin(start, state, k):
    """A state's first values: those given, or zeros."""
    if given(start):
        _copy(start, state, k)
    else:
        _zero(state, k)


@apart
def _rnn_step(u, z, b, h, y, k, relu):
    for j in range(k):
        new = rnn_cell(u[j] + z[j] + b[j], relu != 0)
        h[j] = new
        y[j] = new


def rnn_back(n, dy, dh, y, W, h0, lengths, du, dW, db, dh0, work, time, k, relu, reverse, truncate):
    zeros, D, eh, product = work, at(work, k), at(work, k + n * k), at(work, k + 2 * n * k)
    _zero(D, n * k)
    _begin(dh, eh, n * k)
    _zero(zeros, k)
    if given(db):
        _zero(db, k)
    for s in range(time):
        t = s if reverse else time - 1 - s
        for r in range(n):
            now = (r * time + t) * k
            if given(lengths) and t >= lengths[r]:
                _zero(at(du, now), k)
            else:
                above = at(dy, now) if given(dy) else zeros
                _rnn_step_back(at(eh, r * k), above, at(y, now), at(du, now), at(D, r * k), k, relu)
                if given(db):
                    _add(at(D, r * k), db, k)
                if _cut(t, r, lengths, time, reverse, truncate):
                    _zero(at(D, r * k), k)
        if s < time - 1 or given(dh0):
            gemm(0, 0, n, k, k, D, k, W, k, 0, product, k)
            for r in range(n):
                if not (given(lengths) and t >= lengths[r]):
                    _copy(at(product, r * k), at(eh, r * k), k)
    if given(dW):
        _state_weights(n, time, k, k, du, k, y, D, h0, lengths, dW, reverse)
    if given(dh0):
        _copy(eh, dh0, n * k)


@apart
def _rnn_step_back(dh, dy, y, du, D, k, relu):
    for j in range(k):
        d = rnn_cell_back(dh[j] + dy[j], y[j], relu != 0)
        du[j] = d
        D[j] = d


def _cut(t, r, lengths, time, reverse, truncate):
    """Whether the gradient stops here: every `truncate` steps from the start of row r's own scan."""
    steps = t
    if reverse:
        steps = (lengths[r] if given(lengths) else time) - 1 - t
    return truncate > 0 and steps > 0 and steps % max(truncate, 1) == 0


def _state_weights(n, time, k, m, du, width, y, D, h0, lengths, dW, reverse):
    """dW (m, k), the first m of du's `width` columns times the states before: y, one step over, and h0 at the start.

    y's neighbour at a row's edge belongs to another sample: du is put to zero there, and back from D, which holds it.
    """
    edge = time - 1 if reverse else 0
    for r in range(n):
        _zero(at(du, (r * time + edge) * width), m)
    if reverse:
        gemm(1, 0, m, k, max(n * time - 1, 0), du, width, at(y, k), k, 0, dW, k)
    else:
        gemm(1, 0, m, k, max(n * time - 1, 0), at(du, width), width, y, k, 0, dW, k)
    if given(h0):
        gemm(1, 0, m, k, n, D, width, h0, k, 1, dW, k)
    for r in range(n):
        if not (reverse and given(lengths) and lengths[r] < time):
            _copy(at(D, r * width), at(du, (r * time + edge) * width), m)


def lstm(n, u, W, b, h0, c0, lengths, y, h, c, gates, cells, work, time, k, reverse, wide):
    bias, z = work, at(work, 4 * k)
    Wt = at(z, 4 * k * n)
    if not wide:
        _transpose(W, Wt, 4 * k, k)
    _begin(b, bias, 4 * k)
    _begin(h0, h, n * k)
    _begin(c0, c, n * k)
    for s in range(time):
        t = time - 1 - s if reverse else s
        if s or given(h0):
            _state_product(n, k, 4 * k, h, W, Wt, z, wide)
        else:
            _zero(z, 4 * n * k)
        for r in range(n):
            now = r * time + t
            g = at(gates, now * 4 * k)
            if given(lengths) and t >= lengths[r]:
                _zero(g, 4 * k)
                _zero(at(cells, now * k), k)
                _zero(at(y, now * k), k)
            else:
                _lstm_step(at(u, now * 4 * k), at(z, r * 4 * k), bias, g, at(g, k), at(g, 2 * k), at(g, 3 * k),
                           at(c, r * k), at(cells, now * k), at(h, r * k), at(y, now * k), k)


@apart
def _lstm_step(u, z, b, i, f, g, o, c, cells, h, y, k):
    for j in range(k):
        i_, f_, g_, o_, c_, h_ = lstm_cell(u[j] + z[j] + b[j], u[k + j] + z[k + j] + b[k + j],
                                           u[2 * k + j] + z[2 * k + j] + b[2 * k + j],
                                           u[3 * k + j] + z[3 * k + j] + b[3 * k + j], c[j])
        i[j] = i_
        f[j] = f_
        g[j] = g_
        o[j] = o_
        c[j] = c_
        cells[j] = c_
        h[j] = h_
        y[j] = h_


def lstm_back(n, dy, dh, dc, y, gates, cells, W, h0, c0, lengths, du, dW, db, dh0, dc0, work, time, k, reverse,
              truncate):
    zeros, D = work, at(work, k)
    eh, ec, product = at(D, 4 * n * k), at(D, 5 * n * k), at(D, 6 * n * k)
    _zero(zeros, k)
    _zero(D, 4 * n * k)
    _begin(dh, eh, n * k)
    _begin(dc, ec, n * k)
    if given(db):
        _zero(db, 4 * k)
    for s in range(time):
        t = s if reverse else time - 1 - s
        for r in range(n):
            now = r * time + t
            d, copy = at(du, now * 4 * k), at(D, r * 4 * k)
            if given(lengths) and t >= lengths[r]:
                _zero(d, 4 * k)
            else:
                above = at(dy, now * k) if given(dy) else zeros
                first = t == 0
                before = at(cells, (now - 1) * k)
                if reverse:
                    first = t == (lengths[r] if given(lengths) else time) - 1
                    before = at(cells, (now + 1) * k)
                if first:
                    before = at(c0, r * k) if given(c0) else zeros
                _lstm_step_back(at(eh, r * k), above, at(ec, r * k), at(gates, now * 4 * k), at(cells, now * k), before,
                                d, at(d, k), at(d, 2 * k), at(d, 3 * k),
                                copy, at(copy, k), at(copy, 2 * k), at(copy, 3 * k), k)
                if given(db):
                    _add(copy, db, 4 * k)
                if _cut(t, r, lengths, time, reverse, truncate):
                    _zero(copy, 4 * k)
                    _zero(at(ec, r * k), k)
        if s < time - 1 or given(dh0):
            gemm(0, 0, n, k, 4 * k, D, 4 * k, W, k, 0, product, k)
            for r in range(n):
                if not (given(lengths) and t >= lengths[r]):
                    _copy(at(product, r * k), at(eh, r * k), k)
    if given(dW):
        _state_weights(n, time, k, 4 * k, du, 4 * k, y, D, h0, lengths, dW, reverse)
    if given(dh0):
        _copy(eh, dh0, n * k)
    if given(dc0):
        _copy(ec, dc0, n * k)


@apart
def _lstm_step_back(dh, dy, dc, gates, c, before, di, df, dg, do, Di, Df, Dg, Do, k):
    for j in range(k):
        i_, f_, g_, o_, c_ = lstm_cell_back(dh[j] + dy[j], dc[j], gates[j], gates[k + j], gates[2 * k + j],
                                            gates[3 * k + j], c[j], before[j])
        di[j] = i_
        df[j] = f_
        dg[j] = g_
        do[j] = o_
        Di[j] = i_
        Df[j] = f_
        Dg[j] = g_
        Do[j] = o_
        dc[j] = c_


def gru(n, u, W, b, h0, lengths, y, h, gates, v, work, time, k, reverse, wide):
    bias, z = work, at(work, 3 * k)
    Wt = at(z, 3 * k * n)
    if not wide:
        _transpose(W, Wt, 3 * k, k)
    _begin(b, bias, 3 * k)
    _begin(h0, h, n * k)
    for s in range(time):
        t = time - 1 - s if reverse else s
        if s or given(h0):
            _state_product(n, k, 3 * k, h, W, Wt, z, wide)
        else:
            _zero(z, 3 * n * k)
        for r in range(n):
            now = r * time + t
            g = at(gates, now * 3 * k)
            if given(lengths) and t >= lengths[r]:
                _zero(g, 3 * k)
                _zero(at(v, now * k), k)
                _zero(at(y, now * k), k)
            else:
                _gru_step(at(u, now * 3 * k), at(z, r * 3 * k), bias, g, at(g, k), at(g, 2 * k), at(v, now * k),
                          at(h, r * k), at(y, now * k), k)


@apart
def _gru_step(u, w, b, r, z, n, v, h, y, k):
    for j in range(k):
        v_ = w[2 * k + j] + b[2 * k + j]
        r_, z_, n_, h_ = gru_cell(u[j], u[k + j], u[2 * k + j], w[j] + b[j], w[k + j] + b[k + j], v_, h[j])
        r[j] = r_
        z[j] = z_
        n[j] = n_
        v[j] = v_
        h[j] = h_
        y[j] = h_


def gru_back(n, dy, dh, y, gates, v, W, h0, lengths, du, dW, db, dh0, work, time, k, reverse, truncate):
    """D holds a step's gradients of W h + b, of which n's part is r times that in du; V keeps this part for later."""
    zeros, D = work, at(work, k)
    eh, product, V = at(D, 3 * n * k), at(D, 4 * n * k), at(D, 5 * n * k)
    _zero(zeros, k)
    _zero(D, 3 * n * k)
    _begin(dh, eh, n * k)
    if given(db):
        _zero(db, 3 * k)
    for s in range(time):
        t = s if reverse else time - 1 - s
        for r in range(n):
            now = r * time + t
            d, copy = at(du, now * 3 * k), at(D, r * 3 * k)
            if given(lengths) and t >= lengths[r]:
                _zero(d, 3 * k)
                _zero(at(V, now * k), k)
            else:
                above = at(dy, now * k) if given(dy) else zeros
                first = t == 0
                before = at(y, (now - 1) * k)
                if reverse:
                    first = t == (lengths[r] if given(lengths) else time) - 1
                    before = at(y, (now + 1) * k)
                if first:
                    before = at(h0, r * k) if given(h0) else zeros
                _gru_step_back(at(eh, r * k), above, at(gates, now * 3 * k), at(v, now * k), before, d, at(d, k),
                               at(d, 2 * k), copy, at(copy, k), at(copy, 2 * k), at(V, now * k), k)
                if given(db):
                    _add(copy, db, 3 * k)
                if _cut(t, r, lengths, time, reverse, truncate):
                    _zero(copy, 3 * k)
                    _zero(at(eh, r * k), k)
        if s < time - 1 or given(dh0):
            gemm(0, 0, n, k, 3 * k, D, 3 * k, W, k, 0, product, k)
            for r in range(n):
                if not (given(lengths) and t >= lengths[r]):
                    _add(at(product, r * k), at(eh, r * k), k)
    if given(dW):
        _state_weights(n, time, k, 2 * k, du, 3 * k, y, D, h0, lengths, dW, reverse)
        _candidate_weights(n, time, k, V, y, D, h0, lengths, at(dW, 2 * k * k), reverse)
    if given(dh0):
        _copy(eh, dh0, n * k)


def _candidate_weights(n, time, k, V, y, D, h0, lengths, dW, reverse):
    """The same as _state_weights for V, which nobody reads again; D's last k columns hold it at the start."""
    for r in range(n):
        _zero(at(V, (r * time + (time - 1 if reverse else 0)) * k), k)
    if reverse:
        gemm(1, 0, k, k, max(n * time - 1, 0), V, k, at(y, k), k, 0, dW, k)
    else:
        gemm(1, 0, k, k, max(n * time - 1, 0), at(V, k), k, y, k, 0, dW, k)
    if given(h0):
        gemm(1, 0, k, k, n, at(D, 2 * k), 3 * k, h0, k, 1, dW, k)


@apart
def _gru_step_back(dh, dy, gates, v, before, dr, dz, dn, Dr, Dz, Dv, V, k):
    for j in range(k):
        r_, z_, n_, v_, h_ = gru_cell_back(dh[j] + dy[j], gates[j], gates[k + j], gates[2 * k + j], v[j], before[j])
        dr[j] = r_
        dz[j] = z_
        dn[j] = n_
        Dr[j] = r_
        Dz[j] = z_
        Dv[j] = v_
        V[j] = v_
        dh[j] = h_


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


# ---- the sizes that kernels ask for, from the shapes of their operands; None: this case runs by its rule -----------


def _linear(v: dict[str, Value], i: Instruction) -> dict | None:
    (m, k), x, b = v["W"].shape, v["x"], v.get("b")
    fits = x.rows and k and x.shape[-1:] == (k,) and (b is None or b.shape == (m,))
    return {"m": m, "k": k, "r": x.width // k} if fits else None


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


def _augment(v: dict[str, Value], i: Instruction) -> dict | None:
    x, own = v["x"], [type(i.attributes[name]) for name in ("seed", "step")]
    h, w, c = x.shape if len(x.shape) == 3 else (0, 0, 0)
    return {"r": x.rows, "h": h, "w": w, "c": c} if x.rows and h * w * c and own == [Runtime] * 2 else None


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


WIDE = 192  # from this width of a state on, its products are done with the weights on the left
LARGEST_PATCHES = 2**17  # numbers: what of an image is unfolded at a time stays in the second-level cache


def _window(v: dict[str, Value], i: Instruction, x: str, y: str) -> dict[str, int] | None:
    """An image's sizes before and after a window has passed over it. A sequence is an image of one column."""
    a, b = v[x], v[y]
    if not (a.rows == b.rows == 1 and len(a.shape) in (2, 3)):
        return None
    ends = i.attributes["padding"]
    size, places, stride = a.shape[:-1], b.shape[:-1], i.attributes["stride"]
    if len(size) == 1:
        ends, size, places, stride = (*ends, (0, 0)), (*size, 1), (*places, 1), (*stride, 1)
    (top, bottom), (left, right) = ends
    return {
        "ih": size[0], "iw": size[1], "c": a.shape[-1], "oh": places[0], "ow": places[1], "sh": stride[0],
        "sw": stride[1], "top": top, "left": left, "ph": size[0] + top + bottom, "pw": size[1] + left + right,
    }  # fmt: skip


def _conv(v: dict[str, Value], i: Instruction) -> dict | None:
    out = "dz" if i.backward else "z"
    sizes, (m, *window, c) = _window(v, i, "x", out), v["W"].shape
    if sizes is None or i.attributes["groups"] != 1 or v["W"].rows or not sizes["ow"]:
        return None
    (kh, kw), (dh, dw) = (*window, 1)[:2], (*i.attributes["dilation"], 1)[:2]
    taps, run = (1, kw * c) if dw == 1 else (kw, c)  # without dilation a window's row is one stretch of memory
    k = kh * kw * c
    band = max(1, min(sizes["oh"], LARGEST_PATCHES // (sizes["ow"] * k)))
    image = sizes["ph"] * sizes["pw"] * c
    room = band * sizes["ow"] * k + (2 * image if i.backward else image + k * m)
    return sizes | {"m": m, "kh": kh, "taps": taps, "run": run, "dh": dh, "dw": dw, "band": band, "work": (room, 0)}


def _pool(v: dict[str, Value], i: Instruction) -> dict | None:
    x, y = ("dx", "dy") if i.backward else ("x", "y")
    sizes, (kh, kw) = _window(v, i, x, y), (*i.attributes["window"], 1)[:2]
    if sizes is None:
        return None
    steps = (kh, kw, sizes["sh"], sizes["sw"])
    unpadded = (sizes["ih"], sizes["iw"]) == (sizes["ph"], sizes["pw"])
    return sizes | {"kh": kh, "kw": kw, "quarters": int(steps == (2,) * 4 and unpadded), "work": (sizes["c"], 0)}


def _over_all(v: dict[str, Value], i: Instruction) -> dict | None:
    x = v["dx" if i.backward else "x"]
    if x.rows != 1 or len(x.shape) < 2:
        return None
    time, c = x.shape[0], x.shape[-1]
    return {"time": time, "c": c, "rest": x.width // (time * c), "work": (c, 0)}


def _masked(v: dict[str, Value], i: Instruction) -> dict | None:
    x = v["dx" if i.backward else "x"]
    return {"time": x.shape[0], "w": x.width // x.shape[0]} if x.rows == 1 and x.shape else None


def _scan(room: dict[str, tuple[int, int]]):
    """Sizes of a recurrent scan. room: how often its work has k², k, n k and n k time numbers, forward and back."""

    def sizes(v: dict[str, Value], i: Instruction) -> dict | None:
        y = v["y"]
        time, k = y.shape
        wanted = ("W", "du") if i.backward else ("W",)
        if y.rows != 1 or any(v[name] is None for name in wanted) or v["W"].rows:
            return None
        square, fixed, row, step = room["back" if i.backward else "forward"]
        wide = k >= WIDE
        if wide and not i.backward:
            square, row = 0, 2 * row + 1
        flags = {"wide": int(wide), "reverse": int(i.attributes["reverse"])}
        flags["truncate"] = i.attributes["truncate"] or 0
        if "relu" in i.attributes:
            flags["relu"] = int(i.attributes["relu"])
        return flags | {"time": time, "k": k, "work": (square * k * k + fixed * k, (row + step * time) * k)}

    return sizes


SIZES = {
    "conv": _conv, "max_pool": _pool, "avg_pool": _pool, "global_average": _over_all, "global_max": _over_all,
    "masked": _masked, "augment": _augment,
    "rnn": _scan({"forward": (1, 1, 1, 0), "back": (0, 1, 3, 0)}),
    "lstm": _scan({"forward": (4, 4, 4, 0), "back": (0, 1, 7, 0)}),
    "gru": _scan({"forward": (3, 3, 3, 0), "back": (0, 1, 5, 1)}),
    "linear": _linear, "mse": _loss, "half_mse": _loss, "mae": _loss, "huber": _loss, "binary_cross_entropy": _loss,
    "cross_entropy": _loss, "soft_cross_entropy": _loss, "mean": _mean, "sum": _mean,
    "weighted_mean": lambda v, i: {}, "layer_norm": lambda v, i: _columns("dy" if i.backward else "x")(v, i),
    "batch_stats": _columns("x"), "batch_norm": _columns("x"), "running_average": _running, "dropout": _dropout,
    "reshape": _reshape, "real": _reshape, "sum_to": _sum_to,
    "embedding": _embedding,
}  # fmt: skip
