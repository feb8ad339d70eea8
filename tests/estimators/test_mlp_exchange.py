"""scikit-learn's networks become drop-ins and drop-ins become scikit-learn's: weights to the bit, training goes on."""

import numpy as np
import pytest
from sklearn import neural_network
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning, NotFittedError

import cutaway as ct
from cutaway.errors import ArgumentError, DataError
from cutaway.sklearn import MLPClassifier, MLPRegressor

RNG = np.random.default_rng(0)
X = RNG.normal(size=(60, 4))
SCORE = X @ RNG.normal(size=(4, 3))
TARGETS = {
    "two classes": ("Classifier", np.where(SCORE[:, 0] > 0, "yes", "no")),
    "three classes": ("Classifier", SCORE.argmax(1) * 10),
    "labels": ("Classifier", (SCORE > 0).astype(int)),
    "numbers": ("Regressor", SCORE[:, 0]),
    "several outputs": ("Regressor", SCORE),
    "counts": ("Regressor", np.round(np.exp(SCORE[:, 0] / 3))),
}
OURS = {"Classifier": MLPClassifier, "Regressor": MLPRegressor}


def arguments(what, **more):
    return {"hidden_layer_sizes": (5, 3), "max_iter": 3, "random_state": 0, "batch_size": 20, "tol": 0.0,
            **({"loss": "poisson"} if what == "counts" else {}), **more}


def theirs_of(what, **more):
    kind, y = TARGETS[what]
    model = getattr(neural_network, f"MLP{kind}")(**arguments(what, **more))
    return quiet(model.fit, X, y), y


def ours_of(what, **more):
    kind, y = TARGETS[what]
    return quiet(OURS[kind](**arguments(what, **more)).fit, X, y), y


def quiet(f, *args):
    with pytest.warns(ConvergenceWarning):  # three epochs do not converge
        return f(*args)


def same_weights(a, b):
    for mine, other in zip([*a.coefs_, *a.intercepts_], [*b.coefs_, *b.intercepts_], strict=True):
        np.testing.assert_array_equal(mine, other)
        assert mine.dtype == other.dtype


def same_answers(a, b):
    found, expected = a.predict(X), b.predict(X)
    np.testing.assert_array_equal(found, expected) if found.dtype.kind not in "f" else np.testing.assert_allclose(
        found, expected, rtol=1e-12, atol=1e-12)
    if hasattr(a, "predict_proba"):
        np.testing.assert_allclose(a.predict_proba(X), b.predict_proba(X), rtol=1e-12)
        np.testing.assert_array_equal(a.classes_, b.classes_)


@pytest.mark.parametrize("solver", ["adam", "sgd", "lbfgs"])
@pytest.mark.parametrize("what", TARGETS)
def test_theirs_comes_in_and_goes_back(what, solver):
    theirs, _ = theirs_of(what, solver=solver)
    ours = ct.load(theirs)
    same_weights(ours, theirs)
    same_answers(ours, theirs)
    back = ct.export(ours, layout="sklearn")
    assert type(back) is type(theirs) and back.get_params() == theirs.get_params()
    same_weights(back, theirs)
    np.testing.assert_array_equal(back.predict(X), theirs.predict(X))  # scikit-learn's own sums


@pytest.mark.parametrize("activation", ["identity", "logistic", "tanh", "relu"])
def test_every_activation_of_theirs(activation):
    for what in ("three classes", "several outputs"):
        theirs, _ = theirs_of(what, activation=activation)
        same_answers(ct.load(theirs), theirs)
        ours, _ = ours_of(what, activation=activation)
        same_answers(ct.export(ours, layout="sklearn"), ours)


@pytest.mark.parametrize("how", [{"solver": "adam"}, {"solver": "sgd"}, {"solver": "sgd", "nesterovs_momentum": False},
                                 {"solver": "sgd", "learning_rate": "invscaling"}], ids=str)
@pytest.mark.parametrize("what", TARGETS)
def test_passes_go_on_alike_with_the_optimizers_averages(what, how):
    theirs, y = theirs_of(what, **how)
    ours = ct.load(theirs)
    back = ct.export(ct.load(theirs), layout="sklearn")
    for model in (theirs, ours, back):
        for _ in range(2):
            model.partial_fit(X, y)
    same_weights(back, theirs)
    for mine, other in zip(ours.coefs_, theirs.coefs_, strict=True):
        np.testing.assert_allclose(mine, other, rtol=1e-9, atol=1e-12)
    again = ct.export(ours, layout="sklearn")
    for model in (theirs, again):
        model.partial_fit(X, y)
    np.testing.assert_allclose(again.coefs_[0], theirs.coefs_[0], rtol=1e-9, atol=1e-12)


def test_single_precision_early_stopping_and_names_come_along():
    import pandas as pd

    frame = pd.DataFrame(X.astype(np.float32), columns=list("abcd"))
    model = neural_network.MLPClassifier(max_iter=8, random_state=0, early_stopping=True, warm_start=True)
    theirs = quiet(model.fit, frame, TARGETS["three classes"][1])
    ours = ct.load(theirs)
    assert ours.coefs_[0].dtype == np.float32 and list(ours.feature_names_in_) == list("abcd")
    assert ours.validation_scores_ == theirs.validation_scores_ and ours.n_iter_ == theirs.n_iter_
    quiet(ours.fit, frame, TARGETS["three classes"][1])
    assert len(ours.loss_curve_) > len(theirs.loss_curve_)
    back = ct.export(ours, layout="sklearn")
    assert back.fit(frame, TARGETS["three classes"][1]).n_layers_ == 3


def test_what_came_in_is_saved_and_loaded_and_has_a_network(tmp_path):
    theirs, _ = theirs_of("three classes")
    ours = ct.load(theirs)
    ct.save(ours, tmp_path / "m.safetensors")
    same_answers(ct.load(tmp_path / "m.safetensors"), theirs)
    assert isinstance(ours.model_, ct.nn.MLP)
    assert ct.export(ours, tmp_path / "w.safetensors", layout="torch").shapes["0.weight"] == (5, 4)


def test_neither_shares_arrays_with_the_other():
    theirs, y = theirs_of("numbers")
    before, ours = theirs.coefs_[0].copy(), ct.load(theirs)
    ours.partial_fit(X, y)
    assert (theirs.coefs_[0] == before).all()
    back = ct.export(ours, layout="sklearn")
    kept = ours.coefs_[0].copy()
    back.partial_fit(X, y)
    assert (ours.coefs_[0] == kept).all()


def test_gaps_of_which_theirs_knew_nothing_are_refused():
    ours = ct.load(theirs_of("numbers")[0])
    rows = X.copy()
    rows[3, 1] = np.nan
    with pytest.raises(DataError, match=r"has gaps.*came from scikit-learn"):
        ours.predict(rows)


REFUSED = {
    "an activation of ours": ({"activation": "gelu"}, "activation='gelu'"),
    "dropout": ({"dropout": 0.1}, "dropout=0.1"),
    "weights of classes": ({"class_weight": "balanced"}, "class_weight='balanced'"),
}


@pytest.mark.parametrize("what", REFUSED)
def test_what_theirs_has_not_is_refused(what):
    more, words = REFUSED[what]
    with pytest.raises(ArgumentError, match=f"{words}, which scikit-learn's has not"):
        ct.export(ours_of("two classes", **more)[0], layout="sklearn")


def test_columns_of_gaps_other_losses_and_other_objects_are_refused():
    rows = X.copy()
    rows[:9, 1] = np.nan
    holed = quiet(MLPRegressor(**arguments("numbers")).fit, rows, SCORE[:, 0])
    with pytest.raises(ArgumentError, match="columns that say where gaps were"):
        ct.export(holed, layout="sklearn")
    with pytest.raises(ArgumentError, match="loss='huber'"):
        ct.export(ours_of("numbers", loss="huber")[0], layout="sklearn")
    with pytest.raises(ArgumentError, match=r"for a trained MLPClassifier or MLPRegressor of cutaway.sklearn, got MLP"):
        ct.export(ct.nn.MLP(2, [3], 1), layout="sklearn")
    with pytest.raises(ArgumentError, match="writes no file"):
        ct.export(holed, "m.pkl", layout="sklearn")
    with pytest.raises(ArgumentError, match="is an MLPClassifier or an MLPRegressor, got"):
        ct.load(clone(holed))
    with pytest.raises(NotFittedError):
        ct.load(neural_network.MLPRegressor())
    with pytest.raises(ArgumentError, match="name the file to write"):
        ct.export(holed)
