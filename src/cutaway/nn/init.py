"""Initial values: each takes a random generator and a shape, (out, in) for matrices, and gives an array."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from .. import habits


def zeros(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """0 everywhere."""
    return np.zeros(shape)


def ones(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """1 everywhere."""
    return np.ones(shape)


def _fans(shape: tuple[int, ...]) -> tuple[int, int]:
    """Count the inputs and outputs of one neuron: filters count every position they look at."""
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


# ---- gates of recurrent layers stand below each other: (gates · k, ...), each drawn as a matrix of its own -----------


def _each_gate(draw: Callable, rng: np.random.Generator, shape: tuple[int, ...], gates: int) -> np.ndarray:
    return np.concatenate([draw(rng, (shape[0] // gates, *shape[1:])) for _ in range(gates)])


def orthogonal_gates(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """Make every gate's (k, k) matrix orthogonal, so that states keep their size from step to step."""
    return _each_gate(orthogonal, rng, shape, shape[0] // shape[1])


def glorot_lstm(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """glorot_uniform for each of four gates."""
    return _each_gate(glorot_uniform, rng, shape, 4)


def glorot_gru(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """glorot_uniform for each of three gates."""
    return _each_gate(glorot_uniform, rng, shape, 3)


def remember(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """An LSTM's biases: 1 for the forget gate, the second of four, and 0 for the others (Jozefowicz et al., 2015)."""
    bias = np.zeros(shape)
    bias[shape[0] // 4 : shape[0] // 2] = 1
    return bias


def for_activation(name: str):
    """Choose the initialiser that suits the layer in front of an activation."""
    return {"tanh": glorot_uniform, "sigmoid": glorot_uniform, "identity": glorot_uniform, "softmax": glorot_uniform,
            "selu": lecun_normal}.get(name, he_normal)


def __getattr__(name: str):
    raise habits.UnknownName("ct.nn.init", name, habits.INIT, lambda: globals())
