"""Matplotlib figures in files."""

from __future__ import annotations

import io
from os import fspath
from pathlib import Path
from typing import Any

from ..files.container import write_whole
from ..files.endings import PICTURES, STILL, check_ending


def write_figure(figure: Any, path: Any, **how: Any) -> None:
    """Write what `figure.savefig(path, ...)` writes, whole or not at all; a name without an ending gets .png.

    Raises ArgumentError for an ending that is no picture's, FileError where it cannot be written.
    """
    check_ending(path, "a figure", (*PICTURES, ""), hint=STILL)
    path = Path(fspath(path))
    path = path if path.suffix else path.with_name(f"{path.name}.png")
    content = io.BytesIO()
    figure.savefig(content, format=path.suffix[1:].lower(), **how)
    write_whole(path, content.getvalue())
