"""Where images lie: which files of a folder or table are images, and which label each has."""

from __future__ import annotations

import os
from collections import Counter
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from ..errors import ArgumentError, DataError
from ..text import counted, quoted
from .cells import row_words
from .formats import IMAGE
from .limits import MOST_FILES

HIDDEN = frozenset({"thumbs.db", "desktop.ini", "__macosx"})


class Found(NamedTuple):
    """Files that should be images: where they lie, what to call them, their labels (n,) or None, and notes."""

    paths: list[str]
    names: list[str]
    y: np.ndarray | None
    notes: list[str]


def is_image_name(name: str) -> bool:
    """Whether a file's name has an image's ending.

    >>> is_image_name("cat/1.PNG"), is_image_name("labels.csv")
    (True, False)
    """
    return os.path.splitext(name)[1].lower() in IMAGE.endings


def readable_name(name: str) -> str:
    """A file's name for people: bytes that are no text become question marks."""
    return name.encode("utf-8", "replace").decode()


# --- folders ----------------------------------------------------------------------------------------------------------


class Folder(NamedTuple):
    """The entries of one folder, sorted; `links` of the images and folders are symbolic links."""

    images: list[str]
    folders: list[str]
    others: list[str]
    hidden: int
    links: int


def scan(folder: Path) -> Folder:
    images: list[str] = []
    folders: list[str] = []
    others: list[str] = []
    hidden = links = 0
    try:
        with os.scandir(folder) as entries:
            for entry in islice(entries, MOST_FILES + 1):
                if entry.name.startswith(".") or entry.name.lower() in HIDDEN:
                    hidden += 1
                    continue
                found = folders if _is_folder(entry) else images if is_image_name(entry.name) else others
                found.append(entry.name)
                links += found is not others and entry.is_symlink()
    except OSError as reason:
        raise DataError(f"The folder {folder} cannot be read: {reason.strerror}.") from reason
    if len(images) + len(folders) + len(others) + hidden > MOST_FILES:
        raise DataError(f"The folder {folder} holds more than {MOST_FILES:,} files: read a part of them.")
    return Folder(sorted(images), sorted(folders), sorted(others), hidden, links)


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link that leads to itself
        return False


def in_folder(folder: Path) -> Found:
    """The images of a folder, each labelled by the subfolder it lies in; without labels if they lie in it directly."""
    own = scan(folder)
    parts = {name: scan(folder / name) for name in own.folders}
    labels = [name for name, part in parts.items() if part.images]
    if own.images and labels:
        raise DataError(
            f"{folder} holds images of its own ({readable_name(own.images[0])}) beside subfolders of images "
            f"({readable_name(labels[0])}): move every image into the subfolder of its label, or name one subfolder."
        )
    if not own.images and not labels:
        raise _no_images(folder, own, parts)
    names = own.images or [f"{label}/{name}" for label in labels for name in parts[label].images]
    y = None if own.images else np.array([readable_name(label) for label in labels for _ in parts[label].images])
    paths = [os.path.join(folder, name) for name in names]
    return Found(paths, list(map(readable_name, names)), y, _ignored(own, parts))


def _no_images(folder: Path, own: Folder, parts: dict[str, Folder]) -> DataError:
    """The error for a folder without images, and where they may be."""
    for name, inner in _inside(parts):
        if scan(folder / name / inner).images:
            return DataError(
                f"{folder} holds images two folders deep, in {readable_name(f'{name}/{inner}')}: name "
                f"{readable_name(str(folder / name))}, so that its subfolders are the labels."
            )
    others = [*own.others, *(other for part in parts.values() for other in part.others)]
    kinds = f"its files are {_kinds(others)}" if others else "there are no files"
    return DataError(f"{folder} and its subfolders hold no images ({', '.join(IMAGE.endings)}): {kinds}.")


def _inside(parts: dict[str, Folder]) -> list[tuple[str, str]]:
    return [(name, inner) for name, part in parts.items() for inner in part.folders]


def _ignored(own: Folder, parts: dict[str, Folder]) -> list[str]:
    looked = [own] if own.images else [own, *parts.values()]
    hidden = sum(part.hidden for part in looked)
    others = [other for part in looked for other in part.others]
    notes = [f"ignored {counted(hidden, 'hidden file')}"] if hidden else []
    if links := sum(part.links for part in looked):
        notes.append(f"followed {counted(links, 'symbolic link')}")
    if others:
        notes.append(f"ignored {counted(len(others), 'file')} not named as images ({_kinds(others)})")
    inside = own.folders if own.images else list(map("/".join, _inside(parts)))
    if inside:
        notes.append(f"did not look into {counted(len(inside), 'folder')} further inside ({_first(inside)})")
    empty = [] if own.images else [name for name, part in parts.items() if not part.images]
    if empty:
        notes.append(f"no images in {counted(len(empty), 'subfolder')} ({_first(empty)})")
    return notes


def _kinds(names: list[str]) -> str:
    kinds = Counter(os.path.splitext(name)[1].lower() or "no suffix" for name in names)
    return _first([kind for kind, _ in kinds.most_common()])


def _first(names: list[str], most: int = 3) -> str:
    return readable_name(", ".join(names[:most])) + (", ..." if len(names) > most else "")


# --- tables -----------------------------------------------------------------------------------------------------------


def image_columns(table: Any) -> list[str]:
    """The columns whose every cell, as far as filled, is named like an image file."""
    text = [(str(name), cells.dropna()) for name, cells in table.items() if cells.dtype.kind not in "biufcmM"]
    return [name for name, cells in text
            if len(cells) and all(isinstance(cell, str) and is_image_name(cell) for cell in cells)]


def in_table(table: Any, folder: Path, labels: str | None, column: str | None, where: str) -> Found:
    """The images that a table names, one a row, relative to `folder`, and the table's column of labels, if any."""
    names = [str(name) for name in table.columns]
    for argument, name in (("labels", labels), ("files", column)):
        if name is not None and name not in names:
            raise ArgumentError(f"{argument} names the column {name!r}, but {where} has {quoted(names)}.")
    column = _file_column(table, folder, where) if column is None else column
    cells = table.iloc[:, names.index(column)]
    for row, cell in enumerate(cells):
        if not isinstance(cell, str) or not cell.strip():
            raise DataError(f"{where}, column {column!r}, {row_words(row)}: {cell!r} is no file name. Name one, or "
                            "leave the row out.")
    others = [name for name in names if name != column]
    notes = []
    if labels is None and len(others) == 1:
        labels = others[0]
    elif others and labels is None:
        notes.append(f"no labels: {where} has the columns {quoted(others)}, and labels= names none of them")
    y = None if labels is None else _labels(table.iloc[:, names.index(labels)])
    return Found([os.path.join(folder, cell) for cell in cells], [readable_name(cell) for cell in cells], y, notes)


def _file_column(table: Any, folder: Path, where: str) -> str:
    """The one column named like image files, or the one whose cells are files."""
    likely = image_columns(table)
    if len(likely) == 1:
        return likely[0]
    columns = {str(name): cells for name, cells in table.items() if not likely or str(name) in likely}
    there = [name for name, cells in columns.items()
             if all(isinstance(cell, str) and os.path.isfile(folder / cell) for cell in cells)]
    if len(there) == 1:
        return there[0]
    if likely or there:
        raise DataError(
            f"{where} names image files in more than one column, {quoted(there or likely)}: say which, such as "
            f"files={(there or likely)[0]!r}."
        )
    raise DataError(
        f"{where} has no column of image files: in none of {quoted(columns)} is every cell the name of a file "
        f"in {folder.absolute()}. Names are relative to the table's own folder."
    )


def _labels(cells: Any) -> np.ndarray:
    values = cells.to_numpy()
    text = values.dtype.kind == "O" and all(isinstance(value, str) for value in values)
    return values.astype(str) if text else values
