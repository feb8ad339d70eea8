"""Universal approximation: how closely networks of rising width, and of rising depth, fit a function."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from os import PathLike
from typing import Any, ClassVar

import numpy as np

from ...arguments import is_whole, whole_number
from ...errors import ArgumentError, DataError
from ...nn import MLP, Module
from ...optim import Adam, schedules
from ...random import stream
from ...text import jsonable
from ...train import fit_many
from ..result import Result, table
from ..runs import finished
from .approximation_figure import draw, named
from .hinges import in_units, spread
from .targets import Target, target_of

POINTS = {1: (1024, 4001), 2: (64, 101)}  # along each variable, by their number: to learn from, to measure the error
BATCH = {1: 8, 2: 32}
REACH = 4.0  # inputs are scaled to ±4: there a step of Adam turns slopes more than it moves hinges
RATE = 1e-2


def approximation(function: Any = "sin(3 * x)", widths: Sequence[int] = (1, 2, 4, 8, 16, 32, 64),
                  depths: Sequence[int] = (2, 3, 4), seeds: int = 9, steps: int = 16_000, domain: Any = None,
                  seed: int = 0) -> Approximation:
    """Fit a function by networks of one hidden layer of rising width, and by deeper ones of as many parameters.

    >>> import cutaway as ct
    >>> found = approximation("x^2", widths=[2, 16], depths=[], seeds=3, steps=2000)
    >>> bool(np.median(found.rms[1]) < 0.2 * np.median(found.rms[0]))
    True

    function: text in x, or in x and y ("sin(3 * x)", "x^2 * y"), a surface or its name (ct.lab.surface), or a Python
    function of one or two arrays. domain: (low, high), or a pair for each variable. depths: hidden layers of the other
    networks, all equally wide, which have about as many parameters as the widest of `widths`. Every network is an MLP
    of ReLUs in double precision, trained on 1,024 points (64 × 64 of two variables) by Adam, whose rate falls as half
    a cosine wave from 0.01, for `steps` batches of 8 (32). At the start the hinges of the first layer are spread evenly
    over the domain. Errors are measured on a finer grid, between these points, in units of the function's standard
    deviation: 1 is what a constant achieves.

    Ctrl-C keeps the runs that are done. Raises ArgumentError for arguments that do not fit, DataError where the
    function is not finite or constant. (Cybenko, 1989; Hornik, 1991; for ReLUs Leshno et al., 1993.)
    """
    target = target_of(function, domain)
    widths, depths = _whole("widths", widths, 1), _whole("depths", depths, 2, empty=True)
    seeds, steps = whole_number("seeds", seeds), whole_number("steps", steps)
    shapes = [(w,) for w in widths] + [_shape(target.variables, d, widths[-1]) for d in depths]
    learn, dense = POINTS[target.variables]
    batch = BATCH[target.variables]
    X, grid = target.grid(learn, inside=True), target.grid(dense)
    truth = target(grid)
    mean, std = float(truth.mean()), float(truth.std())
    if std <= 1e-12 * max(1.0, abs(mean)):
        raise DataError(f"{target.name} is constant there: every network fits it")
    centre, half = (target.low + target.high) / 2, (target.high - target.low) / 2 / REACH
    scaled, y = (X - centre) / half, (target(X) - mean) / std
    runs = fit_many([{
        "model": _start(target.variables, shape, seed + k), "X": scaled, "y": y, "batch_size": batch, "seed": seed + k,
        "optimizer": Adam(schedules.cosine(RATE)), "epochs": max(1, round(steps * batch / len(X))),
    } for k in range(seeds) for shape in shapes])
    done, cut = finished(runs)

    errors = np.full((2, len(runs)), np.nan)
    for k in np.flatnonzero(done).tolist():
        in_units(runs[k].model, centre, half, mean, std)
        off = (runs[k].model.predict(grid)[:, 0] - truth) / std
        errors[:, k] = np.sqrt(np.square(off).mean()), np.abs(off).max()
    rms, largest = errors.reshape(2, seeds, len(shapes)).transpose(0, 2, 1)
    networks = {}
    for j, (shape, row) in enumerate(zip(shapes, rms, strict=True)):
        if known := np.isfinite(row).sum():
            middle = np.argsort(row)[(known - 1) // 2]  # NaN comes last
            networks[shape] = runs[middle * len(shapes) + j].model
    parameters = [_count(target.variables, shape) for shape in shapes]
    return Approximation(target, shapes, parameters, rms, largest, networks, cut_short=cut)


def _whole(name: str, values: Any, least: int, empty: bool = False) -> list[int]:
    """Sort whole numbers, each once."""
    values = list(values)
    if not (values or empty) or not all(is_whole(v, least) for v in values):
        raise ArgumentError(f"{name} must be whole numbers of at least {least}, got {values}")
    return sorted({int(v) for v in values})


def _count(variables: int, shape: Sequence[int]) -> int:
    """Count the parameters of an MLP with these hidden layers and one output."""
    sizes = [variables, *shape, 1]
    return sum((k + 1) * m for k, m in pairwise(sizes))


def _shape(variables: int, depth: int, width: int) -> tuple[int, ...]:
    """Choose equal hidden layers with parameters nearest to those of a single one of this width."""
    wanted = _count(variables, (width,))
    return (min(range(1, width + 2), key=lambda k: abs(_count(variables, (k,) * depth) - wanted)),) * depth


def _start(variables: int, shape: Sequence[int], seed: int) -> Module:
    net = MLP(variables, list(shape), 1).astype("float64").init(seed)
    spread(net, np.full(variables, -REACH), np.full(variables, REACH), stream(seed, "hinges", *shape))
    return net


@dataclass(eq=False, repr=False)
class Approximation(Result):
    """What `ct.lab.approximation` gives.

    target: the function, target(X) of rows (n, variables). shapes: the hidden layers of each network, first those of
    one layer; parameters: of each. rms, largest (shapes, seeds): root mean square and largest error in standard
    deviations of the function, NaN for runs that Ctrl-C left out. networks: of each shape the one with the median
    error; it takes rows X as they are.
    """

    kind: ClassVar[str] = "approximation"
    target: Target
    shapes: list[tuple[int, ...]]
    parameters: list[int]
    rms: np.ndarray
    largest: np.ndarray
    networks: dict[tuple[int, ...], Any]
    cut_short: str = ""

    @property
    def widths(self) -> list[int]:
        """The first rows of rms and largest, of the networks with one hidden layer."""
        return [shape[0] for shape in self.shapes if len(shape) == 1]

    def to_pandas(self) -> Any:
        """Make a table with a row for each network and seed."""
        import pandas as pd

        return pd.DataFrame([
            {"hidden": named(shape), "depth": len(shape), "width": shape[0], "parameters": self.parameters[k],
             "run": j, "rms": self.rms[k, j], "largest": self.largest[k, j]}
            for k, shape in enumerate(self.shapes) for j in range(self.rms.shape[1])])

    def to_json(self) -> dict[str, Any]:
        return jsonable({
            "kind": self.kind, "function": self.target.name, "low": self.target.low, "high": self.target.high,
            "shapes": self.shapes, "parameters": self.parameters, "rms": self.rms, "largest": self.largest,
            "networks": {named(shape): net.state_dict() for shape, net in self.networks.items()},
        })

    def __str__(self) -> str:
        middle = _medians(self.rms)
        widths = self.widths
        done = [k for k in range(len(widths)) if np.isfinite(middle[k])]
        said = [f"{self.target.name}: from {widths[done[0]]} to {widths[done[-1]]} ReLUs in one hidden layer the error "
                f"falls from {middle[done[0]]:.2g} to {middle[done[-1]]:.2g} of the function's standard deviation."
                if done else f"{self.target.name}: no network of one hidden layer is done."]
        if len(self.shapes) > len(widths) and np.isfinite(middle).any():
            equal = range(len(widths) - 1, len(self.shapes))
            best = min(equal, key=lambda k: middle[k] if np.isfinite(middle[k]) else np.inf)
            said.append(f"Of the networks with about {self.parameters[equal[0]]} parameters {named(self.shapes[best])} "
                        f"fits best: {middle[best]:.2g}.")
        rows = []
        for k, shape in enumerate(self.shapes):
            low, high = _quartiles(self.rms[k])
            rows.append([named(shape), f"{self.parameters[k]:,}", f"{middle[k]:.3g}", f"{low:.2g} to {high:.2g}",
                         f"{_medians(self.largest)[k]:.2g}"])
        head = ["hidden", "parameters", "error (median)", "quartiles", "largest"]
        return "\n".join(said) + "\n\n" + table(head, rows)

    def plot(self, path: str | PathLike | None = None) -> Any:
        """The fits, the pieces they are made of, and the errors by width and by depth."""
        return draw(self).saved(path)


def _medians(runs: np.ndarray) -> np.ndarray:
    return np.array([np.median(known) if (known := row[np.isfinite(row)]).size else np.nan for row in runs])


def _quartiles(row: np.ndarray) -> tuple[float, float]:
    known = row[np.isfinite(row)]
    return tuple(np.quantile(known, [0.25, 0.75])) if known.size else (np.nan, np.nan)
