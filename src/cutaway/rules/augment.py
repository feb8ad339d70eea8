"""Images changed by chance: mirrored, shifted, turned, cropped. All of it is one map from places to places an image."""

from .dropout import random_bits, word
from .namespace import xp
from .registry import rule


def chance(image, draw, seed, step, call):
    """A number in [-1, 1) for each image and each of its eight draws. By halves: its sign is right in single, too."""
    bits = random_bits(xp.uint32(image * xp.uint32(8) + xp.uint32(draw)), seed, step, call)
    return xp.wide(bits >> 16) / 2**15 - 1 + xp.wide(bits & 0xFFFF) / 2**16 / 2**15


def inverse_map(image, h, w, flip, flip_vertical, shift, rotate, crop, seed, step, call):
    """Which place of an image the changed one shows at (i, j): row ai i + aj j + a, column bi i + bj j + b.

    It shows a window of `side` times the image's size, anywhere within, then moved by the shift, turned about its own
    centre and mirrored. In double where there is one, so that programs of either precision blend the same pixels.
    """
    side = crop + (1 - crop) * (chance(image, 0, seed, step, call) + 1) / 2
    angle = rotate * 0.017453292519943295 * chance(image, 1, seed, step, call)
    down = (1 - 2 * flip_vertical * (chance(image, 2, seed, step, call) < 0)) * side
    right = (1 - 2 * flip * (chance(image, 3, seed, step, call) < 0)) * side
    ai, aj, bi, bj = xp.cos(angle) * down, xp.sin(angle) * right, -xp.sin(angle) * down, xp.cos(angle) * right
    i, j = (h - 1) / 2, (w - 1) / 2
    a = i + shift * chance(image, 4, seed, step, call) + (1 - side) * h / 2 * chance(image, 5, seed, step, call)
    b = j + shift * chance(image, 6, seed, step, call) + (1 - side) * w / 2 * chance(image, 7, seed, step, call)
    return ai, aj, a - ai * i - aj * j, bi, bj, b - bi * i - bj * j


@rule("y = x, flipped, shifted, turned and cropped by chance", shapes="x (n*r, h, w, c)  y (n*r, h, w, c)")
def augment(x, *, flip, flip_vertical, shift, rotate, crop, seed, step, call):
    """Bilinear between pixels; beyond the border, the nearest pixel. No derivative: it stands before all weights."""
    n, h, w, c = x.shape
    images = xp.arange(n, dtype=xp.uint32)
    found = inverse_map(images, h, w, flip, flip_vertical, shift, rotate, crop, word(seed), word(step), word(call))
    ai, aj, a, bi, bj, b = (number.reshape(n, 1, 1) for number in found)
    i, j = xp.arange(h).reshape(h, 1), xp.arange(w)
    row = xp.minimum(xp.maximum(ai * i + aj * j + a, 0), h - 1)
    column = xp.minimum(xp.maximum(bi * i + bj * j + b, 0), w - 1)
    top, left = xp.floor(row).astype(xp.int32), xp.floor(column).astype(xp.int32)
    down, right = (xp.expand_dims(part.astype(x.dtype), -1) for part in (row - top, column - left))
    below, beside = xp.minimum(top + 1, h - 1), xp.minimum(left + 1, w - 1)
    pixels, start = x.reshape(n * h * w, c), xp.arange(n).reshape(n, 1, 1) * h
    nw, ne, sw, se = (xp.take(pixels, (start + i) * w + j, axis=0)
                      for i, j in ((top, left), (top, beside), (below, left), (below, beside)))
    return (1 - down) * ((1 - right) * nw + right * ne) + down * ((1 - right) * sw + right * se)
