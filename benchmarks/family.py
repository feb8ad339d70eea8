"""What a workload family is: the words that `mlp.py`, `cnn.py`, `update.py` and the others are written in.

A family is one module of this package. It defines

    WORKLOADS     {name: Workload}
    COMPETITORS   [Competitor, ...], in the order of the table
    TARGETS       {workload: {group: at least so many times as fast as the group's best; "limit", "memory" and "us", the
                  time in microseconds: at most}}
    UNIT          what is timed: "a step", "an update", "a call", ...
    data(work)    the fixed arrays of a workload, by name
    loss(work, data, result)    one number in float64 that proves two results alike, such as the loss of trained weights
    PROOF         what that number is, as the start of a sentence
    TOLERANCE     how far, relatively, these numbers may lie apart
    COLD          the workload whose whole process is timed for the cold and the warm start, or None
    TOGETHER      (may be missing) True where workloads are so many that one process has all of a competitor's

Weights have Cutaway's names and shapes. How each library trains is in `peers.py`: a family gives its network in their
words. Only NumPy is imported at the top of a family: a competitor imports its own library inside `prepare`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

SEED = 0
TRAINED = "After the same updates on the same batches, the loss on all rows"

Arrays = dict[str, np.ndarray]
Train = Callable[[int, bool], Arrays | None]


@dataclass(frozen=True)
class Workload:
    """One network, one batch size, so many rows of synthetic data; `models` of them at once.

    stretch: how many times the usual length is measured, where getting ready takes long. groups: those whose
    competitors take part; all if empty. precision: of Cutaway's products, "bf16" or "" for that of the weights.
    """

    name: str
    shape: tuple[int, ...]
    batch: int
    task: str
    rows: int = 8192
    about: str = ""
    models: int = 1
    stretch: float = 1
    groups: tuple[str, ...] = ()
    precision: str = ""

    @property
    def steps(self) -> int:
        """Updates (or calls) in an epoch; rows divide evenly, so that every step of everyone has the same shape."""
        return self.rows // self.batch

    def __str__(self) -> str:
        return self.about or f"{'-'.join(map(str, self.shape))}, batch {self.batch}, {self.task}"


@dataclass(frozen=True)
class Competitor:
    """One way of doing the work: `prepare(work, data, threads)` gives `train(epochs, shuffle) -> result by name`.

    Every call of `train` starts from the initial weights and a fresh optimizer. A competitor that does not train
    (`trains=False`) is a part of the limit that the others are held against: bare matrix products, bare traffic.
    `profile(work, data)` says where one step's time goes, as text. `build`: it runs another checkout of Cutaway, by the
    words of the competitor of this name.
    """

    name: str
    group: str
    package: str
    prepare: Callable[[Workload, Arrays, int], Train]
    ours: bool = False
    trains: bool = True
    profile: Callable[[Workload, Arrays], str] | None = None
    build: str = ""


def teacher(rng: np.random.Generator, X: np.ndarray, n_out: int) -> np.ndarray:
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
              weights: Callable[[], Arrays]) -> Train:
    """`train` for a library that leaves the loop to its user: a fresh order of the rows for each epoch."""

    def train(epochs: int, shuffle: bool) -> Arrays:
        reset()
        rng, order = np.random.default_rng(SEED), np.arange(work.rows)
        for _ in range(epochs):
            epoch(rng.permutation(work.rows) if shuffle else order)
        return weights()

    return train
