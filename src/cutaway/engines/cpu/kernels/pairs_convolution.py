"""Convolution of factors rounded to bf16: what convolution.py does, on words of two (pairs.py).

A pixel's channels, or an image's neighbouring outputs, are the two of a word. cw, mw: the words of a pixel of c or m
channels, of which an odd last one has a zero beside it. P, T: where panels begin in `work`, D: words of dz.
"""

# ruff: noqa: F821
from __future__ import annotations

from ....program import Instruction, Value
from . import convolution
from .takes import Takes


def conv_bf16(n, x, W, b, z, work, ih, iw, c, oh, ow, m, kh, kw, taps, sh, sw, dh, dw, top, left, ph, pw, images, cw,
              P):
    panels, run = at(work, P), kw // taps * cw
    k, K = kh * kw * c, kh * kw * cw
    for j in range(0, m, 32):
        for a in range(kh * kw):
            pair_turned(c, min(32, m - j), at(W, j * k + a * c), k, at(panels, j * K + a * cw * 32), 0)
    for some in range(0, n, images):
        count = min(images, n - some)
        _pad_words(count, at(x, some * ih * iw * c), work, ih, iw, c, top, left, ph, pw, cw)
        for j in range(0, m, 32):
            for row in range(count * oh):
                i, p = row // oh, row % oh
                out = at(z, ((some + i) * oh + p) * ow * m + j)
                for t in range(taps):
                    product_pairs(ow, min(32, m - j), run, at(work, ((i * ph + p * sh) * pw + t * dw) * cw), sw * cw, 1,
                                  kh, dh * pw * cw, at(panels, j * K + t * run * 32), 32, 0, taps * run * 32,
                                  out if t else at(b, j), m if t else 0, 1 if t else given(b), out, m)


def _pad_words(n, x, words, ih, iw, c, top, left, ph, pw, cw):
    """Images (ih, iw, c) in words of two channels, with zeros around them: (ph, pw, cw)."""
    _zero(words, n * ph * pw * cw)
    for i in range(n):
        for row in range(ih):
            line, word = at(x, (i * ih + row) * iw * c), at(words, ((i * ph + row + top) * pw + left) * cw)
            if c == 1:
                pair_columns(1, iw, line, 0, word, 32, 32)
            elif c % 2:
                pair_rows(iw, c, line, c, word, cw)
            else:
                pair_rows(1, iw * c, line, 0, word, 0)


def conv_bf16_back(n, dz, x, W, dx, dW, db, work, ih, iw, c, oh, ow, m, kh, kw, taps, sh, sw, dh, dw, top, left, ph, pw,
                   images, mw, zh, zw, P, T, D):
    if given(db):
        _sum_rows(n * oh * ow, m, dz, m, db, work)
    if given(dW):
        _filters_back_bf16(n, dz, x, dW, work, at(work, ph * pw * c), at(work, T), at(work, D), ih, iw, c, oh, ow, m,
                           kh, kw, taps, sh, sw, dh, dw, top, left, ph, pw, images)
    if given(dx) and zh:
        _image_back_bf16(n, dz, W, dx, work, at(work, P), ih, iw, c, oh, ow, m, kh, kw, top, left, zh, zw, images, mw)
    elif given(dx):
        _image_folded_bf16(n, dz, W, dx, work, at(work, ph * pw * c), at(work, P), at(work, D), ih, iw, c, oh, ow, m,
                           kh, kw, taps, sh, sw, dh, dw, top, left, ph, pw, mw)


def _filters_back_bf16(n, dz, x, dW, padded, words, T, D, ih, iw, c, oh, ow, m, kh, kw, taps, sh, sw, dh, dw, top, left,
                       ph, pw, images):
    """T = dWᵀ in panels of filters. The words are pairs of pixels sw apart, and of the outputs beside each other."""
    k, run, K = kh * kw * c, kw // taps * c, (ow + 1) // 2
    near = max(pw - sw, 0) * c
    _zero(T, (m + 31) // 32 * 32 * k)
    for some in range(0, n, images):
        count = min(images, n - some)
        for i in range(count):
            _pad(1, at(x, (some + i) * ih * iw * c), padded, ih, iw, c, top, left, ph, pw)
            for row in range(ph):
                line, word = at(padded, row * pw * c), at(words, (i * ph + row) * pw * c)
                pair_columns(2, near, line, sw * c, word, 32, 32)
                pair_columns(1, pw * c - near, at(line, near), 0, at(word, near), 32, 32)
        for j in range(0, m, 32):
            for i in range(count):
                for row in range(oh):
                    pair_columns(ow, min(32, m - j), at(dz, (((some + i) * oh + row) * ow) * m + j), m,
                                 at(D, row * K * 32), 32, 0)
                for a in range(kh * taps):
                    t = at(T, j * k + a * run * 32)
                    window = at(words, ((i * ph + a // taps * dh) * pw + a % taps * dw) * c)
                    product_pairs(run, min(32, m - j), K, window, 1, 2 * sw * c, oh, sh * pw * c, D, 32, 0, K * 32,
                                  t, 32, 1, t, 32)
    for f in range(m):
        panel = at(T, f // 32 * 32 * k + f % 32)
        for a in range(k):
            dW[f * k + a] = panel[a * 32]


def _image_back_bf16(n, dz, W, dx, words, P, ih, iw, c, oh, ow, m, kh, kw, top, left, zh, zw, images, mw):
    """With a stride of one dx is a convolution too: of dz, padded, with the filters turned round."""
    K = kh * kw * mw
    for j in range(0, c, 32):
        for a in range(kh * kw):
            pair_columns(m, min(32, c - j), at(W, (kh * kw - 1 - a) * c + j), kh * kw * c,
                         at(P, j * K + a * mw * 32), 32, 0)
    for some in range(0, n, images):
        count = min(images, n - some)
        _pad_words(count, at(dz, some * oh * ow * m), words, oh, ow, m, kh - 1 - top, kw - 1 - left, zh, zw, mw)
        for j in range(0, c, 32):
            for row in range(count * ih):
                out = at(dx, (some * ih + row) * iw * c + j)
                d = at(words, (row // ih * zh + row % ih) * zw * mw)
                product_pairs(iw, min(32, c - j), kw * mw, d, mw, 1, kh, zw * mw, at(P, j * K), 32, 0, kw * mw * 32,
                              out, 0, 0, out, c)


def _image_folded_bf16(n, dz, W, dx, image, windows, P, D, ih, iw, c, oh, ow, m, kh, kw, taps, sh, sw, dh, dw, top,
                       left, ph, pw, mw):
    """dz W are the gradients of the windows; each number of the image is in several of them."""
    k, run = kh * kw * c, kw // taps * c
    each = (run + 31) // 32 * 32 * mw
    for a in range(kh * taps):
        pair_columns(m, run, at(W, a * run), k, at(P, a * each), 32, mw * 32)
    for i in range(n):
        _zero(image, ph * pw * c)
        for p in range(oh):
            pair_rows(ow, m, at(dz, (i * oh + p) * ow * m), m, D, mw)
            for a in range(kh * taps):
                product_pairs(ow, run, mw, D, mw, 1, 1, 0, at(P, a * each), 32, mw * 32, 0, windows, 0, 0, windows, run)
                target = at(image, ((p * sh + a // taps * dh) * pw + a % taps * dw) * c)
                for q in range(ow):
                    _add(at(windows, q * run), at(target, q * sw * c), run)
        for row in range(ih):
            _copy(at(image, ((row + top) * pw + left) * c), at(dx, (i * ih + row) * iw * c), iw * c)


# ---- what kernels take, as in the files of the others ----------------------------------------------------------------


def _conv(s: dict[str, int], v: dict[str, Value], i: Instruction) -> dict | None:
    found = convolution.TAKES["conv"].numbers(s, v, i)
    if found is None:
        return None
    c, m, kh, ow, taps, ph, pw = s["c"], s["m"], *(found[name] for name in ("kh", "ow", "taps", "ph", "pw"))
    kw, cw, mw = found["run"] * taps // c, -(-c // 2), -(-m // 2)
    wide, padded = _whole(m, 32), ph * pw * c
    if not i.backward:
        images = max(1, convolution.TOGETHER // (ph * pw * cw))
        P = _whole(images * ph * pw * cw)
        return found | {"kw": kw, "cw": cw, "images": images, "P": P, "work": (P + (wide * kh * kw * cw) + 16 * 32, 0)}
    zs = found["zh"] * found["zw"]
    images = max(1, convolution.TOGETHER // max(padded, zs * mw))
    T = _whole((1 + images) * padded)  # of the filters: a padded image, all images in words, T, D
    D = T + wide * kh * kw * c
    P = _whole(images * zs * mw)  # of the image: dz in words, panels
    if zs:
        return found | {"kw": kw, "mw": mw, "images": images, "T": T, "D": D, "P": P,
                        "work": (max(D + found["oh"] * -(-ow // 2) * 32, P + _whole(c, 32) * kh * kw * mw), 0)}
    run = kw // taps * c
    P = max(D, _whole(padded + ow * run))  # or an image, its windows, D, and panels
    D = _whole(P + kh * taps * _whole(run, 32) * mw)
    return found | {"kw": kw, "mw": mw, "images": images, "T": T, "D": D, "P": P,
                    "work": (D + max(found["oh"] * -(-ow // 2) * 32, ow * mw), 0)}


def _whole(count: int, of: int = 16) -> int:
    return -(-count // of) * of


ROUNDED = {"conv": Takes(convolution.TAKES["conv"].gradients, convolution.TAKES["conv"].shapes, _conv)}
