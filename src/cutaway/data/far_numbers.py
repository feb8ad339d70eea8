"""Numbers that say of the target beyond the bend what they say before it: they are bent farther out.

Numbers are bent towards ±CLIP quartile ranges, since most that lie beyond are mistakes or say no more. But a delay at
departure of three hours is one of three hours at arrival: there the bend hides what matters most.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .limits import BENT_BEYOND, FAR_BY_LINE, FEWEST_FAR, MOST_BENT_AT, ROWS_OF_EDGES
from .numbers import Number, scaled
from .weights import times


def let_far(column: Any, x: np.ndarray, T: np.ndarray | None, weights: np.ndarray | None = None) -> None:
    """Move the bend of a column of numbers x (n,), NaN for gaps, beyond all of them, where targets T (n, outputs) go on
    with them.

    That is where a line through the numbers as they are errs less than one through the bent ones, on rows left out one
    at a time. A few wild rows cannot tell it: each is left out of the line that it is judged by.

    >>> late = np.concatenate([np.arange(-20.0, 80), [250, 400, 300, 270, 350]])
    >>> from .columns import Settings
    >>> from .numbers import fit_numbers
    >>> for target in (late, np.minimum(late, 100)):
    ...     (column,) = fit_numbers(["late"], late[None], None, Settings())
    ...     let_far(column, late, target[:, None])
    ...     print(round(column.clip))
    21
    3
    """
    if T is None or not isinstance(column, Number) or column.constant or column.clip is None:
        return
    known = np.flatnonzero(~np.isnan(x))
    known = known[:: -(-len(known) // ROWS_OF_EDGES)]
    z = scaled(x[known], column.center, column.scale, None)
    far, n = np.abs(z), np.ones(len(z)) if weights is None else times(weights[known])
    if n[far > column.clip].sum() < FEWEST_FAR:
        return
    clip = min(BENT_BEYOND * far.max(), MOST_BENT_AT)
    bent, plain = (off_line(scaled(z.copy(), 0.0, 1.0, at), T[known], n) for at in (column.clip, clip))
    if plain < FAR_BY_LINE * bent:
        column.clip = float(clip)


def off_line(z: np.ndarray, T: np.ndarray, n: np.ndarray) -> float:
    """The squared error of lines through targets T (rows, outputs) at places z (rows,), each row left out of the line
    that it is judged by; n (rows,): how many rows each stands for.

    >>> off_line(np.array([0.0, 1, 2]), np.array([[0.0], [1], [3]]), np.ones(3))  # lines to -1, 1.5 and 2
    2.25
    """
    x, T = z - np.average(z, weights=n), T - np.average(T, axis=0, weights=n)
    squares = n @ x**2
    if not squares:
        return float(n @ np.square(T).sum(axis=1))
    left_out = 1 - 1 / n.sum() - x**2 / squares  # of a row: how much less it would pull
    off = (T - np.outer(x, (n * x) @ T / squares)) / np.maximum(left_out, 1e-9)[:, None]
    return float(n @ np.square(off).sum(axis=1))
