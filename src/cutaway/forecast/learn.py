"""From series to a forecaster's network: windows, the view of them and the network chosen by trial on later windows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from ..errors import DataError
from ..nn import Module
from ..text import counted
from .bands import Bands
from .calendars import Calendar
from .choice import Choice, ForecastSettings, choose
from .members import Member, in_units, joined, middle_of, network_of
from .networks import MOST_TRAINED, STEP_BY_STEP, learnt
from .panel import Track
from .seasons import find_season
from .trial import FEWEST_TRIED, ROOM, FoldTrial, most_rows
from .window_sets import all_windows, learnable, scaled, split, thinned, typical_scale
from .windows import Layout, make_rows, moments_of

#: The longest window, and the longest horizon that is taken unasked.
LONGEST, FARTHEST_AHEAD = 1000, 60
#: Errors on windows that were learnt from are too small by about this factor.
UNTRIED = 1.5
#: Windows with fewer of which nothing is learnt, and seasons that a window sees where a series has room for so many.
FEWEST_WINDOWS, SEASONS_SEEN, ROOM_FOR = 5, 4, 8
#: Seasons that smoothing goes through before an origin, and the fewest and most steps.
SEASONS_SMOOTHED, FEWEST_SMOOTHED, MOST_SMOOTHED = 10, 120, 1000


@dataclass
class Learnt:
    """A network of members, its bands, and how all was chosen: design (name, choice, reason), trials (candidate, error
    on later windows, in units of the seasonal naive error)."""

    network: Module
    members: list[Member]
    bands: Bands
    design: list[list[str]]
    trials: list[tuple[str, float]]
    history: dict[str, list[float]]


def learn(tracks: Sequence[Track], calendar: Calendar, asked: ForecastSettings) -> Learnt:
    """Choose and train. Raises DataError where no series is long enough for a window with its horizon."""
    layout, design = first_layout(tracks, calendar, asked)
    trial = FoldTrial(tracks, calendar, layout)
    every = all_windows(tracks, calendar, layout)
    if len(every) < FEWEST_WINDOWS:
        raise too_short(tracks, layout)
    chosen = choose(trial, asked, len(every))
    networks, members, rows = [], [], []
    history: dict[str, list[float]] = {}
    for one in chosen.some:
        own = trial.settled(replace(one.layout, typical=typical_scale(tracks, one.layout)))
        stats = {track.name: moments_of(track, own) for track in tracks}
        most = most_rows(tracks[0], own)
        kept = thinned(every, min(most, MOST_TRAINED) if one.part in STEP_BY_STEP else most)
        rows.append(learnable(make_rows(tracks, split(kept, len(tracks)), own, calendar, stats)))
        T = scaled(rows[-1])
        network, losses = learnt(one, rows[-1].X, T, asked.seed, asked.runs_on)
        members.append(Member(own, stats, float(np.abs(T).max()) * ROOM + 1e-6, one.name))
        networks.append(network)
        history = history or losses
    whole = network_of(networks, [part.X.shape[1] for part in rows])
    if trial.folds:
        errors = held_errors(trial, chosen)
    else:
        z = np.asarray(whole.predict(joined(rows).astype(np.float32)), float).reshape(len(rows[0]), -1)
        errors = UNTRIED * (in_units(members[0].layout, rows[0], members[0].layout.back(rows[0].y))
                            - middle_of(members, rows, z))
    design += said(members, chosen, max(map(len, rows)))
    bands = Bands.of(errors, trial.apart)
    return Learnt(whole, members, bands, design, [(one.name, one.error) for one in chosen.tried], history)


def held_errors(trial: FoldTrial, chosen: Choice) -> np.ndarray:
    """The errors of what was chosen on the windows that the folds held back, in units of the first member's scale."""
    first = chosen.some[0]
    answers = chosen.tried[-1].said if len(chosen.some) > 1 else first.said
    return np.concatenate([(held.y - held.base) / held.scale[:, None] - in_units(first.layout, held, part)
                           for (_, held), part in zip(trial.sets(first.layout, FEWEST_TRIED), answers, strict=True)])


def said(members: Sequence[Member], chosen: Choice, rows: int) -> list[list[str]]:
    """The choices, each with its reason."""
    least = f"error {chosen.error:.3g} on later steps, beside 1 of the seasonal naive forecast"
    if len(members) == 1:
        line = [["forecast", members[0].words, chosen.why or least]]
    else:
        line = [["forecast", f"the median of {len(members)}", chosen.why or f"{least}: the best of each kind"]]
        line += [["", one.name, ", ".join([f"error {one.error:.3g}"] * bool(chosen.tried)
                                          + [f"penalty {one.alpha:g}"] * (one.part == "linear"))]
                 for one in chosen.some]
    if len(members) == 1 and chosen.some[0].part == "linear":
        line.append(["penalty", f"{chosen.some[0].alpha:g}", "of the linear map, chosen on the same windows"])
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
                    period=period, lags=0 if asked.window else lags, masked=any(np.isnan(t.y).any() for t in tracks),
                    memory=min(max(SEASONS_SMOOTHED * period, FEWEST_SMOOTHED), MOST_SMOOTHED))
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
