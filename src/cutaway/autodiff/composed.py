"""More array functions by the names that NumPy or PyTorch know, made of the operations that there are.

Where the two libraries disagree about a name, it says so and asks. Most are methods of Tensor too (see the end).
"""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np

from ..arguments import whole_numbers, within
from ..errors import ArgumentError, ShapeError
from ..rules.settings import real
from . import arrays
from .arrays import _ndim, _one_axis, _shape, _tensor, in_both_words, whole
from .tape import recording
from .tensor import Tensor, apply, product

__all__ = [
    "bmm", "broadcast_to", "cosine_similarity", "diff", "dot", "einsum", "eq", "expand", "flip", "ge", "glu",
    "greater", "greater_equal", "gt", "hstack", "le", "less", "less_equal", "logical_and", "logical_not",
    "logical_or", "logsigmoid", "logsumexp", "lt", "masked_fill", "mm", "moveaxis", "movedim", "ne", "normalize",
    "one_hot", "outer", "pad", "ravel", "reciprocal", "repeat", "repeat_interleave", "roll", "rsqrt", "tile",
    "tril", "triu", "unbind", "vstack",
]


# ---- value by value --------------------------------------------------------------------------------------------------


def reciprocal(u) -> Tensor:
    """w = 1 / u"""
    return apply("div", 1.0, u)


def rsqrt(u) -> Tensor:
    """w = 1 / √u"""
    return apply("div", 1.0, apply("sqrt", u))


def logsigmoid(z) -> Tensor:
    """a = log(1 / (1 + e^-z)), without overflow"""
    return -apply("softplus", -_tensor(z))


def greater(u, v) -> Any:
    """Whether u > v, value by value: True and False; in a recorded network ones and zeros, which pass no gradient."""
    return _tensor(u) > v


def greater_equal(u, v) -> Any:
    """Whether u >= v, value by value, as `greater`."""
    return _tensor(u) >= v


def less(u, v) -> Any:
    """Whether u < v, value by value, as `greater`."""
    return _tensor(u) < v


def less_equal(u, v) -> Any:
    """Whether u <= v, value by value, as `greater`."""
    return _tensor(u) <= v


gt, ge, lt, le = greater, greater_equal, less, less_equal


def eq(u, v) -> Any:
    """Whether u == v, value by value, as `greater`."""
    return _tensor(u) == v


def ne(u, v) -> Any:
    """Whether u != v, value by value, as `greater`."""
    return _tensor(u) != v


def logical_and(u, v) -> Any:
    """Whether both comparisons hold, value by value: (u > 0) & (v > 0)."""
    return u & v


def logical_or(u, v) -> Any:
    """Whether one of two comparisons holds, value by value: (u > 0) | (v > 0)."""
    return u | v


def logical_not(u) -> Any:
    """Whether a comparison does not hold, value by value: ~(u > 0)."""
    return ~u


def _float(x: Tensor) -> Tensor:
    """Give back a Tensor in single precision, or a comparison, whose truths are numbers in a recorded network."""
    if x.dtype != np.float32 and x.name != "a comparison":
        raise ArgumentError(f"a Tensor keeps its precision, and this one's is {x.dtype}: "
                            "ct.Tensor(x.numpy().astype('float32')); net.astype('float32') for a network")
    return x


def masked_fill(x, mask, value) -> Tensor:
    """value where mask holds, else x."""
    return arrays.where(mask, value, x)


@in_both_words
def glu(x, axis: int = -1) -> Tensor:
    """a σ(b): the first half along an axis times the sigmoid of the second (Dauphin et al., 2017)."""
    a, b = arrays.chunk(x, 2, axis)
    return a * apply("sigmoid", b)


@in_both_words
def one_hot(i, classes: int, like=None) -> Tensor:
    """1 at each class's own place, 0 elsewhere: whole numbers i (...) -> (..., classes).

    In the precision of `like`, a Tensor, or in single precision. Raises ArgumentError for a class that is none of them.

    >>> import cutaway as ct
    >>> ct.ops.one_hot([2, 0], 3).tolist()
    [[0.0, 0.0, 1.0], [1.0, 0.0, 0.0]]
    """
    i, classes = _tensor(i), whole(classes)
    if i.dtype.kind not in "iub":
        raise ArgumentError(f"one_hot takes whole numbers, got {i.dtype}")
    if recording() is None:
        i = Tensor(whole_numbers("i", i.data))
        within("i", i.data, classes)
    return apply("embedding", i, np.eye(classes, dtype=np.float32 if like is None else like.dtype))


# ---- one number of many ----------------------------------------------------------------------------------------------


@in_both_words
def logsumexp(x, axis=None, keepdims: bool = False) -> Tensor:
    """log Σ e^x of all, or along an axis, without overflow."""
    top = arrays.max(x, axis, keepdims=True)
    top = top.detach()  # what is added again has no slope of its own
    found = apply("log", arrays.sum(apply("exp", x - top), axis, keepdims=True)) + top
    return found if keepdims else arrays.squeeze(found, axis)


@in_both_words
def normalize(x, axis: int = 1, eps: float = 1e-12) -> Tensor:
    """x / |x| along an axis, the second unless given, as PyTorch has it; a length below eps counts as eps."""
    return x / apply("maximum", arrays.norm(x, axis, keepdims=True), real(eps))


@in_both_words
def cosine_similarity(u, v, axis: int = 1, eps: float = 1e-8) -> Tensor:
    """u·v / (|u| |v|) along an axis, the second unless given, as PyTorch has it; a length below eps counts as eps."""
    lengths = (apply("maximum", arrays.norm(x, axis), real(eps)) for x in (u, v))
    return arrays.sum(apply("mul", u, v), axis) / apply("mul", *lengths)


# ---- products --------------------------------------------------------------------------------------------------------


def mm(u, v) -> Tensor:
    """w = u v of two matrices."""
    if (_ndim(u), _ndim(v)) != (2, 2):
        raise ShapeError(f"mm is of two matrices, got shapes {np.shape(u)} and {np.shape(v)}: u @ v takes all")
    return product(u, v)


def bmm(u, v) -> Tensor:
    """w = u v of two stacks of matrices, one by one."""
    if (_ndim(u), _ndim(v)) != (3, 3):
        raise ShapeError(f"bmm is of stacks of matrices, got shapes {np.shape(u)} and {np.shape(v)}: u @ v takes all")
    return product(u, v)


def dot(u, v) -> Tensor:
    """u·v of vectors or matrices; of more dimensions NumPy's is unlike any other, and refused."""
    if max(_ndim(u), _ndim(v)) > 2:
        raise ShapeError(f"dot is of vectors or matrices, got shapes {np.shape(u)} and {np.shape(v)}: write u @ v, "
                         "stack by stack, or say what you mean by ct.ops.einsum")
    return product(u, v)


def outer(u, v) -> Tensor:
    """w[i, j] = u[i] v[j] of two vectors."""
    if (_ndim(u), _ndim(v)) != (1, 1):
        raise ShapeError(f"outer is of two vectors, got shapes {np.shape(u)} and {np.shape(v)}: NumPy would flatten "
                         "them. Row by row it is u[:, :, None] * v[:, None, :]")
    return arrays.unsqueeze(u, 1) * arrays.unsqueeze(v, 0)


def einsum(subscripts: str, *tensors) -> Tensor:
    """Sums of products by the letters of their axes, as NumPy and PyTorch have it: one Tensor, or two.

    >>> import numpy as np, cutaway as ct
    >>> q, k = np.ones((2, 5, 4)), np.ones((2, 3, 4))
    >>> ct.ops.einsum("nqd,nkd->nqk", ct.Tensor(q), k).shape
    (2, 5, 3)

    Each axis has a letter, "->" is written out, and no letter comes twice in one Tensor. Raises ArgumentError for
    other words and ShapeError for sizes that do not fit them.
    """
    left, arrow, out = subscripts.replace(" ", "").partition("->")
    letters, operands = left.split(","), [_tensor(x) for x in tensors]
    known = set("".join(letters))
    if not (arrow and all(s.isalpha() or not s for s in (*letters, out)) and len(letters) == len(operands) <= 2
            and max(Counter(s).most_common(1)[0][1] for s in (*letters, out) if s) == 1 and set(out) <= known):
        raise ArgumentError(f"einsum takes letters for one or two Tensors, each once in a Tensor, as in "
                            f'"nqd,nkd->nqk", got {subscripts!r} for {len(tensors)}')
    sizes: dict[str, int] = {}
    for s, x in zip(letters, operands, strict=True):
        if len(s) != x.ndim or any(sizes.setdefault(c, n) != n for c, n in zip(s, x.shape, strict=True)):
            raise ShapeError(f"einsum: shapes {', '.join(str(x.shape) for x in operands)} do not fit {subscripts!r}")
    for k, (s, x) in enumerate(zip(letters, operands, strict=True)):  # letters that nobody else has are summed first
        others = set(out).union(*(t for j, t in enumerate(letters) if j != k))
        if alone := tuple(i for i, c in enumerate(s) if c not in others):
            operands[k], letters[k] = arrays.sum(x, alone), "".join(c for c in s if c in others)
    if len(operands) == 1:
        return _ordered(operands[0], letters[0], out)
    (u, v), (x, y) = letters, operands
    row = out[:1]  # the rows of a batch, if there are any: they never leave the first place
    if row in v and row not in u:
        u, x, v, y = v, y, u, x
    if row not in v and set(out) & set(u) & set(v):  # a matrix for each letter of both, the same for all rows
        v, y = row + v, arrays.unsqueeze(y, 0)
    both = "".join(c for c in out if c in u and c in v)
    inner = "".join(c for c in u if c in v and c not in out)
    mine, theirs = ("".join(c for c in out if c in s and c not in both) for s in (u, v))
    x, y = _ordered(x, u, both + mine + inner), _ordered(y, v, both + inner + theirs)
    if not inner:  # nothing is summed up
        return _ordered(x[(..., *(None,) * len(theirs))] * y[(slice(None),) * len(both) + (None,) * len(mine)],
                        both + mine + theirs, out)
    stack = len(both)
    m, k, n = (int(np.prod([sizes[c] for c in s])) for s in (mine, inner, theirs))
    w = product(arrays.reshape(x, (*x.shape[:stack], m, k)), arrays.reshape(y, (*y.shape[:stack], k, n)))
    return _ordered(arrays.reshape(w, tuple(sizes[c] for c in both + mine + theirs)), both + mine + theirs, out)


def _ordered(x: Tensor, letters: str, wanted: str) -> Tensor:
    """Permute axes that have these letters to another order of them."""
    return x if letters == wanted else arrays.permute(x, tuple(letters.index(c) for c in wanted))


# ---- shapes ----------------------------------------------------------------------------------------------------------


def ravel(x) -> Tensor:
    """All values in one row."""
    return arrays.reshape(x, (-1,))


@in_both_words
def moveaxis(x, source, destination) -> Tensor:
    """Move axes to other places; the others keep their order."""
    ndim = _ndim(x)
    sides = [[_one_axis("moveaxis", k, ndim) for k in (side if isinstance(side, tuple | list) else (side,))]
             for side in (source, destination)]
    order = [k for k in range(ndim) if k not in sides[0]]
    for place, axis in sorted(zip(*reversed(sides), strict=True)):
        order.insert(place, axis)
    return arrays.permute(x, tuple(order))


movedim = moveaxis


def expand(x, *shape) -> Tensor:
    """Repeat along axes of size 1, and along new ones in front; -1 leaves an axis as it is.

    Where shapes broadcast anyway, there is no need of it. The rows of a batch cannot be made by it.
    """
    wanted, x = _shape(shape), _tensor(x)
    has = (1,) * (len(wanted) - x.ndim) + x.shape
    goal = tuple(h if w == -1 else w for w, h in zip(wanted, has, strict=False))
    if len(has) > len(wanted) or any(h not in (1, g) for h, g in zip(has, goal, strict=False)):
        raise ShapeError(f"a Tensor of shape {x.shape} does not broadcast to {wanted}")
    times = np.ones([1 if h == g else g for h, g in zip(has, goal, strict=True)], x.dtype)
    return x if times.shape == x.shape and times.size == 1 else x * times


def broadcast_to(x, *shape) -> Tensor:
    """Repeat along axes of size 1, as `expand` does."""
    return expand(x, *shape)


def tile(x, *times) -> Tensor:
    """Copies side by side, so many along each axis: tile(x, 1, 2). PyTorch's `repeat` is this."""
    times, x = _shape(times), _tensor(x)
    ndim = max(len(times), x.ndim)
    x = x if x.ndim == ndim else arrays.reshape(x, (*(1,) * (ndim - x.ndim), *x.shape))
    for axis, k in enumerate((*(1,) * (ndim - len(times)), *times)):
        if k < 1:
            raise ArgumentError(f"tile takes how many copies, 1 or more along each axis, got {k}")
        x = x if k == 1 else apply("concat", *[x] * k, axis=axis)
    return x


@in_both_words
def repeat_interleave(x, repeats: int, axis: int) -> Tensor:
    """Each value so many times in a row along an axis. NumPy's `repeat` is this."""
    x, k, times = _tensor(x), _one_axis("repeat_interleave", axis, _ndim(x)), whole(repeats)
    many = arrays.unsqueeze(x, k + 1) * np.ones((times, *(1,) * (x.ndim - k - 1)), x.dtype)
    return arrays.reshape(many, (*x.shape[:k], x.shape[k] * times, *x.shape[k + 1 :]))


def repeat(x, *times, **named) -> Tensor:
    """Say that NumPy and PyTorch disagree, and what to write for each."""
    raise ArgumentError("repeat(x, 2) is each value twice in NumPy, and two copies side by side in PyTorch: write "
                        "ct.ops.repeat_interleave(x, 2, axis) for the first, ct.ops.tile(x, 1, 2) for the second")


@in_both_words
def flip(x, axis) -> Tensor:
    """The other way round along an axis, or several."""
    ndim = _ndim(x)
    turned = {_one_axis("flip", k, ndim) for k in (axis if isinstance(axis, tuple | list) else (axis,))}
    return _tensor(x)[tuple(slice(None, None, -1 if k in turned else None) for k in range(ndim))]


@in_both_words
def roll(x, shift: int, axis: int) -> Tensor:
    """Move values so many places along an axis; what leaves at its end comes in at its start."""
    x, k = _tensor(x), _one_axis("roll", axis, _ndim(x))
    by = whole(shift) % max(x.shape[k], 1)
    return x if not by else arrays.concat([part(x, k, x.shape[k] - by, None), part(x, k, None, -by)], axis=k)


@in_both_words
def diff(x, axis: int = -1) -> Tensor:
    """Differences of neighbours along an axis, the last unless given: x[1:] - x[:-1]."""
    k = _one_axis("diff", axis, _ndim(x))
    return part(_tensor(x), k, 1, None) - part(_tensor(x), k, None, -1)


def part(x: Tensor, axis: int, first: int | None, last: int | None) -> Tensor:
    """Take a stretch along an axis."""
    return x[(*(slice(None),) * axis, slice(first, last))]


def pad(x, width, value: float = 0.0) -> Tensor:
    """Put a number before and behind, a pair (before, behind) for each axis: pad(x, ((0, 0), (2, 0))).

    That is NumPy's way; PyTorch's F.pad(x, (2, 0)) begins with the last axis, and is asked. The rows of a batch have
    (0, 0).
    """
    x = _tensor(x)
    if np.shape(width) != (x.ndim, 2):
        raise ArgumentError(
            f"pad(x, (a, b)) is for every axis in NumPy, and for the last one in PyTorch: write a pair (before, "
            f"behind) for each of {x.ndim} axes, the last one's being (a, b): "
            f"ct.ops.pad(x, ({'(0, 0), ' * (x.ndim - 1)}(a, b)))")
    for k, (before, behind) in enumerate(width):
        before, behind, size = whole(before), whole(behind), x.shape[k]
        if not before and not behind:
            continue
        if min(before, behind, size - 1) < 0:
            raise ShapeError(f"pad: axis {k} of size {size} cannot get ({before}, {behind})")
        places = np.arange(-before, size + behind)
        inside = ((places >= 0) & (places < size)).reshape(-1, *(1,) * (x.ndim - k - 1))
        x = arrays.where(inside, x[(*(slice(None),) * k, places.clip(0, size - 1))], value)
    return x


@in_both_words
def tril(x, k: int = 0) -> Tensor:
    """Zeros above the k-th diagonal of the last two axes."""
    return _triangle(x, np.tril, k)


@in_both_words
def triu(x, k: int = 0) -> Tensor:
    """Zeros below the k-th diagonal of the last two axes."""
    return _triangle(x, np.triu, k)


def _triangle(x: Any, kept: Any, k: int) -> Tensor:
    if _ndim(x) < 2:
        raise ShapeError(f"a triangle is of matrices, got shape {np.shape(x)}")
    return arrays.where(kept(np.ones(np.shape(x)[-2:], np.bool_), whole(k)), x, 0.0)


@in_both_words
def unbind(x, axis: int = 0) -> list[Tensor]:
    """All parts along an axis, one after the other, without it."""
    k = _one_axis("unbind", axis, _ndim(x))
    return [_tensor(x)[(*(slice(None),) * k, i)] for i in range(np.shape(x)[k])]


def hstack(tensors) -> Tensor:
    """Join Tensors along their second axis; vectors along their only one."""
    tensors = list(tensors)
    return arrays.concat(tensors, axis=0 if all(_ndim(x) == 1 for x in tensors) else 1)


def vstack(tensors) -> Tensor:
    """Join Tensors along their first axis; vectors become rows."""
    return arrays.concat([arrays.unsqueeze(x, 0) if _ndim(x) == 1 else x for x in tensors], axis=0)


for _name in __all__:
    if _name not in ("bmm", "cosine_similarity", "einsum", "glu", "hstack", "logsigmoid", "normalize", "one_hot", "pad",
                     "vstack"):
        setattr(Tensor, _name, globals()[_name])
Tensor.float = _float  # type: ignore[attr-defined]
