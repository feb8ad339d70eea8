"""Callbacks that write down how a training goes, for files and for the tools that show it.

They only look: a run with them has the bits of one without. `ct.fit` and estimators take them in `callbacks=`.
"""

from .csv import CSV
from .mlflow import MLflow
from .pruning import Pruning
from .tensorboard import TensorBoard
from .tracker import Tracker

__all__ = ["CSV", "MLflow", "Pruning", "TensorBoard", "Tracker"]
