"""The page of a forecaster: its forecasts beside the truth, its rivals, errors by step and hour, the worst windows, and
what it leans on."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ..files.container import write_whole
from ..files.endings import PAGE, PRINT, check_ending
from ..forecast.backtest import OURS, Backtest
from ..forecast.outlook import ForecastChart
from ..text import counted, number, short
from .charts import curves, forecast_chart
from .html import Html, table, tag
from .page import _bar, _figure, _section, document

#: Rivals whose errors are drawn by step and hour besides the forecaster's, and what it leans on that is shown.
MOST_RIVALS, MOST_LEANT = 2, 12
COLOURS = ("a", "b", "c")


def write_forecast_report(path: Any, forecaster: Any, tested: Backtest, source: str, command: str) -> None:
    """Write the page of a forecaster and its backtest to `path`, whole or not at all."""
    check_ending(path, "a report", (*PAGE, ""), hint=PRINT)
    write_whole(Path(path), forecast_page(forecaster, tested, source, command).encode("utf-8", "replace"))


def forecast_page(forecaster: Any, tested: Backtest, source: str, command: str) -> str:
    """The whole page as text."""
    name = f"{tested.target}, {counted(tested.horizon, 'step')} ahead"
    best = [rival for rival in tested.summary().index if rival != OURS][:MOST_RIVALS]
    parts = [_headline(tested, name, source), _windows(tested), _scores(tested), _errors(tested, [OURS, *best]),
             _leans(tested), _worst(tested), _data(forecaster, source), _design(forecaster), _use(command)]
    return document(name, parts)


def _headline(tested: Backtest, name: str, source: str) -> Html:
    scores = tested.summary()["MASE"]
    most = float(scores.max()) if scores.notna().any() else 1.0
    bars = [_bar(rival, float(value), most, number(value), "a" if rival == OURS else "b")
            for rival, value in scores.items()]
    note = (f"MASE, the less the better: mean errors on {counted(tested.windows, 'window')} that were not learnt from, "
            "over those of the seasonal naive forecast on rows before")
    return tag("header", tag("p", "Cutaway · forecast", class_="kicker"),
               tag("h1", name, " ", tag("small", f"from {source}")),
               tag("div", tag("p", note, class_="note"), bars, class_="bars"),
               tag("p", tested.verdict, class_="verdict"))


def _windows(tested: Backtest) -> Html:
    figures = []
    for k, stretch in enumerate(tested.stretches):
        last = int((stretch.track == stretch.track[0]).nonzero()[0][-1])
        figures.append(_picture(tested.chart(stretch, last), f"The last window behind cut {k + 1}"))
    return tag("section", figures, class_="figures")


def _picture(one: ForecastChart, what: str) -> Html:
    chart = forecast_chart(one.line.tolist(), one.start, one.forecast.tolist(), one.lower.tolist(), one.upper.tolist(),
                           short(one.target, 30), f"Forecast of {one.target} and the truth")
    return _figure(chart, f"{what}{one.words}, {one.times[0]} to {one.times[1]}: ",
                  tag("span", one.target, class_="ink t"), " and the ", tag("span", "forecast", class_="ink a"),
                  " with its band.")


def _scores(tested: Backtest) -> Html:
    frame = tested.summary()
    rows = [[rival, *map(number, values)] for rival, values in zip(frame.index, frame.to_numpy().tolist(), strict=True)]
    cuts = counted(len(tested.stretches), "cut")
    note = (f"Means over {cuts} and {counted(tested.horizon, 'step')}; MAE and RMSE are in the unit of "
            f"{tested.target}, WQL is the weighted quantile loss; {tested.coverage:.0%} of values are to lie in the "
            "band. Behind each cut, all have learnt from the rows before it alone.")
    return _section("Scores", table(["", *frame.columns], rows, numbers=1),
                   [tag("p", text, class_="note") for text in tested.notes], note=note)


def _errors(tested: Backtest, rivals: Sequence[str]) -> Html:
    """Errors by step ahead, and by hour, weekday or month."""
    figures = []
    ink = [part for k, rival in enumerate(rivals)
           for part in (", " * (k > 0), tag("span", rival, class_=f"ink {COLOURS[k]}"))]
    if tested.horizon > 1:
        steps = tested.by_step("MAE")
        lines = [(COLOURS[k], [(h + 1, float(v)) for h, v in enumerate(steps[rival])])
                 for k, rival in enumerate(rivals)]
        figures.append(_figure(curves(lines, "steps ahead", "mean error", "Mean absolute error by step"),
                              "The error at each step ahead: ", *ink, "."))
    moments = tested.by_moment()
    if len(moments) > 1:
        lines = [(COLOURS[k], [(i, errors[rival]) for i, (_, errors) in enumerate(moments)])
                 for k, rival in enumerate(rivals)]
        names = f"{moments[0][0]} to {moments[-1][0]}"
        figures.append(_figure(curves(lines, names, "mean error", "Mean absolute error by moment"),
                              f"The error at each hour, weekday or month that is forecast ({names}): ", *ink, "."))
    return tag("section", tag("h2", "Errors"), tag("div", figures, class_="figures"))


def _leans(tested: Backtest) -> Html | None:
    found = [one for one in tested.importance() if one[1] > 0][:MOST_LEANT]
    if not found:
        return None
    bars = [_bar(short(name, 40), cost, found[0][1], f"+{number(cost)}", "a") for name, cost in found]
    return _section("What it leans on", tag("div", bars, class_="bars"),
                   note="How much MASE grows behind the last cut where one of these is shuffled among the windows.")


def _worst(tested: Backtest) -> Html:
    frame = tested.worst()
    several = frame["series"].notna().any()
    rows = [[*([str(one["series"])] if several else []), str(one["from"]).removesuffix(" 00:00:00"),
             number(one["MAE"]), number(one["MASE"])] for one in frame.to_dict("records")]
    head = [*(["series"] if several else []), "from", "mean error", "MASE"]
    return _section("Worst windows", table(head, rows, numbers=len(head) - 2),
                   note="Where the forecaster erred most; look there for what no column tells it.")


def _data(forecaster: Any, source: str) -> Html:
    words = {"known": "known ahead", "past": "known of the past", "static": "of each series"}
    columns = [[c.name, words[c.role], f"{len(c.levels)} words" if c.levels else "numbers"]
               for c in forecaster.columns_]
    return _section("Data", tag("p", f"{source}: {forecaster.about_}."),
                   [tag("p", note, class_="note") for note in forecaster.notes_],
                   columns and table(["column", "role", "holds"], columns))


def _design(forecaster: Any) -> Html:
    rows = [[tag("b", name), value, reason] for name, value, reason in forecaster.design_]
    tried = [[name, number(error)] for name, error in forecaster.trials_]
    return _section("Design", table([], rows, class_="design"),
                   tried and tag("details", tag("summary", f"All {len(tried)} candidates"),
                                 table(["candidate", "MASE on later windows"], tried, numbers=1)))


def _use(command: str) -> Html:
    return _section("Use it", tag("pre", command), note="The model has learnt from all rows, the latest ones too.")
