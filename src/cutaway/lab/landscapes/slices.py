"""Runs on a slice of the true loss surface: the plane that lies closest to them, and how far it tells the truth."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from os import PathLike
from typing import Any, ClassVar

import numpy as np

from ...drawing.charts import MARKERS, chart, legend
from ...drawing.sheet import FAINT, LINES, Sheet, ends
from ...errors import ArgumentError, ShapeError
from ...inspect.reading import network_of
from ...nn import Module
from ...text import counted, jsonable
from ..result import Result, table
from .relief import contours, loss_bar, scale
from .true_loss import TrueLoss, best_plane

MARGIN = 0.15  # of the paths' extent, around them


def trajectory(model: Module, X: Any, y: Any, loss: str | Callable, weights: Sequence[np.ndarray],
               labels: Sequence[str], *, points: int = 31, centre: str = "best") -> SlicePaths:
    """The true loss on the plane that lies closest to several runs, and the real loss of each of their points.

    weights: for each run an array (points, n), its θ from first to last; labels: a name for each. model: any of that
    architecture (batch norm keeps its averages). loss: a name, a function, or "auto". points: a side of the grid.
    centre: "best", so that the plane goes through the end point of the lowest real loss and is exact there, or "mean"
    of all points, which explains the most variance. The plane's directions are the first two principal components seen
    from the centre (for a single run about its end: Li et al., 2018); a coordinate is a distance in weight space.

    >>> import cutaway as ct
    >>> X, y = ct.datasets.make("moons", n=100, seed=0)
    >>> net = ct.nn.MLP(2, [8], 2).init(0)
    >>> path = [net.theta.copy()]
    >>> keep = lambda event: path.append(net.theta.copy()) if hasattr(event, "epoch") else None
    >>> run = ct.fit(net, X, y, loss="cross_entropy", epochs=20, callbacks=[keep])
    >>> found = trajectory(net, X, y, "cross_entropy", [np.array(path)], ["AdamW"], points=5)
    >>> bool(found.below[0][-1] == found.real[0][-1]), found.surface.shape
    (True, (5, 5))

    Raises ShapeError for weights of another size, ArgumentError for runs with weights that are not finite: leave runs
    that diverged out.
    """
    runs, network = [np.asarray(w, np.float64) for w in weights], network_of(model)
    if not runs or len(labels) != len(runs):
        raise ArgumentError(f"labels must name each run: there are {len(runs)} runs and {len(labels)} labels")
    for label, run in zip(labels, runs, strict=True):
        if run.ndim != 2 or run.shape[1] != network.theta.size or not len(run):
            raise ShapeError(f"weights of {label} must be (points, {network.theta.size}), got {run.shape}")
        if not np.isfinite(run).all():
            raise ArgumentError(f"weights of {label} are not all finite: leave out a run that diverged")
    every = np.concatenate(runs)
    if len(every) < 2 or every.shape[1] < 2:
        raise ArgumentError(f"a plane takes two points and two weights or more, got {every.shape}")
    if centre not in ("best", "mean"):
        raise ArgumentError(f'centre must be "best" or "mean", got {centre!r}')

    J = TrueLoss(model, X, y, loss)
    real = [J.each(run, len(run)) for run in runs]
    if J.cut_short:
        raise KeyboardInterrupt  # there is nothing yet to keep
    best = runs[int(np.argmin([losses[-1] for losses in real]))][-1]
    middle = best if centre == "best" else every.mean(0)
    directions = best_plane(every, middle)
    starts = np.mean([run[0] - middle for run in runs], 0)
    directions *= np.where(directions @ starts > 0, -1.0, 1.0)[:, None]  # runs start at the lower left
    paths = [(run - middle) @ directions.T for run in runs]
    below = [J.each((middle + c @ directions for c in path), len(path)) for path in paths]
    away = [np.linalg.norm(run - middle - path @ directions, axis=1) for run, path in zip(runs, paths, strict=True)]
    a, b = (grid_beyond(np.concatenate(paths)[:, k], points) for k in (0, 1))
    found = SlicePaths(
        J.name, J.rows, list(labels), a, b, J.plane(middle, directions, a, b), paths, real, below, away,
        share_seen(every, np.concatenate(paths)),
        np.array([share_seen(run, path) for run, path in zip(runs, paths, strict=True)]), middle, directions,
    )
    found.cut_short = J.cut_short
    return found


def share_seen(points: np.ndarray, seen: np.ndarray) -> float:
    """The share of the points' variance that their coordinates in the plane have; NaN where nothing moves."""
    total = points.var(0).sum()
    return float(seen.var(0).sum() / total) if total > 0 else float("nan")


def grid_beyond(values: np.ndarray, points: int) -> np.ndarray:
    """Lay so many points evenly over the values, and some way beyond them."""
    low, high = values.min(), values.max()
    more = MARGIN * (high - low) or 1.0
    return np.linspace(low - more, high + more, points)


@dataclass(eq=False, repr=False)
class SlicePaths(Result):
    """Several runs on a plane through weight space.

    a, b: the grid's coordinates, and surface (b, a) the true loss on it. For each run: paths (points, 2), its
    coordinates; real, the loss at its weights; below, the surface's loss at its coordinates; away, its distance from
    the plane. share: of the variance of all points that the plane shows; shares: of each run's own. centre (n,) and
    directions (2, n): the plane.
    """

    kind: ClassVar[str] = "slice"
    loss: str
    rows: int
    labels: list[str]
    a: np.ndarray
    b: np.ndarray
    surface: np.ndarray
    paths: list[np.ndarray]
    real: list[np.ndarray]
    below: list[np.ndarray]
    away: list[np.ndarray]
    share: float
    shares: np.ndarray
    centre: np.ndarray = field(repr=False)
    directions: np.ndarray = field(repr=False)

    @property
    def off(self) -> np.ndarray:
        """For every point of all runs: the surface's loss below it, as a multiple of its real loss, less one."""
        with np.errstate(divide="ignore", invalid="ignore"):  # of a loss of zero
            return np.concatenate(self.below) / np.concatenate(self.real) - 1

    def to_pandas(self) -> Any:
        """Make a table with a row a point of a run."""
        import pandas as pd

        columns = ["run", "label", "point", "a", "b", "real_loss", "surface_loss", "distance"]
        return pd.DataFrame(
            [(run, label, point, *path[point], real[point], below[point], away[point])
             for run, (label, path, real, below, away) in enumerate(self._runs()) for point in range(len(path))],
            columns=columns,
        )

    def to_json(self) -> dict[str, Any]:
        """The plane's two directions, as long as the weights, are left out."""
        runs = [{"label": label, "path": path, "real_loss": real, "surface_loss": below, "distance": away, "share": s}
                for (label, path, real, below, away), s in zip(self._runs(), self.shares, strict=True)]
        return jsonable({"kind": self.kind, "loss": self.loss, "rows": self.rows, "share": self.share, "a": self.a,
                      "b": self.b, "surface": self.surface, "runs": runs, "cut_short": self.cut_short})

    def _runs(self) -> Any:
        return zip(self.labels, self.paths, self.real, self.below, self.away, strict=True)

    def __str__(self) -> str:
        off = np.abs(self.off[np.isfinite(self.off)])
        wrong = f"{np.median(off):.0%} in the median and {off.max():.0%} at most" if off.size else "unknown"
        rows = [[label, str(len(path)), f"{share:.0%}" if np.isfinite(share) else "", f"{real[-1]:.4g}",
                 f"{below[-1]:.4g}", f"{away[-1]:.3g}"]
                for (label, path, real, below, away), share in zip(self._runs(), self.shares, strict=True)]
        head = ["run", "points", "variance shown", "loss at its end", "surface there", "distance from plane"]
        return (
            f"The plane shows {self.share:.0%} of the variance of {counted(len(self.off), 'point')} in "
            f"{len(self.centre):,} dimensions.\nBelow them its loss differs from theirs by {wrong}.\n\n"
            f"{table(head, rows)}"
        )

    # ---- the figure --------------------------------------------------------------------------------------------------
    def plot(self, path: str | PathLike | None = None) -> Any:
        """Draw paths on the plane, markers coloured by their real loss; beside it, the surface against the truth."""
        sheet = Sheet(8.6, 5.1)
        sheet.title(
            f"{counted(len(self.labels), 'run')} on the true loss surface: {self.share:.0%} of the variance shown",
            "A marker has the colour of its real loss: where it stands out from the ground, the plane misses its run.",
        )
        kinds = list(dict.fromkeys(self.labels))
        norm = scale(np.concatenate([self.surface.ravel(), *self.real]))
        plane = chart(sheet, 0.85, 0.95, 3.75, 3.5, "first direction (distance in weight space)", "second direction")
        filled = contours(plane, self.a, self.b, self.surface, norm)
        loss_bar(sheet, 4.7, 0.95, 3.5, filled, self.loss)
        truth = chart(sheet, 6.25, 2.4, 2.05, 2.05, "real loss", "surface below", log="xy" if self._log() else "")
        for label, run, real, below, _ in self._runs():
            k = kinds.index(label)
            colour, marker = LINES[k % len(LINES)], MARKERS[k % len(MARKERS)]
            plane.plot(*run.T, color="white", linewidth=3.2)
            plane.plot(*run.T, color=colour, linewidth=1.4)
            plane.scatter(*run.T, c=real, norm=norm, cmap=filled.cmap, marker=marker, s=32, edgecolors=colour,
                          linewidths=1.1, zorder=3)
            plane.scatter(*run[-1], c=[real[-1]], norm=norm, cmap=filled.cmap, marker=marker, s=90, edgecolors=colour,
                          linewidths=2, zorder=4)
            truth.scatter(real, below, marker=marker, s=16, facecolors="none", edgecolors=colour, linewidths=1)
        diagonal = ends(np.concatenate([*self.real, *self.below]))
        truth.plot(diagonal, diagonal, color=FAINT, linewidth=0.8, zorder=0)
        handles = [plane.plot([], [], color=LINES[k % len(LINES)], marker=MARKERS[k % len(MARKERS)],
                              markerfacecolor="white", label=label)[0] for k, label in enumerate(kinds)]
        legend(truth, handles=handles, loc="upper left", bbox_to_anchor=(-0.35, 3.5 / 2.05), borderaxespad=0)
        return sheet.saved(path)

    def _log(self) -> bool:
        low, high = ends(np.concatenate([*self.real, *self.below]))
        return low > 0 and high > 3 * low
