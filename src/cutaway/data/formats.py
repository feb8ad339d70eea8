"""The formats of data files, one entry each; read_file, which makes a DataFrame of a table in any of them."""

from __future__ import annotations

import os
import re
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import ArgumentError, DataError
from .plain_text import NotPlain
from .source_files import FileStart, existing, start_of
from .table_files import EMPTY, parquet_in_pieces, read_parquet, read_text, text_in_pieces

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Format:
    """A format of files that data come in: how it is known, what such a file holds, and what reads it.

    holds: "table", "arrays" (X and perhaps y), "sequences" or "images". read: makes a DataFrame of a table's file; what
    is no table is read by images.py, ts_files.py and npz_files.py. begins: a regular expression for the first bytes of
    a table that shows by them what it is, whatever its name. package and extra: what must be installed for it, and the
    extra of Cutaway that brings it. lines: each row stands on a line. labels: what to do where no target was found.
    pieces: gives a table's rows some at a time, or raises NotPlain, be it after some of them, where it cannot.
    """

    name: str
    holds: str
    endings: tuple[str, ...] = ()
    read: Callable[[Path], pd.DataFrame] | None = None
    begins: bytes = b""
    package: str = ""
    extra: str = ""
    lines: bool = False
    labels: str = ""
    pieces: Callable[[Path], Iterator[pd.DataFrame]] | None = None

    @property
    def missing(self) -> str:
        """What to do where the package is missing."""
        return f'pip install "cutaway[{self.extra}]"' if self.extra else f"pip install {self.package}"


#: And any file that nothing else fits.
TEXT = Format("CSV", "table", (".csv", ".tsv"), read_text, lines=True, pieces=text_in_pieces)
PARQUET = Format("Parquet", "table", (".parquet",), read_parquet, rb"PAR1", "pyarrow", "parquet",
                 pieces=parquet_in_pieces)
SERIES = Format(".ts", "sequences", (".ts", ".ts.gz"), labels=(
    "its header must say @classLabel true or @targetLabel true, and each line end with the label"))
ARRAYS = Format(".npz", "arrays", (".npz",), labels="write it with np.savez_compressed(path, X=..., y=labels)")
IMAGE = Format("image", "images", (".bmp", ".gif", ".jfif", ".jpe", ".jpeg", ".jpg", ".pbm", ".pgm", ".png", ".pnm",
                                   ".ppm", ".tif", ".tiff", ".webp"), package="Pillow", extra="images")
FOLDER = Format("folder", "images", labels=(
    "its images lie in it directly; give each class a folder, whose name is the label"))
FORMATS = [TEXT, PARQUET, SERIES, ARRAYS, IMAGE, FOLDER]

#: How files begin that are no data for a network, and what they are.
OTHERS = {
    rb"(\s*%[^\n]*\n)*\s*@relation\b": "an ARFF file of Weka "
    "(pandas.DataFrame(scipy.io.arff.loadarff(path)[0]) reads it in Python, and .to_csv(...) makes a table of it)",
    rb"PK": "an Excel or zip file",
    rb"\x89PNG": "a PNG image",
    rb"\xff\xd8\xff": "a JPEG image",
    rb"GIF8": "a GIF image",
    rb"%PDF": "a PDF document",
    rb"SQLite format 3": "a SQLite database",
    rb"\x93NUMPY": "a NumPy array (load it with numpy.load and pass the array)",
    rb"\s*<(!doctype|!--|\?xml|[a-z]+[ >])": "HTML or XML",
    rb'\s*(\{\s*["}]|\[\s*[\[{"\]])': "JSON",
}


def register(form: Format) -> None:
    """Read files of this format, too, wherever a path is taken. Raises ArgumentError where its ending has a reader."""
    if form.holds != "table" or form.read is None or not all(ending.startswith(".") for ending in form.endings):
        raise ArgumentError(f'{form.name}: a format of your own holds "table", has a function that reads it, and '
                            f"endings that begin with a dot, got {form.holds!r}, {form.read!r} and {form.endings!r}.")
    for ending in form.endings:
        if (known := format_of(f"name{ending}")) is not TEXT or ending in TEXT.endings:
            raise ArgumentError(f"Files that end in {ending} are read as {known.name} already: give another ending.")
    FORMATS.append(form)


def format_of(path: str | PathLike) -> Format:
    """Tell the format of a path by its name; anything unknown is a table of text until it is opened.

    >>> format_of("a.npz").name, format_of("a.TS.gz").holds, format_of("houses").holds
    ('.npz', 'sequences', 'table')
    """
    path = Path(os.path.expanduser(path))
    if os.path.isdir(path):
        return FOLDER
    return next((form for form in FORMATS if path.name.lower().endswith(form.endings)), TEXT)


def table_format(path: Path, start: FileStart | None = None) -> Format:
    """The format of a table's file, by its first bytes or else by its ending. Raises DataError for what is no table."""
    start = start or start_of(path)
    tables = [form for form in FORMATS if form.holds == "table"]
    for form in tables:
        if form.begins and re.match(form.begins, start.head):
            return form
    form = format_of(path)
    if form not in tables or form.begins:
        form = TEXT
    if form is TEXT:
        _refuse_others(start, path)
    return form


def tables_phrase() -> str:
    """Name the formats of tables for people.

    >>> tables_phrase()
    'a .csv, .tsv or .parquet file'
    """
    *first, last = [ending for form in FORMATS if form.holds == "table" for ending in form.endings]
    return f"a {', '.join(first)} or {last} file"


def read_file(path: Path) -> pd.DataFrame:
    """The table in a file. Raises DataError, with file and line, for what is none."""
    try:
        if re.match(r"\w+:/+\w", str(path)):
            raise DataError(f"{path} is an address: download the file first, and name it here.")
        path = existing(path)
        if path.is_dir():
            raise DataError(f"{path} is a folder, not a table: name {tables_phrase()} in it.")
        with _unchanged(path):
            return _read(path, table_format(path))
    except (OSError, EOFError, zlib.error) as reason:
        raise DataError(f"{path} cannot be read ({reason}): fetch it again, or check that you may open it.") from reason


def in_pieces(path: Path) -> Iterator[pd.DataFrame]:
    """The rows of a table's file, some at a time, with the columns that all rows together have.

    Raises NotPlain, be it after some of them, for a file that has to be read whole, which says what is wrong with it.
    """
    try:
        path = existing(path)
        form = table_format(path)
        if form.pieces is None or path.is_dir():
            raise NotPlain
        with _unchanged(path):
            yield from form.pieces(path)
    except NotPlain:
        raise
    except Exception:  # another library's reader raises what it will; whoever reads the whole file says what is wrong
        raise NotPlain from None


def _read(path: Path, form: Format) -> pd.DataFrame:
    assert form.read is not None
    if form is TEXT:
        return form.read(path)
    try:
        return form.read(path)
    except DataError:
        raise
    except ImportError as missing:
        raise DataError(f"{path}: {form.name} files are read by {form.package}: {form.missing}.") from missing
    except Exception as reason:  # another library's reader raises what it will
        raise DataError(f"{path} is a damaged {form.name} file ({reason}): write it again.") from reason


@contextmanager
def _unchanged(path: Path) -> Iterator[None]:
    """Raise DataError, whatever comes of the block, where somebody has written to the file meanwhile."""

    def stamp() -> tuple[int, ...]:
        found = path.stat()
        return found.st_ino, found.st_size, found.st_mtime_ns

    before = stamp()
    try:
        yield
    finally:
        if stamp() != before:
            raise DataError(f"{path} changed while it was read: read it again when it is whole.")


def _refuse_others(start: FileStart, path: Path) -> None:
    """Raise DataError for a file that does not begin as text does that may be a table."""
    head = start.head
    if not head.strip():
        raise DataError(EMPTY.format(path))
    for signature, kind in OTHERS.items():
        if re.match(signature, head, re.IGNORECASE):
            raise DataError(f"{path} is not a table but {kind}: give {tables_phrase()}.")
    controls = sum(byte < 9 or 13 < byte < 32 for byte in head)
    if start.encoding is None and (0 in head or controls > len(head) // 50):
        raise DataError(f"{path} is not a table: it holds binary data, not text. Give {tables_phrase()}.")
