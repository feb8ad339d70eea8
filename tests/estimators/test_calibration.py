"""Calibration: the temperature is scipy's minimum, chooses the epoch, and goes wherever probabilities go."""

import numpy as np
import pytest
from scipy.optimize import minimize_scalar
from scipy.special import expit, log_softmax, softmax

import cutaway as ct
from cutaway.errors import FileError
from cutaway.estimators import calibration
from cutaway.estimators.calibration import best_temperature, calibrated_loss

RNG = np.random.default_rng(0)
PRIOR = calibration.PRIOR


def by_scipy(loss, n):
    """The temperature by an oracle: the loss of outputs, plus what the belief in T = 1 costs, over log T."""
    found = minimize_scalar(lambda t: loss(np.exp(t)) + PRIOR / n * (np.exp(-t) - 1 + t), bounds=(-6, 6),
                            method="bounded", options={"xatol": 1e-10})
    return np.exp(found.x)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("factor", [0.1, 1, 7])
def test_the_temperature_of_classes_is_scipys(factor, weighted):
    z = factor * RNG.normal(size=(300, 4))
    y = np.array([RNG.choice(4, p=p) for p in softmax(z / factor, axis=1)])
    w = RNG.uniform(0, 3, 300) if weighted else np.ones(300)

    def loss(T):
        return np.average(-log_softmax(z / T, axis=1)[np.arange(300), y], weights=w)

    T = best_temperature(z, y, w if weighted else None)
    np.testing.assert_allclose(T, by_scipy(loss, 300), rtol=1e-5)
    np.testing.assert_allclose(calibrated_loss(z, y, w if weighted else None), loss(T), rtol=1e-12)


@pytest.mark.parametrize("shape", [(300, 1), (300,), (300, 5)])
def test_the_temperature_of_labels_is_scipys(shape):
    z = 5 * RNG.normal(size=shape)
    y = (RNG.random(shape) < expit(z / 3)).astype(float)
    z, y = (z, y[:, 0]) if shape == (300, 1) else (z, y)
    n, w = len(z), RNG.uniform(0, 3, 300)

    def loss(T):
        p = np.clip(expit(z.reshape(300, -1) / T), 1e-300, 1)
        q = np.clip(expit(-z.reshape(300, -1) / T), 1e-300, 1)
        t = y.reshape(300, -1)
        return np.average(-(t * np.log(p) + (1 - t) * np.log(q)).mean(1), weights=w)

    np.testing.assert_allclose(best_temperature(z, y, w), by_scipy(loss, n), rtol=1e-5)


@pytest.mark.parametrize("scale", [1e-30, 1e-3, 1e3, 1e30])
def test_outputs_of_any_size_have_a_temperature(scale):
    z = scale * RNG.normal(size=(50, 3))
    for y in (z.argmax(1), z.argmin(1), RNG.integers(0, 3, 50)):
        T = best_temperature(z, y)
        assert 0 < T < np.inf and np.isfinite(calibrated_loss(z, y))


def test_rows_that_are_all_right_do_not_make_a_network_certain():
    z = np.array([[4.0, 0.0]] * 20)
    assert 0.2 < best_temperature(z, np.zeros(20, int)) < 1
    assert best_temperature(np.zeros((20, 3)), np.zeros(20, int)) == 1


def test_outputs_that_are_not_finite_have_no_loss():
    assert np.isnan(calibrated_loss(np.array([[np.inf, 0.0]]), np.array([0])))


# ---- estimators ----------------------------------------------------------------------------------------------------


def noisy(n=400, classes=3):
    X = RNG.normal(size=(n, 5))
    return X, np.digitize(X[:, 0] + 0.8 * RNG.normal(size=n), np.quantile(X[:, 0], np.arange(1, classes) / classes))


X3, Y3 = noisy()
X2, Y2 = noisy(classes=2)
LABELS = np.stack([Y2, RNG.integers(0, 2, 400)], 1)
TASKS = {"multiclass": (X3, Y3), "binary": (X2, Y2), "multilabel": (X2, LABELS)}
MANY = {"epochs": 60, "early_stopping": False, "monitor": "accuracy", "network": [64]}


@pytest.mark.parametrize("task", TASKS)
def test_probabilities_are_those_of_outputs_over_the_temperature(task, tmp_path):
    X, y = TASKS[task]
    model = ct.Classifier(**MANY).fit(X, y)
    T, z = model.temperature_, model.model_.predict(model.encode(X)).astype(float).reshape(len(X), -1)
    assert T != 1 and f"temperature {T:.3g}" in str(model.design_)
    p = softmax(z / T, axis=1) if task == "multiclass" else expit(z / T)
    p = np.hstack([1 - p, p]) if task == "binary" else p
    np.testing.assert_allclose(model.predict_proba(X), p, rtol=1e-12)
    assert (ct.predictor(model)(X[0], proba=True) == model.predict_proba(X[:1])[0]).all()
    ct.save(model, tmp_path / "m")
    loaded = ct.load(tmp_path / "m")
    assert loaded.temperature_ == T and (loaded.predict_proba(X) == model.predict_proba(X)).all()
    assert (loaded.predict(X) == ct.Classifier(calibrate=False, **MANY).fit(X, y).predict(X)).all()


def test_the_temperature_is_that_of_the_rows_held_back():
    own = X3[:100], Y3[:100]
    model = ct.Classifier(validation=own, **MANY).fit(X3[100:], Y3[100:])
    z = model.model_.predict(model.encode(own[0]))
    assert model.temperature_ == best_temperature(z, own[1])
    assert calibrated_loss(z, own[1]) < ct.losses.cross_entropy(z, own[1]).item()


def test_the_epoch_is_chosen_by_the_loss_at_its_best_temperature():
    model = ct.Classifier(epochs=30).fit(X3, Y3)
    by = model.history_["val_calibrated_loss"]
    assert model.run_.best_epoch == by.argmin() + 1 and (by <= model.history_["val_loss"] + 1e-6).all()
    plain = ct.Classifier(epochs=30, calibrate=False).fit(X3, Y3)
    assert "val_calibrated_loss" not in plain.history_
    assert plain.run_.best_epoch == plain.history_["val_loss"].argmin() + 1 and plain.temperature_ == 1


@pytest.mark.parametrize(("how", "rows", "why"), [
    ({}, 100, "no rows are held back"), ({"validation": None}, 400, "no rows are held back"),
    ({"calibrate": False}, 400, "as asked"),
])
def test_where_nothing_is_held_back_the_temperature_is_1_and_the_design_says_so(how, rows, why):
    model = ct.Classifier(epochs=3, **how).fit(X3[:rows], Y3[:rows])
    assert model.temperature_ == 1 and model.design_.calibration == "none"
    assert why in model.design_.reasons["calibration"]


def test_weights_count_and_those_of_classes_shift_probabilities_for_good():
    rare = (X2[:, 0] + RNG.normal(size=400) > 1.5).astype(int)
    plain, weighed = (ct.Classifier(class_weight=w, **MANY).fit(X2, rare) for w in (None, "balanced"))
    assert weighed.predict_proba(X2)[:, 1].mean() > 1.5 * plain.predict_proba(X2)[:, 1].mean()
    held = weighed.run_.past.held_out
    z = weighed.model_.predict(held.inputs)
    assert weighed.temperature_ == best_temperature(z, held.y, held.weight) != best_temperature(z, held.y)


def test_a_loss_of_ones_own_chooses_the_epoch_itself():
    def smooth(z, y):
        return ct.losses.cross_entropy(z, 0.9 * np.eye(3)[y] + 0.1 / 3) if isinstance(y, np.ndarray) else (
            ct.losses.cross_entropy(z, y))

    model = ct.Classifier(loss=smooth, epochs=5).fit(X3, Y3)
    assert "val_calibrated_loss" not in model.history_ and model.temperature_ != 1


def test_more_passes_keep_the_temperature_and_a_new_fit_forgets_it():
    model = ct.Classifier(**MANY).fit(X3, Y3)
    T = model.temperature_
    assert model.partial_fit(X3, Y3).temperature_ == T != 1
    model.set_params(validation=None, early_stopping=True, monitor="loss", epochs=1)
    assert model.fit(X3, Y3).temperature_ == 1
    assert ct.Classifier().partial_fit(X3, Y3).temperature_ == 1


def test_one_class_and_no_columns_have_nothing_to_be_sure_of():
    with pytest.warns(UserWarning, match="Nothing can be learnt"):
        assert ct.Classifier(epochs=2).fit(X3, np.zeros(400, int)).temperature_ == 1
    with pytest.warns(UserWarning, match="Nothing can be learnt"):
        blank = ct.Classifier(epochs=2).fit(np.ones((400, 2)), Y2)
    np.testing.assert_allclose(blank.predict_proba(np.ones((1, 2)))[0, 1], Y2.mean(), rtol=1e-5)


def test_files_of_before_have_a_temperature_of_1_and_bad_ones_are_refused():
    model = ct.Classifier(epochs=2).fit(X3, Y3)
    described = model.to_description()
    old = {name: value for name, value in described.items() if name != "temperature"}
    assert ct.Classifier.from_description(model.model_, old).temperature_ == 1
    for bad in (0.0, -1.0, float("nan"), "warm"):
        with pytest.raises(FileError, match="damaged"):
            ct.Classifier.from_description(model.model_, described | {"temperature": bad})
