"""Series: .ts files and long tables become sequences; what is wrong with them is named by line, row and column."""

import contextlib
import gzip

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import cutaway as ct
from cutaway.data import from_long_table, read_ts
from cutaway.errors import ArgumentError, DataError

HEADER = "@problemName demo\n@univariate false\n@classLabel true a b\n@data\n"


@pytest.fixture
def ts(tmp_path):
    """Write text or bytes into a .ts file, and read it."""

    def read(content, name="demo.ts"):
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return read_ts(path)

    return read


# --- .ts files --------------------------------------------------------------------------------------------------------


def test_sequences_of_one_length_are_an_array_time_before_features(ts):
    X, y = ts(HEADER + "1,2,3:4,5,6:a\n7,8,9:0,0,1:b\n")
    assert X.tolist() == [[[1, 4], [2, 5], [3, 6]], [[7, 0], [8, 0], [9, 1]]]
    assert y.tolist() == ["a", "b"]


def test_sequences_of_different_lengths_are_padded(ts):
    X, _ = ts(HEADER + "1,2,3:4,5,6:a\n7:0:b\n")
    assert isinstance(X, ct.Sequences)
    assert X.lengths.tolist() == [3, 1] and X.values[1].tolist() == [[7, 0], [0, 0], [0, 0]]


@pytest.mark.parametrize("gap", ["?", "NaN", "nan", " ? "])
def test_gaps_are_nan_and_noted(ts, gap):
    series = ts(HEADER + f"1,{gap}:3,4:a\n")
    np.testing.assert_array_equal(series.X, [[[1, 3], [np.nan, 4]]])
    assert series.notes == ["1 value missing of 4"]


@pytest.mark.parametrize(("header", "rows", "y"), [
    ("@classLabel true up down", "1,2:up\n3,4:down", ["up", "down"]),
    ("@classLabel true", "1,2:up\n3,4:down", ["up", "down"]),
    ("@targetLabel true", "1,2:0.5\n3,4:-2e3", [0.5, -2000.0]),
    ("@classLabel true up down", "1,2:up\n3,4:?", ["up", None]),
], ids=["classes", "classes not listed", "numbers", "a gap"])
def test_labels(ts, header, rows, y):
    series = ts(f"@univariate true\n{header}\n@data\n{rows}\n")
    assert series.y.tolist() == y
    assert series.notes == ["1 sequence without a label"] * (None in y)


@pytest.mark.parametrize("header", ["", "@classLabel false\n"])
def test_files_without_labels_have_no_target(ts, header):
    assert ts(f"@univariate true\n{header}@data\n1,2\n").y is None


def test_comments_empty_lines_and_case_do_not_matter(ts):
    lines = ["\ufeff# about", "@PROBLEMNAME my demo", "", "@classlabel TRUE a", "@Data", "# half", " 1,2:a", ""]
    series = ts("\r\n".join(lines))
    assert repr(series) == "my demo: 1 sequence, 2 time steps of 1 feature, 1 label"


def test_a_gzipped_file_is_read_and_names_itself(ts):
    assert ts(gzip.compress(b"@classLabel true\n@data\n1,2:a\n"), "power_train.ts.gz").name == "power_train"


@given(values=st.lists(st.lists(st.floats(allow_nan=True, allow_infinity=False), min_size=4, max_size=4), min_size=1))
def test_what_is_written_is_what_is_read(tmp_path_factory, values):
    path = tmp_path_factory.getbasetemp() / "round.ts"
    lines = [",".join(map(repr, row[:2])) + ":" + ",".join(map(repr, row[2:])) for row in values]
    path.write_text("@univariate false\n@dimensions 2\n@classLabel false\n@data\n" + "\n".join(lines) + "\n")
    np.testing.assert_array_equal(read_ts(path).X, np.array(values).reshape(-1, 2, 2).swapaxes(1, 2))


@pytest.mark.parametrize(("rows", "says"), [
    ("1,2:3,4:a\n1,2:3,4", "line 6: 2 parts between colons where 2 dimensions and a label belong, 3: is the line cut"),
    ("1,2:3,4:a\n1,2:3,4:5,6:b", "line 6: 4 parts between colons where 2 dimensions and a label"),
    ("1,2:3,4,5:a", "line 5, dimension 2: 3 values, but dimension 1 has 2"),
    ("1,2:3,x:a", "line 5, dimension 2, value 2: 'x' where a number, or . for a gap, belongs"),
    ("1,:3,4:a", "line 5, dimension 1, value 2: nothing where a number"),
    (":3,4:a", "line 5, dimension 1, value 1: nothing where a number"),
    ("1,1_000:3,4:a", "line 5, dimension 1, value 2: '1_000' where a number"),
    ("1,inf:3,4:a", "line 5, dimension 1, value 2: 'inf' is infinite"),
    ("1,2:3,4:c", "line 5: the label, behind the last colon, is 'c', but @classLabel lists a, b"),
    ("(2020-01-01,1),(2020-01-02,2):3,4:a", "line 5: pairs of a time stamp and a value: say @timeStamps true"),
    ("@dimensions 2", "line 5, dimension 1, value 1: '@dimensions 2'|line 5: 1 part"),
    ("", "no sequences under @data"),
])
def test_a_bad_row_is_named_by_its_line(ts, rows, says):
    with pytest.raises(DataError, match=says) as error:
        ts(HEADER + rows + "\n")
    assert "demo.ts" in str(error.value)


TIMED = HEADER.replace("@class", "@timeStamps true\n@class")


@pytest.mark.parametrize("times", [("0", "0.1", "0.2"), ("2024-01-31", "2024-02-01", "2024-02-02"),
                                   ("2024-01-31 23:59:00", "2024-02-01 00:00:00", "2024-02-01 00:01:00")],
                         ids=["numbers", "days", "minutes"])
def test_evenly_spaced_time_stamps_are_left_out(ts, times):
    row = ",".join(f"({t}, {v})" for t, v in zip(times, ("1", "?", "3"), strict=True))
    series = ts(TIMED + f"{row}:{row}:a\n(5,7):(6,8):b\n")
    np.testing.assert_array_equal(series.X.values[0], [[1, 1], [np.nan, np.nan], [3, 3]])
    assert series.X.values[1, 0].tolist() == [7, 8] and series.y.tolist() == ["a", "b"]
    assert series.notes[0] == "evenly spaced time stamps are left out"


@pytest.mark.parametrize(("row", "says"), [
    ("(0,1),(1,2),(3,4):(0,1),(1,2),(2,3):a", "line 6, dimension 1: .* not evenly spaced: '3' follows '1'"),
    ("(0,1),(1,2):(1,1),(1,2):a", "line 6, dimension 2: time stamps do not rise"),
    ("(noon,1),(1,2):(0,1),(1,2):a", "dimension 1: a time stamp is neither a number nor a date"),
    ("(0,1),2:(0,1),(1,2):a", "dimension 1: '1,2' where pairs of a time stamp and a value belong"),
    ("1,2:3,4:a", "dimension 1: '1,2' where pairs"),
    ("(0,1),(1,2:(0,1),(1,2):a", "where pairs"),
])
def test_time_stamps_that_are_none_or_uneven_are_refused(ts, row, says):
    with pytest.raises(DataError, match=says):
        ts(TIMED + row + "\n")


@pytest.mark.parametrize(("header", "says"), [
    ("1,2,3\n", "line 1: '1,2,3' where a header line like '@univariate true' belongs: this is no .ts file"),
    ("@univariate true\n1,2\n", "line 2: '1,2' where a header line .* the line @data is missing"),
    ("@univariate true\n", "no line @data"),
    ("", "no line @data"),
    ("@univariat true\n@data\n", "line 1: @univariat is no header line of a .ts file: did you mean @univariate"),
    ("@frequency daily\n@data\n", "line 1: @frequency is no header line.*there are @problemName"),
    ("@relation power\n@data\n", "line 1: @relation belongs to an .arff file"),
    ("@missing maybe\n@univariate yes\n@data\n1\n", "line 2: @univariate is followed by true or false, not 'yes'"),
    ("@dimensions -3\n@data\n1\n", "line 1: @dimensions is followed by a whole number above 0, not '-3'"),
    ("@dimensions 99999999999999\n@data\n1\n", "line 1: @dimensions is followed by a whole number"),
    ("@univariate true\n@dimensions 3\n@data\n1\n", "line 2: 3 dimensions, but the header says @univariate true"),
    ("@timeStamps true\n@data\n0,1\n", "line 3, dimension 1: '0,1' where pairs of a time stamp and a value belong"),
    ("@missing true\n@missing true\n@data\n", "line 2: @missing stands twice"),
    ("@classLabel true a\n@targetLabel true\n@data\n", "line 2: labels are classes or numbers"),
    ("@equalLength true\n@seriesLength 3\n@data\n1,2\n", "line 4: 2 time steps, but the header says @seriesLength 3"),
    ("@univariate true\n@data\n1,2:a\n", "line 3: 2 parts .* 1 dimension and no label belong, 1: add @classLabel true"),
    ("@targetLabel true\n@data\n1,2:high\n", "line 3: the target, behind the last colon, is 'high', not a finite"),
    ("@classLabel true\n@data\n1,2:" + "x" * 1000, "line 3: the label, behind the last colon, has 1,000 characters"),
])
def test_a_bad_header_is_named_by_its_line(ts, header, says):
    with pytest.raises(DataError, match=says):
        ts(header)


def test_gaps_that_the_header_denies_are_noted(ts):
    series = ts("@missing false\n@univariate true\n@data\n1,?\n")
    assert series.notes == ["1 value missing of 2, though the header says @missing false"]


@pytest.mark.parametrize(("content", "says"), [
    (gzip.compress(b"@univariate true\n@data\n" + b"1,2\n" * 1000, mtime=0)[:-12], "cannot be read"),
    (np.random.default_rng(0).bytes(5000), "line 1: .* this is no .ts file"),
    (b"PK\x03\x04" + bytes(100), "line 1: .* this is no .ts file"),
])
def test_what_is_no_ts_file_says_so(ts, content, says):
    with pytest.raises(DataError, match=says):
        ts(content)


def test_missing_files_and_folders_are_named(tmp_path):
    with pytest.raises(DataError, match=r"no file .*nowhere\.ts"):
        read_ts(tmp_path / "nowhere.ts")
    with pytest.raises(DataError, match="is a folder"):
        read_ts(tmp_path)


@given(st.binary(max_size=300))
def test_any_bytes_give_a_series_or_a_data_error(tmp_path_factory, content):
    path = tmp_path_factory.getbasetemp() / "any.ts"
    for head in (b"", HEADER.encode()):
        path.write_bytes(head + content)
        with contextlib.suppress(DataError):
            assert len(read_ts(path)) > 0


def test_a_long_line_is_not_read_whole(ts, monkeypatch):
    monkeypatch.setattr("cutaway.data.ts_files.LONGEST_LINE", 1000)
    with pytest.raises(DataError, match="line 3: the line has more than 1,000 characters"):
        ts("@univariate true\n@data\n" + "1," * 600 + "1\n")


def test_a_file_of_too_many_values_is_not_read_on(ts, monkeypatch):
    monkeypatch.setattr("cutaway.data.ts_files.MOST_VALUES", 10)
    with pytest.raises(DataError, match="line 8: the file holds more than 10 values"):
        ts("@univariate true\n@data\n" + "1,2\n" * 1000)


def test_padding_out_of_proportion_is_refused(ts, monkeypatch):
    monkeypatch.setattr("cutaway.data.series.MOST_PADDED", 1000)
    rows = ["1"] * 500 + [",".join(["1"] * 400)]
    with pytest.raises(DataError, match=r"sequence 500 \(.*\) has 400 time steps, half .* at most 1: padded"):
        ts("@univariate true\n@data\n" + "\n".join(rows) + "\n")


@pytest.mark.parametrize(("header", "says"), [
    ("@equalLength true", "line 5: 2 time steps, but the header says @equalLength true, and the first sequence has 3"),
    ("@equalLength true\n@seriesLength 3", "line 6: 2 time steps, but the header says @seriesLength 3"),
])
def test_lengths_that_differ_from_what_the_header_says(ts, header, says):
    with pytest.raises(DataError, match=says):
        ts(f"{header}\n@classLabel true a b\n@data\n1,2,3:a\n1,2:b\n")


def test_labels_may_be_written_in_another_way_than_in_the_header(ts):
    assert ts("@classLabel true 1 2\n@data\n1,2,3:1.0\n3,2,1:2\n").y.tolist() == ["1", "2"]


# --- long tables ------------------------------------------------------------------------------------------------------

LONG = pd.DataFrame({
    "patient": ["b", "a", "b", "b", "a"],
    "hour": [2, 1, 0, 1, 0],
    "pulse": [72.0, 81.0, 70.0, np.nan, 80.0],
    "steps": [5, 7, 3, 4, 6],
    "ill": ["no", "yes", "no", "no", "yes"],
})


def test_a_long_table_becomes_one_sequence_an_id():
    series = from_long_table(LONG, id="patient", time="hour", target="ill")
    b, a = series.X.rows()
    np.testing.assert_array_equal(b, [[70, 3], [np.nan, 4], [72, 5]])
    np.testing.assert_array_equal(a, [[80, 6], [81, 7]])
    assert series.ids.tolist() == ["b", "a"] and series.y.tolist() == ["no", "yes"]
    assert series.features == ["pulse", "steps"] and series.notes == ["1 value missing of 10"]


def test_features_can_be_chosen_and_ordered():
    series = from_long_table(LONG, "patient", "hour", features=["steps"], target="ill")
    assert [row.tolist() for row in series.X.rows()] == [[[3], [4], [5]], [[6], [7]]]
    assert from_long_table(LONG, "patient", "hour", features="pulse").y is None


def test_ids_of_one_length_are_an_array():
    assert from_long_table(LONG[LONG.hour < 2], "patient", "hour", ["steps"]).X.tolist() == [[[6], [7]], [[3], [4]]]


@given(st.permutations(range(5)))
def test_the_order_of_rows_within_an_id_does_not_matter(order):
    shuffled = from_long_table(LONG.iloc[order], "patient", "hour", ["steps"])
    whole = from_long_table(LONG, "patient", "hour", ["steps"])
    rows = {id: row.tolist() for id, row in zip(whole.ids, whole.X.rows(), strict=True)}
    assert {id: row.tolist() for id, row in zip(shuffled.ids, shuffled.X.rows(), strict=True)} == rows


@pytest.mark.parametrize("hours", [
    ["2024-01-02", "2024-02-01", "2024-01-01", "2024-01-01T12:00", "2024-01-05"],
    np.array(["2024-01-02", "2024-02-01", "2024-01-01", "2024-01-01T12", "2024-01-05"], "datetime64[s]"),
    ["10", "9", "1", "2", "8"],
    [2**62 + 2, 1, 2**62, 2**62 + 1, 0],
    [0.3, 0.1, 0.1, 0.2, 0.0],
], ids=["dates as text", "dates", "numbers as text", "numbers beyond floats", "numbers"])
def test_time_is_numbers_or_dates(hours):
    series = from_long_table(LONG.assign(hour=hours), "patient", "hour", ["steps"])
    assert [row.ravel().tolist() for row in series.X.rows()] == [[3, 4, 5], [6, 7]]


def test_steps_that_are_missing_within_a_sequence_are_noted():
    days = pd.date_range("2024-01-01", periods=6)
    long = pd.DataFrame({"who": ["a"] * 6 + ["b"] * 6, "day": [*days, *days], "x": np.arange(12.0)})
    assert from_long_table(long, "who", "day").notes == []
    (note,) = from_long_table(long.drop([2, 3]), "who", "day").notes
    assert note.startswith("by day, rows are 1 day apart, but 2 steps in 1 sequence of 2 are missing")
    (note,) = from_long_table(long.assign(day=np.arange(12) ** 3), "who", "day").notes
    assert note.startswith("the rows keep no step by day")


def test_id_and_time_may_be_levels_of_the_index():
    indexed = from_long_table(LONG.set_index(["patient", "hour"]), "patient", "hour", ["steps"], "ill")
    assert [row.tolist() for row in indexed.X.rows()] == [[[3], [4], [5]], [[6], [7]]]


def test_a_target_may_stand_in_one_row_of_its_id():
    ill = [None, "yes", None, "no", None]
    assert from_long_table(LONG.assign(ill=ill), "patient", "hour", ["steps"], "ill").y.tolist() == ["no", "yes"]


def test_an_id_without_a_target_has_a_gap_and_is_noted():
    series = from_long_table(LONG.assign(ill=[1.5, None, None, None, None]), "patient", "hour", ["steps"], "ill")
    np.testing.assert_array_equal(series.y, [1.5, np.nan])
    assert series.notes == ["1 sequence without a target"]


def test_a_long_table_is_read_from_its_file(tmp_path):
    LONG.to_csv(tmp_path / "pulse.csv", index=False)
    series = from_long_table(tmp_path / "pulse.csv", "patient", "hour", target="ill")
    assert repr(series) == "pulse: 2 sequences, 2 to 3 time steps of 2 features, 2 labels"


@pytest.mark.parametrize(("changed", "says"), [
    ({"hour": [2, 1, 0, 2, 0]}, "'patient' 'b' has 'hour' 2 in rows 0 and 3 .*keep one row for each time"),
    ({"hour": [2, None, 0, 1, 0]}, r"'hour' is empty in 1 row, first in row 1 \(the first row is 0\)"),
    ({"hour": ["2", "n/a", "0", "1", "0"]}, "'hour' is empty in 1 row, first in row 1"),
    ({"hour": ["noon", "1", "0", "2", "0"]}, "'hour', row 0 .*'noon' is neither a number nor a date"),
    ({"patient": ["b", "a", None, None, "a"]}, "'patient' is empty in 2 rows, first in row 2"),
    ({"patient": [["b"], "a", "b", "b", "a"]}, "'patient' holds lists"),
    ({"ill": ["no", "yes", "no", "yes", "yes"]}, "'ill' changes within 'patient' 'b': 'no' in row 0, 'yes' in row 3"),
    ({"patient": [2, 1, 2, 2, 1], "ill": [0, 1, 0, 1, 1]}, "'ill' changes within 'patient' 2: 0 in row 0, 1 in row 3"),
    ({"pulse": ["high", "81", "70", "?", "80"]}, "'pulse', row 0 .*'high' is not a number.*get_dummies"),
    ({"pulse": [72.0, np.inf, 70.0, 1.0, 80.0]}, "'pulse', row 1 .*infinity"),
], ids=lambda value: ", ".join(value) if isinstance(value, dict) else "")
def test_a_bad_long_table_names_column_and_row(changed, says):
    with pytest.raises(DataError, match=says):
        from_long_table(LONG.assign(**changed), "patient", "hour", target="ill")


@pytest.mark.parametrize(("arguments", "says"), [
    ({"id": "pateint"}, "id names 'pateint', but the table has no such column: did you mean 'patient'"),
    ({"time": "t"}, "time names 't', .*there are 'patient', 'hour'"),
    ({"features": ["pulse", "puls"]}, "features names 'puls'"),
    ({"target": "patient"}, "'patient' has more than one part"),
    ({"features": ["ill"], "target": "ill"}, "'ill' has more than one part"),
])
def test_columns_that_are_not_there_are_named(arguments, says):
    with pytest.raises(ArgumentError, match=says):
        from_long_table(LONG, **({"id": "patient", "time": "hour"} | arguments))


@pytest.mark.parametrize(("table", "says"), [
    (LONG[["patient", "hour", "ill"]], "no columns of features besides patient, hour, ill"),
    (LONG.iloc[:0], "no rows"),
])
def test_a_long_table_of_nothing_says_so(table, says):
    with pytest.raises(DataError, match=says):
        from_long_table(table, "patient", "hour", target="ill")


def test_a_colon_where_a_label_would_follow_is_no_part(tmp_path):
    """As aeon writes series without labels."""
    path = tmp_path / "plain.ts"
    path.write_text("@problemName plain\n@univariate false\n@dimension 2\n@data\n1,2:3,4:\n5,6:7,8:\n")
    found = ct.data.read_ts(path)
    assert found.y is None and found.X.tolist() == [[[1, 3], [2, 4]], [[5, 7], [6, 8]]]
