"""What a forecaster is made of: the best candidate of each kind in the trial, whose median is forecast."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from .networks import FEWEST_FOR_MLP, NAMES
from .networks import tried as try_network
from .trial import BETTER, Candidate, FoldTrial
from .windows import Layout

NETWORKS = ("auto", "linear", "smoothing", "mlp", "both", "gru", "lstm", "tcn")
#: Windows from which on "auto" tries what reads lags step by step, where an MLP errs less than every linear map.
MANY_WINDOWS = 1000
#: Who errs more than the best one by this factor is left out. A median needs little of that: it goes with the middle
#: ones whoever errs, where a mean, also one weighted by errors in the trial, is drawn to those that err.
WORST = 2
#: The penalty of a linear map where none was tried.
UNTRIED_ALPHA = 1e4


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
    runs_on: dict[str, Any] = field(default_factory=dict)  # the arguments of ct.fit that say what trains networks


@dataclass
class Choice:
    """Those whose median is forecast; whom they were chosen from; why."""

    some: list[Candidate]
    tried: list[Candidate]
    why: str = ""

    @property
    def error(self) -> float:
        return self.tried[-1].error if len(self.some) > 1 and self.tried else self.some[0].error


def kind_of(one: Candidate) -> str:
    """The kind of a candidate: those of one kind err alike, and a median gains nothing by two of them."""
    if one.part != "linear":
        return {"none": "smoothing", "gru": "recurrent", "lstm": "recurrent"}.get(one.part, one.part)
    return {"series": "series", "smooth": "beside"}.get(one.layout.view, "window")


def choose(trial: FoldTrial, asked: ForecastSettings, windows: int) -> Choice:
    """Try what is asked for; of "auto" everything, of each kind the best."""
    if not trial.folds:
        return untried(trial.layout, asked)
    tried: list[Candidate] = []
    if asked.network != "smoothing":
        tried = linear_maps(trial, asked.view)
        if asked.network == "auto" and asked.view is None:
            tried.append(trial.plain())
    best = min((one for one in tried if one.part == "linear"), key=_error, default=None)
    if asked.network == "smoothing" or (asked.network == "auto" and asked.view is None):
        tried += [trial.by_rule(one) for one in trial.layouts("smooth")]
    if best is not None:
        for part in trained_parts(asked.network, windows):
            tried.append(try_network(part, trial, best.layout, asked.seed, asked.runs_on))
            if asked.network == "auto" and tried[-1].error >= best.error:
                break
    if asked.network == "both" and best is not None:
        return median_of_some(trial, [best, tried[-1]], tried, "as asked")
    if asked.network != "auto":
        return Choice([tried[-1] if asked.network in NAMES else min(tried, key=_error)], tried, "as asked")
    return median_of_some(trial, best_of_each(tried), tried, "")


def trained_parts(network: str, windows: int) -> list[str]:
    """The networks that are trained, in the order of their trial: of "auto" one that errs more than the best linear map
    ends it, since a curve that an MLP does not see, others rarely do."""
    if network == "auto":
        return ["mlp"] * (windows >= FEWEST_FOR_MLP) + ["gru", "lstm", "tcn"] * (windows >= MANY_WINDOWS)
    return ["mlp"] if network == "both" else [network] if network in NAMES else []


def linear_maps(trial: FoldTrial, view: str | None) -> list[Candidate]:
    """A linear map for each view of the windows; without columns of the past where it is better so; and the best one of
    the last season alone."""
    layouts = trial.layouts(view)
    found = [trial.linear(layouts[0])]
    if trial.tracks[0].past.shape[1]:
        found.append(trial.linear(replace(layouts[0], past=False)))
        if found[1].error < BETTER * found[0].error:
            layouts = [replace(one, past=False) for one in layouts]
    found += [trial.linear(one) for one in layouts[1:]]
    best = min(found, key=_error).layout
    if best.season > 1 and best.lags > best.season:
        found.append(trial.linear(replace(best, lags=best.season)))
    return found


def best_of_each(tried: Sequence[Candidate]) -> list[Candidate]:
    """The best of each kind, but those that err much more than the best of all; the best first."""
    found: dict[str, Candidate] = {}
    for one in sorted(tried, key=_error):
        found.setdefault(kind_of(one), one)
    least = min(one.error for one in found.values())
    return [one for one in found.values() if one.error <= WORST * least]


def median_of_some(trial: FoldTrial, some: list[Candidate], tried: list[Candidate], why: str) -> Choice:
    """The choice of a median, which stands last among those tried."""
    return Choice(some, tried + [trial.median(some)] * (len(some) > 1), why)


def untried(layout: Layout, asked: ForecastSettings) -> Choice:
    """What is taken where there are too few windows to compare: exponential smoothing and the season before, which have
    next to nothing to learn; of networks a linear map near to smoothing."""
    if asked.network in ("auto", "smoothing") and asked.view is None:
        views = ["smooth", "season" if layout.season > 1 else "last"][:1 + (asked.network == "auto")]
        some = [Candidate(name, replace(layout, view=view), "none")
                for view, name in zip(views, ("exponential smoothing", "as before"), strict=False)]
    else:
        some = [Candidate("linear", replace(layout, view=asked.view or "smooth"), "linear", UNTRIED_ALPHA)]
    return Choice(some, [], "too few windows to compare others")


def _error(one: Candidate) -> float:
    return one.error
