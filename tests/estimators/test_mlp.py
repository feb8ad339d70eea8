"""The scikit-learn drop-ins: the same weights as scikit-learn's for the same arguments, and what they take besides."""

import pickle
import warnings

import numpy as np
import pytest
from sklearn import neural_network
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import r2_score

import cutaway as ct
from cutaway import sklearn as ours
from cutaway.errors import ArgumentError, DataError
from cutaway.train.events import Ended, EpochEnded, Started
from depth import each_once

X, y = load_digits(return_X_y=True)
X, y = X[:400] / 16, y[:400]
Z = np.random.default_rng(0).standard_normal((300, 5))
T = Z @ [1.0, -2, 0.5, 0, 3] + np.abs(Z[:, 0])
WEIGHTS = np.random.default_rng(1).uniform(0.2, 3, 400)

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


def both(kind, X, y, sample_weight=None, **arguments):
    """scikit-learn's estimator and ours, fitted alike."""
    made = [getattr(room, kind)(random_state=3, **arguments) for room in (neural_network, ours)]
    return [model.fit(X, y, sample_weight) for model in made]


def assert_same(theirs, own, rtol=1e-9):
    for a, b in zip(theirs.coefs_ + theirs.intercepts_, own.coefs_ + own.intercepts_, strict=True):
        np.testing.assert_allclose(b, a, rtol=rtol, atol=rtol * np.abs(a).max())
    for name in ("n_iter_", "t_", "n_layers_", "n_outputs_", "out_activation_", "n_features_in_"):
        assert getattr(own, name) == getattr(theirs, name), name


# ---- scikit-learn's own weights --------------------------------------------------------------------------------------


@pytest.mark.parametrize("arguments", [
    {}, {"activation": "tanh", "hidden_layer_sizes": (20, 10), "alpha": 1.0}, {"activation": "logistic"},
    {"activation": "identity", "hidden_layer_sizes": ()}, {"batch_size": 32, "beta_1": 0.8, "epsilon": 1e-3},
    {"shuffle": False}, {"early_stopping": True, "validation_fraction": 0.2}, {"tol": 0.05, "n_iter_no_change": 2},
    *({"solver": "sgd", "learning_rate": rate, "nesterovs_momentum": ahead, "learning_rate_init": 0.1, "tol": 0.01,
       "n_iter_no_change": 3} for rate, ahead in each_once(("constant", "invscaling", "adaptive"), (True, False))),
    {"solver": "sgd", "momentum": 0.0, "early_stopping": True},
], ids=lambda a: "-".join(map(str, a.values())) or "defaults")
def test_the_same_weights_scores_and_losses_as_scikit_learns(arguments):
    theirs, own = both("MLPClassifier", X, y, max_iter=25, **arguments)
    assert_same(theirs, own)
    np.testing.assert_allclose(own.loss_curve_, theirs.loss_curve_, rtol=1e-9)
    for name in ("best_loss_", "validation_scores_", "best_validation_score_"):
        wanted = getattr(theirs, name)
        assert getattr(own, name) == (None if wanted is None else pytest.approx(wanted, rel=1e-9))
    np.testing.assert_allclose(own.predict_proba(X), theirs.predict_proba(X), rtol=1e-8, atol=1e-12)


@pytest.mark.parametrize(("target", "weights"), each_once(
    [y, y % 2, np.array(["no", "yes"])[y % 2], (y[:, None] >> np.arange(3)) & 1], [WEIGHTS, None]))
def test_every_kind_of_target(target, weights):
    theirs, own = both("MLPClassifier", X, target, weights, max_iter=10)
    assert_same(theirs, own)
    assert np.array_equal(own.predict(X), theirs.predict(X)) and np.array_equal(own.classes_, theirs.classes_)


@pytest.mark.parametrize("loss", ["squared_error", "poisson"])
@pytest.mark.parametrize("outputs", [1, 2])
def test_regression(loss, outputs):
    target = np.abs(np.c_[T, 1 - T][:, :outputs]) if loss == "poisson" else np.c_[T, 1 - T][:, :outputs]
    theirs, own = both("MLPRegressor", Z, target.squeeze(), max_iter=30, loss=loss, early_stopping=True)
    assert_same(theirs, own)
    np.testing.assert_allclose(own.predict(Z), theirs.predict(Z), rtol=1e-8)


def test_lbfgs_takes_the_same_way():
    theirs, own = both("MLPClassifier", X, y, solver="lbfgs", max_iter=20)
    for a, b in zip(theirs.coefs_, own.coefs_, strict=True):
        np.testing.assert_allclose(b, a, atol=1e-6)
    assert own.n_iter_ == theirs.n_iter_ == len(own.loss_curve_) and own.loss_ == pytest.approx(theirs.loss_, rel=1e-6)


def test_partial_fit_goes_the_same_way_and_after_fit_keeps_the_optimizers_state():
    theirs, own = (room.MLPClassifier(random_state=3, max_iter=5) for room in (neural_network, ours))
    for model in (theirs, own):
        model.fit(X, y).partial_fit(X[:150], y[:150]).partial_fit(X[150:], y[150:])
    assert_same(theirs, own)
    own = pickle.loads(pickle.dumps(own))
    assert_same(theirs.partial_fit(X, y), own.partial_fit(X, y))


def test_a_warm_start_goes_on():
    theirs, own = both("MLPClassifier", X, y, max_iter=5, warm_start=True)
    assert_same(theirs.fit(X, y), own.fit(X, y))
    assert len(own.loss_curve_) == len(theirs.loss_curve_) == 10


def test_a_random_state_gives_the_same_draws_one_fit_after_the_other():
    states = [np.random.RandomState(5) for _ in range(2)]
    theirs, own = (room.MLPRegressor(max_iter=2, random_state=state)
                   for room, state in zip((neural_network, ours), states, strict=True))
    for model in (theirs, own):
        model.fit(Z, T).fit(Z, T)
    assert_same(theirs, own)
    assert states[0].random() == states[1].random()


# ---- attributes ------------------------------------------------------------------------------------------------------


def test_coefs_are_the_networks_weights_whichever_way_they_change():
    own = ours.MLPClassifier(8, max_iter=3, random_state=0).fit(X, y)
    own.coefs_[0][:] = 0.0
    assert not own.model_.layers[0].weight.data.any()
    own.coefs_[0], own.intercepts_[-1] = np.zeros((64, 8)), np.arange(10.0)
    assert (own.predict(X) == 9).all()
    own.coefs_[0][:] = 1.0
    assert own.model_.layers[0].weight.data.all()


def test_precision_is_that_of_the_data():
    own = ours.MLPRegressor(hidden_layer_sizes=8, max_iter=3).fit(Z.astype("float32"), T)
    assert own.coefs_[0].dtype == own.predict(Z).dtype == np.float32


@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
def test_pickled_and_cloned(solver):
    own = ours.MLPClassifier(8, solver=solver, max_iter=3, random_state=0).fit(X, y)
    again = pickle.loads(pickle.dumps(own))
    assert np.array_equal(again.predict_proba(X), own.predict_proba(X))
    assert np.array_equal(clone(own).fit(X, y).coefs_[0], own.coefs_[0])


@pytest.mark.parametrize("target", [y, np.array(["no", "yes"])[y % 2], (y[:, None] >> np.arange(3)) & 1],
                         ids=["classes", "words", "labels"])
def test_a_file_gives_it_back(target, tmp_path):
    gone = np.where(X == 0.5, np.nan, X)
    own = ours.MLPClassifier(8, max_iter=3, random_state=0, early_stopping=True).fit(gone, target)
    ct.save(own, tmp_path / "m.safetensors")
    again = ct.load(tmp_path / "m.safetensors")
    assert np.array_equal(again.predict_proba(gone), own.predict_proba(gone))
    assert np.array_equal(again.predict(gone), own.predict(gone))
    assert again.get_params() == own.get_params() and again.validation_scores_ == own.validation_scores_
    regressor = ours.MLPRegressor("poisson", max_iter=2).fit(Z, np.abs(T))
    ct.save(regressor, tmp_path / "r.safetensors")
    assert np.array_equal(ct.load(tmp_path / "r.safetensors").predict(Z), regressor.predict(Z))


def test_a_step_of_the_training_can_be_traced_and_explained_penalty_and_all():
    own = ours.MLPClassifier(8, max_iter=4, random_state=0, alpha=10.0).fit(X, y)
    step = own.run_.trace(step=3)
    assert own.run_.steps["loss"][2] == step.J
    found = step.explain("layer1.weight", 3, 20)
    assert "penalty" in str(found)
    total = sum(term.value for term in found.terms) + found.rest
    assert total == pytest.approx(step.grad("layer1.weight")[3, 20], rel=1e-9)


# ---- what they take besides ------------------------------------------------------------------------------------------


def test_class_weights_are_weights_of_rows():
    weights = np.where(y == 3, 5.0, 1.0)
    by_class = ours.MLPClassifier(8, max_iter=5, random_state=0, class_weight={3: 5.0}).fit(X, y)
    by_row = ours.MLPClassifier(8, max_iter=5, random_state=0).fit(X, y, weights)
    assert np.array_equal(by_class.coefs_[0], by_row.coefs_[0])
    rare = np.where(np.arange(400) % 20 == 0, y % 2, 0)
    found = ours.MLPClassifier(8, max_iter=30, random_state=0, class_weight="balanced").fit(X, rare)
    assert found.predict(X).sum() > ours.MLPClassifier(8, max_iter=30, random_state=0).fit(X, rare).predict(X).sum()
    without = ours.MLPClassifier(8, max_iter=5, random_state=0, class_weight={3: 0.0})
    assert 3 not in without.fit(X, y).predict(X)
    before = without.coefs_[0].copy()
    assert np.array_equal(without.partial_fit(X[y == 3], y[y == 3]).coefs_[0], before)
    with pytest.raises(DataError, match="no row is left"):
        without.set_params(class_weight=dict.fromkeys(range(10), 0)).fit(X, y)
    with pytest.raises(ArgumentError, match="needs all rows at once"):
        ours.MLPClassifier(class_weight="balanced").partial_fit(X, y, classes=range(10))


def test_dropout_is_seeded_and_rests_when_predicting():
    first, second = (ours.MLPClassifier(30, max_iter=5, random_state=0, dropout=0.5).fit(X, y) for _ in range(2))
    assert np.array_equal(first.predict_proba(X), second.predict_proba(X))
    assert np.array_equal(first.predict_proba(X), first.predict_proba(X))
    assert not np.array_equal(first.coefs_[0], ours.MLPClassifier(30, max_iter=5, random_state=0).fit(X, y).coefs_[0])


def test_validation_data_of_ones_own_steer_and_the_best_weights_come_back():
    held = X[300:], y[300:]
    own = ours.MLPClassifier(16, max_iter=40, random_state=0, learning_rate_init=0.03, validation_data=held)
    own.fit(X[:300], y[:300])
    assert len(own.validation_scores_) == own.n_iter_ == 40
    assert own.score(*held) == own.best_validation_score_ == max(own.validation_scores_)
    stops = clone(own).set_params(early_stopping=True, n_iter_no_change=2, max_iter=500).fit(X[:300], y[:300])
    assert stops.n_iter_ < 500 and stops.score(*held) == stops.best_validation_score_


def test_scores_of_validation_data_are_weighted():
    w = np.random.default_rng(0).uniform(0, 2, 100)
    own = ours.MLPRegressor(hidden_layer_sizes=8, max_iter=3, random_state=0, validation_data=(Z[200:], T[200:], w))
    own.fit(Z[:200], T[:200])
    assert own.best_validation_score_ == pytest.approx(r2_score(T[200:], own.predict(Z[200:]), sample_weight=w))


def test_partial_fit_stops_early_with_rows_to_score():
    own = ours.MLPClassifier(16, random_state=0, learning_rate_init=0.03, early_stopping=True, n_iter_no_change=3,
                             validation_data=(X[300:], y[300:]))
    passes = 0
    while passes < 200 and not getattr(own, "stopped_", False):
        own.partial_fit(X[:300], y[:300], classes=range(10))
        passes += 1
    assert own.stopped_ and len(own.validation_scores_) == passes < 200
    assert own.score(X[300:], y[300:]) == own.best_validation_score_
    before = own.coefs_[0].copy()
    with pytest.warns(ConvergenceWarning, match="stopped learning early"):
        own.partial_fit(X[:300], y[:300])
    assert np.array_equal(own.coefs_[0], before)
    with pytest.raises(ArgumentError, match=r"validation_data=\(X, y\)"):
        ours.MLPClassifier(early_stopping=True).partial_fit(X, y, classes=range(10))


def test_gaps_are_filled_by_the_weighted_mean_and_marked():
    gone, w = Z.copy(), np.random.default_rng(2).uniform(0.5, 2, 300)
    gone[::3, 1] = np.nan
    filled = np.c_[np.where(np.isnan(gone), np.average(gone[:, 1][1::3].tolist() + gone[:, 1][2::3].tolist(),
                   weights=np.r_[w[1::3], w[2::3]]), gone), np.isnan(gone[:, 1])]
    own = ours.MLPRegressor(hidden_layer_sizes=8, max_iter=5, random_state=0).fit(gone, T, w)
    by_hand = ours.MLPRegressor(hidden_layer_sizes=8, max_iter=5, random_state=0).fit(filled, T, w)
    assert own.n_features_in_ == 5 and own.coefs_[0].shape == (6, 8)
    np.testing.assert_allclose(own.predict(gone), by_hand.predict(filled), rtol=1e-9)
    assert np.isfinite(own.predict(np.full((1, 5), np.nan))).all()


@pytest.mark.parametrize("loss", ["absolute_error", "huber", ct.losses.mae, lambda z, y: ((z - y) ** 4).mean()],
                         ids=["absolute_error", "huber", "mae", "own"])
def test_more_losses_learn(loss):
    own = ours.MLPRegressor(loss, (20,), max_iter=200, random_state=0, learning_rate_init=0.02).fit(Z, T)
    assert own.score(Z, T) > 0.9


def test_a_loss_of_ones_own_has_the_same_penalty():
    named, given = (ours.MLPRegressor(loss, (8,), alpha=3.0, max_iter=5, random_state=0).fit(Z, T)
                    for loss in ("squared_error", ct.losses.half_mse))
    np.testing.assert_allclose(given.coefs_[0], named.coefs_[0], rtol=1e-12)
    np.testing.assert_allclose(given.loss_curve_, named.loss_curve_, rtol=1e-12)


def test_callbacks_hear_of_every_epoch_and_may_stop():
    heard = []

    def listen(event):
        heard.append(type(event))
        if isinstance(event, EpochEnded) and event.epoch == 3:
            event.run.stop("enough")

    own = ours.MLPClassifier(8, max_iter=50, random_state=0, callbacks=[listen]).fit(X, y)
    assert own.n_iter_ == 3 and heard == [Started, EpochEnded, EpochEnded, EpochEnded, Ended]


def test_any_activation():
    assert ours.MLPClassifier((30,), "gelu", max_iter=60, learning_rate_init=0.01).fit(X, y).score(X, y) > 0.95


# ---- weights of rows -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("solver", ["adam", "sgd", "lbfgs"])
def test_weight_two_is_the_row_twice_and_weight_zero_no_row(solver):
    few, labels, w = X[:60], y[:60], np.arange(60) % 3.0
    make = {"solver": solver, "max_iter": 8, "random_state": 0, "shuffle": False, "hidden_layer_sizes": 8}
    weighted = ours.MLPClassifier(**make).fit(few, labels, w)
    repeated = ours.MLPClassifier(**make).fit(np.repeat(few, w.astype(int), axis=0), np.repeat(labels, w.astype(int)))
    np.testing.assert_allclose(weighted.coefs_[0], repeated.coefs_[0], atol=1e-6 if solver == "lbfgs" else 1e-12)


# ---- what they refuse ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("arguments", "says"), [
    ({"solver": "adagrad"}, "solver is 'adagrad': give one of adam, sgd, lbfgs"),
    ({"alpha": -1}, "alpha is -1: give a number of at least 0"),
    ({"hidden_layer_sizes": (5, 0)}, "hidden_layer_sizes must be > 0"),
    ({"activation": "step"}, "activation is 'step'"), ({"max_iter": 0}, "max_iter is 0"),
    ({"batch_size": "full"}, "batch_size is 'full'"), ({"learning_rate_init": 0}, "a number above 0"),
    ({"loss": "hinge"}, "loss is 'hinge'"), ({"dropout": 0.5, "solver": "lbfgs"}, "dropout needs solver"),
    ({"early_stopping": 1}, "give True or False"), ({"validation_data": X}, r"None, \(X, y\)"),
    ({"class_weight": {77: 1}}, "class_weight names"), ({"callbacks": print}, "a list of functions"),
])
def test_an_argument_outside_its_values(arguments, says):
    with pytest.raises(ArgumentError, match=says):
        ours.MLPClassifier(**arguments).fit(X, y)


def test_another_network_cannot_go_on_where_this_one_stopped():
    own = ours.MLPClassifier(8, max_iter=2, warm_start=True).fit(X, y)
    with pytest.raises(ArgumentError, match="warm_start=False"):
        own.set_params(hidden_layer_sizes=9).fit(X, y)


def test_counts_below_zero():
    with pytest.raises(DataError, match="negative"):
        ours.MLPRegressor("poisson").fit(Z, T)


def test_ctrl_c_keeps_what_was_learnt():
    def interrupt(event):
        if isinstance(event, EpochEnded) and event.epoch == 2:
            event.run.stop("interrupted")

    with pytest.warns(UserWarning, match="Training interrupted by user"):
        own = ours.MLPClassifier(8, max_iter=50, callbacks=[interrupt]).fit(X, y)
    assert own.n_iter_ == 2 and own.predict(X).shape == y.shape


def test_numbers_too_large_are_an_error_that_names_the_step():
    with warnings.catch_warnings(), pytest.raises(DataError, match=r"non-finite .* \(training stopped at step 1"):
        ours.MLPRegressor(max_iter=3).fit(Z * 1e300, T)
