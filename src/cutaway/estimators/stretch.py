"""Answers of several networks that lie too near to the mean, drawn apart as the rows that they held back ask for.

With dropout and decay, and stopped in time, a network says less than it should: dear things too little, cheap ones too
much. On rows that it did not learn from, the slope b of targets on answers is then above 1, and c + b (z - c) errs less
than z, with c the mean answer. The mean of several networks varies less than each, so that of it a slope below 1 says
nothing, and b is never below. What temperature is to probabilities, this is to numbers.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..data.limits import FAR_OFF, HALF_OFF, PASSES
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

    Far rows count less (Huber's weights, 1964): a dear house that sold cheaply would else hide what all others say. Its
    way from 1 is shortened by the share that the square of its standard error is of its own square (James and Stein,
    1961), and is none where that is all of it.
    """
    z, y = z.astype(np.float64), y.astype(np.float64)
    given = np.ones(len(z)) if weights is None else weights / weights.mean()
    far = np.ones(len(z))
    for _ in range(PASSES):
        w = given * far
        x, t = z - np.average(z, weights=w), y - np.average(y, weights=w)
        squares = w @ x**2
        if not squares or w.sum() <= 2:
            return 1.0
        b = w @ (x * t) / squares
        off = np.abs(t - b * x)
        near = FAR_OFF * np.median(off) / HALF_OFF
        far = np.divide(near, off, out=np.ones_like(off), where=off > near)
    if b <= 1:
        return 1.0
    error = w @ off**2 / (w.sum() - 2) / squares  # of the slope, squared
    return max(1.0, b - error / (b - 1))


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
