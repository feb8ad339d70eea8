"""Every operation as a function on Tensors: `ct.ops.relu(x)`. Each is the rule of that name in cutaway/rules."""

from __future__ import annotations

import numpy as np

from .. import habits
from ..arguments import whole_numbers, within
from ..errors import ArgumentError, ShapeError
from ..rules import OPS
from ..rules.settings import real
from . import arrays
from .arrays import *  # noqa: F403
from .composed import *  # noqa: F403
from .tape import recording
from .tensor import Tensor, _index, apply, product


def _elementwise(name: str):
    def operation(*tensors, **attributes):
        return apply(name, *tensors, **attributes)

    operation.__name__ = operation.__qualname__ = name
    operation.__doc__ = OPS[name].formula
    return operation


relu, sigmoid, tanh, selu, gelu, gelu_tanh, silu, softplus, mish, identity = map(
    _elementwise, ("relu", "sigmoid", "tanh", "selu", "gelu", "gelu_tanh", "silu", "softplus", "mish", "identity")
)
add, sub, mul, div, maximum, minimum, neg, exp, log, log1p, expm1, sin, cos, erf, sqrt, abs, square, detach = map(
    _elementwise,
    ("add", "sub", "mul", "div", "maximum", "minimum", "neg", "exp", "log", "log1p", "expm1", "sin", "cos", "erf",
     "sqrt", "abs", "square", "detach"),
)
clamp, pow = arrays.clip, arrays.power
subtract, multiply, divide, true_divide, negative, absolute = sub, mul, div, div, neg, abs


def matmul(u, v) -> Tensor:
    """w = u v: u (..., n, k), v (..., k, m) -> w (..., n, m); u or v may have one dimension."""
    return product(u, v)


@arrays.in_both_words
def leaky_relu(z, slope: float = 0.01) -> Tensor:
    """a = z if z > 0 else slope z"""
    return apply("leaky_relu", z, slope=real(slope))


@arrays.in_both_words
def elu(z, alpha: float = 1.0) -> Tensor:
    """a = z if z > 0 else alpha (e^z - 1)"""
    return apply("elu", z, alpha=real(alpha))


@arrays.in_both_words
def linear(x, W, b=None) -> Tensor:
    """z = W x + b. x (..., k), W (m, k), b (m,) or None -> z (..., m)."""
    if np.ndim(W) != 2:
        raise ShapeError(f"linear takes weights W of shape (outputs, inputs), a row for each output, got {np.shape(W)}")
    return apply("linear", x, W, b)


@arrays.in_both_words
def embedding(i, W) -> Tensor:
    """h = W[i]: rows of a table (entries, width) by integer numbers i (...), which are copied and checked first."""
    numbers = i.data if isinstance(i, Tensor) else np.asarray(i)
    if numbers.dtype.kind not in "iub":
        raise ArgumentError(f"embedding looks up whole numbers, got {numbers.dtype}: give an integer array")
    if recording() is None or not isinstance(i, Tensor):
        i = Tensor(whole_numbers("i", numbers))
        within("i", i.data, np.shape(W)[0])
    return apply("embedding", i, W)


@arrays.in_both_words
def rising(z, middle: int = 0) -> Tensor:
    """q (..., m), none smaller than the one before it: z itself in the middle, and outward sums of log(1 + e^z)."""
    if not 0 <= middle < np.shape(z)[-1]:
        raise ArgumentError(f"rising: middle is {middle!r}, and there are {np.shape(z)[-1]} numbers: give one's place")
    return apply("rising", z, middle=int(middle))


def index(x, key) -> Tensor:
    """x[key], as NumPy indexes."""
    return apply("index", x, key=_index(key))


def dropout(x, p: float = 0.5, seed=None, step=None, call=None, **named) -> Tensor:
    """Zero each value with probability p; (seed, step, call) choose the mask."""
    if seed is None or step is None or call is None or named:
        raise ArgumentError("dropout needs seed, step and call, which choose its mask: in a network, make it a layer, "
                            "ct.nn.Dropout(p), which knows them and whether it trains")
    return apply("dropout", x, p=p, seed=seed, step=step, call=call)


def augment(x, seed, step, call, flip: bool = False, flip_vertical: bool = False, shift: float = 0.0,
            rotate: float = 0.0, crop: float = 1.0) -> Tensor:
    """Images (n, h, w, c), each flipped, shifted, turned and cropped by chance; (seed, step, call) choose how.

    No gradient flows back through it. More than eight arguments: five kinds of change, and the three that choose.
    """
    return apply("augment", x, flip=bool(flip), flip_vertical=bool(flip_vertical), shift=real(shift),
                 rotate=real(rotate), crop=real(crop), seed=seed, step=step, call=call)


def layer_norm(x, gamma, beta, eps: float = 1e-5) -> Tensor:
    """Normalise every row over its last axis."""
    return apply("layer_norm", x, gamma, beta, eps=eps)[0]


def batch_norm(x, gamma, beta, mean=None, var=None, eps: float = 1e-5) -> Tensor:
    """Normalise every column by the batch's mean and variance, or by the ones given."""
    if mean is None:
        mean, var = apply("batch_stats", x)
    return apply("batch_norm", x, mean, var, gamma, beta, eps=eps)


@arrays.in_both_words
def conv(x, W, b=None, stride=None, padding=None, dilation=None, groups: int = 1) -> Tensor:
    """z = W * x + b at every place. x (n, *size, c), W (m, *window, c / groups), b (m,) or None -> z (n, *places, m).

    stride and dilation have a number for each size (1 by default), padding a pair (before, after) (none by default);
    one number is the same for all.
    """
    sizes = len(np.shape(x)) - 2
    return apply("conv", x, W, b, stride=_each(1 if stride is None else stride, sizes), padding=_edges(padding, sizes),
                 dilation=_each(1 if dilation is None else dilation, sizes), groups=groups)


def _each(setting, sizes: int):
    """Make a setting for each size of an image or sequence: one number counts for all."""
    return (int(setting),) * sizes if isinstance(setting, int | np.integer) else setting


def _edges(padding, sizes: int):
    """Make a pair (before, after) for each size: one number counts at all ends."""
    return ((_each(0 if padding is None else padding, 2)),) * sizes if np.ndim(padding) == 0 else padding


def max_pool(x, window, stride=None, padding=None) -> Tensor:
    """The largest value in each window, channel by channel. x (n, *size, c) -> (n, *places, c)."""
    return _pool("max_pool", x, window, stride, padding)


def avg_pool(x, window, stride=None, padding=None) -> Tensor:
    """The mean of each window, channel by channel; padding counts as zeros. x (n, *size, c) -> (n, *places, c)."""
    return _pool("avg_pool", x, window, stride, padding)


def _pool(name: str, x, window, stride, padding) -> Tensor:
    sizes = len(np.shape(x)) - 2
    window = _each(window, sizes)
    return apply(name, x, window=window, stride=_each(window if stride is None else stride, sizes),
                 padding=_edges(padding, sizes))


def global_average(x, lengths=None) -> Tensor:
    """The mean over all places, within each sequence's length if lengths are given. x (n, *size, c) -> (n, c)."""
    return apply("global_average", x, lengths)


def global_max(x, lengths=None) -> Tensor:
    """The largest over all places, within each sequence's length if lengths are given. x (n, *size, c) -> (n, c)."""
    return apply("global_max", x, lengths)


def shares_above(x, b, g, lengths=None) -> Tensor:
    """The share of steps at which each channel is above thresholds: x (n, time, c), b (k, c), g (c) -> (n, k, c).

    A step within 1 / g above a threshold counts in part. Steps beyond a sequence's length, if given, do not count.
    """
    return apply("shares_above", x, b, g, lengths)


def masked(x, lengths) -> Tensor:
    """x (n, time, ...) with zeros beyond each sequence's length."""
    return apply("masked", x, lengths)


def shortened(lengths, window: int, stride: int = 1, padding: int = 0, dilation: int = 1) -> Tensor:
    """Lengths of sequences after a window has passed over them; padding counts both ends."""
    return apply("shortened", lengths, window=window, stride=stride, padding=padding, dilation=dilation)


def _check_gates(op: str, u, W) -> None:
    """Raise ShapeError where u and W are not the parts of a scan's gates."""
    gates = len(OPS[op].sums)
    if np.ndim(u) != 3 or np.ndim(W) != 2 or np.shape(W)[0] % gates or np.shape(u)[2] not in (1, np.shape(W)[0]):
        k = "k" if gates == 1 else f"{gates} k"
        raise ShapeError(f"{op} takes u (n, time, {k}) and W ({k}, k), got {np.shape(u)} and {np.shape(W)}")


def rnn(u, W, b=None, h0=None, lengths=None, relu: bool = False, reverse: bool = False, truncate: int | None = None):
    """h = tanh(u + W h + b) along time. u (n, time, k), W (k, k) -> every h (n, time, k) and the last (n, k).

    h0 (n, k): the state before the first step, or (k,), a learned one that is the same for every row. b (k,).
    """
    _check_gates("rnn", u, W)
    return apply("rnn", u, W, b, h0, lengths, relu=relu, reverse=reverse, truncate=truncate)


def lstm(u, W, b=None, h0=None, c0=None, lengths=None, reverse: bool = False, truncate: int | None = None):
    """Long short-term memory along time. u (n, time, 4k), W (4k, k) -> every h, the last h and c, gates, every c."""
    _check_gates("lstm", u, W)
    return apply("lstm", u, W, b, h0, c0, lengths, reverse=reverse, truncate=truncate)


def gru(u, W, b=None, h0=None, lengths=None, reverse: bool = False, truncate: int | None = None):
    """Gated recurrent unit along time. u (n, time, 3k), W (3k, k) -> every h, the last h, gates, and n's W h + b."""
    _check_gates("gru", u, W)
    return apply("gru", u, W, b, h0, lengths, reverse=reverse, truncate=truncate)


for _f in (relu, sigmoid, tanh, exp, log, log1p, expm1, sin, cos, erf, sqrt, abs, square, neg, add, sub, mul, div,
           maximum, minimum, matmul, detach):
    setattr(Tensor, _f.__name__, _f)
for _name in ("subtract", "multiply", "divide", "true_divide", "negative", "absolute"):
    setattr(Tensor, _name, globals()[_name])


def __getattr__(name: str):
    raise habits.UnknownName("ct.ops", name, habits.OPS, lambda: globals())
