"""cutaway lab lr-find: a learning rate, and a batch size, for a network on some data."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from typer import Option

from ...errors import ArgumentError
from .common import DataName, Hidden, Out, Quick, Seed, Target, checked, show


def lr_find(
    data: DataName = None,
    target: Target = None,
    optimizer: Annotated[str, Option(metavar="NAME", help="Whose learning rate is wanted.")] = "AdamW",
    batch_size: Annotated[str, Option(metavar="N|auto", help="Rows a step; auto advises a number first.")] = "auto",
    low: Annotated[float, Option(help="The learning rate of the first step.")] = 1e-7,
    high: Annotated[float, Option(help="The learning rate of the last, if the loss does not diverge before.")] = 100.0,
    hidden: Hidden = None,
    advice: Annotated[Path | None, Option(metavar="FILE", show_default=False, help=(
        "Also the figure or numbers of the batch-size advice."))] = None,
    quick: Quick = False,
    seed: Seed = 0,
    out: Out = None,
) -> None:
    """Train with rates that rise from tiny to huge, and read from the losses which one to train with.

    The batch size, unless given, is weighed first: the time of a step on this machine against the noise in the
    gradient. `cutaway fit --lr auto` finds its learning rate in the same way.
    """
    from ...lab.races.entrants import entered
    from ...lab.steps.batch_advice import BatchAdvice
    from ...lab.steps.batch_advice import batch_size as advise
    from ...lab.steps.lr_find import LearningRates
    from ...lab.steps.lr_find import lr_find as find
    from ...train.rate import rising
    from .data import study

    rows = _rows(batch_size)
    files = checked(out, LearningRates, data)
    advice_files = checked([advice] if advice else None, BatchAdvice, data)
    if advice is not None and rows is not None:
        raise ArgumentError("--advice is for --batch-size auto: leave --batch-size out.")
    (named,) = entered([optimizer]).values()
    seeking = named.at("auto")
    rising(seeking, low, high)  # refuses a range that is none
    found = study(data, target, "digits", hidden, rows=600 if quick else None, seed=seed)
    asked = found.model(), found.X, found.y, found.loss, seeking
    if rows is None:
        advised = advise(*asked, epochs=1 if quick else 3, seed=seed)
        show(advised, advice_files)
        rows = advised.suggestion
    show(find(*asked, rows, low, high, seed=seed), files)


def _rows(batch_size: str) -> int | None:
    if batch_size == "auto":
        return None
    if not batch_size.isdecimal() or int(batch_size) < 1:
        raise ArgumentError(f"--batch-size {batch_size!r}: give a whole number of at least 1, or auto.")
    return int(batch_size)
