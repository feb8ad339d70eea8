"""Training: ct.fit and ct.fit_many, the runs they return, history, metrics and events."""

from ..errors import TrainingWarning
from .events import Ended, EpochEnded, Event, Started
from .fit import fit, prepared
from .history import History
from .many import fit_many
from .metrics import METRICS
from .on_ray import RayExecutor
from .past import Past
from .run import Run

__all__ = [
    "METRICS", "Ended", "EpochEnded", "Event", "History", "Past", "RayExecutor", "Run", "Started",
    "TrainingWarning", "fit", "fit_many", "prepared",
]
