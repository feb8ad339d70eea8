"""Initial values: each takes a random generator and a shape, (out, in) for matrices, and gives an array."""

from __future__ import annotations

import math

import numpy as np


def zeros(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    return np.zeros(shape)


def ones(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    return np.ones(shape)


def _fans(shape: tuple[int, ...]) -> tuple[int, int]:
    """Inputs and outputs of one neuron: filters count every position they look at."""
    return math.prod(shape[1:]), shape[0] * math.prod(shape[1:-1])


def he_normal(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """N(0, 2 / inputs): keeps the size of activations under ReLU (He et al., 2015)."""
    return rng.standard_normal(shape) * math.sqrt(2 / max(_fans(shape)[0], 1))


def lecun_normal(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """N(0, 1 / inputs): for SELU (Klambauer et al., 2017)."""
    return rng.standard_normal(shape) * math.sqrt(1 / max(_fans(shape)[0], 1))


def glorot_uniform(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """U(±√(6 / (inputs + outputs))): for tanh, sigmoid and output layers (Glorot and Bengio, 2010)."""
    limit = math.sqrt(6 / max(sum(_fans(shape)), 1))
    return rng.uniform(-limit, limit, shape)


def standard_normal(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """N(0, 1): for embeddings."""
    return rng.standard_normal(shape)


def orthogonal(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """A matrix whose rows (or columns) are orthonormal (Saxe et al., 2014)."""
    rows, columns = shape[0], math.prod(shape[1:])
    q, r = np.linalg.qr(rng.standard_normal((max(rows, columns), min(rows, columns))))
    q = q * np.sign(np.diag(r))
    return (q if rows >= columns else q.T).reshape(shape)


def for_activation(name: str):
    """The initialiser that suits the layer in front of an activation."""
    return {"tanh": glorot_uniform, "sigmoid": glorot_uniform, "identity": glorot_uniform, "softmax": glorot_uniform,
            "selu": lecun_normal}.get(name, he_normal)  # fmt: skip
