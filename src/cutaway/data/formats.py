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
from typing import TYPE_CHECKING, Any

from ..errors import ArgumentError, CutawayError, DataError
from ..extras import bring
from .arff_files import read_arff
from .arrow_files import parquet_in_pieces, read_feather, read_parquet
from .databases import query, read_duckdb, read_parquet_folder, read_sqlite
from .json_files import read_json
from .limits import DEEPEST_FOLDER, MOST_LOOKED_INTO
from .packed import ENDINGS
from .plain_text import NotPlain
from .source_files import FileStart, existing, input_name, parted, start_of, unpacked
from .statistics_files import read_statistics
from .table_files import EMPTY, read_text, text_in_pieces
from .workbooks import read_workbook
from .written_numbers import note

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
    takes: arguments of `read` beside the path: "part" (a sheet or table by its name), "sql", "user_missing", "written".
    by_name: its ending alone says what it is, also where its first bytes do not.
    what: what such a file is, in words for the table of formats in docs/formats.md.
    """

    name: str
    holds: str
    endings: tuple[str, ...] = ()
    read: Callable[..., pd.DataFrame] | None = None
    begins: bytes = b""
    package: str = ""
    extra: str = ""
    lines: bool = False
    labels: str = ""
    pieces: Callable[[Path], Iterator[pd.DataFrame]] | None = None
    takes: tuple[str, ...] = ()
    by_name: bool = False
    what: str = ""

    @property
    def missing(self) -> str:
        """What to do where the package is missing."""
        return bring(self.extra) if self.extra else f"pip install {self.package}"


#: And any file that nothing else fits.
TEXT = Format("CSV", "table", (".csv", ".tsv"), read_text, lines=True, pieces=text_in_pieces, takes=("written",),
              what="text with commas, semicolons, tabs or | between cells")
PARQUET = Format("Parquet", "table", (".parquet",), read_parquet, rb"PAR1", "pyarrow", "parquet",
                 pieces=parquet_in_pieces, what="Parquet of any writer")
TABLES = [
    TEXT,
    PARQUET,
    Format("Excel", "table", (".xlsx", ".xlsm", ".xls", ".xlsb", ".ods"), read_workbook,
           rb"PK|\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "python-calamine", "excel", takes=("part",),
           what="a sheet of a workbook, Excel's or OpenDocument's"),
    Format("JSON", "table", (".json", ".jsonl", ".ndjson"), read_json, rb'(\xef\xbb\xbf)?\s*(\{\s*["}]|\[\s*[\[{"\]])',
           by_name=True, what="a list of objects, or an object on each line; nested ones become a.b"),
    Format("Feather", "table", (".feather", ".arrow", ".arrows"), read_feather, rb"ARROW1|FEA1|\xff\xff\xff\xff.{3}\0",
           "pyarrow", "parquet", what="Feather, an Arrow file or stream"),
    Format("Stata", "table", (".dta",), read_statistics, rb"<stata_dta>|[\x66-\x76][\x01\x02]\x01\0", "pyreadstat",
           "stats", takes=("user_missing",), what="Stata; value labels are categories"),
    Format("SPSS", "table", (".sav", ".zsav"), read_statistics, rb"\$FL[23]", "pyreadstat", "stats",
           takes=("user_missing",), what="SPSS; value labels are categories"),
    Format("SAS transport", "table", (".xpt",), read_statistics, rb"HEADER RECORD\*{7}LIB", "pyreadstat", "stats",
           takes=("user_missing",), what="transport files of SAS, versions 5 and 8"),
    Format("ARFF", "table", (".arff",), read_arff, rb"(?i)(\xef\xbb\xbf)?(\s*%[^\n]*\n)*\s*@relation\b",
           by_name=True, what="Weka's and OpenML's, dense or sparse"),
    Format("SQLite", "table", (".sqlite", ".sqlite3", ".db"), read_sqlite, rb"SQLite format 3\0", takes=("part", "sql"),
           by_name=True, what="a table of a database, or a query"),
    Format("DuckDB", "table", (".duckdb", ".ddb"), read_duckdb, rb"(?s).{8}DUCK", "duckdb", "sql",
           takes=("part", "sql"), what="a table of a database, or a query"),
]
SERIES = Format(".ts", "sequences", (".ts", ".ts.gz"), labels=(
    "its header must say @classLabel true or @targetLabel true, and each line end with the label"))
SOUND = Format("WAV", "sequences", (".wav", ".wave"), labels="name a folder with a folder of recordings for each class")
RECORDINGS = Format("folder of recordings", "sequences", labels=(
    "its recordings lie in it directly; give each class a folder, whose name is the label, or name a table of them"))
ARRAYS = Format(".npz", "arrays", (".npz",), labels="write it with np.savez_compressed(path, X=..., y=labels)")
IMAGE = Format("image", "images", (".bmp", ".gif", ".jfif", ".jpe", ".jpeg", ".jpg", ".pbm", ".pgm", ".png", ".pnm",
                                   ".ppm", ".tif", ".tiff", ".webp"), package="Pillow", extra="images")
FOLDER = Format("folder", "images", labels=(
    "its images lie in it directly; give each class a folder, whose name is the label"))
PARQUET_FOLDER = Format("Parquet folder", "table", (), read_parquet_folder, package="duckdb", extra="sql",
                        takes=("sql",), what="a folder of Parquet files, year=2024 in its names a column")
FORMATS = [*TABLES, SERIES, SOUND, ARRAYS, IMAGE, FOLDER, RECORDINGS, PARQUET_FOLDER]

#: How files begin that are no data for a network, and what they are.
OTHERS = {
    rb"\x89PNG": "a PNG image",
    rb"\xff\xd8\xff": "a JPEG image",
    rb"GIF8": "a GIF image",
    rb"%PDF": "a PDF document",
    rb"\x93NUMPY": "a NumPy array (load it with numpy.load and pass the array)",
    rb"\s*<(!doctype|!--|\?xml|[a-z]+[ >])": "HTML or XML",
}
#: Arguments of read_table by those of readers, and the options of the commands.
ARGUMENTS = {"part": ("sheet", "--sheet"), "sql": ("sql", "--sql"), "user_missing": ("user_missing", "--user-missing")}


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

    >>> format_of("a.npz").name, format_of("a.TS.gz").holds, format_of("a.json.zst").name, format_of("houses").holds
    ('.npz', 'sequences', 'JSON', 'table')
    """
    path = Path(os.path.expanduser(parted(path)[0]))
    if os.path.isdir(path):
        return PARQUET_FOLDER if _holds_parquet(path) else RECORDINGS if _holds_recordings(path) else FOLDER
    name = path.name.lower()
    names = [name, *(name.removesuffix(ending) for ending in ENDINGS.values() if name.endswith(ending))]
    return next((form for one in names for form in FORMATS if form.endings and one.endswith(form.endings)), TEXT)


def table_format(path: Path, start: FileStart | None = None) -> Format:
    """The format of a table's file, by its first bytes or else by its ending. Raises DataError for what is no table."""
    start = start or start_of(path)
    tables = [form for form in FORMATS if form.holds == "table"]
    begun = [(known.end(), form) for form in tables if form.begins and (known := re.match(form.begins, start.head))]
    if begun:  # by the most bytes: those that DuckDB begins with may be any, and so another format's
        return max(begun, key=lambda one: one[0])[1]
    form = format_of(path)
    if form not in tables or (form.begins and not form.by_name):  # not what its name says
        form = TEXT
    if form is TEXT:
        _refuse_others(start, path)
    return form


def tables_phrase() -> str:
    """Name the formats of tables for people.

    >>> tables_phrase()   # doctest: +ELLIPSIS
    'a .csv, .tsv, .parquet, .xlsx, .json, ... or .duckdb file'
    """
    tables = [form for form in FORMATS if form.holds == "table" and form.endings]
    *first, last = [ending for form in tables for ending in form.endings[: 1 + (form is TEXT)]]
    return f"a {', '.join(first)} or {last} file"


def read_file(path: str | PathLike, part: str | None = None, sql: str | None = None, user_missing: bool = False,
              written: dict[str, str] | None = None) -> pd.DataFrame:
    """The table in a file. Raises DataError, with file and line, for what is none.

    part: the sheet or table of it, which may also stand behind the name, book.xlsx::Sheet2. sql: a query, for which a
    file without tables of its own is one called data. user_missing: keep what is declared missing. written: how numbers
    are written in columns, where a file does not tell.
    """
    if re.match(r"\w+:/+\w", str(path)):
        raise DataError(f"{path} is an address: download the file first, and name it here.")
    name, named = parted(path)
    if named is not None and part is not None and named != part:
        raise ArgumentError(f"{path} names {named!r}, and sheet= (--sheet) {part!r}: name one.")
    part = part if named is None else named
    path = Path(name)
    try:
        path = existing(path)
        if path.is_dir():
            form = format_of(path)
            if form is not PARQUET_FOLDER:
                raise DataError(f"{path} is a folder, not a table: name {tables_phrase()} in it.")
        else:
            form = table_format(path)
        asked = {"part": part, "sql": sql, "user_missing": user_missing, "written": written}
        _refuse_unknown(asked, form, path)
        given = {name: value for name, value in asked.items() if value and name in form.takes}
        with _unchanged(path):
            frame = _read(path, form, given)
        if sql and "sql" not in form.takes:
            frame = query(frame, sql, path)
        by_name = format_of(path)
        if by_name is not form and (by_name is not TEXT or path.name.lower().endswith(TEXT.endings)):
            note(frame, [f"{path.name} is read as {form.name}, as it begins, though it is called {path.suffix}"])
        return frame
    except (OSError, EOFError, zlib.error) as reason:
        text = f"{path} cannot be read ({reason}): fetch it again, or check that you may open it."
        raise DataError(input_name(text, path)) from reason
    except CutawayError as problem:
        if (text := input_name(str(problem), path)) != str(problem):
            raise type(problem)(text) from problem
        raise


def _holds_parquet(path: Path) -> bool:
    """Whether a folder holds Parquet files and no others, or folders such as year=2024 that do; hidden ones aside."""
    for _ in range(DEEPEST_FOLDER):
        try:
            names = [name for name in os.listdir(path)[:MOST_LOOKED_INTO] if not name.startswith((".", "_"))]
        except OSError:
            return False
        files = [name for name in names if "=" not in name or not (path / name).is_dir()]
        if files or not names:
            return bool(files) and all(name.endswith(".parquet") for name in files)
        path = path / min(names)
    return False


def _holds_recordings(path: Path) -> bool:
    """Whether a folder, or one in it, holds WAV files or tables of text, and none an image."""
    try:
        names = sorted(name for name in os.listdir(path)[:MOST_LOOKED_INTO] if not name.startswith("."))
        found = False
        for name in names:
            inside = path / name
            for one in os.listdir(inside)[:MOST_LOOKED_INTO] if inside.is_dir() else [name]:
                if one.lower().endswith(IMAGE.endings):
                    return False
                found |= one.lower().endswith(SOUND.endings + TEXT.endings) and not one.startswith(".")
    except OSError:
        return False
    return found


def _refuse_unknown(asked: dict[str, Any], form: Format, path: Path) -> None:
    """Raise ArgumentError for an argument that a format's reader does not take; queries there are of every table."""
    for name, (argument, option) in ARGUMENTS.items():
        if asked[name] and name not in form.takes and name != "sql":
            what = {"part": "sheets or tables in it", "user_missing": "values that are declared missing"}[name]
            raise ArgumentError(f"{path}: {argument}= ({option}) is for files with {what}, and this is {form.name}.")
    if asked["part"] and asked["sql"]:
        raise ArgumentError(f"{path}: a query says itself which table it asks: leave {asked['part']!r} out.")


def in_pieces(path: Path) -> Iterator[pd.DataFrame]:
    """The rows of a table's file, some at a time, with the columns that all rows together have.

    Raises NotPlain, be it after some of them, for a file that has to be read whole, which says what is wrong with it.
    """
    try:
        path = existing(path)
        form = PARQUET_FOLDER if path.is_dir() else table_format(path)
        if form.pieces is None:
            raise NotPlain
        with _unchanged(path):
            yield from form.pieces(path)
    except NotPlain:
        raise
    except Exception:  # another library's reader raises what it will; whoever reads the whole file says what is wrong
        raise NotPlain from None


def _read(path: Path, form: Format, given: dict[str, Any]) -> pd.DataFrame:
    assert form.read is not None
    if form is TEXT:
        return form.read(path, **given)
    try:
        with unpacked(path) as file:
            return form.read(file, **given)
    except CutawayError:
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
