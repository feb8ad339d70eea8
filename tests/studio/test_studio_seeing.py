"""Views of a step: answers, states over time, filters and the landscape, beside what the network itself computes."""

import time
from threading import Lock
from types import SimpleNamespace

import numpy as np
import pytest

import cutaway as ct
from cutaway.errors import CutawayError
from cutaway.studio.folder import new_run
from cutaway.studio.playground import Ground
from cutaway.studio.seeing import filters_of
from cutaway.studio.training import RunTraining
from cutaway.studio.worker import Worker


def trained(path, target="", **choices):
    worker = Worker(new_run(path.parent, file=str(path), name=path.name))
    worker.design(target, None, choices)
    worker.train()
    worker._thread.join()
    assert worker._folder.settings["state"] == "done", worker._folder.settings
    return worker


def waves(folder):
    """Forty short sequences of two kinds, as a .ts file."""
    t, rng, lines = np.arange(12), np.random.default_rng(0), ["@problemName waves", "@classLabel true up down", "@data"]
    for k in range(40):
        row = np.sin(t / (1 + k % 2)) + rng.normal(0, 0.1, 12)
        lines.append(",".join(f"{v:.4f}" for v in row) + f":{'up' if k % 2 else 'down'}")
    path = folder / "waves.ts"
    path.write_text("\n".join(lines) + "\n")
    return path


@pytest.fixture(scope="module")
def without_report():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(RunTraining, "_report", lambda self, study: None)
        yield


@pytest.fixture(scope="module")
def moons(tmp_path_factory, without_report):
    path = Ground.asked({"name": "moons", "rows": 200}).write(tmp_path_factory.mktemp("moons"))
    return trained(path, "class", preset="fast", epochs=3, hidden="6", batch_size=16)


@pytest.fixture(scope="module")
def lstm(tmp_path_factory, without_report):
    return trained(waves(tmp_path_factory.mktemp("waves")), epochs=1, cell="lstm", width=5)


def network_before(worker, step):
    session = worker._look(0).session
    session.goto(step)
    return session.model


def test_answers_are_those_of_the_networks_weights_before_the_step(moons):
    study, found = moons._training.study, moons.answers(4)
    X, y = study.rows(2)
    z = network_before(moons, 4).predict(study.estimator.encode(X)).ravel()
    said = np.where(z > 0, "B", "A")
    assert found["part"] == "test" and found["rows"] == len(y)
    assert found["confusion"]["counts"] == [[int(((y == a) & (said == b)).sum()) for b in "AB"] for a in "AB"]
    assert found["scores"]["accuracy"] == pytest.approx(float((said == y).mean()), rel=1e-4)
    wrong = {int(k) for k in y.index[said != y]}
    assert {row[0] for row in found["worst"]} <= wrong


def test_of_numbers_the_answers_have_residuals_in_the_targets_unit(tmp_path, without_report):
    worker = trained(Ground.asked({"name": "sine", "rows": 100}).write(tmp_path), "y", preset="fast", epochs=1)
    study, found = worker._training.study, worker.answers(1)
    X, y = study.rows(2)
    z = network_before(worker, 1).predict(study.estimator.encode(X))
    said = study.estimator.target_encoder_.inverse(z)
    np.testing.assert_allclose(found["off"], y - said, rtol=1e-4, atol=1e-5)
    assert sum(found["counts"]) == len(y)
    assert found["scores"]["RMSE"] == pytest.approx(float(np.sqrt(np.mean((y - said) ** 2))), rel=1e-4)


def test_a_landscapes_path_has_the_losses_of_the_runs_own_weights(moons):
    found = moons.landscape()
    while None in found["real"]:
        found = moons.landscape(found["until"])
    past, session = moons._look(0).session.past, moons._look(0).session
    data = past.data.rows(past.rows)
    assert found["rows"] == len(past.rows) and found["steps"][0] == 0 and found["path"][-1] == [0, 0]
    for k in (0, len(found["steps"]) // 2):
        session.goto(found["steps"][k] + 1)
        J = float(past.loss(ct.Tensor(session.model.predict(data.inputs)), data.y).data)
        assert found["real"][k] == pytest.approx(J, rel=1e-4)
    assert 0 < found["share"] <= 1


def test_a_forks_landscape_begins_where_the_runs_does_and_ends_elsewhere(moons):
    moons.fork(3, {"kind": "rate", "value": 0.5})
    while moons._forks.known[1].reached < moons._look(0).session.steps:
        time.sleep(0.01)
    own, other = (moons.landscape(fork=k) for k in (0, 1))
    while None in own["real"] or None in other["real"]:
        own, other = (moons.landscape(own["until"], k) for k in (0, 1))
    assert other["steps"] == own["steps"] and other["real"][:3] == own["real"][:3]  # after steps 0, 1 and 2
    assert other["real"][-1] != own["real"][-1] and other["path"][-1] == [0, 0]
    assert own["beside"] == [] and other["beside"][:3] == other["path"][:3]  # the first future, on the same plane
    assert other["beside"][-1] != [0, 0]


def test_states_over_time_are_gates_memory_and_what_the_gates_show_of_it(lstm):
    found = lstm.states(2, 1)
    assert lstm.step(1)["views"] == ["answers", "landscape", "states"]
    assert found["moments"] == 12 and len(found["sequence"]) == 12
    for scan in found["scans"]:
        parts = {part["name"]: np.array(part["values"]) for part in scan["parts"]}
        assert parts["hidden"].shape == (5, 12)  # units, moments
        np.testing.assert_allclose(parts["hidden"], parts["output"] * np.tanh(parts["cell"]), atol=2e-4)
        assert all(part["gate"] == (part["name"] in ("input", "forget", "output")) for part in scan["parts"])


def test_filters_are_the_weights_of_convolutions_the_strongest_first():
    net = ct.nn.CNN((6, 6, 1), 2).init(0)
    session = ct.step(net, np.zeros((2, 6, 6, 1)), [0, 1], loss="cross_entropy", epochs=1)
    (first, *_) = filters_of(SimpleNamespace(session=session, lock=Lock()), 1)["layers"]
    known = ct.inspect.filters(net, first["layer"]).array
    sizes = [tile["size"] for tile in first["tiles"]]
    assert list(known.shape) == first["shape"] and sizes == sorted(sizes, reverse=True)
    tile = first["tiles"][0]
    np.testing.assert_allclose(tile["values"], known[tile["filter"], :, :, 0], rtol=1e-3)
    assert abs(known[tuple(tile["index"])]) == np.abs(known[tile["filter"]]).max()


@pytest.mark.parametrize(("what", "how", "says"), [
    ("states", {"step": 1, "place": 0}, "no recurrent layer"), ("filters", {"step": 1}, "no convolution"),
    ("landscape", {"until": 999}, "is not there"), ("states", {"step": 1, "place": 99}, "there are 0 to 15")])
def test_a_view_that_a_run_does_not_have_is_refused_in_words(moons, what, how, says):
    with pytest.raises(CutawayError, match=says):
        getattr(moons, what)(**how)


def test_a_cell_that_does_not_exist_is_refused_before_any_training(tmp_path):
    worker = Worker(new_run(tmp_path, file=str(waves(tmp_path)), name="waves.ts"))
    with pytest.raises(CutawayError, match="choose one of rnn, lstm, gru"):
        worker.design("", None, {"cell": "elman"})
