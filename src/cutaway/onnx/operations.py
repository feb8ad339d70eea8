"""One table: what ONNX nodes an operation becomes. An operation without a row is written by its rule's own text.

A row takes where the operation stands (`Site`), then what its rule takes, and gives what the rule gives; results that
come last may be left out, where nobody who evaluates a network reads them. `WITHOUT` says which operations no file has.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..errors import ArgumentError
from ..rules import OPS, bind, facts
from . import recurrent
from .arrays import XP, concatenate, expand_dims, reduced, take, where
from .graph import OnnxArray, OnnxGraph, picked

OF_TRAINING = "it is of training alone: a network that is evaluated has none"
#: Operations that no file has, and why.
WITHOUT = {
    **dict.fromkeys(("mse", "half_mse", "mae", "huber", "poisson", "pinball", "binary_cross_entropy", "cross_entropy",
                     "soft_cross_entropy", "member_cross_entropy"), "it is a loss, and an ONNX file predicts"),
    **dict.fromkeys(("weighted_mean", "penalty", "penalized_mean"), "it is of the loss, and an ONNX file predicts"),
    **dict.fromkeys(("dropout", "falling_dropout", "augment", "batch_stats", "step_stats", "running_average"),
                    OF_TRAINING),
    "sum_to": "it is of gradients alone",
}


@dataclass
class Site:
    """Where an operation stands: the graph, the shapes of what is to come out, and which operation made an array.

    alike: whether the first size of its input and of its output are the same rows.
    """

    graph: OnnxGraph
    shapes: list[tuple[int | None, ...]]
    alike: bool = True
    sources: dict[str, tuple[str, list[Any]]] = field(default_factory=dict)


Row = Callable[..., Any]
ROWS: dict[str, Row] = {}


def row(function: Row) -> Row:
    """Enter a function into the table, as the operation that is called like it."""
    ROWS[function.__name__.rstrip("_")] = function
    return function


def written(op: str, place: Site, inputs: list[OnnxArray | None], settings: dict[str, Any]) -> list[OnnxArray]:
    """Write an operation's nodes: give its results. Raises ArgumentError for one that cannot be written."""
    g = place.graph
    if op in WITHOUT:
        raise ArgumentError(f"{where_is(g)}the operation {op} has no place in an ONNX file: {WITHOUT[op]}")
    if op in ROWS:
        made = ROWS[op](place, *inputs, **settings)
    else:
        try:
            made = bind(OPS[op].forward, XP)(*inputs, **settings)
        except (AttributeError, TypeError, StopIteration) as reason:
            raise ArgumentError(
                f"{where_is(g)}the operation {op} ({facts(op).formula}) has no row in the table of ONNX nodes, and its "
                f"rule's text is not one that can be written as nodes ({reason!s:.120}): put a row for it into "
                "cutaway.onnx.ROWS, or make the layer of operations that have one"
            ) from None
    results = list(made) if isinstance(made, tuple) else [made]
    for array, shape in zip(results, place.shapes, strict=False):
        array.shape = shape
    return results


def where_is(g: OnnxGraph) -> str:
    return f"{g.scope}: " if g.scope else ""


# ---- products --------------------------------------------------------------------------------------------------------


@row
def linear(at, x, W, b):
    g, m = at.graph, W.shape[0]
    if x.ndim == 2 and b is not None and b.shape == (m,):
        if x.dtype == np.float32:
            return g("Gemm", x, W, b, transB=1, shape=(x.shape[0], m))
        # ONNX Runtime 1.17 joins Gemm with what comes next (Relu, say), and then has no kernel for doubles
        return g("Gemm", x, W, transB=1, shape=(x.shape[0], m)) + b
    z = g("MatMul", x, turned(W, (1, 0)), shape=(*x.shape[:-1], m))
    return z if b is None else z + b


@row
def matmul(at, u, v):
    return at.graph("MatMul", u, v, shape=at.shapes[0])


@row
def embedding(at, i, W):
    return take(W, i, 0)


@row
def by_feature(at, u, c, W, *, groups):
    """Numbers of one group beside each other, as many as the largest has: then one product for every group."""
    g, k = at.graph, W.shape[1]
    own = np.clip(known(c, "c"), 0, groups - 1)
    places = [np.flatnonzero(own == group) for group in range(groups)]
    most = max(1, *map(len, places))
    seen = np.array([np.resize(p if len(p) else [0], most) for p in places], np.int64)  # what is too few stands again,
    weighed = np.array([[j if j < len(p) else -1 for j in range(most)] for p in places])  # beside weights of zero
    rows = np.where(weighed < 0, W.shape[0], seen)
    zero = g.constant(np.zeros((1, k), W.dtype))
    each = take(concatenate([W, zero], 0), g.constant(rows), 0)  # (groups, most, k)
    apart = g("Gather", u, seen, axis=u.ndim - 1, shape=(*u.shape[:-1], groups, most))
    if u.ndim == 2:
        return turned(g("MatMul", turned(apart, (1, 0, 2)), each, shape=(groups, None, k)), (1, 0, 2))
    h = g("MatMul", expand_dims(apart, -2), each, shape=(*u.shape[:-1], groups, 1, k))
    return g("Squeeze", h, np.array([u.ndim]), shape=at.shapes[0])


@row
def member_inputs(at, x, r):
    return expand_dims(x, 1) * r


@row
def member_linear(at, x, W, b):
    g = at.graph
    z = turned(g("MatMul", turned(x, (1, 0, 2)), turned(W, (0, 2, 1)), shape=(W.shape[0], None, W.shape[1])), (1, 0, 2))
    return z if b is None else z + g("Reshape", b, np.array(W.shape[:2]), shape=W.shape[:2])


@row
def member_log_mean_exp(at, z):
    g = at.graph
    top = reduced("ReduceMax", z, 1, True)
    log = g("Log", reduced("ReduceMean", g("Exp", z - top), 1, False))
    return log + g("Squeeze", top, np.array([1]), shape=log.shape)


# ---- convolution and pooling: channels come last in a listing, and first in ONNX -------------------------------------


def turned(x: OnnxArray, axes: tuple[int, ...]) -> OnnxArray:
    return x.graph("Transpose", x, perm=list(axes), shape=tuple(x.shape[a] for a in axes))


def channels_first(x: OnnxArray) -> OnnxArray:
    return turned(x, (0, x.ndim - 1, *range(1, x.ndim - 1)))


def channels_last(x: OnnxArray) -> OnnxArray:
    return turned(x, (0, *range(2, x.ndim), 1))


@row
def conv(at, x, W, b, *, stride, padding, dilation, groups):
    g = at.graph
    W = g.reformed(W, "filters", lambda a: np.moveaxis(a, -1, 1)) or channels_first(W)
    alone = b is not None and b.shape != W.shape[:1]
    z = g("Conv", channels_first(x), W, *([] if b is None or alone else [b]), strides=list(stride), group=groups,
          pads=ends(padding), dilations=list(dilation), shape=(x.shape[0], W.shape[0], *[None] * (x.ndim - 2)))
    return channels_last(z) + b if alone else channels_last(z)


def ends(padding: Any) -> list[int]:
    """Pairs (before, after) as ONNX has them: all befores, then all afters."""
    return [int(before) for before, _ in padding] + [int(after) for _, after in padding]


def pooled(at: Site, op: str, x: OnnxArray, fill: float, window: Any, stride: Any, padding: Any,
           **settings: Any) -> OnnxArray:
    x, open_sizes = channels_first(x), (None,) * (x.ndim - 2)
    if any(pad >= size for pair, size in zip(padding, window, strict=True) for pad in pair):  # which runtimes refuse
        pads = np.array([0, 0, *(before for before, _ in padding), 0, 0, *(after for _, after in padding)])
        x = at.graph("Pad", x, pads, at.graph.constant(fill, x.dtype), shape=(*x.shape[:2], *open_sizes))
        padding = [(0, 0)] * len(window)
    return channels_last(at.graph(op, x, kernel_shape=list(window), strides=list(stride), pads=ends(padding),
                                  shape=(*x.shape[:2], *open_sizes), **settings))


@row
def max_pool(at, x, *, window, stride, padding):
    return pooled(at, "MaxPool", x, -math.inf, window, stride, padding)


@row
def avg_pool(at, x, *, window, stride, padding):
    return pooled(at, "AveragePool", x, 0.0, window, stride, padding, count_include_pad=1)


# ---- sequences: `lengths` say which steps are no padding -------------------------------------------------------------


def steps_of(x: OnnxArray) -> OnnxArray:
    """How many time steps x (n, time, ...) has: (1,), whole numbers."""
    g = x.graph
    if x.shape[1] is not None:
        return g.constant([x.shape[1]], np.int64)
    return g("Shape", x, start=1, end=2, dtype=np.int64, shape=(1,))


def within(x: OnnxArray, lengths: OnnxArray) -> OnnxArray:
    """Whether a step of x (n, time, ...) lies within its row's length: (n, time, 1, ...)."""
    g = x.graph
    if x.shape[1] is not None:
        steps = g.constant(np.arange(x.shape[1]))
    else:
        last = g("Squeeze", steps_of(x), shape=())
        steps = g("Range", g.constant(0, np.int64), last, g.constant(1, np.int64), shape=(None,))
    inside = steps < expand_dims(lengths.astype(np.int64), 1)
    axes = np.arange(2, x.ndim)
    return g("Unsqueeze", inside, axes, shape=(*inside.shape, *[1] * len(axes))) if len(axes) else inside


@row
def masked(at, x, lengths):
    return where(within(x, lengths), x, 0)


@row
def global_average(at, x, lengths):
    axes, wide = tuple(range(1, x.ndim - 1)), x.astype(np.float64)
    if lengths is None:
        return reduced("ReduceMean", wide, axes, False).astype(x.dtype)
    g, rest = at.graph, math.prod(size or 1 for size in x.shape[2:-1])
    places = g("Min", lengths.astype(np.int64), steps_of(x), shape=(None,)) * rest
    total = reduced("ReduceSum", where(within(x, lengths), wide, 0), axes, False)
    return (total / expand_dims(places, 1).astype(np.float64)).astype(x.dtype)


@row
def shares_above(at, x, b, g, lengths):
    parts = [global_average(at, XP.minimum(XP.maximum((x - b[k]) * g, 0), 1), lengths) for k in range(b.shape[0])]
    return concatenate([expand_dims(part, 1) for part in parts], 1)


@row
def global_max(at, x, lengths):
    x = x if lengths is None else where(within(x, lengths), x, -math.inf)
    return reduced("ReduceMax", x, tuple(range(1, x.ndim - 1)), False)


@row
def shortened(at, lengths, *, window, stride, padding, dilation):
    cut = padding - dilation * (window - 1) - 1
    return at.graph("Max", (lengths + cut) / stride + 1, 1)  # what is cut towards zero here is at least 1 all the same


@row
def rnn(at, u, W, b, h0, lengths, *, relu, reverse, truncate):
    return recurrent.written(at, "RNN", u, W, b, [h0], lengths, reverse, activations=["Relu" if relu else "Tanh"])


@row
def lstm(at, u, W, b, h0, c0, lengths, *, reverse, truncate):
    return recurrent.written(at, "LSTM", u, W, b, [h0, c0], lengths, reverse)


@row
def gru(at, u, W, b, h0, lengths, *, reverse, truncate):
    return recurrent.written(at, "GRU", u, W, b, [h0], lengths, reverse, linear_before_reset=1)


# ---- shapes, sums ----------------------------------------------------------------------------------------------------


@row
def reshape(at, x, *, shape):
    """A size that is open keeps its place by 0, which copies it and its name; else it is -1, what is left."""
    (wanted,) = at.shapes
    sizes: list[int] = []
    for k, size in enumerate(wanted):
        same = size is None and k < x.ndim and x.shape[k] is None and (k > 0 or at.alike)
        sizes.append(size if size is not None else 0 if same else -1)
    if sizes.count(-1) > 1:
        raise ArgumentError(f"{where_is(at.graph)}a shape with two sizes that are open, rows and time steps, cannot be "
                            "written: keep the time steps an axis of their own")
    return at.graph("Reshape", x, np.array(sizes, np.int64), shape=wanted)


@row
def transpose(at, x, *, axes):
    axes = axes if axes is not None else range(x.ndim)[::-1]
    return turned(x, tuple(int(a) % x.ndim for a in axes))


@row
def real(at, x, like):
    return x.astype(like.dtype)


@row
def concat(at, *x, axis):
    return concatenate(x, axis)


@row
def index(at, x, *, key):
    return picked(x, key)


@row
def sum_(at, x, *, axis, keepdims):
    return reduced("ReduceSum", x, axis, keepdims)


@row
def mean(at, x, *, axis, keepdims):
    return reduced("ReduceMean", x, axis, keepdims)


@row
def max_(at, x, *, axis, keepdims):
    return reduced("ReduceMax", x, axis, keepdims)


@row
def norm(at, x, *, axis, keepdims):
    return at.graph("Sqrt", reduced("ReduceSum", x * x, axis, keepdims))


# ---- elementwise operations for which ONNX has a node that is as good as the rule's text -----------------------------


@row
def relu(at, z):
    return at.graph("Relu", z)


@row
def leaky_relu(at, z, *, slope):
    return at.graph("LeakyRelu", z, alpha=float(slope))


@row
def identity(at, z):
    return at.graph("Identity", z)


@row
def detach(at, z):
    return at.graph("Identity", z)


@row
def softmax(at, z):
    return at.graph("Softmax", z, axis=-1)


@row
def log_softmax(at, z):
    return at.graph("LogSoftmax", z, axis=-1)


def known(a: OnnxArray, name: str) -> np.ndarray:
    """The numbers of an array that are in the file. Raises ArgumentError for one that is computed."""
    if a.name not in a.graph.constants:
        raise ArgumentError(f"{where_is(a.graph)}{name} is computed from the input, and an ONNX file needs fixed "
                            "numbers")
    return a.graph.constants[a.name]
