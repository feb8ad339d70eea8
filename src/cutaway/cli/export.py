"""cutaway export: a model file as an ONNX file, which runs where Cutaway is not."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from typer import Argument, Option

from . import checks


def export(
    model: Annotated[Path, Argument(help="A model that `cutaway fit` or ct.save wrote.", show_default=False)],
    out: Annotated[Path, Argument(help="The file to write: its name ends in .onnx.", show_default=False)],
    coverage: Annotated[float | None, Option(metavar="SHARE", help="Of the intervals of a model of numbers: the share "
                                                                   "of targets within; 0.9 if not said.",
                                             show_default=False)] = None,
) -> None:
    """Write a model as ONNX: what it does to columns, the network, and labels, probabilities or intervals.

    ONNX Runtime runs the file without Cutaway, from version 1.17 on. What goes in and what comes out is listed at the
    end, and stands in the file, too. Dates go in as seconds since 1970-01-01 00:00, gaps in text as "".
    """
    from .later import loading
    from .terminal import Screen

    checks.output(out, "the file", (".onnx",), [model])
    with loading():
        from .. import (
            estimators,  # noqa: F401  they say themselves how they are rebuilt
            files,
            onnx,
        )
    written = onnx.export(files.load(model), out, coverage=coverage)
    screen = Screen()
    for title, ports in (("Goes in", written.inputs), ("Comes out", written.outputs)):
        screen.title(title)
        screen.table([(port.name, f"{port.type} ({', '.join(map(str, port.shape))})", port.about) for port in ports],
                     dim=(1,))
    screen.say()
    screen.say(f"written to {out}")
