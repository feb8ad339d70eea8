"""Boundary: what a model says at every point of a plane, and where it changes its mind."""

from __future__ import annotations

from dataclasses import dataclass
from os import PathLike
from typing import Any, ClassVar

import numpy as np

from ...arguments import whole_number
from ...drawing.charts import chart, dots
from ...drawing.sheet import FAINT, INK, LINES, RISING, Sheet, colours
from ...text import jsonable
from ..result import Result
from .answers import answers_of
from .planes import Plane, plane_of

MARGIN = 0.08  # of the rows' range, around them
MOST_ROWS = 1500  # that are drawn
SHADES = 0.1, 0.6  # how much of a class's colour stands for a guess, and for certainty


def boundary(model: Any, X: Any, y: Any = None, plane: Any = "pca", points: int = 160,
             names: list[str] | None = None) -> Boundary:
    """What a model says on a plane: decision regions of a classifier, contours of a regressor.

    >>> import cutaway as ct
    >>> X, y = ct.datasets.make("moons", n=300, seed=0)
    >>> net = ct.nn.MLP(2, [16], 2).init(0)
    >>> run = ct.fit(net, X, y, loss="cross_entropy", optimizer=ct.optim.AdamW(1e-2), epochs=40)
    >>> found = boundary(net, X, y, points=40)
    >>> found.values.shape, found.score > 0.9
    ((40, 40, 2), True)

    model: a ct.nn.Module, a trained ct.Classifier or ct.Regressor, or any model with scikit-learn's methods. X: rows,
    as the model takes them, tables, images or others; y (n,), as the model learnt it, draws the rows' classes and
    scores the model on them. Two features are the plane themselves. Of more, plane: "pca", the plane in which the rows
    vary most; "means", through the means of the first three classes; or three rows (3, features) that it goes through.
    There every feature counts in units of its standard deviation, and rows are drawn fainter, the farther from the
    plane they are. An estimator whose X is not a table of numbers is looked at behind its encoder. points: along each
    side.

    Raises ArgumentError, DataError or ShapeError for a model, rows or a plane that do not fit.
    """
    points = whole_number("points", points, 2)
    answers = answers_of(model, X, y, names)
    spread = answers.X.std(0)
    if np.ndim(X) > 2:
        spread = np.full_like(spread, spread.mean())  # pixels are alike
    codes = answers.y if answers.classes else None
    flat = plane_of(answers.X, codes, plane, answers.names, np.where(spread > 0, spread, 1))
    places = flat.on(answers.X)
    low, high = places.min(0), places.max(0)
    edge = MARGIN * np.where(high > low, high - low, 1)
    a, b = np.linspace(low - edge, high + edge, points).T
    values = answers(flat.at(np.stack(np.meshgrid(a, b), -1).reshape(-1, 2)))
    return Boundary(answers.name, flat, a, b, values.reshape(points, points, *values.shape[1:]), places, answers.y,
                    answers.classes, answers.score())


@dataclass(eq=False, repr=False)
class Boundary(Result):
    """What `ct.lab.boundary` gives.

    plane: through the data (planes.py). a, b: places along its two directions. values: what the model says there,
    probabilities (b, a, classes), or numbers (b, a). places (n, 2): of the rows. y (n,): the number of each row's class
    in `classes`, or its target, None if it was not given. score: the share of the rows told right, or R².
    """

    kind: ClassVar[str] = "boundary"
    name: str
    plane: Plane
    a: np.ndarray
    b: np.ndarray
    values: np.ndarray
    places: np.ndarray
    y: np.ndarray | None
    classes: list[str]
    score: float | None

    @property
    def of_two(self) -> bool:
        """Whether the data has two features, so that the plane holds all of it."""
        return len(self.plane.centre) == 2

    def to_pandas(self) -> Any:
        """Make a table with a row for each point of the plane."""
        import pandas as pd

        a, b = np.meshgrid(self.a, self.b)
        said = self.values.reshape(a.size, -1).T
        heads = [f"p({c})" for c in self.classes] or ["prediction"]
        return pd.DataFrame({"a": a.ravel(), "b": b.ravel(), **dict(zip(heads, said, strict=True))})

    def to_json(self) -> dict[str, Any]:
        values = self.values.round(5) if self.classes else self.values
        return jsonable({
            "kind": self.kind, "model": self.name, "classes": self.classes, "score": self.score,
            "axes": self.plane.names, "centre": self.plane.centre, "directions": self.plane.directions,
            "scale": self.plane.scale, "share": self.plane.share, "a": self.a, "b": self.b, "values": values,
            "rows": {"places": self.places, "distance": self.plane.distance, "y": self.y},
        })

    def __str__(self) -> str:
        lines = []
        if self.classes:
            areas = np.bincount(self.values.argmax(-1).ravel(), minlength=len(self.classes)) / self.values[..., 0].size
            shares = ", ".join(f"{name} {area:.0%}" for name, area in zip(self.classes, areas, strict=True))
            lines.append(f"{self.name}: share of the plane that goes to each class: {shares}.")
        else:
            lines.append(f"{self.name}: from {self.values.min():.4g} to {self.values.max():.4g} on the plane.")
        if self.score is not None:
            lines.append(f"{len(self.places):,} rows: {self.scored}.")
        if not self.of_two:
            features = len(self.plane.centre)
            lines.append(f"The plane holds {self.plane.share:.0%} of the variance of {features} features.")
        return "\n".join(lines)

    @property
    def scored(self) -> str:
        """The score in words: 97.2% of the rows right, or R² 0.913."""
        if self.score is None:
            return ""
        return f"{self.score:.1%} of the rows right" if self.classes else f"R² {self.score:.3f}"

    # ---- the figure ------------------------------------------------------------------------------------------------
    def plot(self, path: str | PathLike | None = None) -> Any:
        """The plane in the colours of what the model says, and the rows on it."""
        sheet = Sheet(7.0, 5.9)
        about = [self.scored] if self.scored else []
        about.append("deep colour: sure" if self.classes else "colour: prediction, dots: targets")
        if not self.of_two:
            about.append(f"{self.plane.share:.0%} of the variance is in this plane, faint rows are far from it")
        sheet.title(f"{self.name}: {'decision regions' if self.classes else 'prediction'}", "; ".join(about))
        axes = chart(sheet, 0.85, 0.95, 4.85, 4.3, *self.plane.names)
        image = self.draw(axes)
        if not self.classes:
            sheet.colour_bar(5.9, 0.95, 4.3, image, "prediction")
        elif self.y is not None:
            axes.legend(title="class", loc="upper left", bbox_to_anchor=(1.01, 1), frameon=False, fontsize=9,
                        title_fontsize=9, labelcolor=INK)
        return sheet.saved(path)

    def draw(self, axes: Any) -> Any:
        """Draw regions, boundary and rows on axes that are there; return the image."""
        extent = (self.a[0], self.a[-1], self.b[0], self.b[-1])
        how: dict[str, Any] = {"extent": extent, "origin": "lower", "aspect": "auto", "zorder": 0}
        axes.grid(False)
        axes.set_axisbelow(False)
        if self.classes:
            image = axes.imshow(self._shaded(), interpolation="nearest", **how)
            self._edges(axes)
        else:
            known = self.values.ravel()
            if self.y is not None:
                known = np.concatenate([known, np.quantile(self.y, [0.02, 0.98])])  # a few extremes take no colours
            how |= {"vmin": known.min(), "vmax": known.max(), "cmap": colours(RISING)}
            image = axes.imshow(self.values, interpolation="bilinear", **how)
            if np.ptp(self.values) > 0:
                axes.contour(self.a, self.b, self.values, 8, colors=INK, linewidths=0.5, linestyles="solid",
                             alpha=0.7)
        self._rows(axes, image)
        axes.set(xlim=extent[:2], ylim=extent[2:])
        return image

    def _shaded(self) -> np.ndarray:
        """Choose RGB of every point: the colour of the likeliest class, the paler, the less likely it is."""
        from matplotlib.colors import to_rgb

        C = len(self.classes)
        shades = np.array([to_rgb(LINES[k % len(LINES)]) for k in range(C)])
        sure = (self.values.max(-1, keepdims=True) - 1 / C) / (1 - 1 / C)
        weight = SHADES[0] + (SHADES[1] - SHADES[0]) * np.clip(sure, 0, 1)
        return 1 - weight * (1 - shades[self.values.argmax(-1)])

    def _edges(self, axes: Any) -> None:
        """Draw a line around each region; around the first of two it is the boundary of both."""
        for k in range(len(self.classes) if len(self.classes) > 2 else 1):
            ahead = self.values[..., k] - np.delete(self.values, k, -1).max(-1)
            if ahead.min() < 0 < ahead.max():
                axes.contour(self.a, self.b, ahead, [0], colors=INK, linewidths=1.2)

    def _rows(self, axes: Any, image: Any) -> None:
        """The rows, a colour and marker for each class; of very many every so many-th."""
        kept = np.arange(0, len(self.places), -(-len(self.places) // MOST_ROWS))
        near = 1 - 0.85 * np.clip(self.plane.distance / (self.plane.distance.max() or 1), 0, 1)
        how = {"s": 22, "edgecolors": "white", "linewidths": 0.5, "zorder": 3, "rasterized": len(kept) > 400}
        if self.y is None:
            axes.scatter(*self.places[kept].T, color=FAINT, alpha=near[kept], **how)
        elif not self.classes:
            axes.scatter(*self.places[kept].T, c=self.y[kept], cmap=image.cmap, norm=image.norm, alpha=near[kept],
                         **how | {"edgecolors": INK})
        else:
            for k, name in enumerate(self.classes):
                own = kept[self.y[kept] == k]
                axes.scatter(*self.places[own].T, alpha=near[own], **how, **dots(k))
                axes.scatter([], [], label=name, **how, **dots(k))  # the legend's, which is not faint
