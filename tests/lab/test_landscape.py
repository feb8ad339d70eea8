"""Landscapes: exact at the centre, known in closed form for a linear model, the same for rescaled ReLU layers."""

import json

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import cutaway as ct
from cutaway.errors import ArgumentError, DataError
from cutaway.lab.landscapes.between import between
from cutaway.lab.landscapes.landscape import landscape
from cutaway.lab.landscapes.true_loss import TrueLoss, random_direction


@pytest.fixture(scope="module")
def moons():
    return ct.datasets.make("moons", n=150, seed=0)


def trained(seed, moons, epochs=15):
    net = ct.nn.MLP(2, [16], 2).init(seed)
    ct.fit(net, *moons, loss="cross_entropy", optimizer=ct.optim.AdamW(0.03), epochs=epochs)
    return net


@pytest.fixture(scope="module")
def net(moons):
    return trained(0, moons)


@pytest.fixture(scope="module")
def line():
    """Linear regression in double precision, whose loss is a quadratic of its weights: H = 2 XᵀX / n."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(60, 3))
    y = X @ [1.0, -2.0, 0.5] + 0.3 * rng.normal(size=60)
    net = ct.nn.Linear(3, 1).astype("float64")
    net.theta[:] = np.linalg.lstsq(np.column_stack([X, np.ones(60)]), y, rcond=None)[0]
    ones = np.column_stack([X, np.ones(60)])
    return net, X, y, 2 * ones.T @ ones / 60


# ---- the true loss ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("model", "shape", "loss"), [
    (ct.nn.MLP(2, [8], 2), (2,), "cross_entropy"),
    (ct.nn.MLP(2, [8], 1, activation="tanh"), (2,), "mse"),
    (ct.nn.CNN((6, 6, 1), 2), (6, 6, 1), "cross_entropy"),
    (ct.nn.Sequential(ct.nn.Linear(2, 4), ct.nn.BatchNorm1d(4), ct.nn.Dropout(0.5), ct.nn.Linear(4, 1)), (2,),
     "binary_cross_entropy"),
])
def test_the_centre_is_what_evaluating_the_model_gives_bit_for_bit(model, shape, loss):
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(40, *shape)).astype(np.float32), rng.integers(0, 2, 40)
    run = ct.fit(model, X, y, loss=loss, epochs=3, batch_size=20, validation=(X, y))
    found = landscape(model, X, y, loss, directions=2, points=5, curves=3)
    assert found.centre == getattr(ct.losses, loss)(model.predict(X), y).item()
    assert found.centre == run.history["val_loss"][run.best_epoch - 1]
    assert (found.curves[:, 2] == found.centre).all() and found.surface[2, 2] == found.centre
    assert (found.surface[2] == found.curves[0]).all() and (found.surface[:, 2] == found.curves[1]).all()


def test_points_off_the_centre_are_those_of_a_network_written_in_jax(net, moons):
    X, y = moons
    found = landscape(net, X, y, directions=2, points=5, curves=2)
    d = [random_direction(net, 0, k) for k in (0, 1)]

    def loss(theta):
        W1, b1, W2, b2 = jnp.split(theta, np.cumsum([32, 16, 32]))
        z = jax.nn.relu(X @ W1.reshape(16, 2).T + b1) @ W2.reshape(2, 16).T + b2
        return -jax.nn.log_softmax(z)[np.arange(len(y)), y].mean()

    for i, j in ((0, 4), (1, 2), (3, 0), (4, 4)):
        theta = net.theta + found.at[j] * d[0] + found.at[i] * d[1]
        assert found.surface[i, j] == pytest.approx(float(loss(theta.astype(np.float32))), rel=1e-4)


def test_a_linear_models_landscape_is_its_quadratic(line):
    net, X, y, H = line
    found = landscape(net, X, y, directions=2, span=2.0, points=9, curves=3, normalise=None)
    d = np.array([random_direction(net, 0, k, None) for k in range(3)])
    np.testing.assert_allclose(np.linalg.norm(d, axis=1), 1)
    curvature = np.einsum("ki,ij,kj->k", d, H, d)
    np.testing.assert_allclose(found.curves, found.centre + np.outer(curvature, found.at**2) / 2, rtol=1e-9)
    np.testing.assert_allclose(found.curvatures, curvature, rtol=1e-9)
    np.testing.assert_allclose(np.sort(found.rises(1.0)), np.sort(np.repeat(curvature, 2)) / 2, rtol=1e-9)
    a, b = np.meshgrid(found.at, found.at)
    across = d[0] @ H @ d[1]
    expected = found.centre + (curvature[0] * a**2 + curvature[1] * b**2) / 2 + across * a * b
    np.testing.assert_allclose(found.surface, expected, rtol=1e-9)


# ---- directions ------------------------------------------------------------------------------------------------------


def test_a_filters_part_of_a_direction_is_as_long_as_its_weights():
    net = ct.nn.CNN((8, 8, 1), 3).init(0)
    at = 0
    d = random_direction(net, seed=1)
    for name, p in net.named_parameters():
        part, at = d[at : at + p.size].reshape(p.shape), at + p.size
        if p.data.ndim == 1:
            assert not part.any(), name
        else:
            lengths = [np.linalg.norm(v.reshape(len(v), -1).astype(float), axis=1) for v in (part, p.data)]
            np.testing.assert_allclose(*lengths, rtol=1e-6)


def test_directions_are_random_and_depend_on_the_seed(net):
    first, again, other, second = (random_direction(net, *k) for k in ((0, 0), (0, 0), (1, 0), (0, 1)))
    assert (first == again).all()
    for d in (other, second):
        assert abs(first @ d) < 0.5 * np.linalg.norm(first) * np.linalg.norm(d)


def test_rescaled_relu_layers_have_the_same_filter_normalised_landscape(net, moons):
    """W₁ c and b₁ c before a ReLU, W₂ / c behind it: the same function, with other weights."""
    other = ct.nn.MLP(2, [16], 2)
    other.load_state_dict(net.state_dict())
    W1, b1, W2, _ = other.parameters()
    for p, c in ((W1, 8), (b1, 8), (W2, 1 / 8)):  # powers of two, so that no bit is lost
        p.data[...] *= c
    normal, same = (landscape(m, *moons, points=9, curves=4) for m in (net, other))
    np.testing.assert_array_equal(normal.curves, same.curves)
    plain, different = (landscape(m, *moons, points=9, curves=4, normalise=None) for m in (net, other))
    assert plain.centre == different.centre
    assert different.curvatures.max() > 5 * plain.curvatures.max()  # "sharper", though it is the same function


# ---- between two -----------------------------------------------------------------------------------------------------


def test_there_is_no_barrier_between_a_model_and_itself(net, moons):
    found = between(net, net, *moons, points=9, curves=2)
    assert found.barrier == 0 and np.ptp(found.J) == 0 and found.distance == 0
    assert "no barrier" in str(found) and found.wider == "At distance 0.5 the loss rises alike around both."


def test_the_line_is_exact_at_both_ends_and_batch_norms_averages_go_along(moons):
    X, y = moons
    models = []
    for seed in (0, 1):
        net = ct.nn.Sequential(ct.nn.Linear(2, 8), ct.nn.BatchNorm1d(8), ct.nn.ReLU(), ct.nn.Linear(8, 2)).init(seed)
        ct.fit(net, X, y, loss="cross_entropy", epochs=5, seed=seed, batch_size=50)
        models.append(net)
    found = between(*models, X, y, validation=(X[:50], y[:50]), points=9, curves=2)
    for t, model in zip((0, 1), models, strict=True):
        at = int(np.flatnonzero(found.t == t)[0])
        assert found.J[at] == ct.losses.cross_entropy(model.predict(X), y).item() == found.ends[t].centre
        assert found.J_held_out[at] == ct.losses.cross_entropy(model.predict(X[:50]), y[:50]).item()


def test_a_quadratic_has_no_barrier_and_a_network_of_another_seed_has_one(line, net, moons):
    linear, X, y, _ = line
    other = ct.nn.Linear(3, 1).astype("float64").init(3)
    assert between(linear, other, X, y, points=9, curves=2).barrier == pytest.approx(0, abs=1e-12)
    found = between(net, trained(1, moons), *moons, names=("one", "two"), points=21, curves=2)
    assert found.barrier > 0.05 and 0.2 < found.where < 0.8
    assert "from one to two the loss rises by" in str(found)


def test_the_wider_of_two_minima_is_named_only_where_the_directions_agree(line):
    net, X, y, _ = line
    steep = ct.nn.Linear(3, 1).astype("float64")
    steep.theta[:] = 2 * net.theta  # the same quadratic with weights twice as long: steps twice as long
    y2 = (X @ net.weight.data[0] + net.bias.data) * 2
    noise = y - y2 / 2
    narrow = between(net, steep, X, y2 / 2 + noise, names=("wide", "narrow"), points=9, curves=10)
    assert narrow.wider.endswith("its minimum is wider.") and "around wide, in 10 of 10" in narrow.wider
    few = between(net, steep, X, y2 / 2 + noise, names=("wide", "narrow"), points=9, curves=3)
    assert few.wider.endswith("no clear difference.")


# ---- what goes wrong, and what is written ----------------------------------------------------------------------------


def test_the_model_stays_as_it_is(net, moons):
    before = net.theta.copy()
    landscape(net, *moons, points=5, curves=1)
    assert (net.theta == before).all()


@pytest.mark.parametrize(("how", "says"), [
    ({"points": 10}, "odd number"), ({"span": 0.0}, "above zero"), ({"directions": 3}, "1 .curves. or 2"),
    ({"directions": 2, "curves": 1}, "at least 2"), ({"normalise": "layer"}, '"filter" or None'),
    ({"loss": "sse"}, "no loss is called 'sse'"),
])
def test_arguments_that_mean_nothing_are_refused(net, moons, how, says):
    with pytest.raises(ArgumentError, match=says):
        landscape(net, *moons, **how)


def test_networks_that_differ_and_what_is_no_network_are_refused(net, moons):
    X, y = moons
    with pytest.raises(ArgumentError, match=r"layer1.weight has shape \(16, 2\) in model_a and \(8, 2\)"):
        between(net, ct.nn.MLP(2, [8], 2), X, y)
    with pytest.raises(ArgumentError, match="must be a trained"):
        landscape("net", X, y)
    with pytest.raises(DataError, match="y has nan at row 3"):
        TrueLoss(net, X, np.where(np.arange(len(y)) == 3, np.nan, 1.0), "mse")


def test_far_away_losses_may_be_infinite(net, moons):
    found = landscape(net, *moons, directions=2, span=1e30, points=5, curves=2)
    assert np.isinf(found.surface).any() and np.isfinite(found.centre)
    json.dumps(found.to_json(), allow_nan=False)
    found.plot()
    assert "inf" in str(found)


def test_ctrl_c_keeps_the_curves_that_are_done(net, moons, monkeypatch):
    calls, evaluate = [], TrueLoss.__call__

    def interrupted(self, theta):
        calls.append(1)
        if len(calls) == 13:  # the centre, two curves of five, and one point
            raise KeyboardInterrupt
        return evaluate(self, theta)

    monkeypatch.setattr(TrueLoss, "__call__", interrupted)
    found = landscape(net, *moons, directions=2, points=5, curves=4)
    assert found.cut_short == "Ctrl-C" and found.curves.shape == (2, 5) and np.isnan(found.surface).all()
    assert "2 random directions" in str(found)
    found.plot()


def test_results_are_written(net, moons, tmp_path):
    found = landscape(net, *moons, directions=2, points=41, curves=2)
    svg = found.save(tmp_path / "plane.svg")
    assert "first random direction" in svg.read_text() and svg.stat().st_size < 300_000
    kept = json.loads(found.save(tmp_path / "plane.json").read_text())
    assert kept["kind"] == "landscape" and kept["surface"] == found.surface.tolist()
    assert len(found.to_pandas()) == 41 * 41
    curves = landscape(net, *moons, points=5, curves=2)
    assert len(curves.to_pandas()) == 10 and "2 random directions" in curves.save(tmp_path / "c.svg").read_text()
    both = between(net, trained(1, moons, 2), *moons, validation=moons, names=("first", "second"), points=9, curves=2)
    assert "held-out rows" in both.save(tmp_path / "both.svg").read_text()
    assert json.loads(both.save(tmp_path / "both.json").read_text())["barrier"] == both.barrier
    assert list(both.to_pandas()) == ["t", "loss", "held_out_loss"]
