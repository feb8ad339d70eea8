"""Operations that work value by value: activations and arithmetic. These texts also become the CPU's fused loops."""

from .namespace import xp
from .registry import rule

# ---- activations: z in, a out --------------------------------------------------------------------------------------


def within(z, edge):
    """z, or the edge it lies beyond: 0 times infinity is not a number, and beyond the edge the factor is 0."""
    return xp.maximum(xp.minimum(z, edge), -edge)


@rule("a = max(0, z)", "elementwise", slope="[a > 0]", kink=lambda z: z > 0)
def relu(z):
    return xp.maximum(z, 0)

def relu_back(da, a):
    return xp.where(a > 0, da, 0)


@rule("a = z if z > 0 else slope z", "elementwise", kink=lambda z: z > 0)
def leaky_relu(z, *, slope):
    return xp.where(z > 0, z, slope * z)

def leaky_relu_back(da, z, *, slope):
    return xp.where(z > 0, da, slope * da)


@rule("a = 1 / (1 + e^-z)", "elementwise", slope="a(1 − a)")
def sigmoid(z):
    e = xp.exp(-xp.abs(z))                          # never above 1, so neither side overflows
    return xp.where(z >= 0, 1, e) / (1 + e)

def sigmoid_back(da, a):
    return da * a * (1 - a)


@rule("a = tanh(z)", "elementwise", slope="1 − a²")
def tanh(z):
    return xp.tanh(z)

def tanh_back(da, a):
    return da * (1 - a * a)


@rule("a = z if z > 0 else alpha (e^z - 1)", "elementwise", kink=lambda z, alpha: (z > 0) & (alpha != 1))
def elu(z, *, alpha):
    return xp.where(z > 0, z, alpha * xp.expm1(xp.minimum(z, 0)))

def elu_back(da, z, *, alpha):
    return xp.where(z > 0, da, da * alpha * xp.exp(xp.minimum(z, 0)))


SELU_SCALE, SELU_ALPHA = 1.0507009873554805, 1.6732632423543772  # Klambauer et al., 2017


@rule("a = 1.0507 elu(z, 1.6733)", "elementwise", kink=lambda z: z > 0)
def selu(z):
    return SELU_SCALE * xp.where(z > 0, z, SELU_ALPHA * xp.expm1(xp.minimum(z, 0)))

def selu_back(da, z):
    return da * SELU_SCALE * xp.where(z > 0, 1, SELU_ALPHA * xp.exp(xp.minimum(z, 0)))


@rule("a = z Phi(z)", "elementwise")
def gelu(z):
    return 0.5 * xp.maximum(z, -40) * (1 + xp.erf(z * 0.7071067811865476))

def gelu_back(da, z):
    z = within(z, 40)
    return da * (0.5 * (1 + xp.erf(z * 0.7071067811865476)) + 0.3989422804014327 * z * xp.exp(-0.5 * z * z))


@rule("a = z/2 (1 + tanh(0.7979 (z + 0.0447 z^3)))", "elementwise")
def gelu_tanh(z):
    u = within(z, 40)                               # (1 + tanh v)/2 is sigmoid(2 v), which keeps its digits near 0
    return xp.maximum(z, -40) * sigmoid(1.5957691216057308 * (u + 0.044715 * u * u * u))

def gelu_tanh_back(da, z):
    z = within(z, 40)
    s = sigmoid(1.5957691216057308 * (z + 0.044715 * z * z * z))
    return da * s * (1 + z * (1 - s) * 1.5957691216057308 * (1 + 0.134145 * z * z))


@rule("a = z sigmoid(z)", "elementwise")
def silu(z):
    return xp.maximum(z, -800) * sigmoid(z)

def silu_back(da, z):
    z = within(z, 800)
    s = sigmoid(z)
    return da * s * (1 + z * (1 - s))


@rule("a = log(1 + e^z)", "elementwise")
def softplus(z):
    return xp.maximum(z, 0) + xp.log1p(xp.exp(-xp.abs(z)))

def softplus_back(da, z):
    return da * sigmoid(z)


@rule("a = z tanh(softplus(z))", "elementwise")
def mish(z):
    return xp.maximum(z, -800) * xp.tanh(softplus(z))

def mish_back(da, z):
    z = within(z, 800)
    t = xp.tanh(softplus(z))
    return da * (t + z * (1 - t * t) * sigmoid(z))


# ---- activations that learn how much they bend: w for each neuron, times a rate that says how fast -----------------


@rule("a = z + rate w (relu(z) - z)", "elementwise", kink=lambda z: z > 0)
def parametric_relu(z, w, *, rate):
    return z + rate * w * (relu(z) - z)

def parametric_relu_back(da, z, w, *, rate):
    """dz = da (1 - rate w) + rate w da [z > 0], dw = rate da (relu(z) - z)"""
    return da * (1 - rate * w) + relu_back(rate * w * da, z), rate * da * (relu(z) - z)


@rule("a = z + rate w (selu(z) - z)", "elementwise", kink=lambda z: z > 0)
def parametric_selu(z, w, *, rate):
    return z + rate * w * (selu(z) - z)

def parametric_selu_back(da, z, w, *, rate):
    """dz = da (1 - rate w) + rate w da selu'(z), dw = rate da (selu(z) - z)"""
    return da * (1 - rate * w) + selu_back(rate * w * da, z), rate * da * (selu(z) - z)


@rule("a = z + rate w (mish(z) - z)", "elementwise")
def parametric_mish(z, w, *, rate):
    return z + rate * w * (mish(z) - z)

def parametric_mish_back(da, z, w, *, rate):
    """dz = da (1 - rate w) + rate w da mish'(z), dw = rate da (mish(z) - z)"""
    return da * (1 - rate * w) + mish_back(rate * w * da, z), rate * da * (mish(z) - z)


@rule("a = z", "elementwise", passes=True, slope="1")
def identity(z):
    return z + 0

def identity_back(da):
    return da + 0


@rule("a = z, as a fixed number", "elementwise", passes=True)
def detach(z):
    """No derivative: nothing before it learns from what comes after."""
    return z + 0


# ---- arithmetic: u and v in, w out. Shapes may broadcast; the engine adds up what was broadcast --------------------
# Where no gradient comes (dw = 0) none goes on, though the slope be infinite: 0 times infinity is not a number.


@rule("w = u + v", "elementwise", linear="u v", slope="1", title="sum", sign="+")
def add(u, v):
    return u + v

def add_back(dw):
    return dw, dw


@rule("w = u - v", "elementwise", linear="u v", slope={"u": "1", "v": "−1"}, sign="−")
def sub(u, v):
    return u - v

def sub_back(dw):
    return dw, -dw


@rule("w = u v", "elementwise", linear="u, v", slope={"u": "v", "v": "u"}, sign="×")
def mul(u, v):
    return u * v

def mul_back(dw, u, v):
    return dw * v, dw * u


@rule("y = rate w x", "elementwise", linear="x, w", slope={"x": "rate w", "w": "rate x"})
def gain(x, w, *, rate):
    """w times a rate that says how fast it learns."""
    return rate * w * x

def gain_back(dy, x, w, *, rate):
    return rate * w * dy, rate * x * dy


@rule("w = u / v", "elementwise", linear="u", slope={"u": "1/v", "v": "−u/v²"}, sign="÷")
def div(u, v):
    return u / v

def div_back(dw, u, v):
    """du = dw / v, dv = -(dw / v) * (u / v)"""
    v = xp.where(dw == 0, 1, v)
    q = dw / v                                      # v^2 would overflow, or vanish, long before v does
    return q, -q * (u / v)


@rule("w = max(u, v)", "elementwise", kink=lambda u, v: u > v, sign="max",
      slope="1 where it is the larger (½ at a tie)")
def maximum(u, v):
    return xp.maximum(u, v)

def maximum_back(dw, u, v):
    """dw to the larger one, half each at an exact tie"""
    du = xp.where(u > v, dw, xp.where(u == v, 0.5 * dw, 0))
    return du, dw - du


@rule("w = min(u, v)", "elementwise", kink=lambda u, v: u > v, sign="min",
      slope="1 where it is the smaller (½ at a tie)")
def minimum(u, v):
    return xp.minimum(u, v)

def minimum_back(dw, u, v):
    """dw to the smaller one, half each at an exact tie"""
    du = xp.where(u < v, dw, xp.where(u == v, 0.5 * dw, 0))
    return du, dw - du


@rule("w = min(max(u, low), high)", "elementwise", slope="1 from low to high, else 0",
      kink=lambda u, low, high: xp.where(u > high, 1, xp.where(u < low, -1, 0)))
def clip(u, *, low, high):
    return xp.minimum(xp.maximum(u, low), high)

def clip_back(dw, u, *, low, high):
    """where(low <= u <= high, dw, 0)"""
    return xp.where((u >= low) & (u <= high), dw, 0)


@rule("w = u where test, else v", "elementwise", sign="?:", kink=lambda test: test != 0,
      slope={"u": "1 where test holds", "v": "1 where test does not hold"})
def where(test, u, v):
    """test: zero is no, everything else is yes."""
    return xp.where(test != 0, u, v)

def where_back(dw, test):
    """du = where(test, dw, 0), dv = where(test, 0, dw)"""
    return xp.minimum(xp.abs(dw), 0), xp.where(test != 0, dw, 0), xp.where(test != 0, 0, dw)


@rule("w = 1 if u > v else 0", "elementwise")
def greater(u, v):
    """No derivative, and not a number where one side is none."""
    return xp.where(u > v, 1, xp.where(u <= v, 0, u + v))


@rule("w = 1 if u >= v else 0", "elementwise")
def greater_equal(u, v):
    return xp.where(u >= v, 1, xp.where(u < v, 0, u + v))


@rule("w = -u", "elementwise", linear="u", slope="−1")
def neg(u):
    return -u

def neg_back(dw):
    return -dw


@rule("w = e^u", "elementwise")
def exp(u):
    return xp.exp(u)

def exp_back(dw, w):
    """dw * w"""
    return dw * xp.where(dw == 0, 0, w)


@rule("w = log u", "elementwise")
def log(u):
    return xp.log(u)

def log_back(dw, u):
    """dw / u"""
    return dw / xp.where(dw == 0, 1, u)


@rule("w = log(1 + u)", "elementwise")
def log1p(u):
    return xp.log1p(u)

def log1p_back(dw, u):
    """dw / (1 + u)"""
    return dw / xp.where(dw == 0, 1, 1 + u)


@rule("w = e^u - 1", "elementwise")
def expm1(u):
    return xp.expm1(u)

def expm1_back(dw, w):
    """dw * (w + 1)"""
    return dw * xp.where(dw == 0, 0, w + 1)


@rule("w = sin u", "elementwise")
def sin(u):
    return xp.sin(u)

def sin_back(dw, u):
    return dw * xp.cos(u)


@rule("w = cos u", "elementwise")
def cos(u):
    return xp.cos(u)

def cos_back(dw, u):
    return -dw * xp.sin(u)


@rule("w = erf u", "elementwise")
def erf(u):
    return xp.erf(u)

def erf_back(dw, u):
    u = within(u, 40)
    return dw * 1.1283791670955126 * xp.exp(-(u * u))


@rule("w = sqrt u", "elementwise")
def sqrt(u):
    return xp.sqrt(u)

def sqrt_back(dw, w):
    """dw * 0.5 / w"""
    return dw * 0.5 / xp.where(dw == 0, 1, w)


@rule("w = |u|", "elementwise", kink=lambda u: u > 0)
def abs_(u):
    return xp.abs(u)

def abs_back(dw, u):
    return xp.where(u > 0, dw, xp.where(u < 0, -dw, 0))


@rule("w = u^2", "elementwise")
def square(u):
    return u * u

def square_back(dw, u):
    return dw * 2 * u


@rule("w = u^n", "elementwise")
def power(u, *, exponent):
    return u**exponent

def power_back(dw, u, *, exponent):
    """dw * exponent * u ** (exponent - 1)"""
    return dw * exponent * xp.where(dw == 0, 1, u) ** (exponent - (exponent != 0))  # u^0 is 1 everywhere: slope 0
