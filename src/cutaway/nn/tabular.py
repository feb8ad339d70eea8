"""The first layer of a table's network: numbers piecewise linearly, codes as learned vectors, the rest as it is."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..arguments import whole_number
from ..autodiff import Tensor, apply, ops
from ..errors import ArgumentError, ShapeError
from ..text import counted, listed
from .layers import here, holds
from .module import Module
from .parameter import Buffer, Parameter

BINS = 48             # of a number, at most: what TabM takes; PLE's authors tuned 2 to 256
ROWS_A_BIN = 8        # fewer rows than this between two edges tell of chance
LOOKED_AT = 2**17     # rows, evenly spread, from which quantiles are found: more move no edge that matters
WIDEST = 32           # numbers that a code's vector has at most
LARGEST_CODE = 2**24  # beyond, float32 no longer holds every whole number


def quantile_edges(x: Any, bins: int = BINS) -> np.ndarray:
    """Find the edges of at most `bins` bins that hold as many of the numbers x each: their quantiles, equal ones once.

    >>> quantile_edges([0, 1, 2, 3, 4], 2), quantile_edges([0, 0, 0, 5, 9], 2)
    (array([0., 2., 4.], dtype=float32), array([0., 9.], dtype=float32))

    A value that many rows share takes several quantiles, and leaves fewer bins. Numbers that are not finite are left
    out; without two different ones there are no edges (Gorishniy et al., 2022).
    """
    x = np.asarray(x, np.float32).ravel()
    x = x[np.isfinite(x)]
    if not x.size:
        return x
    edges = np.unique(np.quantile(x.astype(np.float64), np.linspace(0, 1, bins + 1)).astype(np.float32))
    return edges if len(edges) > 1 else edges[:0]


def code_width(levels: int) -> int:
    """Choose how many numbers the vector of a code has: 1.6 levels^0.56, at most 32 (fastai's rule of thumb).

    >>> [code_width(levels) for levels in (2, 3, 10, 50, 1000)]
    [2, 3, 6, 14, 32]
    """
    return int(min(WIDEST, max(2, round(1.6 * levels**0.56))))


class Bins(Module):
    """What layers with bins share: their features, how many bins each has, and where these begin and end."""

    columns: tuple[int, ...]
    bins: tuple[int, ...]
    width: int

    def owns_parameters(self) -> bool:
        return True  # so that a network's layers count it, and its buffers have a name of their own

    def set_bins(self, columns: Sequence[int], bins: Sequence[int], width: int) -> None:
        kind = type(self).__name__
        self.width = whole_number(f"{kind}: width", width, 0)
        self.columns = tuple(whole_number(f"{kind}: columns", c, 0) for c in columns)
        self.bins = tuple(whole_number(f"{kind}: bins", t) for t in bins)
        if len(self.columns) != len(self.bins) or len(set(self.columns)) != len(self.columns):
            raise ArgumentError(f"{kind}: columns names each feature once, and bins says how many each has, got "
                                f"{len(self.columns)} columns {self.columns} and {len(self.bins)} numbers of bins")
        if self.bins:
            total = sum(self.bins)
            self.lower, self.upper = Buffer(np.zeros(total), found=True), Buffer(np.ones(total), found=True)
            if self.width:
                self.weight = Parameter((total + len(self.bins), self.width), Straight(total, self.width))
                self.bias = Parameter((self.from_bins,), Straight(0, self.width))

    @property
    def from_bins(self) -> int:
        """How many numbers come of the bins."""
        return len(self.bins) * self.width if self.width else sum(self.bins)

    def set_edges(self, edges: Mapping[int, Any]) -> None:
        """Write the edges of every feature: an array of bins + 1 rising numbers for each."""
        every = [np.asarray(edges[c], np.float32) for c in self.columns]
        for c, t, e in zip(self.columns, self.bins, every, strict=True):
            if e.shape != (t + 1,) or not np.isfinite(e).all() or not (np.diff(e) > 0).all():
                raise ArgumentError(f"{type(self).__name__}: the {t} bins of feature {c} have {t + 1} finite edges, "
                                    f"each larger than the one before, got {np.array2string(e, threshold=8)}")
        if every:
            self.lower.data[...] = np.concatenate([e[:-1] for e in every])
            self.upper.data[...] = np.concatenate([e[1:] for e in every])

    @property
    def edges(self) -> dict[int, np.ndarray]:
        """The edges of each feature's bins, by its place in a row."""
        ends = np.cumsum(self.bins)
        return {c: np.append(self.lower.data[end - t : end], self.upper.data[end - 1])
                for c, t, end in zip(self.columns, self.bins, ends, strict=True)}

    def in_bins(self, x: Tensor) -> Tensor:
        holds(self, dict.fromkeys(("lower", "upper"), (sum(self.bins),)))
        columns = np.array(self.columns, np.int32)
        u = apply("piecewise", x, Tensor(np.repeat(columns, self.bins)), self.lower, self.upper)
        if not self.width:
            return u
        features = np.arange(len(columns), dtype=np.int32)
        holds(self, {"weight": (sum(self.bins) + len(columns), self.width), "bias": (len(columns) * self.width,)})
        u = ops.concat([u, x[..., list(self.columns)]], axis=-1)
        own = Tensor(np.append(np.repeat(features, self.bins), features))
        h = apply("by_feature", u, own, self.weight, groups=len(columns))
        return ops.reshape(h, (*x.shape[:-1], self.from_bins)) + self.bias


@dataclass(frozen=True)
class Straight:
    """The initialiser of polygons that begin as straight lines: 0 for the bins, then U(±1/√width) for the numbers."""

    bins: int
    width: int

    def __call__(self, rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
        drawn = rng.uniform(-1, 1, shape) / np.sqrt(self.width)
        drawn[: self.bins] = 0
        return drawn


class PiecewiseLinear(Bins):
    """How far a number has come in each of its bins: u = (x - e₋) / (e - e₋), at least 0 and at most 1.

    >>> import numpy as np, cutaway as ct
    >>> layer = ct.nn.PiecewiseLinear.of(np.array([[0.0], [1], [2], [4]]), bins=2)
    >>> layer.edges
    {0: array([0. , 1.5, 4. ], dtype=float32)}
    >>> layer([[0.75], [4.0], [9.0]]).tolist()
    [[0.5, 0.0], [1.0, 1.0], [1.0, 1.0]]

    x (..., n_in) -> u (..., Σ bins), the bins of one feature after the other. A weight on each bin makes a polygon of
    any shape with its corners at the edges (Gorishniy et al., 2022). Beyond the first and last edge nothing changes.
    (TabM lets these two bins run on, which is the same for the rows that the edges were found in; rows beyond them
    would come far out where many rows share a value and so a bin is narrow.) columns: the features' places in a row;
    bins: how many each has; their edges are buffers, found by `of` or written by `set_edges`.

    width: if not 0, a small linear map for each feature follows, h = w x + Σ W u + b of `width` numbers, so that the
    next layer has fewer inputs: what TabM calls piecewise-linear embeddings. It begins as the straight line w x + b.
    """

    timewise = True

    def __init__(self, columns: Sequence[int], bins: Sequence[int], width: int = 0) -> None:
        self.set_bins(columns, bins, width)
        if not self.bins:
            raise ArgumentError("PiecewiseLinear: no feature has bins: leave the layer out")
        self.n_in, self.n_out = max(self.columns) + 1, self.from_bins

    @classmethod
    def of(cls, Z: Any, columns: Collection[int] | None = None, bins: int | None = None,
           width: int = 0) -> PiecewiseLinear:
        """Make the layer for rows like Z (n, features): edges are quantiles of each of `columns`, of all if None. One
        with fewer than three different values has no bins."""
        Z = _rows(cls, Z)
        edges = edges_of(Z, range(Z.shape[1]) if columns is None else columns, bins)
        layer = cls(tuple(edges), [len(e) - 1 for e in edges.values()], width)
        layer.set_edges(edges)
        return layer

    def forward(self, x: Tensor) -> Tensor:
        if not x.ndim or x.shape[-1] < self.n_in:
            raise ShapeError(f"{here()}(PiecewiseLinear of features {listed(self.columns)}) takes at least "
                             f"{self.n_in} features, got shape {x.shape}")
        return self.in_bins(x)

    def describe(self) -> str:
        return f"{counted(len(self.columns), 'number')} in {sum(self.bins)} bins -> {self.n_out}"


class TableInput(Bins):
    """The first layer of a table's network: numbers piecewise linearly, codes as learned vectors, the rest as it is.

    >>> import numpy as np, cutaway as ct
    >>> Z = np.column_stack([np.arange(40) / 10, np.arange(40) % 3, np.arange(40) % 2])
    >>> layer = ct.nn.TableInput.of(Z, codes={1: 3}, scaled=[0], bins=4)
    >>> layer
    TableInput(3 -> 9: 1 number in 4 bins, 1 code, 2 as they are)
    >>> net = ct.nn.Sequential(layer, ct.nn.Linear(layer.n_out, 16), ct.nn.ReLU(), ct.nn.Linear(16, 1))

    x (n, n_in), what ct.data.TableEncoder makes of a row, -> (n, n_out): how far each of `columns` has come in each of
    its bins (as PiecewiseLinear, with its `width`), then `plain` features as they are, then for each of `codes` its row
    of a table (entries, width), which begins as small numbers (Guo and Berkhahn, 2016). A code is a whole number in a
    column of floats, exact up to 2²⁴; one that the table has not counts as the nearest row, NaN stays NaN.
    """

    def __init__(self, n_in: int, columns: Sequence[int] = (), bins: Sequence[int] = (), codes: Sequence[int] = (),
                 entries: Sequence[int] = (), widths: Sequence[int] = (), plain: Sequence[int] = (),
                 width: int = 0) -> None:
        self.n_in = whole_number("TableInput: n_in", n_in)
        self.set_bins(columns, bins, width)
        self.codes = tuple(whole_number("TableInput: codes", c, 0) for c in codes)
        self.entries = tuple(whole_number("TableInput: entries", e) for e in entries)
        self.widths = tuple(whole_number("TableInput: widths", w) for w in widths)
        self.plain = tuple(whole_number("TableInput: plain", c, 0) for c in plain)
        if len({len(self.codes), len(self.entries), len(self.widths)}) > 1 or len(set(self.codes)) < len(self.codes):
            raise ArgumentError("TableInput: codes names each feature once, and each has its entries and its width, "
                                f"got codes {self.codes}, entries {self.entries} and widths {self.widths}")
        if max((*self.columns, *self.codes, *self.plain), default=-1) >= self.n_in:
            raise ArgumentError(f"TableInput: rows have the features 0 to {self.n_in - 1}, got columns {self.columns}, "
                                f"codes {self.codes} and plain {self.plain}")
        if both := set(self.codes) & {*self.columns, *self.plain}:
            raise ArgumentError(f"TableInput: feature {min(both)} holds codes, which are names: it has no bins, and is "
                                "not passed on as a number")
        if max(self.entries, default=0) > LARGEST_CODE:
            raise ArgumentError(f"TableInput: a float32 column holds codes up to {LARGEST_CODE:,}, got "
                                f"{max(self.entries):,} entries: let rare levels share one")
        for c, rows, width in zip(self.codes, self.entries, self.widths, strict=True):
            setattr(self, f"code{c}", Parameter((rows, width), nearly_alike))
        self.n_out = self.from_bins + len(self.plain) + sum(self.widths)
        if not self.n_out:
            raise ArgumentError("TableInput: nothing is to come out: name columns with bins, codes or plain features")

    @classmethod
    def of(cls, Z: Any, codes: Mapping[int, int] | None = None, scaled: Collection[int] | None = None,
           bins: int | None = None, width: int = 0, beside: bool | None = None) -> TableInput:
        """Make the layer for rows like Z (n, features), those that the network is to learn from.

        codes: the features that hold codes, and how many codes each has. scaled: the features that get bins, those of
        Z that are no codes if None; their edges are quantiles of Z, and one with fewer than three different values gets
        none. bins: of each at most; 48, or fewer where less than 8 rows would lie in one. width: of the linear map of
        each, as in PiecewiseLinear; 0: none. beside: pass features with bins on as numbers too, so that what lies
        beyond the edges still tells; if None, where no linear map does that. All others are passed on as they are.
        """
        Z, codes = _rows(cls, Z), dict(codes or {})
        n_in = Z.shape[1]
        if wrong := [c for c in (*codes, *(() if scaled is None else scaled)) if not 0 <= c < n_in]:
            raise ArgumentError(f"TableInput: rows of Z have the features 0 to {n_in - 1}, got feature {wrong[0]}")
        wanted = [c for c in (range(n_in) if scaled is None else scaled) if c not in codes]
        edges = edges_of(Z, wanted, bins)
        beside = not width if beside is None else beside
        plain = [c for c in range(n_in) if c not in codes and (beside or c not in edges)]
        layer = cls(n_in, tuple(edges), [len(e) - 1 for e in edges.values()], tuple(codes), tuple(codes.values()),
                    [code_width(rows) for rows in codes.values()], plain, width)
        layer.set_edges(edges)
        return layer

    @property
    def sources(self) -> np.ndarray:
        """Which feature of a row each number that comes out tells of: (n_out,)."""
        of_bins = np.repeat(self.columns, self.width or self.bins)
        return np.concatenate([of_bins, self.plain, np.repeat(self.codes, self.widths)]).astype(np.intp)

    def forward(self, x: Tensor) -> Tensor:
        if x.shape[-1:] != (self.n_in,):
            raise ShapeError(f"{here()}({self!r}) takes rows of {self.n_in} features, got shape {x.shape}")
        tables = zip(self.codes, self.entries, self.widths, strict=True)
        holds(self, {f"code{c}": (rows, width) for c, rows, width in tables})
        parts = [self.in_bins(x)] if self.bins else []
        if self.plain:
            parts.append(x if self.plain == tuple(range(self.n_in)) else x[..., list(self.plain)])
        parts += [apply("lookup", x, getattr(self, f"code{c}"), column=c) for c in self.codes]
        return parts[0] if len(parts) == 1 else ops.concat(parts, axis=-1)

    def describe(self) -> str:
        bins = f"{counted(len(self.columns), 'number')} in {sum(self.bins)} bins"
        said = [bins + (f", {self.width} of each" if self.width else "")] if self.bins else []
        said += [counted(len(self.codes), "code")] if self.codes else []
        said += [f"{len(self.plain)} as {'it is' if len(self.plain) == 1 else 'they are'}"] if self.plain else []
        return f"{self.n_in} -> {self.n_out}: {', '.join(said)}"


def nearly_alike(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """Draw the vectors of codes from N(0, 0.1²), so that all levels are nearly alike until rows tell them apart.

    Of N(0, 1), a level's vector is mostly chance for as long as few rows have it: on made tables of 20 to 1,000 levels
    with 4 to 30 rows each that costs .03 to .2 of R².
    """
    return 0.1 * rng.standard_normal(shape)


def edges_of(Z: np.ndarray, columns: Collection[int], bins: int | None = None) -> dict[int, np.ndarray]:
    """Find the edges of those columns of Z that have three different values or more, by their places.

    bins: of each at most; if None 48, or fewer where less than 8 rows would lie in one.
    """
    if bins is None:
        bins = int(np.clip(len(Z) // ROWS_A_BIN, 2, BINS))
    some = Z[:: max(1, len(Z) // LOOKED_AT)]
    found = {int(c): quantile_edges(some[:, c], whole_number("bins", bins)) for c in columns}
    return {c: edges for c, edges in found.items() if len(edges) > 1 and len(np.unique(some[:, c])) > 2}


def _rows(kind: type, Z: Any) -> np.ndarray:
    Z = np.asarray(Z)
    if Z.ndim != 2 or not Z.size or Z.dtype.kind not in "fiub":
        raise ShapeError(f"{kind.__name__}.of takes rows of numbers (n, features), got {Z.dtype} of shape {Z.shape}")
    return Z
