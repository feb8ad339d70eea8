"""cutaway export: a model file as an ONNX file or machine code, which run where Cutaway is not, as weights, or as a
page."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

from typer import Argument, Option

from . import checks


def export(
    model: Annotated[Path, Argument(help="A model that `cutaway fit` or ct.save wrote.", show_default=False)],
    out: Annotated[Path, Argument(help="The file to write: its name ends in .onnx or .html, in .o, .so or .wasm for "
                                       "machine code, with --layout in .safetensors, .weights.h5 or .npz.",
                                  show_default=False)],
    coverage: Annotated[float | None, Option(metavar="SHARE", help="Of the intervals of a model of numbers: the share "
                                                                   "of targets within; 0.9 if not said, "
                                                                   "and none in machine code.",
                                             show_default=False)] = None,
    layout: Annotated[str | None, Option(metavar="LIBRARY", help="torch or keras: write the weights alone, named and "
                                                                 "laid out as in that library.",
                                         show_default=False)] = None,
    data: Annotated[Path | None, Option(metavar="FILE", help="Of a page (.html), which goes on training: the rows that "
                                                             "it holds.", show_default=False)] = None,
    target: Annotated[list[str] | None, Option("--target", "-t", metavar="COL",
                                               help="In --data: the column with the truth, if not that of training. Of "
                                                    "an .o file: the processor, host, aarch64, cortex-m4 or wasm32; "
                                                    "this machine's if not said.",
                                               show_default=False)] = None,
) -> None:
    """Write a model as ONNX: what it does to columns, the network, and labels, probabilities or intervals.

    ONNX Runtime runs the file without Cutaway, from version 1.17 on. What goes in and what comes out is listed at the
    end, and stands in the file, too. Dates go in as seconds since 1970-01-01 00:00, gaps in text as "".

    A name that ends in .o, .so or .wasm gives machine code for other programs, and a C header beside it.

    With --layout it writes the network's weights instead, for a network of PyTorch or Keras that is built alike.

    A name that ends in .html makes a page in which the network goes on training on the rows of --data, in any browser.
    """
    from ..errors import ArgumentError
    from ..files.endings import WEIGHTS
    from .later import loading
    from .terminal import Screen

    if layout is not None and layout not in WEIGHTS:
        raise ArgumentError(f"--layout is {layout!r}: give {' or '.join(WEIGHTS)}.")
    code = out.suffix in (".o", ".so", ".wasm")
    checks.output(out, "the file", WEIGHTS[layout] if layout else (".onnx", ".html", ".o", ".so", ".wasm"),
                  [model, *filter(None, [data])])
    if out.name.lower().endswith(".html"):
        from .page import write_page

        write_page(model, out, data, target)
        return
    if data is not None or (target and not code):
        raise ArgumentError("--data and --target are for a page: name a file that ends in .html.")
    if target and len(target) > 1:
        raise ArgumentError(f"a file has code for one processor, got --target {', '.join(target)}.")
    with loading():
        from .. import (
            estimators,  # noqa: F401  they say themselves how they are rebuilt
            files,
            forecast,  # noqa: F401
            onnx,
        )
    loaded = files.load(model)
    written = onnx.export(loaded, out, coverage=coverage, layout=layout, target=target[0] if target else None)
    screen = Screen()
    if hasattr(written, "header"):
        goes_through(screen, written, "dtype")
        screen.say(f"written to {out} and {written.header}, for {written.target}: {written.name}_predict")
        return
    if layout:
        screen.title(f"Weights as in {layout}")
        screen.table([(name, " x ".join(map(str, shape)) or "one number") for name, shape in written.shapes.items()])
        screen.say()
        if hasattr(loaded, "model_"):
            screen.say("These are the network's. What the model does to columns before it, and to what comes out, is "
                       "not in the file.")
        screen.say(f"written to {out}")
        return
    goes_through(screen, written, "type")
    screen.say(f"written to {out}")


def goes_through(screen: Any, written: Any, kind: str) -> None:
    """Show what goes into a written model and what comes out; kind: the attribute that says the type of its numbers."""
    for title, ports in (("Goes in", written.inputs), ("Comes out", written.outputs)):
        screen.title(title)
        screen.table([(port.name, f"{getattr(port, kind)} ({', '.join(map(str, port.shape))})", port.about)
                      for port in ports], dim=(1,))
    screen.say()
