"""Images in memory: what shapes are taken, and how they are brought to one size and to grey or colour."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..errors import DataError, ShapeError
from ..text import counted
from .image_files import one_size, size_words
from .pillow import WAYS, fitted_array, need_pillow

SOURCES = "a folder, a table of file names, an .npz file, a list of paths, or an array"
CHANNELS = {"grey": 1, "colour": 3}
#: How brightly the eye sees red, green and blue (ITU-R BT.601), as Pillow turns colour to grey.
BRIGHTNESS = np.array([0.299, 0.587, 0.114])


def prepared(X: Any, size: tuple[int, int] | None, fit: str, mode: str | None) -> tuple[np.ndarray, list[str]]:
    """Make one array (n, height, width, channels) of images in memory, of the size and mode asked for, and notes.

    Numbers keep their type, except that resizing turns what is not uint8 into float32.
    """
    each = _one_by_one(X) if isinstance(X, list | tuple) else as_pixels(X)
    sizes: dict[int, tuple[int, int]] = {i: image.shape[:2] for i, image in enumerate(each)}
    wanted = size or one_size(sizes, [f"image {i}" for i in sizes])
    other = sum(given != wanted for given in sizes.values())
    notes = []
    if other:
        need_pillow()
        notes.append(f"{counted(other, 'image')} brought to {size_words(*wanted)} ({WAYS[fit]})")
        each = [fitted_array(image, wanted, fit) for image in each]
    pixels = each if isinstance(each, np.ndarray) else np.stack(each)
    changed = as_mode(pixels, mode)
    if changed is not pixels:
        notes.append(f"{counted(len(pixels), 'image')} in {channel_words(pixels.shape[3])} turned to {mode}")
    return changed, notes


def as_pixels(X: Any) -> np.ndarray:
    """Lay an array of images as (n, height, width, channels), numbers of any type; booleans become 0 and 255."""
    array = _numbers(X)
    if array.ndim not in (3, 4):
        raise ShapeError(
            f"Images have shape (n, height, width) or (n, height, width, channels), not {array.shape}. One image alone "
            "is X[np.newaxis]; a table of pixels is X.reshape(n, height, width)."
        )
    if 0 in array.shape:
        raise DataError(f"No images: the array has shape {array.shape}.")
    array = array[..., np.newaxis] if array.ndim == 3 else array
    if array.shape[1] <= 4 < array.shape[3]:
        raise ShapeError(
            f"Images of shape {array.shape} have their channels first: Cutaway takes them last, "
            "(n, height, width, channels). X.transpose(0, 2, 3, 1) turns them."
        )
    return array


def as_mode(pixels: np.ndarray, mode: str | None) -> np.ndarray:
    """Give grey images three equal channels, or colour images their brightness 0.299 r + 0.587 g + 0.114 b."""
    channels = pixels.shape[3]
    if mode is None or channels == CHANNELS[mode]:
        return pixels
    if channels not in CHANNELS.values():
        raise ShapeError(f"Images of {channels} channels cannot be turned to {mode}: leave `mode` out to keep them.")
    if mode == "colour":
        return np.repeat(pixels, 3, axis=3)
    grey = np.empty((*pixels.shape[:3], 1), pixels.dtype)
    for image, out in zip(pixels, grey, strict=True):  # one by one: the products are float64
        brightness = image @ BRIGHTNESS
        out[..., 0] = brightness if grey.dtype.kind == "f" else np.rint(brightness)
    return grey


def _one_by_one(X: Any) -> Any:
    """Read a list of images as arrays (height, width, channels) that agree in channels and type."""
    images = []
    for i, image in enumerate(X):
        if hasattr(image, "getbands"):
            raise DataError(f"Image {i} is one of Pillow's: give the paths of the files, or arrays.")
        array = _numbers(image)
        if array.ndim not in (2, 3) or 0 in array.shape:
            raise ShapeError(f"Image {i} has shape {array.shape}: give (height, width) or (height, width, channels).")
        images.append(array[..., np.newaxis] if array.ndim == 2 else array)
    if not images:
        raise DataError("No images: the list is empty.")
    first = images[0]
    for i, image in enumerate(images):
        if (image.shape[2], image.dtype) != (first.shape[2], first.dtype):
            kind, usual = (f"{channel_words(a.shape[2])} of type {a.dtype}" for a in (image, first))
            raise ShapeError(f"Image {i} is {kind}, image 0 {usual}: give all images the same channels and type.")
    return images if len({image.shape for image in images}) > 1 else as_pixels(np.stack(images))


def _numbers(X: Any) -> np.ndarray:
    try:
        array = np.asarray(X)
    except ValueError as ragged:
        raise DataError("The rows of an image differ in length: give arrays (height, width).") from ragged
    if array.dtype.kind not in "buif":
        raise DataError(f"Images are arrays of numbers, not of {array.dtype}: give {SOURCES}.")
    return array.astype(np.uint8) * np.uint8(255) if array.dtype.kind == "b" else array


def image_words(shape: Sequence[int]) -> str:
    """Describe the shape of an image for people.

    >>> image_words((28, 32, 1)), image_words((28, 32, 3)), image_words((28, 32, 5))
    ('28 x 32 pixels, grey', '28 x 32 pixels, colour', '28 x 32 pixels, 5 channels')
    """
    return f"{shape[0]} x {shape[1]} pixels, {channel_words(shape[2])}"


def channel_words(channels: int) -> str:
    return {1: "grey", 3: "colour"}.get(channels, f"{channels} channels")
