"""Normalisation: each row by its own mean and variance, or each column by the batch's."""

from .namespace import xp
from .registry import rule
from .shape import inside, own


def mean_of(x, axis, keepdims=False):
    """Average in double: with many numbers, or numbers far from zero, a sum in single loses their differences."""
    return xp.mean(x, axis=axis, keepdims=keepdims, dtype=xp.wide).astype(x.dtype)


def added_up(gradient, shape):
    """Add up in double, over all its copies, the gradient of an array that was broadcast."""
    return own(gradient.astype(xp.wide), shape).astype(gradient.dtype)


@rule("y, u, r = gamma u + beta, (x - mean x) r, 1 / sqrt(var x + eps)", normalises=True, linear="gamma beta",
      keeps="channels places", slope={"gamma": "u", "beta": "1"},
      shapes="x (n*q, k)  gamma (k)  beta (k)  y (n*q, k)  u (n*q, k)  r (n*q, 1)")
def layer_norm(x, gamma, beta, *, eps):
    """x (..., k): every row is normalised over its last axis; gamma, beta (k,)."""
    centred = x - mean_of(x, -1, keepdims=True)
    r = 1 / xp.sqrt(mean_of(centred * centred, -1, keepdims=True) + eps)
    u = centred * r
    return gamma * u + beta, u, r

def layer_norm_back(dy, u, r, gamma, beta_shape):
    """dx = r (du - mean du - u mean (du u)) with du = gamma dy, dgamma = Σ dy u, dbeta = Σ dy"""
    du = own(dy * gamma, u.shape)
    dx = r * (du - mean_of(du, -1, keepdims=True) - u * mean_of(du * u, -1, keepdims=True))
    return dx, added_up(dy * u, gamma.shape), added_up(dy, beta_shape)


@rule("mean, var = mean x, mean (x - mean)^2", reduces_batch=True, normalises=True, keeps="channels",
      slope="∂ statistics/∂x", shapes="x (n*q, k)  mean (k)  var (k)")
def batch_stats(x):
    """x (n, ..., k) -> mean (k,) and biased variance (k,) of each column over the batch."""
    rows = tuple(range(x.ndim - 1))
    mean = mean_of(x, rows)
    return mean, mean_of((x - mean) ** 2, rows)

def batch_stats_back(dmean, dvar, x, mean):
    """dx = (dmean + 2 dvar (x - mean)) / count"""
    count = 1
    for size in x.shape[:-1]:
        count *= size
    return (dmean + 2 * dvar * (x - mean)) / count


@rule("mean, var, unbiased = mean x, mean (x - mean)^2, var m / (m - 1)", reduces_batch=True, normalises=True,
      keeps="channels", slope="∂ statistics/∂x", title="batch stats within lengths",
      shapes="x (n, time, k)  lengths int (n)  mean (k)  var (k)  unbiased (k)")
def step_stats(x, lengths):
    """x (n, time, k) -> mean (k,), biased and unbiased variance (k,) over the m steps within the sequences' lengths."""
    within, m = inside(x.shape, lengths), steps_within(x.shape, lengths)
    mean = (xp.sum(xp.where(within, x, 0), axis=(0, 1), dtype=xp.wide) / m).astype(x.dtype)
    squares = xp.sum(xp.where(within, (x - mean) ** 2, 0), axis=(0, 1), dtype=xp.wide)
    return mean, (squares / m).astype(x.dtype), (squares / xp.maximum(m - 1, 1)).astype(x.dtype)

def step_stats_back(dmean, dvar, x, lengths, mean):
    """dx = (dmean + 2 dvar (x - mean)) / m within the lengths, else 0"""
    m = steps_within(x.shape, lengths).astype(x.dtype)
    return xp.where(inside(x.shape, lengths), (dmean + 2 * dvar * (x - mean)) / m, 0), None


def steps_within(shape, lengths):
    """Count the steps of all sequences together; a length that reaches beyond its sequence ends with it."""
    return xp.maximum(xp.sum(xp.minimum(lengths, shape[1])), 1)


@rule("y = gamma (x - mean) / sqrt(var + eps) + beta", reduces_batch=True, normalises=True, linear="x mean beta",
      keeps="channels places", shapes="x (n*q, k)  mean (k)  var (k)  gamma (k)  beta (k)  y (n*q, k)",
      slope={"x": "gamma/√(var + ε)", "mean": "−gamma/√(var + ε)", "var": "−gamma (x − mean)/2 (var + ε)^1.5",
             "gamma": "(x − mean)/√(var + ε)", "beta": "1"})
def batch_norm(x, mean, var, gamma, beta, *, eps):
    """x (n, ..., k); mean, var, gamma, beta (k,)."""
    return (x - mean) * (gamma / xp.sqrt(var + eps)) + beta

def batch_norm_back(dy, x, mean, var, gamma, beta_shape, *, eps):
    """dx = dy gamma r, dmean = -Σ dx, dvar = -r² / 2 Σ dx (x - mean), dgamma = Σ dy (x - mean) r, dbeta = Σ dy,
    r = 1 / sqrt(var + eps)"""
    r, dbeta = 1 / xp.sqrt(var + eps), added_up(dy, beta_shape)
    if {mean.shape, var.shape, gamma.shape, beta_shape} == {x.shape[-1:]}:
        dgamma = added_up((x - mean) * dy, gamma.shape) * r
        return dy * (gamma * r), -gamma * r * dbeta, -0.5 * gamma * r * r * dgamma, dgamma, dbeta
    dx, along = dy * (gamma * r), (x - mean) * dy * r           # a gamma for each row, say: nothing factors out
    dvar = added_up(-0.5 * gamma * r * r * along, var.shape)
    return dx, added_up(-dx, mean.shape), dvar, added_up(along, gamma.shape), dbeta


@rule("running = 0.9 running + 0.1 batch", reduces_batch=True, shapes="old (*k)  new (*k)  running (*k)")
def running_average(old, new, *, momentum, rows):
    """momentum is the new value's share. A variance over `rows` values is made unbiased; a mean has rows None."""
    share = momentum if rows is None else momentum * rows / (rows - 1)
    return (1 - momentum) * old + share * new
