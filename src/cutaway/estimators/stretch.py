"""Answers of several networks that lie too near to the mean, drawn apart as the rows that they held back ask for.

With dropout and decay, and stopped in time, a network says less than it should: dear things too little, cheap ones too
much. On rows that it did not learn from, the slope b of targets on answers is then above 1, and c + b (z - c) errs less
than z, with c the mean answer. The mean of several networks varies less than each, so that of it a slope below 1 says
nothing, and b is never below. What temperature is to probabilities, this is to numbers.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..nn import MemberMean
from .held import Held

#: Losses that a wild row decides, whose least is the mean.
SQUARES = ("mse", "half_mse")


def slopes(held: Held) -> np.ndarray:
    """Find by how much answers z (n, out) are to be drawn apart: 1 or more for each output.

    The slope b of least squares counts as far as it is no chance: its way from 1 is shortened by the share that the
    square of its standard error is of its own square (James and Stein, 1961), and is none where that is all of it.

    >>> slopes(Held(np.array([[-1.0], [0], [1]]), np.array([-1.2, 0, 1.2]), None)).round(6).tolist()
    [1.2]
    """
    z, y = held.z.astype(np.float64), held.y.reshape(len(held), -1).astype(np.float64)
    w = np.ones(len(z)) if held.weight is None else held.weight.astype(np.float64)
    x, t = (part - np.average(part, axis=0, weights=w) for part in (z, y))
    rows, squares = w.sum() ** 2 / np.square(w).sum(), w @ np.square(x)  # rows: as many as say so much
    if rows < 3:
        return np.ones(z.shape[1])
    squares = np.where(squares > 0, squares, np.inf)
    away = w @ (x * t) / squares - 1
    error = w @ np.square(t - (1 + away) * x) / (rows - 2) / squares  # the slope's, squared
    return 1 + np.maximum(0, away - np.divide(error, away, out=np.full_like(away, np.inf), where=away > 0))


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
