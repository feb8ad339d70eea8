"""The plane through runs: its share of the variance against scikit-learn, its losses against the networks' own."""

import json

import numpy as np
import pytest
from sklearn.decomposition import PCA

import cutaway as ct
from cutaway.errors import ArgumentError, ShapeError
from cutaway.lab.landscapes.slices import trajectory
from cutaway.lab.landscapes.true_loss import TrueLoss


@pytest.fixture(scope="module")
def moons():
    return ct.datasets.make("moons", n=120, seed=0)


@pytest.fixture(scope="module")
def net():
    return ct.nn.MLP(2, [8], 2).init(0)


@pytest.fixture(scope="module")
def runs(net, moons):
    """The weights of three runs from the same start, one point an epoch."""

    def weights(optimizer):
        model = ct.nn.MLP(2, [8], 2).init(0)
        path = [model.theta.copy()]
        keep = lambda event: path.append(model.theta.copy()) if hasattr(event, "epoch") else None  # noqa: E731
        ct.fit(model, *moons, loss="cross_entropy", optimizer=optimizer, epochs=8, callbacks=[keep])
        return np.array(path)

    return [weights(o) for o in (ct.optim.SGD(0.3), ct.optim.Momentum(0.3), ct.optim.Adam(0.02))]


NAMES = ["SGD", "Momentum", "Adam"]


def loss_of(theta, X, y):
    net = ct.nn.MLP(2, [8], 2)
    net.theta[:] = theta
    return ct.losses.cross_entropy(net.predict(X), y).item()


def test_real_losses_are_those_of_the_networks_bit_for_bit(net, moons, runs):
    found = trajectory(net, *moons, "cross_entropy", runs, NAMES, points=5)
    for run, real in zip(runs, found.real, strict=True):
        assert real.tolist() == [loss_of(theta, *moons) for theta in run]


def test_the_plane_is_exact_at_the_best_end(net, moons, runs):
    found = trajectory(net, *moons, "auto", runs, NAMES, points=5)
    best = int(np.argmin([real[-1] for real in found.real]))
    assert (found.centre == runs[best][-1]).all() and found.paths[best][-1].tolist() == [0, 0]
    assert found.below[best][-1] == found.real[best][-1] and found.away[best][-1] == 0


def test_the_mean_plane_is_that_of_principal_component_analysis(net, moons, runs):
    found = trajectory(net, *moons, "auto", runs, NAMES, points=5, centre="mean")
    pca = PCA(2, svd_solver="full").fit(np.concatenate(runs).astype(np.float64))
    assert found.share == pytest.approx(pca.explained_variance_ratio_.sum(), rel=1e-9)
    np.testing.assert_allclose(np.abs(np.sum(found.directions * pca.components_, 1)), 1, rtol=1e-9)
    best = trajectory(net, *moons, "auto", runs, NAMES, points=5)
    assert 0 < best.share <= found.share < 1


def test_paths_in_a_plane_are_shown_whole(net, moons):
    rng = np.random.default_rng(0)
    start, u, v = rng.normal(size=(3, net.theta.size))
    runs = [start + rng.normal(size=(6, 1)) * u + rng.normal(size=(6, 1)) * v for _ in range(2)]
    found = trajectory(ct.nn.MLP(2, [8], 2).astype("float64"), *moons, "cross_entropy", runs, ["a", "b"], points=7)
    assert found.share == pytest.approx(1, abs=1e-12) and found.shares == pytest.approx([1, 1], abs=1e-12)
    for away, real, below in zip(found.away, found.real, found.below, strict=True):
        assert (away < 1e-9).all()
        np.testing.assert_allclose(below, real, rtol=1e-9)  # the surface under a point in the plane is its loss


def test_distance_and_coordinates_make_up_the_way_to_the_centre(net, moons, runs):
    found = trajectory(net, *moons, "auto", runs, NAMES, points=5)
    for run, path, away in zip(runs, found.paths, found.away, strict=True):
        np.testing.assert_allclose((path**2).sum(1) + away**2, ((run - found.centre) ** 2).sum(1), rtol=1e-9)
    assert all(path[0, 0] <= 0 for path in found.paths)  # from left to right


def test_the_grid_is_the_true_loss_and_holds_every_path(net, moons, runs):
    found = trajectory(net, *moons, "auto", runs, NAMES, points=5)
    for i, j in ((0, 0), (2, 3), (4, 1)):
        theta = found.centre + found.b[i] * found.directions[1] + found.a[j] * found.directions[0]
        assert found.surface[i, j] == pytest.approx(loss_of(theta, *moons), rel=1e-5)
    every = np.concatenate(found.paths)
    assert (every.min(0) > [found.a[0], found.b[0]]).all() and (every.max(0) < [found.a[-1], found.b[-1]]).all()


def test_the_model_given_stays_as_it_is(net, moons, runs):
    before = net.theta.copy()
    trajectory(net, *moons, "auto", runs, NAMES, points=5)
    assert (net.theta == before).all()


def test_results_print_and_are_written(net, moons, runs, tmp_path):
    found = trajectory(net, *moons, "auto", runs, NAMES, points=9)
    assert f"{found.share:.0%} of the variance of 27 points in 42 dimensions" in str(found)
    svg = found.save(tmp_path / "slice.svg").read_text()
    assert all(f">{name}<" in svg for name in NAMES) and f"{found.share:.0%} of the variance" in svg
    kept = json.loads(found.save(tmp_path / "slice.json").read_text())
    assert kept["kind"] == "slice" and kept["runs"][2]["real_loss"] == found.real[2].tolist()
    frame = found.to_pandas()
    assert len(frame) == 27 and frame.query("label == 'Adam'")["surface_loss"].tolist() == found.below[2].tolist()


def test_a_run_of_infinite_losses_is_drawn_all_the_same(net, moons, runs):
    wild = np.array([net.theta, 1e20 * net.theta])
    found = trajectory(net, *moons, "auto", [runs[2], wild], ["tame", "wild"], points=5)
    assert np.isinf(found.real[1][1]) and (found.centre == runs[2][-1]).all()
    found.plot()
    json.dumps(found.to_json(), allow_nan=False)
    assert "wild" in str(found)


def test_ctrl_c_keeps_the_part_of_the_surface_that_is_done(net, moons, runs, monkeypatch):
    calls, evaluate = [], TrueLoss.__call__

    def interrupted(self, theta):
        calls.append(1)
        if len(calls) == 27 + 27 + 8:  # the losses of 27 points, the surface below them, and seven points of the grid
            raise KeyboardInterrupt
        return evaluate(self, theta)

    monkeypatch.setattr(TrueLoss, "__call__", interrupted)
    found = trajectory(net, *moons, "auto", runs, NAMES, points=5)
    assert found.cut_short == "Ctrl-C" and np.isfinite(found.surface).sum() == 7
    found.plot()


@pytest.mark.parametrize(("weights", "labels", "error", "says"), [
    ([], [], ArgumentError, "0 runs"),
    ([np.zeros((3, 42))], ["a", "b"], ArgumentError, "1 runs and 2 labels"),
    ([np.zeros((3, 41))], ["a"], ShapeError, r"\(points, 42\), got \(3, 41\)"),
    ([np.full((3, 42), np.nan)], ["wild"], ArgumentError, "wild are not all finite"),
    ([np.zeros((1, 42))], ["a"], ArgumentError, "two points"),
])
def test_what_cannot_be_sliced_is_refused(net, moons, weights, labels, error, says):
    with pytest.raises(error, match=says):
        trajectory(net, *moons, "auto", weights, labels)
