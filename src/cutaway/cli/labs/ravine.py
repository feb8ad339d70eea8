"""cutaway lab ravine: optimizers on a loss surface of two weights, a ravine unless another is asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from typer import Option

from .common import Out, Quick, Seed, checked, numbers, show

if TYPE_CHECKING:
    from ...lab.descents.surfaces import Surface
    from ...optim import Optimizer


def ravine(
    surface: Annotated[str, Option("--surface", "-s", metavar="NAME|EXPRESSION", help=(
        "ravine, bowl, saddle, plateau, rosenbrock, beale, himmelblau, noisy, bumpy; or a function of x and y, such "
        'as "x^2 + 3 * sin(y)".'))] = "ravine",
    condition: Annotated[float | None, Option(show_default=False, help=(
        "How many times as steep as its floor the ravine's walls are; 50 unless given."))] = None,
    optimizer: Annotated[list[str] | None, Option("--optimizer", metavar="NAME[:LR]", show_default=False, help=(
        "Such as adam:0.1; may be given again. Default: the lecture's."))] = None,
    start: Annotated[str | None, Option(metavar="X,Y", show_default=False, help="Where to start.")] = None,
    bounds: Annotated[str | None, Option(metavar="X0,X1,Y0,Y1", show_default=False,
                                         help="The part of the plane to show.")] = None,
    noise: Annotated[float | None, Option(min=0, show_default=False, help=(
        "Of each row's gradient, for any surface: its standard deviation."))] = None,
    batch_size: Annotated[int, Option(min=1, help="Rows a step, with noise.")] = 1,
    steps: Annotated[int, Option(help="Updates of each optimizer.")] = 100,
    figure: Annotated[str, Option(metavar="KIND", help=(
        "What --out draws: contour, 3d, rates (effective learning rates), loss."))] = "contour",
    quick: Quick = False,
    seed: Seed = 0,
    out: Out = None,
) -> None:
    """Walk optimizers over a loss surface from the same start, by the program that trains any network."""
    from ...errors import check_name
    from ...lab.descents.descend import Descent, descend
    from ...lab.descents.descent_figures import FIGURES
    from ...lab.descents.surfaces import surface as made

    files = checked(out, Descent)
    check_name(figure, FIGURES, "figure")
    ends = None if bounds is None else tuple(numbers(bounds, "--bounds", "-1,2,-3,3", float, 4))
    at = None if start is None else tuple(numbers(start, "--start", "-1,2", float, 2))
    on = made(surface, condition=condition, noise=noise, start=at, bounds=ends and (ends[:2], ends[2:]))
    chosen = [_optimizer(text, on) for text in optimizer] if optimizer else None
    found = descend(on, chosen, steps=min(steps, 50) if quick else steps, seed=seed, batch_size=batch_size)
    found.figure = figure
    show(found, files)


def _optimizer(text: str, on: Surface) -> Optimizer:
    """Read "adam:0.1", or "adam" at a learning rate that fits the surface."""
    from ...errors import ArgumentError, check_name
    from ...lab.descents.descend import usual
    from ...optim import OPTIMIZERS

    name, colon, lr = text.partition(":")
    known = {key.lower(): key for key in OPTIMIZERS}
    check_name(name.lower(), known, "optimizer")
    (usually,) = usual(on, [known[name.lower()]])
    if not colon:
        return usually
    try:
        return type(usually)(float(lr))
    except ValueError:
        raise ArgumentError(
            f"--optimizer {text}: the learning rate must be a number of at least 0, as in {name}:0.1."
        ) from None
