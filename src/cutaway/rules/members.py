"""Members: networks side by side in one program. The second axis of their arrays counts them: (n, members, ...)."""

import math

from .loss import log_softmax_of, softmax_of
from .namespace import xp
from .registry import rule


def fits(*given):
    """Raise ValueError unless operands have these shapes: letters that are equal must be equal sizes."""
    sizes: dict[str, int] = {}
    for letters, shape in given:
        if len(shape) != len(letters) or any(sizes.setdefault(k, size) != size
                                             for k, size in zip(letters, shape, strict=True)):
            raise ValueError("other shapes")


@rule("h = x r, for each member", linear="x, r", slope={"x": "r", "r": "x"}, keeps="places",
      shapes="x (n, k)  r (e, k)  h (n, e, k)")
def member_inputs(x, r):
    """x (n, k), a row r of factors for each member, (members, k) -> h (n, members, k)."""
    fits(("nk", x.shape), ("ek", r.shape))
    return xp.expand_dims(x, 1) * r

def member_inputs_back(dh, x, r):
    """dx = Σ dh r over members, dr = Σ dh x over rows"""
    return xp.sum(dh * r, axis=1), xp.sum(dh * xp.expand_dims(x, 1), axis=0)

def member_inputs_shape(x, r):
    fits(("nk", x), ("ek", r))
    return x[0], *r


@rule("z = W x + b, for each member", products=("x", "W"), linear="x b, W b", keeps="places", slope={"b": "1"},
      shapes="x (n, e, k)  W (e, m, k)  b? [all]  z (n, e, m)")
def member_linear(x, W, b):
    """x (n, members, k), W (members, m, k): row j of a member's matrix holds its neuron j; b (members m,), the biases
    of one member after the other, or None -> z (n, members, m)."""
    fits(("nek", x.shape), ("emk", W.shape))
    z = xp.swapaxes(xp.matmul(xp.swapaxes(x, 0, 1), xp.swapaxes(W, 1, 2)), 0, 1)
    return z if b is None else z + b.reshape(W.shape[:2])

def member_linear_back(dz, x, W, b_shape):
    """dx = dz W, dW = dzᵀ x, db = Σ dz"""
    d = xp.swapaxes(dz, 0, 1)
    dW = xp.matmul(xp.swapaxes(d, 1, 2), xp.swapaxes(x, 0, 1))
    return xp.swapaxes(xp.matmul(d, W), 0, 1), dW, None if b_shape is None else xp.sum(dz, axis=0).reshape(b_shape)

def member_linear_shape(x, W, b):
    fits(("nek", x), ("emk", W))
    if b is not None and math.prod(b) != W[0] * W[1]:
        raise ValueError
    return x[0], *W[:2]


@rule("y = log mean e^z over members", keeps="places", shapes="z (n, e, m)  y (n, m)")
def member_log_mean_exp(z):
    """z (n, members, m) -> y (n, m), without overflow."""
    fits(("nem", z.shape))
    top = z.max(1, keepdims=True)
    return xp.log(xp.exp(z - top).mean(1)) + top.reshape(z.shape[0], z.shape[2])

def member_log_mean_exp_back(dy, z):
    """dz = dy softmax(z) over members; not e^(z - y), which a rounded y of many thousands spoils."""
    e = xp.exp(z - z.max(1, keepdims=True))
    return xp.expand_dims(dy, 1) * (e / e.sum(1, keepdims=True))

def member_log_mean_exp_shape(z):
    fits(("nem", z))
    return z[0], z[2]


@rule("l, p = mean over members of -log softmax(z)[y], softmax(z)", whole=("y",), picks=("y", "z", -1),
      applies=("softmax", "log_softmax"), slope="(ŷ − y)/members", shapes="z (n, e, m)  y int (n)  l (n)  p (n, e, m)")
def member_cross_entropy(z, y):
    """z (n, members, C), y (n,) class numbers that all members learn."""
    fits(("nem", z.shape), ("n", y.shape))
    return -log_softmax_of(z).mean(1)[xp.arange(z.shape[0]), y], softmax_of(z)

def member_cross_entropy_back(dl, p, y):
    """dz = dℓ (ŷ - onehot(y)) / members"""
    hot = xp.arange(p.shape[2]) == y[:, None]
    return (dl / p.shape[1])[:, None, None] * xp.where(hot[:, None], p - 1, p), None

def member_cross_entropy_shape(z, y):
    fits(("nem", z), ("n", y))
    return [z, y]
