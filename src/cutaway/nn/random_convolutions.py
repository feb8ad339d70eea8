"""RandomConvolutions: thousands of numbers about a sequence that nobody trains, for a linear layer to weigh.

The idea is MiniRocket's (Dempster, Schmidt and Webb, KDD 2021): short windows of fixed weights, at steps ever further
apart, and of each the share of places at which it finds more than a threshold. A linear model on some thousand of them
is among the best classifiers of series.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from typing import Any, ClassVar, NamedTuple

import numpy as np

from ..arguments import whole_number
from ..autodiff import Tensor, ops
from ..errors import ArgumentError, ShapeError
from ..random import stream
from ..sequences import Sequences
from .layers import here, holds
from .module import Module
from .parameter import Buffer

TAPS = 9            # weights of a window
MOST_APART = 32     # distances between a window's steps that are tried, at most: what MiniRocket takes
EDGE = 0.25         # how softly a threshold begins, in deviations of what its window finds
#: Where the twos of each window are; its other weights are -1, so that the level of a series says nothing.
TWOS = tuple(combinations(range(TAPS), 3))
#: The weights of the windows of one feature: (84, 9).
WINDOWS = np.array([[2.0 if tap in twos else -1.0 for tap in range(TAPS)] for twos in TWOS], np.float32)


class Moves(NamedTuple):
    """How a window moves along time, as ct.ops.conv takes it."""

    window: tuple[int, ...]
    stride: tuple[int, ...]
    dilation: tuple[int, ...]
    groups: int
    edges: tuple[tuple[int, int], ...]


class RandomConvolutions(Module):
    """Shares of a sequence's steps at which fixed windows find more than thresholds: (n, time, n_in) -> (n, n_out).

    >>> import numpy as np, cutaway as ct
    >>> waves = np.sin(np.arange(50) / np.array([[1.0], [2.0], [4.0]]))[:, :, None]
    >>> layer = ct.nn.RandomConvolutions.of(waves, features=500)
    >>> layer
    RandomConvolutions(1 -> 420: 84 windows, at steps 1, 2, 3 and 6 apart)
    >>> layer(waves).shape
    (3, 420)

    There are 84 windows of 9 weights, -1 and three times 2, at each of the distances `apart` between their steps; a
    window of several features sees the sum of some. thresholds: how many each window has at each distance. Nothing is
    trained: `of` draws features and thresholds, or `find` does for a layer that there is. Behind a sequence's end stand
    zeros, and only its own steps count. A threshold begins softly, so that gradients reach the input.
    (MiniRocket: Dempster et al., 2021.)
    """

    windows: ClassVar = WINDOWS.shape

    def __init__(self, n_in: int, apart: Sequence[int], thresholds: Sequence[int]) -> None:
        self.n_in = whole_number("RandomConvolutions: n_in", n_in)
        self.apart = tuple(whole_number("RandomConvolutions: apart", d) for d in apart)
        self.thresholds = tuple(whole_number("RandomConvolutions: thresholds", k) for k in thresholds)
        if not self.apart or len(self.apart) != len(self.thresholds) or len(set(self.apart)) != len(self.apart):
            raise ArgumentError("RandomConvolutions: apart names each distance once, and thresholds says how many each "
                                f"window has there, got {self.apart} and {self.thresholds}")
        for d, k in zip(self.apart, self.thresholds, strict=True):
            setattr(self, f"weight{d}", Buffer(np.repeat(WINDOWS[:, :, None], self.n_in, axis=2), found=True))
            setattr(self, f"lower{d}", Buffer(np.zeros((k, len(TWOS))), found=True))
            setattr(self, f"sharp{d}", Buffer(np.ones(len(TWOS)), found=True))

    @property
    def n_out(self) -> int:
        return len(TWOS) * sum(self.thresholds)

    def owns_parameters(self) -> bool:
        return True  # so that a network's layers count it, and its buffers have a name of their own

    @classmethod
    def sized(cls, n_in: int, longest: int, features: int) -> RandomConvolutions:
        """Make the layer for sequences of n_in features and up to `longest` steps, with about so many shares; what is
        drawn is drawn by `find`."""
        if features < len(TWOS):
            raise ArgumentError(f"features is {features}: there are {len(TWOS)} windows, each with one at least.")
        each = features // len(TWOS)
        reach = np.log2(max(1.0, (longest - 1) / (TAPS - 1)))
        apart = np.unique((2 ** np.linspace(0, reach, min(each, MOST_APART))).astype(int))
        many = np.full(len(apart), each // len(apart)) + (np.arange(len(apart)) < each % len(apart))
        return cls(n_in, apart.tolist(), many.tolist())

    @classmethod
    def of(cls, Z: Any, features: int, seed: int = 0) -> RandomConvolutions:
        """Make the layer for sequences like Z (n, time, features), or Sequences of such, with about so many shares."""
        values, lengths = _arrays(Z)
        return cls.sized(values.shape[2], int(lengths.max()), features).find(Z, seed)

    def find(self, Z: Any, seed: int = 0) -> RandomConvolutions:
        """Draw which features each window sees, and take quantiles of what it finds in one sequence as thresholds."""
        values, lengths = _arrays(Z)
        random, count = stream(seed, "convolutions"), 0
        for d, k in zip(self.apart, self.thresholds, strict=True):
            weight, lower, sharp = (getattr(self, f"{name}{d}").data for name in ("weight", "lower", "sharp"))
            rows = random.integers(0, len(values), len(TWOS))
            for a, row in enumerate(rows):
                many = int(2 ** (random.random() * np.log2(min(self.n_in, TAPS) + 1)))
                weight[a] = 0
                seen = random.permutation(self.n_in)[:many]
                weight[a][:, seen] = WINDOWS[a][:, None]
                found = _found(values[row, : lengths[row]][:, seen].sum(axis=1), a, d)
                shares = (np.arange(count + 1, count + k + 1) * (np.sqrt(5) - 1) / 2) % 1  # evenly spread
                count += k
                low, high, *at = np.quantile(found, [0.25, 0.75, *shares])
                wide = EDGE * _width(found, low, high)
                lower[:, a] = np.array(at) - wide / 2
                sharp[a] = 1 / wide
        return self

    def moves(self) -> list[Moves]:
        """How the windows move at each distance."""
        return [Moves((TAPS,), (1,), (d,), 1, ((TAPS // 2 * d,) * 2,)) for d in self.apart]

    def forward(self, x: Any) -> Tensor:
        values, lengths = (x.values, x.lengths) if isinstance(x, Sequences) else (x, None)
        if values.ndim != 3 or values.shape[2] != self.n_in:
            raise ShapeError(f"{here()}({self!r}) takes (n, time, {self.n_in}), got shape {x.shape}")
        values = values if lengths is None else ops.masked(values, lengths)
        out = None
        for d, k, moves in zip(self.apart, self.thresholds, self.moves(), strict=True):
            kept = {f"weight{d}": (len(TWOS), TAPS, self.n_in), f"lower{d}": (k, len(TWOS)), f"sharp{d}": (len(TWOS),)}
            holds(self, kept)
            weight, lower, sharp = (getattr(self, name) for name in kept)
            found = ops.conv(values, weight, padding=moves.edges, dilation=moves.dilation)
            shares = ops.shares_above(found, lower, sharp, lengths)
            flat = ops.reshape(shares, (values.shape[0], k * len(TWOS)))
            out = flat if out is None else ops.concat([out, flat], axis=1)  # two by two: one kernel, however many
        assert out is not None  # there is a distance at least
        return out

    def describe(self) -> str:
        steps = ", ".join(map(str, self.apart[:-1])) + f" and {self.apart[-1]}" if len(self.apart) > 1 else "1"
        return f"{self.n_in} -> {self.n_out}: {len(TWOS)} windows, at steps {steps} apart"


def _found(x: np.ndarray, window: int, d: int) -> np.ndarray:
    """What a window finds at each step of x (time,), with zeros beyond the ends."""
    edge = (TAPS // 2) * d
    padded = np.zeros(len(x) + 2 * edge)
    padded[edge : edge + len(x)] = x
    return sum((w * padded[j * d : j * d + len(x)] for j, w in enumerate(WINDOWS[window])), np.zeros(len(x)))


def _width(found: np.ndarray, low: float, high: float) -> float:
    """The deviation of the middle half of numbers, from low to high, which no outlier changes; that of all where half
    are alike."""
    least = 1e-5 * float(np.abs(found).max())
    return max(float(high - low) / 1.349, least) or float(found.std()) or 1.0


def _arrays(Z: Any) -> tuple[np.ndarray, np.ndarray]:
    """Values (n, time, features) and lengths (n,)."""
    if isinstance(Z, Sequences):
        return np.asarray(Z.values, np.float32), np.asarray(Z.lengths)
    return np.asarray(Z, np.float32), np.full(len(Z), np.shape(Z)[1])
