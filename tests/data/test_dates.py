"""One moment has one reading: in every form, zone and type, in a table, alone and as a record,"""

import json
from datetime import UTC, date, datetime, time, timedelta, timezone, tzinfo
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import cutaway as ct
from cutaway.data import TableEncoder
from cutaway.data.dates import dated
from cutaway.data.zones import name_of_zone
from cutaway.errors import DataError, FileError
from depth import examples

BERLIN = ZoneInfo("Europe/Berlin")
#: Every seventh hour of two years, by UTC; the clock of Berlin changes in them.
HOURS = [datetime(2020, 1, 1, tzinfo=UTC) + timedelta(hours=7 * i) for i in range(2500)]


def in_zone(moments, zone, unit="us"):
    return pd.Series(pd.DatetimeIndex(moments).tz_convert(zone).as_unit(unit))


def objects(cells):
    return pd.Series(list(cells), dtype=object)


ZONED = TableEncoder().fit({"when": in_zone(HOURS, "Europe/Berlin")})
#: Ways to write moments that are known in UTC.
WAYS = {
    "Berlin": lambda t: in_zone(t, "Europe/Berlin"),
    "UTC": lambda t: in_zone(t, "UTC"),
    "nanoseconds": lambda t: in_zone(t, "Asia/Kolkata", "ns"),
    "offsets": lambda t: objects(x.astimezone(BERLIN).isoformat() for x in t),
    "Z": lambda t: objects(x.isoformat().replace("+00:00", "Z") for x in t),
    "month first, offset": lambda t: objects(x.strftime("%b %d, %Y %H:%M:%S.%f") + "+0000" for x in t),
    "Timestamps": lambda t: objects(pd.Timestamp(x).tz_convert("America/New_York") for x in t),
    "datetimes": lambda t: objects(x.astimezone(BERLIN) for x in t),
    "several zones": lambda t: objects(x.astimezone(timezone(timedelta(hours=i % 9 - 4))) for i, x in enumerate(t)),
    "by the clock of Berlin": lambda t: pd.Series([x.astimezone(BERLIN).replace(tzinfo=None) for x in t]),
    "its text": lambda t: objects(str(x.astimezone(BERLIN).replace(tzinfo=None)) for x in t),
    "numpy": lambda t: pd.Series(np.array([x.astimezone(BERLIN).replace(tzinfo=None) for x in t], "datetime64[us]")),
    "Arrow": lambda t: in_zone(t, "UTC").astype("timestamp[us, tz=UTC][pyarrow]"),
}


def same(encoder, cells, wanted):
    """Compare what cells come to in a table, alone, and as records."""
    np.testing.assert_array_equal(encoder.transform({"when": cells}, np.float64), wanted)
    for i in (0, len(cells) // 2, len(cells) - 1):
        np.testing.assert_array_equal(encoder.transform({"when": cells[i : i + 1]}, np.float64)[0], wanted[i])
        np.testing.assert_array_equal(encoder.transform({"when": cells.iloc[i]}, np.float64)[0], wanted[i])
        np.testing.assert_array_equal(encoder.transform([{"when": cells.iloc[i]}], np.float64)[0], wanted[i])


@pytest.mark.parametrize("way", WAYS)
def test_a_moment_in_any_dress_comes_to_the_same_features(way):
    same(ZONED, WAYS[way](HOURS[::40]), ZONED.transform({"when": in_zone(HOURS[::40], "UTC")}, np.float64))


@settings(max_examples=examples(40), deadline=None)
@given(moments=st.lists(st.datetimes(datetime(1971, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC)), min_size=1,
                        max_size=5),
       way=st.sampled_from(list(WAYS)), zone=st.sampled_from(["Europe/Berlin", "UTC", "Asia/Kathmandu", "UTC-03:30"]))
def test_random_moments_written_in_any_way_come_to_the_same_features(moments, way, zone):
    encoder = ZONED
    if zone != "Europe/Berlin":
        if "Berlin" in way or way in ("its text", "numpy"):
            return
        tz = timezone(-timedelta(hours=3.5)) if zone == "UTC-03:30" else zone
        encoder = TableEncoder().fit({"when": in_zone(HOURS[:300], tz)})
        assert encoder.columns[0].zone == zone
    same(encoder, WAYS[way](moments), encoder.transform({"when": in_zone(moments, "UTC")}, np.float64))


def test_the_features_are_those_of_the_clock_on_the_wall():
    encoder = TableEncoder(clip=None).fit({"when": in_zone(HOURS, "Europe/Berlin")})
    column = encoder.columns[0]
    got = dict(zip(encoder.feature_names, encoder.transform({"when": objects(HOURS)}, np.float64).T, strict=True))
    for part, read in (("year", lambda t: t.year), ("month", lambda t: t.month), ("weekday", datetime.weekday),
                       ("time", lambda t: 3600 * t.hour + 60 * t.minute + t.second)):
        center, scale = column.parts[part]
        wanted = (np.array([read(t.astimezone(BERLIN)) for t in HOURS], float) - center) / scale
        np.testing.assert_array_equal(got[f"when {part}"], wanted)


def test_clock_changes_have_one_reading():
    twice = [datetime(2020, 10, 25, 2, 30, tzinfo=BERLIN, fold=fold) for fold in (0, 1)]
    first, second = ZONED.transform({"when": objects(twice)}, np.float64)
    np.testing.assert_array_equal(first, second)
    np.testing.assert_array_equal(first, ZONED.transform({"when": "2020-10-25 02:30"}, np.float64)[0])
    utc = TableEncoder().fit({"when": in_zone(HOURS, "UTC")})
    assert (utc.transform([{"when": twice[0]}]) != utc.transform([{"when": twice[1]}])).any()  # an hour apart
    assert (utc.transform({"when": objects(twice)})[0] != utc.transform({"when": objects(twice)})[1]).any()
    left_out = ZONED.transform({"when": ["2020-03-29 02:30"] * 40}, np.float64)[0]  # by no clock, and yet read
    np.testing.assert_array_equal(left_out, ZONED.transform({"when": "2020-03-29 02:30"}, np.float64)[0])


@pytest.mark.parametrize(("cells", "zone"), [
    (["2020-01-01 10:00+02:00", "2020-07-01 10:00+02:00", None], "UTC+02:00"),
    (["2020-01-01 10:00+01:00", "2020-07-01 10:00+02:00"], "UTC"),
    (["2020-01-01T10:00Z", "2020-07-01T10:00Z"], "UTC"), (["2020-01-01 10:00", "2020-07-01 10:00"], None),
    ([datetime(2020, 1, 1, tzinfo=BERLIN), datetime(2020, 7, 1, tzinfo=BERLIN), None], "Europe/Berlin"),
    ([pd.Timestamp("2020-01-01", tz="UTC"), pd.Timestamp("2020-07-01", tz="Asia/Tokyo")], "UTC"),
    (pd.date_range("2020-01-01", periods=9, tz="-02:00"), "UTC-02:00"), (pd.date_range("2020-01-01", periods=9), None),
], ids=str)
def test_the_zone_of_training_is_remembered(cells, zone):
    cells = pd.Series(cells, dtype=object) if isinstance(cells, list) else cells
    encoder = TableEncoder().fit({"when": cells})
    assert encoder.columns[0].zone == zone
    assert (f"by the clock of {zone}" in encoder.columns[0].how) == (zone is not None)


def test_where_training_had_no_zone_moments_are_read_by_utc():
    encoder = TableEncoder().fit({"when": [t.replace(tzinfo=None) for t in HOURS]})
    wanted = encoder.transform({"when": [t.replace(tzinfo=None) for t in HOURS[::40]]}, np.float64)
    for way in ("Berlin", "UTC", "offsets", "Z", "datetimes", "Timestamps"):
        same(encoder, WAYS[way](HOURS[::40]), wanted)


@pytest.mark.parametrize(("training", "others"), [
    (["15/08/2020", "01/02/2021", "05/06/2022"], ["2021-02-01", "1 Feb 2021", date(2021, 2, 1), "1/2/2021"]),
    (["8/15/2020", "1/2/2021", "5/6/2022"], [np.datetime64("2021-01-02"), pd.Timestamp("2021-01-02"), "01/02/2021"]),
    (["14:30", "2:15 pm", "7:00 am"], [time(14, 15), "14:15:00", "2024-05-05 14:15"]),
    ([20200815, 20210201, 20220506], ["20210201", "2021-02-01", datetime(2021, 2, 1), 20210201.0]),
    (["2023-Q1", "2023-Q2", "2024-Q4"], ["Q2 2023", pd.Period("2023Q2"), "2023-04-01"]),
])
def test_a_row_alone_is_read_in_the_form_of_training(training, others):
    encoder = TableEncoder().fit({"when": training})
    (wanted,) = encoder.transform({"when": [*training[:1], "", others[0]]}, np.float64)[2:]
    for cell in others:
        for table in ({"when": [cell]}, [{"when": cell}], {"when": pd.Series([cell] * 40, dtype=object)}):
            np.testing.assert_array_equal(encoder.transform(table, np.float64)[0], wanted)


def test_excels_numbers_are_read_as_asked():
    encoder = TableEncoder(kinds={"when": "date"}).fit({"when": [44927, 45000, 45111.5]})
    wanted = encoder.transform({"when": ["2023-03-15"]}, np.float64)
    for cells in ([45000], [45000.0], ["45000"]):
        np.testing.assert_array_equal(encoder.transform({"when": cells}, np.float64), wanted)


def test_files_of_text_and_parquet_come_to_the_features_of_the_frame(tmp_path):
    frame = pd.DataFrame({"when": in_zone(HOURS[::10], "Europe/Berlin"), "n": range(250)})
    frame.to_csv(tmp_path / "t.csv", index=False)
    frame.to_parquet(tmp_path / "t.parquet")
    wanted = ZONED.transform(frame, np.float64)
    for name in ("t.csv", "t.parquet"):
        np.testing.assert_array_equal(ZONED.transform(tmp_path / name, np.float64), wanted)


def test_polars_and_arrow_come_to_the_features_of_pandas():
    pl = pytest.importorskip("polars")
    frame = pl.DataFrame({"when": HOURS[::40]})
    wanted = ZONED.transform({"when": in_zone(HOURS[::40], "UTC")}, np.float64)
    for table in (frame, frame.to_arrow(), frame.with_columns(pl.col("when").dt.convert_time_zone("Asia/Tokyo"))):
        np.testing.assert_array_equal(ZONED.transform(table, np.float64), wanted)


def test_the_reading_survives_a_file_as_plain_values():
    for encoder in (ZONED, TableEncoder().fit({"when": ["03/04/2020", "05/06/2020"]})):
        again = TableEncoder.from_json(json.loads(json.dumps(encoder.to_json())))
        assert again.columns == encoder.columns and again.notes() == encoder.notes()


def test_what_an_old_model_file_says_is_read_as_before():
    state = TableEncoder().fit({"when": [str(t.replace(tzinfo=None)) for t in HOURS]}).to_json()
    for name in ("form", "zone", "unsure"):
        del state["columns"][0][name]
    old = TableEncoder.from_json(state)
    noon = [pd.Timestamp("2020-06-01 12:00"), pd.Timestamp("2020-06-01 12:00", tz="Asia/Tokyo")]
    local, zoned = (old.transform({"when": pd.Series([cell] * 40)}, np.float64)[0] for cell in noon)
    np.testing.assert_array_equal(local, zoned)  # the clock on the wall, wherever
    np.testing.assert_array_equal(old.transform([{"when": noon[1]}], np.float64)[0], local)
    np.testing.assert_array_equal(old.transform([{"when": "2020-06-01 14:00+02:00"}], np.float64)[0], local)


@pytest.mark.parametrize("change", [{"form": "ydm"}, {"zone": "../etc/passwd"}, {"zone": "/etc/localtime"},
                                    {"zone": ""},
                                    {"zone": "UTC+1:00"}, {"zone": 3}, {"unsure": 1}, {"form": ["dmy"]}], ids=str)
def test_a_file_that_names_no_form_or_zone_is_damaged(change):
    state = ZONED.to_json()
    state["columns"][0] |= change
    with pytest.raises(FileError, match="damaged"):
        TableEncoder.from_json(state)


def test_a_zone_that_this_machine_does_not_know_is_named():
    state = ZONED.to_json()
    state["columns"][0]["zone"] = "Mars/Olympus"
    encoder = TableEncoder.from_json(state)
    with pytest.raises(DataError, match="does not know the time zone 'Mars/Olympus'"):
        encoder.transform({"when": in_zone(HOURS[:50], "UTC")})
    with pytest.raises(DataError, match="does not know the time zone 'Mars/Olympus'"):
        encoder.transform([{"when": HOURS[0]}])


def test_zones_of_other_libraries_keep_their_names():
    dateutil = pytest.importorskip("dateutil.tz")
    for zone, name in ((dateutil.gettz("Europe/Berlin"), "Europe/Berlin"), (dateutil.tzutc(), "UTC"),
                       (dateutil.tzoffset(None, 3600), "UTC+01:00")):
        encoder = TableEncoder().fit({"when": pd.date_range("2020", periods=9, tz=zone)})
        assert encoder.columns[0].zone == name


class Nowhere(tzinfo):
    def utcoffset(self, moment):
        return None if moment is None else timedelta(hours=1)

    def __str__(self):
        return "my street"


def test_a_zone_without_a_name_is_refused():
    with pytest.raises(DataError, match=r"Column 'when': its time zone 'my street' has no name that a model file"):
        name_of_zone(Nowhere(), "when")


def test_a_predictor_of_records_and_an_estimator_read_dates_alike():
    table = pd.DataFrame({"when": in_zone(HOURS[:200], "Europe/Berlin"), "n": range(200)})
    model = ct.Regressor(epochs=2, random_state=0).fit(table, np.arange(200.0))
    predict = ct.predictor(model)
    for way in ("UTC", "offsets", "Timestamps", "datetimes", "its text"):
        frame = pd.DataFrame({"when": WAYS[way](HOURS[:60]), "n": range(60)})
        wanted = model.predict(table[:60])
        np.testing.assert_array_equal(model.predict(frame), wanted)
        assert [predict(record) for record in frame[::20].to_dict("records")] == wanted[::20].tolist()


def test_dates_far_outside_training_are_a_doubt_by_the_clock_of_training():
    (doubt,) = ZONED.doubts({"when": ["2020-05-05T10:00Z", "2050-12-31T23:30Z"]})
    assert doubt.rows.tolist() == [False, True] and doubt.values == ("2051-01-01", "2051-01-01")


def test_cells_asked_to_be_of_a_form_become_times_to_divide_rows_by():
    cells = pd.Series(["03/04/2020", "05/02/2020"], name="when", index=[7, 9])
    assert dated(cells, "date:dmy").tolist() == [pd.Timestamp(2020, 4, 3), pd.Timestamp(2020, 2, 5)]
    assert dated(cells, "date:mdy").index.tolist() == [7, 9]
    assert all(dated(cells, kind) is cells for kind in (None, "date", "category"))
