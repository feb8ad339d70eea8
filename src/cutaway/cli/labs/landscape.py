"""cutaway lab landscape: the loss around a trained network, or between two."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

from typer import Option

from .common import DataName, Hidden, Out, Quick, Seed, Target, checked, show

if TYPE_CHECKING:
    from ...train import Run
    from .data import LabData

BATCH, SMALL = 32, 8
PATIENCE = 100  # times as many epochs at most for the large batches, whose epochs are single updates


def landscape(
    data: DataName = None,
    target: Target = None,
    hidden: Hidden = None,
    between: Annotated[Literal["seeds", "batches"] | None, Option(show_default=False, help=(
        "The line between two networks: of two seeds, or of small batches and full ones."))] = None,
    epochs: Annotated[int, Option(min=1, help="Passes over the data before anything is drawn.")] = 20,
    directions: Annotated[int, Option(min=1, max=2, help="1: curves; 2: a plane, too.")] = 2,
    span: Annotated[float, Option(help="How far from the weights; 1 is their own length, neuron by neuron.")] = 1.0,
    points: Annotated[int, Option(help="Points across, an odd number.")] = 41,
    rows: Annotated[int, Option(min=20, help="Rows to learn from, at most.")] = 4000,
    quick: Quick = False,
    seed: Seed = 0,
    out: Out = None,
) -> None:
    """Train a network and look at the loss around its weights: how wide is the minimum?

    Random directions are as long as the weights of each neuron, so that networks can be compared. Unless DATA is given:
    handwritten digits.
    """
    from ... import lab
    from ...data import split
    from ...lab.landscapes.true_loss import around_zero
    from .data import study

    files = checked(out, lab.Between if between else lab.Landscape, data)
    around_zero(span, points)  # refused before training
    if quick:
        epochs, points, rows = min(epochs, 3), min(points, 17), min(rows, 500)
    about = study(data, target, "digits", hidden, rows, seed)
    learnt, held_out = split(about.y, 0.2, seed, stratify=about.loss == "cross_entropy")
    X, y, curves = about.X[learnt], about.y[learnt], 5 if quick else 10
    found: lab.Landscape | lab.Between
    if between is None:
        runs = train([entry(about, X, y, seed, BATCH, epochs)])
        found = lab.landscape(runs[0].model, X, y, about.loss, directions, span, points, curves, seed)
    else:
        if between == "seeds":
            names = f"seed {seed}", f"seed {seed + 1}"
            runs = train([entry(about, X, y, s, BATCH, epochs) for s in (seed, seed + 1)])
        else:
            names = f"batches of {SMALL}", f"batches of {len(y)}"
            runs = train([entry(about, X, y, seed, SMALL, epochs)])
            reached = runs[0].history["loss"][-1]
            runs += train([entry(about, X, y, seed, len(y), PATIENCE * runs[0].epochs_done, until=reached)])
        validation = about.X[held_out], about.y[held_out]
        a, b = (run.model for run in runs)
        found = lab.between(a, b, X, y, about.loss, validation, names, points, curves, span, seed)
    stopped = [run for run in runs if run.stopped == "interrupted"]
    if stopped:
        found.cut_short = f"Ctrl-C ended training after {stopped[0].epochs_done} epochs"
    show(found, files)


def entry(about: LabData, X: Any, y: Any, seed: int, batch_size: int, epochs: int,
          until: float = 0.0) -> dict[str, Any]:
    """Make the arguments of ct.fit for one network: Adam, until its loss over an epoch is as low as `until`."""
    from ... import optim
    from ...lab.models import fresh

    def low_enough(event: Any) -> None:
        if hasattr(event, "row") and event.row["loss"] <= until:
            event.run.stop("its loss is low enough")

    return {"model": fresh(about.model(), seed), "X": X, "y": y, "loss": about.loss, "epochs": epochs, "seed": seed,
            "optimizer": optim.Adam(about.design.lr), "batch_size": batch_size, "callbacks": [low_enough],
            "drop_last": True}  # batch norm cannot take a last batch of one row


def train(entries: list[dict[str, Any]]) -> list[Run]:
    from ...errors import TrainingError
    from ...train import fit_many

    runs = fit_many(entries)
    for run in runs:
        if not run.epochs_done:
            raise TrainingError(f"There is no trained network to look at: the first epoch ended early, {run.stopped}.")
    return runs
