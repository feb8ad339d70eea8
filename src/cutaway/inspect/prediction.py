"""One number of what a model says of a table's row, in a unit that people read, and the row as its table has it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from .. import losses
from ..autodiff import Tensor, ops
from ..data import TableEncoder
from ..data.reading import is_frame
from ..errors import ArgumentError, DataError
from ..text import number, quoted, short
from .reading import network_of


@dataclass
class AskedOutput:
    """The number that is asked about: f of a network's raw outputs z (n, out).

    kind: "number", f = factor z_k + shift in the target's unit; "sigmoid", f = factor z_k; "softmax", u = factor z and
    f = u_k - log Σ e^u over the others. These two are log p / (1 - p). place: among the targets, classes or labels.
    """

    kind: str
    k: int
    name: str
    factor: float = 1.0
    shift: float = 0.0
    place: int = 0

    @classmethod
    def by(cls, model: Any, output: Any) -> AskedOutput | None:
        """Find what of a model is asked about; None for the class that is likeliest for a row.

        Raises ArgumentError where there is no such output, or no table.
        """
        refuse_without_columns(model)
        return cls.of_output(model, output)

    @classmethod
    def of_output(cls, model: Any, output: Any) -> AskedOutput | None:
        """Find what of a model of any inputs is asked about; None for the class that is likeliest for a row."""
        target = model.target_encoder_
        if "regression" in target.task:
            names = list(map(str, target.names))
            place = 0 if output is None else _place(names, str(output))
            k = losses.middle_of(model.levels) if len(model.levels) > 1 else place
            spread, center = np.atleast_1d(target.spread), np.atleast_1d(target.center)
            return cls("number", k, names[place], float(spread[place]), float(center[place]), place)
        if output is None:
            return None
        labels = target.names if target.task == "multilabel" else target.classes.tolist()
        return cls.of_class(model, _place([str(label) for label in labels], str(output)))

    @classmethod
    def of_class(cls, model: Any, place: int) -> AskedOutput:
        """Ask about the probability of a class or label."""
        target, cool = model.target_encoder_, 1 / model.temperature_
        if target.task == "multilabel":
            return cls("sigmoid", place, str(target.names[place]), cool, place=place)
        name = f"{target.names[0]} = {target.classes[place]}"
        if model.design_.link == "softmax":
            return cls("softmax", place, name, cool, place=place)
        return cls("sigmoid", 0, name, cool if place else -cool, place=place)

    @property
    def unit(self) -> str:
        """The unit of f, where it is not the target's own."""
        return "" if self.kind == "number" else "log-odds"

    def number(self, z: Tensor) -> Tensor:
        """Compute f (n,) of raw outputs (n, out)."""
        if self.kind != "softmax":
            return z[:, self.k] * self.factor + self.shift
        u = z * self.factor
        others = [j for j in range(z.shape[1]) if j != self.k]
        return u[:, self.k] - ops.logsumexp(u[:, others], axis=1) if others else u[:, self.k]

    def of(self, model: Any, Z: Any) -> np.ndarray:
        """Compute f (n,) of encoded rows, by the model's own program."""
        z = model.model_.predict(Z, threads=model.threads).reshape(len(Z), -1)
        return self.number(Tensor(z.astype(np.float64))).data

    def said(self, model: Any, Z: np.ndarray) -> np.ndarray:
        """Give what the model says of encoded rows (n,): probabilities of the class, or numbers as `predict` has them.
        """
        return np.asarray(model.answers(Z)).reshape(len(Z), -1)[:, self.place]


def _place(names: list[str], asked: str) -> int:
    if asked not in names:
        raise ArgumentError(f"output is {asked!r}: the model has {quoted(names)}")
    return names.index(asked)


def refuse_without_columns(model: Any) -> None:
    """Raise ArgumentError for a model that has not learnt from columns of a table."""
    if network_of(model) is model or type(getattr(model, "encoder_", None)) is not TableEncoder:
        what = getattr(getattr(model, "inputs_", None), "name", f"a {type(model).__name__}")
        raise ArgumentError(f"the columns of a table are asked about, and this is of {what}: give a trained "
                            "ct.Classifier or ct.Regressor of a table")


def one_row(model: Any, row: Any) -> Any:
    """Read one row, in any form that has its cells, as the table that the model's encoder takes."""
    if isinstance(row, Mapping):
        row = {name: cell if isinstance(cell, list | np.ndarray) else [cell] for name, cell in row.items()}
    elif isinstance(row, np.ndarray) and row.ndim == 1:
        row = row[None]
    elif isinstance(row, list | tuple) and not (len(row) and isinstance(row[0], list | tuple | dict | np.ndarray)):
        row = [list(row)]
    table = model.inputs_.read(row, model.encoder_).X
    if table.shape[0] != 1:
        raise DataError(f"one row is explained at a time, got {table.shape[0]:,}: give one, such as X.iloc[[0]]")
    return table


def cells_of(encoder: TableEncoder, table: Any) -> dict[str, str]:
    """Write what each column that is used has in a table of one row."""
    if is_frame(table):
        known = {str(name): i for i, name in enumerate(table.columns)}
        row = table.iloc[0].tolist()
    else:
        known, row = {}, (table.toarray() if hasattr(table, "toarray") else np.asarray(table))[0].tolist()
    return {column.name: _cell(row[known.get(column.name, i)]) for i, column in enumerate(encoder.columns)
            if column.features}


def _cell(value: Any) -> str:
    if value is None or value != value:
        return "–"
    if isinstance(value, int | float) and not isinstance(value, bool):
        return number(value, 5) if abs(value) < 1000 or value % 1 else f"{value:.15g}"
    return short(value, 24)
