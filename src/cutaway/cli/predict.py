"""cutaway predict: a prediction for each row of a table, in its order."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any

from typer import Argument, Option

from ..text import counted, listed
from . import checks
from .images_as import ModeOption, SizeOption, SkipDamaged


def predict(
    model: Annotated[Path, Argument(help="A model that `cutaway fit` wrote.", show_default=False)],
    data: Annotated[Path, Argument(help="What the model was trained on: a table, images, sequences.",
                                   show_default=False)],
    out: Annotated[Path | None, Option("--out", "-o", help="A .csv file; without it, standard output.")] = None,
    keep: Annotated[list[str] | None, Option(metavar="COL", help="Copy this column of the table, too.")] = None,
    doubt: Annotated[bool, Option("--doubt", help="Add a column that says what of a row is unlike training.")] = False,
    threshold: Annotated[list[str] | None, Option(metavar="LABEL=P", help="Say LABEL from this probability on; may be "
                                                                          "repeated.")] = None,
    size: SizeOption = None,
    mode: ModeOption = None,
    skip_damaged: SkipDamaged = False,
) -> None:
    """Predict every row of a table, image or sequence and write CSV: prediction, and for classes their probabilities.

    Rows keep their order; images come with their file names, sequences with their ids or numbers. A forecast is written
    for every window of the series: `row` is the first row that is forecast, in the last line the one after the end.
    Text that a spreadsheet would take for a formula gets an apostrophe before it.
    """
    from ..errors import ArgumentError
    from ..files import write_whole
    from ..files.spreadsheet import as_csv
    from .answers import doubted, labels_of
    from .keeping import load, reading
    from .rows import about, in_file
    from .sources import load_for
    from .terminal import Screen, warn

    if out is not None:
        checks.output(out, "--out", (".csv",), [model, data])
    estimator = load(model)
    chosen = checks.thresholds(threshold or [], labels_of(estimator))
    rows = load_for(estimator, reading(model), data, [], skip_damaged, size, mode)
    if keep and rows.ids is not None:
        raise ArgumentError(f"--keep copies columns of tables, and {data.name} holds {estimator.inputs_.many}: leave "
                            "it out.")
    for note in rows.notes:
        warn(f"{data.name}: {note}")
    kept = checks.columns(keep or [], list(rows.X.columns) if keep else [], "--keep", data.name)
    with about(data.name), in_file(data if rows.ids is None else None):
        copied = {name: rows.X[name] for name in kept} if rows.ids is None else {rows.ids.name: rows.ids}
        answers = answer_columns(estimator, rows.X, chosen)
        doubts = doubted(estimator, rows.X, data.name, doubt)
        if doubt:
            answers["doubt"] = doubts.names()
        if both := [name for name in copied if name in answers]:
            raise ArgumentError(f"--keep {both[0]!r}: the predictions have a column of this name. Rename yours first.")
        text = as_csv(copied | answers)
    if held := at_the_limits(estimator, answers):
        warn(f"{data.name}: {held}")
    if out is None:
        sys.stdout.write(text)
        sys.stdout.flush()
        return
    write_whole(out, text.encode("utf-8"))
    Screen(stderr=True).say(f"{len(rows):,} predictions of {_what(estimator)} written to {out}")


def at_the_limits(estimator: Any, answers: dict[str, Any]) -> str:
    """Say how many predictions of numbers stand where the range of the training targets ends; "" for none."""
    import numpy as np

    from ..data.limits import TOLD_AT_LIMITS

    if not hasattr(estimator, "limits_"):
        return ""
    edges = np.asarray(estimator.target_encoder_.inverse(estimator.limits_), float).reshape(2, -1)
    columns = list(answers.values())[: edges.shape[1]]
    count = sum(cell in {f"{low:.9g}", f"{high:.9g}"} for column, low, high in zip(columns, *edges, strict=False)
                for cell in column)
    if count <= TOLD_AT_LIMITS * sum(map(len, columns)):
        return ""
    span = f"{edges[0, 0]:.6g} to {edges[1, 0]:.6g}" if edges.shape[1] == 1 else "its targets' ranges"
    return (f"{counted(count, 'prediction')} at an end of what the model gives, {span}: the range of its training "
            "targets, a little widened; it does not guess beyond")


def answer_columns(estimator: Any, table: Any, thresholds: dict[int, float]) -> dict[str, Any]:
    """Make the columns of the output: prediction (one for each target), then probability of each class or label."""
    from .answers import decided, labels_of

    names = estimator.target_encoder_.names
    predicted, labels = estimator.predict(table), labels_of(estimator)
    p: Any = estimator.predict_proba(table) if labels else None
    predicted = decided(estimator, predicted, p, thresholds)
    if predicted.ndim == 1:
        columns = {"prediction": written(predicted, 9)}
    else:
        columns = {f"prediction_{name}": written(predicted[:, j], 9) for j, name in enumerate(names)}
    return columns | {f"probability_{label}": written(p[:, j], 6) for j, label in enumerate(labels)}


def written(values: Any, digits: int) -> Any:
    """Write fractions with as many digits as they are worth; labels and whole numbers as they are."""
    return [f"{value:.{digits}g}" for value in values.tolist()] if values.dtype.kind == "f" else values


def _what(estimator: Any) -> str:

    return listed(estimator.target_encoder_.names)
