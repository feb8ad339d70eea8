"""An estimator that is told a sequence row by row, and says after each row what it predicts for the rows so far."""

from __future__ import annotations

from math import inf, isinf, isnan
from typing import Any, NoReturn

import numpy as np

from ..data.encoder import TableEncoder
from ..data.limits import FAR
from ..data.sequence_encoder import SequenceEncoder
from ..errors import ArgumentError, DataError
from ..nn.predictor import Predictor
from ..nn.stream import Stream, WindowStream, ways_out


class RecordStream:
    """One sequence, told row by row: `ct.predictor(estimator).stream()` makes it, for a Classifier or Regressor.

    `add(row, proba=False)` gives what `predict` gives for the sequence of all rows so far, to the last bit, in
    microseconds however long it is. row: its numbers in the order of training's features, or a dict of them by name;
    NaN and None are gaps. `reset()` begins another sequence; `state` is plain numbers that JSON takes: assign it to go
    on later. It stays with the fit it was made of, and sees weights that partial_fit changes. For one thread at a time.
    """

    def __init__(self, ask: Any, fitted: Any, engine: str) -> None:
        encoder = fitted.encoder_
        if encoder.each:
            raise ArgumentError("each sequence is scaled by its own mean and deviation, which only its last row tells: "
                                + ways_out().split(", or ")[1])
        self._ask, self._fitted = ask, fitted
        self._names = [column.name for column in encoder.columns]
        self._columns = [(column.name, column.mean, column.scale, column.marked) if column.features else
                         (column.name, 0.0, 0.0, None) for column in encoder.columns]
        self._stream = Stream(fitted.model_, Predictor, len(encoder.feature_names), engine)
        self.reset()

    def reset(self) -> None:
        """Begin another sequence."""
        self._stream.reset()
        self._last: list[float | None] = [None] * len(self._names)

    def add(self, row: Any, proba: bool = False) -> Any:
        """Take the next row of the sequence, and predict as if it ended there."""
        encoded, last = self._encoded(row)
        spare = self._stream.spare()
        spare.place[0, : len(encoded)] = encoded
        outputs = self._stream.run(spare)
        self._last = last
        return self._ask.finished(outputs, proba)

    @property
    def steps(self) -> int:
        """How many rows were taken."""
        return self._stream.steps

    @property
    def state(self) -> dict[str, Any]:
        """What is carried: each layer's h (of an LSTM c, too), the steps, and the last known value of each feature."""
        return {**self._stream.state, "last": list(self._last)}

    @state.setter
    def state(self, state: dict[str, Any]) -> None:
        last = state.get("last") if isinstance(state, dict) else None
        if not isinstance(last, list) or len(last) != len(self._names) or not all(
                value is None or (type(value) in (int, float) and abs(value) < inf) for value in last):
            raise ArgumentError(f"last of a state is a list of {len(self._names)} numbers or None, got {last!r:.60}")
        self._stream.state = {name: part for name, part in state.items() if name != "last"}
        self._last = list(last)

    def _encoded(self, row: Any) -> tuple[list[float], list[float | None]]:
        """A row as the network takes it, as SequenceEncoder.transform does, and the last known values after it."""
        if isinstance(row, dict):
            if lacking := [name for name in self._names if name not in row]:
                raise DataError(f"The row lacks {lacking[0]!r}: it needs {', '.join(self._names):.200}.")
            cells: list[Any] = [row[name] for name in self._names]
        else:
            cells = np.ravel(row).tolist() if isinstance(row, np.ndarray | int | float) else list(row)
            if len(cells) != len(self._names):
                raise DataError(f"A row has {len(self._names)} numbers, one of each feature, got {len(cells)}.")
        out: list[float] = []
        last = list(self._last)
        for j, (name, mean, scale, marked) in enumerate(self._columns):
            x = _number(cells[j], name)
            gap = isnan(x)
            if not gap:
                last[j] = x
            if marked is None:
                continue
            known = last[j]
            x = mean if known is None else known
            out.append(min(max((x - mean) / scale, -FAR), FAR))
            if marked:
                out.append(float(gap))
        return out or [0.0], last

    def __reduce__(self) -> NoReturn:
        raise ArgumentError("a stream is prepared for this process alone: keep its `state`, and assign it to another "
                            "stream of the same estimator")

    def __repr__(self) -> str:
        return f"RecordStream({type(self._fitted).__name__}, {self.steps:,} rows so far)"


def _number(cell: Any, name: str) -> float:
    """A cell as a number; a gap is NaN."""
    if cell is None:
        return float("nan")
    try:
        x = float(cell) if not isinstance(cell, str | bytes) else None
    except (TypeError, ValueError):
        x = None
    if x is None:
        raise DataError(f"{name!r} holds {cell!r:.40}, which is no number.")
    if isinf(x):
        raise DataError(f"{name!r} is infinite: only finite numbers and gaps (NaN) can be encoded.")
    return x


def record_stream(ask: Any, fitted: Any, engine: str, window: int | None) -> RecordStream | WindowStream:
    """A stream of a fitted estimator; window: each answer over so many last rows. Raises ArgumentError for tables."""
    if not isinstance(fitted.encoder_, SequenceEncoder):
        what = "rows of a table, which stand" if isinstance(fitted.encoder_, TableEncoder) else "images, which stand"
        raise ArgumentError(f"a stream is of a sequence, and this model predicts {what} alone: call the predictor")
    return RecordStream(ask, fitted, engine) if window is None else WindowStream(ask, window)
