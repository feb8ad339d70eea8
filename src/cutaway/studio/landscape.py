"""The loss landscape of a run: the plane through weight space that lies closest to its path, and the true loss on it.

The loss is the run's own, of the evaluation program, on a sample of its rows. It is taken coarse first, then finer, a
box of time for each question, so that a picture is there at once and the process answers others meanwhile.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..errors import ArgumentError
from ..lab.landscapes.slices import grid_beyond, share_seen
from ..lab.landscapes.true_loss import TrueLoss, best_plane
from ..text import jsonable
from .limits import BOX, SIDE

STRIDES = tuple(2**k for k in range(int(np.log2(SIDE - 1)) - 1, -1, -1))


class PathPlane:
    """A plane through the end of a path, along the first two principal components of the path as seen from there.

    J: the loss of a vector of weights. steps, weights (points, n): the path, from its first step to its last. beside:
    the weights along another one, a fork's first future, to which the plane lies as close. `more` takes the loss at
    more places and tells all that is known.
    """

    def __init__(self, J: TrueLoss, steps: Sequence[int], weights: np.ndarray, beside: Any = ()) -> None:
        weights = np.asarray(weights, np.float64)
        beside = np.asarray(beside, np.float64).reshape(-1, weights.shape[1])
        every = np.concatenate([weights, beside])
        if len(weights) < 2 or weights.shape[1] < 2:
            raise ArgumentError("a landscape takes a run of one step and two weights or more")
        if not np.isfinite(every).all():
            raise ArgumentError("weights of this run are not finite: look at its landscape up to an earlier step")
        self.J, self.steps, self.end = J, list(steps), weights[-1]
        self.directions = best_plane(every, self.end)
        ahead = self.directions @ (weights[0] - self.end) > 0
        self.directions = self.directions * np.where(ahead, -1.0, 1.0)[:, None]  # runs start at the lower left
        self.path, self.beside = ((one - self.end) @ self.directions.T for one in (weights, beside))
        self.away = np.linalg.norm(weights - self.end - self.path @ self.directions, axis=1)
        seen = np.concatenate([self.path, self.beside])
        self.share = share_seen(every, seen)
        self.a, self.b = (grid_beyond(seen[:, k], SIDE) for k in (0, 1))
        self.surface = np.full((SIDE, SIDE), np.nan)
        self._weights, self.real = weights, np.full(len(weights), np.nan)
        self._order = [("path", k, k) for k in range(len(weights) - 1, -1, -1)] + [
            ("cell", i, j) for i, j in coarse_first(SIDE)]
        self._done, self._lock = 0, threading.Lock()

    def more(self, seconds: float = BOX) -> dict[str, Any]:
        """Take the loss for so many seconds, at one place or more; give the finest grid that is whole."""
        with self._lock:
            end = time.monotonic() + seconds
            while self._done < len(self._order):
                self._take(*self._order[self._done])
                self._done += 1
                if time.monotonic() > end:
                    break
            return self.told()

    def _take(self, what: str, i: int, j: int) -> None:
        if what == "path":
            self.real[i] = self.J(self._weights[i])
        else:
            self.surface[i, j] = self.J(self.end + self.a[j] * self.directions[0] + self.b[i] * self.directions[1])

    def told(self) -> dict[str, Any]:
        whole = [k for k in STRIDES if not np.isnan(self.surface[::k, ::k]).any()]
        k = whole[-1] if whole else 0
        grid: dict[str, Any] = {"a": [], "b": [], "J": []}
        if k:
            grid = {"a": self.a[::k], "b": self.b[::k], "J": self.surface[::k, ::k]}
        return jsonable({"loss": self.J.name, "rows": self.J.rows, "weights": len(self.end), "steps": self.steps,
                         "until": self.steps[-1], "path": self.path, "beside": self.beside, "real": self.real,
                         "away": self.away, "share": self.share, "done": self._done, "of": len(self._order)} | grid,
                        digits=5)


def coarse_first(side: int) -> list[tuple[int, int]]:
    """List the cells of a grid so that the first ones lie far apart, and later ones between them.

    >>> coarse_first(5)[:9]
    [(0, 0), (0, 2), (0, 4), (2, 0), (2, 2), (2, 4), (4, 0), (4, 2), (4, 4)]
    """
    found: dict[tuple[int, int], None] = {}
    for k in (2**n for n in range(int(np.log2(side - 1)) - 1, -1, -1)):
        found |= dict.fromkeys((i, j) for i in range(0, side, k) for j in range(0, side, k))
    return list(found)
