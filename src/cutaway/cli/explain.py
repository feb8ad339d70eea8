"""cutaway explain: what moved the prediction of one row, by column."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from typer import Argument, Option

from . import checks


def explain(
    model: Annotated[Path, Argument(help="A model of a table that `cutaway fit` wrote.", show_default=False)],
    data: Annotated[Path, Argument(help="A table with the model's columns.", show_default=False)],
    row: Annotated[int, Option("--row", "-r", min=0, help="The row, counted from 0.")] = 0,
    output: Annotated[str | None, Option("--output", metavar="NAME", help="The target, class or label that is asked "
                                         "about, if not the first or the predicted one.", show_default=False)] = None,
    typical: Annotated[bool, Option("--typical", help="Compare with the typical row of training, not with the rows of "
                                                      "the table.")] = False,
    picture: Annotated[Path | None, Option("--picture", help="Draw it into this .svg or .png file.")] = None,
    out: Annotated[Path | None, Option("--out", "-o", help="Write every column to this .json file.")] = None,
) -> None:
    """Show what moved the prediction of a row: what each column adds or takes, from the average row of the table on.

    The parts add up to the difference of the two predictions: integrated gradients, in the target's own unit, for
    classes in log-odds. Of a long table 64 rows stand for all.
    """
    import json

    from ..errors import ArgumentError, DataError
    from ..files import write_whole
    from ..inspect import why
    from ..text import listed
    from .keeping import load, reading
    from .rows import about
    from .sources import load_for
    from .terminal import Screen

    for path, what, endings in ((picture, "--picture", (".svg", ".png")), (out, "--out", (".json",))):
        if path is not None:
            checks.output(path, what, endings, [model, data])
    estimator = load(model)
    if estimator.inputs_.name != "table":
        raise DataError(f"{model.name} has learnt from {estimator.inputs_.name}: explain is for columns of a table.")
    X = load_for(estimator, reading(model), data, [], False).X
    if row >= len(X):
        raise ArgumentError(f"--row {row}: {data.name} has rows 0 to {len(X) - 1:,}.")
    with about(data.name):
        found = why(estimator, X.iloc[[row]], background=None if typical else X, output=output)
    screen = Screen()
    screen.title(f"Row {row} of {data.name}", "what moved its prediction")
    screen.say()
    screen.text(found)
    if picture is not None:
        found.plot(picture)
    if out is not None:
        write_whole(out, json.dumps(found.to_json(), ensure_ascii=False, indent=1).encode())
    if written := [str(path) for path in (picture, out) if path is not None]:
        screen.say()
        screen.say(f"Written: {listed(written)}")
