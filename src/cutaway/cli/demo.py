"""cutaway demo: the main job on the house prices that ship, each part explained in a line."""

from __future__ import annotations

import time as clock
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from typer import Option

if TYPE_CHECKING:
    from .terminal import Screen

#: The split that the demo shows.
SEED = 5
LINES = {
    "data": "Every column is looked at: what it holds, where it has gaps, whether a network can learn from it.",
    "design": "The target fixes the last layer and the loss; the number of rows fixes how to train. Nothing is hidden.",
    "training": "The network learns from the training rows alone; the validation rows say when to stop.",
    "scores": "The rows below 'test' were kept away from everything until now. The linear model is there for honesty.",
    "columns": "Shuffle one column of the test rows, and see how much worse the predictions get.",
}


def demo(
    out: Annotated[Path | None, Option("--out", "-o", metavar="FOLDER", show_default=False,
                                       help="Where the model and the report go; else a temporary folder.")] = None,
    epochs: Annotated[int | None, Option(min=1, help="Passes over the rows, at most.")] = None,
) -> None:
    """Learn the prices of 2,930 houses in Ames, Iowa, from a raw table: train, score, explain, predict."""
    from ..datasets import path
    from .fit import follow, shell, write
    from .problem import read
    from .study import Options, Study
    from .terminal import Screen

    folder = _folder(out)
    houses, screen = path("houses"), Screen()
    screen.say("2,930 houses sold in Ames, Iowa, 2006 to 2010 (De Cock 2011): what is each worth?", style="bold")
    began = clock.perf_counter()
    problem = read(houses, ["price"])
    study = Study(problem, Options(epochs=epochs, seed=SEED), reading=clock.perf_counter() - began)
    follow(study, screen, lambda part: _explain(screen, LINES[part]))
    model = folder / "houses.safetensors"
    study.found.commands = [
        shell("cutaway", "predict", model, houses, "-o", folder / "prices.csv"),
        shell("cutaway", "inspect", model),
        "cutaway fit YOUR.csv --target COLUMN",
    ]
    write(study, screen, model, folder / "houses.html")


def _folder(out: Path | None) -> Path:
    from tempfile import mkdtemp

    from ..errors import FileError

    if out is None:
        return Path(mkdtemp(prefix="cutaway-demo-"))
    if out.exists() and not out.is_dir():
        raise FileError(f"--out {out} is a file: name a folder.")
    if not out.resolve().parent.is_dir():
        raise FileError(f"--out {out}: there is no folder {out.parent}. Create it first.")
    out.mkdir(exist_ok=True)
    return out


def _explain(screen: Screen, line: str) -> None:
    screen.say()
    screen.say(line, style="italic cyan")
