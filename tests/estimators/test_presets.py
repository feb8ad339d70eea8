"""Presets: what each makes of a table's network, for which rows, and what is refused."""

import math
from importlib import import_module

import numpy as np
import pytest

import cutaway as ct
from cutaway.data import TableEncoder
from cutaway.estimators.design import Design
from cutaway.estimators.found_linear import find_linear
from cutaway.estimators.presets import PRESETS
from cutaway.estimators.table_input import front_of


def table(n, seed=0):
    X = np.random.default_rng(seed).standard_normal((n, 3))
    return X, X[:, 0] + np.abs(X[:, 1])


BIG, TARGET = table(700)
FEW, OF_FEW = table(150)
MANY, OF_MANY = table(1500)
QUICK = {"epochs": 2, "random_state": 0}


def kinds(network):
    return [type(layer).__name__ for layer in network.layers]


def test_default_bins_numbers_and_lets_members_learn_side_by_side():
    plan = ct.design(BIG, TARGET)
    network = plan.network()
    assert kinds(network)[:3] == ["TableInput", "Members", "Linear"] and kinds(network)[-2:] == ["MemberLinear",
                                                                                                "MemberMean"]
    assert plan.members == network.layers[1].k == PRESETS["default"].members
    assert plan.optimizer().average == PRESETS["default"].average
    rows = {name: value for name, value, _ in plan.table()}
    assert rows["preset"] == "default" and "bins" in rows["numbers"] and "side by side" in rows["members"]


def test_fast_is_one_plain_network():
    plan = ct.design(BIG, TARGET, preset="fast")
    assert str(plan.network()).startswith("MLP(3 -> 128 -> 128 -> 1")
    assert not {"numbers", "members", "linear"} & {name for name, *_ in plan.table()}


def test_fast_takes_long_steps_and_comes_to_the_end_of_its_schedule_in_two_fifths_of_the_epochs():
    fast, default = (ct.design(MANY, OF_MANY, preset=name) for name in ("fast", "default"))
    steps = math.ceil(0.9 * len(OF_MANY) / 64)
    assert (fast.batch_size, default.epochs) == (64, math.ceil(2000 / steps))
    assert (fast.epochs, fast.lr) == (math.ceil(0.4 * 2000 / steps), 5e-3)
    three = np.arange(len(MANY)) % 3
    many = [ct.design(MANY, three, preset=name, task="multiclass").epochs for name in ("fast", "default")]
    assert many == [default.epochs] * 2


def test_fast_takes_short_steps_and_three_fifths_of_the_epochs_where_batches_are_small():
    plan = ct.design(BIG, TARGET, preset="fast")
    steps = math.ceil(0.9 * len(TARGET) / 32)
    assert (plan.batch_size, plan.epochs, plan.lr) == (32, math.ceil(0.6 * 2000 / steps), 1e-3)
    few = [ct.design(FEW, OF_FEW, preset=name).epochs for name in ("fast", "default")]
    assert few == [200, 200]


def test_default_is_one_plain_network_where_many_rows_teach(monkeypatch):
    monkeypatch.setattr("cutaway.estimators.design_tables.MANY_FOR_MEMBERS", 1000)
    X, y = table(1000)
    assert str(ct.design(X, y).network()) == str(ct.design(X, y, preset="fast").network())
    assert ct.design(X, y, preset="best").members > 1


def test_best_has_finer_bins_and_several_networks():
    best, default = (ct.design(BIG, TARGET, preset=name) for name in ("best", "default"))
    assert best.networks > default.networks == 1
    assert sum(p.size for p in best.network().parameters()) > sum(p.size for p in default.network().parameters())


@pytest.mark.parametrize(("preset", "bins"), [("fast", 0), ("default", 64), ("best", 64)])
def test_many_rows_of_two_classes_have_finer_bins(monkeypatch, preset, bins):
    classes = np.median(TARGET) < TARGET
    before = ct.design(BIG, classes, preset=preset).spec["bins"]
    monkeypatch.setattr(import_module("cutaway.estimators.design"), "MANY_FOR_FINE_BINS", len(TARGET))
    assert ct.design(BIG, classes, preset=preset).spec["bins"] == bins >= before
    for target in (TARGET, np.arange(len(TARGET)) % 3):
        assert ct.design(BIG, target, preset=preset).spec["bins"] == before == PRESETS[preset].bins


@pytest.mark.parametrize("preset", PRESETS)
def test_few_rows_get_the_same_network_whatever_the_preset_and_but_for_fast_a_linear_model_beside_it(preset):
    plan = ct.design(FEW, OF_FEW, preset=preset)
    network, plain = plan.network(0), ct.design(FEW, OF_FEW, preset="fast").network(0)
    assert plan.linear == (preset != "fast") == isinstance(network, ct.nn.WithLinear)
    assert [name for name, _ in network.named_parameters()] == [name for name, _ in plain.named_parameters()]
    assert network.theta.tolist() == plain.theta.tolist()
    assert (plan.batch_size, plan.dropout, plan.average) == (150, 0, 0)


@pytest.mark.parametrize("n", [150, 300])
def test_the_linear_model_beside_a_small_network_is_half_of_its_answer(n):
    X, y = table(n)
    model = ct.Regressor(**QUICK).fit(X, y)
    linear, scale, Z = model.model_.linear, model.target_encoder_, model.encode(X)
    network = ct.nn.Sequential(*model.model_.layers)
    mean = (network.predict(Z) + Z @ linear.weight.data.T + linear.bias.data).ravel() / 2
    np.testing.assert_allclose(model.predict(X), scale.inverse(np.clip(mean, *model.limits_).reshape(-1, 1)), rtol=1e-4,
                               atol=1e-6)


def test_layers_that_are_asked_for_stand_alone_unless_a_linear_model_is_asked_for_too():
    chosen = ({"hidden": [8]}, {"hidden": [8], "linear": True}, {"linear": False}, {"dropout": 0.2})
    fitted = [ct.Regressor(network, **QUICK).fit(FEW, OF_FEW).model_ for network in ([8], *chosen)]
    assert [isinstance(one, ct.nn.WithLinear) for one in fitted] == [False, False, True, False, True]


def test_a_ridge_regression_counts_a_row_of_weight_two_twice():
    X, y = table(60)
    w = np.where(np.arange(60) < 20, 2.0, 1.0)
    times = np.repeat(np.arange(60), w.astype(int))
    one, other = find_linear(X, y, w, 1, False), find_linear(X[times], y[times], None, 1, False)
    np.testing.assert_allclose(np.append(*one), np.append(*other), rtol=1e-9)


@pytest.mark.parametrize(("outputs", "labels"), [(1, 2), (2, 2), (3, 3), (3, 2), (1, 1), (3, 1)])
def test_a_logistic_regression_gives_raw_outputs_of_every_class(outputs, labels):
    X, _ = table(90)
    y = np.minimum(np.digitize(X[:, 0], [-0.4, 0.4]), labels - 1).astype(np.int32)
    W, b = find_linear(X, y, None, outputs, True)
    z = X @ np.asarray(W).T + b
    said = (z[:, 0] > 0).astype(int) if outputs == 1 else z.argmax(1)
    assert W.shape == (outputs, 3) and (said == y).mean() >= (1 if labels == 1 else 0.6)


def test_edges_are_quantiles_and_a_row_of_weight_two_counts_twice():
    X = np.random.default_rng(0).standard_normal((200, 2))
    encoder = TableEncoder().fit(X)
    Z, w = encoder.transform(X), np.where(np.arange(200) < 50, 2.0, 1.0)
    times = np.repeat(np.arange(200), w.astype(int))
    one, other = front_of(encoder, Z, w, 4), front_of(encoder, Z[times], None, 4)
    for j in (0, 1):
        np.testing.assert_array_equal(one.edges[j], other.edges[j])
        inside = np.histogram(Z[times, j], one.edges[j])[0]
        assert len(inside) == 4 and inside.min() > 55


def test_a_number_of_few_values_has_an_edge_at_each():
    X = np.column_stack([np.arange(1200) % 24, np.arange(1200) % 40, np.arange(1200) % 2]).astype(float)
    encoder = TableEncoder().fit(X)
    Z = encoder.transform(X)
    edges = front_of(encoder, Z, None, 16).edges
    np.testing.assert_array_equal(edges[0], np.unique(Z[:, 0].astype(np.float32)))  # 50 rows of each hour
    assert len(edges[1]) == 17 and 2 not in edges                                   # 30 rows of each of 40 values
    assert len(front_of(encoder, Z, None, 8).edges[0]) == 9                         # 24 are too many for 8 bins


def test_what_only_grows_has_no_bins():
    days = np.datetime64("2020-01-01") + np.arange(400) * np.timedelta64(1, "D")
    plan = ct.design({"when": days, "size": np.random.default_rng(0).random(400)}, np.arange(400.0))
    named = [plan.encoder.feature_names[j] for j in plan.front.columns]
    assert "size" in named and "when days" not in named and "when year" not in named


def test_bins_and_members_can_be_chosen():
    model = ct.Regressor({"bins": 4, "members": 2, "hidden": [8]}, **QUICK).fit(BIG, TARGET)
    assert max(model.model_.layers[0].bins) == 4 and model.model_.layers[1].k == 2
    assert {"numbers": "as asked", "members": "as asked"}.items() <= model.design_.reasons.items()


def test_a_loss_of_ones_own_is_given_one_network():
    def mine(z, y):
        assert z.shape[1:] == (1,)
        return ct.losses.mse(z, y)

    assert ct.Regressor(loss=mine, **QUICK).fit(BIG, TARGET).design_.members == 1


def test_a_network_of_ones_own_is_trained_plainly():
    design = ct.Regressor(lambda n_in, n_out: ct.nn.MLP(n_in, [4], n_out), **QUICK).fit(BIG, TARGET).design_
    assert (design.preset, design.average, design.front) == ("", 0.0, None)
    assert not {"preset", "numbers", "members", "average"} & {name for name, *_ in design.table()}


def test_one_that_learns_in_passes_has_no_linear_model_beside_it():
    model = ct.Regressor(preset="best", random_state=0).partial_fit(FEW, OF_FEW)
    assert not model.design_.linear and "Linear" in kinds(model.model_)


@pytest.mark.parametrize("preset", ["default", "best"])
@pytest.mark.parametrize("n", [150, 300, 700])
def test_states_survive_files_and_one_row_is_answered_alike(n, preset, tmp_path):
    X, y = table(n)
    model = ct.Classifier(preset=preset, **QUICK).fit(X, y > 0)
    ct.save(model, tmp_path / "model.safetensors")
    again = ct.load(tmp_path / "model.safetensors")
    assert (again.predict_proba(X) == model.predict_proba(X)).all() and again.preset == preset
    assert str(again.design_) == str(model.design_)
    assert again.design_.network(1).theta.tolist() == model.design_.network(1).theta.tolist()
    assert (ct.predictor(model)(X[0], proba=True) == model.predict_proba(X[:1])[0]).all()


def test_designs_of_before_presets_are_read_as_the_plain_network_that_they_were():
    state = ct.design(BIG, TARGET, preset="fast").to_json()
    old = {name: value for name, value in state.items() if name not in ("preset", "average", "spec")}
    design = Design.from_json(old)
    assert (design.preset, design.average, design.members, design.linear) == ("", 0.0, 1, False)


@pytest.mark.parametrize("make", [ct.Classifier, ct.Regressor])
def test_a_preset_that_does_not_exist_is_refused(make):
    with pytest.raises(ct.errors.ArgumentError, match="'fast', 'default', 'best'"):
        make(preset="bset").fit(BIG, TARGET > 0)


def test_images_and_sequences_have_one_design():
    with pytest.raises(ct.errors.ArgumentError, match="is for a table, and X holds images"):
        ct.Classifier(preset="best").fit(np.stack([np.eye(8, dtype=np.uint8)] * 20), np.arange(20) % 2)


@pytest.mark.parametrize("preset", PRESETS)
def test_a_time_limit_is_kept(preset):
    model = ct.Regressor(preset=preset, time_limit=0.001, random_state=0).fit(BIG, TARGET)
    assert "time" in model.run_.stopped and np.isfinite(model.predict(BIG)).all()
