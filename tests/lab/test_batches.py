"""Gradients of batches against NumPy, their noise against the variance of a mean, and what the batch size changes."""

import json
import sys

import numpy as np
import pytest

import cutaway as ct
from cutaway.lab.steps.batches import batches
from cutaway.lab.steps.gradients import Gradients, cosine, noise, noise_expected


@pytest.fixture(scope="module")
def line():
    """Linear regression in double precision: X, y, the model, and every row's own gradient by hand."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(60, 3))
    y = X @ [1.0, -2.0, 0.5] + rng.normal(size=60)
    net = ct.nn.Linear(3, 1).astype("float64").init(0)
    off = (X @ net.weight.data[0] + net.bias.data - y)[:, None]  # J = (w·x + b - y)², so ∂J/∂w = 2 (w·x + b - y) x
    return X, y, net, 2 * off * np.column_stack([X, np.ones(60)])


def test_a_batchs_gradient_is_the_mean_of_its_rows_own(line):
    X, y, net, each = line
    gradients = Gradients(net, X, y, "mse")
    for rows in ([7], [3, 3, 59], range(60)):
        np.testing.assert_allclose(gradients(rows), each[list(rows)].mean(0), rtol=1e-12)


def test_noise_is_the_variance_of_the_mean_of_rows_drawn_without_replacement(line):
    X, y, net, each = line
    g = each.mean(0)
    single = ((each - g) ** 2).sum(1).mean() / (g @ g)
    gradients = Gradients(net, X, y, "mse")
    assert noise(gradients, 1) == pytest.approx(single, rel=1e-12)  # an epoch has every row once
    for size in (2, 6, 20, 30):
        measured = np.mean([noise(gradients, size, seed) for seed in range(8)])
        assert measured == pytest.approx(noise_expected(single, size, 60), rel=0.15)
    assert noise(gradients, 60) < 1e-25 and noise_expected(single, 60, 60) == 0


def test_reading_a_gradient_changes_nothing():
    """Neither weights nor the running averages of batch norm."""
    X, y = ct.datasets.make("moons", n=40, seed=0)
    net = ct.nn.Sequential(ct.nn.Linear(2, 4), ct.nn.BatchNorm1d(4), ct.nn.Tanh(), ct.nn.Linear(4, 2)).init(0)
    before = net.state_dict()
    gradients = Gradients(net, X, y, "cross_entropy")
    first = gradients(range(40))
    assert all(np.array_equal(value, before[name]) for name, value in net.state_dict().items())
    net.theta[:] *= 0.5  # it is asked about the weights of the moment
    assert not np.array_equal(gradients(range(40)), first)


def test_cosine():
    a = np.array([3.0, 4.0])
    assert cosine(a, 2 * a) == pytest.approx(1) and cosine(a, -a) == pytest.approx(-1)
    assert cosine(a, np.array([-4.0, 3.0])) == 0 and np.isnan(cosine(a, 0 * a))


@pytest.fixture(scope="module")
def found():
    X, y = ct.datasets.make("moons", n=250, seed=0)
    return batches(ct.nn.MLP(2, [16], 2), X, y, sizes=("full", 1, 32), rates=(0.01, 0.1, 1.0), epochs=12, runs=2)


def test_steps_per_epoch_are_counted_as_the_lecture_does(found):
    assert [(v.batch_size, v.steps_per_epoch) for v in found.variants] == [(1, 250), (32, 8), (250, 1)]
    assert [v.name for v in found.variants] == ["stochastic (1 row)", "mini-batch (32 rows)", "batch (all rows)"]


def test_smaller_batches_make_more_of_the_same_data(found):
    """The lecture's reason for mini-batches: more updates a pass. Each size is at its own best rate."""
    stochastic, mini, batch = (v.loss_after("epochs", 12) for v in found.variants)
    assert max(stochastic, mini) < 0.5 * batch


def test_larger_batches_take_more_memory_and_have_less_noise(found):
    memory = [v.memory for v in found.variants]
    assert memory[0] < memory[1] < memory[2]
    assert -1.15 < found.slope < -0.85  # σ²/B
    for when in ("first weights", "trained weights"):
        measured, expected = found.noise[when], found.noise_expected[when]
        small = found.noise_sizes <= 64
        np.testing.assert_allclose(measured[small], expected[small], rtol=0.4)
        assert measured[-1] < 1e-9  # the batch of all rows: rounding alone
    assert found.noise["trained weights"][0] > found.noise["first weights"][0]


def test_steps_of_small_batches_are_noisier(found):
    """How far one step's J lies from the next's: for single rows, batches of 32, and all rows."""
    shake = [np.abs(np.diff(v.step_loss)).mean() for v in found.variants]
    assert shake[0] > 2 * shake[1] > 2 * shake[2]


def test_a_run_is_what_fit_does(found):
    v = found.variants[1]
    X, y = ct.datasets.make("moons", n=250, seed=0)
    net = ct.nn.MLP(2, [16], 2).init(0)
    run = ct.fit(net, X, y, loss="cross_entropy", optimizer=ct.optim.SGD(v.rate), epochs=12, seed=0)
    np.testing.assert_array_equal(v.step_loss, run.steps["loss"])
    last = ct.losses.cross_entropy(net.predict(X), y).item()
    assert (v.epochs[0][-1], v.loss[0][-1]) == (12, last)


def test_every_size_takes_the_best_of_the_same_rates(found):
    for v in found.variants:
        assert list(v.tuning) == [0.01, 0.1, 1.0] and v.tuning[v.rate] == min(v.tuning.values())


def test_a_run_that_diverges_is_a_result():
    X, y = ct.datasets.make("line", n=60, seed=0)
    found = batches(ct.nn.Linear(1, 1), X, y, sizes=(4, "full"), rates=(1e6,), epochs=50, runs=1)
    assert np.isinf(found.variants[0].loss[0][-1]) and "inf" in str(found)
    assert found.to_json()["variants"][0]["loss"][0][-1] is None


def test_ctrl_c_keeps_the_runs_that_are_done(monkeypatch):
    done = []

    def pressed_in_the_fourth_run(*args, **named):
        run = ct.fit(*args, **named)
        done.append(run)
        run.stopped = "interrupted" if len(done) == 4 else run.stopped
        return run

    monkeypatch.setattr(sys.modules[batches.__module__], "fit", pressed_in_the_fourth_run)
    X, y = ct.datasets.make("moons", n=40, seed=0)
    found = batches(ct.nn.MLP(2, [4], 2), X, y, sizes=(1, 8, "full"), rates=(0.1,), epochs=2, runs=2)
    assert found.cut_short == "interrupted" and [len(v.loss) for v in found.variants] == [2, 1]
    assert "mini-batch (8 rows)" in str(found) and "batch (all rows)" not in str(found)


def test_seconds_end_a_run_with_its_epoch():
    X, y = ct.datasets.make("moons", n=100, seed=0)
    found = batches(ct.nn.MLP(2, [4], 2), X, y, rates=(0.1,), seconds=0.01, runs=1)
    assert all(v.seconds[0][-1] >= 0.01 for v in found.variants)
    assert not found.variants[0].tuning and found.variants[0].rate == 0.1


def test_what_it_gives_can_be_printed_drawn_and_kept(found, tmp_path):
    text = str(found)
    assert "mini-batch (32 rows)" in text and "best of 3 learning rates from 0.01 to 1" in text
    frame = found.to_pandas()
    assert set(frame["batch_size"]) == {1, 32, 250} and (frame["step"] == frame["epoch"] * np.select(
        [frame["batch_size"] == 1, frame["batch_size"] == 32], [250, 8], 1)).all()
    found.save(tmp_path / "b.svg")
    svg = (tmp_path / "b.svg").read_text()
    assert "training time (s)" in svg and "stochastic (1 row)" in svg and len(svg) < 300_000
    found.save(tmp_path / "b.json")
    data = json.loads((tmp_path / "b.json").read_text())
    assert data["kind"] == "batches" and [v["steps_per_epoch"] for v in data["variants"]] == [250, 8, 1]


@pytest.mark.parametrize(("settings", "says"), [
    ({"sizes": (0,)}, "a size must be a whole number of at least 1, got 0"),
    ({"sizes": ()}, "sizes is empty"),
    ({"runs": 0}, "runs must be a whole number of at least 1, got 0"),
    ({"epochs": 1.5}, "epochs must be a whole number of at least 1, got 1.5"),
    ({"rates": ()}, "rates is empty"),
])
def test_what_makes_no_sense_is_refused(settings, says):
    X, y = ct.datasets.make("moons", n=20, seed=0)
    with pytest.raises(ct.errors.ArgumentError, match=says):
        batches(ct.nn.MLP(2, [4], 2), X, y, **settings)


@pytest.mark.parametrize("rates", [(1e30, 0.01), (0.01, 1e30)])
def test_a_rate_that_diverges_is_never_the_best(rates):
    X, y = ct.datasets.make("friedman", n=60, seed=0)
    found = ct.lab.batches(ct.nn.MLP(10, [4], 1), X, y, sizes=[32], rates=rates, epochs=2, runs=1)
    assert found.variants[0].rate == 0.01 and np.isfinite(found.variants[0].loss[0]).all()


def test_where_every_rate_diverges_nothing_is_called_the_best():
    X, y = ct.datasets.make("friedman", n=60, seed=0)
    found = ct.lab.batches(ct.nn.MLP(10, [4], 1), X, y, sizes=[32], rates=(1e30, 1e20), epochs=2, runs=1)
    assert found.variants[0].rate == 1e20 and "No batch size has a loss that is a number" in str(found)
