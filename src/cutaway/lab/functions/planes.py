"""A plane through data of many features: what two numbers a picture can show of each row, and what it leaves out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ...errors import ArgumentError, ShapeError


@dataclass(frozen=True, eq=False)
class Plane:
    """The points centre + a · directions[0] + b · directions[1], in units of `scale` for each feature.

    names: of the two axes. distance: of every row given from the plane, as a share of the typical (root mean square)
    distance from the centre. share: of the rows' variance that lies within the plane; 1 for data of two features.
    """

    centre: np.ndarray
    directions: np.ndarray
    scale: np.ndarray
    names: tuple[str, str]
    distance: np.ndarray
    share: float

    def on(self, X: np.ndarray) -> np.ndarray:
        """Find where rows (n, features) stand within the plane: (n, 2)."""
        return (X - self.centre) / self.scale @ self.directions.T

    def at(self, places: np.ndarray) -> np.ndarray:
        """The rows (n, features) at these places (n, 2)."""
        return self.centre + places @ self.directions * self.scale


def plane_of(X: np.ndarray, y: np.ndarray | None, plane: Any, names: list[str], scale: np.ndarray) -> Plane:
    """Lay a plane through rows (n, features): "pca", "means" of the first three classes, or three rows of one's own.

    Data of two features is its own plane. Features count in units of `scale`.
    """
    if X.shape[1] < 2:
        raise ShapeError(f"X has {X.shape[1]} feature: a plane takes two or more")
    if X.shape[1] == 2:
        return Plane(np.zeros(2), np.eye(2), np.ones(2), (names[0], names[1]), np.zeros(len(X)), 1.0)
    if isinstance(plane, str) and plane == "pca":
        centre = X.mean(0)
        directions = np.linalg.svd((X - centre) / scale, full_matrices=False)[2][:2]
        labels = ("first principal component", "second principal component")
    else:
        points = _means(X, y) if isinstance(plane, str) and plane == "means" else np.asarray(plane)
        if points.dtype.kind not in "fiu" or points.shape != (3, X.shape[1]):
            raise ArgumentError(f'plane must be "pca", "means" or three rows of {X.shape[1]} features, got {plane!r}')
        centre = points.mean(0)
        first, second = (points[1:] - points[0]) / scale
        first = first / (np.linalg.norm(first) or 1)
        second = second - second @ first * first
        if np.linalg.norm(second) < 1e-9:
            raise ArgumentError("plane: the three points lie on one line, which is no plane")
        directions = np.stack([first, second / np.linalg.norm(second)])
        labels = ("from the first point to the second", "across, towards the third")
    seen = (X - centre) / scale
    outside = np.linalg.norm(seen - seen @ directions.T @ directions, axis=1)
    spread = np.square(seen - seen.mean(0)).sum()
    within = np.square((seen - seen.mean(0)) @ directions.T).sum()
    typical = np.sqrt(np.square(seen).sum(1).mean())
    return Plane(centre, directions, scale, labels, outside / (typical or 1), float(within / spread) if spread else 1.0)


def _means(X: np.ndarray, y: np.ndarray | None) -> np.ndarray:
    classes: Any = [] if y is None else np.unique(y)
    if len(classes) < 3:
        has = "there are none here" if y is None else f"y has {len(classes)}"
        raise ArgumentError(f'plane="means" goes through the means of three classes, {has}: use "pca"')
    return np.stack([X[y == c].mean(0) for c in classes[:3]])
