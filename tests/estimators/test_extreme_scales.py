"""A regressor learns the same whatever the unit of its columns and target, and wherever their zero lies."""

import numpy as np
import pytest

import cutaway as ct

X = np.random.default_rng(0).standard_normal((300, 3))
Y = X @ [1.0, 2.0, -1.0] + np.sin(X[:, 0])


def learnt(X, y):
    return ct.Regressor([16], epochs=5).fit(X, y).predict(X)


@pytest.fixture(scope="module")
def plain():
    return learnt(X, Y)


@pytest.mark.parametrize("size", [1e-300, 1e-12, 1e12, 1e300])
def test_the_unit_does_not_matter(plain, size):
    np.testing.assert_allclose(learnt(X, Y * size) / size, plain, rtol=1e-9)
    np.testing.assert_allclose(learnt(X * size, Y), plain, rtol=1e-9)


@pytest.mark.parametrize("offset", [1e6, 1e9])
def test_where_zero_lies_does_not_matter(plain, offset):
    """But for what float64 rounds off beside the offset: 1e-7 at 1e9."""
    np.testing.assert_allclose(learnt(X, Y + offset) - offset, plain, atol=1e-5)
    np.testing.assert_allclose(learnt(X + offset, Y), plain, atol=1e-5)
