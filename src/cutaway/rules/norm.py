"""Normalisation: each row by its own mean and variance, or each column by the batch's."""

from .namespace import xp
from .registry import rule


@rule("y, u, r = gamma u + beta, (x - mean x) r, 1 / sqrt(var x + eps)")
def layer_norm(x, gamma, beta, *, eps):
    """x (..., k): every row is normalised over its last axis; gamma, beta (k,)."""
    centred = x - x.mean(-1, keepdims=True)
    r = 1 / xp.sqrt(xp.mean(centred * centred, axis=-1, keepdims=True) + eps)
    u = centred * r
    return gamma * u + beta, u, r

def layer_norm_back(dy, u, r, gamma):
    du = dy * gamma
    dx = r * (du - du.mean(-1, keepdims=True) - u * xp.mean(du * u, axis=-1, keepdims=True))
    rows = tuple(range(dy.ndim - 1))
    return dx, (dy * u).sum(rows), dy.sum(rows)


@rule("mean, var = mean x, mean (x - mean)^2", reduces_batch=True)
def batch_stats(x):
    """x (n, ..., k) -> mean (k,) and biased variance (k,) of each column over the batch."""
    rows = tuple(range(x.ndim - 1))
    mean = x.mean(rows)
    return mean, xp.mean((x - mean) ** 2, axis=rows)

def batch_stats_back(dmean, dvar, x, mean):
    count = 1
    for size in x.shape[:-1]:
        count *= size
    return (dmean + 2 * dvar * (x - mean)) / count


@rule("y = gamma (x - mean) / sqrt(var + eps) + beta", reduces_batch=True)
def batch_norm(x, mean, var, gamma, beta, *, eps):
    """x (n, ..., k); mean, var, gamma, beta (k,)."""
    return (x - mean) * (gamma / xp.sqrt(var + eps)) + beta

def batch_norm_back(dy, x, mean, var, gamma, *, eps):
    rows = tuple(range(dy.ndim - 1))
    r = 1 / xp.sqrt(var + eps)
    dbeta = dy.sum(rows)
    dgamma = ((x - mean) * dy).sum(rows) * r
    return dy * (gamma * r), -gamma * r * dbeta, -0.5 * gamma * r * r * dgamma, dgamma, dbeta


@rule("running = 0.9 running + 0.1 batch", reduces_batch=True)
def running_average(old, new, *, momentum, rows):
    """momentum is the new value's share. A variance over `rows` values is made unbiased; a mean has rows None."""
    share = momentum if rows is None else momentum * rows / (rows - 1)
    return (1 - momentum) * old + share * new
