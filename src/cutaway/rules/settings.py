"""What an operation's settings may be. Rules and kernels step, divide and index by them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..arguments import is_whole


def _one_or_more(least: int) -> Callable[[Any], bool]:
    return lambda value: all(is_whole(v, least) for v in (value if isinstance(value, tuple | list) else (value,)))


def _edges(value: Any) -> bool:
    """Whether this is padding: one number for all ends, or a pair (before, after) for each size."""
    if isinstance(value, tuple | list):
        return all(isinstance(pair, tuple | list) and len(pair) == 2 and _ends(pair) for pair in value)
    return is_whole(value, 0)


_ends = _one_or_more(0)


def _number(value: Any) -> bool:
    return isinstance(value, float | int | np.floating | np.integer)


def real(value: Any) -> Any:
    """Make a number a float; anything else stays, and is refused later by its setting's name."""
    return float(value) if _number(value) else value


STEPS = _one_or_more(1), "whole numbers of at least 1"
NUMBER = _number, "a number"
ALLOWED: dict[str, tuple[Callable[[Any], bool], str]] = {
    "window": STEPS,
    "stride": STEPS,
    "dilation": STEPS,
    "padding": (_edges, "whole numbers of at least 0, a pair (before, after) for each size"),
    "every": (lambda value: is_whole(value, 1), "a whole number of at least 1"),
    "column": (lambda value: is_whole(value, 0), "a whole number of at least 0"),
    "groups": (lambda value: is_whole(value, 1), "a whole number of at least 1"),
    "truncate": (lambda value: value is None or is_whole(value, 1), "None or a whole number of at least 1"),
    "p": (lambda value: _number(value) and 0 <= value < 1, "a number from 0 to below 1"),
    "eps": NUMBER,
    "momentum": NUMBER,
    "delta": NUMBER,
    "strength": NUMBER,
    "slope": NUMBER,
    "alpha": NUMBER,
    "exponent": NUMBER,
    "rate": NUMBER,
    "shift": NUMBER,
    "rotate": NUMBER,
    "crop": NUMBER,
}
AXIS = (lambda value: is_whole(value, -32), "a whole number")


def refused(op: str, settings: dict[str, Any]) -> str | None:
    """Say what is wrong with an operation's settings; None where nothing is."""
    for name, value in settings.items():
        allowed = AXIS if name == "axis" and op in ("concat", "cumsum") else ALLOWED.get(name)
        if allowed is not None and not allowed[0](value):
            return f"{op} takes {name} as {allowed[1]}, got {value!r}"
    return None
