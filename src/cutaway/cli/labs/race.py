"""cutaway lab race: several optimizers on one network and data, tuned alike, over many seeds."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from typer import Option

from .. import checks
from .common import DataName, Hidden, Out, Quick, Seed, Target, checked, show

if TYPE_CHECKING:
    from ...optim import Optimizer


def race(
    data: DataName = None,
    target: Target = None,
    optimizer: Annotated[list[str] | None, Option(
        "--optimizer", metavar="NAME[:LR]", show_default=False,
        help="Who races, such as AdamW or SGD:0.3, whose rates to try lie around 0.3; may be given again. "
        "Default: the lecture's six.")] = None,
    seeds: Annotated[int, Option("--seeds", min=1, help="Runs of each.")] = 10,
    budget: Annotated[int, Option(min=1, help="Learning rates to try for each; 1 takes its own.")] = 6,
    epochs: Annotated[int, Option(min=1, help="Passes over the rows in each run.")] = 20,
    batch_size: Annotated[int, Option(min=1, help="Rows a step.")] = 32,
    hidden: Hidden = None,
    rows: Annotated[int | None, Option(min=20, help="Only so many rows of the data.", show_default=False)] = None,
    by: Annotated[str | None, Option(metavar="SCORE", show_default=False, help=(
        "What decides: val_loss (the default), loss, accuracy or r2."))] = None,
    target_loss: Annotated[float | None, Option(metavar="J", show_default=False, help=(
        "The training loss to reach; else one that three in four runs do."))] = None,
    slice: Annotated[Path | None, Option(metavar="FILE", show_default=False, help=(
        "Also a figure (.svg, .png, .pdf) of one seed's paths on the true loss surface."))] = None,
    quick: Quick = False,
    seed: Seed = 0,
    out: Out = None,
) -> None:
    """Which optimizer is ahead on this network and data, and is the difference more than chance?

    Each gets the same number of learning rates to try, then races with its best: the same first weights, validation
    rows and batches for all in every seed. It says which differences the seeds cannot tell from chance.
    """
    from ...files.endings import FIGURES
    from ...lab.races.race import race as run
    from ...lab.races.race_result import Race
    from ..terminal import Screen
    from .data import study

    files = checked(out, Race, data)
    if slice is not None:
        checks.output(slice, "--slice", FIGURES, [Path(data)] if data else [])
    starters = _starters(optimizer) if optimizer else None
    small = None if data else "64"  # hidden neurons, so that a first look takes some 20 s
    found = study(data, target, "digits", hidden or small, rows, seed)
    if quick:
        seeds, budget, epochs = min(seeds, 3), min(budget, 2), min(epochs, 4)
    result = run(found.model(), found.X, found.y, starters, found.loss, seeds, budget, epochs, batch_size, by=by,
                 target=checks.positive(target_loss, "--target-loss"), seed=seed, paths=slice is not None)
    show(result, files)
    if slice is not None and result.paths:
        result.plot(slice, "slice")
        Screen().say(f"  Written: {slice}")


def _starters(given: list[str]) -> dict[str, Optimizer]:
    """Name optimizers; where one comes with two rates, by name and rate.

    >>> _starters(["SGD", "Adam:0.003", "Adam:0.1"])
    {'SGD': SGD(lr=0.1), 'Adam:0.003': Adam(lr=0.003, ...), 'Adam:0.1': Adam(lr=0.1, ...)}
    """
    from ...lab.races.entrants import entered, with_rate

    names = [text.partition(":")[0] for text in given]
    starters = {}
    for text in dict.fromkeys(given):
        name, _, rate = text.partition(":")
        ((known, optimizer),) = entered([name]).items()
        if rate:
            chosen = checks.rate(rate, f"--optimizer {name}:")
            optimizer = with_rate(optimizer, chosen) if isinstance(chosen, float) else optimizer
        starters[known if names.count(name) == 1 else text] = optimizer
    return starters
