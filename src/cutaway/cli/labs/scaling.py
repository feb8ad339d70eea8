"""cutaway lab scaling: learning curves of a network and scikit-learn's models on growing parts of the data."""

from __future__ import annotations

from typing import Annotated

from typer import Option

from .common import DataName, Out, Quick, Seed, Target, checked, numbers, show


def scaling(
    data: DataName = None,
    target: Target = None,
    sizes: Annotated[str | None, Option(metavar="N,N,...", show_default=False,
                                        help="Rows to learn from; else 40, 120, ... to all.")] = None,
    seeds: Annotated[int, Option("--seeds", min=1, help="Runs of everything, each on parts of its own.")] = 4,
    test: Annotated[float, Option(help="The share of rows to test on.")] = 0.25,
    rows: Annotated[int, Option(min=40, help="Rows of a data set that is made, such as friedman.")] = 4000,
    quick: Quick = False,
    seed: Seed = 0,
    out: Out = None,
) -> None:
    """More data: does a network keep improving where other models hit a ceiling?

    The network, linear or logistic regression, a random forest and gradient boosting learn from growing parts of the
    same rows, all encoded alike. What is said of who is ahead is said only where the seeds agree.
    """
    from ...errors import ArgumentError
    from ...lab.learning_curves.scaling import Scaling
    from ...lab.learning_curves.scaling import scaling as run
    from ..terminal import console
    from .data import read_raw

    files = checked(out, Scaling, data)
    if not 0 < test < 1:
        raise ArgumentError(f"--test {test:g}: give a share of the rows above 0 and below 1, such as 0.25.")
    chosen = numbers(sizes, "--sizes", "100,1000,10000", what="numbers of rows") if sizes is not None else None
    _, X, y, _ = read_raw(data, target, "digits", seed, rows)
    if quick:
        seeds, chosen = min(seeds, 2), chosen or [40, 120]
    with console(stderr=True).status("") as line:
        found = run(X, y, chosen, range(seed, seed + seeds), test=test,
                    progress=lambda done, of: line.update(f"{done} of {of} fits"))
    show(found, files)
