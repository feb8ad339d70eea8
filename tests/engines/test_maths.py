"""The functions that portable kernels have in place of libm's, beside longer numbers: errors as maths.py states
them."""

import math

import numpy as np
import pytest
from test_language import run

# units of the last place, and the range
STATED = {"exp": (1, -700, 700), "log": (1, 1e-9, 9), "log1p": (2, -0.99, 5), "expm1": (4, -4, 4), "tanh": (4, -4, 4),
          "sin": (2, -1e6, 1e6), "cos": (2, -1e6, 1e6), "erf": (2, -6, 6)}
n, SPECIAL = 300, [np.nan, np.inf, -np.inf, 0.0, 1.0, -1.0, 710.0, -710.0, -3.0, 1e300]
rng = np.random.default_rng(0)
INPUTS = {name: np.append(rng.uniform(*ends, n), SPECIAL) for name, (_, *ends) in STATED.items()}


@pytest.fixture(scope="module")
def made():
    """What one portable kernel makes of all functions."""
    x = np.concatenate(list(INPUTS.values()))
    many = n + len(SPECIAL)
    lines = [f"        x[{k * many} + i] = xp.{name}(u[{k * many} + i])" for k, name in enumerate(STATED)]
    text = "\n".join(["def k(p, s):", "    x, u = reals(p[0]), reals(p[1])", f"    for i in range({many}):", *lines])
    return dict(zip(STATED, run(text, x.ctypes.data, results=len(x), target="portable").reshape(-1, many), strict=True))


@pytest.mark.parametrize("name", STATED)
def test_errors_are_below_what_is_stated(made, name):
    f = np.vectorize(math.erf) if name == "erf" else getattr(np, name)
    wanted = f(INPUTS[name][:n].astype(np.longdouble))
    far = np.abs(made[name][:n] - wanted) / np.spacing(np.abs(wanted).astype(np.float64))
    assert far.max() < STATED[name][0] + (1 if np.asarray(wanted).dtype == np.float64 else 0)


@pytest.mark.parametrize("name", STATED)
def test_special_values_are_numpys(made, name):
    f = np.vectorize(math.erf) if name == "erf" else getattr(np, name)
    x = np.array(SPECIAL[: -1 if name in ("sin", "cos") else None])
    with np.errstate(all="ignore"):
        np.testing.assert_allclose(made[name][n:][: len(x)], f(x), rtol=1e-15, atol=1e-300)


def test_powers_are_numpys():
    x, y = map(np.ravel, np.meshgrid([np.nan, np.inf, -np.inf, 0.0, 1.0, -1.0, -3.0, 0.3, 12.5, 1e300],
                                     [0.0, 1.0, -1.0, 2.0, 3.0, 0.5, -0.5, 20.5, np.inf, -np.inf, np.nan]))
    text = ("def k(p, s):\n    u, v = reals(p[1]), reals(p[2])\n"
            "    for i in range(p[3]):\n        reals(p[0])[i] = u[i] ** v[i]\n")
    made = run(text, x.ctypes.data, y.ctypes.data, len(x), results=len(x), target="portable")
    with np.errstate(all="ignore"):
        np.testing.assert_allclose(made, x**y, rtol=1e-13, atol=1e-300)


@pytest.mark.parametrize(("dtype", "least"), [("float32", 2.0**-126), ("float64", 2.0**-1022)])
def test_numbers_too_small_for_fast_arithmetic_become_zeros_where_they_are_stored(dtype, least):
    text = "def k(p, s):\n    u = reals(p[1])\n    for i in range(p[2]):\n        reals(p[0])[i] = u[i] * F(0.5)\n"
    x = np.array([least, -least, 2 * least, 3.0, np.nan, np.inf], dtype)
    got = run(text, x.ctypes.data, len(x), dtype=dtype, results=len(x), target="portable")
    np.testing.assert_array_equal(got, np.array([0, 0, least, 1.5, np.nan, np.inf], dtype))
    assert np.signbit(got[1])
