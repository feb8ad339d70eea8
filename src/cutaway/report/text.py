"""Text for people: names cut to a width, numbers that can be read."""

from __future__ import annotations

import math
from typing import Any

from ..text import plain


def short(text: Any, width: int) -> str:
    """The first `width` characters, the last of them '…' if there are more.

    >>> short("Neighborhood", 9)
    'Neighbor…'
    """
    text = plain(text)
    return text if len(text) <= width else text[: width - 1].rstrip() + "…"


def listed(names: list[str], most: int = 3, width: int = 28) -> str:
    """
    >>> listed(["area", "zone", "year", "pool", "roof"])
    'area, zone, year and 2 more'
    """
    shown = [short(name, width) for name in names[:most]]
    more = [f"{len(names) - most:,} more"] if len(names) > most else []
    return ", ".join(shown) + (f" and {more[0]}" if more else "")


def number(x: Any, digits: int = 3) -> str:
    """A quantity: whole from 1,000 on, else with so many significant digits.

    >>> number(21345.6), number(0.01234), number(12.345), number(float("nan")), number(3.0)
    ('21,346', '0.0123', '12.3', '–', '3')
    """
    if x is None or not math.isfinite(x):
        return "–"
    if 1e15 > abs(x) >= 1000:
        return f"{x:,.0f}"
    return f"{x:.{digits}g}"


def score(x: Any) -> str:
    """A score between -1 and 1, with three decimals; '–' where there is none.

    >>> score(0.93149), score(None)
    ('0.931', '–')
    """
    if x is None or not math.isfinite(x):
        return "–"
    return f"{x:z.3f}" if x > -100 else f"{x:.3g}"


def duration(seconds: float) -> str:
    """
    >>> duration(0.0123), duration(2.345), duration(200)
    ('0.01 s', '2.3 s', '3 min 20 s')
    """
    if seconds < 1:
        return f"{seconds:.2f} s"
    if seconds < 120:
        return f"{seconds:.1f} s"
    return f"{int(seconds // 60)} min {int(seconds % 60)} s"


def size(count: int) -> str:
    """
    >>> size(180), size(85_300), size(3_400_000)
    ('180 bytes', '85 kB', '3.4 MB')
    """
    if count < 1000:
        return f"{count} bytes"
    return f"{count / 1000:.0f} kB" if count < 1_000_000 else f"{count / 1e6:.1f} MB"
