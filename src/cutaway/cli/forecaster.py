"""Forecasts: `cutaway fit --forecast COL`, and what other commands do with such a model."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import ArgumentError, DataError
from ..text import counted, duration, listed, number, size
from .options import FitOptions, ReadOptions
from .rows import check_columns, in_options, table
from .shell import shell

if TYPE_CHECKING:
    from .terminal import Screen

#: Options of a network of one's own on the windows of one series, which `cutaway fit --forecast` trains with them.
OWN = ("hidden", "loss", "epochs", "batch_size", "lr", "time_limit", "monitor", "quantiles", "preset")
#: What the entry of a model file is called that holds the scores.
ENTRY = "backtest"


@dataclass
class ForecastOptions:
    """What only forecasts by time take."""

    known: list[str]
    step: str | None = None
    zone: str | None = None
    coverage: float = 0.8


def wanted(asked: ReadOptions, options: FitOptions, more: ForecastOptions) -> bool:
    """Whether a forecaster is to be fitted: where nobody asks for a network of their own. Raises ArgumentError for
    options that only a forecaster takes, where there is none."""
    ours = bool(asked.forecast) and asked.gaps != "join" and not any(
        getattr(options, name) is not None for name in OWN)
    if not ours:
        for name in ("known", "step", "zone"):
            if getattr(more, name):
                raise ArgumentError(f"--{name} is of forecasts: add --forecast, and leave out what a network of your "
                                    "own takes (--epochs, --hidden, --loss, ...).")
        return False
    asked.refuse(("target", "group", "split", "size", "mode", "skip_damaged", "column", "task"),
                 "--forecast" if not asked.targets else "--forecast, which names what is to be predicted")
    for name in ("class_weight", "augment"):
        if getattr(options, name):
            raise ArgumentError(f"--{name.replace('_', '-')} does not go with --forecast. Leave it out.")
    if isinstance(options.test, Path):
        raise ArgumentError(f"--test {options.test}: a forecast is scored on the latest rows of its own file: give a "
                            "share of them, such as 0.2, or leave the options out.")
    return True


def fit(data: Path, out: Path, report: Path | None, asked: ReadOptions, options: FitOptions, more: ForecastOptions,
        screen: Screen) -> str:
    """Fit a forecaster, score it beside its rivals, and write it. Gives the verdict."""
    import time

    from ..forecast import Forecaster
    from ..forecast.time_column import timed
    from .later import loading

    with loading():
        from ..data.formats import format_of

        if (holds := format_of(data).holds) != "table":
            raise ArgumentError(f"--forecast does not go with {data.name}, which holds {holds}: a forecast is of a "
                                "table with a row for each step.")
        frame = table(data, asked)
    check_columns(data, frame, forecast=[asked.forecast], time=[asked.time] if asked.time else [],
                  id=[asked.id] if asked.id else [], drop=asked.drop, known=more.known)
    frame = frame.drop(columns=asked.drop)
    of_times = [name for name, given in (("gaps", asked.gaps), ("zone", more.zone)) if given]
    if of_times and timed(frame, asked.forecast, asked.time, asked.id, more.known)[1].time is None:
        raise ArgumentError(f"--{of_times[0]} goes by the column of times, and none is found: name it with --time.")
    model = Forecaster(asked.horizon, asked.window, gaps=asked.gaps or "fill", step=_step(more.step), zone=more.zone,
                       coverage=more.coverage, random_state=options.seed, threads=options.threads,
                       engine=options.engine or "cpu", device=options.device, devices=options.devices,
                       precision=options.precision, exact=bool(options.exact))
    began = time.perf_counter()
    roles: dict[str, Any] = {"target": asked.forecast, "time": asked.time, "id": asked.id, "known": more.known}
    with in_options(data):
        model.fit(frame, **roles)
    learnt = time.perf_counter() - began
    _data(screen, data, frame, model)
    _design(screen, model)
    screen.title("Training", f"on all rows, {duration(learnt)}")
    with in_options(data):
        tested = model.set_params(horizon=model.layout_.horizon).backtest(frame, **roles, test=options.test)
    summary = summarised(tested)
    _scores(screen, summary)
    _chart(screen, tested)
    _save(model, out, summary)
    screen.title("Written")
    rows = [(str(out), f"a forecaster that has learnt from all rows, {size(out.stat().st_size)}")]
    if report is not None:
        from ..report.forecast_page import write_forecast_report

        write_forecast_report(report, model, tested, data.name, shell("cutaway", "fit", data))
        rows.append((str(report), f"all of this as one page, {size(report.stat().st_size)}"))
    screen.table(rows, dim=(1,))
    screen.title("Next")
    screen.lines([shell("cutaway", "predict", out, data, "-o", "forecast.csv", "--picture", "forecast.png"),
                  f"{shell('cutaway', 'evaluate', out)} LATER-ROWS"])
    return tested.verdict


def _step(text: str | None) -> Any:
    """A step as it is asked for: a number where times are numbers."""
    try:
        return None if text is None else float(text)
    except ValueError:
        return text


def summarised(tested: Any) -> dict[str, Any]:
    """What a model file keeps of a backtest: scores of each rival, those by step of the best few, and the verdict."""
    table, steps = tested.summary(), tested.by_step()
    return {"about": f"{counted(tested.windows, 'window')} of {counted(tested.horizon, 'step')} behind "
                     f"{counted(len(tested.stretches), 'cut')}, each learnt from the rows before it",
            "scores": [[name, *map(float, line)] for name, line in zip(table.index, table.to_numpy(), strict=True)],
            "names": list(table.columns), "verdict": tested.verdict, "coverage": tested.coverage,
            "notes": list(tested.notes), "steps": {name: [float(v) for v in steps[name]] for name in steps.columns}}


def _data(screen: Screen, data: Path, frame: Any, model: Any) -> None:
    screen.title("Data", f"{data.name}: {len(frame):,} rows, {model.about_}")
    columns = {role: [c.name for c in model.columns_ if c.role == role] for role in ("known", "past", "static")}
    words = {"known": "known ahead", "past": "of the past", "static": "of each series"}
    facts = [("target", model.roles_.target)]
    facts += [(words[role], listed(names, 8)) for role, names in columns.items() if names]
    screen.table([*facts, *(("note", note) for note in model.notes_)], dim=(0,))


def _design(screen: Screen, model: Any) -> None:
    screen.title("Design", f"{number(sum(p.size for p in model.model_.parameters())) or 0} parameters trained"
                 if list(model.model_.parameters()) else "nothing trained: solved at once")
    screen.table(model.design_, dim=(2,))


def _scores(screen: Screen, summary: dict[str, Any]) -> None:
    from rich.text import Text

    screen.title("Scores", f"{summary['about']}; MASE is the error over that of the seasonal naive forecast before")
    names = summary["names"]
    asked = f"coverage ({summary['coverage']:.0%} asked)"
    rows = [(name, *(number(value) for value in values)) for name, *values in summary["scores"]]
    screen.table(rows, ["", *names[:-1], asked], right=range(1, len(names) + 1))
    screen.say()
    screen.table([(Text(summary["verdict"], style="bold"),)], fixed=())
    for note in summary["notes"]:
        screen.table([(f"note: {note}",)], fixed=())
    steps = summary["steps"]
    many = max((len(values) for values in steps.values()), default=0)  # none where MASE is of no window
    if many > 1:
        some = sorted({0, many // 4, many // 2, 3 * many // 4, many - 1})
        screen.title("Steps ahead", "MASE at each")
        screen.table([(name, *(number(values[k]) for k in some)) for name, values in steps.items()],
                     ["", *(f"+{k + 1}" for k in some)], right=range(1, len(some) + 1))


def _chart(screen: Screen, tested: Any) -> None:
    last = tested.last()
    _draw(screen, f"The last test window{last.words}", last)


def _draw(screen: Screen, title: str, shown: Any) -> None:
    """Draw history, forecast and band in characters, where the terminal can show them."""
    from ..drawing.braille import braille_chart
    from .terminal import WIDEST

    if (getattr(screen.console.file, "encoding", "") or "").lower().replace("-", "") not in ("utf8", ""):
        return
    width = min(screen.console.width, WIDEST) - 2
    lines = braille_chart(shown.line, shown.forecast, shown.lower, shown.upper, shown.start, width)
    screen.title(title, f"the line is {shown.target}, points are the forecast, shade is its band; from "
                        f"{shown.times[0]} to {shown.times[1]}")
    screen.text("\n".join(f"  {line}" for line in lines))


def _save(model: Any, path: Path, summary: dict[str, Any]) -> None:
    from .. import files
    from ..forecast.persistence import parts

    network, fitted, example = parts(model)
    files.save(network, path, input=example, extra=fitted | {ENTRY: summary}, kind="Forecaster")


def load(path: Path) -> Any:
    """The forecaster in a file, None where it holds another model."""
    from ..files import describe

    if describe(path)["kind"] != "Forecaster":
        return None
    from .. import files, forecast  # noqa: F401  it says itself how it is rebuilt

    return files.load(path)


def predict(model: Any, data: Path, out: Path | None, horizon: int | None, coverage: float | None,
            picture: Path | None, others: list[str], asked: ReadOptions) -> None:
    """Forecast what comes behind the rows of a file, and write it as CSV; where it goes to a file, draw it too."""
    from ..files import write_whole
    from ..files.spreadsheet import as_csv
    from . import checks
    from .terminal import Screen, warn

    if others:
        raise ArgumentError(f"{others[0]} does not go with a forecaster: leave it out.")
    if picture is not None:
        checks.output(picture, "--picture", (".svg", ".png"), [data])
    with in_options(data):
        found = model.outlook(horizon, table(data, asked), coverage)
        coming = found.frame()
    for note in found.notes:
        warn(f"{data.name}: {note}")
    columns: dict[str, Any] = {}
    for name in coming.columns:
        values = coming[name]
        columns[name] = [f"{v:.9g}" for v in values] if name in ("forecast", "lower", "upper") else (
            written_times(values) if name == (model.roles_.time or "step") else values)
    plain = [name for name, values in columns.items() if isinstance(values, list)]
    text = as_csv(columns, plain=plain).encode()
    if picture is not None:
        found.plot(picture)
    if out is None:
        sys.stdout.write(text.decode())
        return
    write_whole(out, text)
    screen = Screen(stderr=True)
    screen.say(f"{counted(found.steps, 'step')} of {counted(len(found.tracks), 'series', 'series')} forecast, written "
               f"to {out}" + (f", drawn in {picture}" if picture is not None else ""))
    first = found.shown()
    _draw(screen, f"Forecast{first.words}", first)


def written_times(values: Any) -> list[str]:
    """Times as one reads and spells them: days where all are midnight, else with the time of day."""
    from pandas.api import types

    if not types.is_datetime64_any_dtype(values.dtype):
        return [f"{v:.15g}" if isinstance(v, float) else str(v) for v in values.tolist()]
    days = bool((values.dt.normalize() == values).all())
    zone = "%z" if getattr(values.dt, "tz", None) is not None else ""
    found = values.dt.strftime("%Y-%m-%d" if days and not zone else f"%Y-%m-%d %H:%M:%S{zone}")
    return [f"{text[:-2]}:{text[-2:]}" if zone else text for text in found]


def evaluate(model: Any, data: Path, others: list[str], asked: ReadOptions) -> None:
    """Score the forecasts of rows that came after those that the forecaster has learnt from, beside its rivals."""
    from .terminal import Screen, warn

    if others:
        raise ArgumentError(f"{others[0]} does not go with a forecaster: leave it out.")
    try:
        with in_options(data):
            tested = model.evaluate(table(data, asked))
    except DataError as problem:
        if not str(problem).startswith("No row with"):
            raise
        raise DataError(f"{data.name}: {str(problem).partition(' Give rows')[0]} Give rows that came later, or let "
                        f"{shell('cutaway', 'fit', data, '--forecast', model.roles_.target)} score a "
                        "forecaster on the latest of these, which it then has not seen.") from None
    *notes, about = tested.notes
    for note in notes:
        warn(f"{data.name}: {note}")
    tested.notes = []
    screen = Screen()
    _scores(screen, summarised(tested) | {
        "about": f"{counted(tested.windows, 'forecast')} of up to {counted(tested.horizon, 'step')}; {about}"})
    _chart(screen, tested)


def inspect(screen: Screen, model: Any, extra: dict[str, Any]) -> None:
    """Show what a forecaster's file holds besides its layers."""
    columns = [(c.name, {"known": "known ahead", "past": "of the past", "static": "of each series"}[c.role],
                f"{counted(len(c.levels), 'word')}" if c.levels else "a number") for c in model.columns_]
    screen.title("Forecast", f"of {model.roles_.target}, {counted(len(model.tails_), 'series', 'series')}")
    screen.table(model.design_, dim=(2,))
    if columns:
        screen.title("Columns")
        screen.table(columns, dim=(1,))
    if isinstance(extra.get(ENTRY), dict) and "scores" in extra[ENTRY]:
        _scores(screen, extra[ENTRY])
