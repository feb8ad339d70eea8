"""The rows that a fit held back, as the trained network answers them: what calibration and intervals go by."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from ..train.feeding import Data, stages


class Held(NamedTuple):
    """Raw outputs (n, n_out) for rows, their targets as the loss takes them, and weights (n,) or None.

    stretch (n,): the number of the stretch of time in which each row lies, of rows that follow one another.
    """

    z: np.ndarray
    y: np.ndarray
    weight: np.ndarray | None
    stretch: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.z)


def answered(estimator: Any, data: Data | Held) -> Held:
    """Answer rows of a run's data; those that do not lie in memory are read in stages. Of folds they are answered."""
    if isinstance(data, Held):
        return data
    if not data.on_disk:
        return Held(estimator._outputs(data.inputs), data.y, data.weight)
    every = stages(data, np.arange(len(data)), 1)
    return Held(np.concatenate([estimator._outputs(part.inputs) for part, _ in every]), data.y, data.weight)
