"""cutaway engines: what can run networks on this machine, and what the other engines lack."""

from __future__ import annotations


def engines() -> None:
    """Say which engines can run networks here, on what, and how to get those that cannot."""
    from ..engines import available
    from .terminal import Screen

    Screen().text(str(available()))
