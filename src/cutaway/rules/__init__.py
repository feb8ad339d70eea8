"""What each operation computes, and its derivative: arrays in, arrays out.

A rule is two functions on one screen. `relu(z)` computes, `relu_back(da, a)` differentiates: its first arguments are
the gradients of the outputs, the others are whatever it needs again of the forward's inputs or outputs, by name. What
it does not name need not be kept; `x_shape` asks for a shape alone. `xp` is the array namespace (namespace.py).
"""

from . import (
    augment,
    convolution,
    dropout,
    elementwise,
    hold,
    linear,
    loss,
    members,
    norm,
    recurrent,
    reduce,
    shape,
    tabular,
)
from .binding import bind
from .namespace import NUMPY, xp
from .registry import OPS, Op, facts, rule
from .rounding import bf16, with_rounded_factors

__all__ = [
    "NUMPY", "OPS", "Op", "augment", "bf16", "bind", "convolution", "dropout", "elementwise", "facts", "hold", "linear",
    "loss", "members", "norm", "recurrent", "reduce", "rule", "shape", "tabular", "with_rounded_factors", "xp",
]
