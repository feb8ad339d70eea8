"""scikit-learn's own estimator checks."""

import functools

import pytest
from sklearn.utils.estimator_checks import estimator_checks_generator

import cutaway as ct


def checks():
    for kind in (ct.Classifier, ct.Regressor):
        for estimator, check in estimator_checks_generator(kind()):
            name = (check.func if isinstance(check, functools.partial) else check).__name__
            yield pytest.param(estimator, check, id=f"{kind.__name__}-{name}")


@pytest.mark.parametrize(("estimator", "check"), list(checks()))
@pytest.mark.filterwarnings("ignore")
def test_check(estimator, check):
    check(estimator)
