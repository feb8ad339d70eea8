"""`xp`: the closed set of array functions that rules may use.

Rules see NumPy's meaning of each name. `NUMPY` gives it to them; `bind` (binding.py) makes a rule for another set, such
as JAX's. `wide` is the precision in which long sums are added up: double where there is one.
"""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np


def _erf(x):
    from scipy.special import erf  # imported late: only GELU needs it

    return erf(x)


def _scatter_add(shape, index, values):
    """Zeros of `shape` with values[i] added to row index[i]; equal indices add up, in order."""
    out = np.zeros(shape, values.dtype)
    np.add.at(out, index, values)
    return out


def _patches(x, window, stride, padding, dilation, fill):
    """What each window sees of x (n, *size, c) with `padding` of `fill` around it: (n, *places, *window, c)."""
    axes = tuple(range(1, x.ndim - 1))
    x = np.pad(x, ((0, 0), *padding, (0, 0)), constant_values=fill)
    spans = tuple(d * (k - 1) + 1 for k, d in zip(window, dilation, strict=True))
    seen = np.lib.stride_tricks.sliding_window_view(x, spans, axes)
    every = slice(None)
    taken = (every, *(slice(None, None, s) for s in stride), every, *(slice(None, None, d) for d in dilation))
    return np.moveaxis(seen[taken], x.ndim - 1, -1)


def _add_patches(shape, p, stride, padding, dilation):
    """The transpose of `patches`: zeros of `shape` with every window's numbers added where it saw them."""
    places, window = p.shape[1 : len(shape) - 1], p.shape[len(shape) - 1 : -1]
    out = np.zeros((shape[0], *(k + sum(pad) for k, pad in zip(shape[1:-1], padding, strict=True)), shape[-1]), p.dtype)
    every = (slice(None),) * (len(shape) - 1)
    for at in np.ndindex(*window):
        seen = (slice(i * d, i * d + s * (k - 1) + 1, s)
                for i, d, s, k in zip(at, dilation, stride, places, strict=True))
        out[(slice(None), *seen)] += p[(*every, *at)]
    return out[(slice(None), *(slice(lo, lo + k) for k, (lo, _) in zip(shape[1:-1], padding, strict=True)))]


def _scan(step, state, inputs, reverse):
    """state, out = step(state, [a[t] for a in inputs]) for each t in turn; the last state, and every out along time."""
    steps = range(len(inputs[0]))
    outs: list = [None] * len(steps)
    for t in reversed(steps) if reverse else steps:
        state, outs[t] = step(state, [a[t] for a in inputs])
    return state, tuple(np.stack(out) for out in zip(*outs, strict=True))


_NAMES = (
    "abs", "arange", "argmax", "broadcast_to", "concatenate", "cos", "cumsum", "exp", "expand_dims", "expm1", "flip",
    "float32", "float64", "floor", "full", "int32", "log", "log1p", "matmul", "max", "maximum", "mean", "minimum",
    "reshape", "sign", "sin", "sqrt", "sum", "swapaxes", "take", "tanh", "transpose", "uint32", "where",
)

NUMPY = SimpleNamespace(
    __name__="numpy", erf=_erf, scatter_add=_scatter_add, patches=_patches, add_patches=_add_patches, scan=_scan,
    wide=np.float64,
    **{name: getattr(np, name) for name in _NAMES},
)

xp = NUMPY
