"""scikit-learn's MLPClassifier and MLPRegressor, trained by a compiled program: public as cutaway.sklearn."""

from . import persistence
from .base import MLPEstimator
from .classifier import MLPClassifier
from .exchange import from_sklearn, to_sklearn
from .regressor import MLPRegressor

__all__ = ["MLPClassifier", "MLPEstimator", "MLPRegressor", "from_sklearn", "persistence", "to_sklearn"]
