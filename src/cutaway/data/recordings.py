"""Recordings become a Series: WAV files or tables of numbers with a row for each step, in a folder or named by a table.

A folder for each class, all in one folder, or a table with a column of files. What one file says is compared with the
first: its columns or channels, its samples a second. Whatever is wrong names its file, and nothing is half read.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from os import PathLike
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from ..errors import ArgumentError, CutawayError, DataError
from ..text import counted, listed, number
from .formats import SOUND, TEXT, format_of, read_file
from .image_sources import Folder, readable_name, scan
from .limits import MOST_VALUES
from .reading import read_table
from .series import Series, feature_values, packed
from .timeline import moments
from .wav_files import read_wav

#: The endings of recordings; a folder that holds one of the first kind has none of the second.
KINDS = (SOUND.endings, TEXT.endings)


class OneRecording(NamedTuple):
    """One recording: steps (time, features), the features' names, and samples a second if it is sound."""

    steps: np.ndarray
    names: list[str]
    rate: int | None


def read_recordings(source: str | PathLike, target: str | None = None, time: str | None = None,
                    features: Sequence[str] | None = None, files: str | None = None) -> Series:
    """Read recordings, WAV files or tables, of which each is a sequence: its channels or columns are the features.

    source: a folder, whose subfolders are the labels, if there are some; one WAV file; or a table with a column of file
    names, relative to its own folder. target: the table's column of labels, the only other column unless given; files:
    that of file names, where there are several. Of recordings that are tables: time is the column that orders their
    rows, which else are steps as they stand; features are the columns to learn from, by default all others.

    Sound of several channels has a feature for each. Raises DataError, with the file's name, for a file that cannot be
    read, has other columns, channels or samples a second than the first, or holds what is no number.

    >>> import tempfile, pathlib
    >>> folder = pathlib.Path(tempfile.mkdtemp())
    >>> for name, text in {"calm/a.csv": "x,y\\n1,2\\n3,4\\n", "wild/b.csv": "x,y\\n5,6\\n"}.items():
    ...     (folder / name).parent.mkdir()
    ...     _ = (folder / name).write_text(text)
    >>> series = read_recordings(folder)
    >>> series.y.tolist(), series.ids.tolist(), series.X.lengths.tolist(), series.features
    (['calm', 'wild'], ['calm/a.csv', 'wild/b.csv'], [2, 1], ['x', 'y'])
    """
    path = Path(os.path.expanduser(source))
    if path.is_dir():
        if target is not None or files is not None:
            raise ArgumentError(f"target={target or files!r} is a column, and {path} is a folder: the names of its "
                                "subfolders are the labels.")
        names, labels, notes = _of_folder(path)
        folder = path
    elif format_of(path) is SOUND:
        names, labels, notes, folder = [path.name], None, [], path.parent
    else:
        names, labels, notes = _of_table(read_table(path), target, files, path.name)
        folder = path.parent
    return _series(folder, names, labels, notes, path.name.partition(".")[0], time, features)


def recording_columns(table: Any) -> list[str]:
    """The columns whose every cell is named like a recording."""
    endings = tuple(ending for kind in KINDS for ending in kind)
    text = [(str(name), cells) for name, cells in table.items() if cells.dtype.kind not in "biufcmM"]
    return [name for name, cells in text if len(cells) and all(
        isinstance(cell, str) and cell.lower().endswith(endings) for cell in cells)]


def _of_table(table: Any, target: str | None, files: str | None, where: str) -> tuple[list[str], Any, list[str]]:
    """The files that a table names, one a row, their labels and notes."""
    columns = [str(name) for name in table.columns]
    table = table.set_axis(columns, axis=1)
    for argument, name in (("target", target), ("files", files)):
        if name is not None and name not in columns:
            raise ArgumentError(f"{argument} names {name!r}, but {where} has {listed(columns, 12)}.")
    likely = recording_columns(table)
    if files is None and len(likely) != 1:
        what = f"more than one column of files, {listed(likely)}: say which with files=" if likely else (
            f"no column of file names ({', '.join(KINDS[0] + KINDS[1])})")
        raise DataError(f"{where} has {what}.")
    files = files or likely[0]
    others = [name for name in columns if name != files]
    target = target if target is not None else others[0] if len(others) == 1 else None
    notes = [f"no labels: {where} has {listed(others, 6)}, and none is named"] if target is None and others else []
    return [str(cell) for cell in table[files]], None if target is None else table[target].to_numpy(), notes


def _of_folder(folder: Path) -> tuple[list[str], Any, list[str]]:
    """The recordings in a folder, labels by subfolders if they lie in some, and notes."""
    own = scan(folder)
    parts = {name: scan(folder / name) for name in own.folders}
    endings = next((kind for kind in KINDS if any(_of_kind(part, kind) for part in (own, *parts.values()))), KINDS[0])
    direct, inside = _of_kind(own, endings), {name: _of_kind(part, endings) for name, part in parts.items()}
    inside = {name: found for name, found in inside.items() if found}
    if direct and inside:
        if endings is KINDS[0]:
            raise DataError(f"{folder} holds recordings of its own ({readable_name(direct[0])}) beside subfolders of "
                            f"them ({readable_name(next(iter(inside)))}): move each into the folder of its label.")
        direct = []  # a table beside folders of them tells of them
    if not direct and not inside:
        raise DataError(f"{folder} and its subfolders hold no recordings ({', '.join(KINDS[0] + KINDS[1])}).")
    names = direct or [f"{label}/{name}" for label, found in inside.items() for name in found]
    labels = None if direct else np.array([readable_name(label) for label, found in inside.items() for _ in found])
    ignored = [name for part in ([own] if direct else [own, *(parts[name] for name in inside)])
               for name in (*part.others, *part.images) if not name.lower().endswith(endings) or part is own]
    ignored = [name for name in ignored if name not in direct]
    notes = [f"ignored {counted(len(ignored), 'other file')} ({readable_name(listed(ignored, 3))})"] * bool(ignored)
    if empty := [name for name in own.folders if name not in inside and not direct]:
        notes.append(f"no recordings in {counted(len(empty), 'subfolder')} ({readable_name(listed(empty, 3))})")
    return names, labels, notes


def _of_kind(folder: Folder, endings: Iterable[str]) -> list[str]:
    return [name for name in folder.others if name.lower().endswith(tuple(endings))]


def _series(folder: Path, names: list[str], labels: Any, notes: list[str], name: str, time: str | None,
            features: Sequence[str] | None) -> Series:
    found: list[np.ndarray] = []
    first: OneRecording | None = None
    total = 0
    for file in names:
        shown = readable_name(file)
        one = _read(folder / file, shown, time, first.names if first is not None and first.rate is None else features)
        if first is not None:
            _refuse_other(first, one, readable_name(names[0]), shown)
        first = first or one
        total += one.steps.size
        if total > MOST_VALUES:
            raise DataError(f"{shown}: the recordings up to it hold more than {MOST_VALUES:,} values: read a part.")
        found.append(one.steps)
    if first is None:
        raise DataError(f"{name} names no recordings.")
    lengths = np.array([len(steps) for steps in found])
    X = packed(np.concatenate(found), lengths, name)
    if first.rate is not None:
        seconds = sorted({number(length / first.rate) for length in (lengths.min(), lengths.max())}, key=float)
        notes = [f"sound of {first.rate:,} samples a second, {' to '.join(seconds)} seconds", *notes]
    missing = int(sum(np.isnan(steps).sum() for steps in found))
    notes += [f"{counted(missing, 'value')} missing of {total:,}"] * bool(missing)
    return Series(X, labels, name, first.names, np.array(list(map(readable_name, names)), dtype=object), notes,
                  first.rate)


def _read(path: Path, shown: str, time: str | None, features: Sequence[str] | None) -> OneRecording:
    """Read one recording; every error names its file."""
    try:
        if path.name.lower().endswith(SOUND.endings):
            rate, steps = read_wav(path)
            names = {1: ["sound"], 2: ["left", "right"]}.get(steps.shape[1]) or [
                f"channel {k + 1}" for k in range(steps.shape[1])]
            return OneRecording(steps.astype(np.float64), names, rate)
        frame = read_file(path)
        frame = frame.set_axis([str(name) for name in frame.columns], axis=1)
        if time is not None:
            if time not in frame.columns:
                raise DataError(f"it has no column {time!r} for the time.")
            frame = frame.iloc[np.argsort(moments(frame[time], time).order, kind="stable")].reset_index(drop=True)
        names = [str(name) for name in features] if features is not None else [
            name for name in frame.columns if name != time]
        if lacking := [name for name in names if name not in frame.columns]:
            raise DataError(f"it lacks {listed(lacking, 6)}, and has {listed(list(frame.columns), 6)}: all recordings "
                            "have the same columns.")
        if not names or not len(frame):
            raise DataError("it has no rows." if names else "it has no columns to learn from.")
        return OneRecording(np.stack([feature_values(frame[name], name) for name in names], axis=1), names, None)
    except CutawayError as problem:
        text = str(problem)
        raise type(problem)(text if text.startswith(str(path)) else f"{shown}: {text}") from None


def _refuse_other(first: OneRecording, one: OneRecording, where: str, shown: str) -> None:
    """Raise for a recording that is not of the first one's kind."""
    if (one.rate is None) != (first.rate is None):
        raise DataError(f"{shown} is {'a table' if one.rate is None else 'sound'}, {where} is not: keep them apart.")
    if one.rate != first.rate:
        raise DataError(f"{shown} has {one.rate:,} samples a second, {where} {first.rate:,}: bring all to one rate "
                        "first (scipy.signal.resample_poly, ffmpeg -ar).")
    if one.names != first.names:
        raise DataError(f"{shown} has {counted(len(one.names), 'channel')}, {where} {len(first.names)}: write all with "
                        "as many.")
