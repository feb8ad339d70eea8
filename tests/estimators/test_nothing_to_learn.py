"""Where there is nothing to learn: a constant prediction and a warning, as clients of scikit-learn's models need it."""

import numpy as np
import pytest
from sklearn.dummy import DummyClassifier
from sklearn.feature_selection import SequentialFeatureSelector
from sklearn.model_selection import cross_val_score
from sklearn.multioutput import MultiOutputRegressor

import cutaway as ct
from cutaway.errors import DataError
from cutaway.sklearn import MLPClassifier

RNG = np.random.default_rng(0)
X = RNG.standard_normal((60, 2))
Y = X[:, 0] + 2
W = RNG.uniform(0.5, 2, 60)
SHORT = {"epochs": 3}
FLAT = {"constant": np.full((60, 2), 7.0), "gaps": np.full((60, 2), np.nan),
        "identifiers": np.array([[f"a{i}", f"b{i}"] for i in range(60)], object)}


@pytest.mark.parametrize("value", [3.0, 0.0, -1e-300, 1e30, 1 / 3])
def test_a_constant_target_is_predicted_exactly(value):
    with pytest.warns(UserWarning, match="the same in every row"):
        model = ct.Regressor(**SHORT).fit(X, np.full(60, value))
    assert (model.predict(10 * X) == value).all()


def test_one_constant_output_of_several():
    with pytest.warns(UserWarning, match="'y1'"):
        model = ct.Regressor(epochs=60).fit(X, np.stack([Y, np.full(60, 5.5)], 1))
    p = model.predict(X)
    assert (p[:, 1] == 5.5).all() and np.corrcoef(p[:, 0], Y)[0, 1] > 0.9


@pytest.mark.parametrize("kind", FLAT)
@pytest.mark.parametrize("weights", [None, W])
def test_columns_that_say_nothing_give_the_mean(kind, weights):
    with pytest.warns(UserWarning, match="every row gets the same prediction"):
        model = ct.Regressor(**SHORT).fit(FLAT[kind], Y, weights)
    assert np.allclose(model.predict(FLAT[kind]), np.average(Y, weights=weights))


@pytest.mark.parametrize("labels", [np.where(X[:, 0] > 0.4, "a", "b"), np.arange(60) % 3])
@pytest.mark.parametrize("weights", [None, W])
def test_columns_that_say_nothing_give_the_shares_of_the_classes(labels, weights):
    with pytest.warns(UserWarning, match="every row gets the same prediction"):
        model = ct.Classifier(**SHORT).fit(FLAT["constant"], labels, weights)
    expected = DummyClassifier(strategy="prior").fit(FLAT["constant"], labels, weights)
    assert np.allclose(model.predict_proba(X), expected.predict_proba(X))


@pytest.mark.parametrize("how", [{}, {"class_weight": {"a": 2, "b": 1}}, {"loss": "binary_cross_entropy"}])
def test_one_class_is_predicted_for_certain(how):
    with pytest.warns(UserWarning, match="one class"):
        model = ct.Classifier(**SHORT, **how).fit(X, ["a"] * 60)
    assert model.classes_.tolist() == ["a"] and set(model.predict(X)) == {"a"}
    assert np.array_equal(model.predict_proba(X), np.ones((60, 1))) and model.score(X, ["a"] * 60) == 1


def test_the_drop_in_knows_one_class_too():
    """Without a warning, as scikit-learn's."""
    model = MLPClassifier((3,), max_iter=200, tol=1, n_iter_no_change=1, random_state=0).fit(X, ["a"] * 60)
    assert set(model.predict(X)) == {"a"} and np.array_equal(model.predict_proba(X), np.ones((60, 1)))


def test_flat_sequences():
    with pytest.warns(UserWarning, match="every row gets the same prediction"):
        model = ct.Regressor(**SHORT).fit(np.ones((60, 5, 2)), Y)
    assert np.allclose(model.predict(RNG.standard_normal((4, 5, 2))), Y.mean())


def test_a_network_of_ones_own_meets_a_constant_table():
    with pytest.warns(UserWarning, match="every row gets the same prediction"):
        model = ct.Regressor(network=lambda n_in, n_out: ct.nn.MLP(n_in, [3], n_out), **SHORT).fit(FLAT["gaps"], Y)
    assert np.allclose(model.predict(X), Y.mean())


def test_the_file_holds_it(tmp_path):
    with pytest.warns(UserWarning, match="Nothing can be learnt"):
        model = ct.Regressor(**SHORT).fit(FLAT["identifiers"], Y)
    ct.save(model, tmp_path / "m.safetensors")
    assert np.array_equal(ct.load(tmp_path / "m.safetensors").predict(FLAT["identifiers"]), model.predict(X))


@pytest.mark.filterwarnings("ignore:Nothing can be learnt")
def test_one_such_fold_or_candidate_ends_nobodys_run():
    flat = np.column_stack([np.ones(60), X])
    chosen = SequentialFeatureSelector(ct.Regressor(**SHORT), n_features_to_select=2, cv=2).fit(flat, Y)
    assert chosen.get_support().sum() == 2
    both = MultiOutputRegressor(ct.Regressor(**SHORT)).fit(X, np.stack([Y, np.zeros(60)], 1)).predict(X)
    assert (both[:, 1] == 0).all()
    grouped = cross_val_score(ct.Regressor(**SHORT), X, np.repeat([1.0, 2.0], 30), cv=2, scoring="r2")
    assert np.isfinite(grouped).all()


def test_where_more_rows_come_later_it_stays_an_error():
    with pytest.raises(DataError, match="one class"):
        ct.Classifier().partial_fit(X, ["a"] * 60)
    with pytest.raises(DataError, match="in every row"):
        ct.Regressor().partial_fit(X, np.ones(60))
    with pytest.raises(DataError, match="No column"):
        ct.Regressor().partial_fit(np.ones((60, 2)), Y)


def test_prepare_and_design_keep_the_error():
    for act in (ct.design, ct.Regressor().prepare):
        with pytest.raises(DataError, match="in every row"):
            act(X, np.full(60, 1.5))
