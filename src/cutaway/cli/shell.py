"""Commands as one types them."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from shlex import quote

from ..text import printable


def shell(*words: object) -> str:
    """Write a command as one types it.

    >>> shell("cutaway", "inspect", "my model.safetensors")
    "cutaway inspect 'my model.safetensors'"
    >>> shell("cutaway", "inspect", "caf\\udce9.csv")
    "cutaway inspect $'caf\\\\xe9.csv'"
    """
    return " ".join(typed(str(word)) for word in words)


def again(words: Sequence[str] | None, *more: str) -> str:
    """Write a command of cutaway again (None: that of this process), with more options unless it has them.

    >>> again(["fit", "houses.csv", "--checkpoint", "run"], "--resume")
    'cutaway fit houses.csv --checkpoint run --resume'
    """
    words = sys.argv[1:] if words is None else words
    return shell("cutaway", *words, *(option for option in more if option not in words))


def typed(word: str) -> str:
    """Quote a word for a shell; characters that nobody can type, such as bytes that are no text, get their numbers."""
    if printable(word) == word:
        return quote(word)
    known = word.replace("\\", "\\\\").replace("'", "\\'")
    escaped = (c if printable(c) == c else "".join(f"\\x{b:02x}" for b in os.fsencode(c)) for c in known)
    return f"$'{''.join(escaped)}'"
