"""scikit-learn's own estimator checks, all of them, with no expected failure."""

import pytest
from sklearn.utils.estimator_checks import parametrize_with_checks

import cutaway as ct
from cutaway.sklearn import MLPClassifier, MLPRegressor


@parametrize_with_checks([ct.Classifier(), ct.Regressor(), MLPClassifier(), MLPRegressor()])
@pytest.mark.filterwarnings("ignore")  # the checks train on purpose on what deserves warnings
def test_check(estimator, check):
    check(estimator)
