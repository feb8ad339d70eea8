"""The learning-rate range test (Smith, 2017): real steps at rates that rise from tiny to huge; their losses tell which
rate is right. It is what ct.fit does first where lr="auto".
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from ..arguments import whole_number
from ..engines import Program
from ..engines.reference.engine import rates as rates_of
from ..errors import ArgumentError, TrainingError
from ..optim import Optimizer, schedules
from .past import Past

LOW, HIGH, STEPS = 1e-7, 100.0, 300  # 33 steps for each tenfold of the rate
BETA = 0.8  # of the average that smooths the losses
BELOW = 4  # the suggestion lies this factor below the rate of the lowest loss: docs/lab/lr-find.md compares rules
NEARLY = 0.01  # share of the whole fall: a loss so close to the lowest counts as lowest (perfect fits stay there)
CLEAR = 0.7  # a fall counts if the mean of a tenth of the steps falls by this share of the losses' chance differences
CHUNK = 20  # steps between two looks at the losses


@dataclass(frozen=True, eq=False)
class RangeTest:
    """A rate and a loss for each step, and what they suggest.

    rates, losses, smoothed: vectors, up to the step at which the loss diverged. suggestion: the rate to train with,
    None where the losses show none; `trouble` then says why. lowest: the rate at which the smoothed loss was first as
    low as it got. steepest: where it fell fastest. diverged: where it diverged, None if it never did.
    """

    rates: np.ndarray
    losses: np.ndarray
    smoothed: np.ndarray
    suggestion: float | None
    lowest: float | None
    steepest: float | None
    diverged: float | None
    trouble: str = ""

    def found(self) -> float:
        """Give the suggestion. Raises TrainingError where there is none."""
        if self.suggestion is None:
            raise TrainingError(f'lr="auto" found no learning rate: {self.trouble}. Or give a number')
        return self.suggestion


def rising(optimizer: Optimizer, low: float = LOW, high: float = HIGH, steps: int = STEPS) -> Optimizer:
    """Make the optimizer of a range test: its rate rises by the same factor each step, from `low` to `high`."""
    steps = whole_number("steps", steps, 30)
    if not 0 < low < high < float("inf"):
        raise ArgumentError(f"low and high must be rates with 0 < low < high, got {low!r} and {high!r}")
    return replace(optimizer, lr=schedules.exponential(low, (high / low) ** (1 / (steps - 1))))


def range_test(program: Program, past: Past, steps: int = STEPS) -> RangeTest:
    """Train for `steps` steps, or until the loss diverges, then put everything back as it was.

    program: compiled with a `rising` optimizer, on the data and batches of `past`.
    """
    optimizer = program.engine.optimizer
    assert optimizer is not None
    before, losses = program.state.copy(), np.zeros(0)
    try:
        with np.errstate(all="ignore"):  # it is meant to diverge
            for chunk in _chunks(program, past):
                losses = np.append(losses, chunk)[:steps]
                if len(losses) == steps or not program.engine.finite or _divergence(losses, steps) is not None:
                    break
    finally:
        program.state.put(before)
    return read(rates_of(optimizer, 1, steps), losses)


def _chunks(program: Program, past: Past):
    """Give the losses of steps without end, epoch after epoch, as fit would do them."""
    epoch = 0
    while True:
        epoch += 1
        for order, rows in past.batches_of(program, past.order(epoch)):
            for position in range(0, rows, CHUNK * past.batch_size):
                yield program.run(order, position, CHUNK)


def read(rates: np.ndarray, losses: np.ndarray) -> RangeTest:
    """Read the losses at rising rates: they suggest a quarter of the rate at which the smoothed loss was lowest.

    rates: all that were to be tried. losses: of the steps done; where they are fewer, the next was not finite.
    """
    end = _divergence(losses, len(rates))
    last = len(losses) if end is None else end  # the step that diverged, if one did
    diverged = float(rates[last]) if last < len(rates) else None
    losses = losses[: last + 1]
    curve = smooth(losses)
    k = _lowest(losses, curve[:last], len(rates))
    shown = rates[: len(losses)], losses, curve
    trouble = _trouble(rates, losses, curve, k, diverged)
    if trouble:
        return RangeTest(*shown, None, None, None, diverged, trouble)
    suggestion = float(f"{rates[k] / BELOW:.2g}")  # two digits: no machine's last bit counts
    return RangeTest(*shown, suggestion, float(rates[k]), _steepest(rates, losses[: k + 1]), diverged)


def _trouble(rates: np.ndarray, losses: np.ndarray, curve: np.ndarray, k: int, diverged: float | None) -> str:
    """Say why the losses, lowest at step k, suggest no rate; "" if they do."""
    quiet = _quiet(len(rates))
    if diverged is not None and diverged <= rates[quiet]:
        return (f"the loss diverges almost at once, at a learning rate of {diverged:.2g}: bring inputs and targets to "
                "a scale of about one, or start the range test lower")
    start, spread = _start(losses, len(rates))
    level = np.convolve(losses[: len(curve) - (diverged is not None)], np.full(quiet, 1 / quiet), "valid").min()
    if start - level <= max(CLEAR * spread, 1e-3 * abs(start)):
        end = f"and diverges at {diverged:.2g}" if diverged is not None else f"up to a learning rate of {rates[-1]:g}"
        return (f"the loss does not fall below the {start:.4g} that it begins with, {end}: the model may be trained "
                "already, or its gradient be zero or wrong (ct.diagnose looks into that)")
    if k == quiet:
        return (f"the loss is lowest at a learning rate of {rates[k]:.2g}, almost at the start, and rises from there: "
                "start the range test lower")
    if diverged is None and k > 0.97 * len(rates):
        return f"the loss still falls at the highest learning rate, {rates[-1]:g}: let the range test go higher"
    return ""


def smooth(losses: np.ndarray) -> np.ndarray:
    """The exponential average m ← β m + (1 - β) J of the losses, without the bias of its start: m / (1 - βᵗ).

    >>> smooth(np.array([3.0, 3.0, 3.0]))
    array([3., 3., 3.])
    """
    m, out = 0.0, np.empty(len(losses))
    for k, loss in enumerate(losses):
        m = BETA * m + (1 - BETA) * loss
        out[k] = m / (1 - BETA ** (k + 1))
    return out


def _divergence(losses: np.ndarray, steps: int) -> int | None:
    """Find the first step whose smoothed loss is as far above the start as it had been below, and beyond the noise."""
    if len(losses) <= _quiet(steps):
        return None
    start, spread = _start(losses, steps)
    curve = smooth(losses)
    fallen = start - np.minimum.accumulate(curve)
    above = curve - start > np.maximum(np.maximum(fallen, 4 * spread), 1e-3 * abs(start))
    above[: _quiet(steps)] = False
    return int(np.argmax(above)) if above.any() else None


def _lowest(losses: np.ndarray, curve: np.ndarray, steps: int) -> int:
    """Find the first step after the quiet ones whose smoothed loss is the lowest, or a hundredth of the fall above."""
    quiet = _quiet(steps)
    if len(curve) <= quiet:
        return 0
    low = curve[quiet:].min()
    return quiet + int(np.argmax(curve[quiet:] <= low + NEARLY * max(_start(losses, steps)[0] - low, 0.0)))


def _start(losses: np.ndarray, steps: int) -> tuple[float, float]:
    """Measure mean and spread of the losses from batch to batch, before rates are large enough to change them."""
    quiet = losses[: _quiet(steps)]
    return float(quiet.mean()), float(np.std(np.diff(quiet)) / np.sqrt(2))


def _quiet(steps: int) -> int:
    """The number of steps, at the start, whose rates are too small to change the loss."""
    return max(5, steps // 10)


def _steepest(rates: np.ndarray, losses: np.ndarray) -> float:
    """Find the rate at which the loss falls most, from the median of half a tenfold of rates to that of the next."""
    half = max(1, min(round(0.5 / np.log10(rates[1] / rates[0])), len(losses) // 2))
    medians = np.median(np.lib.stride_tricks.sliding_window_view(losses, half), axis=1)
    return float(rates[half + np.argmax(medians[:-half] - medians[half:])])
