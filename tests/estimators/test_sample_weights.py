"""Weights of rows in the estimators, their encoders too: two is the row twice, one is nothing, zero is not there."""

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import accuracy_score, r2_score

import cutaway as ct
from cutaway.data import ImageEncoder, SequenceEncoder, TableEncoder, TargetEncoder
from cutaway.errors import DataError
from cutaway.estimators import baseline
from depth import every

N = 60
RNG = np.random.default_rng(0)
COUNTS = RNG.integers(0, 4, N)  # how often each row is there
TIMES = np.repeat(np.arange(N), COUNTS)
UNEVEN = RNG.uniform(0.1, 3, N)
NUMBERS = np.round(RNG.gamma(2.0, 100.0, N), 1)
PAIR = np.array(["down", "up"])[(NUMBERS > 180).astype(int)]
WORDS = np.array(["left", "middle", "right"])[np.digitize(NUMBERS, [120, 230])]
LABELS = np.stack([NUMBERS > 100, NUMBERS > 200, RNG.random(N) > 0.5], axis=1).astype(int)
BOTH = np.stack([NUMBERS, RNG.standard_normal(N)], axis=1)

FRAME = pd.DataFrame({
    "area": np.where(RNG.random(N) < 0.1, np.nan, RNG.lognormal(4, 1, N)),
    "rooms": RNG.integers(1, 6, N),
    "zone": RNG.choice(["RL", "RM", "FV", "C"], N, p=[0.6, 0.3, 0.05, 0.05]),
    "street": [f"{k % 25}" + "th" for k in range(N)],  # most names once or twice
    "price": [f"{v:.1f}" if v > 1 else "n/a" for v in RNG.gamma(1.0, 9.0, N)],
    "built": pd.Series(pd.date_range("2001-02-03", periods=N, freq="41D")).where(RNG.random(N) > 0.05),
    "sold": RNG.choice([True, False], N),
})
IMAGES = RNG.integers(0, 255, (N, 8, 8), np.uint8)
SERIES = [RNG.standard_normal((k, 2)) for k in RNG.integers(3, 9, N)]

#: No chance but the first weights: full batches, no dropout, no row held back, images as they are.
EXACT = {"epochs": 12, "batch_size": "full", "validation": None, "random_state": 1}
PLAIN = {"table": {}, "images": {"dropout": 0.0, "augment": None}, "sequences": {"dropout": 0.0, "width": 8}}


def rows_of(X, rows):
    return X.iloc[rows] if hasattr(X, "iloc") else [X[i] for i in rows] if isinstance(X, list) else X[rows]


def pair(kind, X, y, inputs="table", **options):
    """One estimator that has learnt from weighted rows, and one from each row as often."""
    options = EXACT | {"network": PLAIN[inputs]} | options
    one = kind(**options).fit(X, y, sample_weight=COUNTS)
    return one, kind(**options).fit(rows_of(X, TIMES), rows_of(y, TIMES))


# ---- two is the row twice --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("kind", "y", "options"), [
    (ct.Regressor, NUMBERS, {}), (ct.Regressor, NUMBERS, {"loss": "huber"}), (ct.Regressor, BOTH, {"loss": "mae"}),
    (ct.Classifier, PAIR, {}), (ct.Classifier, PAIR, {"loss": "cross_entropy"}), (ct.Classifier, WORDS, {}),
    (ct.Classifier, LABELS, {}), (ct.Classifier, WORDS, {"class_weight": {"left": 3, "right": 0.5}}),
    (ct.Classifier, WORDS, {"class_weight": "balanced"}),
])
def test_a_row_of_weight_k_is_the_row_k_times_in_a_table_with_gaps_categories_and_dates(kind, y, options):
    weighted, repeated = pair(kind, FRAME, y, **options)
    assert weighted.encoder_.feature_names == repeated.encoder_.feature_names
    np.testing.assert_allclose(weighted.model_.theta, repeated.model_.theta, rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize(("inputs", "X"), [("images", IMAGES), ("sequences", SERIES)])
def test_so_do_images_and_sequences_as_near_as_32_bits_come(inputs, X):
    weighted, repeated = pair(ct.Classifier, X, WORDS, inputs, epochs=4)
    np.testing.assert_allclose(weighted.predict_proba(X), repeated.predict_proba(X), atol=2e-5)


def test_validation_rows_of_weight_k_stop_training_where_the_rows_k_times_do():
    options = EXACT | {"epochs": 80, "early_stopping": 4, "class_weight": "balanced", "optimizer": ct.optim.SGD(0.3)}
    V, v, often = FRAME[40:], WORDS[40:], COUNTS[40:]
    repeated = V.iloc[np.repeat(np.arange(20), often)], np.repeat(v, often)
    one, two = (ct.Classifier(**options | {"validation": held}).fit(FRAME[:40], WORDS[:40], UNEVEN[:40])
                for held in ((V, v, often), repeated))
    np.testing.assert_allclose(one.history_["val_loss"], two.history_["val_loss"], rtol=1e-10)
    assert len(one.history_) == len(two.history_) < 80
    np.testing.assert_allclose(one.model_.theta, two.model_.theta, rtol=1e-12)


def test_partial_fit_on_full_batches_takes_a_row_of_weight_k_k_times():
    weighted, repeated = (ct.Regressor(batch_size="full", random_state=1) for _ in range(2))
    for _ in range(3):
        weighted.partial_fit(FRAME, NUMBERS, sample_weight=COUNTS)
        repeated.partial_fit(FRAME.iloc[TIMES], NUMBERS[TIMES])
    np.testing.assert_allclose(weighted.model_.theta, repeated.model_.theta, rtol=1e-9, atol=1e-11)


def test_scores_are_weighted():
    model = ct.Regressor(**EXACT).fit(FRAME, NUMBERS)
    assert model.score(FRAME, NUMBERS, COUNTS) == pytest.approx(r2_score(NUMBERS[TIMES], model.predict(FRAME)[TIMES]))
    model = ct.Classifier(**EXACT).fit(FRAME, WORDS)
    expected = accuracy_score(WORDS[TIMES], model.predict(FRAME)[TIMES])
    assert model.score(FRAME, WORDS, COUNTS) == pytest.approx(expected)


@pytest.mark.parametrize("y", [WORDS, LABELS])
def test_the_linear_model_beside_it_is_weighted_too(y):
    weighted, repeated = baseline(FRAME, y, sample_weight=COUNTS), baseline(FRAME.iloc[TIMES], y[TIMES])
    np.testing.assert_allclose(weighted.predict_proba(FRAME), repeated.predict_proba(FRAME), atol=5e-3)


# ---- one is nothing, zero is not there -------------------------------------------------------------------------------

LARGE = pd.concat([FRAME] * 5, ignore_index=True).assign(area=lambda t: t.area + np.arange(300))
TARGET = np.tile(NUMBERS, 5)


def test_weights_of_one_change_no_bit_with_batches_dropout_and_rows_held_back_by_chance():
    one, two = (ct.Regressor(epochs=3).fit(LARGE, TARGET, w) for w in (None, np.ones(300)))
    assert np.array_equal(one.model_.theta, two.model_.theta)
    assert one.encoder_.to_json() == two.encoder_.to_json()
    assert one.history_["val_loss"].tolist() == two.history_["val_loss"].tolist()


def test_rows_of_weight_zero_are_not_there_whatever_they_hold():
    kept = np.arange(300) % 4 > 0
    X, y = LARGE.copy(), TARGET.copy()
    X.loc[~kept, ["zone", "price"]], y[~kept] = "not read", np.nan
    one = ct.Regressor(epochs=3).fit(X, y, kept)
    two = ct.Regressor(epochs=3).fit(LARGE[kept], TARGET[kept])
    assert one.encoder_.to_json() == two.encoder_.to_json()
    assert np.array_equal(one.model_.theta, two.model_.theta)


def test_so_are_classes_of_weight_zero_for_the_loss():
    one = ct.Classifier(**EXACT, class_weight={"left": 0}).fit(FRAME, WORDS)
    weighed = ct.Classifier(**EXACT)
    rows = weighed.prepare(FRAME, WORDS)
    rows.weights = (WORDS != "left").astype(float)
    assert np.array_equal(one.model_.theta, weighed.train(rows).model_.theta)
    before = one.model_.theta.copy()
    one.partial_fit(FRAME[WORDS == "left"], WORDS[WORDS == "left"])  # nothing to learn from
    assert np.array_equal(one.model_.theta, before)


def test_class_weights_weigh_the_loss_and_not_what_encoders_learn():
    heavy = {"left": 4.0, "middle": 1.0, "right": 0.25}
    one = ct.Classifier(**EXACT, class_weight=heavy).fit(FRAME, WORDS)
    two = ct.Classifier(**EXACT)
    rows = two.prepare(FRAME, WORDS)
    assert one.encoder_.to_json() == two.encoder_.to_json()
    rows.weights = np.array([heavy[word] for word in WORDS])
    assert np.array_equal(one.model_.theta, two.train(rows).model_.theta)


def test_balanced_weighs_validation_rows_as_it_does_the_others():
    held = FRAME[40:], WORDS[40:]
    model = ct.Classifier(**EXACT | {"validation": held, "epochs": 1, "class_weight": "balanced", "calibrate": False})
    model.fit(FRAME[:40], WORDS[:40])
    counts = {word: (WORDS[:40] == word).sum() for word in model.classes_}
    weights = np.array([40 / (3 * counts[word]) for word in held[1]])
    p = model.predict_proba(held[0])[np.arange(20), np.searchsorted(model.classes_, held[1])]
    assert model.history_["val_loss"][0] == pytest.approx(np.average(-np.log(p), weights=weights))


def test_windows_held_back_keep_their_weights():
    every = ct.data.windows(np.sin(np.arange(300) / 5) + 0.1 * np.random.default_rng(0).standard_normal(300), 8)
    weights = np.linspace(0.1, 3, len(every))
    model = ct.Regressor(epochs=1, network={"width": 4}).fit(every, sample_weight=weights)
    _, last = ct.data.forecast_split(every, 0.1)
    z = model.model_.predict(model.encode(every[last]))[:, 0]
    l = (z - model.target_encoder_.transform(every[last].y)) ** 2
    assert model.history_["val_loss"][0] == pytest.approx(np.average(l, weights=weights[last]), rel=1e-5)


@pytest.mark.parametrize("threads", every(3, [3, 2, 1]))
def test_threads_change_nothing_but_rounding(threads):
    options = {"epochs": 3, "network": [16]}
    one, two = (ct.Regressor(**options, threads=t).fit(LARGE, TARGET, np.tile(UNEVEN, 5)) for t in (threads, 1))
    again = ct.Regressor(**options, threads=threads).fit(LARGE, TARGET, np.tile(UNEVEN, 5))
    np.testing.assert_allclose(one.model_.theta, two.model_.theta, rtol=1e-5, atol=1e-6)
    assert np.array_equal(one.model_.theta, again.model_.theta)


# ---- a loss of one's own ---------------------------------------------------------------------------------------------


def plain(z, y):
    return ((z.reshape(-1) - y) ** 2).mean()


def test_partial_fit_needs_a_loss_with_weights_only_where_there_are_some():
    model = ct.Regressor(loss=plain).partial_fit(FRAME, NUMBERS)
    model.partial_fit(FRAME, NUMBERS, np.full(N, 2.0))
    with pytest.raises(ct.errors.ArgumentError, match="the loss plain takes none"):
        model.partial_fit(FRAME, NUMBERS, UNEVEN)


def test_weights_may_come_in_a_later_part():
    one, two = ct.Regressor(), ct.Regressor()
    for model, first in ((one, None), (two, np.ones(N))):
        model.partial_fit(FRAME, NUMBERS, first).partial_fit(FRAME, NUMBERS, UNEVEN).partial_fit(FRAME, NUMBERS)
    assert np.array_equal(one.model_.theta, two.model_.theta)


# ---- encoders --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("min_count", [1, 2, 3, 5])
@pytest.mark.parametrize("seed", range(2))
def test_what_a_table_encoder_learns_counts_rows_by_their_weights(min_count, seed):
    often = np.random.default_rng(seed).integers(0, 4, N)
    options = {"min_count": min_count, "max_levels": 6, "integer_levels": 8}
    weighted = TableEncoder(**options).fit(FRAME, often)
    repeated = TableEncoder(**options).fit(FRAME.iloc[np.repeat(np.arange(N), often)])
    assert weighted.feature_names == repeated.feature_names
    np.testing.assert_allclose(weighted.transform(FRAME, float), repeated.transform(FRAME, float), rtol=1e-12)


def test_arrays_and_frames_learn_the_same_from_weights():
    X = FRAME[["area", "rooms"]].to_numpy(float)
    one, two = (TableEncoder(min_count=8).fit(part, COUNTS) for part in (X, pd.DataFrame(X, columns=["x0", "x1"])))
    assert [c.to_json() for c in one.columns] == [c.to_json() for c in two.columns]


def test_small_weights_make_no_level_rare():
    """Only what weighs more than a row counts as more than one: fractions that add up to 1 lose no category."""
    encoder = TableEncoder().fit(FRAME, UNEVEN / UNEVEN.sum())
    assert encoder.feature_names == TableEncoder().fit(FRAME).feature_names


def test_identifiers_are_recognised_by_the_rows_as_they_stand():
    table = pd.DataFrame({"row id": np.arange(N), "name": [f"name {k}" for k in range(N)], "x": UNEVEN})
    kinds = [column.kind for column in TableEncoder().fit(table, 1 + COUNTS).columns]
    assert kinds == ["identifier (dropped)", "text (dropped)", "number"]


@pytest.mark.parametrize(("encoder", "X"), [(ImageEncoder, IMAGES), (SequenceEncoder, SERIES)])
def test_what_other_encoders_learn_counts_rows_by_their_weights(encoder, X):
    weighted, repeated = encoder().fit(X, COUNTS), encoder().fit(rows_of(X, TIMES))
    for a, b in zip(weighted.transform(X[:3], float), repeated.transform(X[:3], float), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-10, atol=1e-12)
    assert encoder().fit(X, np.full(N, 0.1)).to_json() == encoder().fit(X).to_json()


@pytest.mark.parametrize("options", [{}, {"log": "auto"}, {"scale": "robust"}, {"scale": "robust", "log": True}])
@pytest.mark.parametrize("y", [NUMBERS, np.exp(NUMBERS / 100)])
def test_what_a_target_encoder_learns_counts_rows_by_their_weights(options, y):
    weighted, repeated = (TargetEncoder("regression", **options) for _ in range(2))
    weighted.fit(y, COUNTS), repeated.fit(y[TIMES])
    assert weighted.log_applied == repeated.log_applied
    np.testing.assert_allclose(weighted.transform(y, float), repeated.transform(y, float), rtol=1e-9, atol=1e-12)


def test_a_target_encoder_asks_its_own_questions_of_rows_that_count():
    y = np.array([3.0, 5.0, np.nan, 4.0])
    assert TargetEncoder("regression").fit(y, [1, 1, 0, 1]).center == pytest.approx(4)
    assert TargetEncoder().fit(["a", "b", "typo"], [2, 1, 0]).classes.tolist() == ["a", "b"]
    for weights in ([1, 2], [1, -1, 1, 1], [0] * 4, [1, np.nan, 1, 1]):
        with pytest.raises(DataError, match="weights"):
            TargetEncoder("regression").fit(np.arange(4.0), weights)
