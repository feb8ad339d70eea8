"""The array functions of rules (rules/namespace.py) as JAX has them."""

from __future__ import annotations

from types import SimpleNamespace

import jax
import jax.numpy as jnp
from jax import lax

from ...rules import NUMPY


def scatter_add(shape, index, values):
    return jnp.zeros(shape, values.dtype).at[index].add(values)


def patches(x, window, stride, padding, dilation, fill):
    """Take for every window the places that it sees, found by counting."""
    x = jnp.pad(x, ((0, 0), *padding, (0, 0)), constant_values=fill)
    for axis, (k, s, d) in enumerate(zip(window, stride, dilation, strict=True), 1):
        places = (x.shape[axis] - d * (k - 1) - 1) // s + 1
        seen = s * jnp.arange(places)[:, None] + d * jnp.arange(k)
        x = jnp.moveaxis(jnp.take(x, seen, axis=axis), axis + 1, -2)
    return x


def add_patches(shape, p, stride, padding, dilation):
    window = p.shape[len(shape) - 1 : -1]
    empty = jnp.zeros(shape, p.dtype)
    return jax.linear_transpose(lambda x: patches(x, window, stride, padding, dilation, 0), empty)(p)[0]


def scan(step, state, inputs, reverse):
    return lax.scan(step, state, inputs, reverse=reverse)


def rounding(xp: SimpleNamespace) -> SimpleNamespace:
    """Make the functions whose products are of factors rounded to bf16."""
    def matmul(u, v):
        u, v = (lax.reduce_precision(a, exponent_bits=8, mantissa_bits=7) for a in (u, v))
        return xp.matmul(u, v)

    return SimpleNamespace(**vars(xp) | {"matmul": matmul})


def arrays() -> SimpleNamespace:
    """Make what stands for `xp` in JAX's mode of this moment: without the 64-bit mode, double is single."""
    same = {name: getattr(jnp, name) for name in vars(NUMPY) if hasattr(jnp, name)}
    wide = jnp.float64 if jnp.result_type(float) == jnp.float64 else jnp.float32
    own = {"erf": jax.scipy.special.erf, "scatter_add": scatter_add, "patches": patches, "add_patches": add_patches,
           "scan": scan, "wide": wide, "float64": wide, "__name__": "jax"}
    return SimpleNamespace(**same | own)
