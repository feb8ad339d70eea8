"""The linear model beside networks of images and long sequences sees all that they see, as scikit-learn's would."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression, Ridge

import cutaway as ct
from cutaway.estimators import baseline, wide
from cutaway.estimators.wide import WideLinear, affordable, drawn

rng = np.random.default_rng(0)


def rows(n, width, outputs=1):
    Z = rng.normal(size=(n, width)) + 5
    return Z, Z @ rng.normal(size=(width, outputs)) / np.sqrt(width) + 0.1 * rng.normal(size=(n, outputs)) + 3


@pytest.mark.parametrize(("n", "width"), [(60, 200), (200, 60)], ids=["few rows", "many rows"])
@pytest.mark.parametrize("weighted", [False, True])
def test_ridge_regression_is_scikit_learns_at_the_strength_chosen(n, width, weighted, monkeypatch):
    Z, T = rows(n, width, 2)
    w = rng.random(n) + 0.5 if weighted else np.ones(n)
    monkeypatch.setattr(wide, "ALPHAS", (7.0,))
    expected = Ridge(7.0 * w.mean()).fit(Z, T, w).predict(Z)
    assert WideLinear("multi-output regression", 2).fit(Z, T, w).predict(Z) == pytest.approx(expected, abs=1e-6)


def test_the_strength_suits_the_noise():
    Z, T = rows(100, 300)
    noisy = T + 3 * rng.normal(size=T.shape)
    fits = [WideLinear("regression", 1).fit(Z, y) for y in (T[:, 0], noisy[:, 0])]
    assert np.square(fits[0].coef).sum() > 0 and np.corrcoef(fits[0].predict(Z), T[:, 0])[0, 1] > 0.95
    assert np.std(fits[1].predict(Z)) < 0.9 * np.std(noisy)


@pytest.mark.parametrize(("n", "width"), [(80, 300), (300, 80)], ids=["few rows", "many rows"])
@pytest.mark.parametrize("classes", [2, 3])
def test_logistic_regression_is_scikit_learns_on_the_rows_themselves(n, width, classes, monkeypatch):
    Z, z = rows(n, width)
    T = np.digitize(z[:, 0], [z.mean()] if classes == 2 else np.quantile(z, [0.3, 0.7]))
    monkeypatch.setattr(wide, "STRENGTHS", (0.01,))
    monkeypatch.setattr(wide, "STEPS", 2000)
    expected = LogisticRegression(C=0.01, max_iter=2000, tol=1e-8).fit(Z - Z.mean(0), T).predict_proba(Z - Z.mean(0))
    found = WideLinear("binary" if classes == 2 else "multiclass", classes).fit(Z, T)
    assert found.predict_proba(Z) == pytest.approx(expected, abs=1e-3)
    assert np.array_equal(found.predict(Z), expected.argmax(1))


def test_labels_and_classes_that_some_rows_lack():
    Z, z = rows(90, 200)
    labels = np.c_[z[:, 0] > 3, np.ones(90), np.zeros(90)].astype(int)
    p = WideLinear("multilabel", 3).fit(Z, labels).predict_proba(Z)
    assert p.shape == (90, 3) and p[:, 1].min() > 0.99 and p[:, 2].max() < 0.01
    assert ((p[:, 0] > 0.5) == labels[:, 0]).mean() > 0.9
    T = np.where(z[:, 0] > 3, 3, 1)
    p = WideLinear("multiclass", 4).fit(Z, T).predict_proba(Z)
    assert p.shape == (90, 4) and p[:, [0, 2]].max() < 1e-6 and (p.argmax(1) == T).mean() > 0.9


HOURS = np.arange(1500)
LOAD = np.sin(2 * np.pi * HOURS / 24) + 0.1 * rng.normal(size=len(HOURS))


@pytest.mark.parametrize(("length", "features", "horizon"), [(256, 1, 1), (257, 1, 1), (1025, 1, 1), (300, 2, 6)])
def test_a_long_window_is_no_worse_than_a_short_one(length, features, horizon):
    series = np.c_[LOAD, rng.normal(size=(len(LOAD), features - 1))]
    cut = ct.data.windows(series, length, horizon, target=0)
    learn, test = ct.data.forecast_split(cut, 0.2)
    linear = baseline(cut[learn], cut.y[learn])
    assert linear.encode(cut[test][:1]).shape == (1, length * features)
    assert linear.score(cut[test], cut.y[test]) > 0.95


def test_so_many_rows_are_learnt_from_as_time_and_memory_allow():
    for n, width in ((10**6, 300), (20_000, 1025), (20_000, 4000), (20_000, 10_000), (5000, 150_528), (10, 10**9)):
        kept = affordable(n, width)
        assert 2 <= kept <= n and kept * width <= max(wide.MOST_NUMBERS, 2 * width)
        assert kept == 2 or min(kept, width) ** 2 * max(kept, width) <= 1.01 * wide.MOST_PRODUCTS
    assert affordable(20_000, 1025) == 20_000
    assert len(drawn(100, 7)) == 7 and np.array_equal(drawn(100, 7), drawn(100, 7)) and len(drawn(5, 9)) == 5


def test_it_says_so_when_not_all_rows_were_learnt_from(monkeypatch):
    monkeypatch.setattr(wide, "MOST_NUMBERS", 300 * 200)
    cut = ct.data.windows(LOAD, 300)
    linear = baseline(cut, cut.y, sample_weight=np.ones(len(cut)))
    assert linear.name == "ridge regression (fitted to 200 of the 1,200 training sequences: all would take too long)"
    assert linear.score(cut, cut.y) > 0.9


def test_weights_of_classes_are_those_of_the_network():
    X = rng.normal(size=(400, 3))
    y = np.where(X[:, 0] + rng.normal(size=400) > 2, "late", "on time")
    models = [ct.Classifier(epochs=2, threads=1, class_weight=w).fit(X, y) for w in (None, "balanced")]
    plain, balanced = ((baseline(X, y, like=model).predict(X) == "late").sum() for model in models)
    assert balanced > 2 * plain
