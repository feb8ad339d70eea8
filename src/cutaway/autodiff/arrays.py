"""Array functions on Tensors by the names that NumPy and PyTorch share; `axis=` is `dim=`, `keepdims=` is `keepdim=`.

Each is a method of Tensor too (see the end). Where the two libraries disagree about a name, it says so and asks.
"""

from __future__ import annotations

import builtins
from collections.abc import Callable
from functools import wraps
from itertools import pairwise
from typing import Any

import numpy as np

from .. import habits
from ..arguments import whole_number
from ..errors import ArgumentError, ShapeError
from ..rules.settings import real
from .tensor import Tensor, apply

__all__ = [
    "amax", "amin", "argmax", "argmin", "cat", "chunk", "clip", "concat", "concatenate", "cumsum", "expand_dims",
    "flatten", "log_softmax", "max", "mean", "min", "norm", "permute", "power", "reshape", "softmax", "split",
    "squeeze", "stack", "std", "sum", "swapaxes", "swapdims", "transpose", "unsqueeze", "var", "view", "where",
]

#: other words for arguments, with ours; where a function has none of the first, the second
SAME = {"dim": "axis", "keepdim": "keepdims", "input": "x", "a": "x", "a_min": "min", "a_max": "max",
        "negative_slope": "slope", "axis1": "first", "dim0": "first", "axis2": "second", "dim1": "second",
        "weight": "W", "bias": "b", "newshape": "shape", "dims": "axes axis", "num_classes": "classes", "x1": "u",
        "x2": "v", "diagonal": "k", "shifts": "shift"}
UNSAID = {"dtype": None, "out": None, "order": "C"}  # what NumPy's functions hand to a method unasked: np.mean(x)


def in_both_words(f: Callable) -> Callable:
    """Let a function take PyTorch's names of arguments beside NumPy's; unknown names are refused in words."""
    code = f.__code__
    names = code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]
    names += {"reshape": ("shape",), "permute": ("axes",), "transpose": ("axes",)}.get(f.__name__, ())
    taken = names + (("dim", "keepdim", "correction", "unbiased") if f.__name__ in ("var", "std") else ())

    @wraps(f)
    def called(*given: Any, **named: Any) -> Any:
        if not named:
            return f(*given)
        named = {k: v for k, v in named.items() if k in names or k not in UNSAID or v not in (None, UNSAID[k])}
        for theirs in SAME.keys() & named.keys() - set(taken):
            for ours in [ours for ours in SAME[theirs].split() if ours in names][:1]:
                if ours in named:
                    raise ArgumentError(f"{f.__name__}: {theirs}= and {ours}= are the same, got both")
                named[ours] = named.pop(theirs)
        habits.check_settings(f"ct.ops.{f.__name__}", named, taken)
        return f(*given, **named)

    return called


def whole(value: Any) -> int:
    """Read a whole number: an axis, a size or a count."""
    return whole_number("an axis, a size or a count", value, None)


def _axes(axis: Any) -> Any:
    """Read an argument that is None, a whole number, or a tuple of whole numbers."""
    if axis is None:
        return None
    return tuple(map(whole, axis)) if isinstance(axis, tuple | list) else whole(axis)


def _ndim(x: Any) -> int:
    return len(np.shape(x))


def _one_axis(name: str, axis: Any, ndim: int) -> int:
    """Read one axis, and count it from the front."""
    k = whole(axis)
    if not -ndim <= k < ndim:
        raise ShapeError(f"{name}: there is no axis {k} among {ndim}")
    return k % ndim


# ---- one number of many ----------------------------------------------------------------------------------------------


@in_both_words
def sum(x, axis=None, keepdims: bool = False) -> Tensor:
    """The sum of all, or along an axis."""
    return apply("sum", x, axis=_axes(axis), keepdims=bool(keepdims))


@in_both_words
def mean(x, axis=None, keepdims: bool = False) -> Tensor:
    """The mean of all, or along an axis."""
    return apply("mean", x, axis=_axes(axis), keepdims=bool(keepdims))


def _largest(name: str, x: Any, axis: Any, keepdims: bool, dim: Any) -> Tensor:
    if dim is not None:
        raise ArgumentError(
            f"{name}(dim=) gives values and places in PyTorch: here {name}(x, axis={dim}) or a{name}(x, dim={dim}) "
            f"gives the values, and arg{name}(x, {dim}) the places"
        )
    if isinstance(axis, Tensor) or np.ndim(axis) > 1 or isinstance(axis, np.ndarray):
        raise ArgumentError(f"{name} is of one array: ct.ops.{name}imum(u, v) is of two")
    if name == "min":
        return -apply("max", -_tensor(x), axis=_axes(axis), keepdims=bool(keepdims))
    return apply("max", x, axis=_axes(axis), keepdims=bool(keepdims))


@in_both_words
def max(x, axis=None, keepdims: bool = False, *, dim=None) -> Tensor:
    """The largest; where several are equal, they share the gradient."""
    return _largest("max", x, axis, keepdims, dim)


@in_both_words
def min(x, axis=None, keepdims: bool = False, *, dim=None) -> Tensor:
    """The smallest; where several are equal, they share the gradient."""
    return _largest("min", x, axis, keepdims, dim)


@in_both_words
def amax(x, axis=None, keepdims: bool = False) -> Tensor:
    """The largest, as `max`: PyTorch's and NumPy's other name."""
    return _largest("max", x, axis, keepdims, None)


@in_both_words
def amin(x, axis=None, keepdims: bool = False) -> Tensor:
    """The smallest, as `min`: PyTorch's and NumPy's other name."""
    return _largest("min", x, axis, keepdims, None)


@in_both_words
def argmax(x, axis=None, keepdims: bool = False) -> np.ndarray:
    """Places of the largest, as plain numbers: no gradient flows through them."""
    x = _tensor(x)
    x._must_be_known("argmax")
    return np.argmax(x.data, axis, keepdims=keepdims)


@in_both_words
def argmin(x, axis=None, keepdims: bool = False) -> np.ndarray:
    """Places of the smallest, as plain numbers: no gradient flows through them."""
    x = _tensor(x)
    x._must_be_known("argmin")
    return np.argmin(x.data, axis, keepdims=keepdims)


@in_both_words
def norm(x, axis=None, keepdims: bool = False) -> Tensor:
    """√Σ x²: the Euclidean length of all, or along an axis; its slope at 0 is 0."""
    return apply("norm", x, axis=_axes(axis), keepdims=bool(keepdims))


def _spread(name: str, x: Any, axis: Any, keepdims: bool, ddof: Any, named: dict[str, Any]) -> tuple[Tensor, int, int]:
    """Compute x - mean x, the number that the sum of its squares is divided by, and by how much that is less than n."""
    if "dim" in named:
        axis = named.pop("dim")
        if ddof is None and not {"correction", "unbiased"} & named.keys():
            raise ArgumentError(
                f"{name}(dim=) divides by n - 1 in PyTorch, {name}(axis=) by n in NumPy: say ddof=1 or ddof=0"
            )
    keepdims = named.pop("keepdim", keepdims)
    ddof = named.pop("correction", ddof)
    ddof = int(named.pop("unbiased", bool(ddof)) if ddof in (None, 0, 1) else ddof)
    if named:
        raise ArgumentError(f"{name} takes axis=, keepdims= and ddof=, got {', '.join(named)}=")
    x = _tensor(x)
    kept = mean(x, axis, keepdims=True)
    n = x.size // builtins.max(kept.size, 1)
    if n - ddof < 1:
        raise ShapeError(f"{name} of {n} {'numbers' if n != 1 else 'number'} with ddof={ddof} divides by {n - ddof}")
    return x - kept, n - ddof, ddof


@in_both_words
def var(x, axis=None, keepdims: bool = False, ddof: int | None = None, **named) -> Tensor:
    """The variance: Σ (x - mean)² / (n - ddof). ddof is 0, NumPy's, unless given; PyTorch's is 1 (unbiased=True)."""
    apart, n, less = _spread("var", x, axis, keepdims, ddof, dict(named))
    axis, keepdims = named.get("dim", axis), named.get("keepdim", keepdims)
    squares = apply("square", apart)
    return sum(squares, axis, keepdims) / n if less else mean(squares, axis, keepdims)


@in_both_words
def std(x, axis=None, keepdims: bool = False, ddof: int | None = None, **named) -> Tensor:
    """The standard deviation, √var; of equal numbers its slope is 0. Over a network's rows, write sqrt(var(x))."""
    apart, n, _ = _spread("std", x, axis, keepdims, ddof, dict(named))
    axis, keepdims = named.get("dim", axis), named.get("keepdim", keepdims)
    return norm(apart, axis, keepdims) / n**0.5


@in_both_words
def cumsum(x, axis=None) -> Tensor:
    """Cumulative sums along an axis: each number with those before it. No axis: of all numbers, one after the other.

    >>> import cutaway as ct
    >>> ct.ops.cumsum([[1.0, 2.0], [3.0, 4.0]], axis=1)
    Tensor([[1. 3.]
            [3. 7.]])
    """
    if axis is None:
        return apply("cumsum", reshape(x, -1), axis=0)
    return apply("cumsum", x, axis=_one_axis("cumsum", axis, _ndim(x)))


@in_both_words
def softmax(x, axis: int = -1) -> Tensor:
    """e^x / Σ e^x along an axis, the last unless given."""
    return _along("softmax", x, axis)


@in_both_words
def log_softmax(x, axis: int = -1) -> Tensor:
    """x - log Σ e^x along an axis, the last unless given."""
    return _along("log_softmax", x, axis)


def _along(name: str, x: Any, axis: int) -> Tensor:
    """Apply a rule that works along the last axis along another one."""
    ndim = _ndim(x)
    if ndim and _one_axis(name, axis, ndim) != ndim - 1:
        return swapaxes(apply(name, swapaxes(x, axis, -1)), axis, -1)
    return apply(name, x)


# ---- value by value --------------------------------------------------------------------------------------------------


@in_both_words
def clip(x, min=None, max=None) -> Tensor:
    """Each value no lower than min, no higher than max; None: no bound. At a bound the slope is 1."""
    if min is None and max is None:
        raise ArgumentError("clip takes min, max or both")
    if isinstance(min, int | float | np.number | None) and isinstance(max, int | float | np.number | None):
        return apply("clip", x, low=float("-inf" if min is None else min), high=float("inf" if max is None else max))
    x = x if min is None else apply("maximum", x, min)
    return x if max is None else apply("minimum", x, max)


def where(test, u, v) -> Tensor:
    """u where test holds, else v: test is a comparison of Tensors, or an array of truths."""
    if not isinstance(test, Tensor):  # in the precision of the values: it is not turned into it in every step
        like = next((x.dtype for x in (u, v) if isinstance(x, Tensor) and x.dtype.kind == "f"), np.bool_)
        test = Tensor(np.asarray(test, np.bool_).astype(like))
    if not any(isinstance(x, Tensor) and x.dtype.kind == "f" for x in (test, u, v)):
        u = Tensor(np.asarray(u.data if isinstance(u, Tensor) else u, float))
    return apply("where", test, u, v)


def power(u, exponent: float) -> Tensor:
    """w = u^exponent"""
    if isinstance(exponent, Tensor) or np.ndim(exponent):
        raise ArgumentError("power takes a number as its exponent: write ct.ops.exp(v * ct.ops.log(u)) for u^v")
    return apply("power", u, exponent=real(exponent))


# ---- shapes ----------------------------------------------------------------------------------------------------------


def _tensor(x: Any) -> Tensor:
    return x if isinstance(x, Tensor) else Tensor(x)


def _shape(given: tuple) -> tuple[int, ...]:
    """Read a shape given as one tuple, or number by number."""
    if len(given) == 1 and isinstance(given[0], tuple | list):
        given = tuple(given[0])
    return tuple(int(whole(k)) for k in given)


@in_both_words
def reshape(x, *shape, **named) -> Tensor:
    """Give the values another shape, a tuple or number by number; one size may be -1."""
    return apply("reshape", x, shape=_shape(shape or (named.get("shape", ()),)))


def view(x, *shape) -> Tensor:
    """Give the values another shape, as `reshape` does."""
    return reshape(x, *shape)


@in_both_words
def permute(x, *order, **named) -> Tensor:
    """Put the axes in another order, which names all: permute(x, 0, 2, 1)."""
    order = _shape(order or (named["axes"],))
    ndim = _ndim(x)
    if sorted(_one_axis("permute", k, ndim) for k in order) != list(range(ndim)):
        raise ShapeError(f"permute names each of {ndim} axes once, got {order}")
    return apply("transpose", x, axes=tuple(k % ndim for k in order))


@in_both_words
def transpose(x, *axes, **named) -> Tensor:
    """Put all axes in another order (reversed unless given), or exchange two; (0, 1) leaves a matrix as it is."""
    axes = axes or ((named["axes"],) if named.get("axes") is not None else ())
    ndim = _ndim(x)
    if not axes or axes == (None,):
        return permute(x, *reversed(range(ndim)))
    return swapaxes(x, *axes) if len(axes) == 2 and ndim != 2 else permute(x, *axes)


@in_both_words
def swapaxes(x, first: int, second: int) -> Tensor:
    """Exchange two axes."""
    order = list(range(_ndim(x)))
    i, j = (_one_axis("swapaxes", k, len(order)) for k in (first, second))
    order[i], order[j] = j, i
    return apply("transpose", x, axes=tuple(order))


swapdims = swapaxes


@in_both_words
def unsqueeze(x, axis: int) -> Tensor:
    """Insert a new axis of size 1."""
    shape = list(np.shape(x))
    shape.insert(_one_axis("unsqueeze", axis, len(shape) + 1), 1)
    return reshape(x, tuple(shape))


expand_dims = unsqueeze


@in_both_words
def squeeze(x, axis=None) -> Tensor:
    """Remove this axis of size 1, or all such."""
    shape = np.shape(x)
    axes = range(len(shape)) if axis is None else axis if isinstance(axis, tuple | list) else (axis,)
    gone = {k for k in (_one_axis("squeeze", k, len(shape)) for k in axes) if shape[k] == 1}
    if axis is not None and len(gone) < len(tuple(axes)):
        raise ShapeError(f"squeeze takes away axes of size 1, and axis {axis} of {shape} is larger")
    return reshape(x, tuple(size for k, size in enumerate(shape) if k not in gone))


@in_both_words
def flatten(x, start_dim: int = 0, end_dim: int = -1) -> Tensor:
    """Make the axes from start_dim to end_dim one; flatten(x, 1) keeps rows apart."""
    shape = np.shape(x)
    if not shape:
        return reshape(x, (1,))
    first, last = (_one_axis("flatten", k, len(shape)) for k in (start_dim, end_dim))
    size = 1
    for k in shape[first : last + 1]:
        size *= k
    return reshape(x, (*shape[:first], size, *shape[last + 1 :]))


@in_both_words
def concat(tensors, axis: int = -1) -> Tensor:
    """Join Tensors side by side along `axis`, the last unless given."""
    return apply("concat", *tensors, axis=axis)


@in_both_words
def cat(tensors, axis: int = 0) -> Tensor:
    """Join Tensors one after the other along `axis`, the first unless given: NumPy's concatenate and PyTorch's cat."""
    return apply("concat", *tensors, axis=axis)


concatenate = cat


@in_both_words
def stack(tensors, axis: int = 0) -> Tensor:
    """Join Tensors of one shape along a new axis."""
    tensors = list(tensors)
    if len({np.shape(x) for x in tensors}) != 1:
        raise ShapeError(f"stack takes Tensors of one shape, got {[np.shape(x) for x in tensors]}")
    if len(tensors) == 1:
        return unsqueeze(tensors[0], axis)
    return apply("concat", *(unsqueeze(x, axis) for x in tensors), axis=axis)


@in_both_words
def chunk(x, chunks: int, axis: int = 0) -> list[Tensor]:
    """Cut into this many equal parts along an axis."""
    k = _one_axis("chunk", axis, _ndim(x))
    size, rest = divmod(np.shape(x)[k], whole(chunks))
    if rest:
        raise ShapeError(f"chunk makes equal parts, and {np.shape(x)[k]} is no multiple of {chunks}: split(x, sizes=)")
    return split(x, sizes=[size] * chunks, axis=k)


@in_both_words
def split(x, *given, sizes=None, axis: int = 0) -> list[Tensor]:
    """Cut into parts of these sizes along an axis."""
    if given or sizes is None:
        raise ArgumentError(
            "split(x, 2) is two parts in NumPy and parts of two in PyTorch, split(x, [2, 3]) cuts at 2 and 3, or gives "
            "parts of 2 and 3: write ct.ops.chunk(x, n) for n equal parts, or ct.ops.split(x, sizes=[...])"
        )
    x, k = _tensor(x), _one_axis("split", axis, _ndim(x))
    ends = np.cumsum([0, *sizes]).tolist()
    if ends[-1] != x.shape[k]:
        raise ShapeError(f"split: sizes {list(sizes)} add up to {ends[-1]}, but axis {k} has {x.shape[k]}")
    before = (slice(None),) * k
    return [x[(*before, slice(lo, hi))] for lo, hi in pairwise(ends)]


METHODS = (sum, mean, max, min, amax, amin, argmax, argmin, norm, var, std, cumsum, softmax, log_softmax, clip, reshape,
           view, permute, transpose, swapaxes, unsqueeze, squeeze, flatten, chunk, split)
for _f in METHODS:
    setattr(Tensor, _f.__name__, _f)
Tensor.clamp = clip  # type: ignore[attr-defined]
Tensor.swapdims = swapaxes  # type: ignore[attr-defined]
Tensor.pow = Tensor.__pow__  # type: ignore[attr-defined]
