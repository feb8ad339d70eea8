"""Trials: candidates are learnt from windows before a moment, and the one that errs least behind it is taken."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from .calendars import Calendar
from .linear import ALPHAS, ridge_path
from .panel import Track
from .seasons import scales
from .window_sets import all_windows, learnable, scaled, split, thinned, ticks_of, typical_scale
from .windows import Layout, WindowRows, make_rows, moments_of

#: Windows of a trial, to validate on, and numbers of all windows learnt from, at most.
MOST_TRIED, MOST_VALIDATED, MOST_NUMBERS = 5000, 3000, 10_000_000
#: The latest share of the steps, on which choices are made; of few windows a larger one, in several folds.
VALIDATION, VALIDATION_OF_FEW, FOLDS, FEW = 0.2, 0.4, 3, 1500
#: A later candidate must be better by this share: the simpler one stands first. Folds have so many windows at least.
BETTER, FEWEST_TRIED = 0.99, 8
#: Settings of exponential smoothing that are tried on windows: α, β, γ, φ.
SETTINGS = tuple((a, b * a, g, phi) for a in (0.05, 0.2, 0.5, 0.9) for g in (0.05, 0.25)
                 for b, phi in ((0.0, 0.0), (0.15, 0.95)))
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
class ViewTrial:
    """The folds on which candidates are compared, each learning from what is before its cut alone."""

    tracks: Sequence[Track]
    calendar: Calendar
    layout: Layout
    folds: list[Fold] = field(default_factory=list)
    tried: list[tuple[str, float]] = field(default_factory=list)
    best: float = np.inf

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
        count = max(1, min(FOLDS if few else 1, int((last - start) / ahead + 1e-9)))
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
            layout.typical = typical_scale(fold.past, layout)
            train, held = (make_rows(self.tracks, split(thinned(some, limit), len(self.tracks)), layout, self.calendar,
                                     stats)
                           for some, limit in ((early, most or most_rows(self.tracks[0], layout)),
                                               (late, MOST_VALIDATED)))
            found.append((learnable(train), held))
        return found

    def error(self, layout: Layout, answers: Sequence[tuple[WindowRows, np.ndarray]]) -> float:
        """The mean absolute error of outputs on the rows that each fold holds back, in units of the seasonal naive
        error of each series."""
        away = [np.abs(layout.back(held.y) - layout.back(held.base + held.scale[:, None] * z))
                / fold.size[held.track][:, None] for fold, (held, z) in zip(self.folds, answers, strict=True)]
        return float(np.nanmean(np.concatenate(away)))

    def views(self, view: str | None) -> tuple[Layout, float]:
        """Choose what is taken out of a window, whether logarithms are taken, and the penalty, by ridge regression."""
        layout = self.layout
        low = min(float(np.nanmin(t.y)) for t in self.tracks if np.isfinite(t.y).any())
        every = ["series", "level", "last"] + ["season"] * (layout.season > 1)
        names = every if view is None else [view]
        candidates = [replace(layout, view=name) for name in names]
        if low >= 0:
            candidates += [replace(one, log=True, shift=0.0 if low > 0 else 1.0) for one in candidates
                           if one.view != "series"]
        found = (candidates[0], 1.0)
        for one in candidates:
            found = self.better(found, self.smoothest(one) if one.view == "smooth" else one)
        if view is None:
            found = self.better(found, self.smoothest(replace(found[0], view="smooth")))
        if self.tracks[0].past.shape[1]:
            found = self.better(found, replace(found[0], past=False))
        if layout.season > 1 and layout.lags > layout.season:
            found = self.better(found, replace(found[0], lags=layout.season))
        return found

    def smoothest(self, layout: Layout) -> Layout:
        """The layout with the setting of exponential smoothing that by itself errs least."""
        best, found = np.inf, layout
        for a, b, g, phi in SETTINGS:
            one = replace(layout, smoothing=(a, b, g * (layout.season > 1), phi))
            held = [(rows, np.zeros_like(rows.y)) for _, rows in self.sets(one, FEWEST_TRIED)]
            if (error := self.error(one, held)) < best:
                best, found = error, one
        return found

    def better(self, found: tuple[Layout, float], one: Layout) -> tuple[Layout, float]:
        """Try a layout: it with its penalty if it is better than what was found, else that."""
        sets = self.sets(one, MOST_TRIED)
        aims = [scaled(train) for train, _ in sets]
        paths = [ridge_path(train.X, T) for (train, _), T in zip(sets, aims, strict=True)]
        outer = [np.abs(T).max() * ROOM for T in aims]
        errors = [self.error(one, [(held, np.clip(path.answers(held.X, alpha), -o, o))
                                   for (_, held), path, o in zip(sets, paths, outer, strict=True)]) for alpha in ALPHAS]
        k = int(np.argmin(errors))
        self.tried.append((f"linear, {view_words(one)}", errors[k]))
        if errors[k] >= BETTER * self.best:
            return found
        self.best = errors[k]
        return one, ALPHAS[k]


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
