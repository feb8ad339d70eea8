"""Files before they are read: each is there, is no pipe, does not unpack out of all proportion; how it begins."""

from __future__ import annotations

import gzip
import os
import stat
from codecs import BOM_UTF16_BE, BOM_UTF16_LE, BOM_UTF32_BE, BOM_UTF32_LE
from os import PathLike
from pathlib import Path
from typing import IO, Any, NamedTuple, cast

from ..errors import DataError
from ..text import no_path
from .limits import MOST_UNPACKED, MOST_UNPACKING

#: How text is encoded that says so in its first bytes (UTF-32's begin like UTF-16's).
MARKS = {BOM_UTF32_LE: "utf-32", BOM_UTF32_BE: "utf-32", BOM_UTF16_LE: "utf-16", BOM_UTF16_BE: "utf-16"}


class FileStart(NamedTuple):
    """How a file begins: its first bytes, unpacked, whether it is gzipped, and the encoding that its mark says."""

    head: bytes
    gzipped: bool
    encoding: str | None


def existing(source: str | PathLike) -> Path:
    """The path of a file or folder. Raises DataError for what is not there, or can be read only once."""
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
        raise DataError(f"{path} is a pipe or a device, which can be read only once: write it to a file first.")
    return path


def refuse_bomb(path: Path, what: str) -> None:
    """Refuse a gzipped bomb before it is in memory: a thousand zeros are a byte there."""
    most = max(MOST_UNPACKED, MOST_UNPACKING * path.stat().st_size)
    with gzip.open(path) as file:
        while file.read(2**20):
            if file.tell() > most:
                raise DataError(
                    f"{path} unpacks to more than {MOST_UNPACKING} times its size, above {most:,} bytes: hardly {what}."
                    " If it is one, unpack it first."
                )


def start_of(path: Path) -> FileStart:
    with path.open("rb") as raw:
        gzipped = raw.read(2) == b"\x1f\x8b"
        raw.seek(0)
        head = (gzip.GzipFile(fileobj=raw) if gzipped else raw).read(8192)
    return FileStart(head, gzipped, next((encoding for mark, encoding in MARKS.items() if head.startswith(mark)), None))


def opened(path: Path, gzipped: bool, **text: Any) -> IO[Any]:
    """The file, unpacked as it is read: as text, where it is said how, or as bytes."""
    mode = "rt" if text else "rb"
    return cast(IO[Any], gzip.open(path, mode, **text) if gzipped else open(path, mode, **text))
