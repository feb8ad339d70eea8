"""Every unit of every layer leads to weights, those that make it or those that read it; what they read is named."""

import numpy as np
import pytest

from cutaway.studio.folder import new_run
from cutaway.studio.inside import Inside
from cutaway.studio.training import RunTraining, Teller

ROWS, TOWNS = 312, "abcdefghijklmnopqrstuvwxyz"  # so many that each has a code, which is looked up


@pytest.fixture(scope="module", params=["fast", "default"])
def inside(request, tmp_path_factory):
    """A table's run of one epoch: one plain network, or members side by side with bins."""
    folder, rng = tmp_path_factory.mktemp("weights"), np.random.default_rng(0)
    size = rng.normal(size=ROWS)
    lines = [f"{x:.4f},{TOWNS[k % 26]},{x * (k % 26) + rng.normal():.4f}" for k, x in enumerate(size)]
    (folder / "towns.csv").write_text("\n".join(["size,town,price", *lines]))
    training = RunTraining(new_run(folder, file=str(folder / "towns.csv"), name="towns.csv"))
    training.design("price", None, {"preset": request.param, "hidden": "5", "epochs": 1, "batch_size": 64})
    training.study.estimator.callbacks = [Teller(training, "")]
    training.study.train(progress=False, checkpoint=training.folder.path / "checkpoints")
    return Inside.on(training)


def reached(inside, step, weight, value):
    """The units of a value that a change of one weight reaches in that step, in some row."""
    before = inside.at(step)[value]
    inside.session.goto(step)
    other = inside.session.fork()
    other.set(weight["name"], tuple(weight["index"]), weight["value"] + 1.0)
    other.next_step()
    return np.argwhere((other.trace()[value] != before).any(0)).tolist()


def test_every_unit_leads_to_a_weight_that_makes_it_or_that_reads_it(inside):
    layers = inside.row(2, 1)["layers"][1:]
    assert "lookup" in layers[0]["about"] and len(layers) > 2
    for layer in layers:
        for unit in (layer["places"][0], layer["places"][-1]):
            found = inside.unit(2, 1, layer["value"], tuple(unit))
            units = reached(inside, 2, found["weights"][0], layer["value"])
            if found["reads"]:
                assert {one[-1] for one in units} == {unit[-1]}, (layer["label"], unit, units)
            else:
                assert units == [] and found["input"] == "size", (layer["label"], unit)
            assert inside.weight(2, found["weights"][0]["name"], tuple(found["weights"][0]["index"]))["gradient"]


def test_a_neuron_of_a_member_reads_with_its_own_weights_alone(inside):
    last = inside.row(2, 1)["layers"][-1]
    for unit in (last["places"][0], last["places"][-1]):
        found = inside.unit(2, 1, last["value"], tuple(unit))
        assert {tuple(one["index"][:-1]) for one in found["weights"]} == {tuple(unit)}
        assert reached(inside, 2, found["weights"][0], last["value"]) == [unit]


def test_what_a_weight_of_the_first_layer_reads_has_the_columns_name(inside):
    layers = inside.row(2, 1)["layers"]
    first = next(layer for layer in layers[1:] if layer["about"].startswith("linear"))
    found = inside.unit(2, 1, first["value"], tuple(first["places"][0]))
    assert {one["from"] for one in found["weights"]} == {"size", "town code"}
    code = inside.unit(2, 1, layers[1]["value"], tuple(layers[1]["places"][-1]))
    assert code["input"] == "town code" and code["weights"][0]["from"] == "town code"
