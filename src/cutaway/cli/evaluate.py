"""cutaway evaluate: the scores of a model on another table."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from typer import Argument, Option


def evaluate(
    model: Annotated[Path, Argument(help="A model that `cutaway fit` wrote.", show_default=False)],
    data: Annotated[Path, Argument(help="A table with the target.", show_default=False)],
    target: Annotated[list[str] | None, Option("--target", "-t", metavar="COL",
                                               help="The column with the truth, if not that of training.")] = None,
) -> None:
    """Score a model on the rows of a table, which it should not have learnt from."""
    import numpy as np

    from ..errors import ArgumentError
    from ..report.findings import Findings, Score
    from ..report.scores import confusion, measure, measure_outputs
    from . import problem, sections
    from .keeping import load
    from .study import answers
    from .terminal import Screen

    estimator = load(model)
    names = estimator.target_encoder_.names
    wanted = target or names
    if len(wanted) != len(names):
        raise ArgumentError(f"--target: the model predicts {', '.join(names)}: give {len(names)}, not {len(wanted)}.")
    X, y, dropped = problem.truth(data, wanted, estimator.target_encoder_)
    task, classes = estimator.design_.task, getattr(estimator, "classes_", None)
    answer, truth = answers(estimator, X, classes is not None), np.asarray(y)
    found = Findings(data.name, len(y) + dropped, X.shape[1], [], [], task)
    found.targets = [problem.TargetFacts(name, "") for name in wanted]
    found.scores = [Score("given", len(truth), measure(task, truth, *answer, classes))]
    if len(names) > 1:
        found.outputs = [Score(name, len(truth), one)
                         for name, one in zip(wanted, measure_outputs(task, truth, *answer), strict=True)]  # fmt: skip
    elif classes is not None:
        labels = [str(label) for label in classes.tolist()]
        found.confusion = {"labels": labels, "counts": confusion(truth, answer[0], classes)}
    screen = Screen()
    if dropped:
        screen.say(f"{dropped:,} rows without a target were left out.")
    sections.scores(screen, found)
    screen.say()
    screen.say("Rows that the model has learnt from look better than new ones will.", style="dim")
