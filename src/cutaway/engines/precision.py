"""The precision that is asked for beside a network's own: "bf16" rounds the factors of its layers' products."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np

from ..errors import ArgumentError, warn

PRECISIONS = ("float32", "bf16")


def checked_precision(precision: Any) -> str | None:
    """Check a `precision` argument; None leaves a network's numbers as they are. Raises ArgumentError."""
    if precision is not None and precision not in PRECISIONS:
        raise ArgumentError(f"precision is {precision!r}: give None, {' or '.join(map(repr, PRECISIONS))}")
    return precision


def rounds(precision: Any, engine: Any, dtype: np.dtype) -> bool:
    """Whether a program of this engine multiplies rounded factors; where it cannot, a warning says why, once.

    Raises ArgumentError for an unknown precision, and for a network of other numbers than float32.
    """
    if checked_precision(precision) is not None and dtype != np.float32:
        raise ArgumentError(f'precision="{precision}" is for networks of float32, and this one has {dtype} numbers: '
                            'net.astype("float32") first')
    if precision != "bf16":
        return False
    why = engine.cannot_round()
    if why:
        _say(why)
    return not why


@cache
def _say(why: str) -> None:
    warn(f'precision="bf16": {why}, so it runs in float32', RuntimeWarning)
