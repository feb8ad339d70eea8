"""The application: its commands, and `--version`."""

from __future__ import annotations

from typing import Annotated

import typer

from .bench import bench
from .demo import demo
from .evaluate import evaluate
from .fit import fit
from .inspect import inspect
from .labs.app import app as labs
from .predict import predict
from .step import step
from .trace import trace
from .warm import warm

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
for command, about, example in (
    (fit, "Train a network on a table, images or sequences.", "fit houses.csv --target price --report report.html"),
    (predict, "Predict every row, image or sequence.", "predict model.safetensors new-houses.csv -o prices.csv"),
    (evaluate, "Score a model on other data.", "evaluate model.safetensors later-houses.csv"),
    (inspect, "Show what a model file holds.", "inspect model.safetensors"),
    (trace, "Show one training step of a row.", "trace model.safetensors houses.csv --row 17"),
    (step, "Go through training one instruction at a time.", "step"),
    (demo, "See it all on the house prices that ship.", "demo --out tour"),
    (warm, "Compile what common networks need, before they need it.", "warm mlp cnn"),
    (bench, "Measure this machine beside the peers that are installed.", "bench mlp --quick"),
):
    app.command(short_help=about, epilog=f"Example: cutaway {example}")(command)
app.add_typer(labs, short_help="The lecture's claims as experiments.")


def _version(asked: bool) -> None:
    if asked:
        from importlib.metadata import version

        typer.echo(f"cutaway {version('cutaway')}")
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    pass
