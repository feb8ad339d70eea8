"""What a fitted estimator can do, the loaded, pickled and copied one can do too: every public name, tried."""

import copy
import io
import pickle

import cloudpickle
import joblib
import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone

import cutaway as ct
from cutaway.errors import ArgumentError
from cutaway.sklearn import MLPClassifier, MLPRegressor
from depth import each_once

RNG = np.random.default_rng(0)
FRAME = pd.DataFrame({"p": RNG.standard_normal(60), "q": RNG.standard_normal(60)})
NUMBERS = FRAME.p + 2
WORDS = np.where(FRAME.p > 0, "a", "b")
IMAGES = RNG.integers(0, 255, (60, 6, 6), np.uint8)
BRIEF = {"max_iter": 300, "tol": 1, "n_iter_no_change": 1, "random_state": 0}

MODELS = {
    "classifier": (lambda: ct.Classifier(epochs=3), FRAME, WORDS),
    "regressor": (lambda: ct.Regressor(epochs=3), FRAME, NUMBERS),
    "several outputs": (lambda: ct.Regressor(epochs=3), FRAME, np.stack([NUMBERS, -NUMBERS], 1)),
    "weighed classes": (lambda: ct.Classifier(epochs=3, class_weight={"a": 2.0, "b": 1.0}), FRAME, WORDS),
    "images": (lambda: ct.Classifier(epochs=2), IMAGES, WORDS),
    "sequences": (lambda: ct.Regressor(epochs=2), RNG.standard_normal((60, 5, 2)), NUMBERS),
    "drop-in classifier": (lambda: MLPClassifier((4,), **BRIEF), FRAME, WORDS),
    "drop-in regressor": (lambda: MLPRegressor(hidden_layer_sizes=(4,), **BRIEF), FRAME, NUMBERS),
    "early stopping": (lambda: MLPClassifier((4,), early_stopping=True, **BRIEF), FRAME, WORDS),
    "momentum": (lambda: MLPClassifier((4,), solver="sgd", learning_rate="adaptive", **BRIEF), FRAME, WORDS),
    "lbfgs": (lambda: MLPClassifier((4,), solver="lbfgs", max_iter=200, tol=0.1, random_state=0), FRAME, WORDS),
}


def through_file(model, folder):
    ct.save(model, folder / "m")
    return ct.load(folder / "m")


def through_joblib(model, _):
    buffer = io.BytesIO()
    joblib.dump(model, buffer)
    return joblib.load(io.BytesIO(buffer.getvalue()))


WAYS = {
    "a file": through_file, "joblib": through_joblib, "copy": lambda m, _: copy.copy(m),
    "deepcopy": lambda m, _: copy.deepcopy(m),
    "cloudpickle": lambda m, _: cloudpickle.loads(cloudpickle.dumps(m)),
} | {f"pickle {k}": lambda m, _, k=k: pickle.loads(pickle.dumps(m, protocol=k)) for k in range(6)}


@pytest.fixture(scope="module")
def fitted():
    return {name: make().fit(X, y) for name, (make, X, y) in MODELS.items()}


def public(model):
    """Every public name, and whether it can be read."""
    return {name: hasattr(model, name) for name in dir(model) if not name.startswith("_")}


@pytest.mark.parametrize(("name", "way"), dict.fromkeys([
    *((name, "a file") for name in MODELS), *each_once(MODELS, [way for way in WAYS if way != "a file"])]))
def test_all_of_it_works_again(name, way, fitted, tmp_path):
    model, (_, X, y) = fitted[name], MODELS[name]
    back = WAYS[way](model, tmp_path)
    known, again = public(model), public(back)
    assert {key for key in known if known[key]} - {key for key in again if again[key]} <= {"run_"}
    for call in ("predict", "predict_proba", "predict_log_proba", "encode"):
        if known.get(call):
            assert np.array_equal(getattr(back, call)(X), getattr(model, call)(X))
    assert back.score(X, y) == model.score(X, y)
    assert list(back.history_) == list(model.history_) if known.get("history_") else True
    if way not in ("a file", "pickle 1"):  # one of each sort learns on, too
        return
    if known.get("partial_fit") and name != "early stopping":  # which would need validation_data
        before = back.model_.theta.copy()
        assert back.partial_fit(X, y).partial_fit(X, y) is back and not np.array_equal(before, back.model_.theta)
    back.set_params(random_state=3).fit(X, y)
    assert clone(back).get_params().keys() == model.get_params().keys()


@pytest.mark.parametrize("name", ["classifier", "regressor", "drop-in classifier", "drop-in regressor"])
def test_a_pickle_between_two_passes_changes_no_bit(name):
    make, X, y = MODELS[name]
    one = make().fit(X, y).partial_fit(X, y)
    two = pickle.loads(pickle.dumps(one))
    assert np.array_equal(one.partial_fit(X, y).model_.theta, two.partial_fit(X, y).model_.theta)


def test_a_loaded_model_takes_its_rows_in_the_order_that_the_saved_one_would(tmp_path):
    make, X, y = MODELS["regressor"]
    model = make().set_params(optimizer=None, random_state=None, batch_size=7).fit(X, y)
    back = through_file(model, tmp_path)
    assert np.array_equal(back.partial_fit(X, y).model_.theta, model.partial_fit(X, y).model_.theta)


@pytest.mark.parametrize("name", MODELS)
def test_a_file_of_a_model_with_passes_can_go_on(name, tmp_path):
    make, X, y = MODELS[name]
    model = make()
    if name in ("lbfgs", "early stopping"):
        pytest.skip("it has no passes without validation_data")
    classes = {"classes": ["a", "b"]} if y is WORDS else {}
    back = through_file(model.partial_fit(X, y, **classes), tmp_path)
    assert np.isfinite(back.partial_fit(X, y).score(X, y))


@pytest.mark.parametrize("name", MODELS)
def test_where_there_is_no_run_its_error_says_why(name, fitted):
    back = pickle.loads(pickle.dumps(fitted[name]))
    assert not hasattr(back, "run_")
    with pytest.raises(AttributeError, match="it holds the training data, so pickling"):
        back.run_  # noqa: B018
    with pytest.raises(AttributeError, match="not fitted yet"):
        MODELS[name][0]().run_  # noqa: B018


HELD = ["model_", "design_", "encoder_", "target_encoder_", "history_", "inputs_"]


@pytest.mark.parametrize(("name", "protocol"), each_once(["classifier", "regressor", "images", "sequences"], range(6)))
def test_each_public_part_can_be_pickled_by_itself(name, protocol, fitted):
    for part in HELD:
        value = getattr(fitted[name], part)
        assert type(pickle.loads(pickle.dumps(value, protocol))) is type(value)


@pytest.mark.parametrize("protocol", range(6))
def test_tensors_and_parameters(protocol):
    net = ct.nn.MLP(2, [3], 1, norm="batch")
    back = pickle.loads(pickle.dumps(net, protocol))
    assert np.array_equal(back.theta, net.theta) and back.parameters()[0].init is not None
    tensor = pickle.loads(pickle.dumps(ct.Tensor([1.0, 2.0], requires_grad=True, name="w"), protocol))
    assert tensor.requires_grad and tensor.name == "w" and tensor.data.tolist() == [1, 2]


def test_a_pickle_of_a_tensor_from_before_can_be_read():
    tensor = ct.Tensor.__new__(ct.Tensor)
    tensor.__setstate__((None, {"data": np.ones(2), "grad": None, "name": None, "requires_grad": False, "tape": None}))
    assert tensor.data.tolist() == [1, 1] and not tensor.requires_grad


@pytest.mark.parametrize("way", [lambda run: pickle.loads(pickle.dumps(run, 1)), copy.deepcopy])
def test_a_run_goes_too_without_its_data(way):
    run = ct.fit(ct.nn.MLP(2, [3], 1), FRAME.to_numpy(), NUMBERS.to_numpy(), epochs=2)
    back = way(run)
    assert np.array_equal(back.model.theta, run.model.theta) and repr(back) == repr(run)
    with pytest.raises(ArgumentError, match="does not know its past"):
        back.trace(step=1)


def test_a_copied_run_is_diagnosed_by_the_loss_that_it_was_trained_with():
    X, y = FRAME.to_numpy(), (NUMBERS.mean() < NUMBERS).to_numpy().astype(int)
    how = {"epochs": 2, "optimizer": ct.optim.AdamW(1e-2)}
    run = ct.fit(ct.nn.MLP(2, [3], 2), X, y, loss="cross_entropy", **how)
    back = pickle.loads(pickle.dumps(copy.deepcopy(run)))
    assert "classes never predicted" in ct.diagnose(back, X, y).checked
    own = copy.deepcopy(ct.fit(ct.nn.MLP(2, [3], 2), X, y, loss=lambda z, y: ct.losses.cross_entropy(z, y), **how))
    with pytest.raises(ArgumentError, match="give loss=, the one that it was trained with"):
        ct.diagnose(own, X, y)
    assert ct.diagnose(own, X, y, loss="cross_entropy").checked
