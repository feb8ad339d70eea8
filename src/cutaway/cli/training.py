"""What a model file would be trained with on some data: its network, the rows as it takes them, loss and optimizer."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass
class ModelRows:
    """A file's rows for a model. X, y: inputs and targets as the file has them; Z, T: as network and loss take them."""

    estimator: Any
    X: Any
    y: Any
    Z: Any
    T: Any
    left_out: int

    @property
    def settings(self) -> dict[str, Any]:
        """Loss and optimizer, as ct.fit takes them."""
        return self.estimator.loss_and_optimizer()


def training(model: Path, data: Path, targets: list[str] | None, skip_damaged: bool,
             part: tuple[int, int] | None = None, size: str | None = None,
             mode: str | None = None, said: dict[str, Any] | None = None) -> Any:
    """Read the rows of a file that have a target, as the model in another file learns from them; part: (from, count),
    to take only `count` rows from this row number on; said: what the command line says of which table is read.

    Raises what `cutaway evaluate` raises, and ArgumentError for a row that is not there.
    """
    import numpy as np

    from ..errors import ArgumentError, DataError
    from . import onnx_models
    from .keeping import load, reading
    from .problem import truth
    from .rows import about, in_file
    from .sources import brings_labels, load_for

    if onnx_models.is_onnx(model):
        return onnx_models.training(model, data, targets, part)
    estimator = load(model)
    names = estimator.target_encoder_.names
    if targets and len(targets) != len(names):
        raise ArgumentError(f"--target: the model predicts {', '.join(names)}: give {len(names)}, not {len(targets)}.")
    named = targets or ([] if brings_labels(data) else names)
    rows = load_for(estimator, reading(model) | (said or {}), data, named, skip_damaged, size, mode)
    if rows.y is None:
        raise DataError(f"{data.name} has no target: a training step compares with the truth.")
    if part is not None:
        first, count = part
        if not 0 <= first < len(rows):
            raise ArgumentError(f"--row {first}: {data.name} has {estimator.inputs_.many} 0 to {len(rows) - 1:,}.")
        chosen = np.arange(first, min(first + count, len(rows)))
        rows.X, rows.y = estimator.inputs_.take(rows.X, chosen), rows.y.iloc[chosen]
        if bool(rows.y.isna().to_numpy().all()):
            raise DataError(f"{data.name}: {estimator.inputs_.one} {first} has no target: trace another.")
    X, y, dropped = truth(rows, data.name, estimator.target_encoder_, data if rows.ids is None else None)
    with about(data.name), in_file(data if rows.ids is None else None, y.index):
        Z = estimator.encode(X)
    T = estimator.target_encoder_.transform(y, estimator.design_.dtype)
    if estimator.design_.loss == "cross_entropy":
        T = T.astype(np.int32)
    return ModelRows(estimator, X, y, Z, T, dropped)
