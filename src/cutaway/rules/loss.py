"""Losses: raw outputs z and targets y in, one loss per sample out; J is their mean over the batch."""

from .namespace import xp
from .norm import added_up
from .registry import rule, together
from .shape import own, spread


def width(z):
    """The number of outputs per sample."""
    count = 1
    for size in z.shape[1:]:
        count *= size
    return count


def per_sample(e):
    """The mean over a sample's outputs."""
    return e.reshape(e.shape[0], -1).mean(1)


def per_output(dl, z):
    """The gradient of that mean, given to every output: dl / outputs, in a shape that broadcasts against z."""
    return (dl / width(z)).reshape((-1,) + (1,) * (z.ndim - 1))


@rule("l = mean (z - y)^2", slope="2(z − y)/outputs", shapes="z (n, *m)  y [n*m]  l (n)")
def mse(z, y):
    d = z - y.reshape(z.shape)
    return per_sample(d * d)

def mse_back(dl, z, y):
    """dz = dℓ 2 (z - y) / m, dy = -dz"""
    dz = 2 * per_output(dl, z) * (z - y.reshape(z.shape))
    return dz, -dz.reshape(y.shape)


@rule("l = mean (z - y)^2 / 2", slope="(z − y)/outputs", shapes="z (n, *m)  y [n*m]  l (n)")
def half_mse(z, y):
    d = z - y.reshape(z.shape)
    return per_sample(0.5 * d * d)

def half_mse_back(dl, z, y):
    """dz = dℓ (z - y) / m, dy = -dz"""
    dz = per_output(dl, z) * (z - y.reshape(z.shape))
    return dz, -dz.reshape(y.shape)


@rule("l = mean |z - y|", slope="sign(z − y)/outputs", shapes="z (n, *m)  y [n*m]  l (n)",
      kink=lambda z, y: z > y.reshape(z.shape))
def mae(z, y):
    return per_sample(xp.abs(z - y.reshape(z.shape)))

def mae_back(dl, z, y):
    """dz = dℓ sign(z - y) / m, dy = -dz"""
    dz = per_output(dl, z) * xp.sign(z - y.reshape(z.shape))
    return dz, -dz.reshape(y.shape)


@rule("l = mean d^2/2 if |d| < delta else delta (|d| - delta/2), d = z - y", shapes="z (n, *m)  y [n*m]  l (n)")
def huber(z, y, *, delta):
    d = xp.abs(z - y.reshape(z.shape))
    near = xp.minimum(d, delta)                     # both sides of the formula at once, and no d^2 to overflow
    return per_sample(near * (d - 0.5 * near))

def huber_back(dl, z, y, *, delta):
    d = z - y.reshape(z.shape)
    dz = per_output(dl, z) * xp.maximum(xp.minimum(d, delta), -delta)
    return dz, -dz.reshape(y.shape)


@rule("l = mean e^z - y z + y log y - y", fixed=("y",), shapes="z (n, *m)  y [n*m]  l (n)")
def poisson(z, y):
    """Half the Poisson deviance of counts y whose logarithm is predicted: zero where e^z = y."""
    y = y.reshape(z.shape)
    d = z - xp.log(xp.where(y > 0, y, 1))           # y (e^d - 1 - d): a million is not taken from a million
    apart = xp.exp(z) - y * xp.where(y == 0, 0, z) - y      # a count of 0 fits a rate of 0, z = -inf
    return per_sample(xp.where(y > 0, y * (xp.expm1(d) - d), apart))

def poisson_back(dl, z, y):
    """dz = dℓ (e^z - y) / m"""
    return per_output(dl, z) * (xp.exp(z) - y.reshape(z.shape)), None


@rule("l = mean max(t (y - q), (t - 1)(y - q))", fixed=("y",), slope={"q": "(1 − t if q > y else −t)/outputs"},
      shapes="q (n, m)  y (n)  t (m)  l (n)", kink=lambda q, y, t: q > y[:, None])
def pinball(q, y, t):
    """Least where a share t of the targets y lies below each q (Koenker and Bassett, 1978)."""
    pinball_shape(q.shape, y.shape, t.shape)
    d = y[:, None] - q
    return per_sample(xp.maximum(t * d, (t - 1) * d))

def pinball_back(dl, q, y, t):
    """dq = dℓ (½ sign(q - y) + ½ - t) / m, dt = Σ dℓ (y - q) / m"""
    d = y[:, None] - q
    each = per_output(dl, d)
    return own(each * ((0.5 - t) - 0.5 * xp.sign(d)), q.shape), None, added_up(each * d, t.shape)

def pinball_shape(q, y, t):
    if (len(q), len(y), len(t)) != (2, 1, 1):
        raise ValueError("q is (n, m), y (n) and t (m)")
    return together(q, (*y, 1), t)


def softplus_of(z):
    return xp.maximum(z, 0) + xp.log1p(xp.exp(-xp.abs(z)))


def sigmoid_of(z):
    e = xp.exp(-xp.abs(z))
    return xp.where(z >= 0, 1, e) / (1 + e)


@rule("q = the middle z, and from it outward sums of log(1 + e^z)", activates=True, keeps="places",
      shapes="z (n*r, m)  q (n*r, m)")
def rising(z, *, middle):
    """Numbers of which none is smaller than the one before it, whatever z is."""
    s = softplus_of(z)
    below = -xp.flip(xp.cumsum(xp.flip(s[..., :middle], -1), -1), -1)
    above = xp.cumsum(s[..., middle + 1 :], -1)
    return z[..., middle : middle + 1] + xp.concatenate([below, 0 * z[..., :1], above], -1)

def rising_back(dq, z, *, middle):
    """What goes outward from the middle comes back: dz = ± sigmoid(z) Σ dq from there on, in the middle Σ dq."""
    p = sigmoid_of(z)
    below = -p[..., :middle] * xp.cumsum(dq[..., :middle], -1)
    above = p[..., middle + 1 :] * xp.flip(xp.cumsum(xp.flip(dq[..., middle + 1 :], -1), -1), -1)
    return xp.concatenate([below, dq.sum(-1, keepdims=True), above], -1)


@rule("l, p = max(z, 0) - z y + log(1 + e^-|z|), sigmoid(z)", fixed=("y",), applies=("sigmoid", "softmax"),
      slope="(ŷ − y)/outputs", shapes="z (n, *m)  y [n*m]  l (n)  p (n, *m)")
def binary_cross_entropy(z, y):
    y = y.reshape(z.shape)
    e = xp.exp(-xp.abs(z))
    left = xp.where(y == (z > 0), 0, z)             # nothing where z is on y's side, be it infinite
    l = xp.maximum(left, 0) - xp.where(y == 0, 0, left) * y + xp.log1p(e)
    return per_sample(l), xp.where(z >= 0, 1, e) / (1 + e)

def binary_cross_entropy_back(dl, p, y):
    """dz = dℓ (ŷ - y) / m"""
    return per_output(dl, p) * (p - y.reshape(p.shape)), None


def softmax_of(z):
    e = xp.exp(z - z.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


def log_softmax_of(z):
    z = z - z.max(-1, keepdims=True)
    return z - xp.log(xp.exp(z).sum(-1, keepdims=True))


@rule("l, p = -log softmax(z)[y], softmax(z)", whole=("y",), picks=("y", "z", -1), applies=("softmax", "log_softmax"),
      shapes="z (n, m)  y int (n)  l (n)  p (n, m)")
def cross_entropy(z, y):
    """z (n, C), y (n,) class numbers."""
    return -log_softmax_of(z)[xp.arange(z.shape[0]), y], softmax_of(z)

def cross_entropy_back(dl, p, y):
    """dz = dℓ (ŷ - onehot(y))"""
    if p.ndim > 2:                                  # y picks along the first axis, softmax runs along the last
        dq = xp.scatter_add(p.shape, (xp.arange(p.shape[0]), y), -dl)
        return dq - p * dq.sum(-1, keepdims=True), None
    hot = xp.arange(p.shape[1]) == y[:, None]
    return dl[:, None] * xp.where(hot, p - 1, p), None

def cross_entropy_shape(z, y):
    return [z, (*together(z[:1], y), *z[2:])]


@rule("l, p = -sum y log softmax(z), softmax(z)", fixed=("y",), slope="ŷ − y",
      shapes="z (n, m)  y (n, m)  l (n)  p (n, m)")
def soft_cross_entropy(z, y):
    """z (n, C), y (n, C) class probabilities. A class that z rules out (-inf) costs nothing where y is 0."""
    return -xp.sum(y * xp.where(y == 0, 0, log_softmax_of(z)), axis=-1), softmax_of(z)

def soft_cross_entropy_back(dl, p, y):
    """dz = dℓ (ŷ Σ y - y)"""
    y = spread(y, p.shape)
    return xp.expand_dims(dl, -1) * (p * y.sum(-1, keepdims=True) - y), None


@rule("p = e^z / sum e^z", activates=True, keeps="channels places", shapes="z (n*r, m)  p (n*r, m)")
def softmax(z):
    return softmax_of(z)

def softmax_back(dp, p):
    return p * (dp - xp.sum(dp * p, axis=-1, keepdims=True))


@rule("q = z - log sum e^z", activates=True, keeps="channels places", shapes="z (n*r, m)  q (n*r, m)")
def log_softmax(z):
    return log_softmax_of(z)

def log_softmax_back(dq, q):
    return dq - xp.exp(q) * dq.sum(-1, keepdims=True)


@rule("J = sum w l / n", reduces_batch=True, spreads=True, fixed=("w",), linear="l", slope="w/n",
      shapes="l (n)  w (n)  J ()")
def weighted_mean(l, w):
    """The batch's loss with a weight per sample; the weights' mean over the training set is 1."""
    return xp.sum(w * l) / l.shape[0]

def weighted_mean_back(dJ, w, l_shape):
    return dJ * spread(w, l_shape) / l_shape[0], None


@rule("P = lambda / 2 sum W^2", reduces_batch=True, shapes="W (*k)  P ()")
def penalty(W, *, strength):
    """What large weights cost."""
    return 0.5 * strength * xp.sum(W * W)

def penalty_back(dP, W, *, strength):
    """dW = dP λ W"""
    return dP * strength * W


@rule("J = (sum w l + P) / sum w", reduces_batch=True, fixed=("w",), linear="l P", shapes="l (n)  w? (n)  P ()  J ()")
def penalized_mean(l, w, P):
    """The batch's loss, with a weight per sample (all ones if None), and a penalty that counts once for every batch."""
    return (xp.sum(l) + P) / l.shape[0] if w is None else (xp.sum(w * l) + P) / xp.sum(w)

def penalized_mean_back(dJ, w, l_shape):
    """dℓ = dJ w / Σ w, dP = dJ / Σ w"""
    scale = dJ / (l_shape[0] if w is None else xp.sum(w))
    dl = own(scale, ()) * (xp.full(l_shape, 1, scale.dtype) if w is None else spread(w, l_shape))
    return dl, None, scale
