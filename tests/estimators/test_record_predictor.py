"""ct.predictor(estimator): bit for bit what predict and predict_proba give for a row, of the fit it was made of."""

import copy
import pickle
from concurrent.futures import ThreadPoolExecutor
from functools import cache

import numpy as np
import pandas as pd
import pytest

import cutaway as ct
from cutaway.errors import ArgumentError, DataError
from depth import each_once

ROWS = 240
rng = np.random.default_rng(0)
TABLE = pd.DataFrame({
    "size": rng.normal(80, 30, ROWS), "rooms": rng.integers(1, 7, ROWS),
    "garden": np.where(np.arange(ROWS) % 5 == 0, np.nan, rng.random(ROWS)),
    "zone": np.array(["A", "B", None])[np.arange(ROWS) % 3], "new": rng.random(ROWS) > 0.5,
    "built": (pd.Timestamp("1990-01-01") + pd.to_timedelta(rng.integers(0, 9000, ROWS), unit="D")).astype(str),
    "same": "here",
})
SCORE = TABLE["size"] / 30 + (TABLE["zone"] == "A") + 0.1 * rng.normal(size=ROWS)
THIRDS = np.digitize(SCORE, np.quantile(SCORE, [0.3, 0.6]))
TARGETS = {
    "numbers": SCORE, "whole numbers": SCORE.round().astype(int), "large": np.exp(SCORE), "two words": np.where(
        SCORE > 3, "up", "down"), "truth": SCORE > 3, "three words": np.array(["a", "bb", "ccc"])[THIRDS],
    "objects": pd.Series(np.array(["a", "bb", "ccc"])[THIRDS], dtype=object), "class numbers": THIRDS * 10,
    "real classes": THIRDS * 1.0, "labels": np.stack([SCORE > 3, TABLE["new"]], 1).astype(int),
    "outputs": np.stack([SCORE, -SCORE, SCORE**2], 1),
}
NUMBERS = ("numbers", "whole numbers", "large", "outputs")


def fitted(target, X=TABLE, **how):
    kind = ct.Regressor if target in NUMBERS else ct.Classifier
    return kind(epochs=2, **how).fit(X, TARGETS[target])


@cache
def known(target):
    """A fitted estimator for tests that only ask it."""
    return fitted(target)


def identical(got, wanted):
    assert type(got) is type(wanted)
    assert getattr(got, "dtype", None) == getattr(wanted, "dtype", None)
    np.testing.assert_array_equal(got, wanted)


def dicts(frame):
    return frame.to_dict("records")


def tuples(frame):
    return list(frame.itertuples(index=False, name=None))


def frames(frame):
    return [frame.iloc[[i]] for i in range(len(frame))]


def polars_frames(frame):
    polars = pytest.importorskip("polars")
    whole = polars.from_pandas(frame)
    return [whole[i] for i in range(len(frame))]


def other_order(frame):
    return frames(frame[frame.columns[::-1]].assign(unknown=1))


@pytest.mark.parametrize(("target", "forms"), each_once(TARGETS, (dicts, tuples, frames)))
def test_a_record_is_what_predict_gives_for_it(target, forms):
    some, model = TABLE.iloc[:40], known(target)
    f, wanted = ct.predictor(model), model.predict(some)
    for record, row in zip(forms(some), wanted, strict=True):
        identical(f(record), row)
    if target not in NUMBERS:
        for record, row in zip(forms(some), model.predict_proba(some), strict=True):
            identical(f(record, proba=True), row)


@pytest.mark.parametrize("forms", [polars_frames, other_order], ids=lambda f: f.__name__)
def test_frames_of_one_row_of_any_make(forms):
    some, model = TABLE.iloc[:20], known("three words")
    f = ct.predictor(model)
    assert [f(record) for record in forms(some)] == model.predict(some).tolist()


def test_where_estimators_learnt_from_arrays_they_take_arrays_and_lists():
    X = rng.normal(size=(ROWS, 5))
    model = fitted("two words", X)
    f, wanted = ct.predictor(model), model.predict_proba(X[:20])
    for x, row in zip(X, wanted, strict=False):
        for record in (x, x[None], x.tolist(), tuple(x), dict(zip(["x0", "x1", "x2", "x3", "x4"], x, strict=True))):
            identical(f(record, proba=True), row)
    narrow = X[0].astype(np.float32)
    identical(f(narrow, proba=True), model.predict_proba(narrow[None])[0])


@pytest.mark.parametrize("record", [
    {"size": 3}, {**dicts(TABLE)[0], "size": "large"}, {**dicts(TABLE)[0], "size": np.inf},
    {**dicts(TABLE)[0], "new": "perhaps"}, {**dicts(TABLE)[0], "built": "soon"}, (1, 2, 3), [1, "a"],
    TABLE[["size", "zone"]].iloc[:1], np.zeros(3), np.zeros((1, 3)), {}, None,
], ids=str)
def test_what_predict_refuses_is_refused_in_its_words(record):
    model = known("numbers")
    given = record
    if isinstance(record, tuple | list) or (isinstance(record, np.ndarray) and record.ndim == 1):
        given = [list(record)]
    with pytest.raises(DataError) as words:
        model.predict(given)
    f = ct.predictor(model)
    with pytest.raises(DataError) as got:
        f(record)
    assert str(got.value) == str(words.value)
    identical(f(dicts(TABLE)[0]), model.predict(TABLE.iloc[:1])[0])


@pytest.mark.parametrize("cell", [[3.0], np.ones(1)], ids=str)
def test_a_cell_of_a_tuple_is_no_column(cell):
    f = ct.predictor(known("numbers"))
    with pytest.raises(DataError, match=f"'size', row 0 .* holds a {type(cell).__name__}: a cell must be"):
        f((cell, *tuples(TABLE)[0][1:]))


def test_several_rows_and_probabilities_of_numbers_are_refused():
    f = ct.predictor(known("numbers"))
    with pytest.raises(DataError, match=r"one record, got 2 rows: write estimator\.predict"):
        f(TABLE.iloc[:2])
    with pytest.raises(DataError, match="one record, got 2 rows"):
        f({**dicts(TABLE)[0], "zone": ["A", "B"]})
    with pytest.raises(ArgumentError, match=r"proba=True is for ct\.Classifier"):
        f(dicts(TABLE)[0], proba=True)
    with pytest.raises(ArgumentError, match=r"takes a network, ct\.Classifier or ct\.Regressor, got dict"):
        ct.predictor({})


def test_it_sees_partial_fit_and_stays_with_the_fit_that_it_was_made_of():
    model, record = fitted("numbers"), dicts(TABLE)[3]
    f = ct.predictor(model)
    model.partial_fit(TABLE, 100 * SCORE)  # the limits of predictions move too
    wanted = model.predict(TABLE)
    assert [f(r) for r in dicts(TABLE)] == wanted.tolist()
    before = f(record)
    model.fit(TABLE[["size"]], -SCORE)
    assert f(record) == before and ct.predictor(model)({"size": 3.0}) == model.predict({"size": [3.0]})[0]


@pytest.mark.parametrize("target", ["numbers", "two words", "three words", "labels"])
def test_after_a_round_trip_through_a_file(target, tmp_path):
    model = known(target)
    ct.save(model, tmp_path / "m.safetensors")
    f = ct.predictor(ct.load(tmp_path / "m.safetensors"))
    for record, row in zip(dicts(TABLE.iloc[:10]), model.predict(TABLE.iloc[:10]), strict=True):
        identical(f(record), row)


def test_outputs_that_are_not_numbers_or_close_to_each_other():
    for target in ("numbers", "two words", "three words"):
        model = fitted(target)
        f, record = ct.predictor(model), dicts(TABLE)[0]
        for value in (np.nan, 0.0, 1e-30, -1e-30, 1e-12):
            model.model_.theta[:] = 0
            model.model_.parameters()[-1].data[:] = value
            identical(f(record), model.predict(TABLE.iloc[:1])[0])


def test_threads_do_not_disturb_each_other():
    model = known("three words")
    f, records, wanted = ct.predictor(model), dicts(TABLE), model.predict(TABLE)
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(f, records)) == wanted.tolist()


def test_where_there_was_nothing_to_learn():
    with pytest.warns(UserWarning, match="constant|learn"):
        model = ct.Classifier(epochs=1).fit(TABLE[["same"]], TARGETS["two words"])
    f = ct.predictor(model)
    identical(f({"same": "here"}), model.predict(TABLE[["same"]][:1])[0])


def test_images_and_sequences_come_one_by_one():
    X, y = ct.datasets.load("digits")
    images = X.reshape(-1, 8, 8, 1)[:300]
    model = ct.Classifier(epochs=1).fit(images, y[:300])
    identical(ct.predictor(model)(images[7], proba=True), model.predict_proba(images[7:8])[0])
    X, y = ct.datasets.load("japanese_vowels", part="train")
    model = ct.Classifier(epochs=1).fit(X, y)
    f = ct.predictor(model)
    for k in (0, 50):
        identical(f(X.rows()[k], proba=True), model.predict_proba([X.rows()[k]])[0])
        identical(f(X.rows()[k]), model.predict([X.rows()[k]])[0])


def test_it_is_not_copied_or_pickled():
    f = ct.predictor(known("numbers"))
    for way in (pickle.dumps, copy.deepcopy):
        with pytest.raises(ArgumentError, match=r"call ct\.predictor"):
            way(f)
    assert repr(f) == "RecordPredictor(Regressor, one row at a time)"
