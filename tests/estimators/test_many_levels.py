"""Categories of many levels in estimators: everything that looks at encoded rows is still right."""

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone

import cutaway as ct
from cutaway.estimators import baseline, permutation_importance
from cutaway.estimators.inputs import table_encoder
from cutaway.estimators.plain_numbers import LaidOut


def shops(levels=60, each=10, seed=0):
    """A target that is each shop's own number, and a little of another column."""
    rng = np.random.default_rng(seed)
    shop = np.repeat(np.arange(levels), each)
    table = pd.DataFrame({"area": rng.normal(size=len(shop)), "shop": [f"s{k}" for k in shop]})
    y = rng.normal(size=levels)[shop] + 0.3 * table["area"]
    order = rng.permutation(len(shop))
    return table.iloc[order].reset_index(drop=True), y.to_numpy()[order]


@pytest.fixture(scope="module")
def trained():
    X, y = shops()
    return ct.Regressor(random_state=0, threads=1, epochs=40).fit(X[:500], y[:500]), X, y


def test_many_levels_are_looked_up_and_learnt(trained):
    model, X, y = trained
    assert model.encoder_.codes == {1: 61}
    assert model.score(X[500:], y[500:]) > 0.8


def test_a_level_never_seen_is_predicted_near_the_mean(trained):
    model, X, y = trained
    unseen = model.predict(X.assign(shop="another"))
    assert abs(unseen.mean() - y.mean()) < 0.5 * y.std()
    assert np.abs(unseen - y.mean()).max() < 2 * y.std()


def test_the_linear_model_sees_a_column_for_each_level(trained):
    model, X, y = trained
    linear = baseline(X[:500], y[:500], like=model)
    assert linear.model.n_features_in_ == 62
    assert linear.score(X[500:], y[500:]) > 0.9


def test_a_linear_model_of_many_levels_is_that_of_few_on_a_sparse_matrix(trained, monkeypatch):
    model, X, y = trained
    dense = baseline(X, y, like=model)
    expected = dense.predict(X)
    monkeypatch.setattr("cutaway.data.codes.WIDE_EXPANDED", 10)
    sparse = baseline(X, y, like=model)
    assert not isinstance(sparse.model.model, type(dense.model.model))
    np.testing.assert_allclose(sparse.predict(X), expected, atol=0.15 * y.std())


def test_classes_too():
    X, y = shops()
    model = ct.Classifier(random_state=0, threads=1, epochs=40).fit(X[:500], y[:500] > 0)
    linear = baseline(X[:500], y[:500] > 0, like=model)
    assert isinstance(linear.model, LaidOut)
    assert model.score(X[500:], y[500:] > 0) > 0.8
    assert linear.score(X[500:], y[500:] > 0) > 0.8
    assert linear.predict_proba(X[500:]).shape == (100, 2)


def test_shuffling_finds_that_the_shop_matters_of_network_and_linear_model(trained):
    model, X, y = trained
    for one in (model, baseline(X[:500], y[:500], like=model)):
        assert [found.column for found in permutation_importance(one, X[500:], y[500:])] == ["shop", "area"]


def test_a_row_alone_is_a_row_among_others_and_a_record(trained):
    model, X, _ = trained
    together, ask = model.predict(X), ct.predictor(model)
    assert model.predict(X[7:8])[0] == together[7]
    assert ask(X.iloc[7].to_dict()) == together[7]
    assert ask({"area": 0.0, "shop": "another"}) == model.predict({"area": [0.0], "shop": ["another"]})[0]


def test_a_file_gives_the_same_predictions(trained, tmp_path):
    model, X, _ = trained
    again = ct.load(ct.save(model, tmp_path / "m.safetensors") or tmp_path / "m.safetensors")
    assert np.array_equal(again.predict(X), model.predict(X))


def test_widths_of_ones_own_come_behind_the_lookup():
    X, y = shops()
    model = ct.Regressor(network=[8], epochs=2, threads=1).fit(X, y)
    assert model.encoder_.codes
    assert model.predict(X).shape == y.shape


def test_a_network_of_ones_own_sees_a_column_for_each_level():
    X, y = shops()
    told = []

    def network(n_in, n_out):
        told.append(n_in)
        return ct.nn.MLP(n_in, [8], n_out)

    model = ct.Regressor(network=network, epochs=2, threads=1).fit(X, y)
    assert (told, model.encoder_.codes) == ([61], {})
    again = ct.Regressor(network=ct.nn.MLP(61, [8], 1), epochs=2, threads=1).fit(X, y)
    assert again.predict(X).shape == y.shape


def test_in_a_small_table_nothing_is_looked_up():
    X, y = shops(60, 3)
    assert ct.Regressor(epochs=1).fit(X, y).encoder_.codes == {}


def test_columns_overrule_what_a_column_is_taken_for():
    X, y = shops(20, 12)
    X = X.assign(nr=X["shop"].str[1:].astype(int), when=20240101)
    model = ct.Regressor(epochs=1, columns={"nr": "category", "shop": "drop"}).fit(X, y)
    assert [column.kind for column in model.encoder_.columns] == [
        "number", "dropped", "category", "constant (dropped)"]
    assert ct.design(X, y, columns={"nr": "category"}).encoder.columns[2].how == (
        "a code for each of 20 levels, as asked")


def test_columns_are_an_argument_like_others(tmp_path):
    X, y = shops(20, 12)
    model = ct.Regressor(epochs=1, columns={"shop": "drop"})
    assert clone(model).columns == {"shop": "drop"}
    assert clone(model).set_params(columns=None).columns is None
    ct.save(model.fit(X, y), tmp_path / "m.safetensors")
    again = ct.load(tmp_path / "m.safetensors")
    assert again.columns == {"shop": "drop"}
    assert np.array_equal(again.predict(X), model.predict(X))


@pytest.mark.parametrize(("columns", "said"), [
    ({"shop": "categorical"}, "Did you mean 'category'"), ({"shp": "drop"}, r"did you mean 'shop'\?"),
])
def test_what_cannot_be_asked_is_refused_before_training(columns, said):
    X, y = shops(20, 12)
    with pytest.raises(ct.errors.ArgumentError, match=said):
        ct.Regressor(epochs=1, columns=columns).fit(X, y)


def test_images_have_no_columns():
    images = np.zeros((20, 8, 8), np.uint8)
    with pytest.raises(ct.errors.ArgumentError, match="is for a table, and X holds images"):
        ct.Classifier(epochs=1, columns={"a": "drop"}).fit(images, np.arange(20) % 2)


def test_a_diagnosis_takes_no_code_for_an_input_that_is_not_scaled(trained):
    model, X, y = trained
    assert not [finding for finding in ct.diagnose(model, X, y).findings if finding.name == "unscaled inputs"]


@pytest.mark.parametrize(("levels", "coded"), [(19, 0), (20, 1)])
def test_up_to_19_levels_have_a_column_each_and_more_of_them_codes(levels, coded):
    table = pd.DataFrame({"of": [f"l{k % levels}" for k in range(400)], "number": np.arange(400.0)})
    encoder = table_encoder(400).fit(table)
    assert len(encoder.codes) == coded
    assert len(encoder.feature_names) == 1 + (1 if coded else levels)
