"""The linear baseline, the columns that matter, and estimators in files."""

import json

import numpy as np
import pytest

import cutaway as ct
from cutaway.errors import DataError
from cutaway.estimators import baseline, permutation_importance

RNG = np.random.default_rng(0)
X = RNG.standard_normal((120, 3))
FRAME = {"slope": X[:, 0], "noise": X[:, 1], "kind": np.where(X[:, 2] > 0, "a", "b")}
NUMBERS = 3 * X[:, 0] + (X[:, 2] > 0)
WORDS = np.where(X[:, 0] > 0, "up", "down")
LABELS = (X[:, :2] > 0).astype(int)


@pytest.mark.parametrize(("y", "name"), [
    (NUMBERS, "ridge regression"), (np.stack([NUMBERS, -NUMBERS], 1), "ridge regression"),
    (WORDS, "logistic regression"), (LABELS, "logistic regression"),
])
def test_baseline_is_a_linear_model_on_the_same_features(y, name):
    linear = baseline(FRAME, y)
    assert linear.name == name and linear.score(FRAME, y) > 0.5
    assert linear.predict(FRAME).shape == y.shape


def test_baseline_shares_the_networks_encoders():
    model = ct.Regressor(epochs=3).fit(FRAME, NUMBERS)
    linear = baseline(FRAME, NUMBERS, like=model, sample_weight=np.ones(120))
    assert linear.encoder_ is model.encoder_ and linear.score(FRAME, NUMBERS) > 0.9


def test_the_columns_that_matter_come_first():
    model = ct.Regressor(epochs=60).fit(FRAME, NUMBERS)
    found = permutation_importance(model, FRAME, NUMBERS, repeats=3)
    assert [one.column for one in found] == ["slope", "kind", "noise"]
    assert found[0].drop > 0.5 > found[2].drop and found[0].deviation > 0
    assert found == permutation_importance(model, FRAME, NUMBERS, repeats=3)


@pytest.mark.parametrize("y", [WORDS, LABELS, np.stack([NUMBERS, X[:, 1]], 1)])
def test_importance_of_every_task_and_of_the_baseline(y):
    for model in ((ct.Regressor if y.dtype.kind == "f" else ct.Classifier)(epochs=5).fit(FRAME, y), baseline(FRAME, y)):
        assert {one.column for one in permutation_importance(model, FRAME, y, repeats=2)} == set(FRAME)


def test_importance_takes_a_metric_and_refuses_what_does_not_match():
    model = baseline(FRAME, NUMBERS)
    found = permutation_importance(model, FRAME, NUMBERS, metric=lambda y, p: -np.abs(y - p).max())
    assert found[0].column == "slope"
    with pytest.raises(DataError, match="120 rows, y 119"):
        permutation_importance(model, FRAME, NUMBERS[1:])


@pytest.mark.parametrize(("kind", "y", "arguments"), [
    (ct.Regressor, NUMBERS, {"loss": "huber"}), (ct.Regressor, np.stack([NUMBERS, -NUMBERS], 1), {"network": [8]}),
    (ct.Classifier, WORDS, {"class_weight": {"up": 2.0}}), (ct.Classifier, LABELS, {}),
    (ct.Classifier, np.digitize(NUMBERS, [-1, 1]), {"network": lambda n_in, n_out: ct.nn.MLP(n_in, [4], n_out)}),
])
def test_an_estimator_in_a_file_predicts_the_same_bits(tmp_path, kind, y, arguments):
    model = kind(epochs=3, **arguments).fit(FRAME, y)
    ct.save(model, tmp_path / "model.safetensors")
    again = ct.load(tmp_path / "model.safetensors")
    assert type(again) is kind and np.array_equal(again.predict(FRAME), model.predict(FRAME))
    assert again.feature_names_in_.tolist() == list(FRAME) and str(again.design_) == str(model.design_)
    assert np.array_equal(again.history_["loss"], model.history_["loss"])
    kept = {name: value for name, value in arguments.items() if not callable(value)}
    assert kept.items() <= again.get_params().items()
    if kind is ct.Classifier:
        assert np.array_equal(again.predict_proba(FRAME), model.predict_proba(FRAME))
        assert np.array_equal(again.classes_, model.classes_)


def test_the_description_is_plain_json():
    model = ct.Classifier(epochs=2, random_state=np.random.RandomState(0)).fit(FRAME, WORDS)
    description = model.to_description()
    again = ct.Classifier.from_description(model.model_, json.loads(json.dumps(description)))
    assert np.array_equal(again.predict_proba(FRAME), model.predict_proba(FRAME))
