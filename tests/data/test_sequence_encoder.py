"""SequenceEncoder: scales by what the training part's time steps had, whatever the form and length of sequences."""

import copy
import json

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import cutaway as ct
from cutaway.data import SequenceEncoder
from cutaway.errors import ArgumentError, CutawayError, DataError, FileError, ShapeError

ROWS = [np.array([[1.0, 10.0], [3.0, 20.0]]), np.array([[5.0, 60.0]]), np.array([[7.0, 30.0], [9.0, 80.0], [2.0, 5.0]])]
STEPS = np.concatenate(ROWS)


def encoded(X, **arguments):
    return SequenceEncoder().fit_transform(X, dtype=np.float64, **arguments)


# --- what is learnt ---------------------------------------------------------------------------------------------------


def test_features_have_mean_0_and_deviation_1_over_all_time_steps():
    steps = np.concatenate(encoded(ROWS).rows())
    np.testing.assert_allclose(steps.mean(axis=0), 0, atol=1e-12)
    np.testing.assert_allclose(steps.std(axis=0), 1)


@given(st.floats(allow_nan=True, allow_infinity=True))
def test_padding_counts_for_nothing(padding):
    X = ct.Sequences.from_list(ROWS)
    X.values[np.arange(3) >= X.lengths[:, None]] = padding
    encoder = SequenceEncoder().fit(X)
    assert encoder.to_json() == SequenceEncoder().fit(ROWS).to_json()
    assert (encoder.transform(X).values[0, 2:] == 0).all()


def test_a_weight_counts_as_so_many_sequences():
    one, two = SequenceEncoder().fit(ROWS, weights=[1, 2, 0]), SequenceEncoder().fit([ROWS[0], ROWS[1], ROWS[1]])
    np.testing.assert_allclose([(c.mean, c.scale) for c in one.columns], [(c.mean, c.scale) for c in two.columns])


@pytest.mark.parametrize("weights", [[1, 2], [1, -1, 1], [0, 0, 0], [1, np.nan, 1]])
def test_weights_that_are_none_are_refused(weights):
    with pytest.raises(DataError, match="weights"):
        SequenceEncoder().fit(ROWS, weights)


def test_a_feature_that_never_changes_is_left_out():
    X = np.stack([np.arange(6.0).reshape(2, 3), np.full((2, 3), 4.0), np.full((2, 3), np.nan)], axis=2)
    encoder = SequenceEncoder().fit(X)
    assert encoder.feature_names == ["x0"] and encoder.transform(X).shape == (2, 3, 1)
    assert [c.how for c in encoder.columns[1:]] == [
        "left out: every time step holds 4", "left out: every time step is empty"]


def test_nothing_to_learn_from_says_so():
    with pytest.raises(DataError, match=r"No feature of the sequences can be learnt from .'x0': left out: every time"):
        SequenceEncoder().fit(np.ones((4, 5)))


@pytest.mark.parametrize("scale", [1e-320, 1e-300, 1e300])
def test_extreme_units_do_not_matter(scale):
    z = encoded(np.array([[0.0, 1.0, 2.0, 3.0]]) * scale)
    assert np.isfinite(z).all() and abs(z[0, 0, 0] + z[0, 3, 0]) < 1e-2 and z[0, 3, 0] > 1


def test_values_far_from_those_of_training_stay_finite():
    encoder = SequenceEncoder().fit(np.array([[-1.0, 1.0]]))
    assert encoder.transform(np.array([[1.7e308, -1.7e308]])).ravel().tolist() == [1e9, -1e9]


# --- gaps -------------------------------------------------------------------------------------------------------------


def test_a_gap_takes_the_value_before_it_or_the_mean():
    X = np.array([[np.nan, 0.0, np.nan, np.nan, 4.0], [np.nan, 2.0, 2.0, 2.0, 2.0]])
    z = encoded(X)
    assert z[:, :, 0].tolist() == [[0, -z[0, 4, 0], -z[0, 4, 0], -z[0, 4, 0], z[0, 4, 0]], [0, 0, 0, 0, 0]]


def test_a_feature_with_gaps_in_training_is_marked():
    X = np.array([[np.nan, 0.0, 1.0]])
    encoder = SequenceEncoder(names=["pulse"]).fit(X)
    assert encoder.feature_names == ["pulse", "pulse missing"]
    assert encoder.transform([[3.0, np.nan], [1.0]]).values[:, :, 1].tolist() == [[0, 1], [0, 0]]


def test_a_feature_without_gaps_in_training_is_filled_and_not_marked():
    encoder = SequenceEncoder().fit(np.array([[-1.0, 1.0]]))
    assert encoder.transform(np.array([[1.0, np.nan]])).tolist() == [[[1], [1]]]


def test_gaps_do_not_change_mean_and_deviation():
    (column,) = SequenceEncoder().fit(np.array([[np.nan, -1.0, np.nan, np.nan, 1.0]])).columns
    assert (column.mean, column.scale, column.gaps) == (0, 1, 3)


def test_one_value_and_gaps_teach_where_the_gaps_are():
    assert encoded(np.array([[5.0, np.nan]])).tolist() == [[[0, 0], [0, 1]]]


# --- forms of sequences -----------------------------------------------------------------------------------------------

SQUARE = np.arange(6.0).reshape(2, 3)


@pytest.mark.parametrize("X", [
    SQUARE[:, :, None],
    SQUARE.astype(np.int32),
    SQUARE.tolist(),
    list(SQUARE),
    tuple(SQUARE[:, :, None]),
    pd.DataFrame(SQUARE),
    SQUARE.astype(object),
    ct.Sequences(SQUARE[:, :, None], [3, 3]),
    ct.Sequences(SQUARE.astype(np.int64), [3, 3]),
    ct.Sequences(np.pad(SQUARE, ((0, 0), (0, 4)))[:, :, None], [3, 3]),
], ids=["n t 1", "integers", "lists", "list of rows", "tuple", "frame", "objects", "Sequences", "Sequences of integers",
        "needless padding"])
def test_sequences_of_one_length_give_an_array_in_any_form(X):
    z = SequenceEncoder().fit_transform(X)
    assert isinstance(z, np.ndarray) and z.dtype == np.float32
    np.testing.assert_array_equal(z, SequenceEncoder().fit_transform(SQUARE))


@pytest.mark.parametrize("X", [
    ROWS,
    tuple(ROWS),
    [row.tolist() for row in ROWS],
    np.array([*ROWS, None], dtype=object)[:3],
    ct.Sequences.from_list(ROWS),
    np.ma.masked_invalid(np.zeros((1, 3, 2))),
], ids=["list", "tuple", "lists", "object array", "Sequences", "masked"])
def test_sequences_of_different_lengths_give_sequences_in_any_form(X):
    encoder = SequenceEncoder().fit(ROWS)
    assert isinstance(encoder.transform(X), ct.Sequences)
    if len(X) == 3:
        np.testing.assert_array_equal(encoder.transform(X).values, encoder.transform(ROWS).values)


def test_masked_values_and_none_are_gaps():
    masked = np.ma.array([[1.0, 99.0, 3.0]], mask=[[False, True, False]])
    gap = np.array([[1.0, np.nan, 3.0]])
    np.testing.assert_array_equal(encoded(masked), encoded(gap))
    np.testing.assert_array_equal(encoded([[1.0, None, 3.0]]), encoded(gap))


def test_lengths_may_differ_after_training_on_one_length():
    encoder = SequenceEncoder().fit(np.array([[-1.0, 1.0, -1.0, 1.0]]))
    z = encoder.transform([[1.0] * 7, [1.0]])
    assert isinstance(z, ct.Sequences) and z.lengths.tolist() == [7, 1]


def test_one_length_after_training_on_different_ones_gives_sequences():
    z = SequenceEncoder().fit(ROWS).transform(np.ones((4, 2, 2)))
    assert isinstance(z, ct.Sequences) and z.lengths.tolist() == [2, 2, 2, 2]


def test_no_rows_give_no_rows():
    assert SequenceEncoder().fit(SQUARE).transform(np.zeros((0, 3))).shape == (0, 3, 1)


def test_what_is_given_is_not_changed():
    X = np.array([[np.nan, 1.0, 2.0]])
    SequenceEncoder().fit_transform(X, dtype=np.float64)
    np.testing.assert_array_equal(X, [[np.nan, 1, 2]])


# --- errors -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("X", "error", "says"), [
    ([np.array([1.0]), np.array([])], DataError, "sequence 1 has no time steps"),
    (np.zeros((3, 0)), DataError, r"shape \(3, 0\): the sequences have no time steps"),
    (np.zeros((3, 2, 0)), DataError, "the time steps have no features"),
    ([], DataError, "no sequences"),
    (np.zeros((0, 3)), DataError, "no sequences to learn from"),
    ([np.ones((2, 3)), np.ones((2, 4))], ShapeError, r"sequence 1 has shape \(2, 4\), but the first has \(2, 3\)"),
    ([1.0, 2.0], ShapeError, r"Sequence 0 has shape \(\)"),
    (np.ones(5), ShapeError, r"shape \(5,\). For a single sequence of one feature, give X.reshape\(1, -1\)"),
    (np.ones((2, 8, 8, 3)), ShapeError, r"\(n, time\) or \(n, time, features\), got shape \(2, 8, 8, 3\)"),
    ([["a", "b"], ["c"]], DataError, r"Sequence 0 \(the first is 0\) holds 'a', which is not a number"),
    (np.array([["1", "2"]]), DataError, "X holds '1', which is not a number"),
    (np.array([["2024-01-01"]], "datetime64[D]"), DataError, "not a number"),
    (np.array([[1.0, np.inf]]), DataError, r"Sequence 0, time step 1 .*'x0' is infinite"),
    ([np.ones(2), np.array([1.0, 2.0, -np.inf])], DataError, "Sequence 1, time step 2"),
], ids=lambda value: "")
def test_what_cannot_be_encoded_says_why(X, error, says):
    with pytest.raises(error, match=says):
        SequenceEncoder().fit(X)


@pytest.mark.parametrize(("X", "says"), [
    (np.ones((2, 5, 3)), "X has 3 features a time step, but training had 2: give the same features"),
    (np.ones((5, 2)), r"X has 1 feature a time step, but training had 2.*X\[None\]"),
    (np.full((1, 4, 2), np.inf), "Sequence 0, time step 0 .*'x0' is infinite"),
])
def test_sequences_unlike_those_of_training_say_why(X, says):
    with pytest.raises(DataError, match=says):
        SequenceEncoder().fit(ROWS).transform(X)


def test_lengths_beyond_the_data_are_refused():
    X = ct.Sequences.from_list(ROWS)
    X.lengths[1] = 9
    with pytest.raises(DataError, match="sequence 1 has length 9, but lengths are from 1 to 3"):
        SequenceEncoder().fit(X)


def test_names_must_fit():
    with pytest.raises(DataError, match="X has 2 features a time step, but 1 are named"):
        SequenceEncoder(names=["a"]).fit(ROWS)
    with pytest.raises(ArgumentError, match="a name of its own"):
        SequenceEncoder(names=["a", "a"])


@pytest.mark.parametrize("use", [lambda e: e.transform(ROWS), lambda e: e.to_json(), lambda e: e.describe()])
def test_an_encoder_that_has_seen_nothing_says_so(use):
    with pytest.raises(ArgumentError, match=r"call fit\(X\) first"):
        use(SequenceEncoder())


# --- for the report and the model file --------------------------------------------------------------------------------


def test_it_describes_itself():
    X = np.stack([np.arange(6.0).reshape(2, 3), np.full((2, 3), 4.0), [[1, 2, 3], [np.nan, 5, 6]]], axis=2)
    encoder = SequenceEncoder(["load", "site", "heat"]).fit(X)
    assert encoder.describe() == ("3 time steps of 3 features, scaled by the training part's mean and deviation; gaps "
                                  "filled with the value before and marked in 1 feature; left out: site")
    assert repr(encoder) == "SequenceEncoder(3 time steps of 3 features -> 3 features)"
    assert [column.kind for column in encoder.columns] == ["number", "constant (dropped)", "number"]
    assert encoder.columns[0].how == "(x - 2.5) / 1.70783" and encoder.columns[2].how.endswith("and marked")


@pytest.mark.parametrize("names", [None, ["load", "site", "heat"]])
def test_json_brings_it_back(names):
    X = np.stack([np.arange(6.0).reshape(2, 3), np.full((2, 3), 4.0), [[1, 2, 3], [np.nan, 5, 6]]], axis=2)
    encoder = SequenceEncoder(names).fit(X)
    restored = SequenceEncoder.from_json(json.loads(json.dumps(encoder.to_json(), allow_nan=False)))
    np.testing.assert_array_equal(restored.transform(X), encoder.transform(X))
    assert restored.describe() == encoder.describe() and restored.to_json() == encoder.to_json()


STATE = SequenceEncoder().fit(np.array([[[1.0, np.nan], [2.0, 3.0], [3.0, 5.0]]])).to_json()
HOSTILE = (None, True, -1, 0, 0.5, 10**400, float("nan"), float("inf"), "x", "", [], [[]], {}, [None], {"name": "x"})


@pytest.mark.parametrize("state", [*HOSTILE, {**STATE, "columns": [*STATE["columns"], STATE["columns"][0]]}],
                         ids=lambda value: str(value)[:20])
def test_what_is_no_state_is_refused(state):
    with pytest.raises(FileError, match="the sequence encoder in it is damaged"):
        SequenceEncoder.from_json(state)


@pytest.mark.parametrize("place", [*STATE, *((0, name) for name in STATE["columns"][0])], ids=str)
def test_a_damaged_entry_is_refused_or_harmless(place):
    for value in (*HOSTILE, ...):
        state = copy.deepcopy(STATE)
        entry, name = (state, place) if isinstance(place, str) else (state["columns"][0], place[1])
        entry[name] = value
        if value is ...:
            del entry[name]
        try:
            z = SequenceEncoder.from_json(state).transform(np.array([[[1.0, 2.0], [np.nan, 1e300]]]))
        except CutawayError:
            continue
        assert np.isfinite(z.values if isinstance(z, ct.Sequences) else z).all()


# ---- each sequence by itself -----------------------------------------------------------------------------------------


def test_each_sequence_is_scaled_by_its_own_mean_and_deviation():
    rows = [np.array([[1.0, 5.0], [3.0, 5.0]]), np.array([[10.0, 0.0], [np.nan, 1.0], [20.0, 2.0]])]
    encoder = SequenceEncoder(each=True).fit(rows)
    out = encoder.transform(rows, np.float64)
    root = np.sqrt(1.5)
    np.testing.assert_allclose(out.values[0, :2], [[-1, 0, 0], [1, 0, 0]])  # the second column marks gaps
    np.testing.assert_allclose(out.values[1], [[-1, 0, -root], [-1, 1, 0], [1, 0, root]], atol=1e-12)
    assert "scaled by each one's mean and deviation" in encoder.describe()
    told = "(x - mean) / deviation of each sequence, gaps filled with the value before, and marked"
    assert encoder.columns[0].how == told


def test_a_sequence_scaled_by_itself_has_the_same_bits_whatever_stands_beside_it():
    rng = np.random.default_rng(0)
    rows = [rng.standard_normal((k, 1)) * 1e5 + 1e7 for k in (400, 3, 77)]
    encoder = SequenceEncoder(each=True).fit(rows)
    together = encoder.transform(rows)
    for row, values in zip(rows, together.values, strict=True):
        assert np.array_equal(encoder.transform([row]).values[0], values[: len(row)])


def test_how_sequences_are_scaled_goes_into_a_file_and_old_files_had_one_way():
    encoder = SequenceEncoder(each=True).fit([[1.0, 2.0], [5.0, 9.0]])
    state = json.loads(json.dumps(encoder.to_json()))
    again = SequenceEncoder.from_json(state)
    assert again.each and np.array_equal(again.transform([[3.0, 4.0]]), encoder.transform([[3.0, 4.0]]))
    for column in state["columns"]:
        del column["own"]
    assert not SequenceEncoder.from_json(state).each
