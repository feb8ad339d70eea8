"""scikit-learn's MLPClassifier and MLPRegressor, trained by a compiled program: public as cutaway.sklearn."""

from .classifier import MLPClassifier
from .regressor import MLPRegressor

__all__ = ["MLPClassifier", "MLPRegressor"]
