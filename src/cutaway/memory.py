"""Memory that starts where the machine likes it to."""

from __future__ import annotations

from typing import Any

import numpy as np


def aligned(shape: tuple[int, ...], dtype: Any) -> np.ndarray:
    """Make an array of zeros that starts on a cache line (64 bytes)."""
    dtype = np.dtype(dtype)
    size = int(np.prod(shape, dtype=np.int64)) * dtype.itemsize
    raw = np.zeros(size + 64, np.uint8)
    start = -raw.ctypes.data % 64
    return raw[start : start + size].view(dtype).reshape(shape)
