"""RecordEncoder: one record at a time, the numbers of TableEncoder.transform to the last bit."""

import datetime as dt
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cutaway.data import TableEncoder
from cutaway.data.records import NoRecord, RecordEncoder
from depth import THOROUGH, examples

ROWS = 60
rng = np.random.default_rng(0)


def table():
    """A column of every kind, with and without gaps."""
    days = pd.Timestamp("2019-12-30") + pd.to_timedelta(rng.integers(0, 900, ROWS), unit="D")
    gaps = np.arange(ROWS) % 7 == 0
    return pd.DataFrame({
        "number": rng.normal(size=ROWS) * 100,
        "gappy": np.where(gaps, np.nan, rng.normal(size=ROWS)),
        "whole": rng.integers(0, 9, ROWS),
        "worded": ["n.k." if gap else f"{x:.2f}" for gap, x in zip(gaps, rng.normal(size=ROWS), strict=True)],
        "only_gaps_vary": np.where(gaps, np.nan, 3.0),
        "kind": np.array(["a", "b", "B c", "1", "2.0"])[np.arange(ROWS) % 5],
        "rare": np.where(gaps, None, np.array(["x", "y"])[np.arange(ROWS) % 2]),
        "tail": ["often"] * 40 + ["sometimes"] * 12 + [f"once {i}" for i in range(8)],
        "code": np.where(gaps, None, np.arange(ROWS) % 3),
        "truth": rng.random(ROWS) > 0.5,
        "maybe": np.where(gaps, None, rng.random(ROWS) > 0.5),
        "day": days.astype(str),
        "moment": np.where(gaps, None, (days + pd.Timedelta("7h")).astype(str)),
        "stamp": days + pd.to_timedelta(rng.integers(0, 86400, ROWS), unit="s"),
        "lasts": pd.to_timedelta(rng.integers(1, 900, ROWS), unit="min"),
        "constant": 7,
        "note": [f"note number {i}" for i in range(ROWS)],
    })


TABLE = table()
SETTINGS = {"plain": {}, "levels": {"integer_levels": 20, "min_count": 3}, "no clip": {"clip": None},
            "as asked": {"kinds": {"whole": "category", "code": "category"}}}
ENCODERS = {name: TableEncoder(**how).fit(TABLE) for name, how in SETTINGS.items()}
SEEN = [column.name for column in ENCODERS["plain"].columns if column.features]
GAPS = [None, float("nan"), np.nan, pd.NA, pd.NaT, Decimal("NaN"), np.float32("nan"), "", "NA", "n/a", " - "]
NUMBERS = [0, -0.0, 1, 2.0, 20.0, True, False, 10**18, 10**30, 10**400, 1e300, 5e-324, np.int64(3),
           np.float32(0.1), np.uint8(7), np.float16(0.5), np.longdouble("0.1"), np.bool_(True), Decimal("1.5"),
           Fraction(1, 3), float("inf"), -np.inf, 1 + 2j, np.array(2.5), dt.timedelta(minutes=5), pd.Timedelta("1D"),
           np.timedelta64(90, "s")]
WORDS = ["a", "b", "B c", " a", "A", "1", "1.0", "01", "2", "2.0", "True", "true", "x", "often", "once 3", "unseen",
         "12.5", " 7 ", "1e3", "1_000", "inf", "nan", "n.k.", "0", b"a", b"\xff", np.str_("b"), "é\x00"]
MOMENTS = ["2020-02-29", "2020-2-9", "2020/01/05", "2021-12-31 23:59:59", "2021-12-31T05:06",
           "2020-01-01 00:00:00.123456", "2020-05-05T10:00:00Z", "2020-05-05 10:00+02:00", "2020", "2020-13-01",
           "yesterday", "0001-01-01", "9999-12-31", dt.date(2020, 3, 1), dt.datetime(2020, 3, 1, 4, 5, 6, 789),
           pd.Timestamp("2020-06-01 12:00"), pd.Timestamp("2020-06-01 12:00", tz="UTC"), np.datetime64("2021-01-01"),
           dt.time(3, 4)]
ODD = [[1.0], (), {}, {"a": 1}, object(), np.array([1.0, 2.0]), float]
cells = st.one_of(st.sampled_from(GAPS + NUMBERS + WORDS + MOMENTS), st.floats(), st.integers(), st.text(max_size=4),
                  st.booleans(), st.datetimes(dt.datetime(1700, 1, 1), dt.datetime(2200, 1, 1)),
                  st.dates(dt.date(1700, 1, 1), dt.date(2200, 1, 1)).map(str))
fitting = {name: st.sampled_from(TABLE[name].tolist()) for name in TABLE}


@pytest.fixture(autouse=True, scope="module")
def column_by_column():
    """TableEncoder encodes columns, and not the cells of few rows, of which it leaves the work to RecordEncoder."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("cutaway.data.encoder.FEW", 0)
        yield


def both(encoder, record, dtype):
    """What a frame comes to, and what the record alone does; where one is refused, the words."""
    records = RecordEncoder(encoder.columns, dtype)
    row = np.full(len(encoder.feature_names), 7, dtype)
    try:
        wanted = encoder.transform(record, dtype)[0]
    except Exception as error:
        wanted = str(error)
    try:
        records.write(record, records.by_name, row.data)
    except NoRecord:
        return wanted, wanted  # whoever asked goes to the encoder then
    except Exception as error:
        return wanted, str(error)
    return wanted, row


def check(encoder, record, dtype=np.float64):
    wanted, got = both(encoder, record, dtype)
    assert type(wanted) is type(got), (wanted, got)
    if isinstance(wanted, str):
        assert wanted == got
    else:
        np.testing.assert_array_equal(wanted, got)


@pytest.mark.parametrize("name", ENCODERS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_rows_of_training_come_to_the_same_numbers(name, dtype):
    for record in TABLE.iloc[::6].to_dict("records"):
        check(ENCODERS[name], record, dtype)


@pytest.mark.parametrize(("column", "name"), [*((column, "plain") for column in SEEN), ("whole", "levels"),
                                              ("whole", "as asked"), ("code", "as asked"), ("number", "no clip")])
def test_any_cell_in_any_column_comes_to_the_same_numbers(name, column):
    kinds = {k: v for k, v in SETTINGS[name].get("kinds", {}).items() if k == column}
    encoder = TableEncoder(**SETTINGS[name] | {"kinds": kinds}).fit(TABLE[[column]])
    turn = SEEN.index(column) % 2  # columns of a kind come one after the other, and share the cells
    for cell in (GAPS + NUMBERS + WORDS + MOMENTS + ODD)[slice(None) if THOROUGH else slice(turn, None, 2)]:
        check(encoder, {column: cell})


@settings(max_examples=examples(30), deadline=None)
@given(record=st.fixed_dictionaries(fitting), column=st.sampled_from(SEEN), cell=cells,
       name=st.sampled_from(list(ENCODERS)))
def test_random_records_come_to_the_same_numbers(record, column, cell, name):
    check(ENCODERS[name], record | {column: cell})


@pytest.mark.parametrize("name", ENCODERS)
@pytest.mark.parametrize("frame", [TABLE[:1], TABLE[20:50], TABLE[TABLE.columns[::-1]][3:9].assign(more=1),
                                   TABLE[:5].astype(dict.fromkeys(["number", "whole", "truth", "kind"], object)),
                                   TABLE[:5].convert_dtypes(),
                                   TABLE[:8].astype({"kind": "category", "whole": "float32", "truth": "boolean"})],
                         ids=["one", "some", "turned", "objects", "nullable", "types"])
def test_few_rows_of_a_frame_come_to_the_same_numbers_as_among_many(name, frame, monkeypatch):
    encoder = ENCODERS[name]
    wanted = encoder.transform(frame, np.float64)
    monkeypatch.setattr("cutaway.data.encoder.FEW", 32)
    np.testing.assert_array_equal(encoder.transform(frame, np.float64), wanted)
    rows = RecordEncoder(encoder.columns, np.float64).rows(frame)
    assert rows is None or np.array_equal(rows, wanted)


@settings(max_examples=examples(20), deadline=None)
@given(days=st.lists(st.datetimes(dt.datetime(1800, 1, 1), dt.datetime(2090, 1, 1)), min_size=5, max_size=40),
       asked=st.lists(st.datetimes(dt.datetime(1800, 1, 1), dt.datetime(2090, 1, 1)), min_size=1, max_size=20),
       form=st.sampled_from([str, dt.datetime.isoformat, lambda day: str(day)[:10], lambda day: str(day)[:16],
                             lambda day: day, pd.Timestamp,
                             lambda day: pd.Timestamp(day).as_unit("ns")]))
def test_dates_come_to_the_same_numbers(days, asked, form):
    column = {"day": list(map(form, [*days, days[0], dt.datetime(2020, 1, 1)]))}
    try:
        encoder = TableEncoder(kinds={"day": "date"}).fit(column)
    except ValueError:  # all the same day
        return
    for day in asked:
        check(encoder, {"day": form(day)})


def test_one_moment_in_several_time_zones_has_several_times_of_day():
    encoder, noon = TableEncoder().fit(TABLE[["stamp"]]), dt.datetime(2020, 6, 1, 12, tzinfo=dt.UTC)
    records, row = RecordEncoder(encoder.columns, np.float64), np.zeros(len(encoder.feature_names))
    for moment in (noon, *(noon.astimezone(dt.timezone(dt.timedelta(hours=h))) for h in (9, -5)), pd.Timestamp(noon)):
        records.write({"stamp": moment}, records.by_name, row.data)
        np.testing.assert_array_equal(row, encoder.transform({"stamp": [moment]}, np.float64)[0])


def test_everyday_records_need_no_frame(monkeypatch):
    encoder = ENCODERS["plain"]
    records, row = RecordEncoder(encoder.columns), np.zeros(len(encoder.feature_names), np.float32)
    usual = {"number": 1.5, "gappy": None, "whole": 3, "worded": "2.5", "only_gaps_vary": None, "kind": "unseen",
             "rare": None, "tail": "once 3", "code": 1, "truth": True, "maybe": None, "day": "2020-02-03",
             "moment": "2020-02-03 07:00:01", "stamp": dt.datetime(2020, 2, 3, 4, 5, 6), "lasts": 60.0}
    records.write(usual, records.by_name, row.data)
    usual |= {"day": "2021-02-03", "moment": "2020-02-03T07:00:30.123456", "stamp": dt.datetime(2020, 2, 3, 4, 5, 7)}
    monkeypatch.setattr("cutaway.data.records.read_table", None)
    records.write(usual, records.by_name, row.data)


def test_a_record_without_a_column_is_none():
    records = RecordEncoder(ENCODERS["plain"].columns)
    with pytest.raises(NoRecord):
        records.write({}, records.by_name, np.zeros(len(records.blank), np.float32).data)
    with pytest.raises(NoRecord):
        records.keyed({"number": 0})
