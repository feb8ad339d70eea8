"""The data of an experiment: a set that ships, or a file of one's own, as numbers that a network takes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from .. import checks


@dataclass
class LabData:
    """Rows and targets as a program takes them, and the design for them.

    raw_X and raw_y are what was read, before encoding; names are the columns that are predicted.
    """

    name: str
    X: Any
    y: np.ndarray
    raw_X: Any
    raw_y: Any
    names: list[str]
    design: Any
    hidden: tuple[int, ...] | None = None

    @property
    def loss(self) -> str:
        return self.design.loss

    @property
    def classifies(self) -> bool:
        return self.design.task in ("binary", "multiclass", "multilabel")

    @property
    def many(self) -> str:
        """What the rows are: "rows", "images", "sequences"."""
        from ...estimators.inputs import KINDS

        return KINDS[self.design.inputs].many

    def model(self) -> Callable[[], Any]:
        """Make the function that makes the network: the design's own, or one with the hidden layers asked for."""
        if self.hidden is not None:
            self.design.change({"hidden": list(self.hidden)})
        return self.design.network


def study(data: str | None, targets: list[str] | None, default: str, hidden: str | None = None,
          rows: int | None = None, seed: int = 0) -> LabData:
    """Read and encode the data; `rows`: the most to take, drawn by chance where there are more.

    Raises ArgumentError for an unknown name, and what `cutaway fit` raises for a file that cannot be learnt from.
    """
    from ...estimators import design
    from ...estimators.inputs import kind_of, take

    name, X, y, names = read_raw(data, targets, default, seed)
    if rows is not None and rows < len(y):
        kept = np.sort(np.random.Generator(np.random.Philox(seed)).permutation(len(y))[:rows])
        X, y = kind_of(X).take(X, kept), take(y, kept)
    made: Any = design(X, y)
    Z = made.encoder.transform(X, made.dtype)
    T = made.target_encoder.transform(y, made.dtype)
    T = T.astype(np.int32) if made.loss == "cross_entropy" else T
    return LabData(name, Z, T, X, y, names, made, checks.hidden(hidden))


def read_raw(data: str | None, targets: list[str] | None, default: str, seed: int = 0,
             made: int | None = None) -> tuple[str, Any, Any, list[str]]:
    """Read name, X, y and names of the targets. made: the number of rows of a set that is made."""
    return _named(data or default, seed, made) if _ships(data or default) else _read(Path(data or ""), targets)


def _ships(name: str) -> bool:
    from ...datasets import names

    return name in names() or not Path(name).exists()


def _named(name: str, seed: int, made: int | None) -> tuple[str, Any, Any, list[str]]:
    from ... import datasets
    from ...errors import check_name

    check_name(name, datasets.names(), "file or data set")
    if name in datasets.names(made=True):
        X, y = datasets.make(name, made or 500, seed=seed)
        return name, X, y, ["y"]
    found = datasets.load(name)
    return name, found.X, found.y, [found.target]


def _read(path: Path, targets: list[str] | None) -> tuple[str, Any, Any, list[str]]:
    from ..options import ReadOptions
    from ..problem import read

    problem = read(path, ReadOptions(targets or []))
    return problem.source, problem.X, problem.y, problem.targets
