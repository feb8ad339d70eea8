"""What a file or folder holds, tables, images or sequences, and reading it as the estimators take it."""

from __future__ import annotations

from pathlib import Path
from shlex import quote
from typing import Any

from ..errors import ArgumentError, DataError
from ..text import counted, listed
from . import checks
from .forecasts import every_window, window_rows
from .options import ReadOptions
from .rows import FileRows, notes_of, table

#: Options that belong to one kind of data.
FILES, IMAGES = ("sheet", "sql", "user_missing", "more"), ("size", "mode", "skip_damaged")
FORECAST = ("window", "horizon", "gaps")


def recognise(path: Path, asked: ReadOptions) -> tuple[Any, Any]:
    """Recognise the kind of a file or folder, and give its table if it is one and was read."""
    from ..data.formats import ARRAYS, format_of
    from ..data.image_sources import image_columns
    from ..data.npz_files import in_npz
    from ..data.recordings import recording_columns
    from ..estimators.inputs import KINDS, kind_of

    if format_of(path) is ARRAYS:
        X, y = in_npz(path, asked.targets[0] if asked.targets else None)
        kind = kind_of(X)
        return kind, npz_table(path, X, y, asked) if kind.name == "table" else None
    kind = kind_of(path)
    if kind.name != "table":
        asked.refuse(FILES, f"{path.name}, which holds {kind.name}")
        return kind, None
    frame = table(path, asked)
    if asked.wide or asked.id or asked.forecast or recording_columns(frame.drop(columns=asked.drop, errors="ignore")):
        return KINDS["sequences"], frame
    pictures = [name for name in image_columns(frame) if name not in asked.drop and name not in asked.column]
    return KINDS["images" if pictures else "table"], frame


def load(kind: Any, path: Path, asked: ReadOptions, frame: Any = None) -> FileRows:
    """Load the rows of a file of a kind; `frame` is its table, if it was read."""
    return {"table": table_rows, "images": image_rows, "sequences": sequence_rows}[kind.name](path, asked, frame)


def brings_labels(path: Path) -> bool:
    """Whether a path is a folder of images or recordings, whose labels are the names of its folders."""
    from ..data.formats import FOLDER, RECORDINGS, format_of

    return format_of(path) in (FOLDER, RECORDINGS)


def load_for(estimator: Any, reading: dict[str, Any], path: Path, targets: list[str], skip_damaged: bool,
             size: str | None = None, mode: str | None = None) -> FileRows:
    """Load the rows of a file as those were read that a model has learnt from; without targets there is no y."""
    from ..data.formats import ARRAYS, SERIES, format_of

    path = path if path.name else path.resolve()
    asked = ReadOptions(targets=targets, size=size, mode=mode, skip_damaged=skip_damaged, **reading)
    kind = estimator.inputs_.name
    if kind != "images":
        asked.refuse(("size", "mode"), f"a model that has learnt from {_of(estimator.inputs_)}")
    if kind == "images":
        return image_rows(path, asked, encoder=estimator.encoder_)
    if kind == "sequences":
        asked.targets = targets if format_of(path).holds == "table" and not asked.forecast else []
        rows = sequence_rows if targets or not asked.forecast else every_window
        return rows(path, asked, None, estimator.encoder_.names)
    if format_of(path) is SERIES:
        raise DataError(f"{path.name} holds sequences, and the model has learnt from a table: give it a table.")
    frame = npz_table(path) if format_of(path) is ARRAYS else table(path, asked)
    targets = checks.columns(targets, list(frame.columns), "--target", path.name)
    y = _targets(frame, targets) if targets else None
    return FileRows(frame, y, "", targets, notes=notes_of(frame), width=frame.shape[1])


def join(kind: Any, data: FileRows, test: Path, asked: ReadOptions, path: Path) -> tuple[FileRows, int]:
    """Join the rows of a test file behind the rows to learn from; give how many the test rows are, too."""
    import numpy as np
    import pandas as pd

    from ..data import Images
    from ..data.image_encoder import depth_words
    from ..sequences import Sequences

    other_kind, frame = recognise(test, asked)
    if other_kind is not kind:
        raise DataError(f"--test {test}: it holds {_of(other_kind)}, but {path.name} {_of(kind)}: give the same kind.")
    mode = {1: "grey", 3: "colour"}.get(data.X.shape[3]) if kind.name == "images" else None
    depth = None if kind.name != "images" else "bytes" if data.X.dtype == np.uint8 else "numbers"
    other = image_rows(test, asked, frame, mode, depth) if kind.name == "images" else load(kind, test, asked, frame)
    if other.y is None and data.y is not None:
        raise DataError(f"--test {test}: it has no labels, so nothing can be tested on it.")
    if kind.name == "table":
        if lacking := [name for name in data.X.columns if name not in other.X.columns]:
            raise DataError(f"--test {test} lacks {counted(len(lacking), 'column')} of {path.name}: {listed(lacking)}.")
        X = pd.concat([data.X, other.X[data.X.columns]], ignore_index=True)
    elif kind.name == "images":
        if data.X.shape[1:] != other.X.shape[1:]:
            sizes = [f"{h} x {w} pixels, {c} channels" for h, w, c in (data.X.shape[1:], other.X.shape[1:])]
            raise DataError(f"--test {test} has images of {sizes[1]}, {path.name} of {sizes[0]}: bring all to one size "
                            "with --size.")
        bytes_there = [part.X.dtype == np.uint8 for part in (data, other)]
        if bytes_there[0] != bytes_there[1]:
            depths = [depth_words(part.X.dtype.name) for part in (other, data)]
            raise DataError(f"--test {test} has images of {depths[0]}, {path.name} of {depths[1]}: save all alike.")
        X = Images(np.concatenate([data.X.X, other.X.X]), None, data.X.names + other.X.names, [], data.X.fit,
                   data.X.mode)
    else:
        if data.X.shape[2] != other.X.shape[2]:
            raise DataError(f"--test {test} has {counted(other.X.shape[2], 'feature')} a time step, {path.name} "
                            f"{data.X.shape[2]}: give the same features.")
        X = Sequences.from_list(data.X.rows() + other.X.rows())
    y = None if data.y is None else pd.concat([data.y, other.y], ignore_index=True)
    ids = None if data.ids is None or other.ids is None else pd.concat([data.ids, other.ids], ignore_index=True)
    notes = data.notes + [f"{test.name}: {note}" for note in other.notes if note not in data.notes]
    extent = f"{data.extent}, and {len(other):,} more to test on"
    joined = FileRows(X, y, extent, data.targets, ids, data.features, {}, notes, data.width)
    return joined, len(other)


# ---- tables ----------------------------------------------------------------------------------------------------------


#: Columns that are often the target, by name.
TARGET_NAMES = ("target", "label", "class", "y", "outcome", "response", "price", "species", "diagnosis")


def likely_target(names: list[str], drop: list[str]) -> str:
    """Guess the column that is to be predicted: by its name, or the last."""
    left = [name for name in names if name not in drop] or names
    called = [name for word in TARGET_NAMES for name in left if name.strip().lower() == word]
    return (called or left[-1:])[0]


def npz_table(path: Path, X: Any = None, y: Any = None, asked: ReadOptions | None = None) -> Any:
    """Make the arrays X (n, features) and y of an .npz file one table; y's column is named after its array."""
    from ..data import read_table
    from ..data.npz_files import in_npz

    if X is None:
        X, y = in_npz(path)
    frame = read_table(X)
    if y is not None:
        if len(y) != len(frame):
            raise DataError(f"{path.name}: X has {len(frame):,} rows, its labels {len(y):,}: give one a row.")
        name = asked.targets[0] if asked is not None and asked.targets else "y"
        frame[name] = y
        if asked is not None:
            asked.targets = [name]
    return frame


def table_rows(path: Path, asked: ReadOptions, frame: Any = None) -> FileRows:
    """Take a table apart: columns to learn from, targets, and the columns that the rows are divided by."""
    from ..data.dates import dated

    asked.refuse(IMAGES, f"{path.name}, a table")
    asked.refuse(FORECAST, f"{path.name}, a table without --forecast")
    frame = table(path, asked) if frame is None else frame
    known = list(frame.columns)
    targets = checks.columns(asked.targets, known, "--target", path.name)
    if not targets:
        raise ArgumentError(f"--target: name the column to predict. {path.name} has {listed(known, 12)}: is it "
                            f"--target {quote(likely_target(known, asked.drop))}?")
    drop = checks.columns(asked.drop, known, "--drop", path.name)
    if both := [name for name in drop if name in targets]:
        raise ArgumentError(f"--drop {both[0]!r} is also a --target: it is left out of the inputs anyway.")
    ways = {name: checks.columns([column], known, f"--{name}", path.name)[0]
            for name, column in (("group", asked.group), ("time", asked.time)) if column is not None}
    if len(ways) > 1:
        raise ArgumentError("--group and --time: the rows can be divided by one of them, not by both.")
    for name, column in ways.items():
        if column in targets:
            raise ArgumentError(f"--{name} {column!r} is the target: the rows must be divided by another column.")
    checks.columns(list(asked.column), known, "--column", path.name)
    for option, names in (("target", targets), ("drop", drop), ("group", [*filter(None, [asked.group])])):
        if both := [name for name in names if name in asked.column]:
            task = "; --task says what a target is taken for" * (option == "target")
            raise ArgumentError(f"--column {both[0]}={asked.column[both[0]]}: the same column stands in --{option}, so "
                                f"it is no input. Leave one of them out{task}.")
    y = _targets(frame, targets)
    out = {*targets, *drop} | {ways[name] for name in ways if name == "group"}
    X = frame.drop(columns=[name for name in known if name in out])
    if X.shape[1] == 0:
        raise DataError(f"{path.name}: no column is left to learn from: all are targets or left out.")
    notes = notes_of(frame)
    notes += [f"{ways['group']} divides the rows and is not an input"] if "group" in ways else []
    notes += [f"left out as asked: {listed(drop, 6)}"] if drop else []
    extent = f"{len(frame):,} rows, {frame.shape[1]:,} columns"
    by = {name: dated(frame[column], asked.column.get(column)) for name, column in ways.items()}
    return FileRows(X, y, extent, targets, by=by, notes=notes, width=frame.shape[1])


def _targets(frame: Any, names: list[str]) -> Any:
    """Take one target as a Series, several as a frame."""
    return _numbers_if_it_reads_so(frame[names[0]]) if len(names) == 1 else frame[names].apply(_numbers_if_it_reads_so)


def _numbers_if_it_reads_so(cells: Any) -> Any:
    """Read a column of text as numbers, if all its words are numbers or gaps ('?', 'n/a')."""
    from pandas.api import types

    from ..data.cells import words_of
    from ..data.numbers import parse_numbers

    if types.is_numeric_dtype(cells.dtype) or types.is_bool_dtype(cells.dtype):
        return cells
    if types.is_datetime64_any_dtype(cells.dtype) or isinstance(cells.dtype, types.CategoricalDtype):
        return cells
    words = words_of(cells, cells.name)
    values, bad = parse_numbers(words)
    if bad.any() or not (values == values).any():
        return cells
    import pandas as pd

    return pd.Series(words.spread(values, float("nan")), index=cells.index, name=cells.name)


# ---- images ----------------------------------------------------------------------------------------------------------


def image_rows(path: Path, asked: ReadOptions, frame: Any = None, mode: str | None = None, depth: str | None = None,
               encoder: Any = None) -> FileRows:
    """Read the images of a folder, of the files in a table's column, or of an .npz file; `encoder`: as in training."""
    import pandas as pd

    from ..data import read_images
    from ..data.formats import ARRAYS, FOLDER, format_of
    from ..data.image_arrays import image_words
    from ..data.image_sources import image_columns

    form = format_of(path)
    if form is FOLDER:
        asked.refuse(("target", "drop", "column"), f"{path.name}, a folder: the names of its subfolders are the labels")
    asked.refuse(("id", "forecast", *FORECAST, "split", "group", "time", "column"), f"{path.name}, which holds images")
    label = asked.targets[0] if asked.targets else None
    if len(asked.targets) > 1:
        raise ArgumentError(f"--target: {path.name} holds images, and an image has one label: name one column.")
    name = label or ("y" if form is ARRAYS else "label")
    if form.holds == "table":
        columns = list((table(path, asked) if frame is None else frame).columns)
        checks.columns([label] if label else [], columns, "--target", path.name)
        if label is None and len(columns) == 2:
            name = next(column for column in columns if column not in image_columns(table(path, asked)))
    if encoder is not None:
        images = encoder.read(path, label, asked.skip_damaged, size=asked.size, mode=asked.mode)
    else:
        images = read_images(path, label, asked.size, asked.mode or mode, asked.skip_damaged, depth=depth)
    y = None if images.y is None else pd.Series(images.y, name=name)
    extent = f"{counted(len(images), 'image')} of {image_words(images.shape[1:])}"
    return FileRows(images, y, extent, [name], pd.Series(images.names, name="file"), None, {}, list(images.notes))


# ---- sequences -------------------------------------------------------------------------------------------------------


def sequence_rows(path: Path, asked: ReadOptions, frame: Any = None, features: list[str] | None = None) -> FileRows:
    """Read the sequences of a .ts or .npz file or of a long table, or the windows of one series.

    `features` are the columns that a model has learnt from; without them, all that have no other part are used.
    """
    import pandas as pd

    from ..data.formats import SERIES, format_of
    from ..data.recordings import recording_columns
    from ..data.sequence_encoder import as_sequences
    from ..data.series import extent_of
    from .sequences import arrays, long_table, recordings, series_file, wide_table

    asked.refuse((*IMAGES, "split", "group", "column"), f"{path.name}, which holds sequences")
    if asked.forecast:
        return window_rows(path, asked, frame, features)
    form = format_of(path)
    asked.refuse(("horizon", "gaps"), f"{path.name} without --forecast")
    if form.holds == "table":
        frame = table(path, asked) if frame is None else frame
        named = recording_columns(frame.drop(columns=asked.drop, errors="ignore"))
        read = wide_table if asked.wide else recordings if named and asked.id is None else long_table
    else:
        asked.refuse(("wide",), f"{path.name}, which is no table")
        read = series_file if form is SERIES else arrays if form.holds == "arrays" else recordings
    if read is not long_table:
        asked.refuse(("window",), f"{path.name} without --forecast, or --id and --time")
    series = read(path, asked, frame, features)
    X, y, name = as_sequences(series.X), series.y, asked.targets[0] if asked.targets else series.label
    if y is not None and len(y) != len(X):
        raise DataError(f"{path.name}: {counted(len(X), 'sequence')}, but {len(y):,} labels: give one for each.")
    ids = pd.Series(range(len(X)) if series.ids is None else series.ids, name=series.id)
    y = None if y is None else pd.Series(y, name=name)
    extent = f"{counted(len(X), 'sequence')} of {extent_of(X)}"
    return FileRows(X, y, extent, [name], ids, series.features, series.by, list(series.notes))


def _of(kind: Any) -> str:
    return "a table" if kind.name == "table" else kind.name
