"""What an estimator takes for its rows: whatever form they come in, the predictions are those of the frame."""

import numpy as np
import pandas as pd
import pytest

import cutaway as ct
from cutaway.errors import DataError

RANDOM = np.random.default_rng(0)
FRAME = pd.DataFrame({"p": RANDOM.normal(size=40), "q": RANDOM.normal(size=40), "zone": list("abcb") * 10})
TRUTH = np.where(FRAME.p > 0, "yes", "no")


@pytest.fixture(scope="module")
def model():
    return ct.Classifier(epochs=3).fit(FRAME, TRUTH)


@pytest.mark.parametrize("form", [
    lambda frame: frame.to_numpy(),
    lambda frame: frame.to_numpy().tolist(),
    lambda frame: frame.to_dict("records"),
    lambda frame: frame.to_records(index=False),
    lambda frame: frame.astype(str),
    lambda frame: pytest.importorskip("dask.dataframe").from_pandas(frame, npartitions=2),
], ids=["object array", "lists", "records", "named fields", "text", "dask"])
def test_rows_in_any_form_are_predicted_alike(model, form):
    np.testing.assert_array_equal(model.predict_proba(form(FRAME)), model.predict_proba(FRAME))
    learnt = ct.Classifier(epochs=3).fit(form(FRAME), TRUTH)
    np.testing.assert_array_equal(learnt.predict_proba(FRAME), model.predict_proba(FRAME))


def test_a_dask_frame_keeps_its_names():
    frame = pytest.importorskip("dask.dataframe").from_pandas(FRAME, npartitions=2)
    assert ct.Classifier(epochs=1).fit(frame, TRUTH).feature_names_in_.tolist() == ["p", "q", "zone"]


@pytest.mark.parametrize("none", [FRAME[:0], FRAME.to_numpy()[:0], []], ids=["frame", "array", "list"])
def test_no_rows_are_an_error_in_words(model, none):
    with pytest.raises(DataError, match="No rows: 0 sample"):
        model.predict(none)


def test_one_record_is_one_row(model):
    assert model.predict([FRAME.iloc[0].to_dict()]).tolist() == model.predict(FRAME[:1]).tolist()


def test_labels_written_in_another_way_are_scored_alike(model):
    grades = ct.Classifier(epochs=1).fit(FRAME, [1, 2] * 20)
    assert grades.score(FRAME, ["1.0", "2"] * 20) == grades.score(FRAME, [1, 2] * 20)


# ---- sequences of other libraries ------------------------------------------------------------------------------------

SERIES = np.sin(np.arange(30)[None, :, None] / (1 + np.arange(20) % 2)[:, None, None]) * [1.0, 2.0]
KINDS = ["slow", "fast"] * 10


@pytest.fixture(scope="module")
def of_series():
    return ct.Classifier(epochs=2).fit(SERIES, KINDS)


def test_channels_first_are_noticed(of_series):
    first = SERIES.swapaxes(1, 2)
    with pytest.warns(UserWarning, match=r"X \(20, 2, 30\) is read as .*: 2 time steps of 30 features"):
        ct.Classifier(epochs=1).fit(first, KINDS)
    with pytest.raises(DataError, match=r"training had 2.*from_array\(X, channels='first'\)"):
        of_series.predict(first)
    told = ct.Sequences.from_array(first, channels="first")
    np.testing.assert_array_equal(of_series.predict_proba(told), of_series.predict_proba(SERIES))


def test_series_nested_in_the_cells_of_a_frame_are_sequences(of_series):
    nested = pd.DataFrame({"a": [pd.Series(row[:, 0]) for row in SERIES], "b": [row[:, 1] for row in SERIES]})
    learnt = ct.Classifier(epochs=2).fit(nested, KINDS)
    assert [column.name for column in learnt.encoder_.columns] == ["a", "b"]
    np.testing.assert_array_equal(learnt.predict_proba(nested), of_series.predict_proba(SERIES))


def test_a_frame_without_columns_is_a_table_that_is_refused():
    with pytest.raises(DataError, match="no columns"):
        ct.Classifier().fit(pd.DataFrame(index=range(20)), KINDS)
