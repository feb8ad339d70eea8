"""Collapse: linear layers are one, and trained they are logistic regression; an activation between them bends it."""

import sys

import numpy as np
import pytest

import cutaway as ct
from cutaway.errors import ArgumentError, DataError, ShapeError
from cutaway.lab.functions.bend import bend
from cutaway.lab.functions.collapse import collapse

nn = ct.nn


def stack(*widths):
    return nn.MLP(widths[0], list(widths[1:-1]), widths[-1], activation="identity").init(0)


def scrambled(net):
    """With biases that are not zero."""
    net.theta[:] = np.random.default_rng(0).normal(size=net.theta.size)
    return net


def test_two_layers_multiplied_by_hand():
    net = stack(2, 2, 1)
    net.theta[:] = 1, 2, 3, 4, 10, 20, 5, 6, 7  # W₁ row by row, b₁, W₂, b₂
    found = collapse(net)
    assert found.layer.weight.data.tolist() == [[5 * 1 + 6 * 3, 5 * 2 + 6 * 4]]
    assert found.layer.bias.data.tolist() == [5 * 10 + 6 * 20 + 7]
    assert (found.layers, found.widths, found.parameters) == (("layer1", "layer2"), (2, 2, 1), 9)


@pytest.mark.parametrize("depth", [2, 3, 10])
def test_any_stack_is_the_one_layer_to_rounding(depth):
    net = scrambled(stack(3, *[8] * (depth - 1), 2))
    found = collapse(net, activation="tanh")
    assert 0 <= found.difference["float64"] < depth * 1e-15 < 1e-9 < found.difference["float32"] < depth * 1e-6
    X = np.random.default_rng(1).normal(size=(5, 3))
    np.testing.assert_allclose(found.layer(X).numpy(), net.astype("float64")(X).numpy(), rtol=1e-9)


def test_the_same_weights_with_an_activation_are_not_linear():
    net = scrambled(stack(2, 8, 8, 1))
    found = collapse(net)
    assert found.bend > 0.1 > 1e-12 > found.difference["float64"] and found.unexplained > 0.01
    bent = nn.MLP(2, [8, 8], 1).astype("float64")  # the network that was trained nowhere, built another way
    bent.load_state_dict(net.astype("float64").state_dict())
    X = np.random.default_rng(2).normal(size=(100, 2))
    np.testing.assert_allclose(collapse(net, X).bent, bent(X).numpy(), rtol=1e-12)
    assert collapse(net, X, activation="identity").bend < 1e-14


def test_layers_without_bias_and_a_layer_used_twice():
    class Twice(nn.Module):
        def __init__(self):
            self.inner = nn.Linear(3, 3, bias=False)

        def forward(self, x):
            return self.inner(self.inner(x))

    net = Twice().init(0)
    W = net.inner.weight.data.astype(float)
    found = collapse(net)
    np.testing.assert_allclose(found.layer.weight.data, W @ W)
    assert not found.layer.bias.data.any()


@pytest.mark.parametrize(
    ("net", "says"),
    [
        (nn.MLP(2, [4], 1), r"relu after layer1\). None of its layers collapse"),
        (nn.Sequential(nn.Linear(2, 4), nn.Linear(4, 4), nn.ReLU(), nn.Linear(4, 1)),
         r"relu after layer2\). layer1 and layer2 are one linear layer"),
        (nn.Linear(2, 1), "a single layer"),
    ],
)
def test_a_network_that_is_more_says_what_collapses(net, says):
    with pytest.raises(ArgumentError, match=says):
        collapse(net)


def test_too_few_rows_are_refused():
    with pytest.raises(ShapeError, match="give 6 rows or more, of 2 features"):
        collapse(stack(2, 3, 1), np.zeros((5, 2)))


def test_it_prints_plots_and_saves(tmp_path):
    found = collapse(stack(2, 4, 4, 1))
    assert str(found).startswith("3 linear layers, 2 → 4 → 4 → 1, are one layer 2 → 1: 37 parameters do what 3 do.")
    assert len(found.to_pandas()) == 512 and found.to_json()["kind"] == "collapse"
    for name in ("c.svg", "c.json", "c.csv"):
        assert found.save(tmp_path / name).stat().st_size > 100


# ---- trained side by side --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("problem", ["moons", "circles", "xor"])
def test_trained_linear_layers_are_logistic_regression_and_relu_bends(problem):
    X, y = ct.datasets.make(problem, n=400, seed=0)
    found = bend(X, y, depth=3, seeds=3, steps=1000)
    peer, line, bent = found.scores.values()
    assert list(found.scores) == ["logistic regression", "3 linear layers", "3 layers, relu between"]
    assert found.same.min() > 0.97  # on held-out rows, class by class
    assert np.abs(peer - line).max() < 0.03
    assert bent.min() > line.max() + 0.05 and bent.min() > 0.93
    assert found.collapse.difference["float64"] < 1e-12 < 0.1 < found.collapse.bend
    flat, curved = (region.values.argmax(-1) for region in found.regions)
    assert changes(flat) <= 1 < changes(curved)


def changes(regions):
    """How often the class changes, at most, along a row or column of the picture: once at most for a straight line."""
    return max(int((np.diff(part, axis=axis) != 0).sum(axis).max()) for axis, part in ((0, regions), (1, regions)))


def test_numbers_to_predict_are_told_by_linear_regression():
    X, y = ct.datasets.make("friedman", n=600, noise=0, seed=0)
    found = bend(X, y, depth=2, seeds=2, steps=1000)
    assert next(iter(found.scores)) == "linear regression" and found.same.min() > 0.99
    assert (found.scores["2 layers, relu between"] - found.scores["2 linear layers"]).min() > 0.03


def test_equal_seeds_give_equal_results(tmp_path):
    X, y = ct.datasets.make("moons", n=100, seed=0)
    one, other = (bend(X, y, seeds=1, steps=50) for _ in range(2))
    assert one.to_json() == other.to_json() and str(one) == str(other)
    for name in ("b.svg", "b.json", "b.csv"):
        assert one.save(tmp_path / name).stat().st_size > 100


def test_arguments_that_do_not_fit():
    X, y = ct.datasets.make("moons", n=50, seed=0)
    with pytest.raises(ArgumentError, match="depth must be a whole number of at least 2"):
        bend(X, y, depth=1)
    with pytest.raises(ShapeError, match=r"y \(n,\), got"):
        bend(X, y[:, None])
    for same in (np.zeros(50), np.zeros(50, int), ["a"] * 50):
        with pytest.raises(DataError, match="the same for all rows"):
            bend(X, same)


def test_ctrl_c_keeps_the_seeds_that_are_done(monkeypatch):
    def stop(event):
        event.run.stop("interrupted")

    def cut(entries):
        """fit_many, as it is when Ctrl-C comes in the second run of the second seed."""
        return ct.fit_many([entry | {"callbacks": [] if k < 3 else [stop]} for k, entry in enumerate(entries)])

    monkeypatch.setattr(sys.modules[bend.__module__], "fit_many", cut)
    X, y = ct.datasets.make("moons", n=60, seed=0)
    found = bend(X, y, depth=2, width=4, seeds=3, steps=50)
    assert found.cut_short == "interrupted" and len(found.same) == 1
    monkeypatch.setattr(sys.modules[bend.__module__], "fit_many", lambda entries: cut(entries)[4:])
    with pytest.raises(KeyboardInterrupt):
        bend(X, y, depth=2, width=4, seeds=3, steps=50)


def test_labels_may_be_text_and_features_more_than_rows():
    X, y = ct.datasets.make("moons", n=40, seed=0)
    wide = np.hstack([X, np.random.default_rng(0).normal(size=(40, 30))])
    found = bend(wide, np.array(["low", "high"])[y], depth=2, width=4, seeds=1, steps=50)
    assert found.collapse.widths == (32, 4, 2) and not found.regions[0].of_two
