"""cutaway step: the stepping session in the terminal."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

from typer import Argument, Option

from .files_as import MissingOption, SheetOption, SqlOption, said_of
from .images_as import ModeOption, SizeOption, SkipDamaged

TOUR = (
    "A network of 2 inputs, 4 ReLU neurons and 2 outputs learns which of two moons a point belongs to, from 200 "
    "points, {} a step, by gradient descent. Nothing has run yet."
)
HINT = (
    "n runs the next instruction and shows what it wrote, b goes back, p runs to the next phase, s does a whole step. "
    "An empty line does the same again; help lists all commands, q leaves."
)


def step(
    model: Annotated[Path | None, Argument(help="A model that `cutaway fit` wrote, or an .onnx file.",
                                          show_default=False)] = None,
    data: Annotated[Path | None, Argument(help="What it was trained on, with the target.", show_default=False)] = None,
    target: Annotated[list[str] | None, Option("--target", "-t", metavar="COL",
                                               help="The column with the truth, if not that of training.")] = None,
    batch: Annotated[int | None, Option("--batch", min=1, help="Rows a step; 1 goes sample by sample.")] = None,
    fresh: Annotated[bool, Option("--fresh", help="Begin from new first weights, not from the file's.")] = False,
    seed: Annotated[int, Option(help="Of the order of batches, of dropout, and of new first weights.")] = 0,
    size: SizeOption = None,
    mode: ModeOption = None,
    skip_damaged: SkipDamaged = False,
    sheet: SheetOption = None,
    sql: SqlOption = None,
    user_missing: MissingOption = False,
) -> None:
    """Go through training one instruction at a time: forward, back, and with changes by hand.

    Without a model, a small network learns two moons. With MODEL and DATA, the model's training goes on from its
    weights, with its own loss and optimizer; its file stays as it is. Commands may also come from a pipe.
    """
    from ..errors import ArgumentError
    from .stepper import Stepper

    if model is None:
        if target or size or mode or skip_damaged or sheet or sql or user_missing:
            raise ArgumentError("--target, --size, --mode, --skip-damaged, --sheet, --sql and --user-missing go with a "
                                "model and data: cutaway step MODEL DATA.")
        Stepper(moons(batch or 25, seed)).go(TOUR.format(batch or 25), HINT)
        return
    if data is None:
        raise ArgumentError(f"{model}: give the data, too: cutaway step {model} DATA.")
    session, about = from_file(model, data, target, batch, fresh, seed, skip_damaged, size, mode,
                               said_of(sheet, sql, user_missing))
    Stepper(session).go(about, HINT)


def moons(batch: int, seed: int) -> Any:
    """Begin the session without a model."""
    from .. import datasets, inspect, nn, optim

    X, y = datasets.make("moons", n=200, seed=seed)
    net = nn.MLP(2, [4], 2).init(seed)
    return inspect.step(net, X, y, "cross_entropy", optim.SGD(0.5), batch, epochs=20, seed=seed)


def from_file(model: Path, data: Path, targets: list[str] | None, batch: int | None, fresh: bool, seed: int,
              skip_damaged: bool, size: str | None = None, mode: str | None = None,
              said: dict[str, Any] | None = None) -> tuple[Any, str]:
    """Begin the session on a model and its data; give a line about it, too."""
    from .. import inspect
    from ..text import printable
    from .training import training

    given = training(model, data, targets, skip_damaged, size=size, mode=mode, said=said)
    own, design = given.estimator, given.estimator.design_
    network = own.model_
    if fresh:  # the design knows how its networks begin; a network of one's own begins as its layers say
        network = network.init(seed) if "hidden" in design.asked else design.network(seed)
    rows = min(batch or design.batch_size, len(given.T))
    session = inspect.step(network, given.Z, given.T, batch_size=rows, epochs=design.epochs, seed=seed,
                           **given.settings)
    weights = "new first weights" if fresh else f"the weights in {printable(model.name)}"
    left_out = f" ({given.left_out:,} without a target left out)" if given.left_out else ""
    about = f"{len(given.T):,} {own.inputs_.many} of {printable(data.name)}{left_out}, {rows:,} a step, from {weights}."
    return session, about
