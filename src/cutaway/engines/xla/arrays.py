"""The array functions of rules (rules/namespace.py) as JAX has them."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from ...rules import NUMPY


def scatter_add(shape, index, values):
    return jnp.zeros(shape, values.dtype).at[index].add(values)


def full(shape, value, dtype=None):
    """Make an array of one number. A number that is known stays NumPy's, once: `where` and `scan` look at it."""
    if isinstance(value, bool | int | float):
        return np.broadcast_to(np.array(value, dtype or jnp.result_type(value)), shape)
    return jnp.full(shape, value, dtype)


def swapaxes(a, one, other):
    return (np if isinstance(a, np.ndarray) else jnp).swapaxes(a, one, other)


def where(condition, a, b):
    """Choose; nothing is computed for the side of which it is known that it is not taken."""
    if not isinstance(condition, np.ndarray) or not _one_number(condition):
        return jnp.where(condition, a, b)
    shape = jnp.broadcast_shapes(*map(jnp.shape, (condition, a, b)))
    return jnp.broadcast_to(a if condition.flat[0] else b, shape).astype(jnp.result_type(a, b))


def _one_number(a):
    """Whether an array is known to hold one number everywhere."""
    return isinstance(a, np.ndarray) and a.size > 0 and not any(a.strides)


def patches(x, window, stride, padding, dilation, fill):
    """Take for every window the places that it sees: for each of its places a slice."""
    x = jnp.pad(x, ((0, 0), *padding, (0, 0)), constant_values=fill)
    places = [(k - d * (w - 1) - 1) // s + 1
              for k, w, s, d in zip(x.shape[1:-1], window, stride, dilation, strict=True)]
    seen = [x[slices(at, places, stride, dilation)] for at in np.ndindex(*window)]
    return jnp.stack(seen, -2).reshape(x.shape[0], *places, *window, x.shape[-1])


def slices(at, places, stride, dilation):
    """Where all windows have the place `at` of theirs."""
    return (slice(None), *(slice(i * d, i * d + s * (k - 1) + 1, s)
                           for i, d, s, k in zip(at, dilation, stride, places, strict=True)))


def add_patches(shape, p, stride, padding, dilation):
    places, window = p.shape[1 : len(shape) - 1], p.shape[len(shape) - 1 : -1]
    every = (slice(None),) * (len(shape) - 1)
    return sum(put_back(shape, p[(*every, *at)], at, places, stride, padding, dilation) for at in np.ndindex(*window))


def put_back(shape, part, at, places, stride, padding, dilation):
    """Put what belongs to the place `at` of every window where it was taken from, in zeros of `shape`."""
    edges = []
    for i, d, s, k, (before, _), size in zip(at, dilation, stride, places, padding, shape[1:-1], strict=True):
        first = i * d - before
        edges.append((first, size - first - s * (k - 1) - 1, s - 1))
    return lax.pad(part, np.zeros((), part.dtype), ((0, 0, 0), *edges, (0, 0, 0)))


def scan(step, state, inputs, reverse):
    """Carry a state along; inputs that are known to be one number are no arrays to be read at every step."""
    read = [a for a in inputs if not _one_number(a)]

    def with_known(state, now):
        now = iter(now)
        return step(state, [a[0] if _one_number(a) else next(now) for a in inputs])

    return lax.scan(with_known, jax.tree.map(jnp.asarray, state), read, len(inputs[0]), reverse)


def rounding(xp: SimpleNamespace, kind: str = "cpu") -> SimpleNamespace:
    """Make the functions whose products are of factors rounded to bf16. A CPU multiplies them as float32; other devices
    have units for bf16, which add up in float32 as well: the same products, many times as fast."""
    def matmul(u, v):
        if kind != "cpu":
            return jnp.matmul(*(a.astype(jnp.bfloat16) for a in (u, v)), preferred_element_type=jnp.float32)
        u, v = (lax.reduce_precision(a, exponent_bits=8, mantissa_bits=7) for a in (u, v))
        return xp.matmul(u, v)

    return SimpleNamespace(**vars(xp) | {"matmul": matmul})


def arrays() -> SimpleNamespace:
    """Make what stands for `xp` in JAX's mode of this moment: without the 64-bit mode, double is single."""
    same = {name: getattr(jnp, name) for name in vars(NUMPY) if hasattr(jnp, name)}
    wide = jnp.float64 if jnp.result_type(float) == jnp.float64 else jnp.float32
    own = {"erf": jax.scipy.special.erf, "scatter_add": scatter_add, "patches": patches, "add_patches": add_patches,
           "scan": scan,
           "full": full, "swapaxes": swapaxes, "where": where, "wide": wide, "float64": wide, "__name__": "jax"}
    return SimpleNamespace(**same | own)


def counting_on(xp: SimpleNamespace, part: Any) -> SimpleNamespace:
    """Make the functions whose 32-bit counters, which chance is drawn by, begin where those of the part before end."""
    def arange(*ends, dtype=None):
        own = xp.arange(*ends, dtype=dtype)
        return own + jnp.uint32(part) * jnp.uint32(len(own)) if own.dtype == jnp.uint32 else own

    return SimpleNamespace(**vars(xp) | {"arange": arange})
