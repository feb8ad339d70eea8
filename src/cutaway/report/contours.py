"""A surface as a map: lines of equal height, each a closed shape to fill, with its name and a place to write it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

STEEP = {True: 3, False: 30}  # lines stand by a logarithm if the whole height is so many times the median height:
# sooner where the lowest point is at zero, since levels are round numbers then
MOST = 14  # lines
UNITS = 2000  # the map's width and height in a shape's whole numbers


@dataclass(frozen=True)
class Contour:
    """Where a surface is below a level: an SVG path on a square of `UNITS`, y upwards turned down, and the places on
    its edge, for a label."""

    level: float
    shape: str
    edge: np.ndarray


def contours(x: np.ndarray, y: np.ndarray, z: np.ndarray) -> list[Contour]:
    """The map of z[i, j] at y[i], x[j], the highest level first, as it is painted."""
    from contourpy import FillType, contour_generator

    across, down = np.linspace(0, UNITS, len(x)), np.linspace(UNITS, 0, len(y))
    made: Any = contour_generator(across, down, np.ma.masked_invalid(z), fill_type=FillType.OuterOffset)
    found = []
    for level in reversed(levels(z)):
        lines = [line for line in made.lines(level) if len(line) > 2]
        rings = [ring for points, offsets in zip(*made.filled(-np.inf, level), strict=True)
                 for ring in np.split(points, offsets[1:-1])]
        if rings and lines:
            found.append(Contour(level, "".join(map(_ring, rings)), max(lines, key=len)))
    return found


def _ring(points: np.ndarray) -> str:
    """Write a closed shape as an SVG path, without the points that make no difference to the eye."""
    from matplotlib.path import Path

    ring = Path(points)
    ring.simplify_threshold = 0.6
    places = np.asarray(ring.cleaned(simplify=True).vertices)[:-1].round().astype(int)
    return "M" + "L".join(f"{a} {b}" for a, b in places) + "Z"


def levels(z: np.ndarray) -> list[float]:
    """Choose round heights from the lowest to the highest point, closer near the lowest if most of it lies there.

    >>> levels(np.linspace(0, 10, 50))
    [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0]
    >>> levels(np.linspace(0, 10, 5000) ** 2)
    [0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 50.0]
    """
    known = np.sort(z[np.isfinite(z)], axis=None)
    if not known.size or known[0] == known[-1]:
        return []
    low, high = float(known[0]), float(known[-1])
    near = float(known[known.size // 100] - low) or (high - low) * 1e-6
    base = 0.0 if 0 <= low < near else low
    if high - base < STEEP[base == 0] * (float(np.median(known)) - base):
        return [v for v in _round(low, high) if low < v < high]
    first, last = math.floor(math.log10(near)), math.ceil(math.log10(high - base))
    for steps in ((1, 2, 5), (1, 3), (1,)):
        every = [base + _exact(k, d) for d in range(first, last + 1) for k in steps]
        inside = [v for v in every if low < v < high]
        if len(inside) <= MOST:
            break
    return inside[-MOST:]


def _round(low: float, high: float) -> list[float]:
    step = (high - low) / MOST
    power = math.floor(math.log10(step))
    size = min(_exact(k, d) for d in (power, power + 1) for k in (1, 2, 5) if k * 10.0**d >= step)
    return [float(f"{k * size:.12g}") for k in range(math.floor(low / size), math.ceil(high / size) + 1)]


def _exact(digit: int, power: int) -> float:
    return float(f"{digit}e{power}")
