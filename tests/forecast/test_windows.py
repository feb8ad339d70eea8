"""Windows: none crosses a series, a hole or the moment of its forecast, whatever the calendar."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from made_tracks import DAYS, track

from cutaway.forecast.calendars import Calendar
from cutaway.forecast.panel import Roles, as_frame, read_panel
from cutaway.forecast.trial import FoldTrial
from cutaway.forecast.window_sets import all_windows, split, ticks_of
from cutaway.forecast.windows import Layout, fill_from_before, make_rows, names_of, origins
from depth import examples


def rows_of(one, at, layout, stats=(0.0, 1.0)):
    return make_rows([one], [np.array(at)], layout, Calendar("number", 1.0), {"a": stats})


def test_a_window_by_hand():
    layout = Layout(4, 2, 0, "last")
    rows = rows_of(track([1, 2, 4, 8, 16, 32]), [4], layout)
    spread = np.std([1, 2, 4, 8])
    scale = np.sqrt(spread**2 + 1e-3**2 + (1e-3 * 3.75) ** 2)
    np.testing.assert_allclose(rows.scale, [scale])
    np.testing.assert_allclose(rows.X[0, :4], (np.array([1, 2, 4, 8]) - 8) / scale)
    np.testing.assert_allclose(rows.X[0, 4], 3)  # the window's mean less the series', 3.75, held at 3
    assert rows.base.tolist() == [[8, 8]] and rows.y.tolist() == [[16, 32]]


@pytest.mark.parametrize(("view", "base"), [
    ("level", [5.5] * 3), ("last", [8.0] * 3), ("series", [7.0] * 3), ("season", [5.0, 6.0, 7.0]),
])
def test_what_a_view_takes_out(view, base):
    rows = rows_of(track(np.arange(3.0, 12.0)), [6], Layout(6, 3, 4, view), (7.0, 2.0))
    np.testing.assert_allclose(rows.base[0], base)


def test_a_season_shorter_than_the_horizon_goes_round():
    rows = rows_of(track([1, 2, 3, 1, 2, 3, 9, 9, 9, 9]), [6], Layout(6, 4, 3, "season"))
    assert rows.base.tolist() == [[1, 2, 3, 1]]


def test_logarithms_come_back():
    layout = Layout(2, 1, 0, log=True, shift=1.0)
    np.testing.assert_allclose(layout.back(layout.eased(np.array([0.0, 3.0, 1e6]))), [0, 3, 1e6])


def test_gaps_are_as_a_season_before_and_never_as_later():
    y = np.array([1.0, 2, 3, 4, np.nan, 6, 7, 8, np.nan, np.nan])
    assert fill_from_before(y, 4).tolist() == [1, 2, 3, 4, 1, 6, 7, 8, 1, 6]
    assert fill_from_before(y, 0).tolist() == [1, 2, 3, 4, 4, 6, 7, 8, 8, 8]


def test_gaps_are_features_of_their_own():
    layout = Layout(3, 1, 0, "series", masked=True)
    rows = rows_of(track([1, np.nan, 3, 4]), [3], layout)
    assert rows.X[0].tolist()[3:] == [0, 1, 0]
    assert names_of(layout, Calendar("number", 1.0), ([], [], []), "y")[3:] == [
        "y missing 3 before", "y missing 2 before", "y missing 1 before"]


def test_every_feature_has_a_name():
    one = track(np.arange(20.0), known=np.ones((22, 2)), past=np.ones((20, 1)), static=np.ones(3),
                given=np.ones(22, bool))
    layout = Layout(6, 2, 3, masked=True)
    rows = make_rows([one], [np.array([10])], layout, DAYS, {})
    names = names_of(layout, DAYS, (["p"], ["k", "h"], ["s", "t", "u"]), "y")
    assert rows.X.shape[1] == len(names)
    assert "p 6 before" in names and "h +2" in names and names[-6:][0] == "weekday sin"


FREQS = st.sampled_from(["h", "15min", "D", "B", "W", "MS", "QE", "YS"])


@st.composite
def frames(draw):
    """A frame of up to three series with holes; each value says where it stood: series and step."""
    freq, parts = draw(FREQS), []
    for k in range(draw(st.integers(1, 3))):
        n = draw(st.integers(16, 40))
        times = pd.date_range(f"20{draw(st.integers(10, 26))}-03-0{draw(st.integers(1, 9))}", periods=n, freq=freq)
        gone = draw(st.lists(st.integers(1, n - 2), max_size=3, unique=True))
        parts.append(pd.DataFrame({"t": times, "who": f"s{k}", "y": k + np.arange(n) / 1000}).drop(index=gone))
    frame = pd.concat(parts)
    return frame.sample(frac=1, random_state=draw(st.integers(0, 9)))


@settings(max_examples=examples(25), deadline=None, phases=[Phase.explicit, Phase.reuse, Phase.generate])
@given(frames(), st.integers(2, 6), st.integers(1, 4), st.booleans())
def test_no_window_crosses_a_hole_or_a_series(frame, length, horizon, cut):
    roles = Roles("y", "t", "who")
    panel = read_panel(as_frame(frame, roles), roles, gaps="cut" if cut else "fill")
    layout = Layout(length, horizon, 0, "series", cut=cut)
    every = all_windows(panel.tracks, panel.calendar, layout)
    rows = make_rows(panel.tracks, split(every, len(panel.tracks)), layout, panel.calendar,
                     {t.name: (0.0, 1.0) for t in panel.tracks})
    seen = rows.X[:, :length] * rows.scale[:, None]
    owns = []
    for one in panel.tracks:
        mine = frame[frame["who"] == one.name].set_index("t")["y"]
        owns.append(mine.reindex(pd.date_range(mine.index.min(), periods=len(one), freq=freq_of(panel.calendar))))
    for k, at, lags, y in zip(rows.track, rows.origin, seen, rows.y, strict=True):
        own = owns[k].to_numpy()
        assert at - length >= 0 and at + horizon <= len(own)
        np.testing.assert_array_equal(y, own[at:at + horizon])
        known = np.isfinite(own[at - length:at])
        np.testing.assert_allclose(lags[known], own[at - length:at][known], atol=1e-12)
        if cut:
            assert known.all() and np.isfinite(y).all()
        else:  # what stands for a gap came before it
            assert np.isin(lags[~known].round(6), own[:at].round(6)).all()


def freq_of(calendar):
    return {"15 minutes": "15min", "1 hour": "h", "1 day": "D", "1 business day": "B", "1 week": "7D", "1 month": "MS",
            "1 quarter": "QE", "1 year": "YS"}[calendar.words]


@settings(max_examples=examples(40), deadline=None)
@given(st.integers(0, 10_000), st.integers(8, 40), st.integers(2, 8), st.integers(1, 6),
       st.sampled_from(["level", "last", "series", "season"]), st.booleans())
def test_a_window_knows_nothing_of_what_comes(seed, at, length, horizon, view, log):
    rng = np.random.default_rng(seed)
    n, at, length = 60, max(at, length), length
    y = np.where(rng.random(n) < 0.1, np.nan, rng.uniform(1, 9, n))
    one = track(y, past=rng.normal(size=(n, 2)), known=rng.normal(size=(n, 1)))
    layout = Layout(length, horizon, min(3, length), view, log=log, masked=True)
    later = np.arange(n) >= at
    other = replace(one, y=np.where(later, 1e6, y), past=np.where(later[:, None], -5.0, one.past),
                    known=np.where((np.arange(n) >= at + horizon)[:, None], 7.0, one.known))
    a, b = (make_rows([t], [np.array([at])], layout, DAYS, {"a": (0.5, 2.0)}) for t in (one, other))
    assert (a.X == b.X).all() and (a.base == b.base).all() and (a.scale == b.scale).all()


@settings(max_examples=examples(40), deadline=None)
@given(st.integers(0, 10_000), st.integers(60, 200), st.integers(1, 6), st.integers(1, 3))
def test_what_is_learnt_for_a_trial_ends_before_what_it_is_scored_on(seed, n, horizon, several):
    rng = np.random.default_rng(seed)
    tracks = [track(rng.normal(size=n - 7 * k), name=f"s{k}", first=k * 11 * DAYS.size) for k in range(several)]
    layout = Layout(4, horizon, 0)
    trial = FoldTrial(tracks, DAYS, layout)
    every = all_windows(tracks, DAYS, layout)
    assert trial.folds
    for fold in trial.folds:
        early, late = trial.around(every, fold.cut, fold.end)
        assert (ticks_of(early, tracks, DAYS) + horizon * DAYS.size <= fold.cut + 1).all()
        assert (ticks_of(late, tracks, DAYS) >= fold.cut - 1).all()
        for whole, past in zip(tracks, fold.past, strict=True):
            assert whole.first + len(past) * DAYS.size <= fold.cut + DAYS.size - 1
        assert len(fold.past[0].past) == len(fold.past[0])


def test_a_window_of_which_more_than_half_is_empty_is_none():
    one = track([1, 2, np.nan, np.nan, np.nan, 6, 7, 8, 9, 10])
    assert origins(one, Layout(4, 1, 0), targets=True).tolist() == [4, 7, 8, 9]
