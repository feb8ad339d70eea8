"""Descriptions of pictures, which the page draws (static/panels.js): lines over an axis, and maps of cells."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

MOST_OF_A_LINE = 400


def curve(label: str, x: Any, y: Any, dots: bool = False) -> dict[str, Any]:
    """Describe one line, or its points alone; of long ones evenly spread points."""
    x, y = np.asarray(x, np.float64), np.asarray(y, np.float64)
    some = np.unique(np.linspace(0, len(x) - 1, min(len(x), MOST_OF_A_LINE)).astype(int))
    return {"label": label, "x": x[some], "y": y[some], "dots": dots}


def lines(title: str, x: str, y: str, curves: Sequence[dict[str, Any]], **how: Any) -> dict[str, Any]:
    """Describe curves over an axis. how: xlog, ylog, diagonal, zero, marks (place, name)."""
    return {"title": title, "x": x, "y": y, "curves": list(curves)} | how


def cells(title: str, x: str, y: str, z: Any, **how: Any) -> dict[str, Any]:
    """Describe a map of values z[row][column]. how: across and up (places), columns and rows (names), scale, contours,
    paths, points (x, y, kind), classes."""
    return {"title": title, "x": x, "y": y, "z": np.asarray(z, np.float64)} | how


def thinned(a: np.ndarray, b: np.ndarray, z: np.ndarray, most: int = 49) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Take every so manieth place of a grid, so that a page can draw it."""
    i, j = (np.unique(np.linspace(0, n - 1, min(n, most)).astype(int)) for n in z.shape[:2])
    return a[j], b[i], z[np.ix_(i, j)]


def said(probability: np.ndarray) -> np.ndarray:
    """Write the likeliest class and how likely it is as one number, 2.75: the third class, 0.75.

    >>> said(np.array([[0.25, 0.75], [0.5, 0.5]])).tolist()
    [1.75, 0.5]
    """
    return probability.argmax(-1) + np.minimum(probability.max(-1), 0.999)
