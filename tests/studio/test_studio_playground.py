"""Made data of the playground: the points, what the network is given of them, their plane, and every choice."""

import numpy as np
import pandas as pd
import pytest

import cutaway as ct
from cutaway.errors import CutawayError
from cutaway.studio.folder import new_run
from cutaway.studio.inside import Inside
from cutaway.studio.playground import INPUTS, MADE, Ground
from cutaway.studio.script import script_of
from cutaway.studio.training import RunTraining, penalty_of, split_choices

ASKED = {"name": "clouds", "rows": 90, "noise": 0.5, "seed": 3, "inputs": ["x2", "x1·x2", "sin x1"]}
CHOICES = {"preset": "fast", "hidden": "3", "activation": "tanh", "optimizer": "Momentum", "lr": "0.1", "decay": "0.01",
           "batch_size": "8", "epochs": "4", "patience": "0", "test": "0.4", "seed": "3"}


@pytest.fixture(scope="module")
def played(tmp_path_factory):
    """A run on made points, trained in this process."""
    home = tmp_path_factory.mktemp("playground")
    folder = new_run(home, file=str(Ground.asked(ASKED).write(home)), name="clouds.csv", made=ASKED)
    folder.put(target="class", columns={}, choices=CHOICES)
    training = RunTraining(folder)
    training._report = lambda study: None
    training.train()
    return training, Inside.on(training)


@pytest.mark.parametrize("name", MADE)
def test_the_same_question_makes_the_same_points_and_they_lie_in_the_plane(name):
    one, other = (Ground.asked({"name": name, "rows": 50, "noise": 0.1, "seed": 1}) for _ in range(2))
    assert one.X.tobytes() == other.X.tobytes() and one.y.tobytes() == other.y.tobytes()
    assert len(one.X) == 50 and 1 < np.abs(one.X).max() < 12 and np.isfinite(one.y).all()
    assert len(one.classes) == len(set(one.y.tolist())) or not one.classes


def test_the_network_is_given_the_inputs_that_were_chosen():
    point = np.array([[0.5, -2.0]])
    given = Ground.asked({"name": "moons", "inputs": list(INPUTS)}).given(point)
    assert {name: float(v[0]) for name, v in given.items()} == {
        "x1": 0.5, "x2": -2.0, "x1²": 0.25, "x2²": 4.0, "x1·x2": -1.0, "sin x1": np.sin(0.5), "sin x2": np.sin(-2.0)}
    assert list(Ground.asked({"name": "sine"}).given(point)) == ["x1"]  # a curve has one


@pytest.mark.parametrize("asked", [{"rows": 10**9}, {"rows": "7"}, {"noise": -1.0}, {"noise": "much"}, {"name": "x"},
                                   {"seed": -1}, {"inputs": ["x3"]}, {"inputs": "x1"}, {"noise": float("inf")}])
def test_made_data_without_measure_are_refused(asked):
    with pytest.raises(CutawayError):
        Ground.asked({"name": "moons"} | asked)


def test_every_choice_is_taken_and_told(played):
    training, _ = played
    study = training.study
    assert study.estimator.optimizer == ct.optim.l2(ct.optim.Momentum(0.1), 0.01)
    rows = {row[0]: row[1:] for row in study.found.design}
    assert rows["optimizer"] == ["Momentum(lr=0.1, beta=0.9), L2 0.01", "as asked"] and rows["hidden"][0] == "3, tanh"
    assert len(study.parts[2]) == 36 and study.estimator.run_.epochs_done == 4  # no early end
    assert {c["name"]: c["now"] for c in training.design("class", choices=CHOICES)["controls"]}.items() >= {
        ("penalty", "L2"), ("decay", 0.01), ("patience", 0), ("test", 0.4), ("optimizer", "Momentum")}


def test_its_plane_is_that_of_the_points_whatever_the_network_is_given(played):
    training, inside = played
    found, ground = inside.regions(2, batch=True), Ground.asked(ASKED)
    assert (found["a"], found["b"]) == ("x1", "x2")
    learnt, tests = (ground.X[training.study.parts[part]] for part in (0, 2))
    assert np.allclose([p[:2] for p in found["points"]], learnt, atol=2e-3)
    assert np.allclose([p[:2] for p in found["tests"]], tests, atol=2e-3)
    assert found["batch"] == sorted(int(row) for row in inside.at(2).about.rows) and len(found["batch"]) == 8
    corner = pd.DataFrame(ground.given(np.array([[found["across"][0], found["up"][0]]])))
    inside.session.goto(2)
    z = float(np.ravel(inside.session.model.predict(training.study.estimator.encode(corner)))[0])
    assert found["said"][0] == (z > 0) and found["sure"][0] == pytest.approx(1 / (1 + np.exp(-abs(z))), abs=2e-3)


def test_the_script_makes_the_same_optimizer_and_end(played):
    training, _ = played
    text = script_of(training.folder)
    assert "study.estimator.optimizer = ct.optim.l2(ct.optim.Momentum(study.estimator.design_.lr), 0.01)" in text
    assert "study.estimator.design_.patience = None" in text and "test=0.4" in text


@pytest.mark.parametrize(("penalty", "optimizer", "made"), [
    ("L1", "SGD", ct.optim.l1(ct.optim.SGD(0.1), 0.01)), ("L2", "SGD", ct.optim.l2(ct.optim.SGD(0.1), 0.01)),
    ("L1", "AdamW", ct.optim.l1(ct.optim.AdamW(0.1, weight_decay=0.0), 0.01)),
    ("L2", "AdamW", ct.optim.AdamW(0.1, weight_decay=0.01)), ("none", "AdamW", ct.optim.AdamW(0.1, weight_decay=0.0)),
    ("none", "Adam", ct.optim.Adam(0.1)), ("", "Adam", ct.optim.l2(ct.optim.Adam(0.1), 0.01)),
])
def test_l1_l2_or_neither_is_added_and_the_script_says_so(penalty, optimizer, made):
    own, _ = split_choices({"penalty": penalty, "optimizer": optimizer, "decay": "0.01"})
    assert own.made(0.1) == made
    assert penalty_of(made, None) == (penalty or "L2")
    assert eval(own.lines().partition(" = ")[2].replace("study.estimator.design_.lr", "0.1"), {"ct": ct}) == made


@pytest.mark.parametrize(("choices", "says"), [({"decay": "2"}, "decay '2'"), ({"patience": "x"}, "patience 'x'"),
                                               ({"test": "1"}, "test '1'"), ({"optimizer": "x"}, "choose one of"),
                                               ({"penalty": "L3"}, "none, L1, L2"), ({"penalty": "L1"}, "and decay")])
def test_choices_without_measure_are_told_in_words(played, choices, says):
    with pytest.raises(CutawayError, match=says):
        played[0].design("class", choices=choices)
