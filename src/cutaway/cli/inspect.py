"""cutaway inspect: what a model file holds, without the data it has learnt from."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

from typer import Argument, Option

from ..text import short, size


def inspect(
    model: Annotated[Path, Argument(help="A model that `cutaway fit` or ct.save wrote, or an .onnx file.",
                                   show_default=False)],
    columns: Annotated[bool, Option("--columns", help="List every column, however many.")] = False,
    neuron: Annotated[
        tuple[str, int] | None,
        Option(metavar="LAYER UNIT", help="Show one neuron, filter or cell: what it weighs.", show_default=False),
    ] = None,
    draw: Annotated[
        Path | None, Option(metavar="FILE.svg", help="Draw the network into this file.", show_default=False)
    ] = None,
) -> None:
    """Show a model's layers, shapes and parameters, how it was trained and scored, and how columns are encoded.

    Nothing in the file is run as code; the network is built again from its description.
    """
    from .. import inspect as look
    from ..files import describe
    from ..report.findings import Findings
    from . import checks, forecaster, keeping, onnx_models, sections
    from .terminal import Screen

    foreign = onnx_models.is_onnx(model)
    about = {} if foreign else describe(model)
    screen = Screen()
    if draw is not None:
        checks.output(draw, "--draw", (".svg",), [model])
    network, shape = onnx_models.read(model) if foreign else read(model, about)
    if neuron is not None:
        for line in str(look.neuron(network, *neuron, input_shape=shape)).splitlines():
            screen.say(line)
    if draw is not None:
        look.draw(network, draw, shape)
        screen.say(f"drawing   {draw}")
    if neuron is not None or draw is not None:
        return
    if foreign:
        screen.title(model.name, onnx_models.about(model, network))
        layers(screen, look.summary(network, shape))
        return onnx_models.ports(screen, network)
    kind = "network" if about["kind"] == "module" else about["kind"]
    an = "an" if kind.startswith("MLP") else "a"
    screen.title(model.name, f"{an} {kind}, {size(model.stat().st_size)}, written by cutaway {about['cutaway']}")
    layers(screen, look.summary(network, shape))
    if about["kind"] == "Forecaster":
        return forecaster.inspect(screen, forecaster.load(model), about["extra"])
    state = keeping.findings(about["extra"])
    if state is None:
        screen.say()
        screen.say("How it was trained is not in the file: `cutaway fit` puts it there.", style="dim")
        return
    found = Findings.from_json(state)
    sections.data(screen, found)
    if found.columns:
        encodings(screen, found, None if columns else 12)
    sections.design(screen, found)
    screen.title("Training", f"{found.date}, cutaway {found.versions.get('cutaway', '?')}")
    screen.table([(found.divided,), (found.training,)], fixed=())
    sections.scores(screen, found)
    sections.importance(screen, found)
    sections.rivals(screen, found)


def read(path: Path, about: dict[str, Any]) -> tuple[Any, Any]:
    """Load the model, and the shape of a row that its program was saved for where the model does not say it itself."""
    from .. import (
        estimators,  # noqa: F401  they say themselves how they are rebuilt
        files,
        forecast,  # noqa: F401
    )
    from ..estimators import mlp  # noqa: F401

    model = files.load(path)
    own = about["kind"] != "module" or hasattr(model, "example_input")
    return model, None if own or not about["inputs"] else about["inputs"][0]["shape"]


#: Heads over two lines, where a line has no room for all.
NARROW = {"multiply-adds": "multiply-\nadds", "activations": "activa-\ntions"}


def layers(screen: Any, summary: Any) -> None:
    """Show the summary as a table, with bars of the work where there is room."""
    wide = screen.console.width >= 100
    head = (*summary.head, "")[: 6 + wide]
    head = head if wide else tuple(NARROW.get(name, name) for name in head)
    screen.table([row[: 6 + wide] for row in summary.cells()], head, right=(3, 4, 5))
    screen.say()
    screen.table([(line,) for line in summary.totals()], fixed=())


def encodings(screen: Any, found: Any, most: int | None) -> None:
    """Show how each column becomes numbers."""
    used = [c for c in found.columns if not c.left_out]
    screen.title("Columns", f"{len(used):,} are inputs")

    screen.table([(short(c.name, 24), c.kind, c.how) for c in used[:most]], dim=(1,))
    if most is not None and len(used) > most:
        screen.say(f"  and {len(used) - most:,} more: --columns lists them all", style="dim")
