"""A run on the disk: what it was made from, what happened, and the losses of its steps. It outlives page and server."""

from __future__ import annotations

import json
import os
import re
import secrets
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import FileError
from ..files.container import write_whole

#: Why a run ended that was stopped on the page: it may go on.
STOPPED = "stopped in the studio"
NAME = re.compile(r"[0-9a-f]{12}")


class RunFolder:
    """The folder of one run.

    settings.json: the file, the target, the choices, and how far it came. events.jsonl: what happened, a line each; a
    line's number is its name. losses.f64: J of each step. checkpoints: what training goes on from. door.json: where
    its process listens, and key: what it must be told.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    @property
    def name(self) -> str:
        return self.path.name

    @property
    def settings(self) -> dict[str, Any]:
        try:
            return json.loads((self.path / "settings.json").read_text(encoding="utf-8"))
        except (OSError, ValueError):
            raise FileError(f"the run {self.name} cannot be read: {self.path / 'settings.json'} is missing or damaged"
                            ) from None

    def put(self, **changes: Any) -> dict[str, Any]:
        """Change settings; the file is written whole or not at all."""
        known = self.settings if (self.path / "settings.json").exists() else {}
        settings = known | changes
        write_whole(self.path / "settings.json", json.dumps(settings).encode())
        return settings

    # ---- what happened -----------------------------------------------------------------------------------------------
    def tell(self, kind: str, **facts: Any) -> None:
        """Add an event."""
        line = json.dumps({"kind": kind} | facts) + "\n"
        with (self.path / "events.jsonl").open("ab") as file:
            file.write(line.encode())

    def events(self, offset: int = 0, most: int = 10**9) -> tuple[list[dict[str, Any]], int]:
        """Read events from a byte of the file on, each whole, and say where the next one begins."""
        try:
            with (self.path / "events.jsonl").open("rb") as file:
                if offset > os.fstat(file.fileno()).st_size:  # of another run, or a file that was begun anew
                    offset = 0
                file.seek(offset)
                found: list[dict[str, Any]] = []
                for line in file:
                    if not line.endswith(b"\n") or len(found) == most:
                        break
                    offset += len(line)
                    found.append(json.loads(line))
        except (OSError, ValueError):
            return [], offset
        return found, offset

    def add_losses(self, first: int, losses: np.ndarray, fork: int = 0) -> None:
        """Write J of the steps from `first` on (the first step is 1); what stood there before is cut off."""
        with self.losses_file(fork).open("r+b" if self.losses_file(fork).exists() else "w+b") as file:
            file.seek(8 * (first - 1))
            file.write(np.ascontiguousarray(losses, "<f8").tobytes())
            file.truncate()

    def losses(self, start: int = 0, fork: int = 0) -> bytes:
        """Read J of the steps after `start`, as little-endian doubles."""
        try:
            with self.losses_file(fork).open("rb") as file:
                file.seek(8 * start)
                found = file.read()
        except OSError:
            return b""
        return found[: len(found) // 8 * 8]

    def losses_file(self, fork: int = 0) -> Path:
        return self.path / (f"losses-{fork}.f64" if fork else "losses.f64")


def new_run(home: Path, **settings: Any) -> RunFolder:
    """Make the folder of a new run, which only its owner may read."""
    run = RunFolder(home / "runs" / secrets.token_hex(6))
    run.path.mkdir(parents=True, mode=0o700)
    key = os.open(run.path / "key", os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(key, "wb") as file:
        file.write(secrets.token_bytes(32))
    run.put(state="new", **settings)
    return run


def run_named(home: Path, name: str) -> RunFolder:
    """Find a run by its name. Raises FileError for what is none, a path out of the folder above all."""
    root = (home / "runs").resolve()
    path = (root / name).resolve()
    if not NAME.fullmatch(name) or not path.is_relative_to(root) or not (path / "settings.json").is_file():
        raise FileError(f"there is no run {name!r:.40} here: it was removed, or made in another studio's folder")
    return RunFolder(path)


def runs(home: Path, most: int) -> list[RunFolder]:
    """List the runs, the latest first."""
    if not (home / "runs").is_dir():
        return []
    found = [path for path in (home / "runs").iterdir()
             if NAME.fullmatch(path.name) and (path / "settings.json").is_file()]
    return [RunFolder(path) for path in sorted(found, key=lambda path: -path.stat().st_mtime)[:most]]
