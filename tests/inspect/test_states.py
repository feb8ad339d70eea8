"""States of recurrent networks over time: each gate against a cell written in NumPy, lengths, directions, figures."""

import json

import numpy as np
import pytest

import cutaway as ct
from cutaway.engines import evaluator
from cutaway.errors import ArgumentError, DataError, RecordingError, ShapeError

nn = ct.nn
CELLS = {"rnn": nn.RNN, "lstm": nn.LSTM, "gru": nn.GRU}
PARTS = {"rnn": ["hidden"], "gru": ["hidden", "reset", "update", "candidate"],
         "lstm": ["hidden", "cell", "input", "forget", "candidate", "output"]}
every_cell = pytest.mark.parametrize("cell", CELLS)
IN, K, TIME = 2, 3, 7


def network(cell, dtype="float32", **settings):
    net = nn.Sequential(nn.LastState(CELLS[cell](IN, K, **settings)), nn.Linear(K * (1 + settings.get(
        "bidirectional", False)), 2)).init(3).astype(dtype)
    rng = np.random.default_rng(3)
    for name, p in net.named_parameters():
        if "bias" in name:
            p.data[...] = rng.normal(size=p.shape)
    return net


def sequence(time=TIME, seed=0):
    return np.random.default_rng(seed).normal(size=(time, IN))


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def by_hand(cell, p, x, key, reverse):
    """Every part (time, K) of one layer in one direction, step by step."""
    W, U, b, d = (p[f"layer1.{cell}.{name}_{key}"] for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh"))
    h, c, out = np.zeros(K), np.zeros(K), {part: np.zeros((len(x), K)) for part in PARTS[cell]}
    for t in reversed(range(len(x))) if reverse else range(len(x)):
        u, v = W @ x[t] + b, U @ h + d
        if cell == "rnn":
            h = np.tanh(u + v)
            now = {}
        elif cell == "lstm":
            i, f, g, o = np.split(u + v, 4)
            i, f, g, o = sigmoid(i), sigmoid(f), np.tanh(g), sigmoid(o)
            c = f * c + i * g
            h = o * np.tanh(c)
            now = {"cell": c, "input": i, "forget": f, "candidate": g, "output": o}
        else:
            (ur, uz, un), (vr, vz, vn) = np.split(u, 3), np.split(v, 3)
            r, z = sigmoid(ur + vr), sigmoid(uz + vz)
            n = np.tanh(un + r * vn)
            h = (1 - z) * n + z * h
            now = {"reset": r, "update": z, "candidate": n}
        for part, value in ({"hidden": h} | now).items():
            out[part][t] = value
    return out


@pytest.mark.parametrize(("engine", "dtype", "error"), [("cpu", "float32", 1e-4), ("reference", "float64", 1e-10)])
@every_cell
def test_states_against_cells_in_numpy(cell, engine, dtype, error):
    net, x = network(cell, dtype), sequence()
    found = ct.inspect.states(net, x, engine=engine)
    assert list(found) == [f"layer1.{cell}.{part}" for part in PARTS[cell]]
    for part, values in by_hand(cell, net.state_dict(), x, "l0", False).items():
        np.testing.assert_allclose(found[f"layer1.{cell}.{part}"], values, rtol=error, err_msg=part)
    assert np.array_equal(found.sequence, x.astype(dtype))


@every_cell
def test_both_directions_and_every_layer(cell):
    net, x = network(cell, "float64", layers=2, bidirectional=True), sequence()
    found = ct.inspect.states(net, x, engine="reference")
    keys = ["l0", "l0_reverse", "l1", "l1_reverse"]
    assert [scan.name for scan in found.scans] == [f"layer1.{cell}.{key}" for key in keys]
    assert [scan.reverse for scan in found.scans] == [False, True, False, True]
    p, seen = net.state_dict(), x
    for layer in range(2):
        sides = []
        for direction in range(2):
            key = keys[2 * layer + direction]
            parts = by_hand(cell, p, seen, key, direction == 1)
            for part, values in parts.items():
                np.testing.assert_allclose(found[f"layer1.{cell}.{key}.{part}"], values, rtol=1e-9, err_msg=key + part)
            sides.append(parts["hidden"])
        seen = np.concatenate(sides, -1)
    upper = ct.inspect.states(net, x, f"layer1.{cell}.l1", "reference")
    assert list(upper) == [f"layer1.{cell}.l1.{part}" for part in PARTS[cell]]


@every_cell
def test_states_are_the_programs_values(cell):
    net, x = network(cell), sequence().astype(np.float32)
    found = ct.inspect.states(net, x)
    program = evaluator(net, x[None], batch_size=1, keep_all=True)
    out = program.predict(x[None])
    assert np.array_equal(found[f"layer1.{cell}.hidden"], program.value(f"layer1.{cell}.y")[0])
    if cell != "rnn":
        gates = [part for part in PARTS[cell] if part not in ("hidden", "cell")]
        assert np.array_equal(np.concatenate([found[f"layer1.{cell}.{part}"] for part in gates], -1),
                              program.value(f"layer1.{cell}.gates")[0])
    np.testing.assert_allclose(out, net.predict(x[None]), rtol=1e-5)


@every_cell
def test_only_the_steps_of_its_own_length_are_shown(cell):
    net, x = network(cell, bidirectional=True), sequence()
    alone = ct.inspect.states(net, x)
    padded = ct.inspect.states(net, ct.Sequences(np.pad(x, ((0, 4), (0, 0)), constant_values=9.0)[None], [TIME]))
    assert padded.sequence.shape == (TIME, IN) and list(padded) == list(alone)
    for name in alone:
        np.testing.assert_allclose(padded[name], alone[name], rtol=1e-5, atol=1e-6)


def test_a_sequence_in_any_form():
    net, x = network("gru"), sequence()
    one = ct.inspect.states(net, x)
    for form in (x[None], x.tolist(), [x], ct.Tensor(x), ct.Sequences(x[None], [TIME])):
        again = ct.inspect.states(net, form)
        assert all(np.allclose(one[name], again[name], rtol=1e-5, atol=1e-6) for name in one)
    single = nn.Recurrent(1, 3, 2, cell="gru").init(0)
    assert ct.inspect.states(single, np.arange(5.0))["layer1.gru.update"].shape == (5, 3)
    assert ct.inspect.states(single, np.ones((1, 5)))["layer1.gru.update"].shape == (5, 3)
    assert ct.inspect.states(single, np.ones((5, 1)))["layer1.gru.update"].shape == (5, 3)
    words = nn.Sequential(nn.Embedding(9, 2), nn.LastState(nn.RNN(2, 3)), nn.Linear(3, 1)).init(0)
    found = ct.inspect.states(words, np.array([1, 8, 3]))
    assert found["layer2.rnn.hidden"].shape == (3, 3) and found.sequence.tolist() == [1, 8, 3]
    assert len(found.plot().axes) == 3


def test_a_custom_network_that_uses_a_layer_twice_and_its_saved_twin(tmp_path):
    class Twice(nn.Module):
        def __init__(self):
            self.cell = nn.GRU(2, 2)
            self.out = nn.Linear(2, 1)

        def forward(self, x):
            y, _ = self.cell(x)
            _, [h] = self.cell(y)
            return self.out(h)

    net, x = Twice().init(0), sequence()
    found = ct.inspect.states(net, x)
    assert [scan.name for scan in found.scans] == ["cell", "cell@2"]
    assert list(ct.inspect.states(net, x, net.cell)) == list(found)
    ct.save(net, tmp_path / "net.safetensors", input=x[None])
    again = ct.inspect.states(ct.load(tmp_path / "net.safetensors"), x)
    assert list(again) == list(found) and all(np.array_equal(again[name], found[name]) for name in found)


def test_an_estimator_encodes_the_sequence_itself():
    X, y = ct.datasets.load("italy_power", part="train")
    model = ct.Classifier(network=lambda *_: nn.Recurrent(1, 4, 1, cell="gru"), epochs=1, random_state=0).fit(X, y)
    found = ct.inspect.states(model, X[3])
    np.testing.assert_allclose(found.sequence, np.asarray(model.encode(X[3:4]))[0], rtol=1e-6)
    assert found["layer1.gru.reset"].shape == (24, 4)


def test_what_has_no_states_or_does_not_fit():
    net = network("gru")
    with pytest.raises(ArgumentError, match="one sequence is shown at a time, got 4"):
        ct.inspect.states(net, np.zeros((4, TIME, IN)))
    with pytest.raises(ArgumentError, match="one sequence is shown at a time, got 2"):
        ct.inspect.states(net, ct.Sequences(np.zeros((2, TIME, IN)), [3, 4]))
    with pytest.raises(ShapeError, match=r"none of shape \(7, 5\): layer1.gru .* takes sequences \(n, time, 2\)"):
        ct.inspect.states(net, np.zeros((TIME, 5)))
    with pytest.raises(ShapeError, match=r"sequence has shape \(1, 7, 2, 1\)"):
        ct.inspect.states(net, np.zeros((1, TIME, IN, 1)))
    with pytest.raises(DataError, match="length 9"):
        ct.inspect.states(net, ct.Sequences(np.zeros((1, TIME, IN)), [9]))
    with pytest.raises(ArgumentError, match=r"no recurrent layer called 'layer2'; did you mean 'layer1.gru'\?"):
        ct.inspect.states(net, sequence(), "layer2")
    with pytest.raises(KeyError, match=r"did you mean 'layer1.gru.update'"):
        ct.inspect.states(net, sequence())["layer1.gru.updat"]
    with pytest.raises(RecordingError, match="LastState"):
        ct.inspect.states(nn.GRU(IN, 3), sequence())
    for other in (nn.MLP(2, [3], 1), nn.CNN((8, 8, 1), 2, channels=[2]), nn.CNN((TIME, IN), 2, channels=[2])):
        with pytest.raises(ArgumentError, match="has no recurrent layer"):
            ct.inspect.states(other, sequence())


def test_json_and_the_line_about_it():
    found = ct.inspect.states(network("lstm"), sequence())
    state = json.loads(json.dumps(found.to_json(), allow_nan=False))
    (scan,) = state["scans"]
    assert scan["name"] == "layer1.lstm" and scan["cells"] == "lstm" and list(scan["parts"]) == PARTS["lstm"]
    np.testing.assert_allclose(scan["parts"]["forget"], found["layer1.lstm.forget"], rtol=1e-4)
    assert repr(found) == ("States(7 time steps; layer1.lstm (LSTM, 3 units: hidden, cell, input, forget, candidate, "
                           "output))")


# ---- figures ---------------------------------------------------------------------------------------------------------


def maps(figure):
    return [axes for axes in figure.axes if axes.images and axes.get_ylim()[0] > axes.get_ylim()[1]]


def test_figure_has_a_map_for_each_part_and_the_sequence_below(tmp_path):
    figure = ct.inspect.states(network("lstm"), sequence()).plot(tmp_path / "states.png")
    assert [axes.images[0].get_array().shape for axes in maps(figure)] == [(K, TIME)] * 6
    assert all(axes.get_ylabel() == "unit" for axes in maps(figure))
    gates = [axes.images[0].get_clim() == (0, 1) for axes in maps(figure)]
    assert gates == [False, False, True, True, False, True]  # hidden, cell, input, forget, candidate, output
    below = figure.axes[-1]
    assert below.get_xlabel() == "time step" and [len(line.get_ydata()) for line in below.lines] == [TIME] * IN
    words = [text.get_text() for text in figure.texts]
    assert {"LSTM: states over time", "forget", "sequence", "7 × 2", "layer1.lstm"} <= set(words)
    assert (tmp_path / "states.png").read_bytes()[:4] == b"\x89PNG"


def test_figure_of_two_directions_of_different_cells_and_of_many_features():
    both = nn.Sequential(nn.LastState(nn.GRU(IN, 3, bidirectional=True)), nn.Linear(6, 1)).init(0)
    figure = ct.inspect.states(both, sequence()).plot()
    words = [text.get_text() for text in figure.texts]
    assert {"layer1.gru.l0 →", "layer1.gru.l0_reverse ←"} <= set(words)
    assert len(maps(figure)) == 8
    for row in range(4):
        assert maps(figure)[2 * row].images[0].get_clim() == maps(figure)[2 * row + 1].images[0].get_clim()

    class Mixed(nn.Module):
        def __init__(self):
            self.first, self.second, self.out = nn.RNN(10, 4, activation="relu"), nn.LSTM(4, 2), nn.Linear(2, 1)

        def forward(self, x):
            y, _ = self.first(x)
            _, [(h, _)] = self.second(y)
            return self.out(h)

    figure = ct.inspect.states(Mixed().init(0), np.ones((1, 10))).plot()
    words = [text.get_text() for text in figure.texts]
    assert {"RNN and LSTM: states over time", "first", "second", "cell"} <= set(words)
    assert len(maps(figure)) == 1 + 6 + 2  # and the ten features as a map under each


def test_figure_of_a_scan_behind_a_convolution_has_time_steps_of_its_own():
    net = nn.Sequential(nn.Conv1d(IN, 3, 3, stride=2), nn.LastState(nn.RNN(3, 4)), nn.Linear(4, 1)).init(0)
    x = ct.Sequences(np.pad(sequence(), ((0, 5), (0, 0)))[None], [TIME])
    figure = ct.inspect.states(net, x).plot()
    assert maps(figure)[0].images[0].get_array().shape == (4, 3)
    assert [axes.get_xlabel() for axes in (maps(figure)[0], figure.axes[-1])] == ["time step"] * 2
