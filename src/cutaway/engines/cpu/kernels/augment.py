"""Images changed by chance."""

# ruff: noqa: F821
from __future__ import annotations

from .dropout import fixed_chance
from .takes import Takes


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


TAKES = {"augment": Takes(numbers=lambda s, v, i: fixed_chance(i))}
