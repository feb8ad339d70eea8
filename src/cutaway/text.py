"""Typography: text that can be printed whoever wrote it, tables of text, lists, numbers, sizes, and values for JSON."""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Collection, Iterable, Sequence
from typing import Any

import numpy as np

#: Characters that steer a terminal or turn the direction of text round; they are shown as escapes.
STEERING = {"Cc", "Cs", "Zl", "Zp"}
TURNING = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


# ---- words and names -------------------------------------------------------------------------------------------------


def printable(text: Any, keep: str = "") -> str:
    """The text without characters that steer a terminal, save those in `keep`: a name in a table may hold anything.

    >>> printable("red\\x1b[31m, next\\nline")
    'red\\\\x1b[31m, next\\\\nline'
    """
    text = str(text)
    if text.isprintable() and text.isascii():
        return text
    return "".join(
        repr(c)[1:-1] if c not in keep and (unicodedata.category(c) in STEERING or c in TURNING) else c for c in text
    )


def bounded(text: str, most: int = 4000) -> str:
    """The ends of a long text: what it is about comes first, what to do about it last.

    >>> bounded("Column 'xxxxxxxxxxxxxxxxxxxx' is empty: leave it out.", 24)
    "Column 'xxxx […] eave it out."
    """
    half = most // 2
    return text if len(text) <= most else f"{text[:half]} […] {text[-half:]}"


def short(text: Any, width: int) -> str:
    """The first `width` characters, the last of them '…' if there are more.

    >>> short("Neighborhood", 9)
    'Neighbor…'
    """
    text = printable(text)
    return text if len(text) <= width else text[: width - 1].rstrip() + "…"


def listed(names: Iterable[Any], most: int = 3, width: int = 28) -> str:
    """The first names, each at most so wide, and how many more there are.

    >>> listed(["area", "zone", "year", "pool", "roof"])
    'area, zone, year and 2 more'
    """
    names = list(names)
    more = f" and {len(names) - most:,} more" if len(names) > most else ""
    return ", ".join(short(name, width) for name in names[:most]) + more


def quoted(names: Iterable[Any], most: int = 8) -> str:
    """The first names in quotation marks, and how many more there are.

    >>> quoted(["area", "zone", "year"], most=2)
    "'area', 'zone' and 1 more"
    """
    names = list(names)
    return listed(map(repr, names[:most]), most, 80) + (f" and {len(names) - most} more" if len(names) > most else "")


def joined(names: Sequence[str], word: str = "and") -> str:
    """All names as a sentence has them.

    >>> joined(["Adam", "AdamW", "SGD"])
    'Adam, AdamW and SGD'
    """
    return f" {word} ".join(filter(None, [", ".join(names[:-1]), *names[-1:]]))


def columns(rows: Iterable[Sequence[Any]], right: Collection[int] = (), widest: int = 10**6) -> list[str]:
    """The rows as lines whose cells stand under each other; columns `right` hold numbers and end under each other.

    No column is wider than `widest`: a longer cell moves the rest of its line. The last column may be as wide as it is.

    >>> print(*columns([("optimizer", "loss"), ("Adam", "0.25"), ("SGD", "1.5")], right=[1]), sep="\\n")
    optimizer  loss
    Adam       0.25
    SGD         1.5
    """
    lines = [[printable(cell) for cell in row] for row in rows]
    count = max(map(len, lines), default=0)
    widths = [min(max(len(line[k]) for line in lines if k < len(line)), widest) for k in range(count)]
    return ["  ".join(cell.rjust(w) if k in right else cell.ljust(w)
                      for k, (cell, w) in enumerate(zip(line, widths, strict=False))).rstrip() for line in lines]


# ---- numbers ---------------------------------------------------------------------------------------------------------


def number(x: Any, digits: int = 3) -> str:
    """A quantity: whole from 1,000 on, else with so many significant digits.

    >>> number(21345.6), number(0.01234), number(12.345), number(float("nan")), number(3.0)
    ('21,346', '0.0123', '12.3', '–', '3')
    """
    if x is None or not math.isfinite(x):
        return "–"
    text = f"{x:.{digits}g}"
    whole = "e+" in text or abs(float(text)) >= 1000  # as it is shown: 999.6 is 1,000, never 1e+03
    return f"{x:,.0f}" if whole and abs(x) < 1e15 else text


def score(x: Any) -> str:
    """A score between -1 and 1, with three decimals; '–' where there is none.

    >>> score(0.93149), score(None)
    ('0.931', '–')
    """
    if x is None or not math.isfinite(x):
        return "–"
    return f"{x:z.3f}" if x > -100 else f"{x:.3g}"


def counted(count: int, thing: str, things: str = "") -> str:
    """A number of things, whose plural is `things` if it does not end in s.

    >>> counted(1, "row"), counted(1200, "row"), counted(2, "class", "classes")
    ('1 row', '1,200 rows', '2 classes')
    """
    return f"{count:,} {thing if count == 1 else things or f'{thing}s'}"


def scaled(x: float, unit: str = "") -> str:
    """A quantity with two digits or more and its unit's prefix.

    >>> scaled(0.0000123, "s"), scaled(2_410_000), scaled(58_000, "B"), scaled(64, "B")
    ('12 µs', '2.4 M', '58 kB', '64 B')
    """
    if math.isnan(x):
        return "–"
    for step, prefix in ((1e9, "G"), (1e6, "M"), (1e3, "k"), (1, ""), (1e-3, "m"), (1e-6, "µ")):
        if abs(x) >= step:
            return f"{x / step:.{1 if x / step < 10 else 0}f} {prefix}{unit}".rstrip()
    return f"{x:.2g} {unit}".rstrip()


def size(count: int, binary: bool = False) -> str:
    """A number of bytes; `binary`: in powers of 1024, as memory comes.

    >>> size(180), size(85_300), size(3_400_000), size(512, binary=True), size(64 * 2**30, binary=True)
    ('180 B', '85 kB', '3.4 MB', '512 bytes', '64 GiB')
    """
    if not binary:
        return scaled(count, "B") if count >= 10 else f"{count} B"
    units = ("bytes", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB")
    k = min(max(count.bit_length() - 1, 0) // 10, len(units) - 1)
    return f"{count / 2 ** (10 * k):.3g} {units[k]}" if k else f"{count} bytes"


def duration(seconds: float) -> str:
    """A time in seconds, from two minutes on in minutes.

    >>> duration(0.0123), duration(2.345), duration(200)
    ('0.01 s', '2.3 s', '3 min 20 s')
    """
    if seconds < 120:
        return f"{seconds:.{2 if seconds < 1 else 1}f} s"
    return f"{int(seconds // 60)} min {int(seconds % 60)} s"


# ---- values for JSON -------------------------------------------------------------------------------------------------


def jsonable(value: Any, digits: int | None = None) -> Any:
    """Arrays and what holds them as lists, dicts and numbers for JSON; None for what is not finite.

    digits: how many significant ones a fraction keeps, all of them if None.

    >>> jsonable({"loss": np.array([0.5, np.inf]), "steps": np.int64(3)}), jsonable(np.array([1 / 3]), digits=5)
    ({'loss': [0.5, None], 'steps': 3}, [0.33333])
    """
    if isinstance(value, np.generic | np.ndarray):
        value = value.tolist()
    if isinstance(value, dict):
        return {str(name): jsonable(part, digits) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [jsonable(part, digits) for part in value]
    if not isinstance(value, float):
        return value
    if not math.isfinite(value):
        return None
    return value if digits is None else float(f"{value:.{digits}g}")


def no_path(path: Any, problem: ValueError) -> str:
    """Why a text is no path, in the same words whatever version of Python, and whichever of its functions, says so."""
    return "a null byte is in the path" if "\0" in str(path) else str(problem)
