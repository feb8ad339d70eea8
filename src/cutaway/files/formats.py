"""The formats that a result is written in, one entry each: the ending of the file's name, and what writes it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from .container import write_whole
from .endings import FIGURES
from .spreadsheet import as_csv


def write_json(result: Any, path: Path) -> None:
    write_whole(path, f"{json.dumps(result.to_json(), ensure_ascii=False)}\n".encode("utf-8", "replace"))


def write_csv(result: Any, path: Path) -> None:
    write_whole(path, as_csv(dict(result.to_pandas().items())).encode("utf-8", "replace"))


#: What `Result.save`, and `--out` of `cutaway lab`, write by the ending of the name: each is given the result and the
#: path, and writes all of the file or nothing (`write_whole`).
EXPORTS: dict[str, Callable[[Any, Path], None]] = {
    **dict.fromkeys(FIGURES, lambda result, path: result.plot(path)),
    ".json": write_json, ".csv": write_csv, ".html": lambda result, path: result.to_html(path),
}
