"""Training: ct.fit and ct.fit_many, the runs they return, history, metrics and events."""

from .events import Ended, EpochEnded, Event, Started
from .fit import TrainingWarning, fit
from .history import History
from .many import fit_many
from .metrics import METRICS
from .run import Run

__all__ = [
    "METRICS", "Ended", "EpochEnded", "Event", "History", "Run", "Started", "TrainingWarning", "fit", "fit_many",
]  # fmt: skip
