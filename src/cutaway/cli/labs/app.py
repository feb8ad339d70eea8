"""The experiments of `cutaway lab`, by name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import typer
from typer.core import TyperGroup


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
}
for name, (command, about, example) in LABS.items():
    app.command(name, short_help=about, epilog=f"Example: cutaway lab {example}")(command)


@app.callback()
def labs() -> None:
    pass
