"""A function of one or two variables to be fitted: from text, a name, or Python."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...errors import ArgumentError, DataError
from ..descents.expression import expression
from ..descents.surfaces import Surface, surface

DOMAIN = -2.0, 2.0  # of each variable, unless the function brings its own


@dataclass(frozen=True, eq=False)
class Target:
    """f as a function of rows (n, variables), on a box from low to high."""

    name: str
    low: np.ndarray
    high: np.ndarray
    values: Callable[..., np.ndarray]

    @property
    def variables(self) -> int:
        return len(self.low)

    def __call__(self, X: np.ndarray) -> np.ndarray:
        """Compute f. Raises DataError where it is not finite."""
        y = np.broadcast_to(np.asarray(self.values(*X.T), np.float64), len(X))
        if not np.isfinite(y).all():
            where = ", ".join(f"{v:.4g}" for v in X[np.flatnonzero(~np.isfinite(y))[0]])
            raise DataError(f"{self.name} is not finite at ({where}): give a domain on which it is")
        return y

    def grid(self, n: int, inside: bool = False) -> np.ndarray:
        """Lay rows at n even steps along each variable; inside: at the middles of n even parts, so none on the edge."""
        shares = (np.arange(n) + 0.5) / n if inside else np.linspace(0, 1, n)
        axes = np.meshgrid(*(a + shares * (b - a) for a, b in zip(self.low, self.high, strict=True)))
        return np.stack([axis.ravel() for axis in axes], 1)


def target_of(function: Any, domain: Any = None) -> Target:
    """Make a function to fit, and where: of an expression in x, or x and y; a surface or its name; or a function.

    >>> target_of("sin(3 * x)").variables, target_of("x * y", [(0, 1), (0, 2)]).high.tolist()
    (1, [1.0, 2.0])

    domain: (low, high) for all variables, or a pair for each; else the surface's own, or -2 to 2.
    """
    own: Any = [DOMAIN]
    values: Callable[..., np.ndarray]
    if isinstance(function, str) and (re.search(r"\by\b", function) or re.fullmatch(r"[^\W\d]\w+", function.strip())):
        function = surface(function)
        own = function.bounds if function.name == function.formula else [DOMAIN] * 2
    if isinstance(function, Surface):
        name, values, own = function.formula, function.values, function.bounds
    elif isinstance(function, str):
        name, values = function.strip(), expression(function, ("x",)).values
    elif callable(function):
        name, values, own = getattr(function, "__name__", "f"), function, [DOMAIN] * _arguments(function)
        name = "f" if name == "<lambda>" else name
    else:
        raise ArgumentError(f'function is {function!r}: give text such as "sin(3 * x)", or a function of arrays')
    try:
        box = np.asarray(own if domain is None else domain, np.float64)
        box = np.broadcast_to(box, (len(own), 2))
    except ValueError:
        raise ArgumentError(f"domain must be (low, high), or one such pair a variable, got {domain!r}") from None
    if not np.isfinite(box).all() or (box[:, 0] >= box[:, 1]).any():
        raise ArgumentError(f"domain must go from a lower to a higher number, got {domain!r}")
    return Target(name, box[:, 0], box[:, 1], values)


def _arguments(function: Callable) -> int:
    """Count the variables that a Python function takes."""
    count = getattr(function, "nin", None)  # of NumPy's own
    if count is None:
        try:
            needed = inspect.signature(function).parameters.values()
        except ValueError:
            needed = {}.values()
        positional = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
        count = sum(p.default is p.empty and p.kind in positional for p in needed)
    if count not in (1, 2):
        raise ArgumentError(f"function must take one or two arrays, x or x and y; this one takes {count}")
    return count
