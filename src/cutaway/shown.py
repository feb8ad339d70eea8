"""What a notebook shows of a result: its picture, its words, its tables. Printed, and as plain text, it stays as it is.

A result says what there is to show, in parts; `report/notebook.py` makes one sealed piece of HTML of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

#: What rooms below make of a result, by name; the package's front enters them.
VIEWS: dict[str, Callable] = {}


@dataclass(frozen=True)
class Words:
    """Sentences, a paragraph a line; the first ones of a result are its headline."""

    text: str


@dataclass(frozen=True)
class Preformatted:
    """Text whose columns stand under each other."""

    text: str


@dataclass(frozen=True)
class Table:
    """Rows of text; `right`: which columns are numbers, that stand to the right."""

    head: Sequence[str]
    rows: Sequence[Sequence[str]]
    right: Sequence[int] = ()


@dataclass(frozen=True)
class Picture:
    """A matplotlib figure, or the text of an SVG; `about` says what it is to those who cannot see it."""

    drawn: Any
    about: str = ""


@dataclass(frozen=True)
class Numbers:
    """A table of numbers, folded: a function that gives a pandas DataFrame, or a dict of columns."""

    columns: Callable[[], Any]


class Shown:
    """What notebooks show as pictures and tables, and everything else as what `print` gives."""

    def _in_notebook(self) -> Iterable[Any]:
        """Give what is shown, from above: the figure, the words, and the numbers, where there are any."""
        text = str(self)
        if callable(plot := getattr(self, "plot", None)):
            yield Picture(plot(), text.partition("\n")[0])
        yield Preformatted(text)
        if callable(frame := getattr(self, "to_pandas", None)):
            yield Numbers(frame)

    def _repr_html_(self) -> str:
        return VIEWS["notebook"](self)

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        return {"text/plain": str(self), "text/html": self._repr_html_()}


def shown_parts(result: Shown) -> Iterable[Any]:
    """List what notebooks show of a result, from above: the figure, the words, and the numbers, where there are any."""
    return result._in_notebook()
