"""From series to a forecaster's network: windows, the view of them and the network chosen by trial on later windows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..errors import DataError
from ..nn import Module
from ..text import counted
from .bands import Bands
from .calendars import Calendar
from .networks import Choice, build, choose
from .panel import Track
from .seasons import find_season
from .trial import FEWEST_TRIED, ROOM, ViewTrial, most_rows, view_words
from .window_sets import all_windows, learnable, scaled, split, thinned, typical_scale
from .windows import Layout, make_rows, moments_of

#: The longest window, and the longest horizon that is taken unasked.
LONGEST, FARTHEST_AHEAD = 1000, 60
#: Errors on windows that were learnt from are too small by about this factor.
UNTRIED = 1.5
#: The penalty where none was tried, windows with fewer of which nothing is learnt, and seasons that a window sees where
#: a series has room for so many windows.
UNTRIED_ALPHA, FEWEST_WINDOWS, SEASONS_SEEN, ROOM_FOR = 1e4, 5, 4, 8
#: The setting of exponential smoothing where none was tried.
UNTRIED_SMOOTHING = (0.2, 0.0, 0.1, 0.0)


@dataclass
class ForecastSettings:
    """What a forecaster's constructor says; None leaves it to the data."""

    horizon: int | None = None
    window: int | None = None
    season: int | None = None
    network: str = "auto"
    view: str | None = None
    gaps: str = "fill"
    seed: int = 0
    threads: int | None = None


@dataclass
class Learnt:
    """A network, the layout of its windows, its bands, and how all was chosen: design (name, choice, reason), trials
    (candidate, error on later windows, in units of the seasonal naive error)."""

    network: Module
    layout: Layout
    bands: Bands
    stats: dict[Any, tuple[float, float]]
    limit: float
    design: list[list[str]]
    trials: list[tuple[str, float]]
    history: dict[str, list[float]]


def learn(tracks: Sequence[Track], calendar: Calendar, asked: ForecastSettings) -> Learnt:
    """Choose and train. Raises DataError where no series is long enough for a window with its horizon."""
    layout, design = first_layout(tracks, calendar, asked)
    trial = ViewTrial(tracks, calendar, layout)
    alpha, choice, errors = 1.0, Choice("linear"), None
    if trial.folds:
        layout, alpha = trial.views(asked.view)
        sets = trial.sets(layout)
        choice, z = choose(sets, alpha, asked, lambda answers: trial.error(layout, answers), trial.tried)
        errors = np.concatenate([(held.y - held.base) / held.scale[:, None] - part
                                 for (_, held), part in zip(sets, z, strict=True)])
    else:  # near to a smooth season, or to the last value
        layout.view, alpha = asked.view or ("smooth" if layout.season > 1 else "last"), UNTRIED_ALPHA
        layout.smoothing = UNTRIED_SMOOTHING
    every = all_windows(tracks, calendar, layout)
    if len(every) < FEWEST_WINDOWS:
        raise too_short(tracks, layout)
    stats = {track.name: moments_of(track, layout) for track in tracks}
    layout.typical = typical_scale(tracks, layout)
    kept = thinned(every, most_rows(tracks[0], layout))
    rows = learnable(make_rows(tracks, split(kept, len(tracks)), layout, calendar, stats))
    T = scaled(rows)
    network, history = build(choice, rows.X, T, alpha, asked.seed, asked.threads)
    if errors is None:
        errors = UNTRIED * (T - np.asarray(network.predict(rows.X.astype(np.float32)), float).reshape(T.shape))
    design += said(layout, calendar, choice, alpha, trial, len(rows), errors is None)
    limit = float(np.abs(T).max()) * ROOM + 1e-6
    return Learnt(network, layout, Bands.of(errors), stats, limit, design, trial.tried, history)


def said(layout: Layout, calendar: Calendar, choice: Choice, alpha: float, trial: ViewTrial, rows: int, untried: bool
         ) -> list[list[str]]:
    """The choices, each with its reason."""
    scores = f"error {trial.best:.3g} on the latest steps, beside 1 of the seasonal naive forecast"
    names = {"linear": "a linear map on the lags", "mlp": "an MLP", "both": "the mean of a linear map and an MLP"}
    line = [["view", view_words(layout), scores if trial.tried else "too few windows to try others"]]
    others = [f"{name} {error:.3g}" for name, error in trial.tried[-3:]] if choice.compared else []
    line.append(["network", names[choice.part], ", ".join(others) or "too few windows for more" * (not choice.asked)
                 or "as asked"])
    line.append(["penalty", f"{alpha:g}", "of the linear map, chosen on the same windows"])
    line.append(["windows", f"{rows:,}", "learnt from in the end, the latest ones too"])
    return line


# ---- sizes -----------------------------------------------------------------------------------------------------------


def first_layout(tracks: Sequence[Track], calendar: Calendar, asked: ForecastSettings
                 ) -> tuple[Layout, list[list[str]]]:
    """Season, horizon and length of the windows, by the data where nobody says them; and the reasons."""
    design: list[list[str]] = []
    longest = max(map(len, tracks))
    season = asked.season if asked.season is not None else find_season(tracks, calendar)
    season = season if season > 1 else 1
    why = "as asked" if asked.season is not None else (
        "the period that forecasts best by itself" if season > 1 else "no period forecasts better than its neighbours")
    design.append(["season", counted(season, "step") if season > 1 else "none", why])
    horizon = asked.horizon or default_horizon(season, calendar, longest)
    design.append(["horizon", counted(horizon, "step"), "as asked" if asked.horizon else "a season; of a long one the "
                   "calendar's first period"])
    usual = int(np.median([len(t) for t in tracks])) if tracks else 0
    period = season
    if asked.window:
        if asked.season is None and season > asked.window:
            season = find_season(tracks, calendar, asked.window)
        length, why = max(asked.window, season if season <= asked.window else 1), "as asked"
    else:
        want = 2 * season if 1 < season <= 60 else season + max(horizon, season // 7) if season > 60 else max(
            2 * horizon, 16)
        room = max((longest if longest < 2 * usual else max(usual, longest // 2)) // 3, 1)
        length = max(1, min(want, max(room, min(season, longest - horizon - FEWEST_TRIED)), LONGEST))
        lags, length = length, max(length, min(SEASONS_SEEN * season, longest // ROOM_FOR, LONGEST))
        why = "what the series has room for"
        if length > season > 1:
            why = f"{length / season:.2g} seasons" + f", of which {lags:,} steps are features" * (lags < length)
    design.append(["window", counted(length, "step"), why])
    years = any(calendar.spans_years((len(t) - 1) * calendar.size) for t in tracks)
    layout = Layout(length, horizon, season if 1 < season <= length else 0, cut=asked.gaps == "cut", years=years,
                    period=period, lags=0 if asked.window else lags, masked=any(np.isnan(t.y).any() for t in tracks))
    return layout, design


def default_horizon(season: int, calendar: Calendar, steps: int) -> int:
    """How far people look ahead: a season, without one the calendar's first period, at most a tenth of the steps."""
    period = season if season > 1 else (calendar.seasons or [8])[0]
    return max(1, min(period if period <= FARTHEST_AHEAD else (calendar.seasons or [24])[0],
                      FARTHEST_AHEAD, steps // 10))


def too_short(tracks: Sequence[Track], layout: Layout) -> DataError:
    longest = max(map(len, tracks), default=0)
    return DataError(
        f"The longest series has {counted(longest, 'step')}, and a window of {layout.length:,} with {layout.horizon:,} "
        f"to forecast needs {layout.length + layout.horizon:,}, and {FEWEST_WINDOWS} windows a few more, without too "
        "many gaps: give longer series, or a smaller horizon or window."
    )
