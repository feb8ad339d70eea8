"""Sums of products: a layer of neurons, matrix products, and the lookup that an embedding is."""

from .namespace import xp
from .registry import rule
from .shape import bias_gradient, flat, own


@rule("z = W x + b")
def linear(x, W, b):
    """x (..., k), W (m, k): row j holds neuron j's weights, b (m,) or None -> z (..., m)."""
    z = x @ W.T
    return z if b is None else z + b

def linear_back(dz, x, W, b_shape):
    """dx = dz W, dW = dzᵀ x, db = Σ dz"""
    d = own(dz, (*x.shape[:-1], W.shape[0]))
    return d @ W, flat(d).T @ flat(x), bias_gradient(dz, b_shape)


@rule("w = u v")
def matmul(u, v):
    """u (..., n, k), v (..., k, m) -> w (..., n, m). One dimension: a row on the left, a column on the right."""
    return u @ v

def matmul_back(dw, u, v):
    """du = dw vᵀ, dv = uᵀ dw"""
    row, column = u.ndim == 1, v.ndim == 1
    u, v = xp.expand_dims(u, 0) if row else u, xp.expand_dims(v, 1) if column else v
    dw = xp.expand_dims(dw, -1) if column else dw
    dw = xp.expand_dims(dw, -2) if row else dw
    du, dv = dw @ xp.swapaxes(v, -1, -2), xp.swapaxes(u, -1, -2) @ dw
    return du[..., 0, :] if row else du, dv[..., 0] if column else dv


@rule("h = W[i]", whole=("i",))
def embedding(i, W):
    """i (...) integers, W (entries, width) -> h (..., width): row i of the table."""
    return xp.take(W, i, axis=0)

def embedding_back(dh, i, W_shape):
    """dW[i] = Σ dh of each i"""
    return None, xp.scatter_add(W_shape, i, dh)
