"""How the numbers of an image become black, white and colours: as they were given, and never stretched unsaid."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ..drawing.sheet import ends

#: What is white where nothing else is known: parts of one, bytes, and the whole numbers of 10 to 16 bits.
WHITES = (1, 255, 1023, 4095, 16383, 65535)


@dataclass(frozen=True, eq=False)
class Pixels:
    """The scale of some images: which number is black and which is white, in every channel alike.

    mean, deviation: what an estimator's encoder took away and divided by, which is put back first. stretched: black and
    white are the images' own extremes, since their range is not known.
    """

    black: float = 0.0
    white: float = 1.0
    stretched: bool = False
    mean: Any = 0.0
    deviation: Any = 1.0

    def __call__(self, image: np.ndarray) -> np.ndarray:
        """Turn an image (height, width, channels) into what imshow draws, from 0 to 1: in colour if it has three
        channels, with an opacity if four, else its first one. NaN stays."""
        shades = (image * np.asarray(self.deviation) + np.asarray(self.mean) - self.black) / (self.white - self.black)
        shades = np.clip(shades, 0, 1)
        return shades if shades.shape[-1] in (3, 4) else shades[..., 0]

    def __str__(self) -> str:
        about = f"{self.black:.4g} is black, {self.white:.5g} white".replace("-", "−")
        return f"stretched:\n{about}" if self.stretched else about


def pixels_of(model: Any, seen: np.ndarray, given: Any = None) -> Pixels:
    """Find the scale of images `seen` by a network, as they were before an estimator encoded them.

    >>> import numpy as np
    >>> print(pixels_of(None, np.float32([[[[29, 44, 75]]]])))
    0 is black, 255 white
    >>> print(pixels_of(None, np.float32([[[[-1.5, 0, 2.5]]]])))
    stretched:
    −1.5 is black, 2.5 white

    given: the images as they came, if these are arrays, whose type tells bytes from fractions.
    """
    encoder = getattr(model, "encoder_", None)
    mean, deviation = getattr(encoder, "mean", None), getattr(encoder, "deviation", None)
    if mean is not None and deviation is not None:
        black, white, stretched = _range(seen * deviation + mean, getattr(encoder, "dtype", None) or "", bytes_are=1)
        return Pixels(black, white, stretched, mean, deviation)
    kind = getattr(given, "dtype", seen.dtype)
    return Pixels(*_range(seen, str(kind)))


def _range(values: np.ndarray, dtype: str, bytes_are: int = 255) -> tuple[float, float, bool]:
    """Find black and white, and whether they are no more than the images' own extremes."""
    if dtype in ("uint8", "bool"):
        return 0.0, float(bytes_are if dtype == "uint8" else 1), False
    low, high = ends(values)
    slack = 1e-3 * (high - low)  # of a mean that was taken away and put back
    if low >= -slack:
        fits = [white for white in WHITES if high <= white + slack]
        whole = fits and (fits[0] <= 255 or dtype.startswith(("int", "uint")))
        if whole and high > 0.05 * fits[0]:
            return 0.0, float(fits[0]), False
    return low, high, True
