"""where: what stretches of time and sensors move, by occlusion, beside integrated gradients."""

import json

import numpy as np
import pytest

import cutaway as ct
from cutaway.errors import ArgumentError
from cutaway.inspect.prediction import AskedOutput
from cutaway.inspect.where import integrated

RNG = np.random.default_rng(0)
N, T = 40, 30
Y = np.arange(N) % 2
X = 0.1 * RNG.normal(size=(N, T, 2))
X[:, 18:24, 1] += 2 * Y[:, None]  # what tells the classes apart
SMALL = {"members": 1, "channels": [8, 8, 8], "linear": False}


class Weighed(ct.nn.Module):
    """A linear model of the mean over a sequence's own steps, whose effects are known."""

    def __init__(self):
        self.pool, self.out = ct.nn.GlobalAveragePool(), ct.nn.Linear(2, 1)

    def forward(self, x):
        return self.out(self.pool(x))


@pytest.fixture(scope="module")
def fitted():
    return ct.Classifier(epochs=30, random_state=0, network=SMALL).fit(X, np.array(["flat", "bump"])[Y])


def test_the_stretch_and_the_sensor_that_tell_the_classes_apart_are_found(fitted):
    found = ct.inspect.where(fitted, X, np.array(["flat", "bump"])[Y])
    assert found.names[int(found.by_sensor.argmax())] == "x1" and found.unit == "log-odds"
    assert 18 <= found.edges[int(found.by_time.argmax())] < 24 and found.agreement > 0.9
    assert "steps" in str(found) and "in x1" in repr(found)


def test_random_convolutions_beside_the_filters_point_to_the_same_place():
    model = ct.Classifier(epochs=30, random_state=0, network=SMALL | {"linear": True, "convolutions": 1000}).fit(X, Y)
    found = ct.inspect.where(model, X, Y)
    assert found.names[int(found.by_sensor.argmax())] == "x1" and found.agreement > 0.3
    assert 17 <= found.edges[int(found.by_time.argmax())] < 24


@pytest.mark.parametrize("ragged", [False, True], ids=["one length", "several"])
def test_of_a_linear_model_occlusion_and_integrated_gradients_are_what_each_step_adds(ragged):
    net = Weighed().init(0)
    rows = [x[: T - 7 * (i % 2) * ragged] for i, x in enumerate(X)]
    model = ct.Regressor(network=net, start="as is", epochs=1, optimizer=ct.optim.SGD(0.0)).fit(rows, Y.astype(float))
    found = ct.inspect.where(model, rows, rows=6)
    W = model.model_.out.weight.data[0] * model.target_encoder_.spread
    Z = model.encode(rows)
    picked = np.linspace(0, N - 1, 6).round().astype(int)
    for e in found.examples:
        values = np.asarray(Z.values if ragged else Z)[e.row][: len(rows[e.row])]
        np.testing.assert_allclose(e.parts, values * W / len(values), rtol=1e-4, atol=1e-6)
    steps = [np.abs((np.asarray(Z.values if ragged else Z)[i][:2] * W).sum() / len(rows[i])) for i in picked]
    np.testing.assert_allclose(found.by_time[0], np.mean(steps), rtol=1e-3)
    assert found.agreement == pytest.approx(1, abs=1e-4)


def test_integrated_gradients_add_up_to_the_difference_from_nothing(fitted):
    Z = np.asarray(fitted.encode(X[:4]))
    asked = AskedOutput.of_class(fitted, 1)
    parts = integrated(fitted.model_, asked, Z, np.full(4, T), False, points=128)
    difference = asked.of(fitted, Z) - asked.of(fitted, np.zeros_like(Z))
    np.testing.assert_allclose(parts.sum((1, 2)), difference, rtol=0.03, atol=0.03)


def test_behind_its_end_a_sequence_has_no_parts_and_stretches_no_effect():
    rows = [x[: T - 10 * (i % 2)] for i, x in enumerate(X)]
    model = ct.Classifier(epochs=2, network=SMALL).fit(rows, Y)
    found = ct.inspect.where(model, rows, rows=4)
    assert all(len(e.values) == len(e.parts) == len(rows[e.row]) for e in found.examples)
    assert np.isfinite(found.by_time).all()


def test_examples_are_of_each_class_and_an_output_can_be_asked_for(fitted):
    found = ct.inspect.where(fitted, X, np.array(["flat", "bump"])[Y], output="flat", rows=10)
    assert found.name.endswith("flat") and [e.truth for e in found.examples].count("bump") == 4
    assert json.dumps(found.to_json()) and found.rows == 10


def test_a_figure_is_drawn(fitted, tmp_path):
    ct.inspect.where(fitted, X, rows=4).plot(tmp_path / "w.svg")
    assert "integrated gradients" in (tmp_path / "w.svg").read_text()


def test_models_of_other_inputs_are_refused():
    with pytest.raises(ArgumentError, match="where asks of sequences"):
        ct.inspect.where(ct.Classifier((3,), epochs=1).fit(X[:, 0], Y), X[:, 0])
