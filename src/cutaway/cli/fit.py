"""cutaway fit: a table, images or sequences in, a trained network with an honest score out."""

from __future__ import annotations

import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from typer import Argument, Context, Option

from ..errors import ArgumentError
from ..files.endings import MODEL, PAGE
from ..text import size
from . import checks
from .files_as import MissingOption, SheetOption, SqlOption
from .images_as import ModeOption, SkipDamaged
from .shell import shell

if TYPE_CHECKING:
    from .study import Study
    from .terminal import Screen

Precision = StrEnum("Precision", ["float32", "bf16"])
PresetOption = StrEnum("PresetOption", ["fast", "default", "best"])
Gaps = StrEnum("Gaps", ["cut", "fill", "join", "refuse"])


class WeightOption(StrEnum):
    """How much the rows of each class count."""

    balanced = "balanced"


class TaskOption(StrEnum):
    """What kind of answer is wanted."""

    regression = "regression"
    classification = "classification"


def fit(
    context: Context,
    files: Annotated[list[Path], Argument(metavar="DATA...", show_default=False,
                                          help="A table (.csv, .xlsx, .parquet, .json, ...; - is standard input), or "
                                               "several with the same columns; a folder of images, WAV files or "
                                               "recordings in CSV with a folder for each class, a table of such files, "
                                               "a .ts file, or .npz with X, y.")],
    target: Annotated[list[str] | None, Option("--target", "-t", metavar="COL", show_default=False,
                                               help="The column to predict; repeat it for several.")] = None,
    out: Annotated[Path, Option("--out", "-o", help="Where the model goes.")] = Path("model.safetensors"),
    report: Annotated[Path | None, Option(help="Also write everything as one HTML page.")] = None,
    rivals: Annotated[bool, Option("--rivals", help="Compare with boosting, too, and with the mean of all models; a "
                                                    "report does.")] = False,
    test: Annotated[str, Option(metavar="SHARE|PATH", help="Share of the rows kept for the test, or a file or folder "
                                                           "with the test rows.")] = "0.2",
    group: Annotated[str | None, Option(metavar="COL", help="Rows alike in this column stay on one side of the "
                                                            "split.")] = None,
    time: Annotated[str | None, Option(metavar="COL", help="Test on the latest rows by this column; what orders the "
                                                           "steps of sequences.")] = None,
    split: Annotated[str | None, Option(metavar="auto|random|time[:COL]|groups[:COL]", show_default=False,
                                        help="How a table's rows are divided. Left out: by time or groups where they "
                                             "surely matter, which is told, else by chance.")] = None,
    drop: Annotated[list[str] | None, Option(metavar="COL", help="Leave this column out; may be repeated.")] = None,
    column: Annotated[list[str] | None, Option(metavar="NAME=KIND", show_default=False,
                                               help="Take this column for a number, category, boolean or date, "
                                                    "whatever it looks like, or drop it; may be repeated.")] = None,
    id: Annotated[str | None, Option(metavar="COL", help="Names the sequence, in a table with a row for each "
                                                         "of its time steps.")] = None,
    forecast: Annotated[str | None, Option(metavar="COL", help="Forecast this column from the rows before; --time says "
                                                               "when they were, else it is found.")] = None,
    window: Annotated[int | None, Option(min=1, help="Rows that a forecast sees: by the data; 24 for a network "
                                                      "of your own (--epochs, --hidden, ...). Of sequences with --id: "
                                                      "the target is one of each row, told by so many rows up to it."
                                          )] = None,
    horizon: Annotated[int | None, Option(min=1, help="Rows that are forecast: a season; 1 for a network of your "
                                                       "own.")] = None,
    gaps: Annotated[Gaps | None, Option(help="Missing time steps of a forecast: fill them with empty steps (so unless "
                                             "given), cut out the windows across them, join what is beside them, or "
                                             "refuse the table.", show_default=False)] = None,
    size: Annotated[str | None, Option(metavar="HxW", help="Bring all images to this size, such as 64x64.")] = None,
    mode: ModeOption = None,
    skip_damaged: SkipDamaged = False,
    augment: Annotated[bool | None, Option(help="Vary the images in training: shift and turn them a little.",
                                           show_default=False)] = None,
    task: Annotated[TaskOption | None, Option(help="Overrule what the target looks like.", show_default=False)] = None,
    class_weight: Annotated[WeightOption | None, Option(help="Let rows of rare classes count more.",
                                                   show_default=False)] = None,
    loss: Annotated[str | None, Option(help="For a target of numbers: mse, half_mse, mae, huber or quantile.",
                                       show_default=False)] = None,
    quantiles: Annotated[str | None, Option(metavar="0.05,0.5,0.95", show_default=False,
                                            help="Of --loss quantile: the shares of targets that lie below.")] = None,
    hidden: Annotated[str | None, Option(metavar="128,128", help="Neurons of each hidden layer, or none.")] = None,
    epochs: Annotated[int | None, Option(min=1, help="Passes over the rows, at most.")] = None,
    batch_size: Annotated[int | None, Option(min=1, help="Rows a step.")] = None,
    lr: Annotated[str | None, Option(metavar="RATE|auto", show_default=False,
                                     help="The highest learning rate; auto finds it first.")] = None,
    seed: Annotated[int, Option(min=0, help="The same seed gives the same result.")] = 0,
    threads: Annotated[int | None, Option(min=1, help="Threads to train with.")] = None,
    time_limit: Annotated[float | None, Option(metavar="S", help="Stop training after so many seconds.")] = None,
    monitor: Annotated[str | None, Option(metavar="SCORE", show_default=False,
                                          help="The validation score that chooses the weights: loss, accuracy; for "
                                               "numbers loss, r2, rmse, mae.")] = None,
    precision: Annotated[Precision | None, Option(show_default=False,
                                                  help="bf16: train with products of factors rounded to bf16, where "
                                                       "the processor can.")] = None,
    preset: Annotated[PresetOption | None, Option(show_default=False,
                                                  help="Of a table: how much is done for the score; default unless "
                                                       "given. best takes some five times as long.")] = None,
    positive: Annotated[str | None, Option(metavar="LABEL", show_default=False,
                                           help="The class that is said from --threshold on, and that the report "
                                                "looks at.")] = None,
    threshold: Annotated[str | None, Option(metavar="P|cost=FP:FN|f1", show_default=False,
                                            help="Say --positive from this probability on, 0.5 unless given; where "
                                                 "mistakes cost least, cost=1:20 if a miss costs 20 false alarms; or "
                                                 "that of the best F1.")] = None,
    sheet: SheetOption = None,
    sql: SqlOption = None,
    user_missing: MissingOption = False,
    quiet: Annotated[bool, Option("--quiet", "-q", help="Print who won, and nothing else.")] = False,
    known: Annotated[str | None, Option(metavar="COL,COL", help="Of a forecast: columns that are known ahead, such "
                                                                "as holidays.", show_default=False)] = None,
    step: Annotated[str | None, Option(metavar="'1 hour'", help="Of a forecast: bring irregular times to this step, "
                                                                "by the mean.", show_default=False)] = None,
    zone: Annotated[str | None, Option(metavar="ZONE", help="Of a forecast: whose clock the times are by, such as "
                                                            "Europe/Berlin.", show_default=False)] = None,
    wide: Annotated[bool, Option("--wide", help="Each row of the table is a series, its columns t1, t2, ... or heat_1, "
                                                "heat_2, ... are the steps.")] = False,
    engine: Annotated[str | None, Option(metavar="NAME", help="What trains: cpu, unless given, or xla (JAX); "
                                                              "`cutaway engines` lists them.")] = None,
    device: Annotated[str | None, Option(metavar="cpu|gpu|tpu", help="Of --engine xla: where it trains; unless given, "
                                                                     "on what JAX finds first.")] = None,
    devices: Annotated[str | None, Option(metavar="N|all", help="Of --engine xla: so many devices share the rows of "
                                                                "each batch.", show_default=False)] = None,
    processes: Annotated[int | None, Option(min=1, show_default=False,
                                            help="Train in so many processes of this machine, by JAX, to try it; of "
                                                 "several machines: ct.distributed.start.")] = None,
    exact: Annotated[bool, Option("--exact", help="Of --engine xla: the same bits for any number of processes and "
                                                  "devices.")] = False,
    checkpoint: Annotated[Path | None, Option(metavar="FOLDER", show_default=False,
                                              help="Write checkpoints into this folder, every few seconds of "
                                                   "training.")] = None,
    resume: Annotated[bool, Option("--resume", help="Go on from the last checkpoint in --checkpoint, to the same bits: "
                                                    "after Ctrl-C, a crash, a lost process.")] = False,
) -> None:
    """Train a network on a table, images or sequences, score it on rows it has not seen, and write it to a file.

    What is left open is designed from the data, and every choice is printed with its reason. The linear model beside
    the network says whether the network was worth it.
    """
    from . import forecaster
    from .honest import asked_way
    from .options import FitOptions, ReadOptions
    from .shell import again
    from .study import begin
    from .terminal import Screen

    options = FitOptions(
        checks.share_or_path(test, "--test"), checks.hidden(hidden), loss, epochs, batch_size,
        checks.rate(lr, "--lr"), seed, threads, checks.positive(time_limit, "--time-limit"), augment,
        None if class_weight is None else class_weight.value, monitor,
        None if precision is None else precision.value, checks.quantiles(quantiles, loss),
        None if preset is None else preset.value, *checks.positive_class(positive, threshold),
        **checks.runs_on(engine, device, devices, processes, exact),
    )
    data, *more = files
    checks.output(out, "--out", MODEL, [data, *more])
    if report is not None:
        checks.output(report, "--report", PAGE, [data, *more])
    checks.checkpoints(checkpoint, resume)
    asked = ReadOptions(target or [], None if task is None else task.value, drop or [], group, time, id, forecast,
                        window, horizon, size, skip_damaged, mode, None if gaps is None else gaps.value,
                        column=checks.kinds(column or []), sheet=sheet, sql=sql, user_missing=user_missing,
                        more=[str(path) for path in more], wide=wide)
    ahead = forecaster.ForecastOptions([part for part in (known or "").split(",") if part], step, zone)
    if forecaster.wanted(asked, options, ahead):
        if checkpoint is not None:
            raise ArgumentError("--checkpoint is of the training of one network, and --forecast chooses among many "
                                "short ones: leave it out, or ask for a network of your own (--epochs, --hidden, ...).")
        verdict = forecaster.fit(data, out, report, asked, options, ahead, Screen(quiet))
        return Screen().say(verdict) if quiet else None
    asked_way(asked, split)
    study = begin(options, data, asked)
    screen = Screen(quiet)
    going_on = again(context.obj, "--resume") if checkpoint is not None else ""
    follow(study, screen, report is not None, rivals, checkpoint, going_on)
    study.found.commands = [shell("cutaway", "predict", out, data if sheet is None else f"{data}::{sheet}", *more,
                                  *(("--sql", sql) if sql else ()), "-o", "predictions.csv")]
    write(study, screen, out, report)
    if quiet:
        Screen().say(study.found.verdict)
        for remark in study.found.remarks:
            Screen().say(remark.advice)


def follow(study: Study, screen: Screen, report: bool = False, rivals: bool = False, checkpoint: Path | None = None,
           going_on: str = "") -> None:
    """Do all steps of a study; each section is printed as soon as it is known. checkpoint: a folder to write to and to
    go on from; going_on: the command that does."""
    from . import sections

    found = study.found
    study.design()
    sections.data(screen, found)
    sections.remarks(screen, found.remarks)
    said = list(found.remarks)
    sections.design(screen, found)
    screen.title("Training", found.divided.partition(" (")[0])
    study.train(progress=not screen.quiet and sys.stderr.isatty(), checkpoint=checkpoint)
    screen.table([(found.training,)], fixed=())
    if study.interrupted:
        screen.say("  Interrupted: the network as it is now is scored and written." + " To go on:" * bool(going_on),
                   style="yellow")
        screen.lines([going_on] * bool(going_on))
    study.score()
    sections.scores(screen, found, said)
    study.explain()
    study.look_inside(report)
    sections.importance(screen, found)
    study.compare(report or rivals, asked=rivals)
    sections.rivals(screen, found)
    study.diagnose(report)
    sections.diagnosis(screen, found)
    sections.seconds(screen, found)


def write(study: Study, screen: Screen, out: Path, report: Path | None) -> None:
    """Write the model file, and the report if wanted."""
    from ..report import write_report
    from .keeping import save

    save(study.estimator, out, study.found)
    screen.title("Written")
    about = f"the model scored above, {size(out.stat().st_size)}; it has learnt from the training rows only"
    rows = [(str(out), about)]
    if report is not None:
        write_report(report, study.found)
        rows.append((str(report), f"all of this as one page, {size(report.stat().st_size)}"))
    screen.table(rows, dim=(1,))
    screen.title("Next")
    screen.lines(study.found.commands)
