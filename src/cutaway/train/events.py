"""What callbacks hear: a callback is any function of one event. `event.run.stop("reason")` ends the training."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..errors import ArgumentError

if TYPE_CHECKING:
    from .run import Run


@dataclass(frozen=True)
class Started:
    """Training is about to begin."""

    run: Run


@dataclass(frozen=True)
class EpochEnded:
    """An epoch is over; `row` is its row of the history."""

    run: Run
    epoch: int
    row: dict[str, float]


@dataclass(frozen=True)
class Ended:
    """Training is over; `run.stopped` says why. It comes once for each `Started`, also where an error ended it."""

    run: Run


Event = Started | EpochEnded | Ended


def checked_callbacks(callbacks: Any) -> tuple[Callable, ...]:
    """The callbacks, one or several, as a tuple. Raises ArgumentError for what cannot be called."""
    every = tuple(callbacks) if isinstance(callbacks, Iterable) else (callbacks,)
    if not all(map(callable, every)):
        raise ArgumentError(f"callbacks must be functions of an event, in a list, got {callbacks!r}")
    return every
