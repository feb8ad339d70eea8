"""What is learnt: inputs and targets, which rows are held out, and the loss."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from .. import losses
from ..data import split
from ..engines import Program
from ..errors import ArgumentError, DataError, ShapeError
from .feeding import Data, checked


@dataclass
class Task:
    """What to learn: the data, the numbers of its rows to learn from, the data to score on (None: none), the loss.

    mean_weight: what the weights of rows were divided by.
    """

    data: Data
    rows: np.ndarray
    held_out: Data | None
    loss: Callable
    mean_weight: float = 1.0

    @classmethod
    def of(cls, X: Any, y: Any, loss: str | Callable = "mse", sample_weight: Any = None, validation: Any = None,
           seed: int = 0, own: bool = False) -> Task:
        """Make the task of arguments to ct.fit. own: other processes have other rows.

        Raises ShapeError, DataError or ArgumentError.
        """
        loss = losses.get(loss)
        data = checked("y", X, y, sample_weight, loss is losses.cross_entropy)
        rows, held_out = data.counted(), None
        n, weight = len(rows), data.weight
        if weight is not None and not own and (weight[rows] == weight[rows[0]]).all():
            data.weight = None  # equal weights give the same bits as none
        if isinstance(validation, tuple | list):
            held_out = _validation_data(validation, loss)
        elif validation is not None:
            if not isinstance(validation, float | np.floating) or not 0 < validation < 1:
                raise ArgumentError(f"validation must be a share between 0 and 1, or (Xv, yv), got {validation!r}")
            places = split(n, float(validation), seed, stratify=_labels(data.y, rows, loss))
            rows, part = (rows[some] for some in places)
            held_out = data.part(part)
        if not len(rows) or (held_out is not None and not len(held_out)):
            raise DataError(f"{n} rows are too few to hold some out for validation")
        mean = 1.0
        if data.weight is not None:
            mean = float(data.weight[rows].mean())
            data.weight = data.weight / mean
        return cls(data, rows, held_out, loss, mean)

    def check_targets(self, program: Program) -> None:
        """Raise ShapeError or DataError where the network's outputs and the loss do not take the targets."""
        shape, y = program.engine.listing.output.shape, self.data.y
        outputs = shape[-1] if shape else 1
        if self.loss is losses.cross_entropy and y.ndim == 1 and (y.min() < 0 or y.max() >= outputs):
            raise ShapeError(
                f"cross_entropy: {outputs} outputs are for classes 0 to {outputs - 1}, but y has classes {y.min()} to "
                f"{y.max()}: give the last layer {y.max() + 1} outputs, or number the classes from 0"
            )
        if self.loss is losses.binary_cross_entropy and (y.min() < 0 or y.max() > 1):
            raise DataError(f"binary_cross_entropy takes targets from 0 to 1, got {y.min()} to {y.max()}")


def _validation_data(validation: Any, loss: Callable) -> Data:
    """Check validation data that were given as (Xv, yv[, weights]), and leave out rows of weight zero."""
    if len(validation) not in (2, 3):
        raise ArgumentError(f"validation must be a share or (Xv, yv[, weights]), got {len(validation)} parts")
    X, y, weight = (*validation, None)[:3]
    data = checked("yv", X, y, weight, loss is losses.cross_entropy)
    rows = data.counted()
    return data.part(rows) if len(rows) < len(data) else data


def _labels(y: np.ndarray, rows: np.ndarray, loss: Callable) -> np.ndarray | None:
    """The classes of the rows, each of which is held out in proportion; None where there are no classes."""
    classes = loss in (losses.cross_entropy, losses.binary_cross_entropy) and y.size == len(y)
    return y.reshape(-1)[rows] if classes else None
