"""How near float32 comes to float64, in multiples of eps = 1.2e-7, one step in the last place of a number near 1."""

import sys
from pathlib import Path

import numpy as np
import pytest

import cutaway as ct
from cutaway.optim import OPTIMIZERS
from cutaway.rules import OPS
from depth import each_once, every

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tools"))

import sweep_floats

EPS = float(np.finfo(np.float32).eps)
engines = pytest.mark.parametrize("engine", ["cpu", "reference"])


# ---- functions -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", sweep_floats.FUNCTIONS)
def test_functions_of_machine_code_over_all_floats(name):
    """Every 65,537th of the 2^32 floats, and all around 1; tools/sweep_floats.py tries every one."""
    near_one = np.linspace(-2, 2, 100_001).astype(np.float32)
    assert sweep_floats.worst(name, [*sweep_floats.floats(65_537), near_one])[0] <= sweep_floats.FUNCTIONS[name].bound


def test_a_wrong_function_is_noticed(monkeypatch):
    exp = sweep_floats.FUNCTIONS["exp"]
    monkeypatch.setitem(sweep_floats.FUNCTIONS, "exp", exp._replace(call="xp.exp(x[j]) * F(1.0000005)"))
    assert sweep_floats.worst("exp", sweep_floats.floats(65_537))[0] > exp.bound


# ---- networks ------------------------------------------------------------------------------------------------------


def step(net, X, y, loss, engine="cpu"):
    """The outputs and the gradient of one step."""
    made = ct.compile(net, loss, ct.optim.SGD(1e-3), batch_size=len(X), input=X, target=y, engine=engine, threads=1,
                      keep_all=True)
    made.feed(X, y)
    made.run()
    outputs = made.value(made.engine.listing.output).astype(float)
    return outputs, np.array(made.value("g"), float)


def both(make, X, y, loss=ct.losses.cross_entropy):
    """How far float32 is off, from the same weights and inputs: outputs beside the largest, gradient by its length."""
    single, double = make().init(0).astype("float32"), make().init(0).astype("float64")
    double.theta[:] = single.theta
    z, g = step(single, X.astype(np.float32), y, loss)
    Z, G = step(double, X.astype(np.float32).astype(float), y, loss)
    return np.abs(z - Z).max() / np.abs(Z).max(), np.linalg.norm(g - G) / np.linalg.norm(G)


def mlp(depth, width, activation):
    return (64, 32), lambda: ct.nn.MLP(32, [width] * depth, 10, activation=activation), depth + 1, width


def cnn(size, channels):
    def make():
        layers, c = [], 3
        for k in channels:
            layers += [ct.nn.Conv2d(c, k, 3, padding="same"), ct.nn.BatchNorm2d(k), ct.nn.Tanh(), ct.nn.AvgPool2d(2)]
            c = k
        return ct.nn.Sequential(*layers, ct.nn.GlobalAveragePool(), ct.nn.Linear(c, 10))

    return (16, size, size, 3), make, len(channels) + 1, 16 * size * size


def recurrent(cell, width, steps):
    return (8, steps, 4), lambda: ct.nn.Recurrent(4, width, 10, cell), 2, max(width, 8 * steps)


NETWORKS = {
    "mlp 1x16": mlp(1, 16, "tanh"), "mlp 3x256": mlp(3, 256, "gelu"), "mlp 10x64": mlp(10, 64, "gelu"),
    "mlp 20x128": mlp(20, 128, "tanh"), "mlp 2x1024": mlp(2, 1024, "silu"),
    "cnn 12": cnn(12, [8]), "cnn 28": cnn(28, [16, 32]), "cnn 32": cnn(32, [32, 64]),
    "rnn 64x100": recurrent("rnn", 64, 100), "lstm 16x500": recurrent("lstm", 16, 500),
    "lstm 128x50": recurrent("lstm", 128, 50), "gru 16x500": recurrent("gru", 16, 500),
    "gru 128x50": recurrent("gru", 128, 50),
}


@pytest.mark.parametrize(("name", "seed"), each_once(every(2, list(NETWORKS)), [0, 1]))
def test_networks_in_float32(name, seed):
    """Outputs and gradient within eps · layers · √(numbers in the longest sum): what roundings at random add up to."""
    shape, make, layers, longest = NETWORKS[name]
    rng = np.random.default_rng(seed)
    outputs, gradient = both(make, rng.standard_normal(shape), rng.integers(0, 10, shape[0]).astype(np.int32))
    bound = EPS * layers * np.sqrt(longest)
    assert 0 < outputs < bound and 0 < gradient < bound


# ---- sums over many rows -------------------------------------------------------------------------------------------

MANY = 1_000_000


@engines
@pytest.mark.parametrize("weighted", [False, True])
def test_the_mean_loss_of_a_million_rows(engine, weighted):
    """All equal, so that every rounding goes the same way: a running sum in float32 would be 1 % off."""
    z, w = np.full((MANY, 1), 0.1, np.float32), np.ones(MANY, np.float32)
    net = ct.nn.Linear(1, 1).init(0).astype("float32")
    net.theta[:] = [1, 0]
    made = ct.compile(net, ct.losses.mae, ct.optim.SGD(0.0), batch_size=MANY, input=z, target=z[:, 0] * 0,
                      engine=engine, weighted=weighted, threads=1)
    made.feed(z, z[:, 0] * 0, *([w] if weighted else []))
    assert made.run()[0] == pytest.approx(np.float64(np.float32(0.1)), rel=2 * EPS)


@pytest.mark.parametrize("name", ["mse", "mae", "half_mse", "huber", "cross_entropy", "binary_cross_entropy"])
def test_the_loss_of_a_sample_with_a_hundred_thousand_outputs(name):
    z = np.full((2, 100_000), -0.1, np.float32)
    y = np.zeros(2, np.int32) if name == "cross_entropy" else np.zeros_like(z)
    truth = ct.losses.LOSSES[name](z.astype(float), y).item()
    program = ct.compile(Scaled(), ct.losses.LOSSES[name], ct.optim.SGD(0.0), batch_size=2, input=z, target=y,
                         engine="cpu", threads=1)
    program.feed(z, y)
    assert program.run()[0] == pytest.approx(truth, rel=8 * EPS)


class Scaled(ct.nn.Module):
    def __init__(self):
        self.scale = ct.nn.Parameter((), ct.nn.init.ones)

    def forward(self, x):
        return x * self.scale


# ---- normalisation -------------------------------------------------------------------------------------------------


def normalised(layer, x, engine):
    return step(layer.init(0).astype("float32"), x, x * 0, ct.losses.mse, engine)[0]


@engines
@pytest.mark.parametrize("value", [0.1, 1e4 / 3, 1e6 / 3, -1e30 / 3])
@pytest.mark.parametrize("layer", [ct.nn.LayerNorm, ct.nn.BatchNorm1d])
def test_constants_are_normalised_to_zero(layer, value, engine):
    """Exactly, wide rows and long columns: one step off in the mean would be ±1 after division by no spread."""
    x = np.full((20_000, 10) if layer is ct.nn.BatchNorm1d else (20, 1000), value, np.float32)
    np.testing.assert_array_equal(normalised(layer(x.shape[1]), x, engine), 0)


@engines
@pytest.mark.parametrize("offset", [0.0, 1e3, -1e6])
@pytest.mark.parametrize("layer", [ct.nn.LayerNorm, ct.nn.BatchNorm1d])
def test_what_varies_far_from_zero_is_normalised(layer, offset, engine):
    """Within 2 eps (offset / spread), by which the numbers themselves were rounded when they became float32."""
    shape, axis = ((100_000, 4), 0) if layer is ct.nn.BatchNorm1d else ((20, 1000), 1)
    x = (offset + np.random.default_rng(0).standard_normal(shape)).astype(np.float32)
    exact = x.astype(float) - x.mean(axis, dtype=float, keepdims=True)
    truth = exact / np.sqrt((exact**2).mean(axis, keepdims=True) + 1e-5)
    assert np.abs(normalised(layer(shape[1]), x, engine) - truth).max() < 2 * EPS * (abs(offset) + 10)


def test_running_averages_arrive_and_stay():
    """Ten thousand batches of the same mean: within ten steps of it, one for each tenth that is taken over."""
    rule, mean = OPS["running_average"].forward, np.array([0.1, 3333.3, -1e6], np.float32)
    running = np.zeros(3, np.float32)
    for _ in range(10_000):
        running = rule(running, mean, momentum=0.1, rows=None)
    np.testing.assert_allclose(running, mean, rtol=10 * EPS)


@engines
def test_the_average_of_a_large_image(engine):
    image = np.full((2, 224, 224, 3), 0.1, np.float32)
    net = ct.nn.Sequential(ct.nn.GlobalAveragePool(), Scaled())
    np.testing.assert_allclose(step(net.init(0).astype("float32"), image, np.zeros((2, 3), np.float32), ct.losses.mse,
                                    engine)[0], np.float32(0.1), rtol=EPS)


# ---- optimizers ----------------------------------------------------------------------------------------------------


@engines
@pytest.mark.parametrize("t", [1, 2, 10**7])
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_an_update_at_the_ten_millionth_step(name, t, engine):
    """As in float64: what depends on the step's number alone (1 - βᵗ) is computed in double."""
    def updated(dtype):
        net = Scaled().init(0).astype(dtype)
        x = np.linspace(0.5, 1, 8).astype(dtype)[:, None]
        made = ct.compile(net, ct.losses.mse, OPTIMIZERS[name](1e-2), batch_size=8, input=x, target=x * 3,
                          engine=engine, threads=1)
        made.feed(x, x * 3)
        made.state.t = t - 1
        for _ in range(3):
            assert np.isfinite(made.run()).all()
        return net.theta.astype(float) - 1

    single, double = updated("float32"), updated("float64")
    np.testing.assert_allclose(single, double, rtol=1e-5, atol=2 * EPS)
    assert double != 0
