"""cutaway predict: a prediction for each row of a table, in its order."""

from __future__ import annotations

import io
import shutil
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any

from typer import Argument, Option

from ..data.limits import KEPT_TEXT
from ..errors import ArgumentError
from ..text import listed
from . import checks
from .files_as import MissingOption, SheetOption, SqlOption, how_read
from .images_as import ModeOption, SizeOption, SkipDamaged
from .options import ReadOptions
from .predictions import Asked, Predictions


def predict(
    model: Annotated[Path, Argument(help="A model that `cutaway fit` wrote.", show_default=False)],
    files: Annotated[list[Path], Argument(metavar="DATA...", show_default=False,
                                          help="What the model was trained on: a table, images, sequences.")],
    out: Annotated[Path | None, Option("--out", "-o", help="A .csv file; without it, standard output.")] = None,
    keep: Annotated[list[str] | None, Option(metavar="COL", help="Copy this column of the table, too.")] = None,
    doubt: Annotated[bool, Option("--doubt", help="Add a column that says what of a row is unlike training.")] = False,
    interval: Annotated[float | None, Option(metavar="COVERAGE", help="Add, for numbers, between which two the target "
                                                                      "of so many rows lies, such as 0.9.")] = None,
    positive: Annotated[str | None, Option(metavar="LABEL", show_default=False,
                                           help="The class that --threshold is for, if not that of training.")] = None,
    threshold: Annotated[list[str] | None, Option(metavar="P|cost=FP:FN|LABEL=P", show_default=False,
                                                  help="Say --positive, or LABEL, from this probability on, whatever "
                                                       "training chose; LABEL=P may be repeated.")] = None,
    size: SizeOption = None,
    mode: ModeOption = None,
    skip_damaged: SkipDamaged = False,
    horizon: Annotated[int | None, Option(min=1, help="Of a forecaster: steps ahead, all that it has learnt unless "
                                                      "given.", show_default=False)] = None,
    picture: Annotated[Path | None, Option(metavar="FILE.svg|.png", show_default=False,
                                           help="Of a forecaster: draw the forecasts into this file.")] = None,
    sheet: SheetOption = None,
    sql: SqlOption = None,
    user_missing: MissingOption = False,
) -> None:
    """Predict every row of a table, image or sequence and write CSV: prediction, and for classes their probabilities.

    Rows keep their order; images come with their file names, sequences with their ids or numbers. A forecaster (fit
    with --forecast) writes the steps behind the end of each series, with time, lower and upper (--interval says how
    much lies between); rows with an empty target are of the future. A network of your own (--epochs, --hidden, ...)
    forecasts from every window of the series: `row` is the first row that is forecast, in the last line the one after
    the end.
    Text that a spreadsheet would take for a formula gets an apostrophe before it.
    """
    from ..data.plain_text import NotPlain
    from . import forecaster
    from .keeping import load, reading
    from .terminal import Screen

    data, *more = files
    if out is not None:
        checks.output(out, "--out", (".csv",), [model, data, *more])
    if (ahead := forecaster.load(model)) is not None:
        others = {"--keep": keep, "--doubt": doubt, "--threshold": threshold, "--size": size, "--mode": mode,
                  "--positive": positive}
        return forecaster.predict(ahead, data, out, horizon, interval, picture,
                                  [name for name, value in others.items() if value],
                                  ReadOptions(**how_read({}, sheet, sql, user_missing, more)))
    if horizon is not None or picture is not None:
        raise ArgumentError("--horizon and --picture are of a forecaster, which `cutaway fit` makes with --forecast: "
                            "leave them out.")
    estimator = load(model)
    chosen = checks.cuts(positive, threshold or [], estimator)
    how = how_read(reading(model), sheet, sql, user_missing, more)
    asked = Asked(estimator, how, data, keep or [], doubt, chosen, skip_damaged, size, mode,
                  checks.interval(interval, estimator))
    with tempfile.SpooledTemporaryFile(KEPT_TEXT) as text:  # who reads standard output gets all of it or nothing
        try:
            found = Predictions(asked)
            _put(found.pieces(), out, text)
        except NotPlain:
            found = Predictions(asked)
            _put([*found.whole()], out, text)
        found.tell()
        if out is None:
            shutil.copyfileobj(io.TextIOWrapper(text, "utf-8", newline=""), sys.stdout)
            sys.stdout.flush()
            return
    Screen(stderr=True).say(f"{found.count:,} predictions of {_what(estimator)} written to {out}")


def _put(pieces: Iterable[bytes], out: Path | None, text: Any) -> None:
    """Write pieces into the file `out`, or where there is none, into `text`."""
    from ..files import write_whole

    if out is not None:
        write_whole(out, pieces)
        return
    text.seek(0)
    text.truncate()
    text.writelines(pieces)
    text.seek(0)


def _what(estimator: Any) -> str:

    return listed(estimator.target_encoder_.names)
