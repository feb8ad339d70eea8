"""Rivals of a network of sequences: ridge regression on random convolutions, and the nearest neighbour."""

import numpy as np
import pytest

import cutaway as ct
from cutaway.estimators import baseline, compare
from cutaway.estimators.ridge import Ridge
from cutaway.estimators.shapes import NearestNeighbour, RidgeOfClasses, find_by_shapes, warped

RNG = np.random.default_rng(0)
N, T = 60, 40


def waves(seed=0):
    """Waves of one of three speeds that begin anywhere, in noise; and which."""
    rng, which = np.random.default_rng(seed), np.arange(N) % 3
    X = np.sin(np.arange(T) * np.array([0.4, 0.8, 1.3])[which][:, None] + rng.uniform(0, 6, (N, 1)))
    return (X + 0.3 * rng.standard_normal((N, T)))[:, :, None], np.array(["slow", "some", "fast"])[which]


# ---- the linear model ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("target", ["two", "three", "labels", "number"])
def test_it_is_half_of_the_answer_of_few_sequences_and_found_by_those_learnt_from(target):
    X, y = waves()
    y = {"two": y == "fast", "three": y, "labels": np.column_stack([y == "slow", y == "fast"]).astype(int),
         "number": np.where(y == "slow", 0.4, 1.0) + np.linspace(0, 0.1, N)}[target]
    few = {"members": 1, "channels": [4], "windows": [5], "strides": [1], "convolutions": 200}
    fitted = (ct.Regressor if target == "number" else ct.Classifier)(epochs=1, network=few, random_state=0).fit(X, y)
    net, Z = fitted.model_, fitted.encode(X)
    assert ("linear", "on 200 random convolutions beside it, half of the answer") in [
        row[:2] for row in fitted.design_.table()]
    halves = [ct.nn.Sequential(*net.layers).predict(Z), ct.nn.Sequential(net.sees, net.linear).predict(Z)]
    np.testing.assert_allclose(net.predict(Z), np.mean(halves, axis=0), rtol=1e-5, atol=1e-5)
    again = ct.nn.RandomConvolutions.of(Z, 200, fitted._seed)
    np.testing.assert_array_equal(again.predict(Z), net.sees.predict(Z))
    T = fitted.target_encoder_.transform(y, np.float64)
    W, b = find_by_shapes(again, Z, T, None, net.linear.n_out, target != "number")
    np.testing.assert_allclose(net.linear.weight.numpy(), W, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(net.linear.bias.numpy(), b, rtol=1e-4, atol=1e-4)


def test_filters_are_alone_where_that_is_asked_for_or_the_loss_is_another():
    X, y = waves()
    few = {"members": 1, "channels": [4], "windows": [5], "strides": [1]}
    assert not ct.Classifier(epochs=1, network=few | {"linear": False}).fit(X, y).design_.linear
    assert not ct.Regressor(epochs=1, network=few, loss="mae").fit(X, np.arange(float(N))).design_.linear


def test_the_linear_model_of_longer_sequences_sees_random_convolutions():
    X, y = waves()
    linear = baseline(X[:40], y[:40])
    assert linear.score(X[40:], y[40:]) == 1 and "random convolutions" in linear.name
    p = linear.predict_proba(X[40:])
    np.testing.assert_allclose(p.sum(1), 1)
    assert linear.encode(X).shape == (N, linear.model.n_features_in_)


def test_it_knows_numbers_labels_lengths_weights_and_a_network_s_encoder():
    X, y = waves()
    rows = [row[: T - i % 5] for i, row in enumerate(X)]
    speed = np.where(y == "slow", 0.4, np.where(y == "some", 0.8, 1.3))
    assert baseline(rows[:40], speed[:40]).score(rows[40:], speed[40:]) > 0.8
    assert baseline(rows, np.column_stack([y == "slow", y == "fast"]).astype(int)).predict(rows).shape == (N, 2)
    few = {"members": 1, "channels": [4], "windows": [5], "strides": [1]}
    fitted = ct.Classifier(epochs=1, class_weight="balanced", network=few).fit(X, y == "fast")
    assert baseline(X, y == "fast", like=fitted, sample_weight=np.ones(N)).predict_proba(X).shape == (N, 2)


def test_what_is_left_out_by_the_formula_is_what_leaving_out_gives():
    Z, Y = RNG.standard_normal((12, 5)), RNG.standard_normal((12, 2))
    whole = Ridge().fit(Z, Y)
    for i in (0, 7):
        kept = np.delete(np.arange(12), i)
        X, center = Z[kept] - Z[kept].mean(0), Y[kept].mean(0)
        coef = np.linalg.solve(X.T @ X + whole.alpha * np.eye(5), X.T @ (Y[kept] - center))
        expected = Y[i] - (center + (Z[i] - Z[kept].mean(0)) @ coef)
        np.testing.assert_allclose(whole.residuals[i], expected, rtol=0.02, atol=0.02)  # the mean is that of all
    np.testing.assert_allclose(whole.left_out, np.square(whole.residuals).sum(1))


def test_scores_become_probabilities_as_sure_as_rows_left_out_are_right():
    Z, chance = RNG.standard_normal((400, 3)), RNG.random(400)
    clear, noisy = (Z[:, 0] > 0).astype(int), (chance < 0.5 + 0.1 * np.sign(Z[:, 0])).astype(int)
    sure, unsure = (RidgeOfClasses("binary", 1).fit(Z, T) for T in (clear, noisy))
    assert sure.predict_proba(Z).max(1).mean() > 0.85 > 0.75 > unsure.predict_proba(Z).max(1).mean()


# ---- the nearest neighbour -------------------------------------------------------------------------------------------


def by_hand(a, b, band):
    """The recursion as it is written in books."""
    D = np.full((len(a) + 1, len(b) + 1), np.inf)
    D[0, 0] = 0
    for i in range(len(a)):
        for j in range(len(b)):
            if abs(i - j) <= band:
                D[i + 1, j + 1] = ((a[i] - b[j]) ** 2).sum() + min(D[i, j], D[i, j + 1], D[i + 1, j])
    return D[-1, -1]


@pytest.mark.parametrize("lengths", [(20, 20, 20), (20, 14, 17)], ids=["one length", "several"])
def test_distances_are_those_of_the_recursion(lengths):
    rows = [RNG.standard_normal((k, 2)) for k in lengths]
    others = [RNG.standard_normal((k, 2)) for k in (18, 20)]
    A, B = ct.Sequences.from_list(others), ct.Sequences.from_list(rows)
    band = max(2, *(abs(len(a) - len(b)) for a in others for b in rows))
    for a, distances in zip(others, warped(A, B), strict=True):
        np.testing.assert_allclose(distances, [by_hand(a, b, band) for b in rows], rtol=1e-10)


def test_the_nearest_says_what_a_shifted_bump_is():
    Z = np.zeros((3, 30, 1))
    Z[0, 10:14], Z[1, 10:14] = 1.0, -1.0
    asked = np.zeros((2, 30, 1))
    asked[0, 12:16], asked[1, 8:12] = -1.0, 1.0
    near = NearestNeighbour().fit(Z, np.array(["up", "down", "flat"]))
    assert near.predict(asked).tolist() == ["down", "up"]


# ---- the comparison --------------------------------------------------------------------------------------------------


def test_rivals_of_sequences_are_compared_on_folds():
    X, y = waves()
    found = compare(X, y, ct.Classifier(epochs=2, network={"members": 1, "channels": [8, 8, 8]}), folds=2)
    assert [one.name for one in found.models] == ["linear", "nearest neighbour", "network", "mean of the three"]
    assert found["linear"].mean > 0.9 and found["nearest neighbour"].mean > 0.9 and "folds of 60 rows" in str(found)


def test_numbers_are_compared_too():
    X, _ = waves()
    found = compare(X, np.arange(N) % 3 + RNG.normal(0, 0.1, N), folds=2, like=ct.Regressor(
        epochs=1, network={"members": 1, "channels": [4, 4, 4]}))
    assert found.by == "R²" and found["linear"].mean > 0.5
