"""An estimator prepared to be asked for one record at a time, thousands of times a second."""

from __future__ import annotations

from math import inf
from typing import Any, NoReturn

import numpy as np
from sklearn.utils.validation import check_is_fitted

from ..data.encoder import TableEncoder
from ..data.limits import CLEARLY_APART
from ..data.reading import is_frame
from ..data.records import NoRecord, RecordEncoder, cells_of, places_of
from ..errors import ArgumentError, DataError
from ..nn.predictor import Predictor
from ..sequences import Sequences
from .base import Estimator


class RecordPredictor:
    """An estimator that is prepared once and called often, with one record: `ct.predictor(estimator)` makes it.

    It stays with what was learnt when it was made: it sees weights that change (partial_fit), and another `fit` of the
    estimator does not touch it.
    """

    def __init__(self, estimator: Estimator, engine: str = "cpu") -> None:
        check_is_fitted(estimator)
        self._estimator, self._fitted = vars(estimator), _as_it_is(estimator)
        fitted, encoder = self._fitted, self._fitted.encoder_
        self.classes_ = getattr(fitted.target_encoder_, "classes", None)
        self._task, self._link = fitted.design_.task, fitted.design_.link
        example = fitted.inputs_.example(encoder)[:1]
        example = example if isinstance(example, Sequences) else example[0].astype(fitted.design_.dtype)
        self._engine = engine
        self._network = Predictor(fitted.model_, example, engine)
        self._labels: list = [] if self.classes_ is None else list(self.classes_)
        self._limits, self._ends = None, (0.0, 0.0)
        target = fitted.target_encoder_
        self._likeliest = self._task in ("binary", "multiclass") and fitted.threshold_ is None
        self._one = self._task == "regression" and fitted.design_.n_out == 1
        if self._task == "regression":
            self._center, self._spread = float(target.center), float(target.spread)
        self._records: RecordEncoder | None = None
        if isinstance(encoder, TableEncoder):
            self._records = RecordEncoder(encoder.columns, fitted.design_.dtype)
            self._form = self._network.form_of(np.asarray(example))
        self._last: tuple[Any, Any] = (None, None)  # the columns of the last frame, and what its cells are read by

    def __call__(self, record: Any, proba: bool = False) -> Any:
        """Predict one record, in the target's own terms: a label or a number, or an array where there are several.

        record: a dict of cells by the columns' names (others are ignored), their cells as a tuple, list or array in the
        order that the columns had in training, or a frame of one row; of images or sequences, one. proba: give the
        probabilities of the classes instead, in the order of `classes_`.
        """
        records = self._records
        if records is None:
            return self._of_sample(record, proba)
        form = self._form
        spare = self._network.spare(form)
        try:
            if type(record) is dict:
                records.write(record, records.by_name, spare.row)
            else:
                records.write(*self._cells(record), spare.row)
        except NoRecord:
            spare.place[...] = self._encoded(record)
        spare.run()
        one = self._one and not proba
        answer = self._number(spare.answer.item()) if one else self.finished(spare.answer, proba)
        form.spares.append(spare)
        return answer

    def stream(self, window: int | None = None) -> Any:
        """One sequence that is told row by row, in microseconds each: its state is carried (a `RecordStream`).

        Each answer is what `predict` gives for the rows so far, to the last bit. window: compute each answer over so
        many last rows instead, for a network that cannot carry a state, such as one that reads both ways.
        Raises ArgumentError for a network that sees more of a sequence than the rows so far, and for tables and images.
        """
        from .record_stream import record_stream

        return record_stream(self, self._fitted, self._engine, window)

    # ---- records ---------------------------------------------------------------------------------------------------
    def _cells(self, record: Any) -> tuple[Any, Any]:
        """Find the cells of a record that is no dict, and what to read them by. Raises NoRecord."""
        assert self._records is not None
        if isinstance(record, np.ndarray) and record.ndim == 2 and len(record) == 1:
            record = record[0]
        if isinstance(record, np.ndarray) and record.ndim == 1:
            record = record.tolist()
        if isinstance(record, tuple | list):
            if len(record) != len(self._records.names):
                raise NoRecord
            return record, self._records.by_place
        if is_frame(record):
            if len(record) != 1:
                raise NoRecord
            columns, by = self._last
            if record.columns is not columns:
                by = self._records.keyed(places_of(record))
                self._last = record.columns, by
            return cells_of(record)[0], by
        if type(record).__module__.startswith("polars") and hasattr(record, "row") and len(record) == 1:
            return record.row(0), self._records.keyed({name: i for i, name in enumerate(record.columns)})
        raise NoRecord

    def _encoded(self, record: Any) -> np.ndarray:
        """Encode one record as `predict` does, with its errors."""
        if isinstance(record, np.ndarray) and record.ndim == 1:
            record = record[None]
        elif isinstance(record, tuple | list):
            assert self._records is not None
            names = self._records.names
            record = [dict(zip(names, record, strict=True)) if len(record) == len(names) else list(record)]
        Z = self._fitted.encode(record)
        if len(Z) != 1:
            raise DataError(f"A predictor takes one record, got {len(Z)} rows: write estimator.predict(X) for several.")
        return np.asarray(Z)

    def _of_sample(self, sample: Any, proba: bool) -> Any:
        """Predict one image or sequence."""
        Z = self._fitted.encode([sample])
        return self.finished(self._network(Z if isinstance(Z, Sequences) else Z[0]), proba)

    # ---- answers ---------------------------------------------------------------------------------------------------
    def _number(self, z: float) -> Any:
        """Bring the only output of a regression to the target's unit, as Regressor does with arrays."""
        limits = self._estimator.get("limits_")
        if limits is not self._limits:
            if self._estimator.get("model_") is self._fitted.model_:
                self._fitted.limits_ = limits
            self._limits, self._ends = limits, tuple(self._fitted.limits_[:, 0].tolist())
        low, high = self._ends
        value = (low if z < low else high if z > high else z) * self._spread + self._center
        if self._fitted.target_encoder_.log_applied:
            return np.exp(np.float64(min(value, 700.0)))
        return np.float64(value)

    def finished(self, outputs: np.ndarray, proba: bool) -> Any:
        """Make labels, numbers or probabilities of the raw outputs for one record."""
        fitted = self._fitted
        if proba and not self._labels:
            raise ArgumentError("proba=True is for ct.Classifier: a Regressor predicts numbers, and has no classes")
        if self._likeliest and not proba:
            code = chosen(outputs.ravel().tolist())
            if code >= 0:
                return self._labels[code]
        z = outputs.reshape(1, fitted.design_.n_out)
        return (fitted._linked(z) if proba else fitted._predictions(z))[0]

    def __reduce__(self) -> NoReturn:
        raise ArgumentError("a predictor is prepared for this process alone: pickle or copy the estimator, and call "
                            "ct.predictor(estimator) where it is to be asked")

    def __repr__(self) -> str:
        return f"RecordPredictor({type(self._fitted).__name__}, one {self._fitted.inputs_.one} at a time)"


def record_predictor(estimator: Any, engine: str = "cpu") -> RecordPredictor:
    """Make the predictor of an estimator. Raises ArgumentError for anything else."""
    if not isinstance(estimator, Estimator):
        got = type(estimator).__name__
        hint = "; it takes new rows itself, forecaster.update(row), then predict()" * hasattr(estimator, "update")
        raise ArgumentError(f"ct.predictor takes a network, ct.Classifier or ct.Regressor, got {got}{hint}")
    return RecordPredictor(estimator, engine)


def chosen(z: list[float]) -> int:
    """The class that raw outputs choose: one output a class, or one for two classes. -1 where only the probabilities
    tell: they may be equal where the outputs are not, and a NaN may be among them.

    >>> chosen([0.5, 2.0, 1.0]), chosen([-0.5]), chosen([1.0, 1.0])
    (1, 0, -1)
    """
    if len(z) == 1:
        return 0 if z[0] <= 0.0 else 1 if z[0] > CLEARLY_APART else -1
    total, best = sum(z), max(z)
    if total - total != 0.0:
        return -1
    code = z.index(best)
    z[code] = -inf
    return code if max(z) < best - CLEARLY_APART else -1


def _as_it_is(estimator: Estimator) -> Any:
    """The estimator with what it has learnt so far, which another fit of it leaves alone."""
    kept: Any = object.__new__(type(estimator))
    vars(kept).update({name: value for name, value in vars(estimator).items() if name not in ("_run", "_program")})
    return kept
