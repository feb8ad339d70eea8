"""Trials: candidates are learnt from windows before a moment, and the one that errs least behind it is taken."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from ..estimators.ridge import Ridge
from .calendars import Calendar
from .linear import ALPHAS, ridge_path
from .panel import Track
from .seasons import scales
from .smoothing import grid, smooth_windows
from .window_sets import all_windows, learnable, scaled, split, thinned, ticks_of, typical_scale
from .windows import Layout, WindowRows, fill_from_before, make_rows, moments_of, steps_before

#: Windows of a trial, to validate on, and numbers of all windows learnt from, at most.
MOST_TRIED, MOST_VALIDATED, MOST_NUMBERS = 5000, 3000, 10_000_000
#: The latest share of the steps, on which choices are made; of few windows a larger one, in several folds.
VALIDATION, VALIDATION_OF_FEW, FOLDS, FEW = 0.2, 0.4, 3, 1500
#: A later candidate must be better by this share: the simpler one stands first. Folds have so many windows at least.
BETTER, FEWEST_TRIED = 0.99, 8
#: Windows that the settings of exponential smoothing are chosen by, at most, and numbers that they are made of at once.
MOST_SMOOTHED, AT_ONCE = 150, 20_000
#: Outputs go a little further than any target learnt from.
ROOM = 1.2


@dataclass
class Fold:
    """A moment that candidates learn before, and the moment up to which they are scored; the series as they were at
    the first, and what their errors are divided by."""

    cut: float
    end: float
    past: list[Track]
    size: np.ndarray


@dataclass
class Candidate:
    """A way to forecast: how windows become rows, which network reads them ("linear", "ridge", "mlp", ..., or "none",
    where the forecast is what was taken out), the penalty of its linear map and the epochs of its training; its
    forecasts for the windows that each fold holds back, and their error."""

    name: str
    layout: Layout
    part: str
    alpha: float = 0.0
    epochs: int = 0
    said: list[np.ndarray] = field(default_factory=list)
    error: float = np.inf


@dataclass
class FoldTrial:
    """The folds on which candidates are compared, each learning from what is before its cut alone."""

    tracks: Sequence[Track]
    calendar: Calendar
    layout: Layout
    folds: list[Fold] = field(default_factory=list)
    truth: list[np.ndarray] = field(default_factory=list)
    whose: list[np.ndarray] = field(default_factory=list)
    _settings: dict[tuple[bool, float], tuple[float, float, float, float]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        every = all_windows(self.tracks, self.calendar, self.layout)
        ahead = self.layout.horizon * self.calendar.size
        if not len(every):
            return
        few = len(every) < FEW
        steps = np.sort(np.concatenate([t.first + np.arange(len(t)) * self.calendar.size for t in self.tracks]))
        last = steps[-1] + self.calendar.size
        share = VALIDATION_OF_FEW if few else VALIDATION
        start = min(float(steps[int((1 - share) * (len(steps) - 1))]), last - ahead)
        count = max(1, min(FOLDS, int((last - start) / ahead + 1e-9)))
        cuts = start + np.arange(count) * (last - start) / count
        for cut, end in zip(cuts.tolist(), [*cuts[1:].tolist(), np.inf], strict=True):
            early, late = self.around(every, cut, end)
            if len(early) >= FEWEST_TRIED and len(late):
                self.folds.append(self._fold(cut, end))

    def _fold(self, cut: float, end: float) -> Fold:
        ends = [int(np.clip(np.ceil((cut - t.first) / self.calendar.size - 1e-6), 0, len(t))) for t in self.tracks]
        past = [replace(t, y=t.y[:last], hole=t.hole[:last], past=t.past[:last])
                for t, last in zip(self.tracks, ends, strict=True)]
        size = scales(past, self.layout.period)
        usual = float(np.nanmean(size)) if np.isfinite(size).any() else 1.0
        return Fold(cut, end, past, np.where(np.isfinite(size), size, usual))

    @property
    def apart(self) -> float:
        """How many of the windows that the folds hold back do not overlap in time; infinite without folds."""
        last = max(t.first + len(t) * self.calendar.size for t in self.tracks)
        ahead = self.layout.horizon * self.calendar.size
        return sum((min(fold.end, last) - fold.cut) / ahead for fold in self.folds) if self.folds else np.inf

    def around(self, every: np.ndarray, cut: float, end: float) -> tuple[np.ndarray, np.ndarray]:
        """The windows that end before a tick, targets included, and those whose targets lie from it to the end. What
        lies astride is in neither."""
        start, ahead = ticks_of(every, self.tracks, self.calendar), self.layout.horizon * self.calendar.size
        slack = 1e-6 * self.calendar.size
        return every[start + ahead <= cut + slack], every[(start >= cut - slack) & (start + ahead <= end + slack)]

    def sets(self, layout: Layout, most: int = 0) -> list[tuple[WindowRows, WindowRows]]:
        """The rows to learn from and to choose by, of each fold; what is learnt of a series is from before the cut."""
        every, found = all_windows(self.tracks, self.calendar, layout), []
        for fold in self.folds:
            early, late = self.around(every, fold.cut, fold.end)
            stats = {t.name: moments_of(t, layout) for t in fold.past if len(t)}
            one = self.settled(replace(layout, typical=typical_scale(fold.past, layout)), fold.cut)
            train, held = (make_rows(self.tracks, split(thinned(some, limit), len(self.tracks)), one, self.calendar,
                                     stats)
                           for some, limit in ((early, most or most_rows(self.tracks[0], layout)),
                                               (late, MOST_VALIDATED // len(self.folds))))
            found.append((learnable(train), held))
        return found

    def settled(self, layout: Layout, cut: float = np.inf) -> Layout:
        """The layout with the setting of exponential smoothing whose forecasts before a tick err least."""
        if layout.view != "smooth":
            return layout
        if (layout.log, cut) not in self._settings:
            every, _ = self.around(all_windows(self.tracks, self.calendar, layout), cut, np.inf)
            asked = split(thinned(every, MOST_SMOOTHED), len(self.tracks))
            parts, truth, unit = [], [], []
            for track, at in zip(self.tracks, asked, strict=True):
                if len(at):
                    full = fill_from_before(layout.eased(track.y), max(layout.season, 1))
                    parts.append(steps_before(full, at, layout.memory))
                    truth.append(track.y[at[:, None] + np.arange(layout.horizon)])
                    unit.append(np.full(len(at), max(np.nanstd(track.y[:at[-1]]), 1e-12)))
            seen, y, size = np.concatenate(parts), np.concatenate(truth), np.concatenate(unit)[:, None]
            settings, errors = grid(layout.period), []
            each = max(1, AT_ONCE // len(seen))
            for start in range(0, len(settings), each):
                ahead = smooth_windows(seen, settings[start:start + each], layout.period, layout.horizon)
                errors += np.nanmean(np.abs(layout.back(ahead) - y) / size, axis=(1, 2)).tolist()
            a, b, g, phi = settings[int(np.nanargmin(errors))].tolist()
            self._settings[layout.log, cut] = a, b, g, phi
        return replace(layout, smoothing=self._settings[layout.log, cut])

    def error(self, said: Sequence[np.ndarray]) -> float:
        """The mean absolute error of forecasts for the windows that each fold holds back, in units of the seasonal
        naive error of each series."""
        away = [np.abs(y - one) / fold.size[track][:, None]
                for fold, y, one, track in zip(self.folds, self.truth, said, self.whose, strict=True)]
        return float(np.nanmean(np.concatenate(away)))

    # ---- candidates that are not trained ----

    def layouts(self, view: str | None) -> list[Layout]:
        """The views of windows that are tried, with logarithms where nothing is below 0."""
        layout = self.layout
        low = min(float(np.nanmin(t.y)) for t in self.tracks if np.isfinite(t.y).any())
        every = ["series", "level", "last", *["season"] * (layout.season > 1), "smooth"]
        found = [replace(layout, view=name) for name in (every if view is None else [view])]
        if low >= 0:
            found += [replace(one, log=True, shift=0.0 if low > 0 else 1.0) for one in found if one.view != "series"]
        return found

    def by_rule(self, layout: Layout) -> Candidate:
        """The candidate that forecasts what is taken out of a window: exponential smoothing, the season before."""
        held = [rows for _, rows in self.sets(layout, FEWEST_TRIED)]
        return self.scored(Candidate(rule_words(layout), layout, "none"), held, [np.zeros_like(h.y) for h in held])

    def linear(self, layout: Layout) -> Candidate:
        """The candidate that is a linear map, with the penalty that errs least."""
        sets = self.sets(layout, MOST_TRIED)
        aims = [scaled(train) for train, _ in sets]
        paths = [ridge_path(train.X, T) for (train, _), T in zip(sets, aims, strict=True)]
        outer = [np.abs(T).max() * ROOM for T in aims]
        held = [rows for _, rows in sets]
        best = Candidate("", layout, "linear")
        for alpha in ALPHAS:
            one = Candidate(f"linear, {view_words(layout)}", layout, "linear", alpha)
            z = [np.clip(path.answers(rows.X, alpha), -o, o) for rows, path, o in zip(held, paths, outer, strict=True)]
            best = min(best, self.scored(one, held, z), key=lambda c: c.error)
        return best

    def plain(self) -> Candidate:
        """The candidate that is ridge regression on every step of the window, each series less its mean, without the
        calendar; the penalty is found by leaving out rows. With next to nothing to choose it is steady on short
        series."""
        layout = replace(self.layout, view="series", lags=self.layout.length, calendar=False)
        z, held = [], []
        for train, late in self.sets(layout, MOST_TRIED):
            T = scaled(train)
            outer = np.abs(T).max() * ROOM
            z.append(np.clip(Ridge().fit(train.X, T).predict(late.X), -outer, outer))
            held.append(late)
        return self.scored(Candidate("ridge on all lags", layout, "ridge"), held, z)

    def median(self, some: Sequence[Candidate]) -> Candidate:
        """The candidate that is the median of others."""
        said = [np.median(parts, axis=0) for parts in zip(*(one.said for one in some), strict=True)]
        return Candidate(f"median of {len(some)}", some[0].layout, "median", said=said, error=self.error(said))

    def scored(self, one: Candidate, held: Sequence[WindowRows], z: Sequence[np.ndarray]) -> Candidate:
        """The candidate with its forecasts, by a network's outputs, and their error."""
        back = one.layout.back
        one.said = [back(rows.base + rows.scale[:, None] * part) for rows, part in zip(held, z, strict=True)]
        if not self.truth:
            self.truth, self.whose = [back(rows.y) for rows in held], [rows.track for rows in held]
        one.error = self.error(one.said)
        return one


def most_rows(track: Track, layout: Layout) -> int:
    """How many windows are learnt from at most, by how many features they have."""
    wide = 2 * layout.lags + 16 + layout.horizon * track.known.shape[1] + 8 * track.past.shape[1] + len(track.static)
    return max(MOST_TRIED, MOST_NUMBERS // wide)


def view_words(layout: Layout) -> str:
    """What a candidate does to windows, in words."""
    taken = {"level": "less the window's mean", "last": "less the last value", "series": "less the series' mean",
             "season": "residual on the last season", "smooth": "residual on exponential smoothing"}[layout.view]
    return ("logarithm, " * layout.log + taken + ", without past columns" * (not layout.past)
            + f", {layout.lags} lags" * (layout.lags < layout.length))


def rule_words(layout: Layout) -> str:
    """What a candidate without a network forecasts, in words."""
    return {"smooth": "exponential smoothing", "season": "as a season before", "last": "as the last value"}.get(
        layout.view, "the mean") + ", logarithm" * layout.log
