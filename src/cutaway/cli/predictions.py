"""Predictions as lines of CSV: of a table in pieces, as they are read, or of all rows at once."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import ArgumentError, CutawayError
from ..text import counted
from . import checks


@dataclass
class Asked:
    """What is to be predicted: by which estimator, how its model says that files are read, of which file, and how."""

    estimator: Any
    reading: dict[str, Any]
    data: Path
    keep: list[str]
    doubt: bool
    thresholds: dict[int, float]
    skip_damaged: bool = False
    size: str | None = None
    mode: str | None = None
    interval: float | None = None


class Predictions:
    """The lines, made one piece of rows after the other; in the end `tell` says what holds for all of them."""

    def __init__(self, asked: Asked) -> None:
        from ..data.doubts import DoubtsOfPieces

        self.asked, self.count, self.cells, self.at_ends = asked, 0, 0, 0
        self.doubts = DoubtsOfPieces()

    def pieces(self) -> Iterator[bytes]:
        """Predict the rows of a table as they are read. Raises NotPlain for what has to be read whole.

        So is a file in which anything is wrong: its rows have their numbers then.
        """
        from ..data.formats import in_pieces
        from ..data.plain_text import NotPlain

        asked = self.asked
        if asked.estimator.inputs_.name != "table" or asked.reading or asked.size or asked.mode or not asked.data.name:
            raise NotPlain
        try:
            for X in in_pieces(asked.data):
                kept = checks.columns(asked.keep, list(X.columns) if asked.keep else [], "--keep", asked.data.name)
                yield self._lines(X, {name: X[name] for name in kept})
        except CutawayError:
            raise NotPlain from None

    def whole(self) -> Iterator[bytes]:
        """Predict all rows at once."""
        from .rows import about, in_file
        from .sources import load_for
        from .terminal import warn

        asked, name = self.asked, self.asked.data.name
        rows = load_for(asked.estimator, asked.reading, asked.data, [], asked.skip_damaged, asked.size, asked.mode)
        if asked.keep and rows.ids is not None:
            raise ArgumentError(f"--keep copies columns of tables, and {name} holds {asked.estimator.inputs_.many}: "
                                "leave it out.")
        for note in rows.notes:
            warn(f"{name}: {note}")
        kept = checks.columns(asked.keep, list(rows.X.columns) if asked.keep else [], "--keep", name)
        with about(name), in_file(asked.data if rows.ids is None else None):
            copied = {name: rows.X[name] for name in kept} if rows.ids is None else {rows.ids.name: rows.ids}
            yield self._lines(rows.X, copied)

    def _lines(self, X: Any, copied: dict[str, Any]) -> bytes:
        """The lines of some rows, with the line of names before the first."""
        from ..files.spreadsheet import as_csv

        asked, first = self.asked, not self.count
        answers = answer_columns(asked.estimator, X, asked.thresholds, asked.interval)
        plain = [name for name, column in answers.items() if isinstance(column, list)]
        doubts = asked.estimator.doubts(X)
        self.doubts.add(doubts)
        self.count += doubts.n
        self.see_ends(answers)
        if asked.doubt:
            answers["doubt"] = doubts.names()
        if both := [name for name in copied if name in answers]:
            raise ArgumentError(f"--keep {both[0]!r}: the predictions have a column of this name. Rename yours first.")
        return as_csv(copied | answers, first, plain).encode("utf-8")

    def tell(self) -> None:
        """Say on the error stream what is doubtful, and where the model's range cut predictions off."""
        from .answers import say_doubts
        from .terminal import warn

        say_doubts(self.doubts, self.asked.data.name, self.asked.doubt)
        if held := self.at_the_limits():
            warn(f"{self.asked.data.name}: {held}")

    def see_ends(self, answers: dict[str, Any]) -> None:
        """Count the predictions that stand where the range of the training targets ends."""
        edges = ends(self.asked.estimator)
        for column, low, high in zip(answers.values(), *edges, strict=False):
            self.cells += len(column)
            self.at_ends += sum(map(column.count, {f"{low:.9g}", f"{high:.9g}"}))

    def at_the_limits(self) -> str:
        """Say how many predictions of numbers stand where the range of the training targets ends; "" for none."""
        from ..data.limits import TOLD_AT_LIMITS

        if self.at_ends <= TOLD_AT_LIMITS * self.cells:
            return ""
        (low, *more), (high, *_) = ends(self.asked.estimator)
        span = "its targets' ranges" if more else f"{low:.6g} to {high:.6g}"
        return (f"{counted(self.at_ends, 'prediction')} at an end of what the model gives, {span}: the range of its "
                "training targets, a little widened; it does not guess beyond")


def ends(estimator: Any) -> list[list[float]]:
    """The lowest and the highest number that each output can give; none where there are classes."""
    import numpy as np

    if not hasattr(estimator, "limits_"):
        return [[], []]
    return np.asarray(estimator.target_encoder_.inverse(estimator.limits_), float).reshape(2, -1).tolist()


def answer_columns(estimator: Any, table: Any, thresholds: dict[int, float],
                   interval: float | None = None) -> dict[str, Any]:
    """Make the columns of the output: prediction (one for each target), then probability of each class or label, each
    quantile, and the two ends of intervals with this coverage.

    What is written out already, numbers as text, is a list.
    """
    from .answers import decided

    names = estimator.target_encoder_.names
    Z, labels = estimator.encode(table), checks.labels_of(estimator)
    predicted, p = estimator.said(Z)
    predicted = decided(estimator, predicted, p, thresholds)
    if predicted.ndim == 1:
        columns = {"prediction": written(predicted, 9)}
    else:
        columns = {f"prediction_{name}": written(predicted[:, j], 9) for j, name in enumerate(names)}
    columns |= {f"probability_{label}": written(p[:, j], 6) for j, label in enumerate(labels) if p is not None}
    if levels := getattr(estimator, "levels", ()):
        quantiles = estimator.quantiles_of(Z)
        columns |= {f"quantile_{level:g}": written(quantiles[:, j], 9) for j, level in enumerate(levels)}
    if interval is not None:
        ends = estimator.interval_of(Z, interval).reshape(len(predicted), -1)
        named = [f"{name}_{end}" for name in columns if name.startswith("prediction") for end in ("low", "high")]
        columns |= {name: written(ends[:, j], 9) for j, name in enumerate(named)}
    return columns


def written(values: Any, digits: int) -> Any:
    """Write fractions with as many digits as they are worth; labels and whole numbers stay as they are."""
    return [f"{value:.{digits}g}" for value in values.tolist()] if values.dtype.kind == "f" else values
