"""cutaway lab batches: batch, stochastic and mini-batch gradient descent side by side."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from typer import Option

from .common import DataName, Hidden, Out, Quick, Seed, Target, checked, numbers, show


def batches(
    data: DataName = None,
    target: Target = None,
    hidden: Hidden = None,
    sizes: Annotated[str, Option(metavar="N,N,...", help="Rows a step; full is all of them.")] = "1,32,full",
    lr: Annotated[float | None, Option(min=0, show_default=False, help=(
        "One learning rate for all sizes; else each takes the best of seven."))] = None,
    seconds: Annotated[float, Option(help="Time for each run.")] = 0.3,
    runs: Annotated[int, Option(min=1, help="Runs of each size, from different first weights.")] = 3,
    quick: Quick = False,
    seed: Seed = 0,
    out: Out = None,
) -> None:
    """How many rows a step? Loss by step, epoch and second, gradient noise, memory, and the way out of poor minima.

    The second experiment, from a poor local minimum of a bumpy surface, goes to a file of its own: NAME-escape.
    """
    from ...lab.descents.escape import Escape, escape
    from ...lab.steps.batches import RATES, Batches
    from ...lab.steps.batches import batches as run
    from .. import checks
    from .data import study

    files = checked(out, Batches, data)
    more = checked([path.with_stem(f"{path.stem}-escape") for path in out or ()], Escape, data)
    checks.positive(seconds, "--seconds")
    wanted = numbers(sizes, "--sizes", "1,32,full", _size, what="numbers of rows or full")
    found = study(data, target, "digits", hidden, seed=seed)
    found.design.change({"dropout": 0.0})  # its noise would hide that of the batches
    rates: Sequence[float] = RATES if lr is None else (lr,)
    if quick:
        seconds, runs, rates = min(seconds, 0.02), 1, rates[::2]
    result = run(found.model(), found.X, found.y, found.loss, wanted, rates=rates, seconds=seconds, runs=runs,
                 seed=seed)
    show(result, files)
    if not result.cut_short:
        show(escape(seeds=10 if quick else 50, seed=seed), more)


def _size(text: str) -> int | str:
    return "full" if text.strip() == "full" else int(text)
