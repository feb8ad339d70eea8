"""How sequences are best read, tried on the training part by a linear model that costs a second at most."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ..data import SequenceEncoder, TargetEncoder
from ..data.limits import (
    FEWEST_TRIED,
    LAST_STEPS_TRIED,
    MOST_STEPS_TRIED,
    MOST_TRIED,
    SCALED_ALREADY,
    SIZES_APART,
    TRIED_FEATURES,
    TRIED_SHARE,
    TRIED_SURELY,
)
from ..data.sequence_encoder import as_sequences
from ..nn import RandomConvolutions
from ..random import stream
from ..sequences import Sequences
from .ridge import Ridge


@dataclass(frozen=True)
class SequenceTrial:
    """R² of ridge regression on training sequences that were left out, by what it was told of them; None: not tried.

    shared: random convolutions of sequences scaled as all are. own: of sequences each scaled by itself. steps: the
    values of the last or of all time steps, one beside the other. each: whether each is to be scaled by itself. apart:
    the factor by which the sizes of most series differ. windows: they are windows of one series, each a step later than
    the one before, so that order counts for certain.
    """

    shared: float
    own: float | None = None
    steps: float | None = None
    each: bool = False
    apart: float = 1.0
    windows: bool = False

    @property
    def by_place(self) -> bool:
        """Whether it matters where in a sequence something is, more than that it is there."""
        if self.windows:
            return True
        best = max(self.shared, self.shared if self.own is None else self.own)
        return self.steps is not None and self.steps > 0 and 1 - best > TRIED_SHARE * (1 - self.steps)

    @property
    def scale_reason(self) -> str:
        """Why sequences are scaled together, or each by itself."""
        if self.own is None:
            return "each feature scaled by the training part's mean and deviation; the series come scaled already"
        scores = f"R² {self.own:.2f} scaled by itself, {self.shared:.2f} as all are"
        if self.each:
            sizes = f"sizes differ by a factor of {self.apart:,.0f}, and " if self.apart > SIZES_APART else ""
            return (f"each series scaled by its own mean and deviation: {sizes}a linear model had {scores}, on rows "
                    "left out")
        return f"each feature scaled by the training part's mean and deviation: a linear model had {scores}"

    @property
    def place_reason(self) -> str:
        """What tells whether the place matters."""
        if self.windows:
            return "these are windows of one series, and what follows hangs on their last steps"
        return f"a linear model had R² {self.steps:.2f} with the steps in order, {self.shared:.2f} with shapes anywhere"


def tried(X: Any, y: Any, target: TargetEncoder, names: list[str] | None = None) -> SequenceTrial | None:
    """Try how sequences X are best read, for targets y; None where there is nothing to learn, or too little.

    Whether each is scaled by itself is decided by what it does to the squared error of a linear model on random
    convolutions: it must fall clearly, and to four fifths; where sizes differ by more than a factor of ten, it must not
    rise. For numbers the steps side by side are tried, too.
    """
    X = as_sequences(X)
    T = _numbers(target, y)
    windows = "regression" in target.task and _windows(X)
    if len(X) > MOST_TRIED:
        some = np.sort(stream(0, "trial").permutation(len(X))[:MOST_TRIED])
        X, T = X[some], T[some]
    around = np.square(T - T.mean(axis=0)).sum()
    if len(X) < FEWEST_TRIED or around == 0:
        return None
    encoder = SequenceEncoder(names).fit(X, constant=True)
    if encoder.blank:
        return None
    Z = encoder.transform(X)
    shared = _left_out(Z, T)
    steps = own = None
    each, apart = False, 1.0
    if "regression" in target.task:
        steps = max(float(1 - Ridge().fit(flat, T).left_out.sum() / around) for flat in _steps(Z))
    if not _scaled_already(X, encoder):
        alone = _left_out(SequenceEncoder(names, each=True).fit(X).transform(X), T)
        gain, own = shared - alone, float(1 - alone.sum() / around)
        clear = not windows and gain.mean() > TRIED_SURELY * gain.std() / np.sqrt(len(gain))
        most = TRIED_SHARE * min(shared.sum(), np.inf if steps is None else around * (1 - steps))
        apart = _apart(X)
        if apart > SIZES_APART and not windows:
            clear, most = bool(gain.mean() >= 0), np.inf
        each = bool(clear and alone.sum() < most and (steps is None or own > steps))
    return SequenceTrial(float(1 - shared.sum() / around), own, steps, each, apart, windows)


def _left_out(Z: Any, T: np.ndarray) -> np.ndarray:
    """The squared error (n,) of each sequence, left out by a ridge regression on random convolutions."""
    F = RandomConvolutions.of(Z, TRIED_FEATURES).predict(Z, threads=1).astype(np.float64)
    return Ridge().fit(scaled(F), T).left_out


def scaled(F: np.ndarray) -> np.ndarray:
    """Features (n, m) with mean 0 and deviation 1; those that never change are 0."""
    spread = F.std(axis=0)
    return (F - F.mean(axis=0)) / np.where(spread > 0, spread, 1)


def _steps(Z: Any) -> list[np.ndarray]:
    """Steps side by side (n, numbers): the last of each sequence; and all, unless too many, with zeros behind."""
    values = np.asarray(Z.values if isinstance(Z, Sequences) else Z, np.float64)
    lengths = Z.lengths if isinstance(Z, Sequences) else np.full(len(values), values.shape[1])
    last = np.maximum(lengths[:, None] - 1 - np.arange(LAST_STEPS_TRIED), 0)
    sides = [np.take_along_axis(values, last[:, :, None], axis=1).reshape(len(values), -1)]
    flat = values.reshape(len(values), -1)
    return sides + [flat] * (flat.shape[1] <= MOST_STEPS_TRIED)


def _windows(X: Sequences) -> bool:
    """Whether most sequences are the one before them, moved by a step."""
    values = X.values
    if len(X) < FEWEST_TRIED or values.shape[1] < 2 or X.lengths.min() < values.shape[1]:
        return False
    return bool((values[1:, :-1] == values[:-1, 1:]).all(axis=(1, 2)).mean() > 0.5)


def _apart(X: Sequences) -> float:
    """The factor between the deviations of series at nine tenths and at one tenth, where it is largest of a feature."""
    known = (np.arange(X.shape[1]) < X.lengths[:, None])[:, :, None] & ~np.isnan(X.values)
    x = np.where(known, X.values, 0)
    x = x / (np.abs(x).max() or 1.0)  # keeps the squares below from overflowing
    count = np.maximum(known.sum(axis=1), 1)
    mean = x.sum(axis=1) / count
    sizes = np.sqrt(np.square(np.where(known, x - mean[:, None], 0)).sum(axis=1) / count)
    low, high = np.quantile(sizes, (0.1, 0.9), axis=0)
    differ = high > 0
    return float((high[differ] / np.maximum(low[differ], high[differ] * 1e-9)).max()) if differ.any() else 1.0


def _scaled_already(X: Sequences, encoder: SequenceEncoder) -> bool:
    """Whether all series have nearly the same mean and deviation, feature by feature."""
    Z = encoder.transform(X, np.float64)
    rows = Z.rows() if isinstance(Z, Sequences) else list(Z)
    means, deviations = np.array([row.mean(0) for row in rows]), np.array([row.std(0) for row in rows])
    return bool((np.abs(means) < SCALED_ALREADY).all() and (np.ptp(deviations, axis=0) < SCALED_ALREADY).all())


def _numbers(target: TargetEncoder, y: Any) -> np.ndarray:
    """Targets as numbers (n, outputs): scaled, or one column a class."""
    T = np.asarray(target.transform(y, np.float64))
    if target.task == "multiclass":
        return np.eye(target.n_outputs)[T.astype(int).ravel()]
    return T.reshape(len(T), -1).astype(np.float64)
