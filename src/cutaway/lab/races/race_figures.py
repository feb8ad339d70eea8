"""A race as a figure: the training loss over steps and over seconds, and the score of every seed."""

from __future__ import annotations

from os import PathLike
from typing import Any

import numpy as np

from ...drawing.charts import band, chart, dots, legend
from ...drawing.sheet import FAINT, INK, Sheet
from ...errors import ArgumentError
from ...text import counted, joined, printable
from .comparing import HIGHER, SCORES

WIDTH = 8.6  # inches
LEFT, PLOT, GAP = 0.85, 3.15, 0.9


def sheet_figure(race: Any, path: str | PathLike | None) -> Any:
    """The figure of a `Race`: curves above, scores below."""
    rows = len(race.names)
    sheet = _begin(race, 4.55 + 0.27 * rows)
    _curves(sheet, race, 1.15)
    _scores(sheet, race, 4.05)
    return sheet.saved(path)


def curves_figure(race: Any, path: str | PathLike | None) -> Any:
    sheet = _begin(race, 4.15)
    _curves(sheet, race, 1.15)
    return sheet.saved(path)


def scores_figure(race: Any, path: str | PathLike | None) -> Any:
    sheet = _begin(race, 1.7 + 0.27 * len(race.names))
    _scores(sheet, race, 1.1)
    return sheet.saved(path)


FIGURES = {"sheet": sheet_figure, "curves": curves_figure, "scores": scores_figure}


def _begin(race: Any, height: float) -> Sheet:
    """Begin a sheet with the finding for a title."""
    if not race.seeds:
        raise ArgumentError("no seed of the race was finished, so there is nothing to draw")
    sheet = Sheet(WIDTH, height)
    budget = race.rates.shape[1]
    rates = f"the best of {budget} learning rates" if budget > 1 else "its own learning rate"
    sheet.title(_title(race), f"{counted(len(race.seeds), 'seed')}, the same weights and batches for all; each with "
                f"{rates}")
    return sheet


def _title(race: Any) -> str:
    found = race.comparison()
    first, *others = found.names
    near = [name for name in others if not found.pair(first, name).apart]
    if not others:
        return first
    if len(near) == len(others):
        return f"By {SCORES[race.by]}, none of {len(race.names)} can be called the best"
    return f"By {SCORES[race.by]}, {joined([first, *near])} {'is' if not near else 'are'} ahead"


def _curves(sheet: Sheet, race: Any, top: float) -> None:
    unit, scale = ("ms", 1e3) if race.step_seconds.max() * race.steps[-1] < 1 else ("s", 1.0)
    over = [("steps", [race.steps] * len(race.names)),
            (f"training time, {unit}", [race.steps * each * scale for each in race.step_seconds])]
    for i, (label, xs) in enumerate(over):
        axes = chart(sheet, LEFT + i * (PLOT + GAP), top, PLOT, 2.3, label, "" if i else "training loss J", log="y")
        for k, (name, x) in enumerate(zip(race.names, xs, strict=True)):
            band(axes, x, race.curves[k], k, name if i == 0 else "")
        if np.isfinite(race.target):
            axes.axhline(race.target, color=FAINT, linewidth=0.9, linestyle=(0, (2, 2)))
            axes.annotate("target", (0, race.target), xycoords=("axes fraction", "data"), xytext=(4, 3),
                          textcoords="offset points", size=8.5, color=FAINT)
        axes.set_xlim(left=0)
        if i == 0:
            height = 2.3
            legend(axes, ncols=min(len(race.names), 6), loc="lower left", bbox_to_anchor=(0, 1 + 0.02 / height),
                   columnspacing=1.4)


def _scores(sheet: Sheet, race: Any, top: float) -> None:
    found = race.comparison()
    height = 0.27 * len(race.names)
    shown = [race.by, *(name for name in race.scores if name in HIGHER and name != race.by)][:2]
    for i, name in enumerate(shown):
        axes = chart(sheet, LEFT + i * (PLOT + GAP), top, PLOT, height, f"{SCORES[name]}, a dot a seed", "")
        for row, who in enumerate(found.names):
            k = race.names.index(who)
            values = race.scores[name][k]
            known = values[np.isfinite(values)]
            axes.scatter(known, np.full(len(known), row), s=20, alpha=0.65, linewidths=0, **dots(k))
            if known.size:
                axes.plot([np.median(known)] * 2, [row - 0.34, row + 0.34], color=INK, linewidth=1.6)
            if gone := len(values) - len(known):
                axes.annotate(f"{gone} diverged", (1, row), xycoords=("axes fraction", "data"), size=8.5, color=FAINT,
                              ha="right", va="center")
        names = [printable(name) if i == 0 else "" for name in found.names]
        axes.set_yticks(range(len(names)), names)
        axes.tick_params(axis="y", length=0, labelcolor=INK)
        axes.locator_params(axis="x", nbins=6)
        axes.set_ylim(len(found.names) - 0.5, -0.5)
        axes.grid(visible=False, axis="y")
