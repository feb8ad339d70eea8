"""Augment: images that look a little different each time they are learned from."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..autodiff import Tensor, ops
from ..errors import ArgumentError, ShapeError
from .layers import here
from .module import Module, training_mode


class Augment(Module):
    """In training every image is flipped, shifted, turned and cropped by chance; otherwise nothing happens.

    y[i, j] = x[A (i, j) + b], bilinear between pixels; beyond the border, the nearest pixel. (A, b) for each image.

    >>> import numpy as np, cutaway as ct
    >>> net = ct.nn.Sequential(ct.nn.Augment(shift=2, rotate=10), ct.nn.CNN((28, 28, 1), 10))
    >>> net(np.ones((4, 28, 28, 1))).shape
    (4, 10)

    x (n, height, width, channels) -> y, the same shape. flip, flip_vertical: mirrored left to right, or top to bottom,
    every second time. shift: by up to so many pixels, parts of pixels too, in each direction. rotate: by up to so many
    degrees either way. crop: a window anywhere in the image, of at least `crop` times its height and width, enlarged.
    A change depends on the seed, the step and the image's place in the batch alone.

    Choose what leaves the answer as it is. Digits and letters: no flips (a mirrored 2 is no 2), shift=2, rotate=10,
    crop=0.9. Photographs: flip=True, crop=0.7, and rotate=10 where the horizon may tilt. Seen from above or through a
    microscope: both flips and rotate=180. It stands first in a network: no gradient flows back through it.
    """

    refuses = "it changes images (n, height, width, channels)"

    def __init__(self, flip: bool = False, shift: float = 0.0, rotate: float = 0.0, crop: float = 1.0,
                 flip_vertical: bool = False) -> None:
        for name, value in (("flip", flip), ("flip_vertical", flip_vertical)):
            if not isinstance(value, bool | np.bool_):
                raise ArgumentError(f"Augment: {name} must be True or False, got {value!r}")
        self.flip, self.flip_vertical = bool(flip), bool(flip_vertical)
        self.shift = _between("shift", shift, 0, 1e6, "a number of pixels, 0 or more")
        self.rotate = _between("rotate", rotate, 0, 180, "degrees, from 0 to 180")
        self.crop = _between("crop", crop, 0.01, 1, "the smallest share of the height and width to keep, 0.01 to 1")

    def forward(self, x: Tensor) -> Tensor:
        if x.ndim != 4:
            raise ShapeError(
                f"{here()}({self!r}) takes images (n, height, width, channels), got shape {x.shape}"
                + (f": reshape to {(*x.shape, 1)} if there is one channel, as in x[..., None]" if x.ndim == 3 else "")
            )
        mode = training_mode()
        if mode is None or not self.describe():
            return x
        if self.shift >= min(x.shape[1:3]):
            raise ShapeError(
                f"{here()}({self!r}) would move images of {x.shape[1]}x{x.shape[2]} out of sight: use a smaller shift"
            )
        if x.requires_grad:
            raise ArgumentError(
                f"{here()}({self!r}) lets no gradient through, so what stands before it could not learn: put it first"
            )
        return ops.augment(x, mode.seed, mode.step, mode.next_call(), self.flip, self.flip_vertical, self.shift,
                           self.rotate, self.crop)

    def describe(self) -> str:
        parts = ["flip"] * self.flip + ["flip vertical"] * self.flip_vertical
        parts += [f"shift {self.shift:g}"] * (self.shift > 0) + [f"rotate {self.rotate:g}"] * (self.rotate > 0)
        return ", ".join(parts + [f"crop {self.crop:g}"] * (self.crop < 1))


def _between(name: str, value: Any, least: float, most: float, wanted: str) -> float:
    real = isinstance(value, int | float | np.integer | np.floating) and not isinstance(value, bool)
    if not real or not least <= value <= most:
        raise ArgumentError(f"Augment: {name} must be {wanted}, got {value!r}")
    return float(value)
