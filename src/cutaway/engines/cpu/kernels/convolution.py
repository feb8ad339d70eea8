"""Convolution and pooling. A sequence is an image of one row."""

# ruff: noqa: F821
from __future__ import annotations

from typing import Any

import numpy as np

from ....program import Instruction, Value
from .helpers import apart
from .product import panels
from .takes import Takes


def conv(n, x, W, b, z, work, ih, iw, c, oh, ow, m, kh, taps, run, sh, sw, dh, dw, top, left, ph, pw, images):
    """A row of outputs is one product: windows are rows that overlap, so nothing is unfolded.

    Some images at a time, and for all of them PANEL filters at a time, which stay in cache.
    """
    k = kh * taps * run
    padded, P = work, at(work, images * ph * pw * c)
    pack_turned(k, m, W, k, P)
    for some in range(0, n, images):
        count = min(images, n - some)
        _pad(count, at(x, some * ih * iw * c), padded, ih, iw, c, top, left, ph, pw)
        for j in range(0, m, PANEL):
            for row in range(count * oh):
                i, p = row // oh, row % oh
                out = at(z, ((some + i) * oh + p) * ow * m + j)
                for t in range(taps):
                    product(ow, min(PANEL, m - j), run, at(padded, ((i * ph + p * sh) * pw + t * dw) * c), sw * c, 1,
                            kh, dh * pw * c, at(P, j * k + t * run * PANEL), PANEL, 0, taps * run * PANEL,
                            out if t else at(b, j), m if t else 0, 1 if t else given(b), out, m)


def conv_back(n, dz, x, W, dx, dW, db, work, ih, iw, c, oh, ow, m, kh, taps, run, sh, sw, dh, dw, top, left, ph, pw,
              images, zh, zw):
    if given(db):
        _sum_rows(n * oh * ow, m, dz, m, db, work)
    if given(dW):
        _filters_back(n, dz, x, dW, work, at(work, images * ph * pw * c), ih, iw, c, oh, ow, m, kh, taps, run, sh, sw,
                      dh, dw, top, left, ph, pw, images)
    if given(dx) and zh:
        _image_back(n, dz, W, dx, work, at(work, images * zh * zw * m), ih, iw, c, oh, ow, m, kh, run // c, top, left,
                    zh, zw, images)
    elif given(dx):
        _image_folded(n, dz, W, dx, work, at(work, ph * pw * c), ih, iw, c, oh, ow, m, kh, taps, run, sh, sw, dh, dw,
                      top, left, ph, pw)


def _filters_back(n, dz, x, dW, padded, T, ih, iw, c, oh, ow, m, kh, taps, run, sh, sw, dh, dw, top, left, ph, pw,
                  images):
    """T = dWᵀ in panels of filters: windows, a number of them a row, times dz."""
    k = kh * taps * run
    _zero(T, (m + PANEL - 1) // PANEL * PANEL * k)
    for some in range(0, n, images):
        count = min(images, n - some)
        _pad(count, at(x, some * ih * iw * c), padded, ih, iw, c, top, left, ph, pw)
        for j in range(0, m, PANEL):
            for i in range(count):
                d = at(dz, (some + i) * oh * ow * m + j)
                for a in range(kh * taps):
                    t = at(T, j * k + a * run * PANEL)
                    window = at(padded, ((i * ph + a // taps * dh) * pw + a % taps * dw) * c)
                    product(run, min(PANEL, m - j), ow, window, 1, sw * c, oh, sh * pw * c, d, m, 0, ow * m,
                            t, PANEL, 1, t, PANEL)
    for f in range(m):
        panel = at(T, f // PANEL * PANEL * k + f % PANEL)
        for a in range(k):
            dW[f * k + a] = panel[a * PANEL]


def _image_back(n, dz, W, dx, padded, P, ih, iw, c, oh, ow, m, kh, kw, top, left, zh, zw, images):
    """With a stride of one dx is a convolution too: of dz, padded, with the filters turned round."""
    k = kh * kw * m
    for j in range(0, c, PANEL):
        for a in range(kh * kw):
            pack(m, min(PANEL, c - j), at(W, (kh * kw - 1 - a) * c + j), kh * kw * c, at(P, j * k + a * m * PANEL))
    for some in range(0, n, images):
        count = min(images, n - some)
        _pad(count, at(dz, some * oh * ow * m), padded, oh, ow, m, kh - 1 - top, kw - 1 - left, zh, zw)
        for j in range(0, c, PANEL):
            for row in range(count * ih):
                out = at(dx, (some * ih + row) * iw * c + j)
                d = at(padded, (row // ih * zh + row % ih) * zw * m)
                product(iw, min(PANEL, c - j), kw * m, d, m, 1, kh, zw * m, at(P, j * k), PANEL, 0, kw * m * PANEL,
                        out, 0, 0, out, c)


def _image_folded(n, dz, W, dx, image, windows, ih, iw, c, oh, ow, m, kh, taps, run, sh, sw, dh, dw, top, left, ph, pw):
    """dz W are the gradients of the windows; each number of the image is in several of them."""
    k = kh * taps * run
    for i in range(n):
        _zero(image, ph * pw * c)
        for p in range(oh):
            for a in range(kh * taps):
                product(ow, run, m, at(dz, (i * oh + p) * ow * m), m, 1, 1, 0, at(W, a * run), k, PANEL, 0,
                        windows, 0, 0, windows, run)
                target = at(image, ((p * sh + a // taps * dh) * pw + a % taps * dw) * c)
                for q in range(ow):
                    _add(at(windows, q * run), at(target, q * sw * c), run)
        for row in range(ih):
            _copy(at(image, ((row + top) * pw + left) * c), at(dx, (i * ih + row) * iw * c), iw * c)


def _pad(n, x, padded, ih, iw, c, top, left, ph, pw):
    """Images (ih, iw, c) with zeros around them: (ph, pw, c)."""
    for i in range(n):
        image = at(padded, i * ph * pw * c)
        _zero(image, top * pw * c)
        for row in range(ih):
            line = at(image, (row + top) * pw * c)
            _zero(line, left * c)
            _copy(at(x, (i * ih + row) * iw * c), at(line, left * c), iw * c)
            _zero(at(line, (left + iw) * c), (pw - left - iw) * c)
        _zero(at(image, (top + ih) * pw * c), (ph - top - ih) * pw * c)


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


def global_average(n, x, lengths, y, work, time, rest, c):
    """rest: places of each time step (1 for a sequence)."""
    sums = doubles(work)
    for i in range(n):
        places = (min(time, lengths[i]) if given(lengths) else time) * rest
        for j in range(c):
            sums[j] = 0.0
        for p in range(places):
            _add_double(at(x, (i * time * rest + p) * c), sums, c)
        for j in range(c):
            y[i * c + j] = F(sums[j] / places)


def global_average_back(n, dy, lengths, dx, time, rest, c):
    for i in range(n):
        places = (min(time, lengths[i]) if given(lengths) else time) * rest
        share = F(1) / F(places)
        for p in range(time * rest):
            for j in range(c):
                dx[(i * time * rest + p) * c + j] = select(p < places, dy[i * c + j] * share, F(0))


def shares_above(n, x, b, g, lengths, y, work, time, c, k):
    sums = doubles(work)
    for i in range(n):
        steps = min(time, lengths[i]) if given(lengths) else time
        for j in range(k * c):
            sums[j] = 0.0
        for p in range(steps):
            for a in range(k):
                _add_risen(at(x, (i * time + p) * c), at(b, a * c), g, at(sums, a * c), c)
        for j in range(k * c):
            y[i * k * c + j] = F(sums[j] / steps)


@apart
def _add_risen(x, b, g, sums, c):
    for j in range(c):
        sums[j] += np.float64(xp.minimum(xp.maximum((x[j] - b[j]) * g[j], F(0)), F(1)))


def shares_above_back(n, dy, x, b, g, lengths, dx, time, c, k):
    _zero(dx, n * time * c)
    for i in range(n):
        steps = min(time, lengths[i]) if given(lengths) else time
        share = F(1) / F(steps)
        for p in range(steps):
            here = (i * time + p) * c
            for a in range(k):
                _add_rising(at(dy, (i * k + a) * c), at(x, here), at(b, a * c), g, at(dx, here), share, c)


@apart
def _add_rising(dy, x, b, g, dx, share, c):
    for j in range(c):
        u = (x[j] - b[j]) * g[j]
        dx[j] += select((u >= F(0)) & (u < F(1)), dy[j] * g[j] * share, F(0))


def global_max(n, x, lengths, y, time, rest, c):
    for i in range(n):
        for j in range(c):
            y[i * c + j] = F(-np.inf)
        for p in range((min(time, lengths[i]) if given(lengths) else time) * rest):
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


# ---- what kernels take; more numbers for them, from sizes and settings (None: not this case) -----------

TOGETHER = 2**16  # numbers: images are padded so many at a time, and stay in the second-level cache


def _window(v: dict[str, Value], i: Instruction, x: str, y: str, window: tuple, dilation: tuple) -> dict | None:
    """An image's sizes before and after a window has passed over it, if it passes as the settings say."""
    a, b, stride, padding = v[x].shape[:-1], v[y].shape[:-1], i.attributes["stride"], i.attributes["padding"]
    if len(a) not in (1, 2) or not all(len(setting) == len(a) for setting in (window, dilation, stride, padding)):
        return None
    if not all(isinstance(k, int | np.integer) and k >= 1 for k in (*window, *dilation, *stride)):
        return None
    padded = tuple(k + before + after for k, (before, after) in zip(a, padding, strict=True))
    spans = tuple(d * (k - 1) + 1 for k, d in zip(window, dilation, strict=True))
    if b != tuple((k - span) // step + 1 for k, span, step in zip(padded, spans, stride, strict=True)):
        return None
    (ih, iw), (oh, ow), (ph, pw), (sh, sw) = _two(a), _two(b), _two(padded), _two(stride)
    (top, _), (left, _) = _two(padding, (0, 0))
    return {"ih": ih, "iw": iw, "oh": oh, "ow": ow, "sh": sh, "sw": sw, "top": top, "left": left, "ph": ph, "pw": pw}


def _two(sizes: tuple, one: Any = 1) -> tuple:
    """Of an image's two directions; a sequence has the second only."""
    return (one, *sizes)[-2:]


def _conv(s: dict[str, int], v: dict[str, Value], i: Instruction) -> dict | None:
    window, dilation, m, c = v["W"].shape[1:-1], i.attributes["dilation"], s["m"], s["c"]
    sizes = _window(v, i, "x", "dz" if i.backward else "z", window, dilation)
    if sizes is None or i.attributes["groups"] != 1:
        return None
    (kh, kw), (dh, dw) = _two(window), _two(dilation)
    ih, iw, oh, ow, top, left, ph, pw = (sizes[s] for s in ("ih", "iw", "oh", "ow", "top", "left", "ph", "pw"))
    taps, run = (1, kw * c) if dw == 1 else (kw, c)  # without dilation a window's row is one stretch of memory
    sizes |= {"kh": kh, "taps": taps, "run": run, "dh": dh, "dw": dw, "zh": 0, "zw": 0}
    k = kh * kw * c
    padded = ph * pw * c
    if i.backward and (sizes["sh"], sizes["sw"], dh, dw) == (1, 1, 1, 1) and top < kh and left < kw:
        zh, zw = ih + kh - 1, iw + kw - 1
        if oh + kh - 1 - top <= zh and ow + kw - 1 - left <= zw:  # no outputs beyond what the image can reach
            sizes |= {"zh": zh, "zw": zw}
            padded = max(padded, zh * zw * m)
    images = max(1, TOGETHER // padded)
    room = images * padded + max(panels(k, m), panels(kh * kw * m, c)) + ow * run
    return sizes | {"images": images, "work": (room, 0)}


def _pool(s: dict[str, int], v: dict[str, Value], i: Instruction) -> dict | None:
    window = i.attributes["window"]
    x, y = ("x_shape" if "x_shape" in v else "x", "dy") if i.backward else ("x", "y")
    sizes = _window(v, i, x, y, window, (1,) * len(window))
    if sizes is None:
        return None
    kh, kw = _two(window)
    steps = (kh, kw, sizes["sh"], sizes["sw"])
    unpadded = (sizes["ih"], sizes["iw"]) == (sizes["ph"], sizes["pw"])
    return sizes | {"kh": kh, "kw": kw, "quarters": int(steps == (2,) * 4 and unpadded), "work": (s["c"], 0)}


def _over_all(s: dict[str, int], v: dict[str, Value], i: Instruction) -> dict:
    return {"work": (2 * s["c"], 0)}


def _shares(s: dict[str, int], v: dict[str, Value], i: Instruction) -> dict:
    return {"work": (2 * s["k"] * s["c"], 0)}


def _shortened(s: dict[str, int], v: dict[str, Value], i: Instruction) -> dict | None:
    whole = all(isinstance(setting, int | np.integer) for setting in i.attributes.values())
    return {} if whole and i.attributes["stride"] >= 1 else None


TAKES = {
    "conv": Takes("dz dx? dW? db?", "x (n, *i, c)  W (m, *size, c)  b? (m)  z (n, *o, m)", _conv),  # in one group
    "max_pool": Takes("dy dx", numbers=_pool), "avg_pool": Takes("dy dx", numbers=_pool),
    "global_average": Takes("dy dx", numbers=_over_all), "global_max": Takes("dy dx", numbers=_over_all),
    "shares_above": Takes("dy dx", numbers=_shares), "masked": Takes("dy dx"), "shortened": Takes(numbers=_shortened),
}
