"""What the first layer of a table's network does: numbers become bins, codes become vectors."""

from .namespace import xp
from .registry import rule
from .shape import own


def features(x, i):
    """Pick feature i[j] for each bin j; a number beyond the features counts as the nearest one."""
    return xp.take(x, xp.minimum(xp.maximum(i, 0), x.shape[-1] - 1), axis=-1)


def widths(lower, upper):
    """The widths of bins; one that does not end behind its beginning counts as 1 wide."""
    return xp.where(upper <= lower, 1, upper - lower)


@rule("u = (x[i] - lower) / (upper - lower), at least 0 and at most 1", whole=("i",), fixed=("lower", "upper"),
      keeps="", slope={"x": "1/(upper − lower) within the bin, else 0"}, title="piecewise linear",
      kink=lambda x, i, lower, upper: (features(x, i) >= lower) * 1 + (features(x, i) >= lower + widths(lower, upper)),
      shapes="x (n*r, f)  i int (m)  lower (m)  upper (m)  u (n*r, m)")
def piecewise(x, i, lower, upper):
    """x (..., f); bin j goes from lower[j] to upper[j] of feature i[j] -> u (..., m): how far x has come in each."""
    return xp.minimum(xp.maximum((features(x, i) - lower) / widths(lower, upper), 0), 1)

def piecewise_back(du, x, i, lower, upper):
    """dx = Σ du / (upper - lower) over the bins of each feature that x lies in"""
    f, z, width = x.shape[-1], features(x, i), widths(lower, upper)
    d = xp.where((z >= lower) & (z < lower + width), du / width, 0)
    return xp.scatter_add(x.shape, (..., xp.minimum(xp.maximum(i, 0), f - 1)), d), None, None, None

def piecewise_shape(x, i, lower, upper):
    if not x or not x[-1] or len(i) != 1 or {i, lower, upper} != {i}:
        raise ValueError("i, lower and upper have a number for each bin, and x has features")
    return *x[:-1], *i


@rule("h = sum of u W, by feature", whole=("c",), linear="u, W", keeps="", slope={"u": "W", "W": "u"},
      title="linear by feature", shapes="u (n*r, m)  c int (m)  W (m, k)  h (n*r, g, k)")
def by_feature(u, c, W, *, groups):
    """u (..., m), W (m, k); number j belongs to group c[j] -> h (..., groups, k): a linear map for each group alone."""
    by_feature_shape(u.shape, c.shape, W.shape, groups=groups)
    own = groups_of(c, groups) == xp.expand_dims(xp.arange(groups), -1)
    return xp.matmul(xp.where(own, xp.expand_dims(u, -2), 0), W)

def by_feature_back(dh, u, c, W, *, groups):
    """du = Σ dh[c] W, dW = Σ u dh[c]"""
    d = xp.take(dh, groups_of(c, groups), axis=-2)
    return xp.sum(d * W, axis=-1), None, own(xp.expand_dims(u, -1) * d, W.shape)

def by_feature_shape(u, c, W, *, groups):
    if not u or len(W) != 2 or len(c) != 1 or (u[-1], *c) != (W[0], W[0]) or not groups:
        raise ValueError("u, c and W have as many numbers, and there is a group at least")
    return *u[:-1], groups, W[1]


def groups_of(c, groups):
    return xp.minimum(xp.maximum(c, 0), groups - 1)


def rows_of(x, entries, column):
    """The row of a table that each code stands for, a whole number in a column of x: the nearest one that there is."""
    code = x[..., column]
    return xp.minimum(xp.where(code > 0, xp.minimum(code, entries), 0).astype(xp.int32), entries - 1)


@rule("h = W[x in one column]", shared=("W",), linear="W", keeps="places", slope={"W": "1", "x": "0"},
      shapes="x (n*r, f)  W (entries, k)  h (n*r, k)")
def lookup(x, W, *, column):
    """x (..., f) with whole numbers in one of its columns, W (entries, k) -> h (..., k): that row of the table. What is
    not a number stays so."""
    code = xp.expand_dims(x[..., column], -1)
    return xp.where(code == code, xp.take(W, rows_of(x, W.shape[0], column), axis=0), code)

def lookup_back(dh, x, W_shape, *, column):
    """dx = 0, dW[row] = Σ dh of each sample with this row"""
    return xp.full(x.shape, 0, dh.dtype), xp.scatter_add(W_shape, rows_of(x, W_shape[0], column), dh)

def lookup_shape(x, W, *, column):
    if not x or column >= x[-1] or len(W) != 2 or not W[0]:
        raise ValueError(f"column {column} must be one of x, and W a table with rows")
    return *x[:-1], W[1]
