"""Which epoch a regressor keeps: of a table's squared errors the one whose mean absolute error is least."""

import numpy as np
import pytest

import cutaway as ct

X = np.random.default_rng(0).standard_normal((300, 3))
Y = X[:, 0] + np.abs(X[:, 1])
HOW = {"epochs": 12, "random_state": 0, "early_stopping": False}


def wild():
    """Rows to hold back, of which one is far beyond what training moves towards, so that learning makes it worse."""
    rows = np.random.default_rng(1).standard_normal((40, 3))
    y = rows[:, 0] + np.abs(rows[:, 1])
    rows[0], y[0] = [3, 3, 0], -60
    return rows, y


def best(history, name):
    return int(np.argmin(history[name])) + 1


def test_one_wild_row_among_those_held_back_does_not_say_that_learning_ended():
    model = ct.Regressor(**HOW, validation=wild()).fit(X, Y)
    assert model.run_.best_epoch == best(model.history_, "val_mae") > 3
    assert best(model.history_, "val_loss") <= 3


def test_the_design_says_so():
    design = ct.Regressor(epochs=1, random_state=0).fit(X, Y).design_
    assert "mean absolute error" in design.reasons["validation"]


def test_the_loss_itself_is_asked_for_with_its_direction():
    model = ct.Regressor(**HOW, validation=wild(), monitor=("loss", "min")).fit(X, Y)
    assert model.run_.best_epoch == best(model.history_, "val_loss")
    assert "val_mae" not in model.history_.columns()


@pytest.mark.parametrize("how", [{"loss": "huber"}, {"network": ct.nn.MLP(3, [4], 1)},
                                 {"loss": lambda z, y: ct.losses.mse(z, y)}])
def test_other_losses_and_networks_of_ones_own_go_by_their_loss(how):
    model = ct.Regressor(**HOW, **how).fit(X, Y)
    assert model.run_.best_epoch == best(model.history_, "val_loss")
    assert "val_mae" not in model.history_.columns()
