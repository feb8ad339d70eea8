"""cutaway inspect: what a model file holds, without the data it has learnt from."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Annotated, Any

from typer import Argument, Option


def inspect(
    model: Annotated[Path, Argument(help="A model that `cutaway fit` or ct.save wrote.", show_default=False)],
    columns: Annotated[bool, Option("--columns", help="List every column, however many.")] = False,
) -> None:
    """Show a model's layers, shapes and parameters, how it was trained and scored, and how columns are encoded.

    Only the file is read, nothing in it is run.
    """
    from ..files import describe
    from ..report.findings import Findings
    from ..report.text import size
    from . import keeping, sections
    from .terminal import Screen

    about = describe(model)
    screen = Screen()
    kind = "network" if about["kind"] == "module" else about["kind"]
    screen.title(model.name, f"a {kind}, {size(model.stat().st_size)}, written by cutaway {about['cutaway']}")
    layers(screen, about)
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


def layers(screen: Any, about: dict[str, Any]) -> None:
    """The evaluation program: each operation, the shape it gives for a row, its parameters."""
    values, shapes = about["program"]["values"], {name: t["shape"] for name, t in about["tensors"].items()}
    trained = {p["name"] for p in about["parameters"]}
    rows: list[list[str]] = [["input", "", _shape(about["inputs"][0]["shape"]), ""]] if about["inputs"] else []
    seen: set[str] = set()
    for operation in about["program"]["operations"]:
        reads = [values[i].get("name", "") for i in operation["reads"]
                 if i is not None and values[i]["role"] == "parameter"]  # fmt: skip
        new = [name for name in reads if name in trained and name not in seen]
        seen.update(new)
        count = sum(math.prod(shapes[name]) for name in new)
        gives: list[int] = next((values[i].get("shape", []) for i in operation["writes"] if i is not None), [])
        rows.append([operation["layer"], operation["op"], _shape(gives), f"{count:,}" if count else ""])
    total = sum(math.prod(shapes[name]) for name in trained)
    rows.append(["", "", "in all", f"{total:,}"])
    screen.table(rows, ["layer", "operation", "gives a row", f"parameters ({about['dtype']})"], right=(2, 3))


def encodings(screen: Any, found: Any, most: int | None) -> None:
    """How each column becomes numbers."""
    used = [c for c in found.columns if not c.left_out]
    screen.title("Columns", f"{len(used):,} are inputs")
    from ..report.text import short

    screen.table([(short(c.name, 24), c.kind, c.how) for c in used[:most]], dim=(1,))
    if most is not None and len(used) > most:
        screen.say(f"  and {len(used) - most:,} more: --columns lists them all", style="dim")


def _shape(shape: Any) -> str:
    return " × ".join(map(str, shape)) or "1"
