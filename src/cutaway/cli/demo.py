"""cutaway demo: the main job on the house prices that ship, each part explained in a line."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from typer import Option

#: The seed of the split and of the training: the same that `cutaway fit` uses unless told otherwise.
SEED = 0
LINES = {
    "Data": "Every column is looked at: what it holds, where it has gaps, whether it can be learnt from.",
    "Design": "The target fixes the last layer and the loss, the number of rows how to train.",
    "Training": "The network learns from the training rows alone; the validation rows say when to stop.",
    "Scores": "The test rows were kept away from everything until now; the linear model keeps us honest.",
    "Columns that matter": "Shuffle one column of the test rows, and see how much worse the predictions get.",
}


def demo(
    out: Annotated[Path | None, Option("--out", "-o", metavar="FOLDER", show_default=False,
                                       help="Where the model and the report go; else a temporary folder.")] = None,
    epochs: Annotated[int | None, Option(min=1, help="Passes over the rows, at most.")] = None,
) -> None:
    """Learn the prices of 2,930 houses in Ames, Iowa, from a raw table: train, score, explain, predict."""
    from ..datasets import path
    from .fit import follow, shell, write
    from .options import FitOptions, ReadOptions
    from .study import begin
    from .terminal import Screen

    folder = _folder(out)
    houses, screen = path("houses"), Screen(lines_for=LINES)
    screen.say("2,930 houses sold in Ames, Iowa (De Cock 2011): what is each worth?", style="bold")
    study = begin(FitOptions(epochs=epochs, seed=SEED), houses, ReadOptions(["price"]))
    follow(study, screen)
    model = folder / "houses.safetensors"
    study.found.commands = [
        shell("cutaway", "predict", model, houses, "-o", folder / "prices.csv"),
        shell("cutaway", "inspect", model),
        "cutaway fit YOUR.csv --target COLUMN",
        "cutaway studio",
    ]
    write(study, screen, model, folder / "houses.html")


def _folder(out: Path | None) -> Path:
    from tempfile import mkdtemp

    from ..errors import FileError
    from .checks import reachable

    if out is None:
        return Path(mkdtemp(prefix="cutaway-demo-"))
    reachable(out, "--out")
    if out.exists() and not out.is_dir():
        raise FileError(f"--out {out} is a file: name a folder.")
    if not out.resolve().parent.is_dir():
        raise FileError(f"--out {out}: there is no folder {out.parent}. Create it first.")
    out.mkdir(exist_ok=True)
    return out

