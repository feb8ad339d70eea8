"""Convolution and pooling. A sequence is an image of one column."""

# ruff: noqa: F821
from __future__ import annotations

from ...program import Instruction, Value
from .helpers import apart


def conv(n, x, W, b, z, work, ih, iw, c, oh, ow, m, kh, taps, run, sh, sw, dh, dw, top, left, ph, pw, band, images):
    """The windows of some images, or of a band of a large one, are laid out as rows in cache; one product does them."""
    k = kh * taps * run
    Wt, image, P = work, at(work, k * m), at(work, k * m + ph * pw * c)
    _transpose(W, Wt, m, k)
    for some in range(0, n, images):
        count = min(images, n - some)
        for first in range(0, oh, band):
            rows = min(band, oh - first)
            for i in range(count):
                if first == 0:
                    _pad(at(x, (some + i) * ih * iw * c), image, ih, iw, c, top, left, ph, pw)
                _unfold(image, at(P, i * rows * ow * k), first, rows, ow, c, kh, taps, run, sh, sw, dh, dw, pw)
            out, places = at(z, (some * oh + first) * ow * m), count * rows * ow
            if given(b):
                for j in range(places):
                    _copy(b, at(out, j * m), m)
                gemm(0, 0, places, m, k, P, k, Wt, m, 1, out, m)
            else:
                gemm(0, 0, places, m, k, P, k, Wt, m, 0, out, m)


def conv_back(n, dz, x, W, dx, dW, db, work, ih, iw, c, oh, ow, m, kh, taps, run, sh, sw, dh, dw, top, left, ph, pw,
              band, images):
    k = kh * taps * run
    image, dimage, P = work, at(work, ph * pw * c), at(work, 2 * ph * pw * c)
    if given(dW):
        _zero(dW, m * k)
    if given(db):
        _zero(db, m)
        for j in range(n * oh * ow):
            _add(at(dz, j * m), db, m)
    for some in range(0, n, images):
        count = min(images, n - some)
        for first in range(0, oh, band):
            rows = min(band, oh - first)
            d, places = at(dz, (some * oh + first) * ow * m), count * rows * ow
            if given(dW):
                for i in range(count):
                    if first == 0:
                        _pad(at(x, (some + i) * ih * iw * c), image, ih, iw, c, top, left, ph, pw)
                    _unfold(image, at(P, i * rows * ow * k), first, rows, ow, c, kh, taps, run, sh, sw, dh, dw, pw)
                gemm(1, 0, m, k, places, d, m, P, k, 1, dW, k)
            if given(dx):
                gemm(0, 0, places, k, m, d, m, W, k, 0, P, k)
                for i in range(count):
                    if first == 0:
                        _zero(dimage, ph * pw * c)
                    _fold(at(P, i * rows * ow * k), dimage, first, rows, ow, c, kh, taps, run, sh, sw, dh, dw, pw)
                    if first + rows == oh:
                        _crop(dimage, at(dx, (some + i) * ih * iw * c), ih, iw, c, top, left, pw)


def _crop(image, x, ih, iw, c, top, left, pw):
    for row in range(ih):
        _copy(at(image, ((row + top) * pw + left) * c), at(x, row * iw * c), iw * c)


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


# ---- sizes, from the shapes of the operands; None: this case runs by its rule ----------------------------------------

LARGEST_PATCHES = 2**16  # numbers: what is unfolded at a time stays in the second-level cache


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
    images = max(1, LARGEST_PATCHES // (sizes["oh"] * sizes["ow"] * k))
    image = sizes["ph"] * sizes["pw"] * c
    room = images * band * sizes["ow"] * k + (2 * image if i.backward else image + k * m)
    return sizes | {
        "m": m, "kh": kh, "taps": taps, "run": run, "dh": dh, "dw": dw, "band": band, "images": images,
        "work": (room, 0),
    }  # fmt: skip


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


SIZES = {
    "conv": _conv, "max_pool": _pool, "avg_pool": _pool, "global_average": _over_all, "global_max": _over_all,
    "masked": _masked,
}  # fmt: skip
