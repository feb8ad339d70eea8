"""scikit-learn's own estimator checks, with no expected failure."""

import pytest
from sklearn.utils.estimator_checks import estimator_checks_generator, parametrize_with_checks

import cutaway as ct
from cutaway.sklearn import MLPClassifier, MLPRegressor
from depth import THOROUGH

pytestmark = pytest.mark.filterwarnings("ignore")  # the checks train on purpose on what deserves warnings


@parametrize_with_checks([ct.Regressor([16], epochs=60), MLPClassifier(max_iter=60)])
def test_check(estimator, check):
    """With other Pythons too (make short): a regressor and a classifier, one of either family."""
    check(estimator)


def _of_its_own(check):
    """Whether a check is of classes or of numbers to predict: the others, an estimator has in common with one above."""
    return not check.keywords and any(word in check.func.__name__ for word in ("class", "regress", "supervised"))


@pytest.mark.parametrize(("estimator", "check"), [
    pytest.param(estimator, check, id=f"{type(estimator).__name__}-{check.func.__name__}")
    for kind in (ct.Classifier(epochs=30), MLPRegressor(max_iter=60))
    for estimator, check in estimator_checks_generator(kind) if THOROUGH or _of_its_own(check)])
def test_check_of_the_others(estimator, check):
    check(estimator)
