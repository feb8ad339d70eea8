"""Operations that make one number of many along an axis, besides sum and mean (shape.py)."""

from .namespace import xp
from .registry import rule


@rule("y = max x", reduces_batch=True, reduces=True, kink=True, shapes="x (...)  y (...)",
      slope="1 where the maximum is (shared among equals)")
def max_(x, *, axis, keepdims):
    return xp.max(x, axis=axis, keepdims=keepdims)

def max_back(dy, x, y, *, axis, keepdims):
    """dy to the largest, in equal parts where several are"""
    if axis is not None and not keepdims:
        dy, y = xp.expand_dims(dy, axis), xp.expand_dims(y, axis)
    largest = x == y
    count = xp.sum(largest, axis=axis, keepdims=True, dtype=dy.dtype)
    return xp.where(largest, dy / xp.maximum(count, 1), 0)


@rule("y = sqrt(sum x^2)", reduces_batch=True, reduces=True, slope="x/y", shapes="x (...)  y (...)")
def norm(x, *, axis, keepdims):
    return xp.sqrt(xp.sum(x * x, axis=axis, keepdims=keepdims))

def norm_back(dy, x, y, *, axis, keepdims):
    """dx = dy x / y, and 0 where all x are"""
    if axis is not None and not keepdims:
        dy, y = xp.expand_dims(dy, axis), xp.expand_dims(y, axis)
    return dy * (x / xp.where(y == 0, 1, y))
