"""Tables are encoded in pieces, and large ones by two threads: the numbers are those of the whole."""

import numpy as np
import pandas as pd
import pytest

import cutaway as ct
from cutaway.cli.answers import answers
from cutaway.data import TableEncoder, encoder
from cutaway.errors import DataError
from cutaway.estimators import baseline

RNG = np.random.default_rng(0)
N = 3000
FRAME = pd.DataFrame({
    "x": np.where(RNG.random(N) < 0.1, np.nan, RNG.normal(size=N)), "n": RNG.integers(0, 5, N),
    "zone": RNG.choice(["a", "b", "c", None], N), "yes": RNG.choice([True, False], N),
    "day": pd.date_range("2020-01-01", periods=N).strftime("%Y-%m-%d").where(RNG.random(N) > 0.1),
    "moment": pd.date_range("2020-01-01", periods=N, freq="h"), "kept": ["same day"] * N,
    "often": RNG.choice(["2021-05-01", "2022-06-02", "?"], N),
})


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_pieces_and_threads_change_no_number(monkeypatch, dtype):
    whole = TableEncoder(min_count=5, integer_levels=9).fit(FRAME)
    expected = whole.transform(FRAME, dtype)
    monkeypatch.setattr(encoder, "BLOCK", 300)
    monkeypatch.setattr(encoder, "LARGE", 1)
    pieces = TableEncoder(min_count=5, integer_levels=9).fit(FRAME)
    assert pieces.to_json() == whole.to_json()
    np.testing.assert_array_equal(pieces.transform(FRAME, dtype), expected)
    one = np.concatenate([whole.transform(FRAME.iloc[i : i + 1], dtype) for i in range(40)])
    np.testing.assert_array_equal(one, expected[:40])


@pytest.mark.parametrize("classes", [False, True])
def test_answers_of_pieces_are_those_of_all_rows(monkeypatch, classes):
    X, y = FRAME[["x", "zone", "n"]], FRAME["n"] + FRAME["x"].fillna(0)
    y = np.where(y > 2, "high", "low") if classes else y
    model = (ct.Classifier if classes else ct.Regressor)(epochs=1).fit(X, y)
    linear = baseline(X, y, like=model)
    expected = [(one.predict(X), one.predict_proba(X) if classes else None) for one in (model, linear)]
    monkeypatch.setattr("cutaway.cli.answers.ROWS", 700)
    for (predicted, p), (said, q) in zip(answers([model, linear], X, classes), expected, strict=True):
        if classes:
            np.testing.assert_allclose(p, q, rtol=1e-5, atol=1e-6)
            assert (predicted == said).mean() > 0.999
        else:
            np.testing.assert_allclose(predicted, said, rtol=1e-4, atol=1e-5)


def test_messages_number_the_rows_of_all_pieces(monkeypatch):
    X = FRAME[["x", "n"]]
    model = ct.Regressor(epochs=1).fit(X, FRAME["n"])
    monkeypatch.setattr("cutaway.cli.answers.ROWS", 700)
    with pytest.raises(DataError, match="row 2500 "):
        answers([model], X.assign(n=np.where(np.arange(N) == 2500, np.inf, 1.0)), False)
