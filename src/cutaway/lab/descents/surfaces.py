"""Loss surfaces of two parameters: a function of x and y, and the model whose loss it is.

Every surface, named or your own, is trained like a network: `model` is a Module with two weights, θ = (x, y), `data`
gives its rows, `loss` is what `ct.fit` and `ct.compile` take.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from ... import nn
from ...autodiff import Tensor
from ...errors import ArgumentError, CutawayError, check_name
from ...random import stream
from ...shown import Shown, Table, Words
from .expression import expression

Pair = tuple[float, float]


@dataclass(frozen=True, repr=False)
class Surface(Shown):
    """A loss J(x, y) of two parameters, the part of the plane that is worth seeing, and where to start.

    function takes two Tensors and gives one. minima: the places of the lowest points, None where they are not known.
    noise, rows: with noise, the surface is the mean over so many rows of data, each of which tilts it its own way: row
    r's loss is J(x, y) + ξᵣ · (x, y), with tilts ξ of this standard deviation that cancel over all rows. A step on a
    batch of them sees a gradient that is off by the mean of its tilts: the noise of mini-batches. lr: the learning rate
    for plain descent that shows what the surface is about, None where any that is not too large does.
    """

    name: str
    formula: str
    function: Callable[[Tensor, Tensor], Tensor]
    bounds: tuple[Pair, Pair] = ((-3.0, 3.0), (-3.0, 3.0))
    start: Pair = (-2.0, 2.0)
    minima: tuple[Pair, ...] | None = None
    noise: float = 0.0
    rows: int = 1
    lr: float | None = None

    def _in_notebook(self) -> Any:
        yield Words(repr(self))
        rows = [("J", self.formula), ("x", f"{self.bounds[0]}"), ("y", f"{self.bounds[1]}"), ("start", f"{self.start}"),
                ("minima", "not known" if self.minima is None else ", ".join(map(str, self.minima))),
                ("noise", f"{self.noise:g}, over {self.rows:,} rows" if self.noise else "none")]
        yield Table((), rows)

    def __repr__(self) -> str:
        return f"Surface({self.name}: J = {self.formula}, from ({self.start[0]:g}, {self.start[1]:g}))"

    def values(self, X: Any, Y: Any) -> np.ndarray:
        """Compute J at points given by two arrays (or numbers) that fit together; without noise."""
        with np.errstate(all="ignore"):  # not finite where not defined, and said to be
            x, y = np.broadcast_arrays(np.asarray(X, np.float64), np.asarray(Y, np.float64))
            return np.broadcast_to(self(Tensor(x), Tensor(y)).data, x.shape).copy()

    def gradient(self, x: float, y: float) -> np.ndarray:
        """Compute ∇J (2,) at one point, by the tape; without noise."""
        theta = [Tensor(np.float64(v), requires_grad=True) for v in (x, y)]
        with np.errstate(all="ignore"):  # not finite where not defined, and said to be
            (self(*theta) * 1.0).backward()  # "x" alone would be no operation
        return np.array([0.0 if t.grad is None else t.grad for t in theta])

    def __call__(self, x: Tensor, y: Tensor) -> Tensor:
        """Compute J as a Tensor, from two Tensors of one shape."""
        out = self.function(x, y)
        if not isinstance(out, Tensor):
            raise ArgumentError(
                f"the function of a surface gets two Tensors and must give one, got {type(out).__name__}: build it of "
                "+ - * / ** and ct.ops, such as lambda x, y: x**2 + ct.ops.sin(y)"
            )
        return out

    def grid(self, n: int = 81) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Lay x (n,), y (n,) and J (n, n) over the part worth seeing; J[i, j] belongs to y[i], x[j]."""
        x, y = (np.linspace(*ends, n) for ends in self.bounds)
        return x, y, self.values(x[None, :], y[:, None])

    def shows(self, points: np.ndarray) -> np.ndarray:
        """Find which of the points (n, 2) lie within the surface's bounds."""
        low, high = np.transpose(self.bounds)
        return ((low <= points) & (points <= high)).all(1)

    def model(self, start: Pair | None = None) -> nn.Module:
        """Make a Module with two weights of float64, θ = (x, y); a row of data ξ gives J(x, y) + ξ · (x, y)."""
        return _Point(self, self.start if start is None else _pair("start", start))

    def data(self, seed: int = 0) -> tuple[tuple[np.ndarray, np.ndarray], np.ndarray]:
        """The rows to train on: tilts along x and y, (rows, 1) each, that cancel; and targets that the loss ignores."""
        tilts = self.noise * stream(seed, "tilts").standard_normal((2, self.rows, 1))
        tilt_x, tilt_y = tilts - tilts.mean(1, keepdims=True)
        return (tilt_x, tilt_y), np.zeros((self.rows, 1))

    @staticmethod
    def loss(z: Tensor, y: Tensor) -> Tensor:
        """The mean of the model's outputs."""
        return z.mean()


class _Point(nn.Module):
    """A place on a surface: two weights. Its output is the loss there, tilted by each row of data."""

    def __init__(self, surface: Surface, start: Pair) -> None:
        self.surface = surface
        self.theta_x, self.theta_y = (nn.Parameter((), lambda rng, shape, at=at: np.float64(at)) for at in start)
        self.astype("float64").init(0)

    def forward(self, tilt_x: Tensor, tilt_y: Tensor) -> Tensor:
        return self.surface(self.theta_x, self.theta_y) + tilt_x * self.theta_x + tilt_y * self.theta_y


# ---- the surfaces that have names ------------------------------------------------------------------------------------

WIDE, HIMMELBLAU = (-5.0, 5.0), ((3.0, 2.0), (-2.805118, 3.131313), (-3.779310, -3.283186), (3.584428, -1.848127))
NAMED: dict[str, tuple[str, tuple[Pair, Pair], Pair, tuple[Pair, ...]]] = {  # formula, bounds, start, minima
    "ravine": ("(x^2 + {condition:g} * y^2) / 2", ((-10, 4), (-2, 2)), (-9, 1.2), ((0, 0),)),
    "bowl": ("(x^2 + y^2) / 2", ((-3, 3), (-3, 3)), (-2.5, 2), ((0, 0),)),
    "saddle": ("x^2 - y^2 + y^4 / 4", ((-2.5, 2.5), (-2.5, 2.5)), (-2, 0.01), ((0, -(2**0.5)), (0, 2**0.5))),
    "plateau": ("1 - exp(-(x^2 + 2 * y^2) / 4)", ((-5, 3), (-3, 3)), (-4.6, 1.2), ((0, 0),)),
    "rosenbrock": ("(1 - x)^2 + 100 * (y - x^2)^2", ((-2, 2), (-1, 3)), (-1.2, 1), ((1, 1),)),
    "beale": ("(1.5 - x + x * y)^2 + (2.25 - x + x * y^2)^2 + (2.625 - x + x * y^3)^2",
              ((-4.5, 4.5), (-2, 2)), (1, 1.5), ((3, 0.5),)),
    "himmelblau": ("(x^2 + y - 11)^2 + (x + y^2 - 7)^2", (WIDE, WIDE), (0, 0), HIMMELBLAU),
    "noisy": ("(x^2 + y^2) / 2", ((-3, 3), (-3, 3)), (-2.5, 2), ((0, 0),)),
    "bumpy": ("(x^2 + y^2) / 20 + sin(x)^2 + sin(y)^2", (WIDE, WIDE), (3.4, 0.5), ((0, 0),)),
}
CONDITION, BOUNCING = 50.0, 1.95  # plain descent in a ravine diverges from a learning rate of 2 / condition on
NOISE, ROWS = 2.0, 64  # of "noisy"


def surface(what: str | Callable, *, condition: float | None = None, noise: float | None = None,
            rows: int | None = None, bounds: Any = None, start: Any = None, minima: Any = None) -> Surface:
    """Find a loss surface by name, by expression ("x^2 + sin(y)"), or from a function of two Tensors.

    Names: ravine (its walls `condition` times as steep as its floor), bowl, saddle, plateau, rosenbrock, beale,
    himmelblau, noisy, and bumpy, which starts in a poor local minimum. noise: the standard deviation of each row's own
    tilt, for any surface; rows: how many there are. bounds ((x0, x1), (y0, y1)), start (x, y) and minima
    ((x, y), ...) replace a surface's own.

    Raises ArgumentError for an unknown name or word, a function that does not give a Tensor, or settings out of range.

    >>> import cutaway as ct
    >>> ravine = ct.lab.surface("ravine", condition=20)
    >>> ravine.formula, ravine.values(1.0, 1.0).item()
    ('(x^2 + 20 * y^2) / 2', 10.5)
    >>> ct.lab.surface(lambda x, y: ct.ops.exp(x) * y).gradient(0.0, 2.0)
    array([2., 1.])
    """
    if condition is not None and what != "ravine":
        raise ArgumentError(f"condition= is a setting of the ravine, not of {what!r}")
    condition = CONDITION if condition is None else float(condition)
    if not 1 <= condition <= 1e6:
        raise ArgumentError(f"condition must lie between 1 and 1e6, got {condition:g}")
    noise = (NOISE if what == "noisy" else 0.0) if noise is None else float(noise)
    rows = (ROWS if noise else 1) if rows is None else int(rows)
    if not 0 <= noise < np.inf or rows < 1 or (noise and rows < 2):
        raise ArgumentError(f"noise must be a number of at least 0, rows at least 2 with it, got {noise:g} and {rows}")
    own: tuple[Any, Any, Any] = (((-3, 3), (-3, 3)), (-2, 2), None)
    if callable(what):
        name, formula, function = getattr(what, "__name__", "surface"), "f(x, y)", what
        name = "your surface" if name == "<lambda>" else name
    else:
        name = str(what).strip()
        if name.isidentifier() and name not in ("x", "y"):
            check_name(name, NAMED, "surface", 'An expression in x and y is one too, such as "x^2 + sin(y)".')
            formula, *own = NAMED[name]  # type: ignore[assignment]
            formula = formula.format(condition=condition)
        else:
            name, formula = "your surface", name
        function = expression(formula)
    bounds, start, minima = (mine if given is None else given
                             for given, mine in zip((bounds, start, minima), own, strict=True))
    new = Surface(name, formula, function, _bounds(bounds), _pair("start", start),
                   None if minima is None else tuple(_pair("minima", m) for m in minima), noise, rows,
                   BOUNCING / condition if what == "ravine" else None)
    try:
        defined = np.isfinite(new.grid(21)[2]).any()
    except CutawayError:
        raise
    except Exception as error:
        raise ArgumentError(
            f"the function of a surface is called with two Tensors, x and y; this one fails: {error}"
        ) from error
    if not defined:
        raise ArgumentError(f"J = {formula} is not a finite number anywhere within bounds {new.bounds}")
    return new


def _pair(name: str, value: Any) -> Pair:
    try:
        x, y = (float(v) for v in value)
    except (TypeError, ValueError):
        raise ArgumentError(f"{name} must be two numbers (x, y), got {value!r}") from None
    if not (np.isfinite(x) and np.isfinite(y)):
        raise ArgumentError(f"{name} must be finite, got {value!r}")
    return x, y


def _bounds(value: Any) -> tuple[Pair, Pair]:
    try:
        x, y = value
    except (TypeError, ValueError):
        raise ArgumentError(f"bounds must be ((x0, x1), (y0, y1)), got {value!r}") from None
    x, y = _pair("bounds", x), _pair("bounds", y)
    if not (x[0] < x[1] and y[0] < y[1]):
        raise ArgumentError(f"bounds must be ((x0, x1), (y0, y1)) with x0 < x1 and y0 < y1, got {value!r}")
    return x, y
