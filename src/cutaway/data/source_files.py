"""Files before they are read: where each lies, that it is no pipe and unpacks in proportion, how it begins."""

from __future__ import annotations

import atexit
import os
import shutil
import stat
import sys
import tempfile
from codecs import BOM_UTF16_BE, BOM_UTF16_LE, BOM_UTF32_BE, BOM_UTF32_LE
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from os import PathLike
from pathlib import Path
from typing import NamedTuple

from ..errors import CutawayError, DataError
from ..text import no_path
from .limits import MOST_UNPACKED, MOST_UNPACKING
from .packed import ENDINGS, opened, packing_of

__all__ = ["FileStart", "existing", "input_name", "opened", "parted", "refuse_bomb", "start_of", "unpacked"]

#: How text is encoded that says so in its first bytes (UTF-32's begin like UTF-16's).
MARKS = {BOM_UTF32_LE: "utf-32", BOM_UTF32_BE: "utf-32", BOM_UTF16_LE: "utf-16", BOM_UTF16_BE: "utf-16"}
#: The name that stands for standard input, and what stands between a file and a part of it: book.xlsx::Sheet2.
STDIN, PART = "-", "::"


class FileStart(NamedTuple):
    """How a file begins: its first bytes, unpacked, how it is packed ("": not), and the encoding that its mark says."""

    head: bytes
    packing: str
    encoding: str | None

    @property
    def gzipped(self) -> bool:
        return self.packing == "gzip"


def parted(source: str | PathLike) -> tuple[str, str | None]:
    """Take the name of a part off the name of a file.

    >>> parted("book.xlsx::Sheet 2"), parted("houses.csv")
    (('book.xlsx', 'Sheet 2'), ('houses.csv', None))
    """
    name = os.fspath(source)
    file, between, part = name.partition(PART)
    return (file, part) if between and file and not os.path.lexists(os.path.expanduser(name)) else (name, None)


def existing(source: str | PathLike) -> Path:
    """The path of a file or folder. Raises DataError for what is not there, or can be read only once."""
    if os.fspath(source) == STDIN:
        return _kept_input()
    path = Path(os.path.expanduser(source))
    try:
        mode = path.stat().st_mode
    except (FileNotFoundError, NotADirectoryError) as reason:
        what = "file" if path.suffix else "file or folder"
        raise DataError(f"There is no {what} {path}: check the path, relative to {Path.cwd()}.") from reason
    except (OSError, ValueError) as reason:
        why = no_path(path, reason) if isinstance(reason, ValueError) else reason.strerror or reason
        raise DataError(f"{path!s:.200} cannot be read ({why}): check the path.") from reason
    if not stat.S_ISREG(mode) and not stat.S_ISDIR(mode):
        raise DataError(f"{path} is a pipe or a device, which can be read only once: write it to a file first, or give "
                        "it to standard input and name -.")
    return path


@cache
def _kept_input() -> Path:
    """Keep what standard input holds in a file until the program ends: files are looked at before they are read."""
    if sys.stdin is None or sys.stdin.closed or sys.stdin.isatty():
        raise DataError("- stands for standard input, and nothing is piped into it: cat houses.csv | cutaway ... -")
    folder = tempfile.mkdtemp(prefix="cutaway-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    path = Path(folder) / "standard input"
    with path.open("wb") as file:
        shutil.copyfileobj(sys.stdin.buffer, file, 2**20)
    return path


def input_name(text: str, path: Path) -> str:
    """Name standard input in a message for the file that keeps what it held."""
    return text.replace(str(path), path.name) if path.name == "standard input" else text


def refuse_bomb(path: Path, what: str) -> None:
    """Refuse a packed bomb before it is in memory: a thousand zeros are a byte there."""
    most, count = most_unpacked(path), 0
    with opened(path, packing_of(path)) as file:
        while block := file.read(2**20):
            count += len(block)
            if count > most:
                raise DataError(
                    f"{path} unpacks to more than {MOST_UNPACKING} times its size, above {most:,} bytes: hardly {what}."
                    " If it is one, unpack it first."
                )


def most_unpacked(path: Path) -> int:
    """How many bytes may be packed in a file."""
    return max(MOST_UNPACKED, MOST_UNPACKING * path.stat().st_size)


@contextmanager
def unpacked(path: Path) -> Iterator[Path]:
    """A file that is not packed, for readers that know no packing: the file itself, or for the block's time a copy."""
    packing = "" if path.is_dir() else packing_of(path)
    if not packing:
        yield path
        return
    refuse_bomb(path, "a table")
    with tempfile.TemporaryDirectory(prefix="cutaway-") as folder:
        copy = Path(folder) / path.name.removesuffix(ENDINGS[packing])
        with opened(path, packing) as source, copy.open("wb") as file:
            shutil.copyfileobj(source, file, 2**20)
        try:
            yield copy
        except CutawayError as problem:
            raise type(problem)(str(problem).replace(str(copy), str(path))) from problem


def start_of(path: Path) -> FileStart:
    packing = packing_of(path)
    with opened(path, packing) as file:
        head = file.read(8192)
    return FileStart(head, packing, next((encoding for mark, encoding in MARKS.items() if head.startswith(mark)), None))
