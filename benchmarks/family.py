"""What a workload family is: the words that `mlp.py`, `cnn.py` and `rnn.py` are written in.

A family is one module of this package. It defines

    WORKLOADS     {name: Workload}
    COMPETITORS   [Competitor, ...], in the order of the table
    TARGETS       {workload: {group: at least so many times as fast as the group's best; "limit" and "memory": at most}}
    data(work)    the fixed arrays of a workload: {"X": ..., "y": ..., and the initial weights by name}
    loss(work, data, weights)    the loss of given weights on all rows, in float64
    TOLERANCE     how far, relatively, final losses after the same updates may lie apart
    COLD          the workload whose whole process is timed for the cold and the warm start, or None

Weights have Cutaway's names and shapes. How Cutaway, PyTorch and JAX train is in `peers.py`: a family gives its network
in their words. Only NumPy is imported at the top of a family: a competitor imports its own library inside `prepare`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

SEED = 0


@dataclass(frozen=True)
class Workload:
    """One network, one batch size, so many rows of synthetic data."""

    name: str
    shape: tuple[int, ...]
    batch: int
    task: str
    rows: int = 8192
    about: str = ""

    @property
    def steps(self) -> int:
        """Updates in an epoch; rows divide evenly, so that every step of every competitor has the same shape."""
        return self.rows // self.batch

    def __str__(self) -> str:
        return self.about or f"{'-'.join(map(str, self.shape))}, batch {self.batch}, {self.task}"


@dataclass(frozen=True)
class Competitor:
    """One way of training: `prepare(work, data, threads)` gives `train(epochs, shuffle) -> final weights by name`.

    Every call of `train` starts from the initial weights and a fresh optimizer. A competitor with `products=True`
    does the bare matrix products only: it trains nothing and is the limit the others are held against.
    """

    name: str
    group: str
    package: str
    prepare: Callable[[Workload, dict[str, np.ndarray], int], Callable[[int, bool], dict[str, np.ndarray] | None]]
    ours: bool = False
    products: bool = False


def teacher(rng, X: np.ndarray, n_out: int) -> np.ndarray:
    """What is to be learnt: noisy outputs of a random tanh network on the rows of X, each taken as one vector."""
    X = X.reshape(len(X), -1)
    n_in = X.shape[1]
    z = np.tanh(X @ rng.standard_normal((n_in, 16)) / np.sqrt(n_in)) @ rng.standard_normal((16, n_out))
    return z + 0.5 * rng.standard_normal(z.shape)


def mean_loss(work: Workload, outputs: np.ndarray, y: np.ndarray) -> float:
    """Mean squared error or cross-entropy."""
    if work.task == "regression":
        return float(np.mean((outputs[:, 0] - y) ** 2))
    a = outputs - outputs.max(axis=1, keepdims=True)
    return float(np.mean(np.log(np.exp(a).sum(axis=1)) - a[np.arange(len(a)), y]))


def epochs_of(work: Workload, reset: Callable[[], Any], epoch: Callable[[np.ndarray], Any],
              weights: Callable[[], dict[str, np.ndarray]]) -> Callable[[int, bool], dict[str, np.ndarray]]:
    """`train` for a library that leaves the loop to its user: a fresh order of the rows for each epoch."""

    def train(epochs: int, shuffle: bool) -> dict[str, np.ndarray]:
        reset()
        rng, order = np.random.default_rng(SEED), np.arange(work.rows)
        for _ in range(epochs):
            epoch(rng.permutation(work.rows) if shuffle else order)
        return weights()

    return train
