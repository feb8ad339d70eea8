"""Convolution and pooling: neurons that look at a window, at every place in turn. Channels come last.

x is (n, *size, c), one size for a sequence and two for an image; `padding` has a pair (before, after) for each.
"""

from .namespace import xp
from .norm import mean_of
from .registry import rule, together
from .shape import bias_gradient, inside, own


def by_group(seen, places, groups):
    """Reshape windows (n, *places, *window, c) to the rows of matrices: (groups, n · places, window · c / groups)."""
    rows, c, window = seen.shape[0], seen.shape[-1], 1  # counted, since no rows leave -1 open
    for size in places:
        rows = rows * size
    for size in seen.shape[1 + len(places) : -1]:
        window = window * size
    split = seen.reshape(rows, window, groups, c // groups)
    return xp.transpose(split, (2, 0, 1, 3)).reshape(groups, rows, window * (c // groups))


@rule("z = W * x + b", products=("x", "W"), windows=True, linear="x b, W b", units="filter", slope={"b": "1"},
      rounds=True, title="convolution", shapes="x (n, *i, c)  W (m, *size, e)  b? (m)  z (n, *o, m)")
def conv(x, W, b, *, stride, padding, dilation, groups):
    """W (m, *window, c / groups), b (m,) or None -> z (n, *places, m). Cross-correlation: the window is not flipped."""
    seen = xp.patches(x, W.shape[1:-1], stride, padding, dilation, 0)
    places = seen.shape[1 : x.ndim - 1]
    z = xp.matmul(by_group(seen, places, groups),
                  xp.swapaxes(W.reshape(groups, W.shape[0] // groups, -1), 1, 2))
    z = xp.transpose(z, (1, 0, 2)).reshape(x.shape[0], *places, W.shape[0])
    return z if b is None else z + b

def conv_back(dz, x, W, b_shape, *, stride, padding, dilation, groups):
    """dx = Σ dz W where each window saw it, dW = dzᵀ windows, db = Σ dz"""
    seen = xp.patches(x, W.shape[1:-1], stride, padding, dilation, 0)
    db = bias_gradient(dz, b_shape)
    dz = own(dz, (x.shape[0], *seen.shape[1 : x.ndim - 1], W.shape[0]))
    rows = xp.transpose(dz.reshape(-1, groups, W.shape[0] // groups), (1, 0, 2))
    dW = xp.matmul(xp.swapaxes(rows, 1, 2), by_group(seen, dz.shape[1:-1], groups))
    parts = xp.matmul(rows, W.reshape(groups, W.shape[0] // groups, -1))
    parts = parts.reshape(groups, rows.shape[1], -1, W.shape[-1])
    dx = xp.add_patches(x.shape, xp.transpose(parts, (1, 2, 0, 3)).reshape(seen.shape), stride, padding, dilation)
    return dx, dW.reshape(W.shape), db

def conv_shape(x, W, b, *, stride, padding, dilation, groups):
    if len(W) != len(x) or W[0] % groups or x[-1] != W[-1] * groups:
        raise ValueError(f"shapes {x}, {W} in {groups} groups do not fit each other")
    return together((x[0], *places(x, W[1:-1], stride, padding, dilation), W[0]), b)


def places(x, window, stride, padding, dilation):
    """Count the places that a window has along each size of x, by their shapes."""
    padded = tuple(k + sum(edges) for k, edges in zip(x[1:-1], padding, strict=True))
    spans = tuple(d * (k - 1) + 1 for k, d in zip(window, dilation, strict=True))
    if any(span > k for span, k in zip(spans, padded, strict=True)):
        raise ValueError(f"windows {window} over {padded} places")
    return tuple((k - span) // s + 1 for k, span, s in zip(padded, spans, stride, strict=True))


def in_windows(x, window, stride, padding, fill):
    """(n, *places, window's size, c)."""
    seen = xp.patches(x, window, stride, padding, (1,) * len(window), fill)
    inner = 1
    for size in window:
        inner = inner * size
    return seen.reshape(*seen.shape[: x.ndim - 1], inner, x.shape[-1])


def to_windows(shape, parts, window, stride, padding):
    """The transpose of in_windows."""
    parts = parts.reshape(*parts.shape[:-2], *window, shape[-1])
    return xp.add_patches(shape, parts, stride, padding, (1,) * len(window))


@rule("y = max x over each window", windows=True, keeps="channels", kink=True, title="max pooling",
      slope="1 where the maximum is", shapes="x (n, *i, c)  y (n, *o, c)")
def max_pool(x, *, window, stride, padding):
    """x (n, *size, c) -> y (n, *places, c). Padding never wins."""
    return xp.max(in_windows(x, window, stride, padding, -float("inf")), axis=-2)

def max_pool_back(dy, x, y, *, window, stride, padding):
    """dy to the first maximum of its window"""
    seen = in_windows(x, window, stride, padding, -float("inf"))
    winner = xp.expand_dims(xp.argmax(seen, axis=-2), -2)                        # the first of several equal ones
    mine = xp.expand_dims(xp.arange(seen.shape[-2]), -1) == winner
    return to_windows(x.shape, xp.where(mine, xp.expand_dims(dy, -2), 0), window, stride, padding)

def max_pool_shape(x, *, window, stride, padding):
    return x[0], *places(x, window, stride, padding, (1,) * len(window)), x[-1]


@rule("y = mean x over each window", windows=True, linear="x", keeps="channels", title="average pooling",
      slope="1/places", shapes="x (n, *i, c)  y (n, *o, c)")
def avg_pool(x, *, window, stride, padding):
    """x (n, *size, c) -> y (n, *places, c). Padding counts as zeros."""
    return in_windows(x, window, stride, padding, 0).mean(-2)

def avg_pool_back(dy, x_shape, *, window, stride, padding):
    """dy / places, to all of its window"""
    count = 1
    for size in window:
        count *= size
    share = xp.expand_dims(dy / count, -2)
    share = xp.broadcast_to(share, (*share.shape[:-2], count, share.shape[-1]))
    return to_windows(x_shape, share, window, stride, padding)

avg_pool_shape = max_pool_shape

# ---- over a whole image or sequence; `lengths` (n,) say how many places along the first size are no padding ----------


def places_of(shape):
    count = 1
    for size in shape[1:-1]:
        count *= size
    return count


def places_within(shape, lengths):
    """(n, 1): those of each sequence. Lengths that a network computes may go on beyond it: it ends all the same."""
    return xp.expand_dims(xp.minimum(lengths, shape[1]) * (places_of(shape) // shape[1]), -1)


@rule("y = x within its length, else 0", passes=True, keeps="channels places", slope="1",
      shapes="x (n, time, *w)  lengths int (n)  y (n, time, *w)")
def masked(x, lengths):
    return xp.where(inside(x.shape, lengths), x, 0)

def masked_back(dy, lengths):
    return xp.where(inside(dy.shape, lengths), dy, 0), None


@rule("y = mean x over all places", linear="x", keeps="channels", slope="1/places",
      shapes="x (n, time, *rest, c)  lengths? int (n)  y (n, c)")
def global_average(x, lengths):
    """x (n, *size, c) -> y (n, c), over each sequence's own length if `lengths` (n,) are given."""
    if lengths is None:
        return mean_of(x, tuple(range(1, x.ndim - 1)))
    inner = xp.sum(xp.where(inside(x.shape, lengths), x, 0), axis=tuple(range(1, x.ndim - 1)), dtype=xp.wide)
    return (inner / places_within(x.shape, lengths)).astype(x.dtype)

def global_average_back(dy, x_shape, lengths):
    """dy / places, to all"""
    share = dy / (places_of(x_shape) if lengths is None else places_within(x_shape, lengths).astype(dy.dtype))
    share = xp.broadcast_to(share.reshape(x_shape[0], *(1,) * (len(x_shape) - 2), x_shape[-1]), x_shape)
    return share if lengths is None else xp.where(inside(x_shape, lengths), share, 0), None


@rule("y = mean over all steps of (x - b) g, at least 0 and at most 1 each", fixed=("b", "g"),
      slope="g/steps where (x - b) g lies from 0 to 1, else 0", title="shares above",
      kink=lambda x, b, g: (xp.expand_dims(x, -2) >= b) * 1 + ((xp.expand_dims(x, -2) - b) * g >= 1),
      shapes="x (n, time, c)  b (k, c)  g (c)  lengths? int (n)  y (n, k, c)")
def shares_above(x, b, g, lengths):
    """x (n, time, c), b (k, c), g (c) -> y (n, k, c): the share of a sequence's own steps at which channel c is above
    each of k thresholds. A step within 1 / g above a threshold counts in part, so that there is a slope."""
    shares_above_shape(x.shape, b.shape, g.shape, lengths)
    parts = [global_average(xp.minimum(xp.maximum((x - b[k]) * g, 0), 1), lengths) for k in range(b.shape[0])]
    return xp.concatenate([xp.expand_dims(part, 1) for part in parts], axis=1)

def shares_above_back(dy, x, b, g, lengths):
    """dx = g / steps Σ dy over the thresholds within 1 / g of which x lies"""
    dx = 0
    for k in range(b.shape[0]):
        u = (x - b[k]) * g
        dx = dx + xp.where((u >= 0) & (u < 1), global_average_back(dy[:, k] * g, x.shape, lengths)[0], 0)
    return dx, None, None, None

def shares_above_shape(x, b, g, lengths):
    if len(x) != 3 or len(b) != 2 or not b[0] or (b[1], *g) != (x[2], x[2]):
        raise ValueError(f"x {x} is (n, time, c), b {b} has thresholds (k, c), and g {g} a number for each channel")
    return x[0], *b


@rule("y = max x over all places", keeps="channels", kink=True, slope="1 where the maximum is",
      shapes="x (n, time, *rest, c)  lengths? int (n)  y (n, c)")
def global_max(x, lengths):
    """x (n, *size, c) -> y (n, c), over each sequence's own length if `lengths` (n,) are given."""
    if lengths is not None:
        x = xp.where(inside(x.shape, lengths), x, -float("inf"))
    return xp.max(x, axis=tuple(range(1, x.ndim - 1)))

def global_max_back(dy, x, y, lengths):
    """dy to the first maximum"""
    if lengths is not None:
        x = xp.where(inside(x.shape, lengths), x, -float("inf"))
    flat = x.reshape(x.shape[0], -1, x.shape[-1])
    winner = xp.expand_dims(xp.argmax(flat, axis=1), 1)
    mine = xp.expand_dims(xp.arange(flat.shape[1]), -1) == winner
    dx = xp.where(mine, xp.expand_dims(dy, 1), 0).reshape(x.shape)
    return dx if lengths is None else xp.where(inside(x.shape, lengths), dx, 0), None


@rule("l = places that lie within each length", shapes="lengths int (n)  l int (n)")
def shortened(lengths, *, window, stride, padding, dilation):
    """Lengths after a window of `window` steps has passed over the sequences; never below 1."""
    places = (lengths + (padding - dilation * (window - 1) - 1)) // stride + 1
    return xp.maximum(places, 1).astype(xp.int32)
