"""Operations that move, pick or add up values."""

from .namespace import xp
from .registry import rule


def flat(x):
    """Reshape x (..., k) to rows: (n, k)."""
    rows = 1
    for size in x.shape[:-1]:
        rows *= size
    return x.reshape(rows, x.shape[-1])


def spread(x, shape):
    """Broadcast x together with an array of that shape."""
    return x if x.shape == shape else x + xp.full(shape, 0, x.dtype)


def inside(shape, lengths):
    """(n, time, 1, ...): whether a place belongs to its sequence; `lengths` (n,) say how many of its steps do."""
    steps = xp.arange(shape[1]) < xp.expand_dims(lengths, -1)
    return steps.reshape(shape[0], shape[1], *(1,) * (len(shape) - 2))


def own(gradient, shape):
    """Add up the gradients of all copies of an array that was broadcast."""
    return gradient if gradient.shape == shape else sum_to(gradient, shape=shape)


def bias_gradient(dz, b_shape):
    """Add up dz over all rows for a bias with one number a column; over less, or more, for one of another shape."""
    return flat(dz).sum(0) if b_shape in (None, dz.shape[-1:]) else own(dz, b_shape)


@rule("y = x, reshaped", "view", moves=True, slope="1", shapes="x any [n*w]  y any [n*w]")
def reshape(x, *, shape):
    return xp.reshape(x, shape)

def reshape_back(dy, x_shape):
    return xp.reshape(dy, x_shape)


@rule("y = x, axes permuted", moves=True, slope="1", shapes="x any (...)  y any (...)")
def transpose(x, *, axes):
    return xp.transpose(x, axes)

def transpose_back(dy, *, axes):
    """dx = dy, axes permuted back"""
    axes = [axis % dy.ndim for axis in axes]
    return xp.transpose(dy, tuple(axes.index(i) for i in range(len(axes))))


@rule("y = x, in the precision of like", whole=("x",), passes=True, shapes="x int (...)  like unread  y (...)")
def real(x, like):
    """Whole numbers as real ones, so that they can be calculated with."""
    return x.astype(like.dtype)


@rule("y = x1 beside x2", moves=True, slope="1", sign="‖", shapes="x any (...)  y any (...)")
def concat(*x, axis):
    return xp.concatenate(x, axis=axis)

def concat_back(dy, x_shape, *, axis):
    """dx1, dx2 = dy, cut where they met"""
    parts, start = [], 0
    for shape in x_shape:
        parts.append(dy[(slice(None),) * (axis % dy.ndim) + (slice(start, start + shape[axis]),)])
        start += shape[axis]
    return tuple(parts)

def concat_shape(*x, axis):
    joined = list(x[0])
    joined[axis] = sum(shape[axis] for shape in x)
    return tuple(joined)


@rule("y = x[key]", moves=True, slope="1", shapes="x any (...)  y any (...)")
def index(x, *, key):
    return x[key]

def index_back(dy, x_shape, *, key):
    return xp.scatter_add(x_shape, key, dy)


@rule("y = x1 + ... + x", reduces_batch=True, linear="x", slope="1 for all up to there", shapes="x (...)  y (...)",
      title="cumulative sum")
def cumsum(x, *, axis):
    """Each number is the sum of those up to it along an axis."""
    return xp.cumsum(x, axis=axis)

def cumsum_back(dy, *, axis):
    """dx = sum of dy from there on"""
    return xp.flip(xp.cumsum(xp.flip(dy, axis), axis=axis), axis)


@rule("y = sum x", reduces_batch=True, spreads=True, reduces=True, linear="x", slope="1", shapes="x (...)  y (...)")
def sum_(x, *, axis, keepdims):
    return xp.sum(x, axis=axis, keepdims=keepdims)

def sum_back(dy, x_shape, *, axis, keepdims):
    """dx = dy, for each"""
    if axis is not None and not keepdims:
        dy = xp.expand_dims(dy, axis)
    return xp.broadcast_to(dy, x_shape)


@rule("y = mean x", reduces_batch=True, spreads=True, reduces=True, linear="x", slope="1/n", shapes="x (...)  y (...)")
def mean(x, *, axis, keepdims):
    return xp.mean(x, axis=axis, keepdims=keepdims)

def mean_back(dy, x_shape, *, axis, keepdims):
    """dx = dy / count, for each"""
    if axis is not None and not keepdims:
        dy = xp.expand_dims(dy, axis)
    count = 1
    for size in x_shape:
        count *= size
    for size in dy.shape if axis is not None else ():
        count //= size
    return xp.broadcast_to(dy / count, x_shape)


@rule("y = x, added up to a smaller shape", shapes="x (...)  y (...)")
def sum_to(x, *, shape):
    """Undo broadcasting: add up the axes along which an array of `shape` was repeated to become x."""
    extra = x.ndim - len(shape)
    x = xp.sum(x, axis=tuple(range(extra)))
    repeated = tuple(i for i, size in enumerate(shape) if size == 1 and x.shape[i] != 1)
    return xp.sum(x, axis=repeated, keepdims=True) if repeated else x
