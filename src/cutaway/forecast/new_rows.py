"""What a fitted forecaster's forecasts of newer rows were worth, beside rivals that know as much."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from ..errors import DataError, check_name
from ..text import counted
from .backtest import MOST_WINDOWS, OURS, Backtest, CutForecasts, rival_with_band
from .outlook import written
from .panel import Track
from .rivals import RIVALS, Contest
from .scores import scores_by_step
from .seasons import scales
from .series_ends import joined_tracks
from .window_sets import split, thinned
from .windows import Layout, origins


def score_new_rows(model: Any, frame: Any, rivals: Sequence[str] | None = None) -> Backtest:
    """Score the forecasts of rows behind those that a forecaster knows, as Forecaster.evaluate says."""
    import pandas as pd

    names = list(RIVALS) if rivals is None else list(rivals)
    for name in names:
        check_name(name, list(RIVALS), "rival")
    panel, layout, calendar = model.panel(frame), model.layout_, model.calendar_
    tails = {tail.name: tail for tail in model.tails_}
    ends = [tail.first + len(tail) * calendar.size for tail in model.tails_ if len(tail)]
    tracks: list[Track] = []
    before: list[Track] = []
    windows: list[np.ndarray] = []
    for newer in panel.tracks:
        tail = tails.get(newer.name)
        track = joined_tracks(tail, newer, calendar, layout)
        first = layout.length if tail is None else len(tail) + round((tail.first - track.first) / calendar.size)
        at = _origins(track, max(first, layout.length), layout)
        if len(at):
            windows.append(np.stack([np.full(len(at), len(tracks)), at], axis=1))
            before.append(replace(track, y=track.y[:at[0]], hole=track.hole[:at[0]], past=track.past[:at[0]]))
            tracks.append(track)
    if not windows:
        last = written(calendar, max(ends) - calendar.size) if ends else ""
        less = "" if model.roles_.time is not None else " (rows without times count from the first one learnt from)"
        raise DataError(f"No row with a known {model.roles_.target!r} lies behind {last}, the last that the forecaster "
                        f"knows{less}: those that it has learnt from would look better than new ones. Give rows that "
                        "came later; a backtest scores such forecasts on rows that are there.")
    some = thinned(np.concatenate(windows), MOST_WINDOWS)
    asked = split(some, len(tracks))
    levels = ((1 - model.coverage) / 2, (1 + model.coverage) / 2)
    y = np.concatenate([_truth(track, at, layout.horizon) for track, at in zip(tracks, asked, strict=True)])
    sized = scales(before, layout.period)
    said = {OURS: np.stack(model.at(tracks, asked, levels))}
    contest = Contest(before, tracks, layout.period, layout.horizon, layout.length)
    for name in names:
        found = rival_with_band(RIVALS[name], contest, asked, sized, some[:, 0], levels, model.counts_)
        if np.isfinite(found[0]).any():  # ridge regression has nothing to learn from where a file has new rows alone
            said[name] = found
    cut = min(float(track.first + at[0] * calendar.size) for track, at in zip(tracks, asked, strict=True) if len(at))
    stretch = CutForecasts(cut, tracks, some[:, 0], some[:, 1], y, sized[some[:, 0]], said)
    lines = []
    for name, (middle, low, high) in said.items():
        scores = scores_by_step(y, middle, low, high, stretch.size, levels)
        lines += [{"rival": name, "cut": calendar.times(np.array([cut]))[0], "step": h + 1,
                   **{one: float(values[h]) for one, values in scores.items()}} for h in range(layout.horizon)]
    steps = sum(int(np.isfinite(track.y[at[0]:]).sum()) for track, at in zip(tracks, asked, strict=True) if len(at))
    notes = [*panel.notes, f"{counted(steps, 'new step')} of {counted(len(tracks), 'series', 'series')}, the first "
             f"{written(calendar, cut)}"]
    return Backtest(pd.DataFrame(lines), [stretch], calendar, model.roles_.target, model.coverage, [layout.period],
                    notes, model)


def _origins(track: Track, first: int, layout: Layout) -> np.ndarray:
    """The steps of a series behind the known ones from which something can be compared: a target is there, and all
    that is known ahead."""
    at = origins(track, layout, targets=False)
    at = at[(at >= first) & (at < len(track))]
    if not len(at):
        return at
    truth = np.isfinite(_truth(track, at, layout.horizon)).any(axis=1)
    if track.known.shape[1]:
        truth &= at + layout.horizon <= len(track.given)
    return at[truth]


def _truth(track: Track, at: np.ndarray, horizon: int) -> np.ndarray:
    """What came at the steps forecast from each origin, NaN behind the end."""
    return np.pad(track.y, (0, horizon), constant_values=np.nan)[at[:, None] + np.arange(horizon)]
