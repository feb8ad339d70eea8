"""Answers of several networks are drawn apart as far as the rows that they held back ask for, and it is no chance."""

import numpy as np
import pytest

import cutaway as ct
from cutaway.estimators.held import Held
from cutaway.estimators.stretch import drawn_apart, slope, slopes

Z = np.linspace(-1, 1, 200)[:, None]
NOISE = np.random.default_rng(0).normal(size=200)


def test_the_slope_is_that_of_the_least_huber_loss_less_the_share_that_may_be_chance():
    from sklearn.linear_model import HuberRegressor

    y = 1 + 1.3 * Z[:, 0] + 0.1 * NOISE
    b = HuberRegressor(epsilon=1.345, alpha=0, tol=1e-10).fit(Z, y).coef_[0]
    assert slope(Z[:, 0], y) == pytest.approx(b - 0.1**2 / np.square(Z).sum() / (b - 1), abs=0.01)
    assert 1 < slope(Z[:, 0], y) < b + 0.01


def test_one_wild_row_hides_nothing():
    y = 1.3 * Z[:, 0] + 0.01 * NOISE
    y[-1] = -30
    assert slope(Z[:, 0], y) == pytest.approx(1.3, abs=0.01)


@pytest.mark.parametrize("b", [1, 1.3])
def test_errors_that_lean_to_one_side_leave_the_slope_of_the_mean(b):
    z = np.repeat(np.linspace(-1, 1, 40), 5)
    lean = np.tile([1, 1, 1, 1, -4], 40)  # none on average; by Huber's weights they are taken for the slope's
    y = b * z + 0.3 * z * lean
    by_hand = np.square(0.3 * z * lean).sum() / (len(z) - 2) / np.square(z).sum() / (b - 1) if b > 1 else 0
    assert slope(z, y) == pytest.approx(b - by_hand, abs=1e-9)


@pytest.mark.parametrize("y", [0.8 * Z[:, 0], 1.02 * Z[:, 0] + NOISE, np.zeros(200)], ids=["below", "chance", "none"])
def test_else_answers_stay_as_they_are(y):
    network = ct.nn.Sequential(ct.nn.Linear(1, 1)).init(0)
    before = network.theta.tolist()
    held, found = drawn_apart([network], Held(Z, y, None))
    assert found.tolist() == [1] and network.theta.tolist() == before
    np.testing.assert_allclose(held.z, Z, atol=1e-15)


def test_answers_that_are_all_the_same_stay_so():
    assert slopes(Held(np.ones((5, 1)), np.arange(5.0), None)).tolist() == [1]


def test_a_row_of_weight_two_is_the_row_twice():
    y, w = 1.3 * Z[:, 0] + 0.1 * NOISE, np.full(200, 2.0)
    assert slopes(Held(Z, y, w))[0] == pytest.approx(slopes(Held(Z, y, None))[0])


@pytest.mark.parametrize("members", [1, 3])
def test_each_output_of_each_network_is_drawn_from_its_own_mean(members):
    layers = [ct.nn.Linear(4, 2)] if members == 1 else [ct.nn.Members(4, 3), ct.nn.MemberLinear(4, 2, 3),
                                                      ct.nn.MemberMean()]
    network = ct.nn.Sequential(*layers).init(0)
    X = np.random.default_rng(1).normal(size=(50, 4)).astype(np.float32)
    z = network.predict(X).astype(np.float64)
    wanted = z.mean(axis=0) + [1.5, 1] * (z - z.mean(axis=0))
    held, found = drawn_apart([network], Held(z, wanted, None))
    np.testing.assert_allclose(found, [1.5, 1], rtol=1e-6)
    np.testing.assert_allclose(held.z, wanted, rtol=1e-5)
    np.testing.assert_allclose(network.predict(X), wanted, rtol=1e-4, atol=1e-5)


def test_a_regressors_networks_are_and_its_design_says_so():
    X = np.random.default_rng(0).normal(size=(600, 3))
    y = X[:, 0] + X[:, 1] ** 2
    how = {"network": {"networks": 2, "hidden": [8]}, "epochs": 2, "random_state": 0, "threads": 1}
    model = ct.Regressor(**how).fit(X, y)
    assert "drawn apart by" in model.design_.reasons["output"] and "drawn apart by" in str(model.design_)
    assert "drawn apart" not in str(ct.Regressor(**how, loss="mae").fit(X, y).design_)
