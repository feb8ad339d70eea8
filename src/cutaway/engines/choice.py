"""What runs a program: an engine by its name, and on which devices. Looked up before anything is computed."""

from __future__ import annotations

from typing import Any

from .precision import checked_precision
from .registry import ENGINES


def engine_for(engine: str, device: str | None = None, devices: int | str | None = None,
               exact: bool = False) -> tuple[Any, dict[str, Any]]:
    """Find an engine's class, and the arguments that its constructor takes for this device, or for so many, and for
    the same bits on any number of them.

    Raises ArgumentError for an engine that cannot be had, and for devices that it does not find.
    """
    kind = ENGINES[engine]
    return kind, kind.placed(device, devices, exact)


def check_choice(engine: str, device: str | None, devices: int | str | None, precision: str | None,
                 exact: bool = False) -> None:
    """Check what was chosen to run a program. Raises ArgumentError for what there is not."""
    engine_for(engine, device, devices, exact)
    checked_precision(precision)
