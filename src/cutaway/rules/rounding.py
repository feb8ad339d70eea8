"""bf16: a float32's sign and exponent with 8 of its 24 digits. Products of such factors, added up in float32.

What precision="bf16" means, and what every engine's products are compared with.
"""

from __future__ import annotations

from functools import cache
from types import FunctionType, SimpleNamespace
from typing import Any

import numpy as np

from .binding import bind
from .namespace import NUMPY

SMALLEST = np.float32(2.0**-126)  # processors take smaller factors for zero


def bf16(a: np.ndarray) -> np.ndarray:
    """Round numbers to the nearest of bf16, halves to the even one. Their type stays; NaN stays, and beyond 3.39e38
    infinity is the nearest.

    >>> bf16(np.array([1.001, 1.005, 3e38], np.float32)).tolist()
    [1.0, 1.0078125, 3.00405527047391e+38]
    """
    single = np.asarray(a, np.float32)
    bits = single.view(np.uint32)
    rounded = (bits + np.uint32(0x7FFF) + (bits >> 16 & 1)) & np.uint32(0xFFFF0000)
    kept = np.where(np.isnan(single), single, rounded.view(np.float32))
    return np.where(np.abs(single) < SMALLEST, np.copysign(np.float32(0), single), kept).astype(np.asarray(a).dtype)


ROUNDED = SimpleNamespace(**vars(NUMPY) | {"matmul": lambda u, v: np.matmul(bf16(u), bf16(v))})


@cache
def with_rounded_factors(function: FunctionType) -> Any:
    """Make a rule's function multiply factors rounded to bf16; all else is as it was."""
    return bind(function, ROUNDED)
