"""scikit-learn's MLPClassifier and MLPRegressor, trained by a compiled program: public as cutaway.sklearn."""

from . import persistence
from .classifier import MLPClassifier
from .regressor import MLPRegressor

__all__ = ["MLPClassifier", "MLPRegressor", "persistence"]
