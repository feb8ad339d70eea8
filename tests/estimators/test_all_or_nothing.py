"""What a fit leaves: all of it or, if it fails, what was there before; and nothing of an earlier fit."""

import numpy as np
import pandas as pd
import pytest

import cutaway as ct
from cutaway.errors import DataError, TrainingError
from cutaway.sklearn import MLPClassifier, MLPRegressor
from cutaway.train import TrainingWarning
from depth import each_once

RNG = np.random.default_rng(0)
X = RNG.standard_normal((240, 3))
Y = X[:, 0] + 2
COUNTS = RNG.poisson(np.exp(0.5 + 0.3 * X[:, 0]))
LABELS = np.where(X[:, 0] > 0, "a", "b")
FRAME = pd.DataFrame(X, columns=["p", "q", "r"])


def huge(z, y):
    return ct.losses.mse(z * 1e200, y)


def brief(kind, **how):
    """A short fit of any estimator."""
    passes = {"max_iter": 400, "tol": 1, "n_iter_no_change": 1} if kind.__name__.startswith("MLP") else {"epochs": 3}
    return kind(random_state=0, **passes, **how)


def state(model):
    return {name: value for name, value in vars(model).items() if name.endswith("_") and not name.startswith("_")}


# ---- no score is a number --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("how", [{"early_stopping": True}, {}, {"validation_data": (X, COUNTS)}])
def test_a_network_that_overflows_at_once_never_comes_back(how):
    model = MLPRegressor("poisson", (8,), random_state=0, max_iter=20, learning_rate_init=0.01, **how)
    with pytest.raises(DataError, match="not finite"):
        model.fit(1000 * X, COUNTS)
    assert not hasattr(model, "coefs_")
    with pytest.raises(ValueError, match="not fitted yet"):
        model.predict(X)


def test_the_best_weights_of_an_earlier_fit_do_not_come_back():
    model = MLPRegressor("poisson", (8,), random_state=0, max_iter=80, learning_rate_init=0.01, early_stopping=True,
                         tol=1, n_iter_no_change=1).fit(X, COUNTS)
    before = model.predict(X)
    with pytest.raises(DataError, match="not finite"):
        model.fit(1000 * X, COUNTS)
    assert np.array_equal(model.predict(X), before)


@pytest.mark.parametrize("validation", [None, 0.2])
def test_an_estimator_whose_training_breaks_off_before_any_score_raises(validation):
    model = ct.Regressor([8], loss=huge, validation=validation, epochs=3)
    with pytest.raises(TrainingError, match="not finite"):
        model.fit(X, Y)
    assert not hasattr(model, "model_") and not hasattr(model, "n_features_in_")


def test_one_that_has_scores_keeps_the_best_and_warns():
    wild = ct.optim.SGD(lambda t: 1e-3 if np.max(t) < 30 else 1e9)
    model = ct.Regressor([8], optimizer=wild, epochs=60, validation=0.2)
    with pytest.warns(TrainingWarning, match="not finite"):
        model.fit(X, Y)
    assert np.isfinite(model.predict(X)).all() and model.history_["val_loss"].min() < np.inf


def test_validation_rows_without_a_score_raise():
    model = ct.Regressor(epochs=3, monitor=(lambda z, y: float("nan"), "max"))
    with pytest.raises(TrainingError, match="no epoch had a val_<lambda> that is a number"):
        model.fit(X, Y)


# ---- a fit that fails ------------------------------------------------------------------------------------------------

BAD = {
    "no target": (X, None), "gaps in y": (X, np.where(Y > 3, np.nan, Y)), "lengths": (X, Y[:-1]),
    "no rows": (X[:0], Y[:0]),
}


@pytest.mark.parametrize(("kind", "bad"), each_once([ct.Classifier, ct.Regressor, MLPClassifier, MLPRegressor], BAD))
def test_a_failed_fit_leaves_the_model_as_it_was(kind, bad):
    model = brief(kind)
    with pytest.raises((ValueError, TypeError)):
        model.fit(*BAD[bad])
    assert not state(model)
    y = LABELS if "Classifier" in kind.__name__ else Y
    model.fit(FRAME, y)
    before, predicted = state(model), model.predict(FRAME)
    with pytest.raises((ValueError, TypeError)):
        model.fit(*BAD[bad])
    assert state(model).keys() == before.keys() and all(state(model)[name] is before[name] for name in before
                                                        if not isinstance(before[name], list))
    assert np.array_equal(model.predict(FRAME), predicted)


@pytest.mark.parametrize("kind", [ct.Classifier, ct.Regressor])
def test_a_failed_first_pass_leaves_nothing(kind):
    model = kind()
    with pytest.raises(ValueError, match="class"):
        ct.Classifier().partial_fit(X, LABELS, classes=["a", "c"])
    with pytest.raises(ValueError, match="NaN"):
        model.partial_fit(X, np.where(Y > 3, np.nan, Y))
    assert not state(model)


def test_a_failed_warm_start_puts_the_weights_back():
    model = MLPRegressor(random_state=0, max_iter=3, warm_start=True, solver="sgd", tol=10, n_iter_no_change=1)
    model.fit(X, Y)
    before, curve = model.predict(X), list(model.loss_curve_)
    with pytest.raises(DataError, match="not finite"):
        model.set_params(learning_rate_init=1e200).fit(X, Y)
    assert np.array_equal(model.predict(X), before) and model.loss_curve_ == curve


def test_a_callback_that_raises_leaves_the_model_as_it_was():
    def stop(event):
        raise RuntimeError("no")

    model = MLPRegressor(callbacks=[stop])
    with pytest.raises(RuntimeError):
        model.fit(X, Y)
    assert not state(model)


# ---- another fit -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [ct.Classifier, ct.Regressor, MLPClassifier, MLPRegressor])
def test_nothing_of_an_earlier_fit_is_left(kind):
    """Fitted on a frame, then on fewer unnamed columns: the same attributes as of a new model."""
    y = LABELS if "Classifier" in kind.__name__ else Y
    model, fresh = brief(kind).fit(FRAME, y), brief(kind).fit(X[:, :2], y)
    model.fit(X[:, :2], y)
    assert state(model).keys() == state(fresh).keys() and model.n_features_in_ == 2
    assert np.array_equal(model.predict(X[:, :2]), fresh.predict(X[:, :2]))


def test_adams_attributes_are_gone_after_lbfgs():
    model = brief(MLPRegressor, early_stopping=True).fit(X, Y)
    fresh = MLPRegressor(solver="lbfgs", max_iter=200, tol=0.1, random_state=0).fit(X, Y)
    model.set_params(solver="lbfgs", max_iter=200, tol=0.1).fit(X, Y)
    assert state(model).keys() == state(fresh).keys() and not hasattr(model, "run_")


def test_a_table_after_images_and_classes_after_labels():
    model = ct.Classifier(epochs=2)
    model.fit(RNG.integers(0, 255, (60, 6, 6), np.uint8), np.arange(60) % 2)
    model.fit(FRAME, (X > 0).astype(int))
    assert model.inputs_.name == "table" and model.n_features_in_ == 3 and model.predict(FRAME).shape == (240, 3)
    model.fit(X[:, :1], LABELS)
    assert not hasattr(model, "feature_names_in_") and model.classes_.tolist() == ["a", "b"]
