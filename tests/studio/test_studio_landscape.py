"""The loss landscape of a run: the plane is that of its path, and every loss on it is the network's own."""

import numpy as np
import pytest

import cutaway as ct
from cutaway.errors import ArgumentError
from cutaway.lab.landscapes.true_loss import TrueLoss
from cutaway.studio.landscape import STRIDES, PathPlane, coarse_first
from cutaway.studio.limits import SIDE

RNG = np.random.default_rng(0)
X, y = RNG.normal(size=(40, 1)), RNG.normal(size=40)
PATH = np.array([[2.0, 3.0], [1.0, 2.5], [0.5, 1.0], [0.25, 0.5]])  # of a slope and a bias


@pytest.fixture(scope="module")
def plane():
    return PathPlane(TrueLoss(ct.nn.Linear(1, 1), X, y, "mse"), [0, 5, 10, 15], PATH)


def test_two_weights_are_the_plane_itself_and_its_losses_are_those_of_a_line_through_the_points(plane):
    found = plane.more(60)
    assert found["done"] == found["of"] == SIDE * SIDE + 4 and found["share"] == pytest.approx(1)
    np.testing.assert_allclose(plane.directions @ plane.directions.T, np.eye(2), atol=1e-12)
    for i, j in ((0, 0), (7, 20), (SIDE - 1, 3)):
        w, b = PATH[-1] + plane.a[j] * plane.directions[0] + plane.b[i] * plane.directions[1]
        assert plane.surface[i, j] == pytest.approx(np.mean((w * X[:, 0] + b - y) ** 2), rel=1e-5)
    for (w, b), J in zip(PATH, plane.real, strict=True):
        assert pytest.approx(np.mean((w * X[:, 0] + b - y) ** 2), rel=1e-5) == J


def test_the_path_ends_at_zero_begins_at_the_lower_left_and_is_as_long_as_in_all_dimensions(plane):
    assert plane.path[-1].tolist() == [0, 0] and (plane.path[0] <= 0).all()
    np.testing.assert_allclose(np.linalg.norm(plane.path, axis=1), np.linalg.norm(PATH - PATH[-1], axis=1))
    assert (plane.away < 1e-12).all()


def test_the_first_direction_is_the_one_along_which_the_path_goes_farthest():
    weights = np.zeros((5, 3))
    weights[:, 1] = [8, 4, 2, 1, 0]
    weights[:, 2] = [1, 1, 0, 0, 0]
    found = PathPlane(TrueLoss(ct.nn.Linear(2, 1), np.ones((2, 2)), [0.0, 1], "mse"), range(5), weights)
    covariance = weights.T @ weights  # seen from the end, which is zero
    largest = np.linalg.eigh(covariance)[1][:, -1]
    assert abs(found.directions[0] @ largest) == pytest.approx(1) and found.share == pytest.approx(1)


def test_what_is_known_is_told_coarse_first_and_a_question_takes_no_longer_than_its_box():
    plane = PathPlane(TrueLoss(ct.nn.Linear(1, 1), X, y, "mse"), range(4), PATH)
    assert (plane.more(0)["done"], plane.more(0)["done"]) == (1, 2) and plane.told()["J"] == []
    coarse = (SIDE - 1) // STRIDES[0] + 1
    while plane.told()["done"] < 4 + coarse**2:
        plane.more(0)
    assert np.shape(plane.told()["J"]) == (coarse, coarse)
    assert sorted(coarse_first(SIDE)) == [(i, j) for i in range(SIDE) for j in range(SIDE)]


@pytest.mark.parametrize("weights", [np.zeros((1, 2)), np.zeros((3, 1)), np.full((3, 2), np.nan)])
def test_a_path_that_has_no_plane_is_refused_in_words(weights):
    with pytest.raises(ArgumentError, match="landscape"):
        PathPlane(TrueLoss(ct.nn.Linear(1, 1), X, y, "mse"), range(len(weights)), weights)
