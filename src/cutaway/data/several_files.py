"""Several files as one table: a list of paths, or a pattern such as 2024-*.csv; all have the same columns."""

from __future__ import annotations

import glob
import os
from os import PathLike
from typing import TYPE_CHECKING, Any

from ..errors import ArgumentError, DataError
from ..text import counted, listed
from .formats import read_file
from .limits import MOST_JOINED
from .source_files import parted
from .written_numbers import NOTES, WRITTEN, note

if TYPE_CHECKING:
    import pandas as pd


def is_files(source: Any) -> bool:
    """Whether a source is a list of paths."""
    return isinstance(source, list | tuple) and bool(source) and all(isinstance(one, str | PathLike) for one in source)


def files_of(source: Any) -> list[str]:
    """The paths that a path, a pattern, or a list of them stands for, patterns in the order of names."""
    if is_files(source):
        return [path for one in source for path in files_of(one)]
    name = os.path.expanduser(os.fspath(source))
    file, part = parted(name)
    if os.path.lexists(file) or not glob.has_magic(file):
        return [os.fspath(source)]
    found = sorted(glob.glob(file, recursive=True))
    if not found:
        raise DataError(f"There is no file {file}: no name here fits the pattern, relative to {os.getcwd()}.")
    return [path if part is None else f"{path}::{part}" for path in found]


def read_files(source: Any, **how: Any) -> pd.DataFrame:
    """The rows of one or more files, one below the other. Raises DataError where their columns differ.

    how: what `read_file` takes beside a path.
    """
    paths = files_of(source)
    if len(paths) == 1:
        return read_file(paths[0], **how)
    if len(paths) > MOST_JOINED:
        raise DataError(f"{len(paths):,} files: {MOST_JOINED:,} are read at most. Write them into fewer.")
    if how.get("sql"):
        raise ArgumentError("A query asks one file, or a folder of Parquet files: write the files into one, or leave "
                            "sql= (--sql) out.")
    import pandas as pd

    frames = [read_file(path, **how) for path in paths]
    names = [str(name) for name in frames[0].columns]
    for path, frame in zip(paths, frames, strict=True):
        _refuse_other(names, [str(name) for name in frame.columns], paths[0], path)
    if ways := _ways(frames):  # what one file does not tell, another may
        how["written"] = ways | (how.get("written") or {})
        frames = [frame if ways.keys() == frame.attrs.get(WRITTEN, {}).keys() else read_file(path, **how)
                  for path, frame in zip(paths, frames, strict=True)]
        _refuse_other_ways(paths, frames)
    notes = list(dict.fromkeys(said for frame in frames for said in frame.attrs.get(NOTES, [])))
    columns: dict[str, Any] = {}
    for name in names:
        parts = [frame[name] for frame in frames]
        if len({str(part.dtype) for part in parts}) > 1 and any(hasattr(part, "cat") for part in parts):
            named = [part.cat.categories for part in parts if hasattr(part, "cat")]
            levels = list(dict.fromkeys(level for some in named for level in some))
            parts = [part.astype(object) for part in parts]
            columns[name] = pd.Categorical(pd.concat(parts, ignore_index=True), levels)
        else:
            columns[name] = pd.concat(parts, ignore_index=True)
    table = pd.DataFrame(columns)
    if ways:
        table.attrs[WRITTEN] = ways
    note(table, [f"{counted(len(paths), 'file')}, one below the other", *notes])
    return table


def _refuse_other(wanted: list[str], names: list[str], first: str, path: str) -> None:
    lacking = [name for name in wanted if name not in names]
    more = [name for name in names if name not in wanted]
    said = [f"{path} lacks {listed(lacking, 6)}"] * bool(lacking) + [f"has {listed(more, 6)} beside them"] * bool(more)
    if said:
        text = ", and ".join(said if lacking else [f"{path} {said[0]}"])
        raise DataError(f"Files of one table have the same columns: {first} has {listed(wanted, 6)}, and {text}.")


def _ways(frames: list[pd.DataFrame]) -> dict[str, str]:
    """How numbers are written in the columns of some of the files, each of which was read by itself."""
    return {name: way for frame in reversed(frames) for name, way in frame.attrs.get(WRITTEN, {}).items()}


def _refuse_other_ways(paths: list[str], frames: list[pd.DataFrame]) -> None:
    for name, way in _ways(frames).items():
        percent = way.endswith("%")
        for path, frame in zip(paths, frames, strict=True):
            other = frame.attrs.get(WRITTEN, {}).get(name, "")
            if other.endswith("%") != percent and frame[name].notna().any():
                raise DataError(f"Column {name!r} is written in percent in some of {listed(paths, 4)}, but not in "
                                f"{path}: write it in one way.")
