"""RandomConvolutions: a few hundred features of a sequence that nobody trains, for a linear model to weigh.

The idea is MiniRocket's (Dempster, Schmidt and Webb, KDD 2021): short windows of fixed weights, at steps ever further
apart, and of each the share of places at which it finds more than a threshold. A linear model on some thousand of them
is among the best classifiers of series.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations
from typing import Any

import numpy as np

from ..data.limits import CONVOLUTION_FEATURES as FEATURES
from ..data.limits import CONVOLVED_AT_ONCE as BLOCK
from ..data.limits import TAPS, TWOS
from ..errors import ArgumentError
from ..random import stream
from ..sequences import Sequences

#: Where the twos of each window are; its other weights are -1, so that the level of a series says nothing.
KERNELS = tuple(combinations(range(TAPS), TWOS))


class RandomConvolutions:
    """Turn sequences (n, time, features) into numbers (n, m): shares of places, and each feature's mean and deviation.

    >>> import numpy as np
    >>> from cutaway.estimators.random_convolutions import RandomConvolutions
    >>> waves = np.sin(np.arange(50) / np.array([[1.0], [2.0], [4.0]]))[:, :, None]
    >>> found = RandomConvolutions(features=252).fit(waves)
    >>> found.transform(waves).shape
    (3, 254)

    There are 84 windows of 9 weights, at steps 1, 2, 4, ... apart as long as they reach over the longest sequence of
    training. A window sees the sum of some of the features, chosen by the seed, and its thresholds are quantiles of
    what it finds in one sequence of training. Behind a sequence's end stand zeros, and only its own places count.
    `fit` takes encoded sequences; `features` is about how many shares there are.
    """

    def __init__(self, features: int = FEATURES, seed: int = 0) -> None:
        if features < len(KERNELS):
            raise ArgumentError(f"features is {features}: there are {len(KERNELS)} windows, each with one at least.")
        self.features, self.seed = features, seed

    def fit(self, Z: Any) -> RandomConvolutions:
        """Choose steps, features and thresholds by sequences Z (n, time, features), or Sequences of such."""
        values, lengths = _arrays(Z)
        random = stream(self.seed, "convolutions")
        longest = int(lengths.max())
        self.apart = [2**k for k in range(max(1, int(np.log2(max(longest - 1, 1) / (TAPS - 1))) + 1))]
        each = max(1, self.features // (len(KERNELS) * len(self.apart)))
        shares = (np.arange(1, each * len(KERNELS) + 1) * (np.sqrt(5) - 1) / 2) % 1  # evenly spread, however many
        k = values.shape[2]
        size = (len(self.apart), len(KERNELS))
        chosen = 2 ** (random.random(size) * np.log2(min(k, TAPS) + 1))
        self.seen = [[random.permutation(k)[: int(many)] for many in row] for row in chosen]
        self.thresholds = np.zeros((*size, each), np.float32)
        rows = random.integers(0, len(values), size)
        for a in range(size[0]):
            for b in range(size[1]):
                one = slice(rows[a, b], rows[a, b] + 1)
                places = int(lengths[one][0])
                found = next(self._found(values[one, :places], a, (b,)))[0]
                self.thresholds[a, b] = np.quantile(found, shares[b * each : (b + 1) * each])
        return self

    def transform(self, Z: Any) -> np.ndarray:
        """Count for sequences (n, time, features): (n, m) shares from 0 to 1, then means and deviations."""
        values, lengths = _arrays(Z)
        step = max(1, BLOCK // max(1, values.shape[1]))
        blocks = (slice(start, start + step) for start in range(0, len(values), step))
        return np.concatenate([self._shares(values[block], lengths[block]) for block in blocks])

    def _shares(self, values: np.ndarray, lengths: np.ndarray) -> np.ndarray:
        values = values[:, : lengths.max()]
        inside = np.arange(values.shape[1]) < lengths[:, None]
        values = np.where(inside[:, :, None], values, 0)
        out = []
        for a in range(len(self.apart)):
            for b, found in enumerate(self._found(values, a, range(len(KERNELS)))):
                for threshold in self.thresholds[a, b]:
                    out.append(np.count_nonzero((found > threshold) & inside, axis=1) / lengths)
        wide = values.astype(np.float64)
        mean = np.cumsum(wide, axis=1)[:, -1] / lengths[:, None]  # one step after the other, whatever padding follows
        square = np.cumsum(np.where(inside[:, :, None], (wide - mean[:, None]) ** 2, 0), axis=1)[:, -1]
        return np.column_stack([*out, mean, np.sqrt(square / lengths[:, None])])

    def _found(self, values: np.ndarray, a: int, kernels: Any) -> Iterator[np.ndarray]:
        """What windows number `kernels` find at each place of values (n, time, features), at steps apart[a] apart."""
        alone = values.shape[2] == 1
        taps = _shifted(values[:, :, 0], self.apart[a]) if alone else None
        for b in kernels:
            if not alone:
                taps = _shifted(values[:, :, self.seen[a][b]].sum(axis=2), self.apart[a])
            x, y, z = KERNELS[b]
            assert taps is not None
            yield 3 * (taps[x] + taps[y] + taps[z]) - taps[-1]


def _shifted(x: np.ndarray, apart: int) -> list[np.ndarray]:
    """x (n, time) as each of nine taps sees it, zeros beyond the ends; and their sum."""
    reach, time = apart * (TAPS // 2), x.shape[1]
    padded = np.pad(x, ((0, 0), (reach, reach)))
    taps = [padded[:, j * apart : j * apart + time] for j in range(TAPS)]
    return [*taps, sum(taps[1:], taps[0])]


def _arrays(Z: Any) -> tuple[np.ndarray, np.ndarray]:
    """Values (n, time, features) in single precision, and lengths (n,)."""
    if isinstance(Z, Sequences):
        return np.asarray(Z.values, np.float32), np.asarray(Z.lengths)
    return np.asarray(Z, np.float32), np.full(len(Z), np.shape(Z)[1])
