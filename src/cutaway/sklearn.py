"""Drop-ins for scikit-learn's multilayer perceptrons: `from cutaway.sklearn import MLPClassifier, MLPRegressor`.

Arguments, attributes and, for the same random_state, weights are scikit-learn's; the training is a compiled program.
"""

from .estimators.mlp import MLPClassifier, MLPRegressor

__all__ = ["MLPClassifier", "MLPRegressor"]
