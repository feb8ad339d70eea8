"""Files that come through the browser: written beside the runs as they arrive, with a name that is only a name."""

from __future__ import annotations

import re
import secrets
import shutil
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from ..errors import FileError
from ..text import printable, size
from .guards import TooMuch
from .limits import LEFT_FREE, MOST_UPLOADED


def plain_name(given: str) -> str:
    """Make a file's name of what a browser says: no folders, no characters that systems read otherwise.

    >>> plain_name("..%2F..%2Fetc%2Fpasswd"), plain_name("my houses.csv"), plain_name("..")
    ('passwd', 'my houses.csv', 'data')
    """
    last = re.split(r"[/\\\\]", unquote(given))[-1]
    name = printable(re.sub(r'[<>:"|?*\x00-\x1f\x7f]', "_", last)).replace("\\", "_").strip(" .")
    stem, dot, ending = name[-100:].rpartition(".")
    return f"{stem or 'data'}{dot}{ending}" if dot else (ending or "data")


async def receive(request: Any, home: Path) -> Path:
    """Write a request's body to a file of its own; nothing of it stays where that fails.

    Raises FileError in words for a file that is too large, and for a disk without room.
    """
    said = int(request.headers.get("content-length") or 0)
    folder = (home / "files" / secrets.token_hex(6)).resolve()
    path = (folder / plain_name(request.headers.get("x-name", "data"))).resolve()
    if not path.is_relative_to(folder):
        raise FileError("this name leads out of the studio's folder: give the file another one")
    if said > MOST_UPLOADED:
        raise FileError(_too_large(said))
    folder.mkdir(parents=True, mode=0o700)
    try:
        if shutil.disk_usage(folder).free < said + LEFT_FREE:
            raise FileError(f"the disk of {home} has too little room for {size(said)} more: free some, or start the "
                            "studio with --home on another disk")
        got = 0
        with path.open("xb") as file:
            async for part in request.stream():
                got += len(part)
                if got > MOST_UPLOADED:
                    raise FileError(_too_large(got))
                file.write(part)
        if not got:
            raise FileError(f"{path.name} is empty")
    except OSError as problem:
        shutil.rmtree(folder, ignore_errors=True)
        raise FileError(f"{path.name} cannot be kept in {home} ({problem.strerror or problem}): free some room, or "
                        "start the studio with --home on another disk") from None
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    return path


def _too_large(count: int) -> str:
    return (f"this file has {size(count)}, more than the {size(MOST_UPLOADED)} that go through a browser: open it "
            "where it lies, with `cutaway studio FILE`")


__all__ = ["TooMuch", "plain_name", "receive"]
