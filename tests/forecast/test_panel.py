"""Frames as series on their grids: disorder, holes, repeats, clocks, and the roles of columns."""

import numpy as np
import pandas as pd
import pytest

from cutaway.errors import ArgumentError, DataError
from cutaway.forecast.panel import Roles, as_frame, read_panel


def panel_of(frame, target="y", time="t", id=None, **how):
    roles = Roles(target, time, id)
    return read_panel(as_frame(frame, roles), roles, **how)


def days(n, start="2026-01-01"):
    return pd.DataFrame({"t": pd.date_range(start, periods=n), "y": np.arange(float(n))})


def test_rows_in_any_order_are_sorted_and_it_is_said():
    panel = panel_of(days(10).iloc[::-1])
    assert panel.tracks[0].y.tolist() == list(range(10))
    assert "rows stood in no order of time" in panel.notes[0]
    assert panel.ticks[0] == panel.ticks.max()  # in the order of the rows that were given


def test_missing_days_are_holes_and_told():
    panel = panel_of(days(10).drop(index=[3, 4, 7]))
    track = panel.tracks[0]
    assert np.flatnonzero(np.isnan(track.y)).tolist() == np.flatnonzero(track.hole).tolist() == [3, 4, 7]
    assert panel.notes == ["3 steps of 1 day are missing in 2 gaps, the first at 2026-01-04: empty steps stand there"]


def test_an_empty_cell_is_no_hole():
    track = panel_of(days(10).assign(y=lambda d: d["y"].where(d["y"] != 4))).tracks[0]
    assert np.isnan(track.y[4]) and not track.hole.any()


def test_gaps_can_be_refused():
    with pytest.raises(DataError, match=r"1 step of 1 day is missing.*gaps='fill' or gaps='cut'"):
        panel_of(days(10).drop(index=3), gaps="refuse")
    with pytest.raises(DataError, match=r"1 row has an empty cell in 'y': fill in .*gaps='fill' or gaps='cut'"):
        panel_of(days(10).assign(y=lambda d: d["y"].where(d["y"] != 4)), gaps="refuse")


def test_times_that_drift_from_their_step_keep_none_and_a_few_beside_it_are_told():
    away = np.random.default_rng(0).integers(0, 600, 100)
    with pytest.raises(DataError, match=r"'t' keeps no step of time: \d+ of 100 rows lie between .*step='1 hour'"):
        panel_of(days(100).assign(t=lambda d: d["t"] + pd.to_timedelta(away.cumsum(), "min")))
    few = days(100).assign(t=lambda d: d["t"].mask(d["y"].isin([7, 30]), d["t"] + pd.Timedelta("8h")))
    assert panel_of(few).notes == ["some times lie between steps of 1 day: each row is taken for the nearest step"]
    assert panel_of(few).tracks[0].y[7] == 7


def test_a_time_that_stands_twice_gives_the_mean():
    frame = pd.concat([days(300), pd.DataFrame({"t": [pd.Timestamp("2026-01-03")], "y": [4.0]})])
    panel = panel_of(frame)
    assert panel.tracks[0].y[2] == 3.0
    assert panel.notes[-1].startswith("1 time of 't' stands twice, the first 2026-01-03: the mean of their rows")


def test_many_repeats_are_several_series():
    with pytest.raises(DataError, match="name the column that tells them apart with id="):
        panel_of(pd.concat([days(20), days(20)]))


def test_an_hour_twice_on_a_sunday_night_is_a_clock_and_a_zone_mends_it():
    there = pd.date_range("2026-10-20", periods=24 * 10, freq="h", tz="Europe/Berlin")
    frame = pd.DataFrame({"t": there.tz_localize(None), "y": np.arange(240.0)})
    assert "zone='Europe/Berlin'" in panel_of(frame).notes[-1]
    panel = panel_of(frame, zone="Europe/Berlin")
    assert panel.notes == [] and panel.tracks[0].y.tolist() == list(range(240))


def test_text_with_offsets_is_of_one_moment_each():
    there = pd.date_range("2026-03-27", periods=72, freq="h", tz="Europe/Berlin")
    panel = panel_of(pd.DataFrame({"t": [t.isoformat() for t in there], "y": np.arange(72.0)}))
    assert panel.notes == [] and panel.calendar.zone == "UTC"
    shown = panel_of(pd.DataFrame({"t": [t.isoformat() for t in there], "y": 0.0}), zone="Europe/Berlin").calendar
    assert shown.times(panel.tracks[0].first + np.zeros(1, int))[0] == there[0]


def test_irregular_rows_are_brought_to_a_step_by_the_mean():
    t = pd.to_datetime(["2026-01-01 00:05", "2026-01-01 00:50", "2026-01-01 02:10", "2026-01-01 03:59"])
    panel = panel_of(pd.DataFrame({"t": t, "y": [1.0, 3.0, 5.0, 7.0]}), step="1 hour")
    np.testing.assert_array_equal(panel.tracks[0].y, [2.0, np.nan, 5.0, 7.0])


def test_several_series_have_grids_of_their_own():
    frame = pd.concat([days(5).assign(who="b"), days(8, "2026-03-01").assign(who="a")])
    tracks = panel_of(frame, id="who").tracks
    assert {track.name: len(track) for track in tracks} == {"b": 5, "a": 8}


def test_rows_behind_the_last_target_are_of_the_future():
    frame = days(8).assign(h=[0, 1] * 4, y=[1.0, 2, 3, 4, 5, np.nan, np.nan, np.nan])
    track = panel_of(frame, known=["h"]).tracks[0]
    assert len(track) == 5 and len(track.known) == 8 and track.given.all()


def test_columns_have_roles():
    n = 20
    frame = pd.concat([days(n).assign(who=who, area=area, kind=kind, temp=np.arange(n), holiday=[0, 1] * 10,
                                      remark=[f"{who}{k}" for k in range(2 * n)][:n])
                       for who, area, kind in (("a", 1.0, "big"), ("b", 2.0, "small"), ("c", 4.0, "big"))])
    panel = panel_of(frame, id="who", known=["holiday"])
    assert {c.name: c.role for c in panel.columns} == {"area": "static", "kind": "static", "temp": "past",
                                                       "holiday": "known"}
    assert panel.notes == ["left out: 'remark', which hold one value or too many words"]
    assert panel.features("static") == ["area", "kind = big", "kind = small"]


def test_a_number_with_gaps_has_a_feature_that_says_so():
    frame = days(10).assign(temp=[1.0, np.nan, 2.0, np.nan, 3.0] * 2)
    panel = panel_of(frame)
    assert panel.features("past") == ["temp", "temp missing"]


@pytest.mark.parametrize(("how", "error", "said"), [
    ({"target": "z"}, ArgumentError, "target names 'z', but the frame has no such column"),
    ({"time": "T"}, ArgumentError, "did you mean 't'"),
    ({"id": "t"}, ArgumentError, "name one column twice"),
    ({"known": ["nope"]}, ArgumentError, "known names 'nope'"),
    ({"known": ["y"]}, ArgumentError, "which is the target, the time or the id"),
])
def test_columns_that_are_not_there(how, error, said):
    with pytest.raises(error, match=said):
        panel_of(days(5), **how)


def test_a_target_of_text_is_refused():
    with pytest.raises(DataError, match=r"does not hold numbers \(row 1 \(the first row is 0\): 'none today'\)"):
        panel_of(days(3).assign(y=["1", "none today", "c"]))


@pytest.mark.parametrize("text", [False, True])
def test_dates_beside_the_time_are_days_from_it(text):
    fair = ["2026-01-03 00:00", "2026-01-03 00:00", None, "2026-01-01 12:00"]
    frame = days(4).assign(fair=fair if text else pd.to_datetime(fair))
    panel = panel_of(frame, known=("fair",))
    assert panel.notes == ["dates in 'fair' are days from the time of their row"]
    column, known = panel.columns[0], panel.tracks[0].known
    np.testing.assert_allclose(known[[0, 1, 3], 0] * column.scale + column.mean, [2, 1, -2.5])
    assert known[:, 1].tolist() == [0, 0, 1, 0]


def test_rows_with_an_empty_target_are_told_but_for_those_of_the_future():
    panel = panel_of(days(10).assign(y=lambda d: d["y"].where(~d["y"].isin([4, 6, 9]))))
    assert panel.notes == ["2 rows have an empty cell in 'y': these steps count as not known"]
