"""Prediction intervals: how far a prediction may be off, asked of rows held back.

Split conformal prediction (Papadopoulos et al., 2002; Lei et al., "Distribution-free predictive inference for
regression", 2018): of m rows that nothing was learnt from, the ⌈(m + 1) c⌉-th smallest error covers a new row with a
probability of c at least, whatever the network, if rows are exchangeable. Errors are divided by the size that errors
have near such a prediction, so that intervals are wide where the network errs much. All happens on the scaled target:
where its logarithm is learnt, intervals are wider above than below. Rows that come later are no such rows: of stretches
of time each errs in its own way, and intervals reach far enough for most of them.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from ..data.limits import (
    FEWEST_OF_SIZE,
    MOST_FOR_SIZES,
    MOST_NUMBERS,
    MOST_SCORES,
    MOST_STRETCHES,
    SHARE_OF_SIZE,
    SIZE_EVERYWHERE,
)
from ..data.limits import ROUNDING_OF_SHARES as ROUNDING
from ..described import described
from ..errors import ArgumentError, DataError, FileError
from ..train.past import Past
from .held import Held, answered


@dataclass
class Intervals:
    """What a fit learnt of its errors, a list an output, all on the scaled target.

    places, sizes: predictions, rising, and the size of errors near them, by the rows learnt from. scores, shares:
    errors of the rows held back over these sizes, rising, and of what share of new rows each is not exceeded. rows: how
    many were held back.
    """

    places: list[list[float]]
    sizes: list[list[float]]
    scores: list[list[float]]
    shares: list[list[float]]
    rows: int

    def of(self, low: np.ndarray, high: np.ndarray, coverage: float,
           predicted: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
        """Widen bounds (n, outputs), which may be the same prediction twice, so that they cover this share of rows.

        Where they become narrower they still hold what was predicted, the middle between them unless given.
        Raises ArgumentError for a share outside (0, 1), or that so few rows held back cannot promise.
        """
        middle, low, high = (low + high) / 2, low.copy(), high.copy()
        for j, (places, sizes, score) in enumerate(zip(self.places, self.sizes, self.reach(coverage), strict=True)):
            far = score * np.interp(middle[:, j], places, sizes)
            low[:, j], high[:, j] = low[:, j] - far, high[:, j] + far
        within = middle if predicted is None else predicted
        return np.minimum(low, within), np.maximum(high, within)

    def reach(self, coverage: float) -> list[float]:
        """Find for each output how many times the size of errors there an interval goes. Raises as `of` does."""
        if isinstance(coverage, bool) or not isinstance(coverage, int | float | np.number) or not 0 < coverage < 1:
            raise ArgumentError(f"coverage is {coverage!r}: give the share of rows that intervals shall cover, above 0 "
                                "and below 1, such as 0.9.")
        most = min(shares[-1] for shares in self.shares)
        if coverage > most + ROUNDING:
            raise ArgumentError(f"coverage is {coverage:g}, but {self.rows:,} rows held back can promise "
                                f"{most:.3g} at most: ask for less, or fit with more of them, such as validation=0.3.")
        first = [int(np.searchsorted(shares, coverage - ROUNDING)) for shares in self.shares]
        return [scores[k] for scores, k in zip(self.scores, first, strict=True)]

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, state: Any, outputs: int) -> Intervals:
        """The intervals that `to_json` gave, for so many outputs. Raises FileError for what it cannot have given."""
        found = described(cls, state)
        for one, two in ((found.places, found.sizes), (found.scores, found.shares)):
            fits = len(one) == len(two) == outputs and all(len(a) == len(b) > 0 for a, b in zip(one, two, strict=False))
            if not fits or not all(np.isfinite(part).all() and (np.diff(part) >= 0).all() for part in one) \
                    or not all(np.isfinite(part).all() and min(part) > 0 for part in two):
                raise FileError("it is damaged (its intervals do not fit its outputs)")
        if not all((np.diff(part) > 0).all() and part[-1] < 1 for part in found.shares):
            raise FileError("it is damaged (its intervals cover shares in no order)")
        return found


def learn(estimator: Any, past: Past) -> Intervals | None:
    """Learn of a trained regressor's errors; None where its run held no rows back.

    Sizes of errors come from the rows that were learnt from, which are many: too small where a network knows them by
    heart, in proportion they are right, and the rows held back say how large they are.
    """
    if past.held_out is None:
        return None
    width = sum(part[:1].size for part in past.data.inputs.arrays.values())
    known = past.rows[:: -(-len(past.rows) // min(MOST_FOR_SIZES, max(FEWEST_OF_SIZE, MOST_NUMBERS // width)))]
    return found_of(estimator, answered(estimator, past.data.part(known)), answered(estimator, past.held_out))


def found_of(estimator: Any, learnt: Held, held: Held) -> Intervals | None:
    """Intervals of answers to rows that were learnt from, and to rows that were not."""
    if not (np.isfinite(learnt.z).all() and np.isfinite(held.z).all()):
        return None
    (low, high), (low_held, high_held) = estimator._bounds(learnt.z), estimator._bounds(held.z)
    y, y_held = (np.asarray(part.y, np.float64).reshape(len(part), -1) for part in (learnt, held))
    found = Intervals([], [], [], [], len(held))
    for j in range(y.shape[1]):
        middle, middle_held = (low[:, j] + high[:, j]) / 2, (low_held[:, j] + high_held[:, j]) / 2
        places, sizes = sizes_of(middle, np.abs(y[:, j] - middle))
        off = np.maximum(low_held[:, j] - y_held[:, j], y_held[:, j] - high_held[:, j])
        off = off / np.interp(middle_held, places, sizes)
        scores, shares = ranked(off, held.weight)
        if held.stretch is not None:
            scores = for_what_comes(scores, shares, off, held.weight, held.stretch)
        for name, part in {"places": places, "sizes": sizes, "scores": scores, "shares": shares}.items():
            getattr(found, name).append(part.tolist())
    return found


def sizes_of(predicted: np.ndarray, errors: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The mean size of errors near a prediction, at rising predictions: of overlapping windows of a tenth of the rows,
    with some of the size everywhere, so that a window of lucky rows is not taken for certain.

    >>> places, sizes = sizes_of(np.arange(1000.0), np.where(np.arange(1000) < 500, 1.0, 3.0))
    >>> np.interp([100, 900], places, sizes).tolist()
    [2.0, 4.0]
    """
    order = np.argsort(predicted, kind="stable")
    predicted, errors, n = predicted[order], errors[order], len(order)
    window = min(n, max(FEWEST_OF_SIZE, round(SHARE_OF_SIZE * n)))
    ends = np.linspace(0, n, max(2, 2 * n // window) + 1).astype(int)
    parts = [slice(first, last) for first, last in zip(ends[:-2], ends[2:], strict=True)]
    places, near = (np.array([values[part].mean() for part in parts]) for values in (predicted, errors))
    sizes = near + SIZE_EVERYWHERE * errors.mean()
    places, first = np.unique(places, return_index=True)
    return places, np.where(sizes[first] > 0, sizes[first], 1.0)


def ranked(scores: np.ndarray, weight: np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
    """Scores in rising order, and the share of new rows that is not beyond each: k / (m + 1) for the k-th of m.

    Rows count by their weights; a new row as much as they do on average. Of many, some thousands are kept, evenly.
    """
    order, m = np.argsort(scores, kind="stable"), len(scores)
    w = np.ones(m) if weight is None else np.asarray(weight, np.float64)[order] / np.mean(weight)
    scores, shares = scores[order], np.cumsum(w) / (m + 1)
    kept = np.unique(np.linspace(0, m - 1, min(m, MOST_SCORES)).round().astype(int))
    return scores[kept], shares[kept]


def for_what_comes(scores: np.ndarray, shares: np.ndarray, off: np.ndarray, weight: np.ndarray | None,
                   stretch: np.ndarray) -> np.ndarray:
    """Raise ranked scores to what rows of a stretch of time to come may need: what was enough for most stretches behind
    (MOST_STRETCHES of them). off (n,): the scores of all rows, stretch (n,): in which each lies.

    Rows of one stretch err alike, by its weather or its prices: what lies ahead is one draw more of a few, not of many.
    Where stretches differ as chance has it, that is one standard deviation beyond their mean; but a wild one, a holiday
    that no row had seen, moves it little, where it would move mean and deviation without end.

    >>> def reached(sizes):
    ...     off = np.concatenate([size * np.linspace(0, 1, 99) for size in sizes])
    ...     scores, shares = ranked(off, None)
    ...     found = for_what_comes(scores, shares, off, None, np.repeat(np.arange(len(sizes)), 99))
    ...     return [round(float(part[np.searchsorted(shares, 0.9)]), 2) for part in (scores, found)]
    >>> reached([1, 2, 3, 4, 5, 6, 7, 8, 9, 10])
    [6.29, 7.86]
    >>> reached([1, 2, 3, 4, 5, 6, 7, 8, 9, 1000])  # by mean and deviation: 378
    [9.0, 9.0]
    """
    needed = []
    for rows in (stretch == one for one in np.unique(stretch)):
        own, reached = ranked(off[rows], None if weight is None else weight[rows])
        needed.append(own[np.minimum(np.searchsorted(reached, shares - ROUNDING), len(own) - 1)])
    found = np.quantile(needed, MOST_STRETCHES, axis=0)
    return np.maximum.accumulate(np.maximum(scores, found))


def none() -> DataError:
    """What to raise where there are no intervals, in words."""
    return DataError(
        "predict_interval needs errors on rows that were not learnt from, and this model has none: fit holds rows back "
        "from 200 on unless validation=None, partial_fit never does, and older model files do not have them. Call fit "
        "with validation=0.1, or with rows of your own, validation=(X, y). Of fewer than 200 rows ask for intervals "
        "once before the model is saved or copied: other networks learn them then from the rows that fit still has."
    )
