"""The experiments of `cutaway lab`, by name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import typer
from typer.core import TyperGroup

from .approximation import approximation
from .batches import batches
from .collapse import collapse
from .features import features
from .landscape import landscape
from .lr_find import lr_find
from .race import race
from .ravine import ravine
from .scaling import scaling
from .shuffling import shuffling


class Labs(TyperGroup):
    """Answers an unknown name with the closest one."""

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        from ...errors import check_name

        if args and not args[0].startswith("-"):
            check_name(args[0], list(self.commands), "experiment")
        return super().resolve_command(ctx, args)


app = typer.Typer(
    name="lab",
    cls=Labs,
    help="The lecture's claims as experiments, on data that ships or on your own.",
    epilog="Example: cutaway lab ravine --out ravine.svg",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
# name: (the command, in a few words, an example)
LABS: dict[str, tuple[Callable, str, str]] = {
    "ravine": (ravine, "Optimizers walking a loss surface.", "ravine --out ravine.svg"),
    "race": (race, "Optimizers on one network, tuned alike, over many seeds.", "race --data houses --out race.svg"),
    "batches": (batches, "Batch, stochastic and mini-batch gradient descent.", "batches --out batches.svg"),
    "lr-find": (lr_find, "Find a learning rate, and a batch size.", "lr-find --data houses"),
    "landscape": (landscape, "The loss around a trained network, or between two.", "landscape --between seeds"),
    "approximation": (approximation, "Any function, with enough neurons.", "approximation 'sin(3*x)' --out fit.svg"),
    "collapse": (collapse, "Linear layers are one; an activation bends it.", "collapse --out bend.svg"),
    "scaling": (scaling, "Networks and other models on growing data.", "scaling --data houses"),
    "shuffling": (shuffling, "Rows sorted by class, shuffled and not.", "shuffling --out shuffling.svg"),
    "features": (features, "What each layer responds to, from edges up.", "features --out features.svg"),
}
for name, (command, about, example) in LABS.items():
    app.command(name, short_help=about, epilog=f"Example: cutaway lab {example}")(command)


@app.callback()
def labs() -> None:
    pass
