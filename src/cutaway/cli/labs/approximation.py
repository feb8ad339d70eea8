"""cutaway lab approximation: how closely networks fit a function, by width and by depth."""

from __future__ import annotations

from typing import Annotated

from typer import Argument, Option

from .common import Out, Quick, Seed, checked, numbers, show


def approximation(
    function: Annotated[str, Argument(metavar="FUNCTION", help=(
        "In x, or in x and y, such as \"x^2 * y\"; or a surface's name."))] = "sin(3 * x)",
    domain: Annotated[str | None, Option(metavar="LOW,HIGH", show_default=False, help=(
        "Of both variables, or LOW,HIGH,LOW,HIGH; else -2,2 or the surface's own."))] = None,
    widths: Annotated[str, Option(metavar="N,N,...", help="Neurons in one hidden layer.")] = "1,2,4,8,16,32,64",
    depths: Annotated[str, Option(metavar="N,N,...", help=(
        "Hidden layers of networks with as many parameters as the widest; or none."))] = "2,3,4",
    seeds: Annotated[int, Option(min=1, help="Runs of each network.")] = 9,
    steps: Annotated[int, Option(min=1, help="Updates of each run.")] = 16_000,
    quick: Quick = False,
    seed: Seed = 0,
    out: Out = None,
) -> None:
    """Fit a function by ReLU networks: the error by width, and by depth at equal parameters; every neuron's hinge."""
    from ...lab.functions.approximation import Approximation
    from ...lab.functions.approximation import approximation as run

    files = checked(out, Approximation)
    ends = numbers(domain, "--domain", "-2,2", float) if domain else None
    box = [ends[:2], ends[2:]] if ends and len(ends) == 4 else ends
    chosen = numbers(widths, "--widths", "1,2,4,8")
    deep = [] if depths.strip().lower() == "none" else numbers(depths, "--depths", "2,3,4")
    if quick:
        chosen, deep, seeds, steps = [w for w in chosen if w <= 16] or chosen, deep[:1], min(seeds, 3), 3000
    show(run(function, chosen, deep, seeds, steps, box, seed), files)
