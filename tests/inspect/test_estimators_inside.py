"""Trained estimators are looked into as they are: raw rows in, and the numbers of their own training out."""

import numpy as np
import pandas as pd
import pytest
from sklearn.model_selection import GridSearchCV
from sklearn.neural_network import MLPRegressor as Theirs
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import cutaway as ct
from cutaway.errors import ArgumentError
from cutaway.sklearn import MLPClassifier, MLPRegressor
from depth import each_once

RNG = np.random.default_rng(0)
N = 120
MIXED = pd.DataFrame({"p": RNG.standard_normal(N) * 50 + 3, "kind": RNG.choice(["u", "v"], N)})
NUMBERS = pd.DataFrame({"p": RNG.standard_normal(N), "q": RNG.standard_normal(N)})
NUMBERS.iloc[3, 1] = np.nan
PRICES = 1000 + 20 * MIXED.p
WORDS = np.where(MIXED.p > 0, "up", "down")
THREE = np.array(["a", "b", "c"])[np.digitize(MIXED.p, [-20, 20])]
BOTH = np.stack([PRICES, -PRICES / 9], 1)
BRIEF = {"max_iter": 300, "tol": 1e9, "n_iter_no_change": 1, "random_state": 0}
STILL = ct.optim.SGD(0.0)

ALONE = {"linear": False}  # the linear model beside a network of few rows has no part in a step's loss

MODELS = {
    "regressor": (ct.Regressor(ALONE, epochs=3), MIXED, PRICES),
    "with linear": (ct.Regressor(epochs=3), MIXED, PRICES),
    "several": (ct.Regressor(ALONE, epochs=3), MIXED, BOTH),
    "huber": (ct.Regressor(epochs=3, loss="huber"), MIXED, PRICES),
    "two classes": (ct.Classifier(ALONE, epochs=3), MIXED, WORDS),
    "three": (ct.Classifier(ALONE, epochs=3), MIXED, THREE),
    "labels": (ct.Classifier(epochs=3), MIXED, (RNG.random((N, 2)) > 0.5).astype(int)),
    "weighed": (ct.Classifier(epochs=3, class_weight={"a": 5, "b": 1}), MIXED, THREE),
    "drop-in regressor": (MLPRegressor(hidden_layer_sizes=(4,), **BRIEF), NUMBERS, PRICES),
    "drop-in classifier": (MLPClassifier((4,), **BRIEF), NUMBERS, THREE),
    "lbfgs": (MLPClassifier((4,), solver="lbfgs", max_iter=500, tol=1, random_state=0), NUMBERS, WORDS),
}


@pytest.fixture(scope="module")
def fitted():
    return {name: model.fit(X, y) for name, (model, X, y) in MODELS.items()}


@pytest.mark.parametrize("name", MODELS)
def test_a_step_has_the_loss_that_training_goes_on_with(name, fitted):
    """One more training from these weights, whose steps move nothing, measures J by ct.fit itself."""
    model, (_, X, y) = fitted[name], MODELS[name]
    traced = ct.trace(model, X, y)
    given = model.fit_arguments(X, y)
    again = ct.fit(**given | {"optimizer": STILL, "epochs": 1, "batch_size": "full", "shuffle": False})
    assert np.isclose(traced.J, again.history["loss"][0], rtol=1e-12)
    session = ct.step(model, X, y, batch_size="full")
    session.next_step()
    assert session.losses[1] == pytest.approx(traced.J, rel=1e-6)


@pytest.mark.parametrize("name", ["regressor", "several", "huber", "two classes", "three", "labels"])
def test_the_first_step_of_a_fit_is_the_one_that_is_traced(name):
    model, X, y = MODELS[name]
    moving = type(model)(epochs=1, loss=model.loss, optimizer=STILL).fit(X, y)  # its weights are still the first ones
    assert np.isclose(ct.trace(moving, X, y).J, moving.run_.steps["loss"][0], rtol=1e-12)


def test_the_drop_in_has_scikit_learns_loss():
    X, y = NUMBERS.fillna(0).to_numpy(), (PRICES / 1000).to_numpy()
    ours, theirs = (kind(hidden_layer_sizes=(4,), solver="lbfgs", max_iter=5000, tol=1e-3, alpha=0.5,
                         random_state=0).fit(X, y) for kind in (MLPRegressor, Theirs))
    assert ct.trace(ours, X, y).J == pytest.approx(ours.loss_, rel=1e-9) == pytest.approx(theirs.loss_, rel=1e-4)


def test_a_loss_and_an_optimizer_given_stand_in_for_the_models(fitted):
    model = fitted["regressor"]
    t = ct.trace(model, MIXED, PRICES, loss="mae", optimizer=ct.optim.SGD(0.5))
    z, T = model.model_.predict(model.encode(MIXED))[:, 0], model.target_encoder_.transform(PRICES, "float64")
    assert np.isclose(t.J, np.abs(z - T).mean())


def test_weights_of_rows_count(fitted):
    w = np.linspace(0, 2, N)
    model = fitted["two classes"]
    p = model.predict_proba(MIXED)[np.arange(N), (WORDS == "up").astype(int)]
    assert np.isclose(ct.trace(model, MIXED, WORDS, sample_weight=w).J, np.average(-np.log(p), weights=w))


@pytest.mark.parametrize("name", MODELS)
def test_every_view_takes_it(name, fitted):
    model, (_, X, y) = fitted[name], MODELS[name]
    J = ct.trace(model, X, y).J
    assert ct.trace(model, X, y).explain("layer1.weight", 0, 0) is not None
    assert "layer1" in str(ct.summary(model)) and ct.inspect.draw(model).svg.startswith("<svg")
    seen = ct.inspect.neuron(model, "layer1", 0, X)
    assert len(seen.values) == N and set(seen.incoming.names) <= {*X.columns, "kind=u", "kind=v", "q missing"}
    assert ct.diagnose(model, X, y) is not None
    assert ct.diagnose(model, X, y, validation=(X[:20], y[:20])) is not None
    if name not in ("weighed", "with linear"):  # landscapes are of the rows as they come, evaluated
        assert ct.lab.landscape(model, X, y, points=5, curves=1).centre == pytest.approx(J, rel=1e-5)
        assert ct.lab.between(model, model, X, y, points=5, curves=1).barrier == 0


EXPERIMENTS = {
    "lr_find": lambda *of: ct.lab.lr_find(*of).suggestion is not None,
    "batch_size": lambda *of: ct.lab.batch_size(*of, sizes=[8, 32]).suggestion in (8, 32),
    "race": lambda *of: ct.lab.race(*of, ["SGD", "Adam"], seeds=1, budget=1, epochs=1).scores,
    "race on rows held out": lambda model, X, y: ct.lab.race(model, X, y, ["SGD"], seeds=1, budget=1, epochs=1,
                                                             validation=(X[:9], y[:9])).scores,
    "shuffling": lambda *of: ct.lab.shuffling(*of, epochs=1, runs=1) is not None,
    "batches": lambda *of: ct.lab.batches(*of, rates=(0.1,), epochs=1, runs=1) is not None,
}


@pytest.mark.parametrize(("name", "experiment"), each_once(["regressor", "three", "drop-in classifier"], EXPERIMENTS))
def test_experiments_train_its_network_anew_on_its_rows(name, experiment, fitted):
    model, (_, X, y) = fitted[name], MODELS[name]
    before = model.model_.theta.copy()
    assert EXPERIMENTS[experiment](model, X, y)
    assert np.array_equal(model.model_.theta, before)


def test_a_drop_in_with_gaps_has_a_boundary(fitted):
    assert ct.lab.boundary(fitted["drop-in classifier"], NUMBERS, THREE, points=5).classes == ["a", "b", "c"]


def test_images_and_sequences():
    images = RNG.integers(0, 255, (40, 6, 6), np.uint8)
    model = ct.Classifier(epochs=1, optimizer=STILL).fit(images, np.arange(40) % 2)
    assert np.isfinite(ct.trace(model, images, np.arange(40) % 2).J)
    assert ct.inspect.feature_maps(model, images[:1]) is not None and ct.inspect.filters(model) is not None
    series = RNG.standard_normal((40, 5, 2))
    model = ct.Regressor(epochs=1, optimizer=STILL).fit(series, series[:, 0, 0] + 9)
    assert np.isfinite(ct.trace(model, series, series[:, 0, 0] + 9).J)
    assert ct.inspect.states(model, series[0]) is not None


@pytest.mark.parametrize(("made", "says"), [
    (lambda: make_pipeline(StandardScaler(), ct.Regressor(epochs=1)).fit(NUMBERS.fillna(0), PRICES), r"model\[-1\]"),
    (lambda: GridSearchCV(ct.Regressor(), {"epochs": [1]}, cv=2).fit(NUMBERS, PRICES), "model.best_estimator_"),
    (lambda: ct.Regressor(), "call fit first"), (lambda: MLPRegressor(), "call fit first"),
])
def test_what_holds_a_network_further_down_is_named(made, says):
    model = made()
    for look in (ct.trace, ct.step, ct.diagnose, ct.lab.landscape):
        with pytest.raises(ArgumentError, match=says):
            look(model, NUMBERS, PRICES)


def test_a_stack_of_linear_layers_collapses_on_encoded_rows():
    X, y = 100 * NUMBERS.fillna(0), PRICES
    model = ct.Regressor(lambda n_in, n_out: ct.nn.MLP(n_in, [4], n_out, activation="identity"), epochs=2).fit(X, y)
    found, Z = ct.lab.collapse(model, X), model.encode(X)
    assert np.allclose(found.layer(Z).data, model.model_.predict(Z), atol=1e-6)


def test_an_estimator_is_no_network_to_train():
    for train in (ct.fit, lambda model, X, y: ct.fit_many([{"model": model, "X": X, "y": y}])):
        with pytest.raises(ArgumentError, match=r"model must be a ct\.nn\.Module"):
            train(ct.Regressor(), NUMBERS.fillna(0), PRICES)
