"""What Cutaway says when something is wrong: which argument or layer, what it got, what it wanted, what to do."""

import sys
import warnings
from collections.abc import Collection
from difflib import get_close_matches
from typing import Any

from .text import bounded, printable


class CutawayError(Exception):
    """Any error that Cutaway raises on purpose. The command line prints its text and exits with status 2.

    The text can be printed, whatever the names and cells in it hold: no character in it steers a terminal.
    """

    def __init__(self, text: Any = "") -> None:
        super().__init__(bounded(printable(text, keep="\n")))


class DataError(CutawayError, ValueError):
    """A file, table, column, row or target that cannot be used as it is."""


class ShapeError(CutawayError, ValueError):
    """Arrays whose shapes do not fit each other or the layer they are given to."""


class ArgumentError(CutawayError, ValueError):
    """An argument outside its allowed values."""


class RecordingError(CutawayError, TypeError):
    """A model that cannot be turned into a program, and its line that stands in the way."""


class FileError(CutawayError, ValueError):
    """A model file or checkpoint that is missing, cut short, or not ours."""


class ResourceError(CutawayError, MemoryError):
    """Memory that cannot be had: how much, and for what."""


class TrainingError(CutawayError, RuntimeError):
    """Training that cannot go on."""


class TrainingWarning(UserWarning):
    """Training ended early because something went wrong; the text says where and why."""


def check_name(name: object, known: Collection[str], what: str = "data set", hint: str = "") -> None:
    """Raise ArgumentError unless the name is a known one; it says the closest name, and all names."""
    if isinstance(name, str) and name in known:
        return
    lower = {k.lower(): k for k in known}
    close = get_close_matches(str(name).lower(), lower, n=1)
    guess = f"; did you mean {lower[close[0]]!r}?" if close else "."
    raise ArgumentError(f"There is no {what} called {name!r}{guess} There are: {', '.join(known)}. {hint}".rstrip())


#: packages between the reader and us: a warning points past their lines, to the reader's own
BETWEEN = {"cutaway", "sklearn", "joblib", "contextlib", "concurrent", "threading"}


def warn(text: str | Warning, kind: type[Warning] = UserWarning) -> None:
    """Warn, pointing to the first line that is neither ours nor of a library in between: the reader's own."""
    level, frame = 2, sys._getframe(1)
    while frame.f_back is not None and str(frame.f_globals.get("__name__")).partition(".")[0] in BETWEEN:
        level, frame = level + 1, frame.f_back
    warnings.warn(text, kind, stacklevel=level)
