"""What every experiment gives back: arrays that can be printed, plotted, and written to a file."""

from __future__ import annotations

from os import PathLike
from pathlib import Path
from typing import Any, ClassVar

from ..files.endings import check_ending
from ..files.formats import EXPORTS
from ..shown import VIEWS, Numbers, Picture, Preformatted, Shown, Words
from ..text import columns


class Result(Shown):
    """The result of an experiment: its fields are plain arrays; `print` says what was found.

    cut_short: why it ended before it was done (Ctrl-C), "" if it did not.
    """

    kind: ClassVar[str]
    cut_short: str = ""

    def to_pandas(self) -> Any:
        """The numbers as a pandas DataFrame, a row a measurement."""
        raise NotImplementedError(f"{type(self).__name__} needs a method to_pandas, as every result of the lab")

    def to_json(self) -> dict[str, Any]:
        """Give all numbers as plain values that json.dumps takes, the kind of experiment first."""
        raise NotImplementedError(f"{type(self).__name__} needs a method to_json, as every result of the lab")

    def plot(self, path: str | PathLike | None = None) -> Any:
        """Draw a matplotlib figure, also written to a file if a path is given."""
        raise NotImplementedError(f"{type(self).__name__} needs a method plot, as every result of the lab")

    def _in_notebook(self) -> Any:
        found, _, rest = str(self).partition("\n\n")
        yield Words(found)
        if self.cut_short:
            yield Words(f"Cut short: {self.cut_short}")
        yield Picture(self.plot(), found)
        if rest:
            yield Preformatted(rest)
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
        check_ending(path, f"a {self.kind}", self.endings())
        EXPORTS[path.suffix.lower()](self, path)
        return path

    @classmethod
    def endings(cls) -> tuple[str, ...]:
        """The endings of files that `save` writes."""
        return tuple(EXPORTS)


def table(head: list[str], rows: list[list[str]], left: int = 1) -> str:
    """Lay out a table; its first `left` columns stand to the left, the others, numbers, to the right.

    >>> print(table(["optimizer", "loss"], [["Adam", "0.25"], ["SGD", "1.5"]]))
    optimizer  loss
    Adam       0.25
    SGD         1.5
    """
    return "\n".join(columns([head, *rows], range(left, len(head))))
