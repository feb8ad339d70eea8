"""Whole problems: from a raw table to a trained network, in scikit-learn's conventions."""

from . import persistence
from .baseline import Baseline, baseline
from .classifier import Classifier
from .design import Design, design
from .importance import Importance, permutation_importance
from .regressor import Regressor

__all__ = [
    "Baseline", "Classifier", "Design", "Importance", "Regressor", "baseline", "design", "permutation_importance",
    "persistence",
]
