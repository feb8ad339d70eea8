"""Nodes that work value by value, and comparisons: whatever the order of axes, that of what comes in stays."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import reduce
from inspect import signature
from typing import Any

import numpy as np

from ...autodiff import Tensor, apply, ops
from .table import known, node
from .values import Fixed, Turned, Value, aligned, arranged

PRODUCTS = ("MatMul", "Gemm", "Conv", "Einsum")  # what a bias is added to


def each(*names: str, since: int = 1) -> Callable[[Callable], Callable]:
    """Enter a function of one Tensor, and of settings, for nodes of one input."""
    def enter(function: Callable) -> Callable:
        taken = signature(function).parameters

        def row(at: Any, x: Turned, **settings: Any) -> Turned:
            if unknown := settings.keys() - taken.keys():
                at.refuse(f"it has the setting {min(unknown)}, which is not read")
            return x.like(function(at.real(x.tensor), **settings))

        node(*names, since=since)(row)
        return function

    return enter


for _name, _function in {
    "Relu": ops.relu, "Sigmoid": ops.sigmoid, "Tanh": ops.tanh, "Softplus": ops.softplus, "Mish": ops.mish,
    "Exp": ops.exp, "Log": ops.log, "Sqrt": ops.sqrt, "Abs": ops.abs, "Neg": ops.neg, "Erf": ops.erf, "Sin": ops.sin,
    "Cos": ops.cos, "Reciprocal": ops.reciprocal,
}.items():
    def _enter(name: str, function: Callable) -> None:
        each(name)(lambda z, consumed_inputs=None: function(z))

    _enter(_name, _function)


@each("LeakyRelu")
def leaky_relu(z: Tensor, alpha: float = 0.01, consumed_inputs: Any = None) -> Tensor:
    return ops.leaky_relu(z, alpha)


@each("Elu")
def elu(z: Tensor, alpha: float = 1.0, consumed_inputs: Any = None) -> Tensor:
    return ops.elu(z, alpha)


@each("Selu")
def selu(z: Tensor, alpha: float = 1.6732631921768188, gamma: float = 1.0507010221481323,
         consumed_inputs: Any = None) -> Tensor:
    if abs(alpha - 1.6732632) < 1e-4 and abs(gamma - 1.050701) < 1e-4:  # older versions have fewer digits
        return ops.selu(z)
    return ops.elu(z, alpha) * gamma


@each("Celu")
def celu(z: Tensor, alpha: float = 1.0) -> Tensor:
    return ops.elu(z / alpha, 1.0) * alpha


@each("Gelu")
def gelu(z: Tensor, approximate: str = "none") -> Tensor:
    return ops.gelu_tanh(z) if approximate == "tanh" else ops.gelu(z)


@each("Swish")
def swish(z: Tensor, alpha: float = 1.0) -> Tensor:
    return ops.silu(z) if alpha == 1 else z * ops.sigmoid(z * alpha)


@each("HardSigmoid")
def hard_sigmoid(z: Tensor, alpha: float = 0.2, beta: float = 0.5, consumed_inputs: Any = None) -> Tensor:
    return ops.clip(z * alpha + beta, 0.0, 1.0)


@each("HardSwish")
def hard_swish(z: Tensor) -> Tensor:
    return z * ops.clip(z / 6 + 0.5, 0.0, 1.0)


@each("Softsign")
def softsign(z: Tensor) -> Tensor:
    return z / (ops.abs(z) + 1.0)


@each("ThresholdedRelu")
def thresholded_relu(z: Tensor, alpha: float = 1.0) -> Tensor:
    return ops.where(apply("greater", z, alpha), z, 0.0)


@node("Clip")
def clip(at, x, min=None, max=None, consumed_inputs=None):
    low, high = (None if v is None else float(np.asarray(known(at, v, "a bound of Clip")).item()) for v in (min, max))
    return x if low is None and high is None else x.like(ops.clip(at.real(x.tensor), low, high))


@node("Identity", "Dropout")
def identity(at, x, ratio=None, training_mode=None, seed=None, is_test=None, consumed_inputs=None):
    """Dropout rests, as in any evaluation; a network that trains on has none, either."""
    return x


@node("Cast")
def cast(at, x, to, saturate=1, round_mode=None):
    if to in (1, 10, 11, 16):
        return x.like(at.real(x.tensor))
    if not x.whole and not (to == 9 and x.tensor.name == "a comparison"):
        at.refuse("it makes whole numbers of others, which has no slope: give the network whole numbers")
    return x


@node("CastLike")
def cast_like(at, x, like, saturate=1, round_mode=None):
    return x if like.whole else x.like(at.real(x.tensor))


# ---- two and more ----------------------------------------------------------------------------------------------------


def together(at: Any, rule: str | Callable, *values: Value, weighs: bool = False) -> Turned:
    """Apply an operation to values whose shapes broadcast. weighs: numbers of the file are weights, which train."""
    def fixed(k: int, axes: list[int], rows: int) -> Any:
        v: Any = values[k]
        if weighs and is_weight(at, v, k):
            return at.weight(v, k, lambda a: arranged(a, axes, rows))
        return arranged(v.array, axes, rows).astype(at.dtype)

    found, order = aligned(list(values), fixed)
    found = [at.real(t) if isinstance(t, Tensor) else t for t in found]
    made = apply(rule, *found) if isinstance(rule, str) else rule(*found)
    return Turned(made, order)


def is_weight(at: Any, v: Any, k: int) -> bool:
    """Whether numbers that are added or multiplied are weights: arrays of the file, and no masks."""
    if not (isinstance(v, Fixed) and v.array.dtype.kind == "f" and v.ndim and v.weight):
        return False
    return (v.array.size > 1 or at.made_by(1 - k) in PRODUCTS) and bool(np.isfinite(v.array).all())


@node("Add")
def add(at, A, B, axis=None, broadcast=0, consumed_inputs=None):
    for x, other in ((A, B), (B, A)):
        if x.whole and isinstance(other, Fixed) and other.whole and not other.array.any():
            return x
    return together(at, "add", A, older(at, A, B, axis, broadcast), weighs=True)


@node("Mul")
def mul(at, A, B, axis=None, broadcast=0, consumed_inputs=None):
    for x, other in ((A, B), (B, A)):
        if isinstance(other, Fixed) and other.whole and other.array.size == 1:
            if not other.array.any():
                return other
            if x.whole and other.array.item() == 1:
                return x
    return together(at, "mul", A, older(at, A, B, axis, broadcast), weighs=True)


@node("Sub")
def sub(at, A, B, axis=None, broadcast=0, consumed_inputs=None):
    return together(at, "sub", A, older(at, A, B, axis, broadcast))


@node("Div")
def div(at, A, B, axis=None, broadcast=0, consumed_inputs=None):
    if A.whole and B.whole:
        at.refuse("it divides whole numbers, which has no slope")
    return together(at, "div", A, older(at, A, B, axis, broadcast))


def older(at: Any, A: Value, B: Value, axis: int | None, broadcast: int) -> Value:
    """Before version 7, `axis` said where the second operand's axes stand."""
    if axis is None or not isinstance(B, Fixed):
        return B
    return Fixed(B.array.reshape(B.shape + (1,) * (A.ndim - int(axis) % A.ndim - B.ndim)), B.name)


@node("Pow")
def power(at, X, Y, axis=None, broadcast=0):
    if isinstance(Y, Fixed) and Y.array.size == 1:
        e, x = float(Y.array.item()), X.lifted(max(X.ndim, Y.ndim))
        simple = {1.0: ops.identity, 2.0: ops.square, 0.5: ops.sqrt}.get(e, lambda z: ops.power(z, e))
        return x.like(simple(at.real(x.tensor)))
    if isinstance(X, Fixed) and X.array.size == 1 and X.array.item() > 0:
        return Y.like(ops.exp(at.real(Y.tensor) * math.log(X.array.item())))
    return together(at, lambda u, v: ops.exp(apply("mul", v, ops.log(u))), X, Y)


@node("PRelu")
def prelu(at, X, slope):
    def bent(z: Tensor, w: Any) -> Tensor:
        return ops.relu(z) - apply("mul", w, ops.relu(-z))

    return together(at, bent, X, slope, weighs=True)


@node("Max")
def largest(at, *values, consumed_inputs=None):
    return reduce(lambda u, v: together(at, "maximum", u, v), values)


@node("Min")
def smallest(at, *values, consumed_inputs=None):
    return reduce(lambda u, v: together(at, "minimum", u, v), values)


@node("Sum")
def total(at, *values, consumed_inputs=None):
    return reduce(lambda u, v: together(at, "add", u, v), values)


@node("Mean")
def mean(at, *values, consumed_inputs=None):
    found = total(at, *values)
    return found.like(found.tensor / len(values))


@node("Where")
def where(at, condition, X, Y):
    return together(at, "where", condition, X, Y)


# ---- comparisons: ones and zeros -------------------------------------------------------------------------------------


def truths(tensor: Tensor) -> Tensor:
    tensor.name = "a comparison"
    return tensor


def comparing(name: str, rule: Callable) -> None:
    node(name)(lambda at, A, B, axis=None, broadcast=0: together(at, lambda u, v: truths(rule(u, v)), A, B))


for _word, _rule in {
    "Greater": lambda u, v: apply("greater", u, v), "GreaterOrEqual": lambda u, v: apply("greater_equal", u, v),
    "Less": lambda u, v: apply("greater", v, u), "LessOrEqual": lambda u, v: apply("greater_equal", v, u),
    "Equal": lambda u, v: apply("mul", apply("greater_equal", u, v), apply("greater_equal", v, u)),
    "And": lambda u, v: apply("mul", u, v), "Or": lambda u, v: apply("maximum", u, v),
}.items():
    comparing(_word, _rule)


@each("Not")
def negated(z: Tensor) -> Tensor:
    return truths(1.0 - z)


@each("IsNaN")
def gaps(z: Tensor) -> Tensor:
    return truths(1.0 - apply("greater_equal", z, z))
