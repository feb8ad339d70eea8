"""Rolling-origin backtests: a forecaster learns from the rows before a moment, and forecasts those behind it, several
times over, beside rivals that know as much."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from sklearn.base import clone

from ..arguments import whole_number
from ..errors import ArgumentError, DataError, check_name
from ..text import columns, counted, number, score
from .bands import Bands
from .calendars import Calendar
from .importance import importances
from .members import rows_of
from .outlook import ForecastChart, draw, shown
from .panel import Panel, Track, read_panel
from .rivals import RIVALS, Contest
from .scores import SCORES, scores_by_step
from .seasons import scales
from .time_column import timed
from .window_sets import thinned
from .windows import origins

OURS = "forecaster"
WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
#: Windows behind each cut, and of each series before it, whose errors say how wide a rival's band is, at most.
MOST_WINDOWS, MOST_FOR_BANDS = 600, 100
#: Windows that features are shuffled among, at most.
MOST_SHUFFLED = 300
#: Who is so near to the best score, as a share, is as good.
AS_GOOD = 0.01


@dataclass
class CutForecasts:
    """The forecasts made behind one cut: its tick; for each window the number of its series and the step that it
    forecasts first; the truth y (n, horizon); size (n,), what MASE divides by; `said`, by name the forecast, lower and
    upper of each rival (3, n, horizon)."""

    cut: float
    tracks: list[Track]
    track: np.ndarray
    origin: np.ndarray
    y: np.ndarray
    size: np.ndarray
    said: dict[str, np.ndarray]

    def ticks(self, calendar: Calendar) -> np.ndarray:
        """The tick of the first step that each window forecasts."""
        return np.array([t.first for t in self.tracks])[self.track] + self.origin * calendar.size


@dataclass(repr=False)
class Backtest:
    """What forecasts were worth behind several cuts: `scores`, a frame with a row for each rival, cut and step;
    `verdict`, a sentence; `stretches`, the forecasts themselves; `calendar`, `target`, `coverage`: of what and how;
    `model`, the forecaster behind the last cut."""

    scores: Any
    stretches: list[CutForecasts]
    calendar: Calendar
    target: str
    coverage: float
    seasons: list[int]
    notes: list[str] = field(default_factory=list)
    model: Any = None

    @property
    def horizon(self) -> int:
        return int(self.scores["step"].max())

    @property
    def windows(self) -> int:
        """How many windows were forecast, all cuts together."""
        return sum(len(stretch.y) for stretch in self.stretches)

    def summary(self) -> Any:
        """The mean of each score over cuts and steps, a row for each rival, the best first."""
        frame = self.scores.groupby("rival", sort=False)[list(SCORES)].mean()
        return frame.sort_values("MASE" if frame["MASE"].notna().all() else "MAE", kind="stable")

    def by_step(self, what: str = "MASE") -> Any:
        """One score of each rival, a row for each step of the horizon."""
        check_name(what, SCORES, "score")
        return self.scores.pivot_table(index="step", columns="rival", values=what, aggfunc="mean", sort=False)

    @property
    def best(self) -> str:
        """Who forecasts best, by MASE."""
        return str(self.summary().index[0])

    @property
    def verdict(self) -> str:
        """Who won, and by how much, in a sentence or two."""
        table = self.summary()
        by = "MASE" if table["MASE"].notna().all() else "MAE"
        best, second = table.index[0], table.index[1] if len(table) > 1 else None
        first = f"{score(table[by].iloc[0])}" if by == "MASE" else number(table[by].iloc[0])
        said = "" if second is None else f" beside {number(table[by].iloc[1])} of {the(second)}"
        text = f"{the(best).capitalize() if best != OURS else 'The forecaster'} wins: {by} {first}{said}"
        ours = table[by].get(OURS)
        if best != OURS and ours is not None:
            least = float(table[by].iloc[0])
            if ours < (1 + AS_GOOD) * least:
                text += f"; the forecaster is as good within {AS_GOOD:.0%}"
            else:
                text += "" if second == OURS else f"; the forecaster has {number(ours)}"
                text += f", which is {ours / least - 1:.0%} more" if least else ""
        return text + "."

    def worst(self, most: int = 5) -> Any:
        """The windows that the forecaster erred most on: series, first time forecast, mean absolute error, and that in
        units of the seasonal naive error."""
        import pandas as pd

        rows = []
        for stretch in self.stretches:
            away = np.nanmean(np.abs(stretch.y - stretch.said[OURS][0]), axis=1)
            order = np.argsort(-away / np.where(np.isfinite(stretch.size), stretch.size, 1), kind="stable")[:20 * most]
            tick = stretch.ticks(self.calendar)
            rows += [(stretch.tracks[stretch.track[i]].name, tick[i], away[i], away[i] / stretch.size[i])
                     for i in order.tolist()]
        rows.sort(key=lambda row: -row[3] if np.isfinite(row[3]) else -row[2])
        apart: list[Any] = []
        for row in rows:  # windows that overlap a worse one say nothing new
            if all(row[0] != o[0] or abs(row[1] - o[1]) >= self.horizon * self.calendar.size for o in apart):
                apart.append(row)
        apart = apart[:most]
        times = self.calendar.times(np.array([row[1] for row in apart]))
        return pd.DataFrame({"series": [row[0] for row in apart], "from": list(times),
                             "MAE": [row[2] for row in apart], "MASE": [row[3] for row in apart]})

    def importance(self, seed: int = 0) -> list[tuple[str, float]]:
        """What the last forecaster leans on: (steps before, a column or a part of the calendar, by how much MASE grows
        where it is shuffled among the windows behind the last cut), the most first."""
        stretch, model = self.stretches[-1], self.model
        kept = thinned(np.stack([stretch.track, stretch.origin, np.arange(len(stretch.y))], axis=1), MOST_SHUFFLED)
        asked = [kept[kept[:, 0] == k, 1] for k in range(len(stretch.tracks))]
        rows = rows_of(model.members_, stretch.tracks, asked, model.calendar_)
        return importances(model, rows, stretch.size[kept[:, 2]], seed)

    def by_moment(self) -> list[tuple[str, dict[str, float]]]:
        """The mean absolute error of each rival by the hour that is forecast, of longer steps by weekday or month:
        (which, errors by rival)."""
        parts: list[tuple[np.ndarray, dict[str, np.ndarray]]] = []
        for stretch in self.stretches:
            ticks = stretch.ticks(self.calendar)[:, None] + np.arange(self.horizon) * self.calendar.size
            parts.append((moment_of(self.calendar, ticks.ravel()),
                          {name: np.abs(stretch.y - said[0]).ravel() for name, said in stretch.said.items()}))
        which = np.concatenate([one for one, _ in parts])
        errors = {rival: np.concatenate([e[rival] for _, e in parts]) for rival in parts[0][1]}
        return [(name, {rival: float(np.nanmean(e[which == name])) for rival, e in errors.items()})
                for name in dict.fromkeys(np.sort(which).tolist()) if name]

    def last(self) -> ForecastChart:
        """The chart of the last window that was forecast, with the truth."""
        stretch = self.stretches[-1]
        i = int(np.flatnonzero(stretch.track == stretch.track[0])[-1])
        return self.chart(stretch, i)

    def chart(self, stretch: CutForecasts, i: int) -> ForecastChart:
        """The chart of one window."""
        return shown(self.target, stretch.tracks[stretch.track[i]], int(stretch.origin[i]),
                     list(stretch.said[OURS][:, i]), self.calendar)

    def plot(self, path: Any = None) -> Any:
        """Draw the last window behind each cut with the truth: a figure, also written to path (.png or .svg)."""
        charts = [self.chart(s, int(np.flatnonzero(s.track == s.track[0])[-1])) for s in self.stretches]
        return draw(charts, self.calendar, self.coverage, path)

    def __str__(self) -> str:
        table = self.summary()
        head = ("", *SCORES)
        rows = [(name, *(number(value) for value in line)) for name, line in
                zip(table.index, table.to_numpy().tolist(), strict=True)]
        about = (f"Backtest of {self.target}: {counted(self.windows, 'window')} of {counted(self.horizon, 'step')} "
                 f"behind {counted(len(self.stretches), 'cut')}")
        return "\n".join([about, *columns([head, *rows], right=range(1, len(head))), self.verdict])

    __repr__ = __str__


def moment_of(calendar: Calendar, ticks: np.ndarray) -> np.ndarray:
    """The hour of each tick, the weekday where steps are days, the month where they are months; "" for others."""
    if calendar.unit == "number":
        return np.full(len(ticks), "")
    clock = calendar.clock(ticks)
    day = clock.astype("datetime64[D]")
    if calendar.unit == "span":
        return np.array([f"{int(h):02d}" for h in (clock - day).astype(np.int64) // 3_600_000_000])
    if calendar.unit in ("days", "business days") and calendar.size < 7 * 86_400_000_000:
        return np.array([f"{k + 1} {WEEKDAYS[k]}" for k in ((day.astype(np.int64) + 3) % 7).tolist()])
    if calendar.unit == "months" and calendar.size < 12:
        return np.array([f"{int(m) % 12 + 1:02d}" for m in day.astype("datetime64[M]").astype(np.int64)])
    return np.full(len(ticks), "")


def the(name: str) -> str:
    """A rival as a sentence has it."""
    return name if name in ("exponential smoothing", "drift", "ridge on all lags") else f"the {name}" + (
        " forecast" * (name == "seasonal naive"))


def backtest(forecaster: Any, frame: Any, target: str | None, time: str | None, id: str | None, known: Any, past: Any,
             cuts: int, test: float, rivals: Sequence[str] | None) -> Backtest:
    """Score a forecaster and its rivals on rows behind cuts, as Forecaster.backtest says."""
    import pandas as pd

    whole_number("cuts", cuts)
    if isinstance(test, bool) or not isinstance(test, int | float | np.number) or not 0 < test < 1:
        raise ArgumentError(f"test is {test!r}: give the latest share of the steps, above 0 and below 1, such as 0.2.")
    names = list(RIVALS) if rivals is None else list(rivals)
    for name in names:
        check_name(name, list(RIVALS), "rival")
    known, past = ((part,) if isinstance(part, str) else part for part in (known, past))
    frame, roles, _ = timed(frame, target, time, id, (*known, *(past or ())))
    whole = read_panel(frame, roles, known=tuple(known), past=past, gaps=forecaster.gaps, step=forecaster.step,
                       zone=forecaster.zone)
    horizon, notes = forecaster.horizon, []
    if horizon is None:  # one for all cuts, by what the first one knows
        first = _before(frame, whole, cut_ticks(whole, 1, 1, test)[0])
        horizon = clone(forecaster).set_params(network="linear").fit(
            first, roles.target, roles.time, roles.id, known, past).layout_.horizon
    at = cut_ticks(whole, cuts, horizon, test)
    if len(at) < cuts:
        notes.append(f"the latest {test:.0%} has room for {counted(len(at), 'cut')}, each with "
                     f"{counted(horizon, 'step')}")
    stretches, lines, seasons = [], [], []
    levels = ((1 - forecaster.coverage) / 2, (1 + forecaster.coverage) / 2)
    for cut, end in zip(at, [*at[1:], np.inf], strict=True):
        model = clone(forecaster).set_params(horizon=horizon).fit(
            _before(frame, whole, cut), roles.target, roles.time, roles.id, known, past)
        stretch = _stretch(model, model.read(frame), cut, end, names, levels)
        seasons.append(model.layout_.period)
        if not len(stretch.y):
            continue
        stretches.append(stretch)
        for name, (middle, low, high) in stretch.said.items():
            found = scores_by_step(stretch.y, middle, low, high, stretch.size, levels)
            lines += [{"rival": name, "cut": whole.calendar.times(np.array([cut]))[0], "step": h + 1,
                       **{one: float(values[h]) for one, values in found.items()}} for h in range(horizon)]
    if not stretches:
        raise DataError(f"Behind no cut is a window with all of its {counted(horizon, 'step')}: give longer series, a "
                        "smaller horizon, or a larger test.")
    return Backtest(pd.DataFrame(lines), stretches, whole.calendar, roles.target, forecaster.coverage, seasons, notes,
                    model)


def cut_ticks(panel: Panel, cuts: int, horizon: int, test: float) -> list[float]:
    """The ticks of the cuts: the latest share of all steps in equal parts, each with room for the horizon."""
    size = panel.calendar.size
    tracks = [t for t in panel.tracks if len(t)]
    if not tracks:
        raise DataError("The target is empty in every row: there is nothing to score.")
    ticks = np.sort(np.concatenate([t.first + np.arange(len(t)) * size for t in tracks]))
    end = max(t.first + len(t) * size for t in tracks)
    start = min(float(ticks[int((1 - test) * (len(ticks) - 1))]), end - horizon * size)
    cuts = max(1, min(cuts, int((end - start) / size / horizon + 1e-9)))
    found = [start + k * (end - start) / cuts for k in range(cuts)]
    return [float(start + np.rint((cut - start) / size) * size) for cut in found]


def _before(frame: Any, panel: Panel, cut: float) -> Any:
    """The rows before a tick: nothing else of the frame is ever seen by what is fitted on them."""
    return frame[panel.ticks < cut - 1e-6 * panel.calendar.size]


def _stretch(model: Any, panel: Panel, cut: float, end: float, names: Sequence[str], levels: Sequence[float]
             ) -> CutForecasts:
    """The forecasts of all windows whose targets lie from a cut to the next one."""
    layout, size = model.layout_, panel.calendar.size
    tracks = [t for t in panel.tracks if len(t)]
    asked = []
    for track in tracks:
        at = origins(track, layout, targets=True)
        ticks = track.first + at * size
        inside = (ticks >= cut - 1e-6 * size) & (ticks + layout.horizon * size <= end + 1e-6 * size)
        asked.append(at[inside])
    every = np.concatenate([np.stack([np.full(len(at), k), at], axis=1) for k, at in enumerate(asked)])
    every = thinned(every, MOST_WINDOWS)
    kept = np.unique(every[:, 0])
    tracks, asked = [tracks[k] for k in kept], [every[every[:, 0] == k, 1] for k in kept]
    if not len(every):
        none = np.zeros(0, np.int64)
        return CutForecasts(cut, [], none, none, np.zeros((0, layout.horizon)), np.zeros(0), {})
    past = {t.name: t for t in panel.before(cut)}
    before = [past.get(t.name, replace(t, y=t.y[:0], hole=t.hole[:0])) for t in tracks]
    sized = scales(before, layout.period)
    y = np.concatenate([t.y[at[:, None] + np.arange(layout.horizon)] for t, at in zip(tracks, asked, strict=True)])
    of = np.repeat(np.arange(len(tracks)), [len(at) for at in asked])
    said = {OURS: np.stack(model.at(tracks, asked, levels))}
    lengths = Contest(before, tracks, layout.period, layout.horizon, layout.length)
    for name in names:
        said[name] = rival_with_band(RIVALS[name], lengths, asked, sized, of, levels, model.counts_)
    return CutForecasts(cut, tracks, of, np.concatenate(asked), y, sized[of], said)


def rival_with_band(rival: Any, contest: Contest, asked: Sequence[np.ndarray], sized: np.ndarray, of: np.ndarray,
               levels: Sequence[float], counts: bool) -> np.ndarray:
    """A rival's forecasts with lower and upper, by its errors on the latest windows before the cut."""
    middle = rival(contest, asked)
    unit = np.where(np.isfinite(sized), sized, 1.0)
    known = [(k, np.arange(len(t) - contest.horizon - min(MOST_FOR_BANDS, len(t) // 2), len(t) - contest.horizon + 1))
             for k, t in enumerate(contest.past) if len(t) >= contest.length + 2 * contest.horizon]
    known = [(k, at[at >= contest.length]) for k, at in known]
    known = [(k, at) for k, at in known if len(at)]
    if not known:
        return np.stack([middle] * 3)
    some: list[Track] = [contest.past[k] for k, _ in known]
    before = rival(replace(contest, tracks=some), [at for _, at in known])
    truth = np.concatenate([contest.past[k].y[at[:, None] + np.arange(contest.horizon)] for k, at in known])
    size = np.repeat([unit[k] for k, _ in known], [len(at) for _, at in known])
    bands = Bands.of((truth - before) / size[:, None])
    ends = [middle + unit[of][:, None] * bands.at(level) for level in levels]
    found = np.stack([middle, np.minimum(ends[0], middle), np.maximum(ends[1], middle)])
    return np.maximum(found, 0) if counts else found
