"""Every row of the task table is learnt: on scikit-learn's bundled data, within 0.02 of its own MLP.

The houses that ship, with their words and gaps, are learnt by tests/cli/test_fit.py, as the demo.
"""

import warnings

import numpy as np
import pytest
from sklearn import datasets
from sklearn.compose import TransformedTargetRegressor
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import cutaway as ct


def parts(name, seed=0):
    X, y = getattr(datasets, f"load_{name}")(return_X_y=True)
    return train_test_split(X, y, test_size=0.25, random_state=seed, stratify=None if name == "diabetes" else y)


def sklearns(kind, X, y):
    model = make_pipeline(StandardScaler(), kind(random_state=0, max_iter=100))
    if kind is MLPRegressor:
        model = TransformedTargetRegressor(model, transformer=StandardScaler())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return model.fit(X, y)


@pytest.mark.parametrize(("name", "splits", "rows"), [
    ("breast_cancer", 1, None), ("wine", 2, None), ("digits", 1, 500)])
def test_classes(name, splits, rows):
    ours, theirs = [], []
    for seed in range(splits):
        X, Xt, y, yt = parts(name, seed)
        X, y = X[:rows], y[:rows]
        model = ct.Classifier().fit(X, y)
        assert not np.array_equal(model.model_.theta, model.design_.network(0).theta)
        ours.append(model.score(Xt, yt))
        theirs.append(sklearns(MLPClassifier, X, y).score(Xt, yt))
    assert np.mean(ours) > np.mean(theirs) - 0.02


def test_one_number():
    X, Xt, y, yt = parts("diabetes")
    model = ct.Regressor().fit(X, y)
    assert model.score(Xt, yt) > sklearns(MLPRegressor, X, y).score(Xt, yt) - 0.02
    assert not np.array_equal(model.model_.theta, model.design_.network(0).theta)


def test_several_numbers():
    X, y = ct.datasets.make("friedman", n=500)
    both = np.stack([y, 100 - 3 * X[:, 3]], 1)
    assert ct.Regressor().fit(X[:400], both[:400]).score(X[400:], both[400:]) > 0.85


def test_several_labels():
    X, y = datasets.make_multilabel_classification(500, n_classes=3, random_state=0)
    X, Xt, y, yt = train_test_split(X, y, random_state=0)
    assert ct.Classifier().fit(X, y).score(Xt, yt) > sklearns(MLPClassifier, X, y).score(Xt, yt) - 0.02
