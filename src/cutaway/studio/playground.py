"""Made data for visitors without a file: points in a plane, and the inputs that a network is given of them.

The same question gives the same points, so that an address which holds it can be shared.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from math import isfinite
from pathlib import Path
from typing import Any

import numpy as np

from .. import datasets
from ..errors import ArgumentError
from .limits import MOST_MADE

#: Half the width of the plane: wide enough that a sine bends within it.
WIDE = 4.0
#: What a network can be given of a point, by the column's name.
INPUTS: dict[str, Callable[[np.ndarray, np.ndarray], np.ndarray]] = {
    "x1": lambda a, b: a, "x2": lambda a, b: b, "x1²": lambda a, b: a * a, "x2²": lambda a, b: b * b,
    "x1·x2": lambda a, b: a * b, "sin x1": lambda a, b: np.sin(a), "sin x2": lambda a, b: np.sin(b)}


def clouds(rng: np.random.Generator, n: int, noise: float) -> datasets.made.Made:
    """Two round clouds, half the plane apart."""
    y = np.arange(n) % 2
    return (WIDE * (y - 0.5))[:, None] + rng.normal(0, 1 + noise, (n, 2)), y


def slope(rng: np.random.Generator, n: int, noise: float) -> datasets.made.Made:
    """A number that rises along the diagonal: y = (x1 + x2) / 8."""
    X = rng.uniform(-WIDE, WIDE, (n, 2))
    return X, X.sum(1) / (2 * WIDE) + rng.normal(0, noise, n)


def hills(rng: np.random.Generator, n: int, noise: float) -> datasets.made.Made:
    """Three hills and three hollows, each of height 1 and width 1."""
    X = rng.uniform(-WIDE, WIDE, (n, 2))
    tops = [(i, j, (-1.0) ** (k + m)) for k, i in enumerate((-2.6, 0.0, 2.6)) for m, j in enumerate((-1.6, 1.6))]
    return X, sum(sign * np.exp(-((X - [i, j]) ** 2).sum(1) / 2) for i, j, sign in tops) + rng.normal(0, noise, n)


OWN = {"clouds": clouds, "slope": slope, "hills": hills}
#: Problems by name: classes first, then numbers.
MADE = ("moons", "circles", "spirals", "xor", "clouds", "blobs", "slope", "hills", "sine")


@dataclass(frozen=True)
class Ground:
    """Points of a problem: X (n, 2), or (n, 1) of a curve, and y; `inputs` are what the network is given of them."""

    name: str
    X: np.ndarray
    y: np.ndarray
    inputs: tuple[str, ...]

    @classmethod
    def asked(cls, asked: dict[str, Any]) -> Ground:
        """Make the points that a question asks for. Raises ArgumentError in words for what cannot be made."""
        name, rows, seed = asked.get("name"), asked.get("rows", 400), asked.get("seed", 0)
        noise, inputs = asked.get("noise"), asked.get("inputs") or ["x1", "x2"]
        if name not in MADE:
            raise ArgumentError(f"there is no problem {name!r:.40}: there are {', '.join(MADE)}")
        if type(rows) is not int or not 20 <= rows <= MOST_MADE:
            raise ArgumentError(f"made data have 20 to {MOST_MADE:,} rows, got {rows!r:.40}")
        if type(seed) is not int or not 0 <= seed < 2**31:
            raise ArgumentError(f"seed {seed!r:.40}: give a whole number from 0 on")
        if noise is not None and not (isinstance(noise, int | float) and isfinite(noise) and 0 <= noise <= 10):
            raise ArgumentError(f"noise {noise!r:.40}: give a number from 0 to 10")
        if not isinstance(inputs, list) or not set(map(str, inputs)) <= INPUTS.keys():
            raise ArgumentError(f"inputs {inputs!r:.60}: choose of {', '.join(INPUTS)}")
        if name in OWN:
            X, y = OWN[name](np.random.Generator(np.random.Philox(seed)), rows, noise or 0.0)
        else:
            scale = 1.0 if name == "sine" else WIDE  # of a curve x is an angle, and noise is of y
            X, y = datasets.make(name, n=rows, noise=None if noise is None else noise / scale, seed=seed)
            X = scale * X
        chosen = tuple(one for one in INPUTS if one in inputs and (X.shape[1] > 1 or one in ("x1", "x1²", "sin x1")))
        if not chosen:
            raise ArgumentError("choose at least one input for the network")
        return cls(name, X.astype(np.float64), y, chosen)

    @property
    def classes(self) -> list[str]:
        """The classes' names; none where the target is a number."""
        return list("ABC"[: int(self.y.max()) + 1]) if self.y.dtype.kind == "i" else []

    def given(self, X: np.ndarray) -> dict[str, np.ndarray]:
        """What the network is given of points, by column."""
        return {name: INPUTS[name](X[:, 0], X[:, -1]) for name in self.inputs}

    def write(self, home: Path) -> Path:
        """Write the table to a file of its own: the inputs, and a class or y."""
        columns, classes = self.given(self.X), self.classes
        target = [classes[k] for k in self.y] if classes else [f"{v:.6g}" for v in self.y]
        lines = [",".join([*columns, "class" if classes else "y"])]
        lines += [",".join([*(f"{v:.6g}" for v in row), own])
                  for row, own in zip(np.column_stack(list(columns.values())), target, strict=True)]
        folder = home / "files" / secrets.token_hex(6)
        folder.mkdir(parents=True, mode=0o700)
        path = folder / f"{self.name}.csv"
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
        return path

    def drawn(self) -> dict[str, Any]:
        """Tell the points for a picture: [x1, x2, class] or [x1, x2, y]; of a curve [x1, y, 0]."""
        flat = self.X.shape[1] == 1
        points = np.column_stack([self.X, self.y, np.zeros(len(self.y))] if flat else [self.X, self.y])
        return {"points": np.round(points, 4).tolist(), "classes": self.classes, "curve": flat}
