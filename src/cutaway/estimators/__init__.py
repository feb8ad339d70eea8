"""Whole problems: from a raw table to a trained network, in scikit-learn's conventions."""

from . import persistence
from .baseline import Baseline, baseline
from .classifier import Classifier
from .design import Design, design
from .honest import Advice, honest_split
from .importance import Importance, permutation_importance
from .regressor import Regressor
from .rivals import Rivals, compare

__all__ = [
    "Advice", "Baseline", "Classifier", "Design", "Importance", "Regressor", "Rivals", "baseline", "compare", "design",
    "honest_split", "permutation_importance", "persistence",
]
