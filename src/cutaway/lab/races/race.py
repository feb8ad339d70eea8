"""The race: several optimizers on your own network and data, each with its best learning rate, over many seeds."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ... import losses
from ...arguments import whole_number
from ...errors import ArgumentError, check_name
from ...nn import Module
from ...optim import Optimizer
from ...random import stream
from ...train import EpochEnded, Event, Run, Started, fit
from ..models import fresh, loss_for, opened
from .comparing import HIGHER
from .entrants import entered, grid, with_rate
from .race_result import Race
from .trials import train_all

TUNING_SEEDS = 3  # that each learning rate is tried on; no race seed is among them
POINTS = 40  # of a curve, at most
SMOOTH = 512  # rows that a point is the mean of, at least (of small data half an epoch)
TIMED, LOOKS = 0.03, 3  # seconds of steps, so many times, to say how long one takes
REACHED = 0.75  # of all runs end at the target or below it, where none is given


def race(model: Module | Callable[[], Module], X: Any, y: Any, optimizers: Any = None, loss: str | Callable = "auto",
         seeds: int = 10, budget: int = 6, epochs: int = 20, batch_size: int | str = 32, validation: Any = 0.2,
         target: float | None = None, by: str | None = None, seed: int = 0, paths: bool = False,
         workers: int | None = None, progress: bool | None = None, executor: Any = None, engine: str = "cpu",
         device: str | None = None) -> Race:
    """Let optimizers train the same network on the same data, with equal care for each, and say who is ahead.

    >>> import cutaway as ct
    >>> X, y = ct.datasets.make("moons", n=200, seed=0)
    >>> found = ct.lab.race(ct.nn.MLP(2, [8], 2), X, y, ["SGD", "Adam"], seeds=3, budget=2, epochs=2)
    >>> found.scores["val_loss"].shape
    (2, 3)

    model: a network, or a function that makes one; every run starts from the first weights of its seed, and a seed's
    weights, validation rows and batches are the same for all optimizers: a run is `ct.fit(fresh(model, s), X, y,
    optimizer=..., seed=s, validation=validation, ...)`. X, y, loss, epochs, batch_size, validation: as `ct.fit` has
    them; loss "auto" follows from y.
    optimizers: names or optimizers, or a dict of either; by default the lecture's six. For each, `budget` learning
    rates around its own (or its usual one) are tried on seeds that are not raced, then the best of them races.
    by: "val_loss" (with validation data, the default), "loss", "accuracy" or "r2". target: a training loss; by default
    one that three in four runs reach. paths: keep the weights along the first seed's runs, for `slice`.
    executor: who trains, as `ct.fit_many` takes it. engine, device: what runs it, as `ct.fit` takes them.
    Arguments are many because this one call is the whole experiment.

    A run that diverges is reported and the others go on. Ctrl-C ends the race; seeds that all have finished stay.
    Raises ArgumentError for unknown names and numbers out of range, and what `ct.fit` raises for the data.
    """
    seeds, budget = whole_number("seeds", seeds), whole_number("budget", budget)
    if paths and executor is not None:
        raise ArgumentError("paths=True looks at weights while they are trained in this process: leave out executor=")
    if isinstance(validation, tuple | list):
        validation = *opened(model, validation[0], validation[1], loss)[1:3], *validation[2:]
    model, X, y, loss = opened(model, X, y, loss)
    starters = entered(optimizers)
    course = _Course(model, X, y, loss, epochs, batch_size, validation, engine, device)
    by = course.decides(by)
    drawn = stream(seed, "race").choice(2**31, seeds + TUNING_SEEDS, replace=False).tolist()
    raced, tried = drawn[:seeds], drawn[seeds:] if budget > 1 else []
    alone = [course.alone(optimizer, raced[0]) for optimizer in starters.values()]
    step_seconds = _step_seconds(alone)
    course.learnt = alone[0].past.data.part(alone[0].past.rows)

    rates = np.array([grid(optimizer, budget) for optimizer in starters.values()])
    entries = (course.entry(with_rate(optimizer, rate), s)
               for s in tried for optimizer, row in zip(starters.values(), rates, strict=True) for rate in row)
    trials, cut = train_all(entries, len(tried) * rates.size, "tuning", workers, progress,
                            executor)
    tuning = np.moveaxis(_scores(trials, by).reshape(-1, *rates.shape), 0, -1)
    best = _best(rates, tuning, by)

    keepers = {name: _Keeper() for name in starters} if paths else {}
    entries = (course.entry(with_rate(optimizer, rate), s, [keepers[name]] if paths and s == raced[0] else [])
               for s in ([] if cut else raced) for (name, optimizer), rate in zip(starters.items(), best, strict=True))
    trials, stopped = train_all(entries, seeds * len(starters), "racing", workers, progress, executor)

    by_seed = np.reshape(np.array(trials, object), (seeds, len(starters)))
    whole = [k for k, row in enumerate(by_seed) if None not in row]
    done = by_seed[whole].T
    scores = {name: _scores(done, name) for name in course.scored}
    lasts = scores["loss"][np.isfinite(scores["loss"])]
    points = max(2 * epochs, epochs * len(alone[0].past.rows) // SMOOTH)
    steps, curves = _curves(done, epochs * len(alone[0].steps), points)
    return Race(
        names=list(starters), by=by, rates=rates, tuning=tuning, rate=best, seeds=[raced[k] for k in whole],
        scores=scores, steps=steps, curves=curves, step_seconds=step_seconds,
        target=float(target if target is not None else np.quantile(lasts, REACHED) if lasts.size else np.nan),
        diverged=_each(done, lambda trial: len(trial.steps) + 1 if trial.trouble else 0).astype(int),
        troubles={name: [trial.trouble for trial in row if trial.trouble]
                  for name, row in zip(starters, done, strict=True)},
        cut_short="Ctrl-C while learning rates were tried" if cut else "Ctrl-C" if stopped else "",
        paths={name: np.array(keeper.weights) for name, keeper in keepers.items() if 0 in whole}, _course=course,
    )


class _Course:
    """What all runs of a race have in common."""

    def __init__(self, model: Any, X: Any, y: Any, loss: Any, epochs: int, batch_size: Any, validation: Any,
                 engine: str, device: str | None) -> None:
        self.model, self.X, self.y = model, X, y
        self.loss = losses.get(loss_for(loss, fresh(model, 0), X, y, learns=True))
        labels = self.loss is losses.binary_cross_entropy or (
            self.loss is losses.cross_entropy and np.asarray(y).dtype.kind != "f")
        numbers = self.loss in (losses.mse, losses.half_mse, losses.mae, losses.huber)
        self.metric = "accuracy" if labels else "r2" if numbers else ""
        self.learnt: Any = None  # the rows that the first seed learns from
        self.scored = ["loss"]
        self.options = {"epochs": epochs, "batch_size": batch_size, "engine": engine, "device": device}
        if validation is not None:
            self.scored += ["val_loss", *([self.metric] if self.metric else [])]
            self.options |= {"validation": validation, "metrics": [self.metric] if self.metric else []}

    def decides(self, by: str | None) -> str:
        """The score that chooses learning rates and compares."""
        by = by or ("val_loss" if "val_loss" in self.scored else "loss")
        hint = "" if "val_loss" in self.scored else "Scores on validation data need validation=0.2."
        check_name(by, self.scored, "score of this race", hint)
        return by

    def entry(self, optimizer: Optimizer, seed: int, callbacks: Any = ()) -> dict[str, Any]:
        """The arguments of `ct.fit`."""
        return {"model": fresh(self.model, seed), "X": self.X, "y": self.y, "loss": self.loss, "optimizer": optimizer,
                "seed": seed, "callbacks": callbacks, **self.options}

    def alone(self, optimizer: Optimizer, seed: int) -> Run:
        """Do one epoch alone, on one thread. At a learning rate of zero nothing can diverge; the work is the same."""
        return fit(**self.entry(with_rate(optimizer, 0.0), seed) | {"epochs": 1}, threads=1, progress=False)


class _Keeper:
    """Keeps a run's weights, at its start and after each epoch."""

    def __init__(self) -> None:
        self.weights: list[np.ndarray] = []

    def __call__(self, event: Event) -> None:
        if isinstance(event, Started | EpochEnded):
            self.weights.append(event.run.model.theta.copy())


def _step_seconds(alone: list[Run]) -> np.ndarray:
    """Time a training step of each run; all are over. The shortest of some looks: other work only adds to it."""
    return np.min([[_step_seconds_now(run) for run in alone] for _ in range(LOOKS)], axis=0)


def _step_seconds_now(alone: Run) -> float:
    each = alone.seconds / len(alone.steps)
    if not alone.program.engine.rows:
        return each  # the data is on disk, and steps wait for it
    return float(alone.program.profile(int(np.clip(TIMED / each, 5, 5000))).step * 1e-6)


def _best(rates: np.ndarray, tuning: np.ndarray, by: str) -> np.ndarray:
    """The rate with the best mean score for each optimizer; the middle one where none was tried or all diverged."""
    cost = (-tuning if by in HIGHER else tuning).sum(-1)  # not a number where one run broke off
    cost = np.where(np.isfinite(cost), cost, np.inf)
    chosen = np.where((cost < np.inf).any(1), cost.argmin(1), (rates.shape[1] - 1) // 2)
    return rates[np.arange(len(rates)), chosen]


def _scores(trials: Any, name: str) -> np.ndarray:
    """Score each trial; NaN for those that broke off, or were not done."""
    column = f"val_{name}" if name in HIGHER else name
    return _each(np.array(trials, object), lambda trial: np.nan if trial is None else trial.score(column))


def _curves(trials: np.ndarray, steps: int, points: int) -> tuple[np.ndarray, np.ndarray]:
    """The loss along trials of any shape, (..., points): means of so many steps, infinite once a run has broken off."""
    edges = np.unique(np.linspace(0, steps, min(points, POINTS, steps) + 1).round().astype(int))
    starts, ends = edges[:-1], edges[1:]
    every = np.full((trials.size, steps), np.inf)
    for J, trial in zip(every, trials.ravel(), strict=True):
        J[: len(trial.steps)] = trial.steps
    means = np.add.reduceat(every, starts, axis=1) / (ends - starts)
    return ends, means.reshape(*trials.shape, len(ends))


def _each(trials: np.ndarray, number: Callable[[Any], float]) -> np.ndarray:
    return np.array([number(trial) for trial in trials.ravel()], float).reshape(trials.shape)
