"""Schedules: the learning rate as a function of the step t (from 1).

`steps=None` means the whole run, filled in by `ct.fit`; so is a peak of "auto". Every schedule also takes an array of
steps.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Literal

import numpy as np

from .. import habits
from ..arguments import whole_number
from ..errors import ArgumentError

AUTO: Literal["auto"] = "auto"
Rate = float | Literal["auto"]


def known(lr: Rate) -> float:
    """Check that a learning rate is known. Raises ArgumentError for one that is still to be found."""
    if lr == AUTO:
        raise ArgumentError('lr="auto" is for ct.fit, which finds a rate before it trains: here lr must be a number')
    return float(lr)


@dataclass(frozen=True)
class Schedule:
    """peak lr times a factor of the number of updates before this one and (without `relative`: alone) in the run."""

    lr: Rate
    factor: Callable
    label: str
    steps: int | None = None
    relative: bool = True

    def __call__(self, t):
        lr = known(self.lr)
        if not self.relative:
            return lr * self.factor(np.asarray(t, float) - 1)
        if self.steps is None:
            raise ArgumentError(f"{self.label} needs steps= outside of ct.fit, which fills in the length of its run")
        return lr * self.factor(np.clip(np.asarray(t, float) - 1, 0, None), max(self.steps, 1))

    def for_run(self, steps: int) -> Schedule:
        return self if self.steps is not None or not self.relative else replace(self, steps=steps)

    def at(self, lr: Rate) -> Schedule:
        """Give this schedule another peak."""
        return replace(self, lr=lr, label=self.label.replace(_written(self.lr), _written(lr), 1))

    def __repr__(self) -> str:
        return self.label


def _written(lr: Rate) -> str:
    return repr(AUTO) if lr == AUTO else f"{lr:g}"


def _at_least_one(schedule: str, name: str, steps: int | None) -> None:
    if steps is not None and not steps >= 1:
        raise ArgumentError(f"{schedule}: {name} must be at least 1, got {steps!r}")


def _constant(t):
    return np.ones_like(t)


def _step(t, every, factor):
    return factor ** np.floor(t / every)


def _exponential(t, decay):
    return decay**t


def _cosine(t, steps, floor):
    return floor + (1 - floor) * 0.5 * (1 + np.cos(np.pi * np.minimum(t / steps, 1)))


def _one_cycle(t, steps, rise, start, end):
    top, last = rise * steps - 1, steps - 1  # the places of the peak and of the end, as PyTorch has them
    up = start + (1 - start) * 0.5 * (1 - np.cos(np.pi * np.clip(t / top, 0, 1))) if top > 0 else np.ones_like(t)
    behind = np.clip((t - top) / (last - top), 0, 1) if last else np.zeros_like(t)  # a run of one update is at the peak
    return np.where(t <= top, up, end + (1 - end) * 0.5 * (1 + np.cos(np.pi * behind)))


def _flat_cosine(t, steps, flat):
    return 0.5 * (1 + np.cos(np.pi * np.clip((t / steps - flat) / (1 - flat), 0, 1)))


def _coslog(t, steps, waves):
    return 0.5 * (1 - np.cos(2 * np.pi * np.log2(1 + (2**waves - 1) * np.minimum((t + 0.5) / steps, 1))))


def constant(lr: Rate) -> Schedule:
    """Keep one rate."""
    return Schedule(lr, _constant, f"constant({_written(lr)})", relative=False)


def step(lr: Rate, every: int, factor: float = 0.1) -> Schedule:
    """lr · factor^⌊(t - 1) / every⌋"""
    _at_least_one("step", "every", every)
    label = f"step({_written(lr)}, {every}, {factor:g})"
    return Schedule(lr, partial(_step, every=every, factor=factor), label, relative=False)


def exponential(lr: Rate, decay: float) -> Schedule:
    """lr · decay^(t - 1)"""
    return Schedule(lr, partial(_exponential, decay=decay), f"exponential({_written(lr)}, {decay:g})", relative=False)


def cosine(lr: Rate, steps: int | None = None, floor: float = 0.0) -> Schedule:
    """Half a cosine wave from lr down to floor · lr (Loshchilov and Hutter, 2017).

    lr · (floor + (1 - floor) · ½ (1 + cos(π (t - 1) / steps))): the floor is reached behind the last update, so that
    all of them do something. Also torch's CosineAnnealingLR, Keras's CosineDecay and optax's cosine_decay_schedule.

    >>> import cutaway as ct
    >>> ct.optim.schedules.cosine(1.0, steps=4)([1, 2, 3, 4]).round(4)
    array([1.    , 0.8536, 0.5   , 0.1464])
    """
    _at_least_one("cosine", "steps", steps)
    return Schedule(lr, partial(_cosine, floor=floor), f"cosine({_written(lr)})", steps)


def flat_cosine(lr: Rate, steps: int | None = None, flat: float = 0.5) -> Schedule:
    """lr for the first `flat` of the run, then half a cosine wave down to 0.

    >>> import cutaway as ct
    >>> ct.optim.schedules.flat_cosine(1.0, steps=8)([1, 5, 6, 7, 8]).round(4)
    array([1.    , 1.    , 0.8536, 0.5   , 0.1464])
    """
    _at_least_one("flat_cosine", "steps", steps)
    if not 0 <= flat < 1:
        raise ArgumentError(f"flat_cosine: flat must lie in [0, 1), got {flat!r}")
    return Schedule(lr, partial(_flat_cosine, flat=flat), f"flat_cosine({_written(lr)})", steps)


def coslog(lr: Rate, steps: int | None = None, waves: int = 4) -> Schedule:
    """Waves from 0 up to lr and back, each twice as long as the one before.

    lr · ½ (1 - cos(2π log₂(1 + (2^waves - 1) s))), where s goes from 0 to 1 over the run (Holzmüller et al., 2024,
    "Better by default", with 4 waves). s is taken in the middle of an update, so that the first one does something.
    Early waves try rates fast, the last one takes half of the run, and its second half lets the weights settle.

    >>> import cutaway as ct
    >>> ct.optim.schedules.coslog(1.0, steps=300)([1, 9, 25, 45, 140, 300]).round(2)
    array([0.01, 1.  , 0.22, 0.69, 0.  , 0.  ])
    """
    _at_least_one("coslog", "steps", steps)
    waves = whole_number("coslog: waves", waves)
    return Schedule(lr, partial(_coslog, waves=waves), f"coslog({_written(lr)})", steps)


def one_cycle(lr: Rate, steps: int | None = None, rise: float = 0.3, start: float = 0.04,
              end: float = 4e-6) -> Schedule:
    """Up to lr over the first `rise` of the run, then down to end · lr, both as half a cosine wave (Smith, 2018).

    The peak lies at update rise · steps, the end at the last update, as in torch's OneCycleLR, but for a run of one
    update, which is at the peak.
    """
    _at_least_one("one_cycle", "steps", steps)
    if not 0 <= rise < 1:
        raise ArgumentError(f"one_cycle: rise must lie in [0, 1), got {rise!r}")
    return Schedule(lr, partial(_one_cycle, rise=rise, start=start, end=end), f"one_cycle({_written(lr)})", steps)


@dataclass(frozen=True, repr=False)
class Warmup(Schedule):
    """A straight line up to the first value of another schedule, which then begins."""

    after: Schedule | Rate = 0.0
    rise: int = 0

    def __call__(self, t):
        t = np.asarray(t, float)
        after = self.after if isinstance(self.after, Schedule) else constant(self.after)
        return np.where(t <= self.rise, after(1) * t / (self.rise + 1), after(np.maximum(t - self.rise, 1)))

    def for_run(self, steps: int) -> Schedule:
        after = self.after.for_run(steps - self.rise) if isinstance(self.after, Schedule) else self.after
        return replace(self, after=after)

    def at(self, lr: Rate) -> Schedule:
        return warmup(self.after.at(lr) if isinstance(self.after, Schedule) else lr, self.rise)


def warmup(schedule: Schedule | Rate, steps: int) -> Schedule:
    """A linear rise over `steps` steps in front of any schedule or constant rate."""
    peak = schedule.lr if isinstance(schedule, Schedule) else schedule
    return Warmup(peak, _constant, f"warmup({schedule!r}, {steps})", relative=False, after=schedule, rise=steps)


def __getattr__(name: str):
    raise habits.UnknownName("ct.optim.schedules", name, habits.SCHEDULES, lambda: globals())
