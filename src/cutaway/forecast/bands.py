"""How far a forecast may be off, by step: what its errors were on windows that it had not learnt from."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from scipy.special import ndtri, stdtrit

from ..described import described
from ..errors import ArgumentError, FileError

#: Levels whose quantiles are kept, and steps either side that an error's size is averaged over.
LEVELS = tuple(round(x, 4) for x in (0.005, 0.01, 0.025, *np.arange(0.05, 0.951, 0.025), 0.975, 0.99, 0.995))
SMOOTH = 2


@dataclass
class Bands:
    """Errors in units of a window's scale: `sizes` (horizon,) of each step, and quantiles of errors over sizes at
    LEVELS, which rise: no quantile crosses another. windows: how many they were learnt from."""

    sizes: list[float]
    quantiles: list[float]
    windows: int

    @classmethod
    def of(cls, errors: np.ndarray, apart: float = np.inf) -> Bands:
        """Learn from errors (n, horizon), truth less forecast; NaN where there was no truth.

        apart: how many of the windows do not overlap. Others say little new: quantiles are wider by as much as
        Student's t for so many is wider than the normal distribution.
        """
        size = np.abs(errors)
        known = np.isfinite(size)
        count = known.sum(axis=0)
        step = np.where(count > 0, np.nansum(size, axis=0) / np.maximum(count, 1), np.nan)
        overall = float(np.nanmean(step)) if np.isfinite(step).any() else 1.0
        step = np.where(np.isfinite(step), step, overall)
        padded = np.pad(step, SMOOTH, mode="edge")
        smooth = np.convolve(padded, np.ones(2 * SMOOTH + 1) / (2 * SMOOTH + 1), mode="valid")
        smooth = np.maximum(smooth, max(1e-3 * overall, 1e-12))
        ratio = (errors / smooth)[known]
        if not len(ratio):
            ratio = np.array([-1.0, 0.0, 1.0])
        return cls(smooth.tolist(), (widening(apart) * np.quantile(ratio, LEVELS)).tolist(),
                   int(known.any(axis=1).sum()))

    def at(self, level: float) -> np.ndarray:
        """The quantile of errors at a level, by step (horizon,)."""
        return np.interp(level, LEVELS, self.quantiles) * np.array(self.sizes)

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, state: Any, horizon: int) -> Bands:
        found = described(cls, state)
        fits = len(found.sizes) == horizon and len(found.quantiles) == len(LEVELS)
        if not fits or not (np.diff(found.quantiles) >= 0).all() or not min(found.sizes) > 0:
            raise FileError("it is damaged (its bands do not fit its horizon)")
        return found


def widening(apart: float) -> float:
    """How much wider a band from so many errors is than one from very many, where 80 % are to be held.

    >>> round(widening(5), 2), round(widening(100), 2)
    (1.26, 1.01)
    """
    if not np.isfinite(apart):
        return 1.0
    apart = max(1.0, apart)
    return float(stdtrit(apart, 0.9) / ndtri(0.9) * np.sqrt(1 + 1 / apart))


def checked_coverage(coverage: Any) -> float:
    """The share of values that a band shall hold. Raises ArgumentError for one outside (0, 0.99]."""
    fits = not isinstance(coverage, bool) and isinstance(coverage, int | float | np.number)
    if not fits or not 0 < coverage <= 0.99:
        raise ArgumentError(f"coverage is {coverage!r}: give the share of values that the band shall hold, above 0 and "
                            "at most 0.99, such as 0.8.")
    return float(coverage)
