"""TargetEncoder: decides the task, and brings predictions back to the target's own unit and classes."""

import json

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from cutaway.data import TargetEncoder, drop_missing
from cutaway.errors import ArgumentError, DataError


def through_json(target):
    return TargetEncoder.from_json(json.loads(json.dumps(target.to_json())))


@pytest.mark.parametrize(("y", "task"), [
    (np.linspace(0, 1, 9), "regression"),
    ([0.5, 1.5] * 4, "regression"),
    (range(100), "regression"),
    ([215000, 105000, 172000], "regression"),
    ([f"{i}" for i in range(100)], "regression"),
    ([0, 1, 1, 0], "binary"),
    ([-1.0, 1.0], "binary"),
    ([True, False], "binary"),
    (["yes", "no", "no"], "binary"),
    (pl.Series(["a", "b"]), "binary"),
    ([0, 1, 2] * 3, "multiclass"),
    (pd.Series(["a", "b", "c"], dtype="category"), "multiclass"),
    (pd.array([3, 4, 5] * 2, dtype="Int64"), "multiclass"),
    (["a", 1, 2.5], "multiclass"),
    ([[0, 1], [1, 1]], "multilabel"),
    (pd.DataFrame({"cat": [1, 0], "dog": [1, 1]}), "multilabel"),
    ([[0.5, 1], [1, 2]], "multi-output regression"),
    ([[0], [1]], "binary"),
])
def test_the_task_follows_from_the_target(y, task):
    target = TargetEncoder().fit(y)
    assert target.task == task
    assert target.reason


@pytest.mark.parametrize("labels", [["b", "a", "c"], [7, 3, 5], [True, False, True], [2.0, 1.0, 3.0], ["a", 1, 2.5]])
def test_classes_of_any_type_come_back_as_they_were(labels):
    y = np.array(labels * 4, dtype=object) if "a" in labels and 1 in labels else np.array(labels * 4)
    target = TargetEncoder().fit(y)
    for encoder in (target, through_json(target)):
        codes = encoder.transform(y)
        assert codes.dtype == (np.float32 if encoder.task == "binary" else np.int32)
        back = encoder.inverse(codes.astype(int))
        assert back.tolist() == y.tolist()
        assert back.dtype == y.dtype


def test_probabilities_become_classes():
    assert TargetEncoder().fit(["no", "yes"]).inverse([0.2, 0.5, 0.9]).tolist() == ["no", "yes", "yes"]
    assert TargetEncoder().fit(["no", "yes"]).inverse([[0.2], [0.9]]).tolist() == ["no", "yes"]
    assert TargetEncoder().fit(["a", "b", "c"]).inverse([[0.2, 0.1, 0.7]]).tolist() == ["c"]
    assert TargetEncoder().fit([[0, 1], [1, 1]]).inverse([[0.2, 0.7]]).tolist() == [[0, 1]]


def test_outputs_are_counted_and_named():
    assert TargetEncoder().fit(["a", "b", "c"]).n_outputs == 3
    assert TargetEncoder().fit(["a", "b"]).n_outputs == 1
    both = TargetEncoder().fit(pd.DataFrame({"price": [1.5, 2, 3], "rent": [4, 5, 6]}))
    assert (both.n_outputs, both.names) == (2, ["price", "rent"])
    assert TargetEncoder().fit(pd.Series([1.5, 2.0], name="price")).names == ["price"]


def test_regression_targets_are_scaled_as_asked():
    y = np.array([1.0, 2.0, 3.0, 4.0, 100.0])
    scaled = {how: TargetEncoder(scale=how).fit_transform(y, dtype=np.float64) for how in ("standard", "robust", None)}
    np.testing.assert_allclose(scaled["standard"], (y - y.mean()) / y.std())
    np.testing.assert_allclose(scaled["robust"], (y - 3) / 2)
    np.testing.assert_array_equal(scaled[None], y)
    np.testing.assert_allclose(TargetEncoder(log=True, scale=None).fit_transform(y), np.log(y), rtol=1e-6)


def test_weights_move_mean_and_deviation_like_repeated_rows():
    y, weights = np.array([1.0, 2.0, 5.0]), np.array([1, 4, 2])
    weighted = TargetEncoder("regression").fit(y, weights)
    repeated = TargetEncoder("regression").fit(np.repeat(y, weights))
    np.testing.assert_allclose((weighted.center, weighted.spread), (repeated.center, repeated.spread))


def test_auto_takes_the_logarithm_of_skewed_positive_targets_only():
    normal = np.random.default_rng(0).normal(size=500)
    assert TargetEncoder(log="auto").fit(np.exp(normal)).log_applied
    assert not TargetEncoder(log="auto").fit(normal + 10).log_applied
    assert not TargetEncoder(log="auto").fit(np.exp(normal) - 0.5).log_applied


@given(
    hnp.arrays(np.float64, st.tuples(st.integers(5, 20), st.integers(1, 3)), elements=st.floats(0.01, 1e6)),
    st.sampled_from(["standard", "robust", None]),
    st.booleans(),
)
def test_predictions_return_to_the_unit_of_the_target(y, scale, log):
    y[:2] = [[2.5], [7.5]]
    target = TargetEncoder("multi-output regression" if y.shape[1] > 1 else "regression", scale=scale, log=log).fit(y)
    again = through_json(target)
    scaled = target.transform(y, dtype=np.float64)
    assert scaled.tobytes() == again.transform(y, dtype=np.float64).tobytes()
    np.testing.assert_allclose(again.inverse(scaled), y.squeeze() if y.shape[1] == 1 else y, rtol=1e-9, atol=1e-8)


@pytest.mark.parametrize(("y", "task", "says"), [
    ([1.5, 1.5, 1.5], "regression", "1.5 in every row"),
    ([[1, 2.5], [3, 2.5]], None, "'y1' is 2.5 in every row"),
    (["a", "a"], None, "Every row of the target is 'a'"),
    ([np.nan, np.nan], None, "empty in every row"),
    ([1, None, 3, None], None, r"missing \(NaN\) in 2 of 4 rows \(rows 1, 3; .*drop_missing"),
    (["a", None, "b"], None, r"rows 1;"),
    ([1.0, np.inf, 3.0], None, "row 1, is infinity"),
    (["1", "two"], "regression", "row 1: 'two' is not a number"),
    ([f"a{i}" for i in range(50)], None, "All 50 rows of the target differ"),
    ([1, 2, 3], "binary", "two classes, this one 3"),
    ([1, 2, 3], "multilabel", r"shape \(3,\), but multilabel takes \(n, k\)"),
    ([[1, 2], [3, 4]], "regression", r"regression takes \(n,\)"),
    ([[0, 1], [2, 1]], "multilabel", "row 1, column 'y0': 2 is neither 0 nor 1"),
    (np.array(["2020-01-01"], dtype="M8[D]"), None, "dates"),
    (np.array([1j, 2]), None, "Complex data not supported"),
    ([], None, r"shape \(0,\)"),
    ("price", None, r"text 'price': give its values, such as y = X.pop"),
])
def test_targets_that_cannot_be_learnt_say_why(y, task, says):
    with pytest.raises(DataError, match=says):
        TargetEncoder(task).fit(y)


def test_a_logarithm_of_zero_is_refused_with_its_row():
    with pytest.raises(DataError, match="row 2, is 0: a logarithm needs positive"):
        TargetEncoder(log=True).fit([1.0, 2.5, 0.0])


def test_a_class_of_one_row_is_allowed_and_reported():
    assert TargetEncoder().fit(["a", "a", "b"]).notes == [
        "a single row has class 'b': it can be learnt or tested, not both"
    ]
    assert TargetEncoder().fit(["a", "a", "b", "b"]).notes == []


def test_an_unseen_class_is_named():
    with pytest.raises(DataError, match="row 1: class 'c' was not in training, which had 'a', 'b'"):
        TargetEncoder().fit(["a", "b"]).transform(["a", "c"])


@pytest.mark.parametrize(("classes", "scored", "strange"), [
    ([0, 1], [1, "7"], "'7'"),
    (["no", "yes"], ["yes", 7], "7"),
])
def test_text_among_numbers_and_numbers_among_text_are_no_unknown_class(classes, scored, strange):
    target = TargetEncoder().fit(classes)
    with pytest.raises(DataError, match=f"row 1: class {strange} was not in training"):
        target.known(np.array(scored, object))


def test_a_class_of_the_same_sort_that_is_unknown_stays():
    assert TargetEncoder().fit([0, 1]).known(np.array([1, 2])).tolist() == [1, 2]


def test_labels_that_a_file_cannot_hold_are_refused_when_it_is_written():
    with pytest.raises(DataError, match="is a tuple: only text, numbers and booleans"):
        TargetEncoder().fit(pd.Series([(1, 2), (3, 4)])).to_json()


@pytest.mark.parametrize("shape", [(3, 2), (3, 4), (2, 2, 2)])
def test_predictions_of_another_shape_are_refused(shape):
    with pytest.raises(DataError, match=r"shape \(n, 3\), not"):
        TargetEncoder().fit(["a", "b", "c"]).inverse(np.zeros(shape))


@pytest.mark.parametrize("wrong", [{"task": "ranking"}, {"scale": "minmax"}, {"log": "yes"}])
def test_unknown_choices_are_refused(wrong):
    with pytest.raises(ArgumentError, match="choose"):
        TargetEncoder(**wrong)


def test_drop_missing_keeps_rows_together():
    X = pd.DataFrame({"a": [1, 2, 3, 4]})
    X_kept, y, weights, groups, kept = drop_missing(X, pd.Series(["u", None, "v", None]), np.arange(4), [*"abcd"])
    assert X_kept["a"].tolist() == [1, 3]
    assert (list(y), weights.tolist(), groups, kept.tolist()) == (["u", "v"], [0, 2], ["a", "c"], [0, 2])
