"""ct.step: forward and back between any two instructions of the run that fit would do, to the last bit."""

import sys

import numpy as np
import pytest

import cutaway as ct
from cutaway.errors import ArgumentError
from cutaway.inspect.stepping import walk
from cutaway.train import feeding

nn = ct.nn
rng = np.random.default_rng(0)
X, y = rng.normal(size=(20, 3)).astype(np.float32), rng.integers(0, 2, 20)
IMAGES, SERIES = rng.normal(size=(20, 6, 6, 1)).astype(np.float32), rng.normal(size=(20, 4, 2)).astype(np.float32)
NETWORKS = {
    "mlp": (lambda: nn.Sequential(nn.Linear(3, 6), nn.BatchNorm1d(6), nn.ReLU(), nn.Dropout(0.3), nn.Linear(6, 2)), X),
    "cnn": (lambda: nn.Sequential(nn.Conv2d(1, 3, 3), nn.ReLU(), nn.Flatten(), nn.Linear(48, 2)), IMAGES),
    "lstm": (lambda: nn.Recurrent(2, 4, 2, cell="lstm", dropout=0.3), SERIES),
}


def session(kind="mlp", **options):
    make, data = NETWORKS[kind]
    rate = ct.optim.schedules.cosine(1e-2)
    settings = {"epochs": 3, "batch_size": 8, "seed": 4, "optimizer": ct.optim.AdamW(rate)}
    return ct.step(make().init(0), data, y, "cross_entropy", **settings | options)


def everything(s):
    """Each byte that a step can depend on or leave behind."""
    found = {"θ": s.model.theta.copy(), "step": s.step, "at": s.at, "t": s.program.state.t}
    found |= {name: b.data.copy() for name, b in s.model.named_buffers()}
    found |= {name: np.copy(a) for name, a in s.program.state.items()}
    return found | {name: s.trace().at(name, s.at) for name in s.trace().versions}


def assert_same(one, other):
    assert one.keys() == other.keys()
    for name, a in one.items():
        np.testing.assert_array_equal(a, other[name], err_msg=name)


@pytest.mark.parametrize("engine", ["cpu", "reference"])
@pytest.mark.parametrize("kind", NETWORKS)
def test_a_session_run_to_its_end_is_fit(kind, engine):
    make, data = NETWORKS[kind]
    net = make().init(0)
    run = ct.fit(net, data, y, "cross_entropy", ct.optim.AdamW(ct.optim.schedules.cosine(1e-2)), 3, 8, seed=4,
                 engine=engine, threads=1)
    s = session(kind, engine=engine)
    assert [s.next().title, s.next_phase(), s.next_step(), s.next_epoch()] == [
        "batch", "forward", "step 1 is done", "epoch 1 is done"]
    assert s.run() == "6 steps done, the run is over" and s.over and s.next() is None and s.coming is None
    np.testing.assert_array_equal(s.model.theta, net.theta)
    assert [s.losses[k] for k in range(1, 10)] == run.steps["loss"].tolist()


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("kind", NETWORKS)
def test_back_restores_every_byte_across_steps(kind, threads):
    s = session(kind, threads=threads)
    s.goto(3)
    seen = []
    for _ in range(2 * len(s.program.instructions)):
        s.next()
        seen.append(everything(s))
    for before in reversed(seen):
        assert_same(everything(s), before)
        s.back()
    assert (s.step, s.done) == (2, True)
    s.goto(1)
    s.back()
    assert (s.step, s.at) == (1, 0)


def test_goto_stands_at_the_beginning_of_any_step():
    s, kept = session(), {}
    for k in range(1, 10):
        kept[k] = s.model.theta.copy()
        s.next_step()
    for k in (7, 2, 9, 1, 5):
        s.goto(k)
        np.testing.assert_array_equal(s.model.theta, kept[k])
        assert (s.step, s.at, s.epoch) == (k, 0, (k - 1) // 3 + 1)
    with pytest.raises(ArgumentError, match="from 1 to 9"):
        s.goto(10)


def test_many_steps_keep_few_snapshots(monkeypatch):
    monkeypatch.setattr(walk, "MOST", 64)
    s = session(epochs=1000, optimizer=ct.optim.SGD(1e-3))
    s.goto(2500)
    before = s.model.theta.copy()
    s.run()
    s.goto(2500)
    np.testing.assert_array_equal(s.model.theta, before)
    assert len(s._snapshots) <= 64 and s.step == 2500


def test_a_model_stays_as_it_was():
    net = NETWORKS["mlp"][0]().init(0)
    before = net.state_dict()
    ct.step(net, X, y, "cross_entropy").run(2)
    for name, a in net.state_dict().items():
        np.testing.assert_array_equal(a, before[name])


def test_values_by_name_and_symbol():
    s = session()
    with pytest.raises(KeyError, match="not there yet"):
        s["layer1.z"]
    s.next_step()
    np.testing.assert_array_equal(s["layer1.z"], s["z1"])
    assert s["layer1.z"].shape == (8, 6) and s["loss"].shape == (8,) and s["layer1.weight.m"].shape == (6, 3)
    np.testing.assert_array_equal(s["W1"], s.model.state_dict()["layer1.weight"])  # as it is now, after the update
    np.testing.assert_array_equal(s.grad("layer1.weight"), s["layer1.dweight"])
    assert s.value("layer1.weight", 0, 1) == s["layer1.weight"][0, 1]
    for name, match in (("layer1.weigth", "did you mean 'layer1.weight'"), ("nothing", "There are")):
        with pytest.raises(KeyError, match=match):
            s[name]
    with pytest.raises(ArgumentError, match=r"shape \(6, 3\)"):
        s.value("layer1.weight", 6, 0)


def test_time_steps_of_a_recurrent_layer():
    s = session("lstm")
    s.next_step()
    assert s["layer1.lstm.forget[2]"].shape == (8, 4)


def test_watched_values_wait_until_they_are_there():
    s = session()
    s.watch("layer1.weight", 0, 1)
    s.watch("layer1.z", 0, 0)
    assert s.watching()["layer1.z[0, 0]"] is None
    s.next_step()
    assert s.watching()["layer1.z[0, 0]"] == s["layer1.z"][0, 0]
    assert "layer1.weight[0, 1] = " in str(s)


def test_the_next_sample_is_the_next_row_of_the_batch_then_of_the_next_step():
    s = session()
    rows = s.rows.tolist()
    assert [s.next_sample() for _ in range(7)] == rows[1:]
    assert s.next_sample() == s.rows[0] and (s.step, s.at, s.sample) == (2, 0, 0)
    s = session("cnn", batch_size=1)
    first = s.rows.tolist()
    assert s.next_sample() == s.rows[0] and s.step == 2 and s.rows.tolist() != first


def test_an_explanation_finishes_the_step_apart():
    s = session("cnn")
    s.next_phase()
    s.next()
    place = s.step, s.at
    assert str(s.explain("layer2.weight", 0, 3)) == str(session("cnn").explain("layer2.weight", 0, 3))
    assert (s.step, s.at) == place


def test_weights_of_samples_and_data_that_stays_on_the_disk(monkeypatch):
    weights = rng.integers(0, 3, 20)
    s = session(sample_weight=weights)
    s.run()
    monkeypatch.setattr(sys.modules["cutaway.train.training"], "fits", lambda *_: False)
    other = session(sample_weight=weights)
    assert not other.past.resident and feeding.fits(feeding.as_arrays(X), 4)
    other.run()
    np.testing.assert_array_equal(s.model.theta, other.model.theta)
    other.goto(2)
    other.next_step()
    assert other.losses[2] == s.losses[2]


@pytest.mark.parametrize(("call", "match"), [
    (lambda net: ct.step(net, X), "needs targets"),
    (lambda net: ct.step(net, X, y, epochs=0), "epochs"),
    (lambda net: ct.step(net, X, y, "cross_entropy", batch_size=0), "batch_size"),
    (lambda net: ct.step(net, X, y, "cross_entropy").run(-1), "steps"),
])
def test_errors(call, match):
    with pytest.raises(ArgumentError, match=match):
        call(NETWORKS["mlp"][0]().init(0))
