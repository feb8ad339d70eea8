"""The application: its commands, and `--version`. Only the command that is called is imported and built."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib import import_module
from typing import Annotated, Any

import typer

# name: (in a few words, an example)
COMMANDS = {
    "fit": ("Train a network on a table, images or sequences.", "fit houses.csv --target price --report report.html"),
    "predict": ("Predict every row, image or sequence.", "predict model.safetensors new-houses.csv -o prices.csv"),
    "evaluate": ("Score a model on other data.", "evaluate model.safetensors later-houses.csv"),
    "inspect": ("Show what a model file holds.", "inspect model.safetensors"),
    "export": ("Write a model as an ONNX file.", "export model.safetensors model.onnx"),
    "explain": ("Show what moved the prediction of a row.", "explain model.safetensors houses.csv --row 17"),
    "trace": ("Show one training step of a row.", "trace model.safetensors houses.csv --row 17"),
    "step": ("Go through training one instruction at a time.", "step"),
    "demo": ("See it all on the house prices that ship.", "demo --out tour"),
    "warm": ("Compile what common networks need, before they need it.", "warm table"),
    "studio": ("Open a page in which a file becomes a network, step by step.", "studio houses.csv"),
    "engines": ("Say what can run networks here, and what is missing.", "engines"),
    "bench": ("Measure this machine beside the peers that are installed.", "bench mlp --quick"),
}

#: Commands of rooms below this one, which use the command line's own parts.
BELOW = {"studio": "..studio.command"}


def app_for(args: Sequence[str] | None = None) -> typer.Typer:
    """Make the application with the command that the arguments begin with (None: those of the process), or with all.

    To build a command takes longer than to import it: the options of fit take 30 ms, and those of all commands 160.
    """
    called = [*(sys.argv[1:] if args is None else args), ""][0]
    app = typer.Typer(
        name="cutaway",
        help="Deep learning with the casing off: a table, images or sequences in, a network and an honest score out.",
        epilog="Start with `cutaway demo`, or with data of your own: `cutaway fit houses.csv --target price`.",
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,
        context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    )
    every = called not in (*COMMANDS, "lab")
    for name, (about, example) in COMMANDS.items():
        if every or name == called:
            command: Any = getattr(import_module(BELOW.get(name, f".{name}"), __package__), name)
            app.command(short_help=about, epilog=f"Example: cutaway {example}")(command)
    if every or called == "lab":
        from .labs.app import app as labs

        app.add_typer(labs, short_help="The lecture's claims as experiments.")
    app.callback()(options)
    return app


def _version(asked: bool) -> None:
    if asked:
        from importlib.metadata import version

        typer.echo(f"cutaway {version('cutaway')}")
        raise typer.Exit


def options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    pass
