"""Settings inside an argument: optimizer__lr, optimizer__lr__lr, network__dropout, in searches too."""

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.compose import TransformedTargetRegressor
from sklearn.model_selection import GridSearchCV, RandomizedSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import cutaway as ct
from cutaway.errors import ArgumentError

RNG = np.random.default_rng(0)
X = RNG.standard_normal((60, 3))
Y = X[:, 0] + 2
ADAM = ct.optim.AdamW(1e-3)


def test_what_is_inside_is_listed_and_what_is_shallow_is_not():
    model = ct.Regressor({"dropout": 0.1}, optimizer=ct.optim.AdamW(ct.optim.schedules.cosine(0.01)))
    deep, shallow = model.get_params(), model.get_params(deep=False)
    inside = {"network__dropout": 0.1, "optimizer__lr__lr": 0.01, "optimizer__weight_decay": 0.01,
              "optimizer__beta1": 0.9, "optimizer__eps": 1e-8}
    assert inside.items() <= deep.items() and shallow.keys() == {name for name in deep if "__" not in name}
    assert {name for name in ct.Regressor().get_params() if "__" in name} == set()


@pytest.mark.parametrize("made", [*ct.optim.optimizers.OPTIMIZERS.values()], ids=lambda made: made.__name__)
def test_every_listed_setting_of_every_optimizer_can_be_set(made):
    model = ct.Regressor(optimizer=made(0.01))
    for name, value in model.get_params().items():
        if name.startswith("optimizer__"):
            model.set_params(**{name: value if isinstance(value, str) else value / 2})
            assert model.get_params()[name] == (value if isinstance(value, str) else value / 2)
    assert type(model.optimizer) is made


def test_what_holds_a_setting_is_replaced_and_never_changed():
    choices = {"dropout": 0.1}
    one, two = ct.Regressor(choices, optimizer=ADAM), ct.Regressor(choices, optimizer=ADAM)
    one.set_params(optimizer__lr=0.5, optimizer__weight_decay=0.0, network__dropout=0.3, network__activation="tanh")
    assert (one.optimizer.lr, one.optimizer.weight_decay) == (0.5, 0) and two.optimizer is ADAM and ADAM.lr == 1e-3
    assert one.network == {"dropout": 0.3, "activation": "tanh"} and choices == two.network == {"dropout": 0.1}
    assert clone(one).get_params()["optimizer__lr"] == 0.5


def test_a_schedules_peak():
    model = ct.Regressor(optimizer=ct.optim.SGD(ct.optim.schedules.one_cycle(0.1)))
    model.set_params(optimizer__lr__lr=0.2)
    assert model.optimizer.lr.lr == 0.2 and "one_cycle(0.2" in repr(model.optimizer)
    assert model.set_params(optimizer__lr=0.3).optimizer.lr == 0.3


def test_the_argument_and_what_is_inside_at_once():
    model = ct.Regressor().set_params(optimizer__lr=0.5, optimizer=ADAM, epochs=3)
    assert model.optimizer.lr == 0.5 and model.optimizer.beta1 == 0.9 and model.epochs == 3


@pytest.mark.parametrize(("network", "made"), [
    ("auto", {"dropout": 0.2}), ([8], {"hidden": [8], "dropout": 0.2}),
    ({"hidden": [8]}, {"hidden": [8], "dropout": 0.2}),
])
def test_choices_for_a_designed_network(network, made):
    model = ct.Regressor(network, epochs=2).set_params(network__dropout=0.2)
    assert model.network == made and model.fit(X, Y).design_.dropout == 0.2


@pytest.mark.parametrize(("model", "setting", "says"), [
    (ct.Regressor(), "optimizer__lr", r"optimizer is None.*optimizer=ct.optim.AdamW"),
    (ct.Regressor(optimizer=ADAM), "optimizer__rate", "no setting of AdamW called 'rate'"),
    (ct.Regressor(optimizer=ADAM), "optimizer__momentum", "called 'momentum'"),
    (ct.Regressor(optimizer=ADAM), "optimizer__lr__lr", "optimizer__lr is 0.001"),
    (ct.Regressor(ct.nn.MLP(3, [4], 1)), "network__dropout", "the network handed over"),
])
def test_what_is_not_there_is_said(model, setting, says):
    with pytest.raises(ArgumentError, match=says):
        model.set_params(**{setting: 0.1})


@pytest.mark.parametrize("value", [-1, "high"])
def test_a_value_that_no_optimizer_takes_is_refused(value):
    with pytest.raises(ArgumentError, match="lr must be"):
        ct.Regressor(optimizer=ADAM).set_params(optimizer__lr=value)


def test_searches_go_over_them():
    grid = {"optimizer__lr": [1e-9, 0.1], "network__activation": ["tanh"]}
    found = GridSearchCV(ct.Regressor([4], optimizer=ADAM, epochs=20), grid, cv=2).fit(X, Y)
    assert found.best_params_ == {"optimizer__lr": 0.1, "network__activation": "tanh"}
    assert found.best_estimator_.optimizer.lr == 0.1
    pipeline = make_pipeline(StandardScaler(), ct.Regressor(optimizer=ADAM, epochs=2))
    chosen = RandomizedSearchCV(pipeline, {"regressor__optimizer__weight_decay": [0.1, 0.2]}, n_iter=2, cv=2)
    assert chosen.fit(X, Y).best_estimator_[-1].optimizer.weight_decay in (0.1, 0.2)
    wrapped = TransformedTargetRegressor(ct.Regressor(optimizer=ADAM, epochs=2))
    assert wrapped.set_params(regressor__optimizer__lr=0.7).regressor.optimizer.lr == 0.7
