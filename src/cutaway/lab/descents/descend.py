"""Walking optimizers over a loss surface, by the program that trains any model: what they did, step by step.

Nothing is computed here but what is measured: the surface's model is compiled, its program runs one step at a time, and
between steps the weights, the gradient and the optimizer's state are read from the program's memory.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from os import PathLike
from typing import Any, ClassVar

import numpy as np

from ...arguments import whole_number
from ...engines import compile
from ...errors import ArgumentError
from ...optim import OPTIMIZERS, Optimizer
from ...shown import VIEWS
from ...text import jsonable
from ...train.past import shuffled
from ..races.entrants import LECTURE
from ..result import Result, table
from .descent_figures import draw
from .surfaces import Pair, Surface, surface

CLOSE = 0.01  # of the way down that is left: "near the minimum"
LONGEST = 100_000  # steps

Optimizers = Optimizer | Sequence[Optimizer] | dict[str, Optimizer]


@dataclass(frozen=True, eq=False)
class DescentPath:
    """The way of one optimizer: n steps from points[0] to points[n].

    points (n + 1, 2) and loss (n + 1,), J without noise, belong to places; the others to steps: gradient (n, 2) as the
    optimizer's rule got it (of the batch, clipped if it is); state, name -> (n, 2), after the step; rate (n, 2), the
    effective learning rate of each parameter. ended: why the path stops before the last step, or "".
    """

    name: str
    optimizer: Optimizer
    points: np.ndarray
    loss: np.ndarray
    gradient: np.ndarray
    state: dict[str, np.ndarray]
    rate: np.ndarray
    ended: str = ""

    @property
    def steps(self) -> int:
        return len(self.gradient)

    @property
    def length(self) -> float:
        """The length of the way, added up over its steps."""
        return float(np.hypot(*np.diff(self.points, axis=0).T).sum())

    @property
    def turns(self) -> int:
        """How often a step went back on the one before, at an angle above 90°: the bouncing as a number."""
        moves = np.diff(self.points, axis=0)
        with np.errstate(all="ignore"):  # of a path that diverges
            return int(((moves[1:] * moves[:-1]).sum(1) < 0).sum())

    def steps_to(self, loss: float) -> int | None:
        """The first place where J is at most this; None if there is none."""
        there = np.flatnonzero(self.loss <= loss)
        return int(there[0]) if there.size else None


@dataclass(eq=False, repr=False)
class Descent(Result):
    """What `descend` gives: a path for each optimizer. `print` compares them, `plot` draws them.

    lowest: J at the surface's known minimum, or else the lowest seen within its bounds. figure: what `plot` and `save`
    draw, "contour", "3d", "rates" (the effective learning rate of both parameters over the steps) or "loss".
    """

    surface: Surface
    paths: list[DescentPath]
    cut_short: str = ""
    figure: str = "contour"
    kind: ClassVar[str] = "descent"

    def __getitem__(self, name: str) -> DescentPath:
        """Find a path by its optimizer's name."""
        for path in self.paths:
            if path.name == name:
                return path
        raise ArgumentError(f"there is no path called {name!r}: there are {', '.join(p.name for p in self.paths)}")

    @property
    def lowest(self) -> float:
        if self.surface.minima is not None:
            return float(min(self.surface.values(*m) for m in self.surface.minima))
        inside = (p.loss[self.surface.shows(p.points)] for p in self.paths)
        seen = np.concatenate([self.surface.grid()[2].ravel(), *inside])
        return float(seen[np.isfinite(seen)].min())

    @property
    def near(self) -> float:
        """J at which a path counts as near the minimum: a hundredth of the way down is left."""
        return self.lowest + CLOSE * (float(self.paths[0].loss[0]) - self.lowest)

    def __str__(self) -> str:
        s, near = self.surface, self.near
        start = self.paths[0].points[0]
        rows = []
        for p in self.paths:
            there = p.steps_to(near)
            rows.append([p.name, f"{p.optimizer.rate(1):g}", "-" if there is None else str(there), f"{p.loss[-1]:.4g}",
                         f"{p.length:.3g}", str(p.turns)])
        about = f"{s.name}: J = {s.formula} from ({start[0]:g}, {start[1]:g})" + (
            f", each of {s.rows} rows tilted by {s.noise:g}" if s.noise else "")
        head = ["optimizer", "lr", f"steps to J < {near:.3g}", "last J", "length", "turned back"]
        ended = [f"{p.name} ended: {p.ended}" for p in self.paths if p.ended]
        return "\n".join([about, self.finding(), "", table(head, rows), *([""] if ended else []), *ended])

    def finding(self) -> str:
        """Say who was near the minimum first, and who bounced most."""
        goal = "the minimum" if self.surface.minima is not None else "the lowest place of the picture"
        known = {p.name: t for p in self.paths if (t := p.steps_to(self.near)) is not None}
        found = f"None came near {goal}."
        if known:
            first = min(known, key=lambda name: known[name])
            found = f"{first} was the first near {goal}, after {known[first]} steps."
        most, least = (f(self.paths, key=lambda p: p.turns) for f in (max, min))
        if most.turns > 0.2 * most.steps:
            found += f" {most.name} turned back at {most.turns} of its {most.steps} steps"
            found += f", {least.name} at {least.turns}." if least.turns < most.turns else "."
        return found

    def to_pandas(self) -> Any:
        """Make a table with a row a place: optimizer, step, x, y, loss, and what its step had and did."""
        import pandas as pd

        frames = []
        for p in self.paths:
            by_step = {"gradient": p.gradient, "rate": p.rate} | p.state
            columns = {f"{name}_{axis}": np.concatenate([[np.nan], values[:, k]])
                       for name, values in by_step.items() for k, axis in enumerate("xy")}
            frames.append(pd.DataFrame({"optimizer": p.name, "step": np.arange(p.steps + 1), "x": p.points[:, 0],
                                        "y": p.points[:, 1], "loss": p.loss, **columns}))
        return pd.concat(frames, ignore_index=True)

    def to_json(self) -> dict[str, Any]:
        """The surface on a grid (z[i][j] at y[i], x[j]) and every path, as plain numbers."""
        s = self.surface
        x, y, z = s.grid()
        about = {"name": s.name, "formula": s.formula, "bounds": s.bounds, "minima": s.minima or [],
                 "noise": s.noise, "grid": {"x": x, "y": y, "z": jsonable(z, 5)}}
        paths = [{
            "name": p.name, "optimizer": repr(p.optimizer), "lr": p.optimizer.rate(1), "points": p.points,
            "loss": p.loss, "gradient": p.gradient, "state": p.state, "rate": p.rate, "ended": p.ended,
        } for p in self.paths]
        return jsonable({"kind": self.kind, "surface": about, "near": self.near, "paths": paths,
                      "cut_short": self.cut_short})

    def plot(self, path: str | PathLike | None = None, kind: str | None = None) -> Any:
        """Draw a figure: "contour", "3d", "rates" or "loss" (`figure` if None); also written to a file."""
        return draw(self, kind or self.figure, path)

    def to_html(self, path: str | PathLike) -> None:
        """Write the descent as one page for a browser that plays it: the paths on a map, velocity, accumulated squares
        and effective learning rates as they evolve, and every update in numbers. Raises FileError where it cannot."""
        VIEWS["descent_page"](self, path)


def descend(on: Surface | str | Callable, optimizers: Optimizers | None = None,
            start: Pair | None = None, steps: int = 100, seed: int = 0, batch_size: int = 1,
            engine: str = "cpu") -> Descent:
    """Walk each optimizer over a surface from the same start, on the same batches: `ct.fit`'s own steps, recorded.

    on: a surface, or what `ct.lab.surface` makes one of. optimizers: a list, or a dict that names them; the lecture's
    if None. A schedule stretches over the steps. seed: of a noisy surface's rows and their order. batch_size: rows a
    step. A path that leaves the finite numbers ends there and says so. Ctrl-C keeps the paths that
    are done.

    Raises ArgumentError for a start that is not two numbers, no optimizers, or a number of steps out of range.

    >>> import cutaway as ct
    >>> d = ct.lab.descend("ravine", [ct.optim.SGD(0.039), ct.optim.Momentum(0.039)], steps=60)
    >>> d["SGD"].turns, d["Momentum"].turns
    (59, 0)
    """
    on = on if isinstance(on, Surface) else surface(on)
    steps, seed, done = whole_number("steps", steps, most=LONGEST), int(seed), Descent(on, [])
    for name, opt in named(usual(on) if optimizers is None else optimizers).items():
        try:
            done.paths.append(_walk(on, name, opt.for_run(steps), start, steps, seed, batch_size, engine))
        except KeyboardInterrupt:
            if not done.paths:
                raise
            done.cut_short = f"interrupted while {name} was under way"
            break
    return done


def named(optimizers: Optimizers) -> dict[str, Optimizer]:
    """Name optimizers: "Adam", or with the learning rate where two would be called the same."""
    if not isinstance(optimizers, dict):
        given = [optimizers] if isinstance(optimizers, Optimizer) else list(optimizers)
        kinds = [type(opt).__name__ for opt in given]
        names = [kind if kinds.count(kind) == 1 else f"{kind} lr={getattr(opt, 'lr', opt)}"
                 for kind, opt in zip(kinds, given, strict=True)]
        names = [name if names.count(name) == 1 else f"{name} ({k + 1})" for k, name in enumerate(names)]
        optimizers = dict(zip(names, given, strict=True))
    if not optimizers:
        raise ArgumentError("optimizers must name at least one, such as [ct.optim.SGD(0.1)]")
    for name, opt in optimizers.items():
        if not isinstance(opt, Optimizer):
            raise ArgumentError(f"optimizers must be ct.optim's, such as ct.optim.Adam(0.1), got {opt!r} ({name})")
        if isinstance(opt.lr, str):
            raise ArgumentError(f'{name}: lr="auto" is for ct.fit; on a surface give a number or a schedule')
    return optimizers


def usual(on: Surface, names: Sequence[str] = LECTURE) -> list[Optimizer]:
    """Choose optimizers, the lecture's unless named, with learning rates that fit the picture.

    Plain descent has the surface's own rate, or its first step is a twentieth of the picture's width; momentum has the
    same. The steps of the others are about as long as the rate itself: a small part of the width.
    """
    (low, high), _ = on.bounds
    width = high - low
    slope = float(np.linalg.norm(on.gradient(*on.start)))
    descent = on.lr or (min(0.5, 0.05 * width / slope) if 0 < slope < np.inf else 0.1)
    rates = {"SGD": descent, "Momentum": descent, "HeavyBall": descent / 10, "Nesterov": descent / 10,
             "AdaGrad": 0.035 * width, "RMSProp": 0.007 * width, "RMSPropOutside": 0.007 * width}
    return [OPTIMIZERS[name](float(f"{rates.get(name, 0.02 * width):.3g}")) for name in names]


def _walk(on: Surface, name: str, opt: Optimizer, start: Pair | None, steps: int, seed: int, batch_size: int,
          engine: str) -> DescentPath:
    if opt.by_parameter:
        raise ArgumentError(f"{type(opt).__name__} takes whole parameters, and a surface has two weights and no more: "
                            "compare it on a network, with ct.lab.race")
    model, (X, y) = on.model(start), on.data(seed)
    program = compile(model, on.loss, opt, min(batch_size, on.rows), X, y, seed=seed, engine=engine,
                      keep_all=True)  # g is read
    program.feed(X, y)
    theta, g = model.theta, program.engine.listing.block["g"]
    points, gradients, ended = [theta.copy()], [], ""
    states: dict[str, list[np.ndarray]] = {s: [] for s in opt.state_names}
    for order in _batches(on.rows, program.engine.batch_size, seed, steps):
        if not len(program.run(order)) or not np.isfinite(theta).all():
            ended = f"at step {len(points)} J, its gradient or a weight was no longer a finite number"
            break
        points.append(theta.copy())
        gradients.append(program.value(g).copy())
        for s, values in states.items():
            values.append(program.state.read(s))
    places, slopes = np.array(points), np.array(gradients).reshape(-1, 2)
    state = {s: np.array(values).reshape(-1, 2) for s, values in states.items()}
    rates = effective_rates(opt, slopes, state)
    return DescentPath(name, opt, places, on.values(*places.T), slopes, state, rates, ended)


def _batches(rows: int, size: int, seed: int, steps: int) -> Iterator[np.ndarray]:
    """The rows of each step, as `ct.fit` takes them with this seed."""
    epoch = done = 0
    while done < steps:
        epoch += 1
        order = shuffled(np.arange(rows), seed, epoch)
        for at in range(0, rows, size)[: steps - done]:
            yield order[at : at + size]
        done = epoch * -(-rows // size)


def effective_rates(opt: Optimizer, g: np.ndarray, state: dict[str, np.ndarray]) -> np.ndarray:
    """Find what each step multiplied the gradient, or its average, with: η / (√G + ε) in AdaGrad, η in SGD. (n, 2)

    It is read off the optimizer's own rule. Behind an ε so large that nothing beside it counts, the rule's step is the
    direction divided by a known number; the rate is the real step over that direction. Both start from θ = 0, so that
    decoupled decay has no part in it.

    >>> import cutaway as ct
    >>> effective_rates(ct.optim.AdaGrad(0.1), np.array([[3.0, -4.0]]), {"G": np.array([[9.0, 16.0]])})
    array([[0.03333333, 0.025     ]])
    """
    rates, first = np.empty_like(g), opt.init(np.zeros(2))
    with np.errstate(all="ignore"):  # not a number where averages cancel to zero exactly
        for k in range(len(g)):
            before = [values[k - 1] if k else first[name] for name, values in state.items()]
            rates[k] = _rate(opt, k + 1, g[k], before)
    return rates


def _rate(opt: Optimizer, t: int, g: np.ndarray, before: list[np.ndarray]) -> Any:
    lr = opt.rate(t)
    if "eps" not in opt.settings or not lr:
        return lr  # nothing scales this rule's steps
    settings = {name: getattr(opt, name) for name in opt.settings} | {"lr": lr} | ({"t": t} if opt.uses_step else {})
    g = np.where(g == 0, 2.0**-200, g)  # a rate is there without a gradient, too

    def step(**changed: Any) -> np.ndarray:
        return type(opt).rule(np.zeros(2), g, *before, **settings | changed)[0]

    far, further = step(eps=2.0**400), step(eps=2.0**402)
    divisor = np.exp2(200 * np.log2(far / further))  # ε, or √ε where it stands inside the root
    return lr * step() / (far * divisor)
