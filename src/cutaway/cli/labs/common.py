"""What all experiments of `cutaway lab` take and do: options, and the result printed and written."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, Any

from typer import Option

from ...errors import ArgumentError
from .. import checks

Out = Annotated[list[Path] | None, Option("--out", "-o", metavar="FILE", show_default=False, help=(
    "A figure (.svg, .png, .pdf), the numbers (.json, .csv) or a page (.html); may be given again."))]
Seed = Annotated[int, Option("--seed", min=0, help="The seed of everything that is drawn by chance.")]
Quick = Annotated[bool, Option("--quick", help="A short look: few runs, few points.")]
DataName = Annotated[str | None, Option("--data", "-d", metavar="DATA", show_default=False, help=(
    "A data set that ships (digits, moons, houses, ...), or a file or folder of your own."))]
Target = Annotated[list[str] | None, Option("--target", "-t", metavar="COL", show_default=False,
                                            help="The column of your file to predict.")]
Hidden = Annotated[str | None, Option("--hidden", metavar="N,N", show_default=False, help=(
    "Neurons of each hidden layer, such as 64,64; or none."))]


def checked(out: Sequence[Path] | None, result: type, data: str | None = None) -> list[Path]:
    """Check the files asked for. Raises, before anything is computed, for one that cannot be written."""
    inputs = [Path(data)] if data else []
    return [checks.output(path, "--out", result.endings(), inputs) for path in out or ()]  # type: ignore[attr-defined]


def numbers(text: str, option: str, example: str, kind: Callable[[str], Any] = int, count: int | None = None,
            what: str = "numbers with commas between them") -> list[Any]:
    """Read the numbers between an option's commas, `count` numbers if that is said. Raises ArgumentError otherwise.

    >>> numbers("-1,2.5", "--start", "-1,2", float, 2)
    [-1.0, 2.5]
    """
    try:
        found = [kind(part) for part in text.split(",")]
    except ValueError:
        found = []
    if not found or count not in (None, len(found)):
        raise ArgumentError(f"{option} {text!r}: give {f'{count} ' if count else ''}{what}, such as {example}.")
    return found


def show(result: Any, out: Sequence[Path]) -> None:
    """Print what was found, and write the files."""
    from ..terminal import Screen, warn

    screen = Screen()
    screen.say()
    screen.text(result)
    if result.cut_short:
        warn(f"{result.cut_short}: this is what was done by then")
    if out:
        written = [str(result.save(path)) for path in out]
        screen.say()
        screen.lines([f"Written: {path}" for path in written])
