"""Operations for which XLA has one of its own: convolution and pools, which the rules make of windows; and a layer's
derivative, which a CPU is told how to multiply.

By the names of their rules (rules/convolution.py, rules/linear.py), which say what each takes and gives. Pools whose
windows lie side by side are reductions of a reshaped array, and their derivatives go number by number. With other
windows the derivative of max_pool is made of slices: on a CPU XLA's own takes three times as long as the rule.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from typing import Any

import jax
import numpy as np
from jax import lax
from jax import numpy as jnp

from ...rules import bind, shape
from .arrays import arrays, put_back, slices

KERNELS: dict[str, Callable] = {}
FOR_CPU = {"linear_back"}  # the others are for any device


def kernel_for(rule: Any, kind: str) -> Callable | None:
    """The kernel that stands for a rule on a kind of device, if there is one."""
    own = rule.__module__.startswith("cutaway.") and (kind == "cpu" or rule.__name__ not in FOR_CPU)
    return KERNELS.get(rule.__name__) if own else None


def kernel(function: Callable) -> Callable:
    KERNELS[function.__name__] = function
    return function


@kernel
def linear_back(dz, x, W, b_shape):
    """dzᵀ is written out first: a small product over the rows of both factors, dzᵀ x as they lie, may take a CPU three
    times as long, and a large one takes as long."""
    xp = arrays()
    d = bind(shape.own, xp)(dz, (*x.shape[:-1], W.shape[0]))
    turned = lax.optimization_barrier(bind(shape.flat, xp)(d).T)
    return d @ W, turned @ bind(shape.flat, xp)(x), bind(shape.bias_gradient, xp)(dz, b_shape)


def _convolved(x: Any, W: Any, stride: Any, padding: Any, dilation: Any, groups: int) -> Any:
    layout = ("NHWC", "OHWI", "NHWC") if x.ndim == 4 else ("NWC", "OWI", "NWC")
    return lax.conv_general_dilated(x, W, stride, padding, rhs_dilation=dilation, dimension_numbers=layout,
                                    feature_group_count=groups)


@kernel
def conv(x, W, b, *, stride, padding, dilation, groups):
    z = _convolved(x, W, stride, padding, dilation, groups)
    return z if b is None else z + b


@kernel
def conv_back(dz, x, W, b_shape, *, stride, padding, dilation, groups):
    def of(x, W):
        return _convolved(x, W, stride, padding, dilation, groups)

    whole = jax.eval_shape(of, x, W).shape
    dx, dW = jax.vjp(of, x, W)[1](bind(shape.own, arrays())(dz, whole))
    return dx, dW, bind(shape.bias_gradient, arrays())(dz, b_shape)


def _reduced(x: Any, start: float, function: Callable, window: Any, stride: Any, padding: Any) -> Any:
    """Compute one number for each window and channel."""
    return lax.reduce_window(x, np.array(start, x.dtype), function, (1, *window, 1), (1, *stride, 1),
                             ((0, 0), *padding, (0, 0)))


def _side_by_side(window: Any, stride: Any, padding: Any) -> bool:
    """Whether windows see every place once, but for what is left over at the end."""
    return tuple(window) == tuple(stride) and not any(map(any, padding))


def _windows(x: Any, window: Any) -> Any:
    """Cut x into windows that lie side by side: (n, places, window, c), or (n, places, window, places, window, c)."""
    places = [size // k for size, k in zip(x.shape[1:-1], window, strict=True)]
    seen = x[(slice(None), *(slice(i * k) for i, k in zip(places, window, strict=True)))]
    return seen.reshape(len(x), *itertools.chain(*zip(places, window, strict=True)), x.shape[-1])


def _axes(window: Any) -> tuple[int, ...]:
    """Which axes of _windows are those of a window."""
    return tuple(range(2, 2 * len(window) + 1, 2))


def _from_windows(seen: Any, shape: tuple[int, ...], window: Any) -> Any:
    """Put windows back where they were cut out, and zeros where nothing was."""
    whole = (shape[0], *(size // k * k for size, k in zip(shape[1:-1], window, strict=True)), shape[-1])
    return jnp.pad(seen.reshape(whole), [(0, size - k) for size, k in zip(shape, whole, strict=True)])


@kernel
def max_pool(x, *, window, stride, padding):
    if _side_by_side(window, stride, padding):
        return _windows(x, window).max(_axes(window))
    return _reduced(x, -math.inf, lax.max, window, stride, padding)


@kernel
def max_pool_back(dy, x, y, *, window, stride, padding):
    if _side_by_side(window, stride, padding):
        seen, axes, size = _windows(x, window), _axes(window), math.prod(window)
        kind = np.int8 if size < 128 else np.int32  # in bytes it takes 60 % of the time
        place = sum(lax.broadcasted_iota(kind, seen.shape, axis) * kind(math.prod(window[k:]))
                    for k, axis in enumerate(axes, start=1))
        first = jnp.where(seen == jnp.expand_dims(y, axes), place, kind(size)).min(axes, keepdims=True)
        return _from_windows(jnp.where(place == first, jnp.expand_dims(dy, axes), 0), x.shape, window)
    once = (1,) * len(window)
    inner = ((0, 0), *padding, (0, 0))
    seen, places = jnp.pad(x, inner, constant_values=-math.inf), y.shape[1:-1]
    dx, free = jnp.zeros(x.shape, dy.dtype), jnp.ones(y.shape, bool)
    for at in np.ndindex(*window):
        mine = free & (seen[slices(at, places, stride, once)] == y)
        dx += put_back(x.shape, jnp.where(mine, dy, 0), at, places, stride, padding, once)
        free &= ~mine  # the first of several equal ones
    return dx


@kernel
def avg_pool(x, *, window, stride, padding):
    if _side_by_side(window, stride, padding):
        return _windows(x, window).sum(_axes(window)) / math.prod(window)
    return _reduced(x, 0, lax.add, window, stride, padding) / math.prod(window)


@kernel
def avg_pool_back(dy, x_shape, *, window, stride, padding):
    empty = jnp.zeros(x_shape, dy.dtype)
    if _side_by_side(window, stride, padding):
        share = jnp.expand_dims(dy / math.prod(window), _axes(window))
        return _from_windows(jnp.broadcast_to(share, _windows(empty, window).shape), x_shape, window)
    return jax.vjp(lambda x: avg_pool(x, window=window, stride=stride, padding=padding), empty)[1](dy)[0]
