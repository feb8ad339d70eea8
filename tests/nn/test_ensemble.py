"""Networks that answer together, and a linear model among them that training leaves alone."""

import numpy as np
import pytest

import cutaway as ct
from cutaway import nn


def pair(link="identity", outputs=1):
    found = nn.FoundLinear(3, outputs)
    network = nn.Ensemble([nn.MLP(3, [4], outputs), found], link).init(0)
    found.weight.data[...], found.bias.data[...] = np.arange(3.0), 0.5
    return network, found


X = np.random.default_rng(0).standard_normal((40, 3)).astype(np.float32)


def test_the_answer_is_the_mean_of_all_networks():
    network, found = pair()
    np.testing.assert_allclose(network.predict(X), (network.networks[0].predict(X) + found.predict(X)) / 2, rtol=1e-5,
                               atol=1e-6)


def test_of_classes_it_is_the_mean_of_probabilities():
    network, found = pair("sigmoid")
    each = [1 / (1 + np.exp(-one.predict(X))) for one in (network.networks[0], found)]
    np.testing.assert_allclose(1 / (1 + np.exp(-network.predict(X))), np.mean(each, 0), rtol=1e-5)


def test_training_is_each_networks_own_and_leaves_the_linear_model_as_it_was_found():
    network, found = pair()
    alone = nn.MLP(3, [4], 1)
    alone.load_state_dict(network.networks[0].state_dict())
    y = X.sum(1)
    for one, lr in ((network, 0.2), (alone, 0.1)):  # J is the mean of two losses, one of which no weight changes
        ct.fit(one, X, y, optimizer=ct.optim.SGD(lr), epochs=3, batch_size="full")
    np.testing.assert_allclose(network.networks[0].theta, alone.theta, rtol=1e-5, atol=1e-7)
    assert found.weight.tolist() == [[0, 1, 2]] and found.bias.tolist() == [0.5]


def test_it_survives_a_file_and_a_new_start(tmp_path):
    network, found = pair()
    ct.save(network, tmp_path / "pair.safetensors")
    again = ct.load(tmp_path / "pair.safetensors")
    np.testing.assert_array_equal(again.predict(X), network.predict(X))
    network.init(1)
    assert found.weight.tolist() == [[0, 1, 2]]


def test_what_the_linear_model_sees_in_place_of_the_input_is_kept_in_a_file(tmp_path):
    Z = np.random.default_rng(0).standard_normal((6, 30, 2)).astype(np.float32)
    sees = nn.RandomConvolutions.of(Z, 168)
    found = nn.FoundLinear(sees.n_out, 1)
    found.weight.data[...] = 0.01
    network = nn.WithLinear(nn.Sequential(nn.GlobalAveragePool(), nn.Linear(2, 1)), found, sees=sees).init(0)
    halves = [nn.Sequential(*network.layers).predict(Z), found.predict(sees.predict(Z))]
    np.testing.assert_allclose(network.predict(Z), np.mean(halves, axis=0), rtol=1e-5, atol=1e-6)
    ct.save(network, tmp_path / "both.safetensors", input=Z[:2])
    np.testing.assert_array_equal(ct.load(tmp_path / "both.safetensors").predict(Z), network.predict(Z))


@pytest.mark.parametrize(("link", "outputs"), [("identity", 1), ("sigmoid", 1), ("softmax", 3)])
def test_with_a_linear_model_layers_keep_their_names_and_learn_as_they_would_alone(link, outputs):
    y = X.sum(1) if link == "identity" else np.digitize(X.sum(1), [-1, 1]).clip(0, max(1, outputs - 1))
    loss = {"identity": "mse", "sigmoid": "binary_cross_entropy", "softmax": "cross_entropy"}[link]
    found, alone = nn.FoundLinear(3, outputs), nn.MLP(3, [4], outputs).init(0)
    found.weight.data[...] = 0.5
    network = nn.WithLinear(nn.MLP(3, [4], outputs), found, link).init(0)
    assert [n for n, _ in network.named_parameters()] == [n for n, _ in alone.named_parameters()]
    for one in (network, alone):
        ct.fit(one, X, y, loss=loss, epochs=3, seed=0)
    assert network.theta.tolist() == alone.theta.tolist() and found.weight.data.tolist() == [[0.5] * 3] * outputs
    p = {"identity": lambda z: z, "sigmoid": lambda z: 1 / (1 + np.exp(-z)),
         "softmax": lambda z: np.exp(z) / np.exp(z).sum(1, keepdims=True)}[link]
    np.testing.assert_allclose(p(network.predict(X)), (p(alone.predict(X)) + p(found.predict(X))) / 2, rtol=1e-5,
                               atol=1e-6)


def test_with_a_linear_model_it_survives_a_file(tmp_path):
    network = nn.WithLinear(nn.MLP(3, [4], 2), nn.FoundLinear(3, 2), "softmax").init(0)
    network.linear.bias.data[...] = 1.0, 2.0
    ct.save(network, tmp_path / "both.safetensors")
    again = ct.load(tmp_path / "both.safetensors")
    assert type(again) is nn.WithLinear and again.link == "softmax"
    np.testing.assert_array_equal(again.predict(X), network.predict(X))


def test_it_takes_networks_only():
    with pytest.raises(ct.errors.ArgumentError, match="a Sequential and a FoundLinear"):
        nn.WithLinear(nn.MLP(3, [4], 1), nn.Linear(3, 1))
    with pytest.raises(ct.errors.ArgumentError, match="list of networks"):
        nn.Ensemble([])
    with pytest.raises(ct.errors.ShapeError, match="3 features"):
        nn.FoundLinear(3, 1)(np.ones((2, 4)))


def test_side_by_side_each_network_reads_columns_of_its_own(tmp_path):
    left, right = nn.FoundLinear(1, 2), nn.MLP(2, [4], 1)
    both = nn.SideBySide([left, right], [1, 2]).init(0)
    left.weight.data[...] = [[1.0], [2.0]]
    found = both.predict(X)
    np.testing.assert_array_equal(found[:, :2], X[:, :1] * np.array([1, 2], np.float32))
    np.testing.assert_array_equal(found[:, 2], right.predict(X[:, 1:])[:, 0])
    ct.save(both, tmp_path / "both.safetensors")
    np.testing.assert_array_equal(ct.load(tmp_path / "both.safetensors").predict(X), found)


def test_side_by_side_takes_a_width_for_each_and_rows_of_all():
    with pytest.raises(ct.errors.ArgumentError, match="a width for each"):
        nn.SideBySide([nn.Linear(1, 1)], [1, 2])
    with pytest.raises(ct.errors.ShapeError, match="rows of 3 columns"):
        nn.SideBySide([nn.Linear(1, 1), nn.Linear(2, 1)], [1, 2])(X[:, :2])
