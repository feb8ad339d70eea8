"""Nodes that are layers: products with weights, convolution and pooling, norms, softmax, and those of scikit-learn."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ...autodiff import Tensor, apply, ops
from .elementwise import together
from .shapes import reshaped
from .table import node, one_axis
from .values import Fixed, Joined, Turned

ML = "ai.onnx.ml"


# ---- products --------------------------------------------------------------------------------------------------------


@node("MatMul")
def matmul(at, A, B, bias=None):
    """bias: of an Add behind it, which network.py hands over."""
    if isinstance(A, Turned) and isinstance(B, Fixed) and B.ndim == 2:
        return linear(at, A, at.weight(B, "weight", np.transpose), bias)
    if isinstance(A, Turned) and isinstance(B, Fixed) and B.ndim == 1:
        z = linear(at, A, at.weight(B, "weight", lambda b: b[None]), None)
        return reshaped(at, z, list(z.shape[:-1]))
    u, v = (at.real(x.plain()) if isinstance(x, Turned) else at.weight(x, k) for k, x in enumerate((A, B)))
    return Turned(ops.matmul(u, v))


def linear(at: Any, x: Turned, W: Tensor, bias: Fixed | None) -> Turned:
    """W x + b along the graph's last axis, wherever its other axes are."""
    last = x.ndim - 1
    same = x if isinstance(x, Joined) or x.order[last] == last else Turned.with_rows_at(x.rows_first(), x.rows_at)
    if not isinstance(same, Joined) and same.order[last] != last:
        at.refuse("it weighs the rows of the batch")
    b = None if bias is None else at.weight(bias, "bias", lambda a: np.broadcast_to(a.reshape(-1), W.shape[:1]))
    return same.like(ops.linear(at.real(same.tensor), W, b))


@node("Gemm")
def gemm(at, A, B, C=None, alpha=1.0, beta=1.0, transA=0, transB=0, broadcast=0):
    if not isinstance(A, Turned) or transA:
        at.refuse("it turns the rows of the batch into columns" if transA else "it weighs the rows of the batch")
    if isinstance(B, Turned):
        z = Turned(ops.matmul(at.real(A.plain()), B.ordered([1, 0]) if transB else B.plain()))
    else:
        simple = isinstance(C, Fixed) and C.array.size in (1, B.shape[0 if transB else 1]) and alpha == beta == 1
        z = linear(at, A, at.weight(B, "weight", None if transB else np.transpose), C if simple else None)
        C = None if simple else C
    z = z if alpha == 1 else z.like(z.tensor * float(alpha))
    if C is None:
        return z
    if beta != 1:
        C = Fixed(C.array * np.float32(beta), C.name) if isinstance(C, Fixed) else C.like(C.tensor * float(beta))
    return together(at, "add", z, C, weighs=True)


@node("Einsum")
def einsum(at, *inputs, equation):
    if "->" not in equation or "." in equation or len(inputs) > 2:
        at.refuse(f"it sums by {equation!r}: letters for one or two arrays and what comes out are read")
    return Turned(ops.einsum(equation, *[at.real(x.plain()) if isinstance(x, Turned) else at.weight(x, k)
                                        for k, x in enumerate(inputs)]))


# ---- convolution and pooling -----------------------------------------------------------------------------------------


def channels_last(at: Any, x: Turned) -> Tensor:
    """The tensor of images or sequences with channels last, as operations take them."""
    if x.ndim not in (3, 4):
        at.refuse(f"it moves windows over {x.ndim - 2} axes: 1 and 2 are read")
    return at.real(x.ordered([0, *range(2, x.ndim), 1]))


def channels_first(tensor: Tensor) -> Turned:
    return Turned(tensor, (0, tensor.ndim - 1, *range(1, tensor.ndim - 1)))


def edges(at: Any, x: Turned, window: list[int], stride: list[int], dilation: list[int], pads: Any,
          auto_pad: str) -> tuple[tuple[int, int], ...]:
    """How much is padded before and behind each size."""
    count = len(window)
    if auto_pad in ("NOTSET", "", None):
        pads = [0] * (2 * count) if pads is None else pads
        if min(pads, default=0) < 0:
            at.refuse(f"it pads by {pads}")
        return tuple((int(pads[k]), int(pads[count + k])) for k in range(count))
    found = []
    for k, size in enumerate(x.shape[2:]):
        span = dilation[k] * (window[k] - 1) + 1
        more = 0 if auto_pad == "VALID" else max((-(-size // stride[k]) - 1) * stride[k] + span - size, 0)
        less = more // 2
        found.append((less, more - less) if auto_pad == "SAME_UPPER" else (more - less, less))
    return tuple(found)


@node("Conv")
def conv(at, X, W, B=None, auto_pad="NOTSET", dilations=None, group=1, kernel_shape=None, pads=None, strides=None):
    x = channels_last(at, X)
    if not isinstance(W, Fixed):
        at.refuse("its filters are computed from the data")
    window = list(W.shape[2:])
    ones = [1] * len(window)
    stride, dilation = strides or ones, dilations or ones
    filters = at.weight(W, "weight", lambda a: np.moveaxis(a, 1, -1))
    bias = None if B is None else at.weight(B, "bias")
    around = edges(at, X, window, stride, dilation, pads, auto_pad)
    return channels_first(ops.conv(x, filters, bias, tuple(stride), around, tuple(dilation), group))


def longer(size: int, before: int, behind: int, window: int, stride: int) -> int:
    """How much more must be padded behind, so that the last places are not cut off (ceil_mode)."""
    places = -(-(size + before + behind - window) // stride) + 1
    if (places - 1) * stride >= size + before:  # a window must not begin in the padding behind
        places -= 1
    return max((places - 1) * stride + window - size - before - behind, 0)


def pooling(at: Any, X: Turned, window: list[int], strides: Any, pads: Any, auto_pad: str, ceil_mode: int,
            dilations: Any) -> tuple[tuple, tuple, tuple]:
    """Window, stride, and edges with what ceil_mode adds."""
    if dilations and set(dilations) != {1}:
        at.refuse(f"its windows have gaps ({dilations}), which pooling here has not")
    ones = [1] * len(window)
    stride = strides or ones
    around = edges(at, X, window, stride, ones, pads, auto_pad)
    if ceil_mode and auto_pad in ("NOTSET", "", None):
        around = tuple((before, behind + longer(size, before, behind, k, s)) for size, (before, behind), k, s in
                       zip(X.shape[2:], around, window, stride, strict=True))
    return tuple(window), tuple(stride), around


@node("MaxPool")
def max_pool(at, X, kernel_shape, auto_pad="NOTSET", ceil_mode=0, dilations=None, pads=None, storage_order=0,
             strides=None):
    x = channels_last(at, X)
    return channels_first(ops.max_pool(x, *pooling(at, X, kernel_shape, strides, pads, auto_pad, ceil_mode, dilations)))


@node("AveragePool")
def average_pool(at, X, kernel_shape, auto_pad="NOTSET", ceil_mode=0, count_include_pad=0, dilations=None, pads=None,
                 strides=None):
    x, sizes = channels_last(at, X), X.shape[2:]
    own = pooling(at, X, kernel_shape, strides, pads, auto_pad, 0, dilations)[2]
    window, stride, around = pooling(at, X, kernel_shape, strides, pads, auto_pad, ceil_mode, dilations)
    y = ops.avg_pool(x, window, stride, around)
    shares = [within(size, before, real, k, s, places, bool(count_include_pad)) for size, (before, real), k, s, places
              in zip(sizes, own, window, stride, y.shape[1:-1], strict=True)]
    factor = math.prod(window) / np.multiply.outer(*shares) if len(shares) == 2 else window[0] / shares[0]
    return channels_first(y if (factor == 1).all() else y * factor[..., None].astype(at.dtype))


def within(size: int, before: int, behind: int, window: int, stride: int, places: int, padded: bool) -> np.ndarray:
    """How many numbers each window sees along one size: of the image, or of the padded image."""
    first = np.arange(places) * stride - before
    low, high = (-before, size + behind) if padded else (0, size)
    return np.minimum(first + window, high) - np.maximum(first, low)


@node("GlobalAveragePool")
def global_average_pool(at, X):
    found = ops.global_average(channels_last(at, X))
    return channels_first(ops.reshape(found, (found.shape[0], *(1,) * (X.ndim - 2), found.shape[1])))


@node("GlobalMaxPool")
def global_max_pool(at, X):
    found = ops.global_max(channels_last(at, X))
    return channels_first(ops.reshape(found, (found.shape[0], *(1,) * (X.ndim - 2), found.shape[1])))


# ---- norms -----------------------------------------------------------------------------------------------------------


@node("BatchNormalization")
def batch_norm(at, X, scale, B, input_mean, input_var, epsilon=1e-5, momentum=0.9, training_mode=0, spatial=1,
               is_test=0, consumed_inputs=None):
    """By the averages in the file, in training too."""
    if training_mode or not spatial:
        at.refuse("it normalises by the batch at hand: export the network for inference" if training_mode else
                  "it has an average for each place")
    x = X.plain() if X.ndim == 2 else X.ordered([0, *range(2, X.ndim), 1])
    gamma, beta = at.weight(scale, "weight"), at.weight(B, "bias")
    y = apply("batch_norm", at.real(x), at.buffer(input_mean, "mean"), at.buffer(input_var, "var"), gamma, beta,
              eps=float(epsilon))
    return Turned(y) if X.ndim == 2 else channels_first(y)


@node("LayerNormalization")
def layer_norm(at, X, Scale, B=None, axis=-1, epsilon=1e-5, stash_type=1):
    k = one_axis(at, axis, X.ndim)
    if k <= X.rows_at:
        at.refuse("it normalises over the rows of the batch")
    shape, width = X.shape, math.prod(X.shape[k:])
    x = X if k == X.ndim - 1 else reshaped(at, X, [*shape[:k], width])
    t = at.real(x.tensor if x.order[-1] == x.ndim - 1 else x.rows_first())
    same = x if x.order[-1] == x.ndim - 1 else Turned.with_rows_at(t, x.rows_at)
    gamma = at.weight(Scale, "weight", lambda a: np.broadcast_to(a, shape[k:]).reshape(-1))
    beta = np.zeros(width, at.dtype) if B is None else at.weight(
        B, "bias", lambda a: np.broadcast_to(a, shape[k:]).reshape(-1))
    y = same.like(ops.layer_norm(t, gamma, beta, float(epsilon)))
    return y if k == X.ndim - 1 else reshaped(at, y, list(shape))


@node("RMSNormalization")
def rms_norm(at, X, scale, axis=-1, epsilon=1e-5, stash_type=1):
    k = one_axis(at, axis, X.ndim)
    if k <= X.rows_at:
        at.refuse("it normalises over the rows of the batch")
    axes = tuple(X.order[a] for a in range(k, X.ndim))
    z = at.real(X.tensor)
    y = z / ops.sqrt(ops.mean(ops.square(z), axes, True) + float(epsilon))
    return together(at, "mul", X.like(y), scale, weighs=True)


@node("InstanceNormalization")
def instance_norm(at, input, scale, B, epsilon=1e-5, consumed_inputs=None):
    x = channels_last(at, input)
    axes = tuple(range(1, x.ndim - 1))
    far = x - ops.mean(x, axes, True)
    y = far / ops.sqrt(ops.mean(ops.square(far), axes, True) + float(epsilon))
    return channels_first(y * at.weight(scale, "weight") + at.weight(B, "bias"))


@node("GroupNormalization")
def group_norm(at, X, scale, bias, num_groups, epsilon=1e-5, stash_type=1):
    if scale.shape != X.shape[1:2]:
        at.refuse("it has a factor for each group: version 21 has one for each channel")
    x = channels_last(at, X)
    n, *sizes, c = x.shape
    apart = ops.reshape(x, (n, math.prod(sizes), num_groups, c // num_groups))
    far = apart - ops.mean(apart, (1, 3), True)
    y = ops.reshape(far / ops.sqrt(ops.mean(ops.square(far), (1, 3), True) + float(epsilon)), x.shape)
    return channels_first(y * at.weight(scale, "weight") + at.weight(bias, "bias"))


@node("LpNormalization")
def length_norm(at, input, axis=-1, p=2):
    inner = input.order[one_axis(at, axis, input.ndim)]
    z = at.real(input.tensor)
    return input.like(z / (ops.norm(z, inner, True) if p == 2 else ops.sum(ops.abs(z), inner, True)))


# ---- softmax ---------------------------------------------------------------------------------------------------------


def along(at: Any, x: Turned, axis: int, how: Any) -> Turned:
    k = one_axis(at, axis, x.ndim)
    if k == x.rows_at:
        at.refuse("it compares the rows of the batch with each other")
    return x.like(how(at.real(x.tensor), axis=x.order[k]))


def flattened(at: Any, x: Turned, axis: int, how: Any) -> Turned:
    """Before version 13 all axes from this one on were one."""
    k, shape = one_axis(at, axis, x.ndim), x.shape
    if k == x.ndim - 1:
        return along(at, x, k, how)
    return reshaped(at, along(at, reshaped(at, x, [*shape[:k], math.prod(shape[k:])]), k, how), list(shape))


for _name, _how in {"Softmax": ops.softmax, "LogSoftmax": ops.log_softmax}.items():
    def _enter(name: str, how: Any) -> None:
        node(name, since=1)(lambda at, input, axis=1: flattened(at, input, axis, how))
        node(name, since=13)(lambda at, input, axis=-1: along(at, input, axis, how))

    _enter(_name, _how)


# ---- what scikit-learn's converter writes ----------------------------------------------------------------------------


@node("Scaler", domain=ML)
def scaler(at, X, offset=(), scale=()):
    z = at.real(X.tensor)
    z = z - np.array(offset, at.dtype) if any(offset) else z
    return X.like(z * np.array(scale, at.dtype) if any(s != 1 for s in scale) else z)


@node("Normalizer", domain=ML)
def normalizer(at, X, norm="MAX"):
    z = at.real(X.tensor)
    by = {"MAX": lambda: ops.max(ops.abs(z), -1, True), "L1": lambda: ops.sum(ops.abs(z), -1, True),
          "L2": lambda: ops.norm(z, -1, True)}[norm]()
    return X.like(z / by)


@node("FeatureVectorizer", domain=ML)
def feature_vectorizer(at, *X, inputdimensions=()):
    return Turned(apply("concat", *[at.real(x.plain()) for x in X], axis=1))


@node("LinearRegressor", domain=ML)
def linear_regressor(at, X, coefficients=(), intercepts=(), post_transform="NONE", targets=1):
    if post_transform != "NONE":
        at.refuse(f"what it does behind ({post_transform}) is not read")
    W = at.weight(Fixed(np.array(coefficients, np.float32).reshape(targets, -1), f"{at.layer}.coefficients"), "weight")
    b = Fixed(np.array(intercepts, np.float32), f"{at.layer}.intercepts") if len(intercepts) else None
    return linear(at, X, W, b)


