"""read_images: a folder, a table of file names, an .npz file or arrays become one array of images and their labels."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from os import PathLike
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from ..errors import ArgumentError, DataError
from ..text import counted
from .formats import ARRAYS, FOLDER, IMAGE, format_of
from .image_arrays import CHANNELS, image_words, prepared
from .image_files import decode_files
from .image_sources import Found, image_columns, in_folder, in_table, is_image_name, readable_name, scan
from .limits import MOST_PIXELS
from .npz_files import in_npz
from .pillow import WAYS
from .reading import is_frame, read_table
from .source_files import existing


@dataclass(eq=False)
class Images:
    """Images of one size: X (n, height, width, channels), labels y (n,) or None, a name for each, and notes.

    X is uint8 if read from image files (uint16, int32 or float32 if these have more than 8 bits), otherwise of the type
    it was given in; its channels are grey, or red, green and
    blue. `fit` says how `size` brought them to one size (None: they had it), `mode` which channels were asked for.
    """

    X: np.ndarray
    y: np.ndarray | None
    names: list[str]
    notes: list[str] = field(default_factory=list)
    fit: str | None = None
    mode: str | None = None

    def __len__(self) -> int:
        return len(self.X)

    def __getitem__(self, rows: Any) -> Images:
        """Take some of the images: a slice or an array of numbers or booleans."""
        y = None if self.y is None else self.y[rows]
        names = [self.names[i] for i in np.arange(len(self))[rows]]
        return Images(self.X[rows], y, names, self.notes, self.fit, self.mode)

    @property
    def shape(self) -> tuple[int, ...]:
        return self.X.shape

    @property
    def dtype(self) -> np.dtype:
        return self.X.dtype

    def __repr__(self) -> str:
        labels = "" if self.y is None else ", with labels"
        return f"Images({len(self):,} of {image_words(self.X.shape[1:])}{labels})"


def read_images(source: Any, labels: Any = None, size: Any = None, mode: str | None = None, skip_damaged: bool = False,
                *, files: str | None = None, fit: str = "crop", depth: str | None = None) -> Images:
    """Read images and their labels, all of one size, channels last.

    `source` is a folder (its subfolders are the labels; without subfolders there are none), a table of file names
    relative to its own folder, a list of paths, one image file, an .npz file with X and perhaps y, or an array
    (n, height, width) or (n, height, width, channels). `labels` names the label column of a table (by default the only
    one beside the file names) or the label array of an .npz file, or is one label for each image of a list or array.
    `files` names the column of file names where it is not plain to see.

    `size` (height, width), "28x28" or 28 brings all images to one size: fit="crop" cuts out the centre and keeps
    proportions, "pad" adds margins in the border's colour, "stretch" changes proportions. Without it they must agree.
    `mode` is "grey" or "colour"; by default images are grey if all are. Photos are turned upright, transparency is laid
    over white, and of several frames the first is read.

    Grey images of more than 8 bits keep their numbers where all are such: what range a detector uses, 0 to 4,095 or 520
    to 590, is looked at and not assumed. Beside images of bytes, and with depth="bytes", they are taken as parts of
    65,535 (floating-point ones as parts of 1) and reduced to bytes; "numbers" keeps numbers even where bytes would do.

    Raises DataError for damaged images (all are named; `skip_damaged=True` leaves them out and notes it), for images
    of more than 50 million pixels (refused unread), for different sizes without `size`, and where there are no images.

    >>> import tempfile, pathlib
    >>> from PIL import Image
    >>> from cutaway.data import read_images
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     for label in ("cat", "dog"):
    ...         pathlib.Path(folder, label).mkdir()
    ...         Image.new("L", (32, 24)).save(pathlib.Path(folder, label, "1.png"))
    ...     images = read_images(folder)
    >>> images, images.names, images.y.tolist()
    (Images(2 of 24 x 32 pixels, grey, with labels), ['cat/1.png', 'dog/1.png'], ['cat', 'dog'])
    """
    if mode not in (None, *CHANNELS):
        raise ArgumentError(f"mode is {mode!r}: choose 'grey', 'colour' or None (grey if all images are).")
    if fit not in WAYS:
        raise ArgumentError(f"fit is {fit!r}: choose one of {', '.join(map(repr, WAYS))}.")
    if depth not in (None, "bytes", "numbers"):
        raise ArgumentError(f"depth is {depth!r}: choose 'bytes', 'numbers' or None (by what the files hold).")
    how = _How(size_of(size), mode, fit, skip_damaged, depth)
    if isinstance(source, str | PathLike):
        return _from_path(existing(source), labels, files, how)
    if is_frame(source):
        return _from_table(source, Path(), labels, files, how, "the table")
    if files is not None:
        raise ArgumentError("files names a column of a table, but the images are given as a list or an array.")
    if is_paths(source):
        return _from_list(list(map(os.fspath, source)), labels, how)
    return _from_arrays(source, labels, how)


def holds_images(source: Any) -> bool:
    """Whether a source is clearly one of images: what `cutaway fit` and ct.Classifier ask before they take a table.

    A folder or list of image files, a table with a column of image file names, and arrays (also in an .npz file) that
    are (n, height, width, channels), or (n, height, width) of bytes.
    """
    if isinstance(source, Images):
        return True
    try:
        if isinstance(source, str | PathLike):
            path = existing(source)
            if path.is_dir():
                return bool(scan(path).images) or any(scan(path / name).images for name in scan(path).folders)
            if is_image_name(path.name):
                return path.is_file()
            source = in_npz(path)[0] if format_of(path) is ARRAYS else read_table(path)
        if is_frame(source):
            return bool(image_columns(source))
    except DataError:
        return False
    if is_paths(source):
        return all(is_image_name(os.fspath(path)) for path in source)
    ndim, dtype = getattr(source, "ndim", 0), getattr(source, "dtype", None)
    return ndim == 4 or (ndim == 3 and dtype == np.uint8)


def size_of(size: Any) -> tuple[int, int] | None:
    """Read a size as (height, width).

    >>> size_of("28x32"), size_of(28), size_of(None)
    ((28, 32), (28, 28), None)
    """
    if size is None:
        return None
    parts = size.lower().replace("×", "x").split("x") if isinstance(size, str) else np.atleast_1d(size).tolist()
    whole = [int(p) for p in parts if not isinstance(p, bool) and str(p).strip().isascii() and str(p).strip().isdigit()]
    if len(whole) != len(parts) or len(whole) not in (1, 2) or min(whole) < 1:
        raise ArgumentError(f"size is {size!r}: give (height, width) in pixels, such as (28, 28) (--size 28x28).")
    if whole[0] * whole[-1] > MOST_PIXELS:
        raise ArgumentError(f"size is {size!r}: more than {MOST_PIXELS:,} pixels an image. Give a smaller one.")
    return whole[0], whole[-1]


def is_paths(source: Any) -> bool:
    return isinstance(source, list | tuple) and bool(source) and all(isinstance(i, str | PathLike) for i in source)


def _from_path(path: Path, labels: Any, column: str | None, how: _How) -> Images:
    form = FOLDER if path.is_dir() else format_of(path)
    if column is not None and form in (FOLDER, IMAGE, ARRAYS):
        raise ArgumentError(f"files names a column of a table, but {path} is none: leave it out.")
    if form is FOLDER:
        if labels is not None:
            raise ArgumentError(f"{path} is a folder: the names of its subfolders are the labels. Leave `labels` out.")
        return _from_files(in_folder(path), how)
    if form is IMAGE:
        return _from_list([str(path)], labels, how)
    if form is ARRAYS:
        X, y = in_npz(path, labels if isinstance(labels, str) else None)
        return _from_arrays(X, y if labels is None or isinstance(labels, str) else labels, how)
    return _from_table(read_table(path), path.parent, labels, column, how, f"{path}")


def _from_table(table: Any, folder: Path, labels: Any, column: str | None, how: _How, where: str) -> Images:
    named = labels if isinstance(labels, str) else None
    found = in_table(table, folder, named, column, where)
    if labels is not None and named is None:
        found = found._replace(y=_one_label_each(labels, len(found.paths)), notes=[])
    return _from_files(found, how)


def _from_list(paths: list[str], labels: Any, how: _How) -> Images:
    names = [readable_name(path) for path in paths]
    return _from_files(Found(paths, names, _one_label_each(labels, len(paths)), []), how)


class _How(NamedTuple):
    """What to make of images, however they were found."""

    size: tuple[int, int] | None
    mode: str | None
    fit: str
    skip_damaged: bool
    depth: str | None


def _from_files(found: Found, how: _How) -> Images:
    X, kept, notes = decode_files(found.paths, found.names, how.size, how.fit, how.mode, how.skip_damaged, how.depth)
    names = [found.names[i] for i in kept]
    y = found.y if found.y is None or len(kept) == len(found.y) else found.y[kept]
    return Images(X, y, names, found.notes + notes, how.fit if how.size else None, how.mode)


def _from_arrays(X: Any, y: Any, how: _How) -> Images:
    X, notes = prepared(X, how.size, how.fit, how.mode)
    names = [f"image {i}" for i in range(len(X))]
    return Images(X, _one_label_each(y, len(X)), names, notes, how.fit if how.size else None, how.mode)


def _one_label_each(labels: Any, n: int) -> np.ndarray | None:
    if labels is None:
        return None
    y = np.asarray(labels)
    if y.ndim == 0 or len(y) != n:
        got = f"{labels!r:.40}" if y.ndim == 0 else f"{len(y):,}"
        raise DataError(f"There are {counted(n, 'image')} and these labels: {got}. Give one label for each image.")
    return y
