"""SequenceEncoder: learns each feature's scale over the time steps of training, then encodes sequences like them."""

from __future__ import annotations

import math
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from numbers import Real
from typing import Any

import numpy as np

from ..errors import ArgumentError, DataError, FileError, ShapeError, warn
from ..sequences import Sequences
from ..text import counted
from .columns import NOTHING, Column
from .doubts import Doubts, gap_doubts, range_doubts
from .limits import FAR, ROUNDING
from .numbers import is_range
from .reading import column_names, is_frame
from .series import extent
from .weights import none_if_equal, weighed

CHANNELS_FIRST = (
    "If it is (n, channels, time), as aeon and sktime have it, say so: ct.Sequences.from_array(X, channels='first')."
)
DROPPED = "constant (dropped)"


@dataclass
class Channel(Column):
    """One feature of the time steps: its mean and deviation in training, and whether its gaps are marked.

    own: whether it is scaled by each sequence's own mean and deviation.
    """

    mean: float
    scale: float
    marked: bool
    reason: str  # why it is left out; empty: it is not
    low: float | None = None  # the range of training; not in old model files
    high: float | None = None
    own: bool = False

    @property
    def features(self) -> list[str]:
        return [] if self.reason else [self.name] + [f"{self.name} missing"] * self.marked

    @property
    def how(self) -> str:
        if self.reason:
            return f"left out: {self.reason}"
        gaps = ", gaps filled with the value before, and marked" if self.marked else ""
        scaled = "(x - mean) / deviation of each sequence" if self.own else f"(x - {self.mean:g}) / {self.scale:g}"
        return scaled + gaps


class SequenceEncoder:
    """Scale the features of sequences by the mean and deviation they had in training, and fill gaps.

    Mean and deviation are those of the known values of all time steps; padding never counts. A gap (NaN) takes the
    value before it in its sequence, or the mean where there is none; a feature that had gaps in training is followed by
    a second one that marks them with 1. A feature that never changed in training is left out. `names` are the features'
    names (x0, x1, ... unless given). What was learnt is in `columns`. each: every sequence is scaled by its own mean
    and deviation instead, feature by feature, so that its level and size say nothing; where it never changes it is 0.

    Sequences are an array (n, time) or (n, time, features), `ct.Sequences`, or a list of arrays (time,) or
    (time, features). Lengths may differ from those of training.

    >>> import numpy as np
    >>> from cutaway.data import SequenceEncoder
    >>> encoder = SequenceEncoder(names=["pulse"])
    >>> encoder.fit_transform([[60.0, 80.0, 70.0], [60.0, 80.0]]).values[:, :, 0].round(2)
    array([[-1.12,  1.12,  0.  ],
           [-1.12,  1.12,  0.  ]], dtype=float32)
    >>> encoder.describe()
    "2 to 3 time steps of 1 feature, scaled by the training part's mean and deviation"
    """

    columns: list[Channel]
    each: bool = False  # old pickles lack it
    trial: Any = None  # what was tried before it was fitted, for whoever designs a network; not in model files

    def __init__(self, names: Sequence[str] | None = None, each: bool = False):
        self.each = bool(each)
        self.names = None if names is None else [str(name) for name in names]
        if self.names is not None and len(set(self.names)) < len(self.names):
            raise ArgumentError(f"names are {self.names!r:.200}: each feature needs a name of its own.")

    def fit(self, X: Any, weights: Any = None, constant: bool = False) -> SequenceEncoder:
        """Learn the features of the sequences X; a sequence counts as much as its weight (n,).

        constant: sequences of which no feature says anything are no error, but become one feature that is always zero.
        """
        X = as_sequences(X)
        if len(X) == 0:
            raise DataError("There are no sequences to learn from: 0 given, and at least 1 is needed.")
        each = np.ones(len(X))
        if weights is not None:
            weights, X = weighed(weights, X)
            each = np.ones(len(X)) if none_if_equal(weights) is None else weights
        names = self.names or column_names(X.shape[2])
        if len(names) != X.shape[2]:
            raise DataError(f"X has {counted(X.shape[2], 'feature')} a time step, but {len(names)} are named.")
        self.shortest, self.longest = int(X.lengths.min()), int(X.lengths.max())
        inside = _inside(X)
        steps, each = X.values[inside], np.repeat(each, X.lengths)
        _refuse_infinity(X, inside, names)
        self.columns = [_channel(name, steps[:, j], each) for j, name in enumerate(names)]
        for column in self.columns:
            column.own = self.each
        if self.blank and not constant:
            raise DataError(f"No feature of the sequences can be learnt from ({self.whys()}).")
        return self

    def transform(self, X: Any, dtype: Any = np.float32) -> np.ndarray | Sequences:
        """Encode X: (n, time, len(feature_names)); Sequences if lengths differ here or did in training, else an array.

        What lies behind a sequence's end is zero. Values beyond 1e9 deviations are cut off there.
        """
        self._fitted()
        X = as_sequences(X)
        if X.shape[2] != len(self.columns):
            hint = " For a single sequence (time, features), give X[None]." if X.shape[2] == 1 else ""
            if X.shape[1] == len(self.columns) and not hint:
                hint = f" {CHANNELS_FIRST}"
            raise DataError(
                f"X has {counted(X.shape[2], 'feature')} a time step, but training had {len(self.columns)}: give the "
                f"same features in the same order.{hint}"
            )
        inside = _inside(X)
        _refuse_infinity(X, inside, [column.name for column in self.columns])
        out = np.zeros((*X.shape[:2], len(self.feature_names)), dtype)
        at = 0
        for j, column in enumerate(self.columns):
            if not column.features:
                continue
            x = X.values[:, :, j]
            missing = np.isnan(x)
            mean, scale = _own_scale(x, inside & ~missing) if self.each else (column.mean, column.scale)
            if missing.any():
                x = _filled(x, missing, mean)
            with np.errstate(over="ignore"):  # beyond all numbers, so beyond the clip
                z = np.clip((x - mean) / scale, -FAR, FAR)
            np.copyto(out[:, :, at], z, where=inside, casting="same_kind")
            if column.marked:
                np.copyto(out[:, :, at + 1], missing, where=inside)
            at += len(column.features)
        differ = self.shortest != self.longest or not inside.all()
        return Sequences(out, X.lengths) if differ else out

    def doubts(self, X: Any) -> Doubts:
        """Find what in X is unlike every sequence of training: lengths, and values and gaps of features."""
        self._fitted()
        X = as_sequences(X)
        if X.shape[2] != len(self.columns):
            raise DataError(f"X has {counted(X.shape[2], 'feature')} a time step, training had {len(self.columns)}.")
        inside, found = _inside(X), range_doubts("the length", X.lengths.astype(float), self.shortest, self.longest)
        for j, column in enumerate(self.columns):
            if column.features:
                x = np.where(inside, X.values[:, :, j], np.nan)
                outermost = _outermost(x, column.low, column.high)
                found += range_doubts(column.name, outermost, column.low, column.high)
                found += gap_doubts(column.name, (np.isnan(x) & inside).any(axis=1), column.gaps > 0)
        return Doubts(len(X), found)

    def fit_transform(self, X: Any, weights: Any = None, dtype: Any = np.float32) -> np.ndarray | Sequences:
        return self.fit(X, weights).transform(X, dtype)

    @property
    def feature_names(self) -> list[str]:
        """The names of the encoded features."""
        self._fitted()
        return [feature for column in self.columns for feature in column.features] or [NOTHING]

    @property
    def blank(self) -> bool:
        """Whether no feature says anything."""
        return not any(column.features for column in self.columns)

    def whys(self) -> str:
        """Say for the first features what became of each."""
        return "; ".join(f"{column.name!r}: {column.how}" for column in self.columns[:8])

    def describe(self) -> str:
        """Say what was learnt, in words for the report."""
        self._fitted()
        words = extent(self.shortest, self.longest, len(self.columns))
        words += f", scaled by {'each one' if self.each else 'the training part'}'s mean and deviation"
        if marked := sum(column.marked for column in self.columns):
            words += f"; gaps filled with the value before and marked in {counted(marked, 'feature')}"
        if left_out := [column.name for column in self.columns if column.reason]:
            words += f"; left out: {', '.join(left_out[:8])}" + (", ..." if len(left_out) > 8 else "")
        return words

    def to_json(self) -> dict[str, Any]:
        """Give everything fitted as plain dicts, lists, numbers and strings."""
        self._fitted()
        return {
            "names": self.names,
            "shortest": self.shortest,
            "longest": self.longest,
            "columns": [asdict(column) for column in self.columns],
        }

    @classmethod
    def from_json(cls, state: Any) -> SequenceEncoder:
        """The encoder that `to_json` wrote. Raises FileError for anything else."""
        names = _entry(state, "names", list, type(None))
        columns = _entry(state, "columns", list)
        encoder = cls()
        encoder.shortest, encoder.longest = (_entry(state, name, int) for name in ("shortest", "longest"))
        if not 1 <= encoder.shortest <= encoder.longest < 2**31:
            raise _damaged("the lengths of its sequences do not fit")
        encoder.columns = [_restored(column) for column in columns]
        called = [column.name for column in encoder.columns]
        if len(set(called)) < len(called) or names not in (None, called) or not columns:
            raise _damaged("the names of its features do not fit")
        encoder.names, encoder.each = names, any(column.own for column in encoder.columns)
        return encoder

    def _fitted(self) -> None:
        if not hasattr(self, "columns"):
            raise ArgumentError("This SequenceEncoder has seen no sequences yet: call fit(X) first.")

    def __repr__(self) -> str:
        if not hasattr(self, "columns"):
            return "SequenceEncoder()"
        made = counted(len(self.feature_names), "feature")
        return f"SequenceEncoder({extent(self.shortest, self.longest, len(self.columns))} -> {made})"


def _outermost(x: np.ndarray, low: float | None, high: float | None) -> np.ndarray:
    """The value of each row of x (n, time) that is farthest from the middle of a range; NaN where there is none."""
    if low is None or high is None:
        return np.full(len(x), np.nan)
    with np.errstate(over="ignore"):  # beyond all numbers is far as well
        away = np.where(np.isnan(x), -1.0, np.abs(x / 2 - (low / 4 + high / 4)))
    return x[np.arange(len(x)), away.argmax(axis=1)]


# --- sequences in any form --------------------------------------------------------------------------------------------


def as_sequences(X: Any) -> Sequences:
    """Read X, in any of the forms that SequenceEncoder takes, as Sequences of float64 (n, time, features).

    >>> as_sequences(np.zeros((5, 24))).shape, as_sequences([np.zeros((2, 3)), np.zeros((4, 3))]).shape
    ((5, 24, 1), (2, 4, 3))
    """
    if isinstance(X, Sequences):
        X = Sequences(_numbers(X.values, "X"), np.asarray(X.lengths))  # checks again what may have been changed
        if X.values.ndim not in (2, 3):
            raise ShapeError(f"Sequences are (n, time, features), got values of shape {X.shape}.")
        values = X.values if X.values.ndim == 3 else X.values[:, :, None]
        if values.shape[2] == 0:
            raise DataError(f"X has shape {X.shape}: the time steps have no features.")
        return Sequences(values[:, : X.lengths.max()] if len(X) else values, X.lengths)
    if is_nested(X):
        return as_sequences([np.stack(list(map(np.asarray, row)), axis=1) for row in X.itertuples(index=False)])
    if isinstance(X, list | tuple) or (isinstance(X, np.ndarray) and X.dtype == object and X.ndim == 1):
        rows = [_numbers(row, f"Sequence {i} (the first is 0)") for i, row in enumerate(X)]
        if not rows:
            raise DataError("There are no sequences: the list is empty.")
        if rows[0].ndim not in (1, 2):
            raise ShapeError(f"Sequence 0 has shape {rows[0].shape}: each is an array (time,) or (time, features).")
        return as_sequences(Sequences.from_list(rows))
    values = _numbers(X, "X")
    if values.ndim not in (2, 3):
        hint = " For a single sequence of one feature, give X.reshape(1, -1)." if values.ndim == 1 else ""
        raise ShapeError(f"Sequences are an array (n, time) or (n, time, features), got shape {values.shape}.{hint}")
    if values.shape[1] == 0:
        raise DataError(f"X has shape {values.shape}: the sequences have no time steps.")
    return as_sequences(Sequences(values, np.full(len(values), values.shape[1], np.int32)))


def is_nested(X: Any) -> bool:
    """Whether X is a frame whose cells are series, as sktime nests them."""
    if not is_frame(X) or not len(X) or not len(X.columns) or any(dtype.kind != "O" for dtype in X.dtypes):
        return False
    return all(np.ndim(cell) == 1 and not isinstance(cell, str) for cell in X.iloc[0])


def warn_of_order(X: Any) -> None:
    """Warn of an array (n, time, features) that has more features than time steps: it may have its channels first."""
    if isinstance(X, np.ndarray) and X.ndim == 3 and X.shape[2] > X.shape[1]:
        steps, features = counted(X.shape[1], "time step"), counted(X.shape[2], "feature")
        warn(
            f"X {X.shape} is read as (n, time, features): {steps} of {features}. {CHANNELS_FIRST} channels='last' says "
            "that it is right.",
        )


def _numbers(values: Any, what: str) -> np.ndarray:
    """Read values as an array of float64; gaps are NaN."""
    if isinstance(values, np.ma.MaskedArray):
        values = np.ma.filled(values.astype(np.float64), np.nan)
    try:
        array = np.asarray(values)
    except ValueError as ragged:
        raise ShapeError(f"{what} has parts of different lengths: give a list of arrays (time, features).") from ragged
    if array.dtype.kind == "O" and all(cell is None or isinstance(cell, Real) for cell in array.flat):
        array = array.astype(np.float64)  # None among numbers is a gap
    if array.dtype.kind not in "biuf":
        cells = array.ravel()[:1000].tolist()
        some = next((cell for cell in cells if cell is not None and not isinstance(cell, Real)), array.dtype.name)
        raise DataError(f"{what} holds {some!r:.40}, which is not a number: every feature of a time step must be one.")
    return array.astype(np.float64, copy=False)


def _inside(X: Sequences) -> np.ndarray:
    """Find which time steps are data and not padding, (n, time)."""
    return np.arange(X.shape[1]) < X.lengths[:, None]


def _refuse_infinity(X: Sequences, inside: np.ndarray, names: list[str]) -> None:
    wrong = np.isinf(X.values)
    if wrong.any() and (wrong := wrong & inside[:, :, None]).any():
        row, step, j = np.argwhere(wrong)[0]
        raise DataError(
            f"Sequence {row}, time step {step} (the first is 0): {names[j]!r} is infinite (inf): only finite numbers "
            "and gaps (NaN) can be encoded. Correct it, or set it to NaN."
        )


# --- one feature ------------------------------------------------------------------------------------------------------


def _channel(name: str, x: np.ndarray, weights: np.ndarray) -> Channel:
    """Learn about a feature from its values x at all time steps, which count as much as their weights."""
    known = ~np.isnan(x)
    gaps = int(len(x) - known.sum())
    x, weights = x[known], weights[known]
    if not len(x):
        return Channel(name, DROPPED, gaps, 0, "", 0.0, 1.0, False, "every time step is empty")
    distinct, example = len(np.unique(x)), f"{x[0]:.6g}"
    size = np.abs(x).max() or 1.0  # keeps the squares below from overflowing
    center = np.average(x / size, weights=weights)
    spread = math.sqrt(np.average((x / size - center) ** 2, weights=weights))
    mean, scale = float(center * size), max(float(spread * size), math.ulp(0.0))
    if spread <= ROUNDING and not gaps:
        return Channel(name, DROPPED, gaps, distinct, example, mean, 1.0, False, f"every time step holds {example}")
    low, high, scale = float(x.min()), float(x.max()), scale if spread > ROUNDING else 1.0
    return Channel(name, "number", gaps, distinct, example, mean, scale, gaps > 0, "", low, high)


def _own_scale(x: np.ndarray, known: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The mean and deviation (n, 1) of the known values of each row of x (n, time).

    They are added up one after the other, so that no bit depends on the padding behind them.
    """
    count = np.maximum(known.sum(axis=1, keepdims=True), 1)
    size = np.abs(np.where(known, x, 0)).max(axis=1, keepdims=True)  # keeps the squares below from overflowing
    size[size == 0] = 1.0
    part = np.where(known, x / size, 0)
    mean = np.cumsum(part, axis=1)[:, -1:] / count
    spread = np.sqrt(np.cumsum(np.where(known, (part - mean) ** 2, 0), axis=1)[:, -1:] / count)
    return mean * size, np.where(spread > ROUNDING, spread * size, np.inf)


def _filled(x: np.ndarray, missing: np.ndarray, mean: Any) -> np.ndarray:
    """Fill every gap of x (n, time) with the value before it in its row, or the mean where there is none."""
    before = np.maximum.accumulate(np.where(missing, -1, np.arange(x.shape[1])), axis=1)
    return np.where(before < 0, mean, np.take_along_axis(x, np.maximum(before, 0), axis=1))


# --- reading what to_json wrote ---------------------------------------------------------------------------------------

FIELDS: dict[str, tuple[type, ...]] = {
    "name": (str,), "kind": (str,), "gaps": (int,), "distinct": (int,), "example": (str,),
    "mean": (float, int), "scale": (float, int), "marked": (bool,), "reason": (str,),
}


LATER: dict[str, tuple[type, ...]] = dict.fromkeys(("low", "high"), (float, int, type(None))) | {
    "own": (bool, type(None))}


def _restored(state: Any) -> Channel:
    state = dict.fromkeys(LATER) | state if isinstance(state, dict) else state  # old model files lack these
    column = Channel(**{name: _entry(state, name, *types) for name, types in (FIELDS | LATER).items()})
    numbers = abs(column.mean) <= sys.float_info.max and 0 < column.scale <= sys.float_info.max
    counts = 0 <= column.gaps < 2**63 and 0 <= column.distinct < 2**63
    kept = column.kind == ("number" if not column.reason else DROPPED)
    if not (numbers and counts and kept and is_range(column.low, column.high)):
        raise _damaged(f"what it says of feature {column.name!r:.40} does not fit")
    column.mean, column.scale, column.own = float(column.mean), float(column.scale), bool(column.own)
    return column


def _entry(state: Any, name: str, *types: type) -> Any:
    if not isinstance(state, dict):
        raise _damaged(f"a {type(state).__name__} stands where a JSON object belongs")
    if name not in state:
        raise _damaged(f"it lacks {name!r}")
    if type(state[name]) not in types:
        raise _damaged(f"its {name!r} is a {type(state[name]).__name__}")
    return state[name]


def _damaged(what: str) -> FileError:
    return FileError(f"the sequence encoder in it is damaged ({what}): use another copy, or save the model again")
