"""Answers of several networks that lie too near to the mean, drawn apart as the rows that they held back ask for.

With dropout and decay, and stopped in time, a network says less than it should: dear things too little, cheap ones too
much. On rows that it did not learn from, the slope b of targets on answers is then above 1, and c + b (z - c) errs less
than z, with c the mean answer. The mean of several networks varies less than each, so that of it a slope below 1 says
nothing, and b is never below. What temperature is to probabilities, this is to numbers.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from ..data.limits import FAR_OFF, HALF_OFF, LEANING, PASSES
from ..nn import MemberMean
from .held import Held

#: Losses that a wild row decides, whose least is the mean.
SQUARES = ("mse", "half_mse")


def slopes(held: Held) -> np.ndarray:
    """Find by how much answers z (n, out) are to be drawn apart: 1 or more for each output.

    >>> slopes(Held(np.array([[-1.0], [0], [1]]), np.array([-1.2, 0, 1.2]), None)).round(6).tolist()
    [1.2]
    """
    y = held.y.reshape(len(held), -1)
    return np.array([slope(z, t, held.weight) for z, t in zip(held.z.T, y.T, strict=True)])


def slope(z: np.ndarray, y: np.ndarray, weights: np.ndarray | None = None) -> float:
    """Find the slope of targets y (n,) on answers z (n,), as far as it is above 1 and no chance.

    Far rows count less (Huber's weights, 1964): a dear house that sold cheaply would else hide what all others say. But
    of errors that lean to one side here and to the other there, as those of scores from 0 to 10 do, Huber's slope is
    not the mean's: where both differ by more than LEANING standard errors of their difference (Hausman, 1978; one wild
    row moves it by about one), the plain slope counts. Its way from 1 is shortened by the share that the square of its
    standard error is of its own square (James and Stein, 1961), and is none where that is all of it.
    """
    z, y = z.astype(np.float64), y.astype(np.float64)
    given = np.ones(len(z)) if weights is None else weights / weights.mean()
    plain = found = Line.through(z, y, given)
    near = np.inf
    for _ in range(PASSES):
        if not found.squares or found.weight.sum() <= 2:
            return 1.0
        near = FAR_OFF * np.median(np.abs(found.off)) / HALF_OFF
        far = np.divide(near, np.abs(found.off), out=np.ones_like(z), where=np.abs(found.off) > near)
        found = Line.through(z, y, given * far)
    if not found.squares or found.weight.sum() <= 2:
        return 1.0
    inside = given @ (np.where(np.abs(found.off) <= near, found.x, 0) ** 2)
    moved = far * found.x * found.off / inside - plain.x * plain.off / plain.squares  # of the difference, by each row
    if abs(found.slope - plain.slope) > LEANING * np.sqrt(given @ moved**2):
        found = plain
    if found.slope <= 1:
        return 1.0
    error = found.weight @ found.off**2 / (found.weight.sum() - 2) / found.squares  # of the slope, squared
    return max(1.0, found.slope - error / (found.slope - 1))


class Line(NamedTuple):
    """The line of least squares through points that count by their weights (n,): its slope, places x (n,) from their
    mean, how far points are off it, and the sum of weighted squares of places."""

    slope: float
    x: np.ndarray
    off: np.ndarray
    squares: float
    weight: np.ndarray

    @classmethod
    def through(cls, z: np.ndarray, y: np.ndarray, weight: np.ndarray) -> Line:
        """Fits the line to values y at places z, both (n,).

        >>> Line.through(np.array([0.0, 1, 2]), np.array([1.0, 3, 5]), np.ones(3)).slope
        2.0
        """
        if not weight.sum():
            return cls(1.0, z, z, 0.0, weight)
        x, t = z - np.average(z, weights=weight), y - np.average(y, weights=weight)
        squares = float(weight @ x**2)
        slope = float(weight @ (x * t) / squares) if squares else 1.0
        return cls(slope, x, t - slope * x, squares, weight)


def drawn_apart(networks: list[Any], held: Held) -> tuple[Held, np.ndarray]:
    """Draw the answers of networks apart, in place, by the weights of their last neurons: gives those of the rows held
    back as they are then, and the factor of each output."""
    found = slopes(held)
    center = np.average(held.z, axis=0, weights=held.weight)
    if (found > 1).any():
        for network in networks:
            *_, last = (layer for layer in network.layers if not isinstance(layer, MemberMean))
            members = last.weight.size // (last.n_in * len(found))
            factor = np.tile(found, members)
            weight = last.weight.data.reshape(len(factor), last.n_in)
            last.weight.data[...] = (weight * factor[:, None]).reshape(last.weight.data.shape)
            last.bias.data[...] = last.bias.data * factor + np.tile((1 - found) * center, members)
    return Held(center + found * (held.z - center), held.y, held.weight, held.stretch), found
