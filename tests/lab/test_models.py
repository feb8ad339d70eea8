"""What an experiment's y holds, classes or numbers, is judged in one place, as the estimators judge it."""

import time

import numpy as np
import pandas as pd
import pytest

import cutaway as ct
from cutaway.data import TargetEncoder
from cutaway.errors import CutawayError, DataError, ShapeError
from cutaway.lab.models import judged, loss_for

N = 120
RNG = np.random.default_rng(0)
X = RNG.normal(size=(N, 2))
PRICES = (300_000 + 40_000 * X[:, 0]).round().astype(int)
TARGETS = {
    "prices": PRICES,
    "prices as a column": pd.Series(PRICES, name="price"),
    "prices as text": PRICES.astype(str),
    "floats": X[:, 0],
    "zeros and ones": (X[:, 0] > 0) * 1.0,
    "booleans": X[:, 0] > 0,
    "text": np.where(X[:, 0] > 0, "high", "low"),
    "objects": np.array(["a", "b", "c"], object)[RNG.integers(0, 3, N)],
    "1 to 3": RNG.integers(1, 4, N),
    "years": 1990 + RNG.integers(0, 30, N),
}


@pytest.mark.parametrize("name", TARGETS)
def test_the_judgement_is_the_estimators(name):
    task = TargetEncoder().fit(TARGETS[name]).task
    labels, codes = judged(TARGETS[name], N)
    assert bool(labels) == (task != "regression")
    y = np.asarray(TARGETS[name])
    assert (np.array(labels)[codes] == y).all() if labels else np.allclose(codes, y.astype(float))


@pytest.mark.parametrize("name", TARGETS)
def test_bend_scores_classes_by_accuracy_and_numbers_by_r2(name):
    began = time.perf_counter()
    found = ct.lab.bend(X, TARGETS[name], depth=2, width=4, seeds=1, steps=5)
    assert found.classifies == (TargetEncoder().fit(TARGETS[name]).task != "regression")
    assert time.perf_counter() - began < 10


def test_numbers_of_a_networks_own_classes_are_classes_however_many():
    many = np.arange(N) % 50
    assert judged(many, N)[0] == []
    assert judged(many, N, outputs=50)[0] == list(range(50))


def test_more_classes_than_an_experiment_can_take_are_refused_at_once():
    labels = np.array([f"s{k % 150}" for k in range(300)])
    with pytest.raises(DataError, match=r"150 different labels \('s0', 's1', .*: give at most 100 classes"):
        ct.lab.bend(RNG.normal(size=(300, 2)), labels)


def cnn():
    return ct.nn.CNN((6, 6, 1), 2, channels=(2,)).init(0)


IMAGES = RNG.random((N, 6, 6, 1))
LEARNERS = {
    "lr_find": lambda y: ct.lab.lr_find(ct.nn.MLP(2, [3], 1), X, y, steps=30),
    "batches": lambda y: ct.lab.batches(ct.nn.MLP(2, [3], 1), X, y, sizes=(60,), rates=(0.1,), epochs=1, runs=1),
    "batch_size": lambda y: ct.lab.batch_size(ct.nn.MLP(2, [3], 1), X, y),
    "shuffling": lambda y: ct.lab.shuffling(ct.nn.MLP(2, [3], 1), X, y, epochs=1, runs=1),
    "race": lambda y: ct.lab.race(ct.nn.MLP(2, [3], 1), X, y, ["SGD", "Adam"], seeds=1, budget=1, epochs=1),
    "bend": lambda y: ct.lab.bend(X, y, depth=2, seeds=1, steps=2),
    "scaling": lambda y: ct.lab.scaling(X, y, sizes=[40], seeds=1, models=["ridge regression"]),
}
LOOKERS = {
    "features": lambda y: ct.lab.features(cnn(), IMAGES, y, steps=1),
    "landscape": lambda y: ct.lab.landscape(ct.nn.MLP(2, [3], 1).init(0), X, y, points=5),
    "boundary": lambda y: ct.lab.boundary(ct.nn.MLP(2, [3], 1).init(0), X, y, points=4),
}
ODD = {
    "gaps": np.where(np.arange(N) == 5, np.nan, X[:, 0]),
    "text that is no class": np.array([f"s{k}" for k in range(N)]),
    "one row": X[:1, 0],
}


@pytest.mark.parametrize("odd", ODD)
@pytest.mark.parametrize("experiment", [*LEARNERS, *LOOKERS])
def test_what_no_experiment_can_use_is_refused_in_words(experiment, odd):
    with pytest.raises(CutawayError):
        (LEARNERS | LOOKERS)[experiment](ODD[odd])


@pytest.mark.parametrize("same", [np.zeros(N), np.full(N, 7)], ids=["0.0", "7"])
@pytest.mark.parametrize("experiment", LEARNERS)
def test_a_target_that_never_varies_teaches_nothing(experiment, same):
    with pytest.raises(DataError, match=r"same for all rows|nothing can be learnt|nothing to (learn|predict)"):
        LEARNERS[experiment](same)


def test_it_is_trained_on_where_the_loss_is_given():
    assert loss_for("mse", ct.nn.MLP(2, [3], 1), X, np.zeros(N), learns=True) == "mse"


@pytest.mark.parametrize("numbers", ["prices", "floats"])
def test_features_take_classes_and_no_numbers(numbers):
    with pytest.raises(DataError, match="different numbers, which are no classes: give classes, or leave y out"):
        ct.lab.features(cnn(), IMAGES, TARGETS[numbers], steps=1)


def test_features_take_a_column_of_classes_and_refuse_two():
    assert ct.lab.features(cnn(), IMAGES, (X[:, :1] > 0) * 1, steps=1).classes == [0, 1]
    with pytest.raises(ShapeError, match=r"y has shape \(120, 2\)"):
        ct.lab.features(cnn(), IMAGES, X, steps=1)


def test_a_plane_through_the_means_of_classes_needs_classes():
    with pytest.raises(CutawayError, match="means of three classes, there are none here"):
        ct.lab.boundary(ct.nn.MLP(3, [3], 1).init(0), RNG.normal(size=(N, 3)), X[:, 0], plane="means", points=4)


def test_rows_of_text_and_gaps_are_refused_by_bend():
    with pytest.raises(DataError, match="encode text"):
        ct.lab.bend(np.array([["a", "b"]] * 10), np.arange(10) % 2)
    with pytest.raises(DataError, match="X has nan at row 3"):
        ct.lab.bend(np.where(np.arange(N)[:, None] == 3, np.nan, X), PRICES)
