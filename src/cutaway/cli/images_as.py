"""How the images of a file are read for a model: the options that predict, evaluate, trace and step share."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from typer import Option

Mode = StrEnum("Mode", ["grey", "colour"])
SkipDamaged = Annotated[bool, Option("--skip-damaged", help="Leave out images that cannot be read.")]
ModeOption = Annotated[Mode | None, Option("--mode", help="Turn all images to grey, or to colour.", show_default=False)]
SizeOption = Annotated[
    str | None, Option("--size", metavar="HxW", help="Bring images of other sizes to that of training.")
]
