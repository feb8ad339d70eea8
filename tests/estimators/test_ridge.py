"""Our ridge regression is scikit-learn's, with the same strength; of a large table it learns from some rows."""

import sys

import numpy as np
import pytest
from sklearn.linear_model import RidgeCV

from cutaway.data.limits import ALPHAS
from cutaway.estimators import baseline
from cutaway.estimators.ridge import Ridge


@pytest.mark.parametrize(("n", "width"), [(50, 7), (300, 30), (20, 60), (40, 40)])
@pytest.mark.parametrize("outputs", [0, 3])
@pytest.mark.parametrize("weighted", [False, True])
def test_ridge_regression_is_scikit_learns(n, width, outputs, weighted):
    rng = np.random.default_rng(n)
    X = rng.normal(size=(n, width)) * rng.uniform(0.1, 9, width) + 3
    X[:, 0] = X[:, 1]
    T = X[:, : max(outputs, 1)] * 2 + 3 * rng.normal(size=(n, max(outputs, 1)))
    T = T if outputs else T[:, 0]
    w = rng.uniform(0.2, 3, n) if weighted else None
    ours, theirs = Ridge().fit(X, T, w), RidgeCV(ALPHAS).fit(X, T, sample_weight=w)
    assert ours.alpha == theirs.alpha_ and ours.n_features_in_ == width
    np.testing.assert_allclose(ours.predict(X), theirs.predict(X), rtol=1e-8, atol=1e-8)


def test_blocks_of_rows_change_nothing(monkeypatch):
    rng = np.random.default_rng(0)
    X, T = rng.normal(size=(200, 5)), rng.normal(size=200)
    whole = Ridge().fit(X, T)
    monkeypatch.setattr("cutaway.estimators.ridge.BLOCK", 60)
    pieces = Ridge().fit(X, T)
    assert pieces.alpha == whole.alpha and (pieces.coef == whole.coef).all()


@pytest.mark.parametrize("kind", ["ridge", "logistic"])
def test_a_large_table_is_learnt_from_in_part_and_the_name_says_so(monkeypatch, kind):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(3000, 2))
    y = X[:, 0] + 0.1 * rng.normal(size=3000)
    y = y if kind == "ridge" else np.where(y > 0, "yes", "no")
    whole = baseline(X, y)
    module = sys.modules["cutaway.estimators.baseline"]
    monkeypatch.setattr(module, "FEWEST_OF_LINEAR", 500)
    monkeypatch.setattr(module, "ROWS_A_FEATURE", 100)
    part = baseline(X, y)
    assert whole.name == f"{kind} regression"
    said = f"{kind} regression (fitted to 500 of the 3,000 training rows: all would lower its error by some 0.4%)"
    assert part.name == said
    assert abs(part.score(X, y) - whole.score(X, y)) < 0.01
