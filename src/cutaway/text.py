"""Text that can be printed, whoever wrote it: a name in a table may hold anything."""

import unicodedata
from typing import Any

#: Characters that steer a terminal or turn the direction of text round; they are shown as escapes.
STEERING = {"Cc", "Cs", "Zl", "Zp"}
TURNING = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def plain(text: Any, keep: str = "") -> str:
    """Text without characters that steer a terminal, save those in `keep`.

    >>> plain("red\\x1b[31m, next\\nline")
    'red\\\\x1b[31m, next\\\\nline'
    """
    text = str(text)
    if text.isprintable() and text.isascii():
        return text
    return "".join(
        repr(c)[1:-1] if c not in keep and (unicodedata.category(c) in STEERING or c in TURNING) else c for c in text
    )


def bounded(text: str, most: int = 4000) -> str:
    """A long text without its middle: what it is about comes first, what to do about it last.

    >>> bounded("Column 'xxxxxxxxxxxxxxxxxxxx' is empty: leave it out.", 24)
    "Column 'xxxx […] eave it out."
    """
    half = most // 2
    return text if len(text) <= most else f"{text[:half]} […] {text[-half:]}"


def size(count: int) -> str:
    """A number of bytes in words.

    >>> size(512), size(1536), size(64 * 2**30)
    ('512 bytes', '1.5 KiB', '64 GiB')
    """
    units = ("bytes", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB")
    k = min(max(count.bit_length() - 1, 0) // 10, len(units) - 1)
    return f"{count / 2 ** (10 * k):.3g} {units[k]}" if k else f"{count} bytes"


def no_path(path: Any, problem: ValueError) -> str:
    """Why a text is no path, in the same words whatever version of Python, and whichever of its functions, says so."""
    return "a null byte is in the path" if "\0" in str(path) else str(problem)
