"""Made data: small problems whose shape is known, for teaching, tests and quick trials. One function a problem."""

from __future__ import annotations

import math
from collections.abc import Callable
from numbers import Real
from operator import index

import numpy as np

from ..errors import ArgumentError, check_name

Made = tuple[np.ndarray, np.ndarray]


def make(name: str, n: int = 500, noise: float | None = None, seed: int = 0) -> Made:
    """Made data by name, the same for the same seed: X float32 (n, k) and y (n,).

    Two classes in the plane, y int32: "moons", "spirals", "xor", "circles"; three classes: "blobs".
    Numbers, y float32: "line" y = 2x + 1, "sine" y = sin x, and "friedman" (10 columns, of which five matter).
    `noise` is the standard deviation of what is added: to X for classes, to y for numbers. None: the problem's own.

    Raises ArgumentError for an unknown name, n below 1, or negative noise or seed.

    >>> import cutaway as ct
    >>> X, y = ct.datasets.make("spirals", n=300, seed=1)
    >>> X.shape, X.dtype.name, y.dtype.name
    ((300, 2), 'float32', 'int32')
    """
    check_name(name, PROBLEMS, hint="Houses, digits and the like: ct.datasets.load.")
    n, seed = whole("n", n, at_least=1), whole("seed", seed, at_least=0)
    problem, own_noise = PROBLEMS[name]
    noise = own_noise if noise is None else noise
    if not (isinstance(noise, Real) and math.isfinite(noise) and noise >= 0):
        raise ArgumentError(f"noise is a standard deviation, a finite number of at least 0; got {noise!r}.")
    X, y = problem(np.random.Generator(np.random.Philox(seed)), n, noise)
    return X.astype(np.float32), y.astype(np.float32 if y.dtype.kind == "f" else np.int32)


def moons(rng: np.random.Generator, n: int, noise: float) -> Made:
    """Two half circles, each with an end inside the other."""
    y, t = np.arange(n) % 2, rng.uniform(0, np.pi, n)
    X = np.where(y, [1 - np.cos(t), 0.5 - np.sin(t)], [np.cos(t), np.sin(t)]).T
    return X + rng.normal(0, noise, X.shape), y


def spirals(rng: np.random.Generator, n: int, noise: float) -> Made:
    """Two arms of a spiral, one and a half turns each."""
    y, r = np.arange(n) % 2, np.sqrt(rng.uniform(0, 1, n))
    X = on_circle(r, 3 * np.pi * r + np.pi * y)
    return X + rng.normal(0, noise, X.shape), y


def xor(rng: np.random.Generator, n: int, noise: float) -> Made:
    """A square in four quarters: class 1 where the signs of the two inputs differ."""
    X = rng.uniform(-1, 1, (n, 2))
    return X + rng.normal(0, noise, X.shape), (X[:, 0] > 0) ^ (X[:, 1] > 0)


def circles(rng: np.random.Generator, n: int, noise: float) -> Made:
    """A circle of radius 1 (class 0) around one of radius 1/2 (class 1)."""
    y = np.arange(n) % 2
    X = on_circle(1 - y / 2, rng.uniform(0, 2 * np.pi, n))
    return X + rng.normal(0, noise, X.shape), y


def blobs(rng: np.random.Generator, n: int, noise: float) -> Made:
    """Three round clouds, their centres at distance 1 from the middle."""
    y = np.arange(n) % 3
    X = on_circle(np.ones(n), 2 * np.pi * y / 3)
    return X + rng.normal(0, noise, X.shape), y


def line(rng: np.random.Generator, n: int, noise: float) -> Made:
    """y = 2x + 1 on [-1, 1]."""
    X = rng.uniform(-1, 1, (n, 1))
    return X, 2 * X[:, 0] + 1 + rng.normal(0, noise, n)


def sine(rng: np.random.Generator, n: int, noise: float) -> Made:
    """y = sin x on [-pi, pi]."""
    X = rng.uniform(-np.pi, np.pi, (n, 1))
    return X, np.sin(X[:, 0]) + rng.normal(0, noise, n)


def friedman(rng: np.random.Generator, n: int, noise: float) -> Made:
    """y = 10 sin(pi x1 x2) + 20 (x3 - 1/2)^2 + 10 x4 + 5 x5 on [0, 1]^10. Friedman, Annals of Statistics 19, 1991."""
    X = rng.uniform(0, 1, (n, 10))
    x1, x2, x3, x4, x5 = X.T[:5]
    return X, 10 * np.sin(np.pi * x1 * x2) + 20 * (x3 - 0.5) ** 2 + 10 * x4 + 5 * x5 + rng.normal(0, noise, n)


# name: (problem, its own noise)
PROBLEMS: dict[str, tuple[Callable[[np.random.Generator, int, float], Made], float]] = {
    "moons": (moons, 0.1),
    "spirals": (spirals, 0.02),
    "xor": (xor, 0.0),
    "circles": (circles, 0.05),
    "blobs": (blobs, 0.3),
    "line": (line, 0.1),
    "sine": (sine, 0.1),
    "friedman": (friedman, 1.0),
}


def on_circle(radius: np.ndarray, angle: np.ndarray) -> np.ndarray:
    return np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1)


def whole(argument: str, value: int, at_least: int) -> int:
    try:
        number = index(value)
    except TypeError:
        number = at_least - 1
    if number < at_least:
        raise ArgumentError(f"{argument} is a whole number of at least {at_least}; got {value!r}.")
    return number
