"""ct.design: what is built for a table and a target, and why."""

import numpy as np
import pytest

import cutaway as ct
from cutaway.estimators.design import Design, patience_for
from cutaway.estimators.design_tables import batch_for, epochs_for


def table(n, seed=0):
    return np.random.default_rng(seed).standard_normal((n, 3))


@pytest.mark.parametrize(("y", "task", "n_out", "link", "loss"), [
    (np.linspace(0, 1, 60), "regression", 1, "identity", "mse"),
    (np.stack([np.linspace(0, 1, 60), np.linspace(5, 2, 60)], 1), "multi-output regression", 2, "identity", "mse"),
    (["no", "yes"] * 30, "binary", 1, "sigmoid", "binary_cross_entropy"),
    (["a", "b", "c"] * 20, "multiclass", 3, "softmax", "cross_entropy"),
    (np.array([[0, 1, 1], [1, 0, 1]] * 30), "multilabel", 3, "sigmoid", "binary_cross_entropy"),
])
def test_output_layer_and_loss_follow_the_task(y, task, n_out, link, loss):
    plan = ct.design(table(60), y)
    assert (plan.task, plan.n_out, plan.link, plan.loss) == (task, n_out, link, loss)
    assert plan.network()(np.zeros((2, 3))).shape == (2, n_out)


def test_input_layer_counts_encoded_features():
    X = {"area": [float(i) for i in range(60)], "zone": ["RL", "RM", "FV"] * 20, "same": [1] * 60}
    plan = ct.design(X, np.arange(60.0))
    assert plan.n_in == 4
    assert "1 left out" in plan.reasons["input"]


def test_every_choice_is_printed_with_its_reason():
    text = str(ct.design(table(300), np.arange(300.0)))
    lines = [line for line in text.splitlines() if not line.startswith(" ")]
    choices = "preset task input numbers hidden members linear output loss optimizer schedule average batch epochs "\
        "validation precision"
    assert [line.split()[0] for line in lines] == choices.split()
    assert max(map(len, text.splitlines())) <= 120
    assert all(reason for _, _, reason in ct.design(table(300), np.arange(300.0)).table())


def test_training_strategy_follows_the_number_of_rows():
    small, middle, large = (ct.design(table(n), np.arange(float(n))) for n in (100, 1500, 30_000))
    assert (small.batch_size, small.validation, small.dropout, small.dtype) == (100, 0, 0, "float64")
    assert (middle.batch_size, middle.validation, middle.dropout, middle.dtype) == (64, 0.1, 0.1, "float32")
    assert (large.batch_size, large.epochs) == (256, 50)
    assert middle.patience == round(np.ceil(0.3 * middle.epochs))


@pytest.mark.parametrize(("epochs", "patience"), [(10, 5), (60, 18), (100, 30), (300, 30)])
def test_a_table_s_network_waits_a_share_of_its_epochs_and_thirty_at_most(epochs, patience):
    assert patience_for(epochs, "table") == patience
    assert patience_for(300, "images") == 90


@pytest.mark.parametrize(("rows", "columns", "preset", "dropout"), [
    (1000, 50, "default", 0.3), (1000, 50, "best", 0.3), (1000, 49, "default", 0.1), (5000, 50, "default", 0.1),
    (499, 50, "default", 0.1), (1000, 50, "fast", 0.1), (199, 50, "default", 0.0),
])
def test_of_few_rows_with_many_columns_more_neurons_are_dropped(rows, columns, preset, dropout):
    X = np.random.default_rng(0).normal(size=(rows, columns))
    assert ct.design(X, X[:, 0], preset=preset).dropout == dropout


@pytest.mark.parametrize("m", [2, 199, 200, 999, 1000, 20_000, 10**6, 10**8])
def test_epochs_are_bounded(m):
    batch, _ = batch_for(m)
    steps = -(-m // batch)
    epochs, reason = epochs_for(m, steps)
    assert 10 <= epochs <= 300 and reason
    assert m > 1e6 or epochs * steps <= 50_000


def test_optimizer_warms_up_and_decays_matrices_only():
    plan = ct.design(table(1500), np.arange(1500.0))
    opt = plan.optimizer().for_run(plan.steps)
    rates = np.array([opt.rate(t) for t in range(1, plan.steps + 1)])
    assert abs(rates.argmax() - 0.1 * plan.steps) <= 2
    assert rates.max() == pytest.approx(2e-3) and rates[-1] < 1e-5
    assert opt.decays((4, 3)) and not opt.decays((4,))


def test_a_task_can_be_asked_for():
    assert ct.design(table(60), [0, 1] * 30).task == "binary"
    assert ct.design(table(60), [0, 1] * 30, task="regression").task == "regression"
    with pytest.raises(ct.errors.ArgumentError, match="task"):
        ct.design(table(60), [0, 1] * 30, task="guess")


def test_json_gives_the_design_back():
    plan = ct.design(table(60), np.arange(60.0))
    assert Design.from_json(plan.to_json()) == plan


def test_one_seed_gives_one_network():
    plan = ct.design(table(60), np.arange(60.0))
    assert np.array_equal(plan.network(3).theta, plan.network(3).theta)
    assert not np.array_equal(plan.network(3).theta, plan.network(4).theta)
