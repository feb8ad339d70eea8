"""compare: linear, boosting, network and their mean on the same folds, which follow groups and time."""

import numpy as np
import pandas as pd
import pytest

import cutaway as ct
from cutaway.errors import ArgumentError, DataError
from cutaway.estimators import compare
from cutaway.estimators.rivals import Rival, Rivals

rng = np.random.default_rng(0)
N = 240
X = pd.DataFrame({"a": rng.normal(size=N), "b": rng.normal(size=N), "zone": rng.choice(list("xyz"), N)})
Y = 3 * X["a"] + rng.normal(0, 0.1, N)
QUICK = ct.Regressor(epochs=2)


@pytest.fixture(scope="module")
def found():
    """Rivals on a straight line."""
    return compare(X, Y, QUICK)


def test_a_straight_line_is_best_told_by_the_linear_model(found):
    assert [one.name for one in found.models] == ["linear", "boosting", "network", "mean of the three"]
    assert found.by == "R²" and found.ranked[0].name == "linear" and found["linear"].mean > 0.99
    assert "The linear model is better than the network" in found.sentence
    assert all(one.seconds > 0 and len(one.scores) == 3 for one in found.models)
    assert str(found).splitlines()[0] == "R² on 3 folds of 240 rows, divided by chance"


@pytest.mark.parametrize("y", [
    np.where(Y > 0, "up", "down"), pd.cut(Y, 3, labels=["low", "mid", "high"]).astype(str),
    np.stack([Y > 0, X["b"] > 0], axis=1).astype(int),
], ids=["two classes", "three", "labels"])
def test_classes_are_compared_by_their_probabilities(y):
    found = compare(X, y, ct.Classifier(epochs=2))
    assert found.by in ("accuracy", "ROC AUC") and all(0 <= one.mean <= 1 for one in found.models)


def test_several_numbers_at_once():
    assert compare(X, np.stack([Y, -Y], axis=1), QUICK)["linear"].mean > 0.99


def test_folds_follow_groups_and_time():
    assert compare(X, Y, QUICK, groups=np.arange(N) // 4).how == "by group"
    assert compare(X, Y, QUICK, time=np.arange(N)).how == "by time"
    with pytest.raises(DataError, match="not enough groups"):
        compare(X, Y, QUICK, groups=np.zeros(N))


def test_of_many_rows_some_are_taken():
    found = compare(X, Y, QUICK, rows=100)
    assert found.rows == 100
    assert 100 <= compare(X, Y, QUICK, rows=100, groups=np.arange(N) // 4).rows <= 104


def test_a_class_of_few_rows_is_no_trouble():
    y = np.where(np.arange(N) < 2, "rare", np.where(Y > 0, "up", "down"))
    assert len(compare(X, y, ct.Classifier(epochs=2)).models) == 4


def test_where_only_one_fold_could_ask_of_a_class_nobody_has_learnt_there_is_nothing_to_compare():
    with pytest.raises(DataError, match="no fold has several targets"):
        compare(X, np.where(np.arange(N) < 1, "rare", "usual"), ct.Classifier(epochs=1, network=[4]))


@pytest.mark.parametrize(("arguments", "error", "says"), [
    ((X.head(20), Y[:20]), DataError, "20 rows: 60 at least"), ((X, Y[:9]), DataError, "X has 240 rows, y 9"),
    ((np.zeros((80, 5, 5), np.uint8), Y[:80]), ArgumentError, "for tables and sequences, and X holds images"),
    ((X, np.zeros(N), QUICK), DataError, "Target is 0 in every row"),
], ids=["few", "lengths", "images", "constant"])
def test_what_cannot_be_compared_is_refused(arguments, error, says):
    with pytest.raises(error, match=says):
        compare(*arguments)


def test_folds_are_by_groups_or_by_time():
    with pytest.raises(DataError, match="both are given"):
        compare(X, Y, QUICK, groups=np.arange(N) // 4, time=np.arange(N))


@pytest.mark.parametrize(("means", "within", "says"), [
    ((0.5, 0.6, 0.9, 0.8), ["network"], "The network is best."),
    ((0.5, 0.6, 0.9, 0.8), ["network", "mean of the three"], "but the mean of the three cannot be told from it"),
    ((0.5, 0.9, 0.6, 0.8), ["boosting"], "HistGradientBoosting is the one to use"),
    ((0.5, 0.6, 0.7, 0.9), ["mean of the three"], "fit all three, and average"),
    ((-0.2, -0.4, -0.1, -0.1), ["network"], "better than always answering the mean"),
    ((0.9, 0.6, 0.8, 0.8), ["linear", "network"], "within chance. The linear model is as good as any, and simpler."),
])
def test_the_winner_is_said_plainly(means, within, says):
    names = ("linear", "boosting", "network", "mean of the three")
    models = [Rival(name, [mean - 0.1, mean + 0.1], 1.0) for name, mean in zip(names, means, strict=True)]
    assert says in Rivals(models, "R²", 100, "by chance", within).sentence
    assert models[0].spread == pytest.approx(0.1 * 2**0.5)


def test_boosting_is_left_out_where_it_would_grow_too_many_trees(monkeypatch):
    monkeypatch.setattr("cutaway.estimators.rivals.MOST_BOOSTED_CLASSES", 3)
    y = pd.cut(Y, 4, labels=list("abcd")).astype(str)
    found = compare(X, y, ct.Classifier(epochs=2))
    assert [one.name for one in found.models] == ["linear", "network", "mean of the two"]
    assert found.sentence.endswith("Boosting, which grows a tree for each class in every step, is left out.")


def test_networks_of_folds_that_are_smaller_than_that_of_all_rows_are_said(found):
    assert found.few == 160 and "Each fold's network learnt from 160 rows" in found.sentence
    assert compare(X.head(150), Y[:150], QUICK).few == 0
