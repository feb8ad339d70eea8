"""Made data has the shape its name promises, and the same seed makes the same numbers."""

import numpy as np
import pytest

from cutaway.datasets import make
from cutaway.datasets.made import PROBLEMS
from cutaway.errors import ArgumentError

CLASSES = {"moons": 2, "spirals": 2, "xor": 2, "circles": 2, "blobs": 3}


@pytest.mark.parametrize("name", PROBLEMS)
def test_every_problem(name):
    X, y = make(name, n=301, seed=3)
    assert X.shape == (301, {"line": 1, "sine": 1, "friedman": 10}.get(name, 2)) and y.shape == (301,)
    assert X.dtype == np.float32 and y.dtype == (np.int32 if name in CLASSES else np.float32)
    assert np.isfinite(X).all() and np.isfinite(y).all()
    again, other = make(name, n=301, seed=3), make(name, n=301, seed=4)
    np.testing.assert_array_equal(X, again[0])
    np.testing.assert_array_equal(y, again[1])
    assert not np.array_equal(X, other[0])
    if name in CLASSES:
        counts = np.bincount(y)
        assert len(counts) == CLASSES[name] and counts.min() > 0.7 * 301 / CLASSES[name]
    clean, noisy = make(name, n=301, noise=0, seed=3), make(name, n=301, noise=0.5, seed=3)
    assert not np.array_equal(clean[0 if name in CLASSES else 1], noisy[0 if name in CLASSES else 1])


def test_without_noise_every_point_lies_where_the_formula_says():
    near = {"rtol": 1e-5, "atol": 1e-5}
    (x, y), label = make("moons", noise=0)[0].T, make("moons", noise=0)[1]
    np.testing.assert_allclose(np.where(label, (x - 1) ** 2 + (y - 0.5) ** 2, x**2 + y**2), 1, **near)
    assert (y[label == 0] >= 0).all() and (y[label == 1] <= 0.5).all()

    X, label = make("circles", noise=0)
    np.testing.assert_allclose(np.hypot(*X.T), np.where(label, 0.5, 1), **near)

    X, label = make("spirals", noise=0)
    turn = np.arctan2(X[:, 1], X[:, 0]) - 3 * np.pi * np.hypot(*X.T) - np.pi * label
    np.testing.assert_allclose(np.cos(turn), 1, atol=1e-4)

    X, label = make("xor")
    np.testing.assert_array_equal(label, X[:, 0] * X[:, 1] < 0)

    X, label = make("blobs", noise=0)
    assert len(np.unique(X.round(4), axis=0)) == 3

    X, y = make("line", noise=0)
    np.testing.assert_allclose(y, 2 * X[:, 0] + 1, **near)
    X, y = make("sine", noise=0)
    np.testing.assert_allclose(y, np.sin(X[:, 0]), **near)
    X, y = make("friedman", noise=0)
    a, b, c, d, e = X.T[:5]
    np.testing.assert_allclose(y, 10 * np.sin(np.pi * a * b) + 20 * (c - 0.5) ** 2 + 10 * d + 5 * e, rtol=1e-4)


def test_noise_is_a_standard_deviation():
    X, y = make("line", n=20_000, noise=0.3)
    assert np.std(y - 2 * X[:, 0] - 1) == pytest.approx(0.3, rel=0.02)
    clean, noisy = make("moons", n=20_000, noise=0)[0], make("moons", n=20_000, noise=0.3)[0]
    assert np.std(noisy - clean) == pytest.approx(0.3, rel=0.02)


@pytest.mark.parametrize(("arguments", "says"), [
    ({"name": "moon"}, "did you mean 'moons'"),
    ({"name": "houses"}, "ct.datasets.load"),
    ({"name": "xor", "n": 0}, "n is a whole number of at least 1; got 0"),
    ({"name": "xor", "n": 2.5}, "n is a whole number"),
    ({"name": "xor", "seed": -1}, "seed is a whole number of at least 0"),
    ({"name": "xor", "noise": -0.1}, "noise is a standard deviation"),
    ({"name": "xor", "noise": float("nan")}, "noise is a standard deviation"),
    ({"name": "xor", "noise": "much"}, "noise is a standard deviation"),
])
def test_bad_arguments(arguments, says):
    with pytest.raises(ArgumentError, match=says):
        make(**arguments)
