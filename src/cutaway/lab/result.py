"""What every experiment gives back: arrays that can be printed, plotted, and written to a file."""

from __future__ import annotations

import json
from os import PathLike
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from ..files.container import write_whole
from ..files.endings import FIGURES, check_ending
from ..files.spreadsheet import as_csv
from ..shown import VIEWS, Listing, Numbers, Picture, Shown, Words
from ..text import plain as printable


class Result(Shown):
    """The result of an experiment: its fields are plain arrays; `print` says what was found.

    cut_short: why it ended before it was done (Ctrl-C), "" if it did not.
    """

    kind: ClassVar[str]
    cut_short: str = ""

    def to_pandas(self) -> Any:
        """The numbers as a pandas DataFrame, a row a measurement."""
        raise NotImplementedError

    def to_json(self) -> dict[str, Any]:
        """All numbers as plain values that json.dumps takes, the kind of experiment first."""
        raise NotImplementedError

    def plot(self, path: str | PathLike | None = None) -> Any:
        """A matplotlib figure, also written to a file if a path is given."""
        raise NotImplementedError

    def _in_notebook(self) -> Any:
        found, _, rest = str(self).partition("\n\n")
        yield Words(found)
        if self.cut_short:
            yield Words(f"Cut short: {self.cut_short}")
        yield Picture(self.plot(), found)
        if rest:
            yield Listing(rest)
        yield Numbers(self.to_pandas)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({str(self).partition(chr(10))[0]})"

    def to_html(self, path: str | PathLike) -> None:
        """Write what was found, the figure and the numbers as one page. Raises FileError where it cannot."""
        VIEWS["lab_page"](self, path)

    def save(self, path: str | PathLike) -> Path:
        """Write a figure (.svg, .png, .pdf), the numbers (.json, .csv), or a page with both (.html).

        A file is written whole or not at all. Raises ArgumentError for another ending, FileError where it cannot be.
        """
        path = Path(path)
        ending = path.suffix.lower()
        check_ending(path, f"a {self.kind}", self.endings())
        if ending in FIGURES:
            self.plot(path)
        elif ending == ".html":
            self.to_html(path)
        elif ending == ".csv":
            write_whole(path, as_csv(dict(self.to_pandas().items())).encode("utf-8", "replace"))
        else:
            write_whole(path, f"{json.dumps(self.to_json(), ensure_ascii=False)}\n".encode("utf-8", "replace"))
        return path

    @classmethod
    def endings(cls) -> tuple[str, ...]:
        """The endings of files that `save` writes."""
        return (*FIGURES, ".json", ".csv", ".html")


def plain(value: Any) -> Any:
    """Arrays and what holds them as lists, dicts and numbers for JSON; None for what is not finite.

    >>> plain({"loss": np.array([0.5, np.inf]), "steps": np.int64(3)})
    {'loss': [0.5, None], 'steps': 3}
    """
    if isinstance(value, dict):
        return {str(name): plain(part) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [plain(part) for part in value]
    if isinstance(value, np.ndarray):
        return plain(value.tolist())
    if isinstance(value, np.generic):
        value = value.item()
    return None if isinstance(value, float) and not np.isfinite(value) else value


def table(head: list[str], rows: list[list[str]], left: int = 1) -> str:
    """Aligned columns of text; the first `left` of them to the left, the others, numbers, to the right.

    >>> print(table(["optimizer", "loss"], [["Adam", "0.25"], ["SGD", "1.5"]]))
    optimizer  loss
    Adam       0.25
    SGD         1.5
    """
    lines = [[printable(cell) for cell in line] for line in (head, *rows)]
    widths = [max(len(line[k]) for line in lines) for k in range(len(head))]
    return "\n".join("  ".join(cell.ljust(w) if k < left else cell.rjust(w)
                               for k, (cell, w) in enumerate(zip(line, widths, strict=True))).rstrip()
                     for line in lines)
