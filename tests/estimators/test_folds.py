"""Several networks for one table, each with other rows held back: what each learns from, and what their mean says."""

from types import SimpleNamespace

import numpy as np
import pytest

import cutaway as ct
from cutaway.estimators.folds import Told, answered_apart, held_parts, kept, without
from cutaway.estimators.stretch import drawn_apart

RNG = np.random.default_rng(0)
X = RNG.standard_normal((300, 3))
Y = X[:, 0] + np.abs(X[:, 1])
HOW = {"network": {"networks": 3, "hidden": [8]}, "epochs": 2, "random_state": 0, "threads": 1}


def test_each_row_is_held_back_by_one_network_at_most():
    parts = held_parts(np.zeros(100), 0.1, 5, 0, "mse")
    assert [len(part) for part in parts] == [10] * 5 and len(np.unique(np.concatenate(parts))) == 50


def test_a_share_too_large_for_all_divides_the_rows_among_them():
    parts = held_parts(np.zeros(100), 0.4, 4, 0, "mse")
    assert np.sort(np.concatenate(parts)).tolist() == list(range(100))


def test_classes_are_held_back_in_proportion():
    T = np.arange(200) % 10 == 0
    assert [T[part].sum() for part in held_parts(T.astype(float), 0.1, 5, 0, "binary_cross_entropy")] == [2] * 5


def test_groups_are_held_back_whole():
    groups = np.arange(100) // 5
    for part in held_parts(np.zeros(100), 0.2, 3, 0, "mse", groups):
        assert not set(groups[part]) & set(np.delete(groups, part)) and len(part) == 20


def test_rows_that_are_left_out_weigh_nothing():
    assert without(np.array([1]), None, 3).tolist() == [1, 0, 1]
    assert without(np.array([0]), np.array([2.0, 3, 4]), 3).tolist() == [0, 3, 4]
    assert without(np.zeros(0, np.intp), None, 3) is None


def test_a_row_that_two_networks_held_back_has_the_mean_of_their_answers():
    one, two = (ct.nn.Linear(1, 1).init(0) for _ in range(2))
    for network, w in ((one, 1.0), (two, 3.0)):
        network.weight.data[...], network.bias.data[...] = w, 0
    Z, T = np.array([[1.0], [2], [5]], np.float32), np.array([7.0, 8, 9])
    held = answered_apart([(np.array([0, 1]), one), (np.array([1, 2]), two)], Z, T, None, 1)
    assert held.z.ravel().tolist() == [1, (2 + 6) / 2, 15] and held.y.tolist() == [7, 8, 9] and held.weight is None


def test_rows_of_weight_zero_say_nothing_of_errors():
    network = ct.nn.Linear(1, 1).init(0)
    held = answered_apart([(np.array([0, 1]), network)], np.ones((3, 1), np.float32), np.arange(3.0),
                          np.array([0.0, 2, 1]), 1)
    assert held.y.tolist() == [1] and held.weight.tolist() == [2]


def run_of_its_own():
    run = SimpleNamespace(stopping="", stop=lambda why: setattr(run, "stopping", run.stopping or why))
    return run


def test_where_a_callback_ends_the_training_all_networks_end():
    first, other = run_of_its_own(), run_of_its_own()
    told = Told(SimpleNamespace(design_=None), [lambda event: event.run.stop("enough")])
    told.first(SimpleNamespace(run=first))
    told.other(SimpleNamespace(run=other))
    assert first.stopping == other.stopping == "enough"


def test_where_the_first_has_learnt_enough_all_others_go_on():
    first, other = run_of_its_own(), run_of_its_own()
    first.stop("no better loss for 9 epochs")
    told = Told(SimpleNamespace(design_=None), [])
    told.first(SimpleNamespace(run=first))
    told.other(SimpleNamespace(run=other))
    assert other.stopping == ""


def test_each_network_has_a_folder_of_its_own_for_its_checkpoints(tmp_path):
    assert kept({"checkpoint": tmp_path}, 1) == {"checkpoint": tmp_path / "network1"} and kept({}, 1) == {}


def test_each_network_is_what_ct_fit_makes_of_its_own_rows():
    model = ct.Regressor(**HOW).fit(X, Y)
    design, Z = model.design_, model.encode(X)
    T = model.target_encoder_.transform(Y, design.dtype)
    parts = held_parts(T, design.validation, 3, 0, design.loss)
    again = design.network(0)
    for j, (network, part) in enumerate(zip(again.networks, parts, strict=True)):
        weight = without(part, None, len(T))
        ct.fit(network, Z, T, "mse", design.optimizer(), epochs=2, batch_size=design.batch_size, seed=j,
               validation=(Z[part], T[part]), monitor="mae", sample_weight=weight, threads=1)
    drawn_apart(again.networks, answered_apart(list(zip(parts, again.networks, strict=True)), Z, T, None, 1))
    assert again.theta.tolist() == model.model_.theta.tolist()


def test_the_answer_is_the_mean_of_the_networks():
    model = ct.Regressor(**HOW).fit(X, Y)
    each = [network.predict(model.encode(X)) for network in model.model_.networks]
    np.testing.assert_allclose(model.model_.predict(model.encode(X)), np.mean(each, 0), rtol=1e-5, atol=1e-6)


def test_intervals_and_calibration_go_by_all_rows_that_were_held_back():
    assert ct.Regressor(**HOW).fit(X, Y).intervals_.rows == 90
    model = ct.Classifier(**HOW).fit(X, Y > 1)
    assert model.temperature_ != 1 and "val_calibrated_loss" in model.history_.columns()


@pytest.mark.parametrize(("networks", "share"), [(1, 0.4), (2, 0.2), (20, 0.05)])
def test_each_of_several_networks_holds_back_half_as_many_rows_as_one(networks, share):
    model = ct.Regressor({"networks": networks, "hidden": [8]}, preset="best", validation=0.4, random_state=0)
    model.prepare(X, Y)
    assert model.design_.validation == share and f"{share:.0%} of the rows" in str(model.design_)


def test_rows_of_ones_own_are_held_back_by_all_networks():
    model = ct.Regressor(**HOW, validation=(X[:50], Y[:50])).fit(X[50:], Y[50:])
    assert model.intervals_.rows == 50
    a, b, _ = (network.theta for network in model.model_.networks)
    assert (a != b).any() and "weights of its own" in str(model.design_)


def test_nothing_may_be_held_back():
    assert ct.Regressor(**HOW, validation=None).fit(X, Y).intervals_ is None


def test_groups_and_weights_go_with_it():
    groups, weights = np.arange(300) // 6, RNG.integers(0, 8, 300)
    model = ct.Regressor(**HOW).fit(X, Y, sample_weight=weights, groups=groups)
    assert np.isfinite(model.predict(X)).all() and "whole groups" in model.design_.reasons["validation"]


def test_how_many_train_at_a_time_changes_no_bit():
    one, two = (ct.Regressor(**HOW | {"threads": threads}).fit(X, Y) for threads in (1, 2))
    assert one.predict(X).tolist() == two.predict(X).tolist()


@pytest.mark.parametrize("make", [ct.Classifier, ct.Regressor])
def test_it_survives_files_and_a_row_is_answered_alone_as_among_others(make, tmp_path):
    model = make(**HOW).fit(X, Y if make is ct.Regressor else np.digitize(Y, [0, 1]))
    ct.save(model, tmp_path / "model.safetensors")
    again = ct.load(tmp_path / "model.safetensors")
    assert (again.predict(X) == model.predict(X)).all() and again.design_.networks == 3
    assert ct.predictor(model)(X[0]) == model.predict(X)[0]


def test_a_step_of_it_can_be_traced_and_explained():
    model = ct.Regressor(**HOW).fit(X, Y)
    assert model.run_.steps["loss"][1] == model.run_.trace(step=2).J
    assert np.isfinite(ct.trace(model, X[:8], Y[:8]).J)
    found = ct.inspect.why(model, X[:1])
    assert np.isclose(found.parts.sum(), found.prediction - found.baseline, rtol=0.01, atol=1e-3)


def test_a_linear_model_beside_few_rows_is_found_by_the_rows_that_each_learns_from():
    model = ct.Regressor(preset="best", epochs=1, random_state=0).fit(X, Y)
    a, b = (network.linear.weight.data for network in model.model_.networks[:2])
    assert a.tolist() != b.tolist()


def test_a_loss_of_ones_own_takes_one_network():
    model = ct.Regressor(preset="best", epochs=1, loss=lambda z, y: ct.losses.mse(z, y)).fit(X, Y)
    assert model.design_.networks == 1 and not isinstance(model.model_, ct.nn.Ensemble)


def test_rows_in_time_are_rehearsed_by_one_of_the_networks():
    model = ct.Regressor(**HOW, split="time").fit(X, Y)
    assert model.intervals_.rows == 60 and isinstance(model.model_, ct.nn.Ensemble)


def test_callbacks_see_the_first_network():
    seen = []
    model = ct.Regressor(**HOW, callbacks=seen.append).fit(X, Y)
    assert {id(event.run) for event in seen} == {id(model.run_)} and model.run_.design is model.design_
