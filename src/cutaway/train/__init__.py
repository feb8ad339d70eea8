"""Training: ct.fit, the run it returns, its history, metrics and events."""

from .events import Ended, EpochEnded, Event, Started
from .fit import TrainingWarning, fit
from .history import History
from .metrics import METRICS
from .run import Run

__all__ = ["METRICS", "Ended", "EpochEnded", "Event", "History", "Run", "Started", "TrainingWarning", "fit"]
