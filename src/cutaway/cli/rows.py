"""The rows of a file, with what is needed wherever they are read: errors that name the file, the columns of a table."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..errors import CutawayError
from . import checks
from .options import ReadOptions


@dataclass
class FileRows:
    """The rows of one file.

    X as the estimators take it, y a Series or frame of targets (None: there is none), `ids` a column that names the
    rows, or None. `extent` says how much there is, `by` holds the columns that a split goes by.
    """

    X: Any
    y: Any
    extent: str
    targets: list[str]
    ids: Any = None
    features: list[str] | None = None
    by: dict[str, Any] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    width: int = 0

    def __len__(self) -> int:
        return self.X.shape[0]


def table(path: Path, asked: ReadOptions | None = None) -> Any:
    """Read the table in a file, or in several; its columns' names are text."""
    from ..data import read_table
    from ..data.written_numbers import WRITTEN

    asked = asked or ReadOptions()
    frame = read_table([path, *asked.more] if asked.more else path, sheet=asked.sheet, sql=asked.sql,
                       user_missing=asked.user_missing, written=asked.written)
    asked.written = asked.written or frame.attrs.get(WRITTEN, {})
    frame.columns = [str(name) for name in frame.columns]
    return frame


@contextmanager
def about(what: str):
    """Make errors in the block say what they are about."""
    try:
        yield
    except CutawayError as problem:
        raise type(problem)(f"{what}: {problem}") from None


@contextmanager
def in_file(path: Path | None, rows: Any = None):
    """Make errors in the block name lines of a table's file for its rows; the block works on `rows`."""
    from ..data.table_lines import in_lines

    try:
        yield
    except CutawayError as problem:
        if path is None:
            raise
        raise type(problem)(in_lines(str(problem), path, None if rows is None else list(rows))) from None


@contextmanager
def in_options(path: Path, rows: Any = None) -> Iterator[None]:
    """Make errors in the block name an option in place of an argument, and the file's lines in place of rows."""
    try:
        with in_file(path, rows):
            yield
    except CutawayError as problem:
        text = str(problem).replace("(features=[...])", "(--drop; or --time, if it orders the rows)")
        text = text.replace("window=24", "--window 24").replace("as target or id, or leave it out", "with --target or "
                                                                "--id, or --drop it")
        text = re.sub(r"gaps='(\w+)'", r"--gaps \1", text)
        text = re.sub(r"with id=", "with --id", re.sub(r"(step|zone)='([^']+)'", r"--\1 '\2'", text))
        text = re.sub(r"Forecaster\(horizon=(\d+)\)", r"--horizon \1", text)
        text = text.replace("a smaller length or horizon", "a smaller --window or --horizon")
        text = text.replace("Set a smaller length,", "Set a smaller --window,")
        raise type(problem)(text) from None


def check_columns(path: Path, frame: Any, **options: Any) -> None:
    """Raise ArgumentError for columns, by the option that names them, which the table in a file has not."""
    for option, names in options.items():
        checks.columns(names, list(frame.columns), f"--{option}", path.name)


def others(frame: Any, *used: Any) -> list[str]:
    """List the columns of a table that are not used yet."""
    return [name for name in frame.columns if name not in used]


def notes_of(frame: Any) -> list[str]:
    """List what is to be said of how a file was read."""
    from ..data.written_numbers import NOTES

    return list(frame.attrs.get(NOTES, []))
