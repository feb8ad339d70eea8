"""cutaway lab shuffling: training on rows sorted by class, with and without a shuffle each epoch."""

from __future__ import annotations

from typing import Annotated

from typer import Option

from .common import DataName, Hidden, Out, Quick, Seed, Target, checked, show


def shuffling(
    data: DataName = None,
    target: Target = None,
    hidden: Hidden = None,
    batch_size: Annotated[int, Option(min=1, help="Rows a step.")] = 32,
    epochs: Annotated[int, Option(min=1, help="Passes over the rows.")] = 10,
    lr: Annotated[float | None, Option(min=0, show_default=False, help=(
        "The learning rate, of SGD; else 0.1 for classes, 0.01 for numbers."))] = None,
    runs: Annotated[int, Option(min=1, help="Runs of each order, from different first weights.")] = 5,
    quick: Quick = False,
    seed: Seed = 0,
    out: Out = None,
) -> None:
    """Why shuffle? What rows sorted by class do to the batches' gradients, to the loss, and to the score at the end."""
    from ...lab.steps.shuffling import Shuffling
    from ...lab.steps.shuffling import shuffling as run
    from ...optim import SGD
    from .data import study

    files = checked(out, Shuffling, data)
    found = study(data, target, "digits", hidden, seed=seed)
    found.design.change({"dropout": 0.0})  # its noise would hide what the rows' order does
    if quick:
        epochs, runs = min(epochs, 3), min(runs, 2)
    show(run(found.model(), found.X, found.y, found.loss, None if lr is None else SGD(lr), batch_size, epochs,
             runs=runs, seed=seed), files)
