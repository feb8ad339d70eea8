"""ct.predictor(network).stream(): row by row what model.predict gives for the rows so far, to the last bit."""

import json
import pickle

import numpy as np
import pytest

import cutaway as ct
from cutaway.errors import ArgumentError

rng = np.random.default_rng(0)
ROWS = rng.standard_normal((12, 3)).astype(np.float32)
CELLS = {"gru": ct.nn.GRU, "lstm": ct.nn.LSTM, "rnn": ct.nn.RNN}


def network(cell="gru", layers=1, **how):
    return ct.nn.Sequential(ct.nn.Linear(3, 5), ct.nn.Tanh(), ct.nn.LastState(CELLS[cell](5, 6, layers, **how)),
                            ct.nn.BatchNorm1d(6), ct.nn.Linear(6, 2)).init(0)


class EachStep(ct.nn.Module):
    """An answer at each step."""

    def __init__(self):
        self.lstm, self.out = ct.nn.LSTM(3, 4), ct.nn.Linear(4, 2)

    def forward(self, x):
        y, _ = self.lstm(x)
        return self.out(y)


class MeanOfSteps(EachStep):
    def forward(self, x):
        y, _ = self.lstm(x)
        return self.out(y.mean(axis=1))


class OwnState(EachStep):
    def forward(self, x):
        _, state = self.lstm(x)
        y, _ = self.lstm(x, state)
        return self.out(y)


@pytest.mark.parametrize("layers", [1, 2])
@pytest.mark.parametrize("cell", CELLS)
def test_each_answer_is_that_of_the_prefix_to_the_last_bit(cell, layers):
    net = network(cell, layers)
    stream = ct.predictor(net).stream()
    for i, row in enumerate(ROWS):
        np.testing.assert_array_equal(stream.add(row), net.predict(ROWS[None, : i + 1])[0])
    assert stream.steps == len(ROWS)


def test_an_rnn_of_one_unit_carries_what_one_computes_by_hand():
    net = ct.nn.Sequential(ct.nn.LastState(ct.nn.RNN(1, 1))).init(0)
    for p in net.parameters():
        p.data[...] = 0.5 if p.ndim == 2 else 0.0
    stream = ct.predictor(net).stream()
    h1 = np.tanh(0.5 * 2.0)
    assert stream.add([2.0]) == pytest.approx([h1])
    assert stream.add([-1.0]) == pytest.approx([np.tanh(-0.5 + 0.5 * h1)])
    assert stream.state["layer1.rnn.h"] == pytest.approx([np.tanh(-0.5 + 0.5 * h1)])


def test_an_answer_at_each_step_is_that_of_the_step():
    net = EachStep().init(0)
    stream = ct.predictor(net).stream()
    np.testing.assert_array_equal([stream.add(row) for row in ROWS], net.predict(ROWS[None])[0])


def test_the_reference_engine_has_it():
    net = network()
    stream = ct.predictor(net, engine="reference").stream()
    np.testing.assert_allclose([stream.add(row) for row in ROWS][-1], net.predict(ROWS[None])[0], rtol=1e-4)


def test_reset_begins_anew():
    stream = ct.predictor(network("lstm")).stream()
    first = stream.add(ROWS[0])
    stream.add(ROWS[1])
    stream.reset()
    assert stream.steps == 0
    np.testing.assert_array_equal(stream.add(ROWS[0]), first)


def test_a_state_goes_through_json_and_on():
    net = network("lstm", 2)
    one, two = ct.predictor(net).stream(), ct.predictor(net).stream()
    for row in ROWS[:5]:
        one.add(row)
    state = json.loads(json.dumps(one.state))
    assert list(state) == ["steps", *(f"layer2.lstm.l{i}.{part}" for i in (0, 1) for part in "hc")]
    two.state = state
    np.testing.assert_array_equal(one.add(ROWS[5]), two.add(ROWS[5]))
    assert two.state == one.state


@pytest.mark.parametrize("state", [None, {}, {"steps": 1}, {"steps": -1, "layer2.gru.h": [0.0] * 6},
                                   {"steps": 1, "layer2.gru.h": [0.0] * 5}, {"steps": 1, "layer2.gru.h": "abc"},
                                   {"steps": 1, "layer2.gru.h": [float("nan")] * 6}], ids=range(7))
def test_what_is_no_state_of_it_is_refused(state):
    stream = ct.predictor(network()).stream()
    stream.add(ROWS[0])
    before = stream.state
    with pytest.raises(ArgumentError, match="state"):
        stream.state = state
    assert stream.state == before


def test_streams_of_one_predictor_are_apart():
    ask = ct.predictor(network())
    one, two = ask.stream(), ask.stream()
    one.add(ROWS[0])
    np.testing.assert_array_equal(two.add(ROWS[1]), ask(ROWS[1:2]))


def test_it_sees_weights_that_change_and_leaves_the_network_its_own():
    net = network()
    theta = net.theta
    stream = ct.predictor(net).stream()
    before = stream.add(ROWS[0])
    net.theta[...] *= 1.5
    assert net.theta is theta
    stream.reset()
    after = stream.add(ROWS[0])
    assert not np.array_equal(before, after)
    np.testing.assert_array_equal(after, net.predict(ROWS[None, :1])[0])


@pytest.mark.parametrize(("net", "says"), [
    (lambda: network(bidirectional=True), "GRU.* reads both ways"),
    (lambda: ct.nn.Sequential(ct.nn.Conv1d(3, 4, 3, padding="same"), ct.nn.LastState(ct.nn.GRU(4, 4))),
     "Conv1d.* sees many rows at once"),
    (lambda: ct.nn.Sequential(ct.nn.Conv1d(3, 4, 1), ct.nn.GlobalAveragePool(), ct.nn.Linear(4, 2)),
     "GlobalAveragePool.* sees many rows at once"),
    (lambda: ct.nn.MLP(3, [4], 2), "no recurrent layer"),
    (MeanOfSteps, "sees more of a sequence at once"),
    (OwnState, "handed a state"),
    (lambda: ct.nn.Sequential(ct.nn.Embedding(9, 3), ct.nn.LastState(ct.nn.GRU(3, 4))), "looks tokens up"),
], ids=["bidirectional", "convolution", "pool", "no state", "mean of steps", "own state", "tokens"])
def test_a_network_that_is_not_causal_is_refused_in_words(net, says):
    with pytest.raises(ArgumentError, match=says):
        ct.predictor(net().init(0)).stream()


@pytest.mark.parametrize("row", [ROWS[:2], ROWS[0, :2], 3.0, ["a", "b", "c"]], ids=["two rows", "short", "one", "text"])
def test_what_is_no_row_is_refused_and_changes_nothing(row):
    stream = ct.predictor(network()).stream()
    with pytest.raises(ArgumentError, match="one row of 3 numbers"):
        stream.add(row)
    assert stream.steps == 0


def test_a_window_serves_any_network():
    net = ct.nn.Sequential(ct.nn.Conv1d(3, 4, 3, padding="same"), ct.nn.GlobalAveragePool(), ct.nn.Linear(4, 2)).init(0)
    stream = ct.predictor(net).stream(window=4)
    for i, row in enumerate(ROWS):
        np.testing.assert_array_equal(stream.add(row), net.predict(ROWS[None, max(0, i - 3) : i + 1])[0])
    again = ct.predictor(net).stream(window=4)
    again.state = json.loads(json.dumps(stream.state))
    np.testing.assert_array_equal(again.add(ROWS[0]), stream.add(ROWS[0]))
    with pytest.raises(ArgumentError, match="a state of this stream"):
        again.state = {"steps": 1}
    with pytest.raises(ArgumentError, match="window"):
        ct.predictor(net).stream(window=0)


def test_a_stream_is_of_its_process():
    with pytest.raises(ArgumentError, match="keep its `state`"):
        pickle.dumps(ct.predictor(network()).stream())
