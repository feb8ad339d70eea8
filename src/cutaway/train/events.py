"""What callbacks hear: a callback is any function of one event. `event.run.stop("reason")` ends the training."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

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
    """Training is over; `run.stopped` says why."""

    run: Run


Event = Started | EpochEnded | Ended
