"""cutaway explain: what moved the prediction of one row, by column; what a column does to all; where in sequences a
network looks."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

from typer import Argument, Option

from . import checks
from .files_as import MissingOption, SheetOption, SqlOption, said_of


def explain(
    model: Annotated[Path, Argument(help="A model of a table or of sequences that `cutaway fit` wrote.",
                                    show_default=False)],
    data: Annotated[Path, Argument(help="A table with the model's columns, or sequences as it knows them.",
                                   show_default=False)],
    row: Annotated[int | None, Option("--row", "-r", min=0, show_default=False,
                                      help="The row, counted from 0; the first unless given.")] = None,
    effects: Annotated[list[str] | None, Option("--effects", metavar="COL", show_default=False,
                                                help="Show what this column does on average over the rows, in place "
                                                     "of one row; may be repeated.")] = None,
    partial: Annotated[bool, Option("--partial", help="With --effects: partial dependence, in place of accumulated "
                                                      "local effects.")] = False,
    output: Annotated[str | None, Option("--output", metavar="NAME", help="The target, class or label that is asked "
                                         "about, if not the first or the predicted one.", show_default=False)] = None,
    typical: Annotated[bool, Option("--typical", help="Compare with the typical row of training, not with the rows of "
                                                      "the table; so is a single row.")] = False,
    picture: Annotated[Path | None, Option("--picture", help="Draw it into this .svg or .png file.")] = None,
    out: Annotated[Path | None, Option("--out", "-o", help="Write every column to this .json file.")] = None,
    sheet: SheetOption = None,
    sql: SqlOption = None,
    user_missing: MissingOption = False,
) -> None:
    """Show what moved the prediction of a row: what each column adds or takes, from the average row of the table on.

    The parts add up to the difference of the two predictions: integrated gradients, in the target's own unit, for
    classes in log-odds. Of a long table 64 rows stand for all. --effects COL shows how the predictions go with a
    column's value: accumulated local effects over 2,000 rows at most, of classes in percentage points of probability.
    """
    import json

    from .. import inspect
    from ..errors import ArgumentError, DataError
    from ..files import write_whole
    from ..text import listed
    from .keeping import load, reading
    from .rows import about
    from .sources import load_for
    from .terminal import Screen

    for path, what, endings in ((picture, "--picture", (".svg", ".png")), (out, "--out", (".json",))):
        if path is not None:
            checks.output(path, what, endings, [model, data])
    if effects and (row is not None or typical):
        raise ArgumentError(f"--effects tells of all rows, and {'--typical' if row is None else '--row'} of one: give "
                            "one of the two.")
    if partial and not effects:
        raise ArgumentError("--partial says how --effects are found: add --effects COL, or leave it out.")
    estimator = load(model)
    kind = estimator.inputs_.name
    if kind == "images":
        raise DataError(f"{model.name} has learnt from images: explain is for columns of a table, and for sequences.")
    X = load_for(estimator, reading(model) | said_of(sheet, sql, user_missing), data, [], False).X
    if kind == "sequences":
        for option, given in (("--row", row is not None), ("--effects", effects), ("--typical", typical)):
            if given:
                raise ArgumentError(f"{option} is for columns of a table, and {model.name} has learnt from sequences: "
                                    "leave it out.")
    row = row or 0
    if not effects and row >= len(X) and kind == "table":
        raise ArgumentError(f"--row {row}: {data.name} has rows 0 to {len(X) - 1:,}.")
    found: Any = None
    with about(data.name):
        if kind == "sequences":
            found = inspect.where(estimator, X, output=output)
        elif effects:
            found = inspect.effects(estimator, X, effects, "partial" if partial else "ale", output)
        else:
            background = None if typical or len(X) == 1 else X  # a row compared with itself says nothing
            found = inspect.why(estimator, X.iloc[[row]], background=background, output=output)
    screen = Screen()
    if kind == "sequences":
        screen.title(f"Sequences of {data.name}", "where their predictions come from")
    elif effects:
        screen.title(f"Rows of {data.name}", f"what {listed(effects)} {'does' if len(effects) == 1 else 'do'} to what "
                                             "is predicted")
    else:
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
