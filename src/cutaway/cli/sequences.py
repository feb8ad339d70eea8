"""Reading sequences from files of each kind, as the options of the commands say."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..errors import ArgumentError, DataError
from .options import ReadOptions
from .rows import check_columns, in_options, notes_of, others

#: Options that name columns.
COLUMNS = ("group", "time", "drop", "column")


@dataclass
class FileSequences:
    """What was read: sequences X, y or None, what names them (`id` says what that is called), the features' names,
    columns that a split goes by, and what the labels are called where nobody names them."""

    X: Any
    y: Any
    features: list[str] | None = None
    notes: list[str] = field(default_factory=list)
    ids: Any = None
    id: str = "row"
    label: str = "label"
    by: dict[str, Any] = field(default_factory=dict)


def series_file(path: Path, asked: ReadOptions, frame: Any, features: list[str] | None) -> FileSequences:
    """Read a .ts file."""
    from ..data import read_ts

    asked.refuse(("target", *COLUMNS, "id"), f"{path.name}: a .ts file holds its labels, at the end of each line")
    series = read_ts(path)
    return FileSequences(series.X, series.y, series.features, series.notes)


def arrays(path: Path, asked: ReadOptions, frame: Any, features: list[str] | None) -> FileSequences:
    """Read the arrays of an .npz file."""
    from ..data.npz_files import in_npz

    asked.refuse((*COLUMNS, "id"), f"{path.name}, which has no columns")
    X, y = in_npz(path, asked.targets[0] if asked.targets else None)
    return FileSequences(X, y, label="y")


def long_table(path: Path, asked: ReadOptions, frame: Any, features: list[str] | None) -> FileSequences:
    """Read a table with a row for each step of each sequence; with --window its rows are what is predicted."""
    import pandas as pd

    from ..data import from_long_table

    if asked.id is None or asked.time is None:
        raise ArgumentError(f"{path.name} is a table: sequences in it need --id, the column that says which row is of "
                            "which sequence, and --time, the one that orders them; or --wide, if each row is one.")
    if len(asked.targets) > 1:
        raise ArgumentError("--target: a sequence has one target: name one column.")
    check_columns(path, frame, id=[asked.id], time=[asked.time], target=asked.targets, drop=asked.drop)
    if not features and not asked.targets:
        raise ArgumentError("--target: name the column that is to be predicted, one value for each sequence.")
    features = features or others(frame, asked.id, asked.time, *asked.targets, *asked.drop)
    target = asked.targets[0] if asked.targets else None
    with in_options(path):
        series = from_long_table(frame, asked.id, asked.time, features, target, asked.window)
    notes = notes_of(frame) + series.notes
    if asked.window is None:
        return FileSequences(series.X, series.y, features, notes, series.ids, asked.id, "target")
    if asked.targets:
        notes.append(f"each row is told by up to {asked.window:,} rows of its {asked.id}, itself the last; rows of one "
                     f"{asked.id} are never on two sides of a split")
    by = {"group": pd.Series(series.ids, name=asked.id)}
    return FileSequences(series.X, series.y, features, notes, None, "row", "target", by)


def wide_table(path: Path, asked: ReadOptions, frame: Any, features: list[str] | None) -> FileSequences:
    """Read a table of which each row is a series."""
    from ..data import from_wide_table

    asked.refuse(("time",), f"{path.name} with --wide: its columns are the steps")
    check_columns(path, frame, id=[asked.id] if asked.id else [], target=asked.targets, drop=asked.drop)
    if len(asked.targets) > 1:
        raise ArgumentError("--target: a sequence has one target: name one column.")
    if not features and not asked.targets:
        raise ArgumentError("--target: name the column that is to be predicted, one value for each row.")
    with in_options(path):
        series = from_wide_table(frame.drop(columns=asked.drop), asked.targets[0] if asked.targets else None, asked.id,
                                 features)
    return FileSequences(series.X, series.y, series.features, notes_of(frame) + series.notes, series.ids,
                         asked.id or "row", "target")


def recordings(path: Path, asked: ReadOptions, frame: Any, features: list[str] | None) -> FileSequences:
    """Read recordings: WAV files, or tables with a row for each step."""
    from ..data import read_recordings

    if path.is_dir():
        asked.refuse(("target",), f"{path.name}, a folder: the names of its subfolders are the labels")
    asked.refuse(("id", "drop"), f"{path.name}, which holds recordings")
    if len(asked.targets) > 1:
        raise ArgumentError("--target: a recording has one label: name one column.")
    series = read_recordings(path, asked.targets[0] if asked.targets else None, asked.time, features)
    if series.rate is not None:
        step = f"{series.rate:,} a second"
        if asked.every not in (None, step):
            raise DataError(f"{path.name} has {step.removesuffix(' a second')} samples a second, and the model has "
                            f"learnt from {str(asked.every).removesuffix(' a second')}: bring it to that rate.")
        asked.every = step
    return FileSequences(series.X, series.y, series.features, series.notes, series.ids, "file")
