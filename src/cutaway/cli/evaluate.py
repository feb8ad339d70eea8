"""cutaway evaluate: the scores of a model on other data."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from typer import Argument, Option

from .files_as import MissingOption, SheetOption, SqlOption, how_read
from .images_as import ModeOption, SizeOption, SkipDamaged


def evaluate(
    model: Annotated[Path, Argument(help="A model that `cutaway fit` wrote.", show_default=False)],
    files: Annotated[list[Path], Argument(metavar="DATA...", show_default=False,
                                          help="What the model was trained on, with the target.")],
    target: Annotated[list[str] | None, Option("--target", "-t", metavar="COL",
                                               help="The column with the truth, if not that of training.")] = None,
    positive: Annotated[str | None, Option(metavar="LABEL", show_default=False,
                                           help="The class that --threshold is for, if not that of training.")] = None,
    threshold: Annotated[list[str] | None, Option(metavar="P|cost=FP:FN|LABEL=P", show_default=False,
                                                  help="Say --positive, or LABEL, from this probability on, whatever "
                                                       "training chose; LABEL=P may be repeated.")] = None,
    size: SizeOption = None,
    mode: ModeOption = None,
    skip_damaged: SkipDamaged = False,
    sheet: SheetOption = None,
    sql: SqlOption = None,
    user_missing: MissingOption = False,
) -> None:
    """Score a model on a table, images or sequences with their targets, which it should not have learnt from.

    A forecaster (fit --forecast) is scored on the rows that came after those it knows, beside its rivals.
    """
    import numpy as np

    from ..data.judgement import judged_by
    from ..errors import ArgumentError, DataError
    from ..report import verdict
    from ..report.decisions import decision
    from ..report.findings import Findings, Score
    from ..report.scores import confusions, measure, measure_outputs
    from ..report.sureness import sureness
    from ..report.verdict import Answer
    from . import checks, forecaster, problem, sections
    from .answers import answers, decided, doubted
    from .keeping import load, reading
    from .options import ReadOptions
    from .rows import about, in_file
    from .sources import brings_labels, load_for
    from .terminal import Screen, warn

    data, *more = files
    if (ahead := forecaster.load(model)) is not None:
        others = {"--target": target, "--positive": positive, "--threshold": threshold, "--size": size, "--mode": mode}
        return forecaster.evaluate(ahead, data, [name for name, value in others.items() if value],
                                   ReadOptions(**how_read({}, sheet, sql, user_missing, more)))
    estimator, how = load(model), how_read(reading(model), sheet, sql, user_missing, more)
    names, chosen = estimator.target_encoder_.names, checks.cuts(positive, threshold or [], estimator)
    wanted = target or names
    if len(wanted) != len(names):
        raise ArgumentError(f"--target: the model predicts {', '.join(names)}: give {len(names)}, not {len(wanted)}.")
    named = target or ([] if brings_labels(data) else names)
    rows = load_for(estimator, how, data, named, skip_damaged, size, mode)
    if rows.y is None:
        raise DataError(f"{data.name} has no target to compare with.")
    for note in rows.notes:
        warn(f"{data.name}: {note}")
    X, y, dropped = problem.truth(rows, data.name, estimator.target_encoder_, data if rows.ids is None else None)
    task, classes = estimator.design_.task, getattr(estimator, "classes_", None)
    with about(data.name), in_file(data if rows.ids is None else None, y.index):
        [(predicted, probability)] = answers([estimator], X, classes is not None)
    answer, truth = (decided(estimator, predicted, probability, chosen), probability), np.asarray(y)
    doubted(estimator, X, data.name)
    rare = judged_by(task, truth) == "ROC AUC"
    uneven = rare or bool(chosen) or getattr(estimator, "threshold_", None) is not None
    found = Findings(data.name, len(y) + dropped, rows.width, [], [], task, many=estimator.inputs_.many)
    found.targets = [problem.TargetFacts(name, "") for name in wanted]
    found.scores = [Score("given", len(truth), measure(task, truth, *answer, classes, uneven))]
    found.sureness = sureness(estimator, X, truth, *answer)
    found.reading, given = reading(model), Answer("", *answer)
    found.remarks = verdict.one_kind(truth, wanted, found.many, "given")
    if classes is not None:
        found.decision = decision(estimator, truth, probability, rare=rare, cuts=chosen,
                                  costs=checks.costs_of(threshold))
    found.remarks += verdict.rare(task, truth, [given], True, None, wanted, "given")
    if len(names) > 1:
        found.outputs = [Score(name, len(truth), one)
                         for name, one in zip(wanted, measure_outputs(task, truth, *answer), strict=True)]
    elif classes is not None:
        found.confusion = confusions(truth, answer[0], classes)
    screen = Screen()
    if dropped:
        screen.say(f"{dropped:,} {found.many} without a target were left out.")
    sections.scores(screen, found)
    screen.say()
    screen.say(f"{found.many.capitalize()} that the model has learnt from look better than new ones will.", style="dim")
