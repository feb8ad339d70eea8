"""ct.predictor(estimator).stream(): row by row what predict gives for the sequence so far, to the last bit."""

import json

import numpy as np
import pytest

import cutaway as ct
from cutaway.errors import ArgumentError, DataError

rng = np.random.default_rng(0)
X = rng.normal(size=(40, 8, 3))
X[rng.random(X.shape) < 0.1] = np.nan
X[:, :, 2] = 4.0  # says nothing
Y = np.where(np.nan_to_num(X[:, :, 0]).sum(axis=1) > 0, "up", "down")
ONE_WAY = {"cell": "gru", "bidirectional": False}


@pytest.fixture(scope="module")
def models():
    how = {"epochs": 2, "threads": 1, "validation": None}
    return {
        "two classes": ct.Classifier(ONE_WAY, **how).fit(X, Y),
        "three classes": ct.Classifier(ONE_WAY | {"cell": "lstm"}, **how).fit(X, np.arange(40) % 3),
        "numbers": ct.Regressor(ONE_WAY | {"cell": "rnn"}, **how).fit(X, np.arange(40.0)),
    }


@pytest.mark.parametrize("which", ["two classes", "three classes", "numbers"])
def test_each_answer_is_that_of_the_rows_so_far(models, which):
    model = models[which]
    stream = ct.predictor(model).stream()
    for i, row in enumerate(X[0]):
        given = row if i % 2 else [None if np.isnan(v) else v for v in row]
        got = stream.add(given)
        assert got == model.predict(X[:1, : i + 1])[0] and stream.steps == i + 1


def test_probabilities_too(models):
    model = models["three classes"]
    stream = ct.predictor(model).stream()
    for i, row in enumerate(X[1]):
        np.testing.assert_array_equal(stream.add(row, proba=True), model.predict_proba(X[1:2, : i + 1])[0])


def test_a_state_goes_through_json_with_the_last_known_values(models):
    ask = ct.predictor(models["two classes"])
    one, two = ask.stream(), ask.stream()
    one.add([1.5, float("nan"), 4.0])
    one.add([float("nan"), 2.0, 4.0])
    state = json.loads(json.dumps(one.state))
    assert state["last"] == [1.5, 2.0, 4.0] and state["steps"] == 2
    two.state = state
    np.testing.assert_array_equal(one.add([None] * 3, proba=True), two.add([None] * 3, proba=True))
    with pytest.raises(ArgumentError, match="last of a state"):
        two.state = state | {"last": [1.0]}
    one.reset()
    assert one.state["last"] == [None] * 3 and one.steps == 0


def test_rows_by_name():
    series = [{"id": k, "t": t, "heat": float(t * k), "load": float(t - k)} for k in range(30) for t in range(4)]
    table = {name: [row[name] for row in series] for name in series[0]}
    data = ct.data.from_long_table(table, "id", "t")
    model = ct.Regressor(ONE_WAY, epochs=1).fit(data, np.arange(30.0))
    stream = ct.predictor(model).stream()
    assert stream.add({"load": 1.0, "heat": 2.0, "more": 0}) == model.predict([np.array([[2.0, 1.0]])])[0]
    with pytest.raises(DataError, match="lacks 'load'"):
        stream.add({"heat": 2.0})
    assert stream.steps == 1


@pytest.mark.parametrize(("row", "says"), [([1.0, 2.0], "3 numbers, one of each feature, got 2"),
                                           (["x", 1, 2], "is no number"), ([np.inf, 1, 2], "is infinite")])
def test_a_row_that_cannot_be_is_refused_and_changes_nothing(models, row, says):
    stream = ct.predictor(models["numbers"]).stream()
    stream.add(X[0, 0])
    before = stream.state
    with pytest.raises(DataError, match=says):
        stream.add(row)
    assert stream.state == before


def test_what_reads_both_ways_is_refused_and_served_by_a_window():
    model = ct.Classifier(epochs=1, validation=None).fit(X, Y)
    with pytest.raises(ArgumentError, match=r"reads both ways.*\"bidirectional\": False.*stream\(window=50\)"):
        ct.predictor(model).stream()
    stream = ct.predictor(model).stream(window=3)
    for i, row in enumerate(X[2]):
        assert stream.add(row) == model.predict(X[2:3, max(0, i - 2) : i + 1])[0]
    np.testing.assert_array_equal(stream.add(X[2, 0], proba=True),
                                  model.predict_proba(np.concatenate([X[2, -2:], X[2, :1]])[None])[0])


def test_series_that_are_scaled_each_by_itself_are_refused(models):
    model = ct.Classifier(ONE_WAY, epochs=1, validation=None).fit(X, Y)
    model.encoder_.each = True
    with pytest.raises(ArgumentError, match=r"own mean and deviation.*stream\(window=50\)"):
        ct.predictor(model).stream()


def test_rows_of_a_table_are_no_stream():
    model = ct.Regressor(epochs=1).fit({"a": np.arange(20.0)}, np.arange(20.0))
    with pytest.raises(ArgumentError, match="rows of a table, which stand alone"):
        ct.predictor(model).stream()


def test_it_sees_what_partial_fit_learns(models):
    model = ct.Classifier(ONE_WAY, epochs=1, validation=None).fit(X, Y)
    stream = ct.predictor(model).stream()
    before = stream.add(X[0, 0], proba=True)
    model.partial_fit(X, Y)
    stream.reset()
    after = stream.add(X[0, 0], proba=True)
    assert not np.array_equal(before, after)
    np.testing.assert_array_equal(after, model.predict_proba(X[:1, :1])[0])
