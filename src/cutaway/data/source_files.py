"""Files before they are read: each is there, is no pipe, and does not unpack out of all proportion."""

from __future__ import annotations

import gzip
import os
import stat
from os import PathLike
from pathlib import Path

from ..errors import DataError
from ..text import no_path
from .limits import MOST_UNPACKED, MOST_UNPACKING


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
    """Gzipped, a thousand zeros are a byte: a bomb is refused before it is in memory."""
    most = max(MOST_UNPACKED, MOST_UNPACKING * path.stat().st_size)
    with gzip.open(path) as file:
        while file.read(2**20):
            if file.tell() > most:
                raise DataError(
                    f"{path} unpacks to more than {MOST_UNPACKING} times its size, above {most:,} bytes: hardly {what}."
                    " If it is one, unpack it first."
                )
