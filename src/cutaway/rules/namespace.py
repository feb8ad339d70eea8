"""`xp`: the closed set of array functions that rules may use, and the binding of every rule to one such set.

Rules see NumPy's meaning of each name. `NUMPY` gives it to them; `bind` makes copies of all rules for another set
(JAX in the tests; later an accelerator), so nobody writes a rule twice.
"""

from __future__ import annotations

from types import FunctionType, SimpleNamespace

import numpy as np


def _erf(x):
    from scipy.special import erf  # imported late: only GELU needs it

    return erf(x)


def _scatter_add(shape, index, values):
    """Zeros of `shape` with values[i] added to row index[i]; equal indices add up, in order."""
    out = np.zeros(shape, values.dtype)
    np.add.at(out, index, values)
    return out


_NAMES = (
    "abs", "arange", "broadcast_to", "concatenate", "exp", "expand_dims", "expm1", "float32", "float64", "full", "log",
    "log1p", "maximum", "mean", "minimum", "reshape", "sign", "sqrt", "sum", "swapaxes", "take", "tanh", "transpose",
    "uint32", "where",
)  # fmt: skip

NUMPY = SimpleNamespace(
    __name__="numpy", erf=_erf, scatter_add=_scatter_add, **{name: getattr(np, name) for name in _NAMES}
)

xp = NUMPY


def bind(other: SimpleNamespace, modules: tuple) -> SimpleNamespace:
    """Every function of the given rule modules with `xp` standing for `other`."""
    names: dict = {"xp": other, "__builtins__": __builtins__}
    for module in modules:
        for name, value in vars(module).items():
            if isinstance(value, FunctionType):
                copy = FunctionType(value.__code__, names, name, value.__defaults__)
                copy.__kwdefaults__ = value.__kwdefaults__
                names[name] = copy
            elif isinstance(value, float | int):
                names[name] = value
    return SimpleNamespace(**{name: value for name, value in names.items() if name != "__builtins__"})
