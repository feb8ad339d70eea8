"""Wide tables: a row a series, a column a step, groups of columns the sensors; and labels of each row of a long one."""

import numpy as np
import pandas as pd
import pytest

import cutaway as ct
from cutaway.data import from_long_table, from_wide_table
from cutaway.errors import ArgumentError, DataError

WIDE = {"kind": ["u", "d"], "heat_1": [1.0, 4.0], "load_1": [7.0, 1.0], "heat_10": [3.0, 6.0], "heat_2": [2.0, 5.0],
        "load_2": [8.0, np.nan], "load_10": [9.0, 3.0]}


def test_sensors_and_steps_are_told_by_the_names():
    series = from_wide_table(WIDE, target="kind")
    assert series.features == ["heat", "load"] and series.y.tolist() == ["u", "d"]
    np.testing.assert_array_equal(series.X, [[[1, 7], [2, 8], [3, 9]], [[4, 1], [5, np.nan], [6, 3]]])
    assert series.notes == ["each row is a series: 3 steps, heat_1 to heat_10, of each of heat, load",
                            "1 value missing of 12"]


@pytest.mark.parametrize("names", [["1", "2", "3"], ["t0", "t1", "t2"], ["x 1", "x 2", "x 3"],
                                   ["day.01", "day.02", "day.3"]])
def test_one_sensor_by_any_names_that_end_in_numbers(names):
    series = from_wide_table(dict(zip(names, [[1.0], [2.0], [3.0]], strict=True)))
    assert series.X[0, :, 0].tolist() == [1, 2, 3] and len(series.features) == 1


def test_rows_that_end_in_gaps_are_shorter():
    table = {"t1": [1.0, np.nan, 3.0], "t2": [1.0, 2.0, np.nan], "t3": [1.0, np.nan, np.nan], "who": list("abc")}
    series = from_wide_table(table, id="who")
    assert series.X.lengths.tolist() == [3, 2, 1] and series.ids.tolist() == ["a", "b", "c"]
    assert "2 series end earlier, in gaps" in series.notes and "1 value missing of 6" in series.notes


def test_features_leave_other_columns_out():
    assert from_wide_table(WIDE, features="load").X[0, :, 0].tolist() == [7, 8, 9]
    assert from_wide_table(WIDE, features=["load", "heat"]).X[0, 0].tolist() == [7, 1]


@pytest.mark.parametrize(("change", "how", "kind", "says"), [
    ({}, {}, DataError, "'kind' is no step of a series"),
    ({}, {"target": "kin"}, ArgumentError, "target names 'kin'"),
    ({"cold_1": [1, 2]}, {"target": "kind"}, DataError, "'cold' has 1 step"),
    ({"load_11": [1, 2]}, {"target": "kind"}, DataError, "'load' has a step 11, 'heat' has none"),
    ({"heat_02": [1, 2]}, {"target": "kind"}, DataError, "'heat_2' and 'heat_02' are one step"),
    ({"heat_2": ["a", "b"]}, {"target": "kind"}, DataError, "'heat_2'.*is not a number"),
    ({}, {"features": ["cold"]}, DataError, "no steps of cold: their names would be cold_1"),
])
def test_what_is_no_wide_table_is_refused_in_words(change, how, kind, says):
    with pytest.raises(kind, match=says):
        from_wide_table(WIDE | change, **how)


def test_a_row_without_numbers_is_refused():
    with pytest.raises(DataError, match=r"Row 1 .*no number in any of its steps"):
        from_wide_table({"t1": [1.0, None], "t2": [1.0, None], "t3": [1.0, None]})


# ---- labels of each row ----------------------------------------------------------------------------------------------

LONG = pd.DataFrame({"who": ["b", "a", "b", "a", "b"], "t": [2, 1, 1, 2, 3], "x": [20.0, 1.0, 10.0, 2.0, 30.0],
                     "act": ["run", "sit", "sit", "run", None]})


def test_each_row_is_the_rows_of_its_id_up_to_it_in_the_frames_order():
    series = from_long_table(LONG, "who", "t", target="act", window=2)
    assert [row[:, 0].tolist() for row in series.X.rows()] == [[10, 20], [1], [10], [1, 2], [20, 30]]
    assert series.y.tolist()[:4] == ["run", "sit", "sit", "run"] and series.ids.tolist() == ["b", "a", "b", "a", "b"]
    assert "1 row without a target" in series.notes


def test_no_window_sees_a_later_row_or_another_id():
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"who": rng.integers(0, 5, 80), "t": rng.permutation(80), "x": np.arange(80.0), "act": 0})
    before = from_long_table(frame, "who", "t", ["x"], "act", window=4).X
    for row in range(0, 80, 7):
        mine = (frame["who"] == frame["who"][row]) & (frame["t"] <= frame["t"][row])
        wanted = frame[mine].sort_values("t")["x"].to_numpy()[-4:]
        assert before.rows()[row][:, 0].tolist() == wanted.tolist()


def test_without_a_window_the_error_says_so():
    with pytest.raises(DataError, match=r"one of each row.*window=24"):
        from_long_table(LONG, "who", "t", target="act")


def test_a_label_of_each_row_is_learnt_end_to_end():
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"who": np.repeat(np.arange(30), 8), "t": np.tile(np.arange(8), 30)})
    frame["x"] = rng.normal(size=240)
    frame["act"] = np.where(frame.groupby("who")["x"].cumsum() > 0, "up", "down")
    series = from_long_table(frame, "who", "t", target="act", window=8)
    model = ct.Classifier(epochs=40, random_state=0).fit(series.X, series.y, groups=series.ids)
    assert model.score(series.X, series.y) > 0.9
