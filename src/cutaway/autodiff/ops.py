"""Every operation as a function on Tensors: `ct.ops.relu(x)`. Each is the rule of that name in cutaway/rules."""

from __future__ import annotations

from .tensor import Tensor, apply


def _elementwise(name: str):
    def operation(*tensors, **attributes):
        return apply(name, *tensors, **attributes)

    operation.__name__ = operation.__qualname__ = name
    return operation


relu, sigmoid, tanh, selu, gelu, gelu_tanh, silu, softplus, mish, identity = map(
    _elementwise, ("relu", "sigmoid", "tanh", "selu", "gelu", "gelu_tanh", "silu", "softplus", "mish", "identity")
)
add, sub, mul, div, maximum, neg, exp, log, sqrt, abs, square, softmax, log_softmax, matmul = map(
    _elementwise,
    ("add", "sub", "mul", "div", "maximum", "neg", "exp", "log", "sqrt", "abs", "square", "softmax", "log_softmax",
     "matmul"),
)  # fmt: skip


def leaky_relu(z, slope: float = 0.01) -> Tensor:
    """a = z if z > 0 else slope z"""
    return apply("leaky_relu", z, slope=float(slope))


def elu(z, alpha: float = 1.0) -> Tensor:
    """a = z if z > 0 else alpha (e^z - 1)"""
    return apply("elu", z, alpha=float(alpha))


def power(u, exponent: float) -> Tensor:
    """w = u^exponent"""
    return apply("power", u, exponent=float(exponent))


def linear(x, W, b=None) -> Tensor:
    """z = W x + b. x (..., k), W (m, k), b (m,) or None -> z (..., m)."""
    return apply("linear", x, W, b)


def embedding(i, W) -> Tensor:
    """h = W[i]: rows of a table (entries, width) by integer numbers i (...)."""
    return apply("embedding", i, W)


def reshape(x, shape) -> Tensor:
    return apply("reshape", x, shape=tuple(shape))


def transpose(x, axes) -> Tensor:
    return apply("transpose", x, axes=tuple(axes))


def concat(tensors, axis: int = -1) -> Tensor:
    """Tensors side by side along `axis`."""
    return apply("concat", *tensors, axis=axis)


def index(x, key) -> Tensor:
    return apply("index", x, key=key)


def sum(x, axis=None, keepdims: bool = False) -> Tensor:
    return apply("sum", x, axis=axis, keepdims=keepdims)


def mean(x, axis=None, keepdims: bool = False) -> Tensor:
    return apply("mean", x, axis=axis, keepdims=keepdims)


def dropout(x, p: float, seed, step, call) -> Tensor:
    """Zero each value with probability p; (seed, step, call) choose the mask."""
    return apply("dropout", x, p=p, seed=seed, step=step, call=call)


def layer_norm(x, gamma, beta, eps: float = 1e-5) -> Tensor:
    """Every row normalised over its last axis."""
    return apply("layer_norm", x, gamma, beta, eps=eps)[0]


def batch_norm(x, gamma, beta, mean=None, var=None, eps: float = 1e-5) -> Tensor:
    """Every column normalised by the batch's mean and variance, or by the ones given."""
    if mean is None:
        mean, var = apply("batch_stats", x)
    return apply("batch_norm", x, mean, var, gamma, beta, eps=eps)
