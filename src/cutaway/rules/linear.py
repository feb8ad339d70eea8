"""Sums of products: a layer of neurons, matrix products, and the lookup that an embedding is."""

from .namespace import xp
from .registry import rule, together
from .shape import bias_gradient, flat, own


@rule("z = W x + b", products=("x", "W"), linear="x b, W b", keeps="places", units="neuron", slope={"b": "1"},
      rounds=True, shapes="x (n*r, k)  W (m, k)  b? (m)  z (n*r, m)")
def linear(x, W, b):
    """x (..., k), W (m, k): row j holds neuron j's weights, b (m,) or None -> z (..., m)."""
    z = xp.matmul(x, W.T)
    return z if b is None else z + b

def linear_back(dz, x, W, b_shape):
    """dx = dz W, dW = dzᵀ x, db = Σ dz"""
    d = own(dz, (*x.shape[:-1], W.shape[0]))
    return xp.matmul(d, W), xp.matmul(flat(d).T, flat(x)), bias_gradient(dz, b_shape)

def linear_shape(x, W, b):
    m, k = W
    if x[-1] != k:
        raise ValueError
    return together((*x[:-1], m), b)


@rule("w = u v", shapes="u (..., p, k)  v (..., k, m)  w (..., p, m)", products=("u", "v"), linear="u, v", sign="·")
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

def matmul_shape(u, v):
    (*left, n, _), (*right, _, m) = (1, *u)[-max(2, len(u)) :], (*v, 1)[: max(2, len(v))]
    return *together(tuple(left), tuple(right)), n, m


@rule("h = W[i]", whole=("i",), picks=("i", "W", 0), shared=("W",), linear="W", keeps="places", slope="1",
      shapes="i int (n*r)  W (entries, k)  h (n*r, k)")
def embedding(i, W):
    """i (...) integers, W (entries, width) -> h (..., width): row i of the table."""
    return xp.take(W, i, axis=0)

def embedding_back(dh, i, W_shape):
    """dW[i] = Σ dh of each i"""
    return None, xp.scatter_add(W_shape, i, dh)

def embedding_shape(i, W):
    return *i, *W[1:]
