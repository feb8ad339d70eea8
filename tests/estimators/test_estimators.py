"""Classifier and Regressor: raw tables in, the target's own terms out, in scikit-learn's conventions."""

import datetime
import pickle

import numpy as np
import pandas as pd
import pytest
import scipy.sparse
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import cutaway as ct
from cutaway.errors import ArgumentError, CutawayError, DataError

N = 80
RNG = np.random.default_rng(0)
X = RNG.standard_normal((N, 3))
NUMBERS = 1000 + 50 * X[:, 0] - 20 * X[:, 1]
WORDS = np.where(X[:, 0] > 0, "up", "down")
LABELS = (X[:, :2] > 0).astype(int)
SHORT = {"epochs": 3}


def raw(n=N):
    """Text, categories, gaps, dates and booleans."""
    rng = np.random.default_rng(1)
    frame = pd.DataFrame({
        "area": rng.uniform(50, 200, n), "zone": rng.choice(["RL", "RM", None], n), "new": rng.random(n) > 0.5,
        "sold": [datetime.datetime(2024, 1, 1) + datetime.timedelta(days=int(d)) for d in rng.integers(0, 300, n)],
        "grade": pd.Categorical(rng.choice(["a", "b"], n)),
    })
    frame.loc[::7, "area"] = np.nan
    return frame


def rough(model, seed=0):
    """Predictions of a short fit, for bit-for-bit comparisons."""
    return ct.Regressor(**SHORT, random_state=seed).fit(*model).predict(X)


# ---- what comes out --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("y", [WORDS, X[:, 0] > 0, np.where(X[:, 0] > 0, 7, -2), WORDS.astype(object)])
def test_labels_of_any_type_come_back(y):
    model = ct.Classifier(**SHORT).fit(X, y)
    assert model.classes_.tolist() == sorted(set(y.tolist()))
    assert set(model.predict(X)) <= set(y.tolist())
    p = model.predict_proba(X)
    assert p.shape == (N, 2) and np.allclose(p.sum(1), 1)
    assert np.array_equal(model.predict(X), model.classes_[p.argmax(1)])


def test_multiclass_and_multilabel():
    three = np.array(["a", "b", "c"])[np.digitize(X[:, 0], [-0.5, 0.5])]
    model = ct.Classifier(**SHORT).fit(X, three)
    assert model.predict_proba(X).shape == (N, 3) and set(model.predict(X)) <= {"a", "b", "c"}
    model = ct.Classifier(**SHORT).fit(X, LABELS)
    assert model.predict(X).shape == model.predict_proba(X).shape == (N, 2)
    assert set(np.unique(model.predict(X))) <= {0, 1}


def test_predictions_have_the_targets_unit_and_range():
    model = ct.Regressor(epochs=60).fit(X, NUMBERS)
    assert model.score(X, NUMBERS) > 0.9
    far = model.predict(1000 * X)
    reach = 0.0501 * np.ptp(NUMBERS)
    assert far.min() >= NUMBERS.min() - reach and far.max() <= NUMBERS.max() + reach
    both = np.stack([NUMBERS, -NUMBERS / 1000], 1)
    assert ct.Regressor(**SHORT).fit(X, both).predict(X).shape == (N, 2)


@pytest.mark.parametrize("kind", ["list", "float32", "sparse", "pandas", "polars", "pyarrow", "dict"])
def test_any_table(kind):
    polars, pyarrow = pytest.importorskip("polars"), pytest.importorskip("pyarrow")
    columns = {name: X[:, i] for i, name in enumerate("abc")}
    given = {
        "list": lambda: X.tolist(), "float32": lambda: X.astype(np.float32),
        "sparse": lambda: scipy.sparse.csr_array(X), "pandas": lambda: pd.DataFrame(columns),
        "polars": lambda: polars.DataFrame(columns), "pyarrow": lambda: pyarrow.table(columns), "dict": lambda: columns,
    }[kind]()
    model = ct.Regressor(**SHORT).fit(given, NUMBERS)
    assert np.allclose(model.predict(given), rough((X, NUMBERS)), rtol=1e-5)
    named = kind in ("pandas", "polars", "pyarrow", "dict")
    assert model.n_features_in_ == 3 and hasattr(model, "feature_names_in_") == named


def test_raw_columns_and_what_prediction_may_bring():
    frame = raw()
    model = ct.Regressor(**SHORT).fit(frame, NUMBERS)
    assert model.feature_names_in_.tolist() == list(frame.columns) and model.feature_names_in_.dtype == object
    expected = model.predict(frame)
    assert np.array_equal(model.predict(frame[frame.columns[::-1]].assign(extra=1)), expected)
    new = frame.assign(zone="never seen", area=np.nan)
    assert np.isfinite(model.predict(new)).all()
    with pytest.raises(DataError, match="'zone'"):
        model.predict(frame.drop(columns="zone"))


# ---- conventions -----------------------------------------------------------------------------------------------------


def test_same_seed_same_bits_and_other_seed_other_bits():
    assert np.array_equal(rough((X, NUMBERS)), rough((X, NUMBERS)))
    assert not np.array_equal(rough((X, NUMBERS)), rough((X, NUMBERS), seed=1))


def test_clone_pipeline_cross_validation_and_grid_search():
    model = ct.Classifier(**SHORT, class_weight="balanced")
    assert clone(model).get_params() == model.get_params()
    pipeline = make_pipeline(StandardScaler(), ct.Classifier(**SHORT))
    assert cross_val_score(pipeline, X, WORDS, cv=2).shape == (2,)
    search = GridSearchCV(ct.Regressor(**SHORT), {"network": [[4], [8, 8]]}, cv=2).fit(X, NUMBERS)
    assert search.best_params_["network"] in ([4], [8, 8])


def test_pickle_is_small_and_exact():
    many = np.tile(X, (50, 1))
    model = ct.Regressor(network=[8], **SHORT).fit(many, np.tile(NUMBERS, 50))
    content = pickle.dumps(model)
    assert len(content) < many.nbytes / 4
    again = pickle.loads(content)
    assert np.array_equal(again.predict(X), model.predict(X)) and "loss" in again.history_


def test_repr_says_what_differs_from_the_defaults():
    assert repr(ct.Classifier()) == "Classifier()"
    assert repr(ct.Regressor(epochs=5)) == "Regressor(epochs=5)"


def test_unfitted():
    for ask in ("predict", "predict_proba", "encode"):
        with pytest.raises(NotFittedError):
            getattr(ct.Classifier(), ask)(X)
    with pytest.raises(NotFittedError):
        ct.Classifier().to_description()
    assert not hasattr(ct.Classifier(), "classes_")


# ---- choices ---------------------------------------------------------------------------------------------------------


def test_the_callers_network_is_copied_and_started_anew():
    net = ct.nn.MLP(3, [5], 1)
    before = net.theta.copy()
    model = ct.Regressor(network=net, **SHORT)
    first = model.fit(X, NUMBERS).predict(X)
    assert np.array_equal(net.theta, before) and model.model_ is not net
    net.theta[:] = 7
    assert np.array_equal(model.fit(X, NUMBERS).predict(X), first)


def test_a_factory_is_told_both_sizes():
    sizes = []

    def factory(n_in, n_out):
        sizes.append((n_in, n_out))
        return ct.nn.MLP(n_in, [4], n_out)

    three = np.array(["a", "b", "c"])[np.digitize(X[:, 0], [-0.5, 0.5])]
    ct.Classifier(network=factory, **SHORT).fit(raw(), three)
    assert sizes == [(len(ct.design(raw(), three).encoder.feature_names), 3)]


def test_two_classes_on_two_outputs():
    for choice in ({"network": ct.nn.MLP(3, [4], 2)}, {"loss": "cross_entropy"}):
        model = ct.Classifier(**choice, **SHORT).fit(X, WORDS)
        assert model.design_.link == "softmax" and model.predict_proba(X).shape == (N, 2)


def test_losses_by_name_and_function():
    def doubled(z, y):
        return ct.losses.mse(z, y) + ct.losses.mae(z, y)

    for loss in ("huber", "mae", doubled):
        assert ct.Regressor(loss=loss, epochs=60).fit(X, NUMBERS).score(X, NUMBERS) > 0.5


def test_choices_appear_in_the_design():
    model = ct.Regressor(network=[16], optimizer=ct.optim.SGD(0.01), epochs=2, batch_size=10, validation=None)
    rows = {name: (value, reason) for name, value, reason in model.fit(X, NUMBERS).design_.table()}
    assert rows["hidden"] == ("16, relu", "as asked") and rows["epochs"] == ("2", "as asked")
    assert rows["batch"] == ("10 rows", "as asked") and rows["optimizer"] == ("SGD(lr=0.01)", "as asked")


def test_validation_data_of_ones_own():
    model = ct.Classifier(epochs=4, validation=(X[:9], WORDS[:9], np.ones(9)), early_stopping=2).fit(X, WORDS)
    assert len(model.history_["val_loss"]) == len(model.history_) and model.design_.patience == 2


def test_a_share_is_held_back_from_larger_tables():
    large, y = np.tile(X, (4, 1)), np.tile(NUMBERS, 4)
    assert "val_loss" in ct.Regressor(epochs=2).fit(large, y).history_
    assert "val_loss" not in ct.Regressor(epochs=2, validation=None).fit(large, y).history_
    assert "val_loss" not in ct.Regressor(epochs=2).fit(X, NUMBERS).history_


def test_time_limit_ends_training():
    large, y = np.tile(X, (50, 1)), np.tile(NUMBERS, 50)
    assert "time limit" in ct.Regressor(epochs=10**6, time_limit=0.2).fit(large, y).run_.stopped


# ---- weights ---------------------------------------------------------------------------------------------------------


def test_weights_of_one_change_nothing_and_weight_zero_is_absence():
    weighted = ct.Regressor(**SHORT).fit(X, NUMBERS, sample_weight=np.full(N, 3.0)).predict(X)
    assert np.array_equal(weighted, rough((X, NUMBERS)))
    weights = np.arange(N) % 2
    without = ct.Regressor(**SHORT).fit(X[1::2], NUMBERS[1::2]).predict(X)
    assert np.array_equal(ct.Regressor(**SHORT).fit(X, NUMBERS, weights).predict(X), without)


def test_weights_pull_predictions():
    up = ct.Regressor(epochs=40).fit(X, NUMBERS, sample_weight=np.where(NUMBERS > 1000, 10, 0.1))
    down = ct.Regressor(epochs=40).fit(X, NUMBERS, sample_weight=np.where(NUMBERS > 1000, 0.1, 10))
    assert up.predict(X).mean() > down.predict(X).mean()


def test_class_weights():
    rare = np.where(X[:, 0] + 0.8 * RNG.standard_normal(N) > 1.0, "rare", "usual")
    plain, balanced, heavy = (
        (ct.Classifier(epochs=60, class_weight=w).fit(X, rare).predict(X) == "rare").mean()
        for w in (None, "balanced", {"rare": 1000})
    )
    assert plain <= balanced <= heavy and heavy > 0.5


# ---- partial_fit -----------------------------------------------------------------------------------------------------


def test_partial_fit_learns_in_pieces_and_goes_on_after_pickling():
    one, two = ct.Classifier(), ct.Classifier()
    for k in range(30):
        part = slice(40 * (k % 2), 40 * (k % 2) + 40)
        one.partial_fit(X[part], WORDS[part], classes=["down", "flat", "up"])
        two.partial_fit(X[part], WORDS[part], classes=["down", "flat", "up"])
        two = pickle.loads(pickle.dumps(two))
    assert one.classes_.tolist() == ["down", "flat", "up"] and one.score(X, WORDS) > 0.9
    assert np.array_equal(one.predict_proba(X), two.predict_proba(X))


def test_partial_fit_widens_the_range_and_goes_on_from_fit():
    model = ct.Regressor(**SHORT).fit(X, NUMBERS)
    before = model.model_.theta.copy()
    model.partial_fit(X, NUMBERS + 500)
    assert not np.array_equal(before, model.model_.theta)
    assert model.limits_[1, 0] > 5


# ---- bad input -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("arguments", "says"), [
    ({"network": "deep"}, "network is 'deep'"), ({"network": [0]}, "network"), ({"epochs": 0}, "epochs is 0"),
    ({"batch_size": "half"}, "batch_size is 'half'"), ({"validation": 2}, "validation is 2"),
    ({"loss": "cross_entropy"}, "a Regressor takes"), ({"optimizer": "adam"}, "optimizer is 'adam'"),
    ({"random_state": "x"}, "random_state"), ({"time_limit": 0}, "time_limit"), ({"verbose": "x"}, "verbose"),
    ({"early_stopping": -1}, "early_stopping"),
    ({"network": ct.nn.MLP(3, [4], 5)}, "5 outputs"), ({"network": ct.nn.MLP(9, [4], 1)}, "does not fit the table"),
    ({"network": lambda n_in, n_out: None}, "must return"),
])
def test_arguments_are_checked_by_fit(arguments, says):
    model = ct.Regressor(**arguments)  # the constructor takes anything
    with pytest.raises(CutawayError, match=says):
        model.fit(X, NUMBERS)


@pytest.mark.parametrize(("X", "y", "says"), [
    (X, None, "y is None"), (X, NUMBERS[:-1], "80 rows, y 79"), (X[:1], NUMBERS[:1], "one sample"),
    (X[:0], NUMBERS[:0], "0 sample"), (X, np.where(X[:, 0] > 1, np.nan, 1), "NaN"),
    (X * np.inf, NUMBERS, "infinity"), (X, ["a lot"] * N, "not a number"),
])
def test_data_is_checked(X, y, says):
    with pytest.raises(DataError, match=says), np.errstate(invalid="ignore"):
        ct.Regressor(**SHORT).fit(X, y)


@pytest.mark.parametrize(("y", "arguments", "says"), [
    (NUMBERS, {}, "ct.Regressor"), (WORDS, {"class_weight": {"left": 2}}, "left"),
    (WORDS, {"class_weight": "equal"}, "class_weight is 'equal'"), (LABELS, {"class_weight": "balanced"}, "multilabel"),
    (np.digitize(X[:, 0], [-0.5, 0.5]), {"loss": "binary_cross_entropy"}, "not for a multiclass"),
])
def test_classes_are_checked(y, arguments, says):
    with pytest.raises((ArgumentError, DataError), match=says):
        ct.Classifier(**arguments, **SHORT).fit(X, y)


@pytest.mark.parametrize(("weights", "says"), [
    (np.ones(3), "shape"), (np.zeros(N), "zero in every row"), (np.full(N, -1.0), "negative"),
    (np.full(N, np.nan), "finite"),
])
def test_weights_are_checked(weights, says):
    with pytest.raises(DataError, match=says):
        ct.Regressor(**SHORT).fit(X, NUMBERS, sample_weight=weights)
