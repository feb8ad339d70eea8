"""scikit-learn's own estimator checks, all of them, with no expected failure."""

import pytest
from sklearn.utils.estimator_checks import parametrize_with_checks

import cutaway as ct
from cutaway.sklearn import MLPClassifier, MLPRegressor

pytestmark = pytest.mark.filterwarnings("ignore")  # the checks train on purpose on what deserves warnings


@parametrize_with_checks([ct.Regressor(epochs=60), MLPClassifier(max_iter=60)])
def test_check(estimator, check):
    """With other Pythons too (make short): a regressor and a classifier, one of either family."""
    check(estimator)


@parametrize_with_checks([ct.Classifier(epochs=30), MLPRegressor(max_iter=60)])
def test_check_of_the_others(estimator, check):
    check(estimator)
