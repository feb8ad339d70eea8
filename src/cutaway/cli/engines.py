"""cutaway engines: what can run networks on this machine, and what the other engines lack."""

from __future__ import annotations

from typing import Annotated

from typer import Option


def engines(
    check: Annotated[str | None, Option(metavar="ENGINE", show_default=False,
                                        help="Train a small network with each kind of layer, and say whether a traced "
                                             "step is the one that trained, and how far the engine is from the CPU "
                                             "engine. Takes a minute with xla.")] = None,
) -> None:
    """Say which engines can run networks here, on what, and how to get those that cannot."""
    from ..engines import available
    from .terminal import Screen

    screen = Screen()
    if check is None:
        return screen.text(str(available()))
    from ..inspect.agreement import STEPS, WIDTH, agreements

    for k, found in enumerate(agreements(check)):
        if not k:
            screen.text(f"{'':{WIDTH}}{'traced and trained':{WIDTH}}{check} and cpu")
        screen.text(str(found))
    screen.say(f"Weights, state of the optimizer and of batch norm after {STEPS} steps in float32: the largest "
               "difference, as a share of the array's largest number.", style="dim")
