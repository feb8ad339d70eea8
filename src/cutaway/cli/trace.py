"""cutaway trace: the training step that one row would make, instruction by instruction."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

from typer import Argument, Option

from . import checks
from .files_as import MissingOption, SheetOption, SqlOption, said_of
from .images_as import ModeOption, SizeOption, SkipDamaged


def trace(
    model: Annotated[Path, Argument(help="A model that `cutaway fit` wrote, or an .onnx file.", show_default=False)],
    data: Annotated[Path, Argument(help="What the model was trained on, with the target.", show_default=False)],
    row: Annotated[int, Option("--row", "-r", min=0, help="The row (or image, or sequence), counted from 0.")] = 0,
    batch: Annotated[int, Option("--batch", min=1, help="Rows of the step: this one and those after it.")] = 1,
    target: Annotated[list[str] | None, Option("--target", "-t", metavar="COL",
                                               help="The column with the truth, if not that of training.")] = None,
    out: Annotated[Path | None, Option("--out", "-o", help="Write every value to this .json file.")] = None,
    html: Annotated[Path | None, Option("--html", help="Write a page to click through to this .html file.")] = None,
    size: SizeOption = None,
    mode: ModeOption = None,
    skip_damaged: SkipDamaged = False,
    sheet: SheetOption = None,
    sql: SqlOption = None,
    user_missing: MissingOption = False,
) -> None:
    """Show one training step of a row: forward, loss, backward, update, and what each instruction wrote.

    The step is the first that training would make from the weights in the file; the file stays as it is.
    """
    import numpy as np

    from ..errors import ArgumentError
    from ..inspect import trace as traced
    from ..text import listed, number
    from .terminal import Screen
    from .training import training

    for path, what, ending in ((out, "--out", ".json"), (html, "--html", ".html")):
        if path is not None:
            checks.output(path, what, (ending,), [model, data])
    given = training(model, data, target, skip_damaged, (row, batch), size, mode, said_of(sheet, sql, user_missing))
    estimator = given.estimator
    if len(given.T) == 1 and any(type(m).__name__.startswith("BatchNorm") for _, m in estimator.model_.named_modules()):
        raise ArgumentError("this network normalises over the batch, which takes more than one row: add --batch 16.")
    step = traced(estimator.model_, given.Z, given.T, **given.settings)
    screen, kind = Screen(), estimator.inputs_
    truth, answer = (np.asarray(a).reshape(len(given.T), -1)[0].tolist() for a in (given.y, estimator.predict(given.X)))
    shown = ("  ".join(number(v, 5) if isinstance(v, float) else str(v) for v in part) for part in (truth, answer))
    screen.title(f"{kind.one.capitalize()} {row} of {data.name}", f"{listed(estimator.target_encoder_.names)}: "
                                                                  "truth {}, predicted {}".format(*shown))
    screen.say()
    screen.text(step)
    screen.say()
    if out is not None:
        step.to_json(out)
    if html is not None:
        step.to_html(html, *names(estimator))
    if written := [str(path) for path in (out, html) if path is not None]:
        screen.say(f"Written: {listed(written)}")


def names(estimator: Any) -> tuple[list[str], list[str]]:
    """The names of the features that the network sees, where they have names, and of its outputs."""
    classes = [str(label) for label in estimator.classes_.tolist()] if hasattr(estimator, "classes_") else []
    targets = list(estimator.target_encoder_.names)
    features = list(estimator.encoder_.feature_names) if estimator.inputs_.name == "table" else []
    return features, classes if len(classes) == estimator.design_.n_out > 1 else targets
