"""A neuron: its weights by name against the arrays, its values against predictions, what it responds to."""

import numpy as np
import pytest

import cutaway as ct
from cutaway.errors import ArgumentError, ShapeError

nn = ct.nn
neuron = ct.inspect.neuron


def rows(*shape, seed=1):
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def by_name(weights):
    return dict(zip(weights.names, weights.values.tolist(), strict=True))


# ---- neurons ---------------------------------------------------------------------------------------------------------


def test_weights_of_a_neuron_by_name_the_largest_first():
    net = nn.MLP(3, [5], 2).init(0)
    state = net.state_dict()
    n = neuron(net, "layer1", 4, names=["age", "income", "rooms"])
    assert by_name(n.incoming) == {
        name: [w] for name, w in zip(["age", "income", "rooms"], state["layer1.weight"][4].tolist(), strict=True)
    }
    assert np.all(np.diff(np.abs(n.incoming.values[:, 0])) <= 0)
    assert by_name(n.outgoing) == {f"layer2[{k}]": [float(w)] for k, w in enumerate(state["layer2.weight"][:, 4])}
    assert n.bias.values.tolist() == [[state["layer1.bias"][4]]] and n.activation == ["relu"]
    assert set(neuron(net, net[2], 0).incoming.names) == {f"layer1[{k}]" for k in range(5)}
    assert neuron(net, "layer2", 0).outgoing.names == [] and neuron(net, "layer2", 1).values is None


@pytest.mark.parametrize("engine", ["cpu", "reference"])
def test_values_are_those_of_the_evaluation_program(engine):
    net = nn.Sequential(nn.Linear(3, 5), nn.BatchNorm1d(5), nn.Tanh(), nn.Dropout(0.5), nn.Linear(5, 2)).init(0)
    X = rows(700, 3)
    n = neuron(net, "layer1", 2, X, engine=engine)
    half = nn.Sequential(*net.layers[:3])
    np.testing.assert_allclose(n.values, half.predict(X)[:, 2], atol=1e-6)
    assert n.activation == ["batch norm", "tanh"]
    assert n.on == pytest.approx((n.values > 0).mean()) and n.histogram()[0].sum() == 700
    assert [r.row for r in n.strongest] == list(np.argsort(-n.values, kind="stable")[:5])
    assert n.strongest[0].value == n.values.max()


def test_contributions_and_bias_sum_to_the_neuron():
    net = nn.MLP(3, [5, 4], 2, activation="tanh").init(0)
    X = rows(50, 3)
    state = net.state_dict()
    n = neuron(net, "layer2", 1, X)
    before = np.tanh(X @ state["layer1.weight"].T + state["layer1.bias"])
    for response in n.strongest:
        share = by_name(response.contributions)
        for k in range(5):
            expected = state["layer2.weight"][1, k] * before[response.row, k]
            assert share[f"layer1[{k}]"][0] == pytest.approx(expected, abs=1e-6)
        z = response.contributions.values.sum() + n.bias.values[0, 0]
        assert np.tanh(z) == pytest.approx(response.value, abs=1e-6)
        assert np.array_equal(response.seen, X[response.row])


def test_an_estimator_names_its_columns():
    X = {"area": [50.0, 70, 90, 120] * 10, "zone": ["a", "b", "a", "b"] * 10}
    model = ct.Regressor(network=[6], epochs=1, random_state=0).fit(X, np.arange(40.0))
    n = neuron(model, "layer1", 0, X)
    assert set(n.incoming.names) == set(model.encoder_.feature_names) == {"area", "zone=a", "zone=b"}
    assert "zone=a" in str(n) and n.values.shape == (40,)


# ---- filters, cells, other wirings -----------------------------------------------------------------------------------


def test_a_filter_its_channels_and_the_patch_it_saw():
    net = nn.Sequential(
        nn.Conv2d(2, 4, 3, padding="same"), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(4, 3, 3), nn.ReLU(), nn.Flatten(),
        nn.Linear(3 * 4, 2),
    ).init(0)
    X, state = rows(20, 8, 8, 2), net.state_dict()
    n = neuron(net, "layer1", 3, X, names=["red", "blue"])
    assert by_name(n.incoming)["blue at 0, 2"] == [state["layer1.weight"][3, 0, 2, 1]]
    assert by_name(n.outgoing)["layer2[1] at 2, 0"] == [state["layer2.weight"][1, 2, 0, 3]]
    best = n.strongest[0]
    padded = np.pad(X[best.row], ((1, 1), (1, 1), (0, 0)))
    i, j = best.place
    z = (padded[i : i + 3, j : j + 3] * state["layer1.weight"][3]).sum() + state["layer1.bias"][3]
    assert best.value == pytest.approx(z, abs=1e-5) == n.values.max() and n.values.shape == (20, 8, 8)
    inner = X[best.row][max(i - 1, 0) : i + 2, max(j - 1, 0) : j + 2]
    assert np.array_equal(best.seen, inner)
    deep = neuron(net, "layer2", 1, X)
    i, j = deep.strongest[0].place  # two places of three pooled ones: 3 * 2 pixels, and one on either side
    lo = [max(2 * i - 1, 0), max(2 * j - 1, 0)]
    assert np.array_equal(deep.strongest[0].seen, X[deep.strongest[0].row][lo[0] : 2 * i + 7, lo[1] : 2 * j + 7])
    assert by_name(deep.outgoing)["layer3[0] from 1, 0"] == [state["layer3.weight"][0, 2 * 3 + 1]]


def test_a_cell_has_gates_and_its_own_length():
    net = nn.Recurrent(3, 4, 2).init(0)
    state = net.state_dict()
    X = ct.Sequences(rows(6, 9, 3), np.array([9, 4, 9, 2, 9, 9]))
    n = neuron(net, "layer1", 2, X, names=["a", "b", "c"])
    assert n.layer == "layer1.lstm" and n.incoming.parts == ("input", "forget", "candidate", "output")
    assert by_name(n.incoming)["b"] == state["layer1.lstm.weight_ih_l0"][[2, 6, 10, 14], 1].tolist()
    assert by_name(n.incoming)["h[3] before"] == state["layer1.lstm.weight_hh_l0"][[2, 6, 10, 14], 3].tolist()
    assert by_name(n.outgoing)["layer2[1]"] == [state["layer2.weight"][1, 2]]
    assert by_name(n.outgoing)["h[1] forget next"] == [state["layer1.lstm.weight_hh_l0"][5, 2]]
    assert np.isnan(n.values).sum() == 5 + 7 and np.isfinite(n.values[1, :4]).all()
    shown = ct.inspect.states(net, X[:1])["layer1.lstm.hidden"][:, 2]
    np.testing.assert_allclose(n.values[0], shown, atol=1e-6)


def test_connections_past_a_layer_and_values_side_by_side():
    class Past(nn.Module):
        def __init__(self):
            self.one, self.two, self.three = nn.Linear(3, 4), nn.Linear(4, 4), nn.Linear(8, 2)

        def forward(self, x):
            h = ct.ops.tanh(self.one(x))
            return self.three(ct.ops.concat([h + self.two(h), h], axis=-1))

    net = Past().init(0)
    W = net.state_dict()
    n = neuron(net, "one", 1)
    assert len(n.outgoing) == 4 + 2 * 2
    assert sorted(n.outgoing.values[:, 0]) == sorted([*W["two.weight"][:, 1], *W["three.weight"][:, 1],
                                                     *W["three.weight"][:, 5]])
    last = neuron(net, "three", 0)
    assert "one[2]" in last.incoming.names and len(last.incoming) == 8


# ---- what is said ----------------------------------------------------------------------------------------------------


def test_it_is_printed_and_drawn(tmp_path):
    tables, images = nn.MLP(2, [6], 2).init(0), nn.CNN((8, 8, 1), 2, channels=[3]).init(0)
    sequences = nn.Recurrent(2, 4, 1, cell="gru").init(0)
    for net, X in ((tables, rows(9, 2)), (images, rows(9, 8, 8, 1)), (sequences, rows(9, 5, 2))):
        n = neuron(net, "layer1", 0, X)
        text = str(n)
        for said in ("weights in", "weights out", "9 rows", "strongest on", f"row {n.strongest[0].row}"):
            assert said in text
        n.plot(tmp_path / "n.svg")
        assert "weights in" in (tmp_path / "n.svg").read_text()
        neuron(net, "layer1", 0).plot()


def test_what_is_not_finite_stays_visible():
    net = nn.MLP(3, [4], 2).init(0)
    net[0].weight.data[1, 0] = np.nan
    n = neuron(net, "layer1", 1, rows(5, 3))
    assert np.isnan(n.values).all() and n.broken == 5 and n.strongest == []
    assert "5 values not finite" in str(n) and "nan" in str(n)
    assert neuron(net, "layer1", 0, rows(5, 3)).broken == 0


def test_a_layer_by_itself():
    alone = nn.Linear(2, 3)
    assert neuron(alone, alone, 1).incoming.values.shape == (2, 1)


def test_errors_name_what_is_there():
    net = nn.MLP(3, [5], 2)
    with pytest.raises(ArgumentError, match=r"did you mean 'layer2'.*layer1, layer2"):
        neuron(net, "layer22", 0)
    with pytest.raises(ArgumentError, match=r"unit is 5: layer1 \(linear 3 → 5\) has units 0 to 4"):
        neuron(net, "layer1", 5)
    both = nn.Recurrent(3, 4, 2, bidirectional=True)
    with pytest.raises(ArgumentError, match=r"no single layer called 'layer1'.*l0_reverse"):
        neuron(both, "layer1", 0)
    with pytest.raises(ArgumentError, match="give X, some rows of data"):
        neuron(nn.Sequential(nn.Conv2d(1, 2, 3)), "layer1", 0)
    with pytest.raises(ShapeError, match="give rows"):
        neuron(net, "layer1", 0, rows(3))
    with pytest.raises(ShapeError, match="does not fit"):
        neuron(net, "layer1", 0, rows(2, 4))
    with pytest.raises(ArgumentError, match="a histogram needs data"):
        neuron(net, "layer1", 0).histogram()
