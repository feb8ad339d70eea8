"""Places: where the parameters of a model lie in one flat vector, such as θ, its gradient g, or an optimizer's m."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Place:
    """A parameter's numbers in a vector: from `lo` to `hi`, in its own shape."""

    lo: int
    hi: int
    shape: tuple[int, ...]


def places(shapes: Mapping[str, tuple[int, ...]]) -> dict[str, Place]:
    """Find where arrays of these shapes, by name, lie in a vector that holds them one after the other.

    >>> places({"weight": (2, 3), "bias": (2,)})["bias"]
    Place(lo=6, hi=8, shape=(2,))
    """
    found: dict[str, Place] = {}
    at = 0
    for name, shape in shapes.items():
        found[name] = Place(at, at := at + math.prod(shape), shape)
    return found
