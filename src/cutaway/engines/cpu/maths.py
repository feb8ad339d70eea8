"""Functions of libm in the language of kernels, in double, for targets that shall give the same bits everywhere.

Every branch is a select, so that loops vectorise. Errors in units of the last place, measured beside 40 digits: exp and
log below 1, log1p, erf, sin and cos below 2, expm1 and tanh below 4, pow below 2 + |y log x|. What a float32 program
asks for is rounded from double, and so is off by half a unit. Below 1e-307 exp and pow are zero. sin and cos are right
up to |x| of a million, beyond which an angle means little.
"""

# ruff: noqa: F821


def exp64(x):
    """2^k e^r: the magic number's last bits are k, a rounded x / log 2; r is what is left, and its series is summed."""
    y = select(x > 709.782712893384, 709.782712893384, x)
    y = select(y < -707.5, -707.5, y)
    t = y * 1.4426950408889634 + 6755399441055744.0
    k = t - 6755399441055744.0
    r = y - k * 0.6931471803691238 - k * 1.9082149292705877e-10
    q = 1 / 479001600 + r * (1 / 6227020800)
    q = 1 / 39916800 + r * q
    q = 1 / 3628800 + r * q
    q = 1 / 362880 + r * q
    q = 1 / 40320 + r * q
    q = 1 / 5040 + r * q
    q = 1 / 720 + r * q
    q = 1 / 120 + r * q
    q = 1 / 24 + r * q
    q = 1 / 6 + r * q
    q = 1 + (r + r * r * (0.5 + r * q))
    e = 2 * double(bits(q) + (bits(t) << 52) - 0x10000000000000)
    e = select(x > 709.782712893384, np.inf, select(x < -707.5, 0, e))
    return select(x != x, x, e)


def log64(x):
    """k log 2 + log(1 + f), f between 2^-1/2 - 1 and 2^1/2 - 1: the series of s = f / (2 + f)."""
    y = select(x > 0, x, 1)
    small = y < 2.2250738585072014e-308
    b = bits(select(small, y * 18014398509481984.0, y)) + 0x95F619980C433
    k = double((b >> 52) | 0x4330000000000000) - 4503599627370496.0 - select(small, 1077.0, 1023.0)
    f = double((b & 0xFFFFFFFFFFFFF) + 0x3FE6A09E667F3BCD) - 1
    s = f / (2 + f)
    z = s * s
    r = 2 / 19 + z * (2 / 21)
    r = 2 / 17 + z * r
    r = 2 / 15 + z * r
    r = 2 / 13 + z * r
    r = 2 / 11 + z * r
    r = 2 / 9 + z * r
    r = 2 / 7 + z * r
    r = 2 / 5 + z * r
    r = z * (2 / 3 + z * r)
    h = 0.5 * f * f
    e = k * 0.6931471803691238 - ((h - (s * (h + r) + k * 1.9082149292705877e-10)) - f)
    e = select(x == np.inf, x, select(x == 0, -np.inf, e))
    return select(x >= 0, e, (x - x) / 0.0)


def log1p64(x):
    """log(1 + x) with what rounding 1 + x took away added to it."""
    u = 1 + x
    e = log64(u) + (x - (u - 1)) / u
    e = select(abs(x) < 1e-17, x, e)
    return select((u > 0) & (x < np.inf), e, log64(u))


def expm164(x):
    q = 1 / 6227020800 + x * (1 / 87178291200)
    q = 1 / 479001600 + x * q
    q = 1 / 39916800 + x * q
    q = 1 / 3628800 + x * q
    q = 1 / 362880 + x * q
    q = 1 / 40320 + x * q
    q = 1 / 5040 + x * q
    q = 1 / 720 + x * q
    q = 1 / 120 + x * q
    q = 1 / 24 + x * q
    q = 1 / 6 + x * q
    return select(abs(x) < 0.35, x * (1 + x * (0.5 + x * q)), exp64(x) - 1)


def tanh64(x):
    e = expm164(-2 * abs(x))
    return copysign(-e / (e + 2), x)


def sin64(x):
    q, sine, cosine = _turns64(x)
    return select(q == 0, sine, select(q == 1, cosine, select(q == -1, -cosine, -sine)))


def cos64(x):
    q, sine, cosine = _turns64(x)
    return select(q == 0, cosine, select(q == 1, -sine, select(q == -1, sine, -cosine)))


def _turns64(x):
    """Which quarter of a turn x lies in (-2 to 2), and sine and cosine of what is left, between -pi/4 and pi/4."""
    q = rint(x * 0.6366197723675814)
    r = x - q * 1.5707963267341256 - q * 6.077100506303966e-11 - q * 2.0222662487959506e-21
    z = r * r
    s = 1 / 6227020800 - z * (1 / 1307674368000 - z * (1 / 355687428096000))
    s = 1 / 39916800 - z * s
    s = 1 / 362880 - z * s
    s = 1 / 5040 - z * s
    s = 1 / 120 - z * s
    s = 1 / 6 - z * s
    c = 1 / 87178291200 - z * (1 / 20922789888000 - z * (1 / 6402373705728000))
    c = 1 / 479001600 - z * c
    c = 1 / 3628800 - z * c
    c = 1 / 40320 - z * c
    c = 1 / 720 - z * c
    c = 1 / 24 - z * c
    h = 0.5 * z
    w = 1 - h
    return q - 4 * rint(0.25 * q), r - r * z * s, w + (((1 - w) - h) + z * z * c)


def erf64(x):
    """Its series below 1; beyond, 1 - e^(-x^2) Q, Q a polynomial of (x - 3) / (x + 3) through erfc(x) e^(x^2)."""
    a = abs(x)
    z = select(a < 1, a, 1) * select(a < 1, a, 1)
    p = 1 / 121645100408832000 / 39
    p = 1 / 6402373705728000 / 37 - z * p
    p = 1 / 355687428096000 / 35 - z * p
    p = 1 / 20922789888000 / 33 - z * p
    p = 1 / 1307674368000 / 31 - z * p
    p = 1 / 87178291200 / 29 - z * p
    p = 1 / 6227020800 / 27 - z * p
    p = 1 / 479001600 / 25 - z * p
    p = 1 / 39916800 / 23 - z * p
    p = 1 / 3628800 / 21 - z * p
    p = 1 / 362880 / 19 - z * p
    p = 1 / 40320 / 17 - z * p
    p = 1 / 5040 / 15 - z * p
    p = 1 / 720 / 13 - z * p
    p = 1 / 120 / 11 - z * p
    p = 1 / 24 / 9 - z * p
    p = 1 / 6 / 7 - z * p
    p = 1 / 2 / 5 - z * p
    p = 1 / 3 - z * p
    near = x * 1.1283791670955126 - x * 1.1283791670955126 * (z * p)
    b = select(a < 1, 1, select(a > 6, 6, a))
    t = (b - 3) / (b + 3)
    q = -2.7074735585141587e-07 - t * 2.0466963229283243e-07
    q = 1.2456502315853813e-06 + t * q
    q = 2.112950255696982e-06 + t * q
    q = -7.977479659550245e-06 + t * q
    q = -1.2859402378401242e-05 + t * q
    q = 6.405654045587715e-05 + t * q
    q = 4.525520323552009e-05 + t * q
    q = -0.000597061950183023 + t * q
    q = 0.0007077464436249249 + t * q
    q = 0.004269136332956493 + t * q
    q = -0.024392499318796106 + t * q
    q = 0.07166583719797566 + t * q
    q = -0.1501159365007757 + t * q
    q = 0.2456038017123309 + t * q
    q = -0.3262335600430372 + t * q
    q = 0.17900115118138996 + t * q
    far = copysign(1 - exp64(-b * b) * q, x)
    return select(a < 1, near, select(x != x, x, far))


def pow64(x, y):
    whole = rint(y) == y
    odd = whole & (rint(0.5 * y) != 0.5 * y)
    e = exp64(y * log64(abs(x)))
    e = select((abs(x) == 1) | (y == 0), 1, e)
    root = select(x > -np.inf, (x - x) / 0.0, e)
    return select(x < 0, select(whole, select(odd, -e, e), root), e)
