"""The array functions of rules (rules/namespace.py) as ONNX nodes: a rule's text, run on a graph's arrays, writes it.

So no formula stands here a second time. Where ONNX's operator is worse than the rule (`Sigmoid` of ONNX Runtime leaves
[0, 1] and does not rise throughout), the rule's own way of writing it is what is exported.
"""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np

from ..rules import NUMPY
from .graph import OnnxArray, OnnxGraph

NEAR = 0.03  # below, e^u - 1 and log(1 + u) would lose digits: their series has them


def _graph(*given: Any) -> OnnxGraph:
    return next(a for a in given if isinstance(a, OnnxArray)).graph


def _one(op: str) -> Any:
    return lambda u: u.graph(op, u) if isinstance(u, OnnxArray) else getattr(NUMPY, op.lower())(u)


def _pair(op: str) -> Any:
    return lambda u, v: _graph(u, v)(op, u, v)


def where(test: Any, u: Any, v: Any) -> Any:
    if not isinstance(test, OnnxArray):  # a setting, such as relu=True
        return u if test else v
    arrays = [a for a in (u, v) if isinstance(a, OnnxArray)]
    like = arrays[0].dtype if arrays else np.dtype(np.float32)
    u, v = (a if isinstance(a, OnnxArray) else test.graph.constant(a, like) for a in (u, v))
    return test.graph("Where", test, u, v)


def expm1(u: OnnxArray) -> OnnxArray:
    near = u * (1 + u * (1 / 2 + u * (1 / 6 + u * (1 / 24 + u * (1 / 120)))))
    return where(u.graph("Abs", u) < NEAR, near, u.graph("Exp", u) - 1)


def log1p(u: OnnxArray) -> OnnxArray:
    near = u * (1 - u * (1 / 2 - u * (1 / 3 - u * (1 / 4 - u * (1 / 5)))))
    return where(u.graph("Abs", u) < NEAR, near, u.graph("Log", u + 1))


def cos(u: OnnxArray) -> OnnxArray:
    return u.graph("Sin", u + np.pi / 2) if u.dtype == np.float64 else u.graph("Cos", u)


def reduced(op: str, x: OnnxArray, axis: Any, keepdims: bool) -> OnnxArray:
    """Make one number of many along an axis, some or (None) all."""
    some = range(x.ndim) if axis is None else axis if isinstance(axis, tuple) else (axis,)
    axes = sorted(int(a) % x.ndim for a in some)
    shape = tuple(1 if k in axes else size for k, size in enumerate(x.shape) if keepdims or k not in axes)
    if op == "ReduceSum":  # which alone takes them as an input before opset 18
        return x.graph(op, x, np.array(axes), keepdims=int(keepdims), shape=shape)
    return x.graph(op, x, axes=axes, keepdims=int(keepdims), shape=shape)


def mean(x: OnnxArray, axis: Any = None, keepdims: bool = False, dtype: Any = None) -> OnnxArray:
    return reduced("ReduceMean", x if dtype is None else x.astype(dtype), axis, keepdims)


def take(x: OnnxArray, i: OnnxArray, axis: int) -> OnnxArray:
    axis %= x.ndim
    return x.graph("Gather", x, i, axis=axis, shape=(*x.shape[:axis], *i.shape, *x.shape[axis + 1 :]))


def expand_dims(x: OnnxArray, axis: int) -> OnnxArray:
    axis %= x.ndim + 1
    return x.graph("Unsqueeze", x, np.array([axis]), shape=(*x.shape[:axis], 1, *x.shape[axis:]))


def flip(x: OnnxArray, axis: int) -> OnnxArray:
    return x[(slice(None),) * (axis % x.ndim) + (slice(None, None, -1),)]


def cumsum(x: OnnxArray, axis: int) -> OnnxArray:
    return x.graph("CumSum", x, np.array(axis % x.ndim), shape=x.shape)


def concatenate(x: Any, axis: int = 0) -> OnnxArray:
    axis %= x[0].ndim
    sizes = [a.shape[axis] for a in x]
    size = None if None in sizes else sum(sizes)
    return x[0].graph("Concat", *x, axis=axis, shape=(*x[0].shape[:axis], size, *x[0].shape[axis + 1 :]))


XP = SimpleNamespace(
    __name__="onnx", wide=np.float64, float32=np.float32, float64=np.float64, int32=np.int64, where=where, expm1=expm1,
    log1p=log1p, cos=cos, mean=mean, take=take, expand_dims=expand_dims, flip=flip, cumsum=cumsum,
    concatenate=concatenate, abs=_one("Abs"), erf=_one("Erf"), exp=_one("Exp"), log=_one("Log"), sign=_one("Sign"),
    sin=_one("Sin"), sqrt=_one("Sqrt"), tanh=_one("Tanh"), floor=_one("Floor"), maximum=_pair("Max"),
    minimum=_pair("Min"), matmul=_pair("MatMul"),
)
