"""Layers with a factor for each feature or neuron, and dropout that gives way, worked out by hand."""

import numpy as np
import pytest

import cutaway as ct
from cutaway.errors import ArgumentError, ShapeError

Z = np.array([[-2.0, -0.5, 0.0, 0.7, 3.0]])
SELU = np.where(Z > 0, 1.0507009873554805 * Z, 1.0507009873554805 * 1.6732632423543772 * np.expm1(Z))
MISH = Z * np.tanh(np.logaddexp(0, Z))
X, Y = ct.datasets.make("moons", n=64, seed=0)


@pytest.mark.parametrize(("name", "bent"), [("relu", np.maximum(Z, 0)), ("selu", SELU), ("mish", MISH)])
def test_a_parametric_activation_mixes_the_line_and_the_bend(name, bent):
    layer = ct.nn.Parametric(5, name, rate=0.5)
    np.testing.assert_allclose(layer(Z).data, bent, rtol=1e-5, atol=1e-7)
    layer.weight.data[...] = 1.5  # α = ¾
    np.testing.assert_allclose(layer(Z).data, Z + 0.75 * (bent - Z), rtol=1e-5, atol=1e-7)


def test_a_scale_multiplies_each_feature():
    layer = ct.nn.Scale(2, rate=4)
    layer.weight.data[...] = [0.5, 2]
    assert layer([[1.0, -3.0]]).tolist() == [[2.0, -24.0]]


@pytest.mark.parametrize(("make", "rate"), [(lambda: ct.nn.Scale(3), 6.0), (lambda: ct.nn.Parametric(3), 0.1)])
def test_adam_moves_the_factor_at_its_rate(make, rate):
    layer = make().astype("float64")
    before = layer.weight.data * rate
    np.testing.assert_allclose(before, 1)
    program = ct.compile(layer, "mse", ct.optim.Adam(0.01), batch_size=2, input=np.zeros((2, 3)))
    program.feed(np.array([[-1.0, -2.0, -3.0], [-3.0, -1.0, -1.0]]), np.full((2, 3), 5.0))
    program.run()
    np.testing.assert_allclose(np.abs(layer.weight.data * rate - before), rate * 0.01, rtol=1e-5)


@pytest.mark.parametrize(("make", "said"), [
    (lambda: ct.nn.Parametric(2, "tanh"), "relu, selu, mish"),
    (lambda: ct.nn.Parametric(2, rate=0), "above 0"),
    (lambda: ct.nn.Scale(0), "at least 1"),
    (lambda: ct.nn.FallingDropout(1.0, 10), r"\[0, 1\)"),
    (lambda: ct.nn.FallingDropout(0.1, 0), "at least 1"),
])
def test_what_makes_no_sense_is_refused(make, said):
    with pytest.raises(ArgumentError, match=said):
        make()


def test_other_widths_are_refused():
    for layer in (ct.nn.Parametric(3), ct.nn.Scale(3)):
        with pytest.raises(ShapeError, match="3 features"):
            layer(np.zeros((2, 4)))


# ---- dropout that gives way ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("step", "p"), [(1, 0.4), (320, 0.4), (481, 0.2), (640, 0.0), (9999, 0.0)])
def test_the_share_of_zeros_falls(step, p):
    layer = ct.nn.FallingDropout(0.4, steps=640)
    with layer.training(seed=1, step=step):
        out = layer(np.ones((100, 100))).data
    assert np.mean(out == 0) == pytest.approx(p, abs=0.02)
    assert out.mean() == pytest.approx(1, abs=0.03)


def test_it_rests_while_evaluating():
    assert ct.nn.FallingDropout(0.4, 10)(np.ones((3, 2))).tolist() == [[1, 1]] * 3


@pytest.mark.parametrize("engine", ["cpu", "xla"])
def test_every_engine_draws_the_same_masks(engine):
    def net():
        return ct.nn.Sequential(ct.nn.Linear(2, 32), ct.nn.ReLU(), ct.nn.FallingDropout(0.5, 32),
                                ct.nn.Linear(32, 2)).init(0)

    losses = [ct.fit(net(), X, Y, loss="cross_entropy", epochs=8, batch_size=16, engine=one).steps["loss"]
              for one in ("reference", engine)]
    np.testing.assert_allclose(*losses, rtol=1e-4)
