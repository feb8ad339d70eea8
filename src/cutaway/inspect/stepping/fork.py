"""Two futures of one run, on the same batches: where they part, and how far they get from each other."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ...arguments import whole_number
from ...errors import ArgumentError
from ...shown import Shown
from ...text import columns
from .walk import Change

SHOWN = 9  # steps that a printed comparison has


@dataclass(eq=False, repr=False)
class Comparison(Shown):
    """What `ct.inspect.compare` gives.

    steps: their numbers. losses: J of each step in the first run and in the second. distance: for each parameter, the
    length of the difference of its values after each step; size: the length of the second's at the end. parted: the
    first step after which a weight or J differs, None if none does. changes: those that only the first has, and only
    the second.
    """

    steps: np.ndarray
    losses: tuple[np.ndarray, np.ndarray]
    distance: dict[str, np.ndarray]
    size: dict[str, float]
    parted: int | None
    changes: tuple[list[Change], list[Change]] = field(default_factory=lambda: ([], []))
    broke_off: str = ""

    def __str__(self) -> str:
        lines = [f"the first alone: {change!r}" for change in self.changes[0]]
        lines += [f"the second alone: {change!r}" for change in self.changes[1]]
        if not len(self.steps):
            return "\n".join([*lines, "there is no step left to compare"])
        first, last = int(self.steps[0]), int(self.steps[-1])
        span = f"step {first:,}" if first == last else f"steps {first:,} to {last:,}"
        if self.parted is None:
            return "\n".join([*lines, f"{span}: the same, to the last bit{self.broke_off}"])
        whole = np.sqrt(sum(d**2 for d in self.distance.values()))
        shown = np.unique(np.linspace(0, len(self.steps) - 1, SHOWN).round().astype(int))
        rows = [(f"{self.steps[k]:,}", *(f"{J[k]:.6g}" for J in self.losses), f"{whole[k]:.4g}") for k in shown]
        moved = [(name, f"{d[-1]:.4g}", f"{d[-1] / self.size[name]:.2g}" if self.size[name] else "")
                 for name, d in self.distance.items()]
        return "\n".join([*lines, f"{span}: they part at step {self.parted:,}{self.broke_off}", "",
                          *columns([("step", "J, first", "J, second", "‖Δθ‖"), *rows], range(4)), "",
                          *columns([(f"after step {last:,}", "‖Δ‖", "of its size"), *moved], (1, 2))])

    def __repr__(self) -> str:
        return f"Comparison({len(self.steps):,} steps, {f'parted at {self.parted}' if self.parted else 'the same'})"


def compare(a: Any, b: Any, steps: int = 100) -> Comparison:
    """Run two `Session`s that were forked from one, each with its changes, from where their changes differ to `steps`
    steps beyond where they stand. The sessions themselves do not move.

    >>> import cutaway as ct
    >>> X, y = ct.datasets.make("moons", n=64, seed=0)
    >>> s = ct.step(ct.nn.MLP(2, [4], 2).init(0), X, y, loss="cross_entropy", batch_size=16)
    >>> s.goto(5)
    >>> other = s.fork()
    >>> ct.inspect.compare(s, other, steps=20)
    Comparison(20 steps, the same)
    >>> _ = other.kill("layer1", 0)
    >>> ct.inspect.compare(s, other, steps=20).parted
    5

    Raises ArgumentError for two sessions with different data or batches.
    """
    if a.past is not b.past:
        raise ArgumentError("these sessions have batches of their own: compare a session with a fork of it, s.fork()")
    steps = whole_number("steps", steps)
    alone = tuple([c for c in one.log if not any(c is d for d in other.log)] for one, other in ((a, b), (b, a)))
    # steps that were begun count as a whole: a change within a step makes that step the first that may differ
    reached = max(one.step - (not one.done) for one in (a, b))
    first = min([c.at[0] for c in (*alone[0], *alone[1])] + [reached + 1])
    last = min(reached + int(steps), a.steps)
    a, b = a.fork(), b.fork()
    if first > last:
        return Comparison(np.zeros(0, int), (np.zeros(0), np.zeros(0)), {}, {}, None, alone)  # type: ignore[arg-type]
    for one in (a, b):
        one.goto(first)
    numbers, parted, broke_off = [], None, ""
    distance: dict[str, list[float]] = {name: [] for name, _ in a.model.named_parameters()}
    for number in range(first, last + 1):
        going = [one.one_more() for one in (a, b)]
        if not all(going):
            which = " and ".join(w for w, on in zip(("the first", "the second"), going, strict=True) if not on)
            broke_off = f"; {which} broke off at step {number:,}: J or a gradient is not finite"
            parted = parted or (number if any(going) else None)
            break
        numbers.append(number)
        for name, d in distance.items():
            d.append(_distance(a.look(name), b.look(name)))
        same = a.losses[number] == b.losses[number] and np.array_equal(a.model.theta, b.model.theta)
        parted = parted or (None if same else number)
    losses = tuple(np.array([one.losses[k] for k in numbers]) for one in (a, b))
    size = {name: float(np.linalg.norm(p.data.astype(np.float64))) for name, p in b.model.named_parameters()}
    kept = {name: np.array(d) for name, d in distance.items()}
    return Comparison(np.array(numbers, int), losses, kept, size, parted, alone, broke_off)  # type: ignore[arg-type]


def _distance(a: np.ndarray, b: np.ndarray) -> float:
    return float(np.linalg.norm(a.astype(np.float64) - b))
