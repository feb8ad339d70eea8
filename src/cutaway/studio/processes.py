"""The processes of runs, seen from the server: started when first asked, found again after the server was killed."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from multiprocessing.connection import Client, Connection
from pathlib import Path
from typing import Any

from ..errors import CutawayError, ResourceError
from .folder import RunFolder, runs
from .limits import MOST_AT_WORK, MOST_LISTED, PATIENCE

STARTS = 120.0  # seconds that a process may take to open its door


class Processes:
    """The way to the processes of all runs in a studio's home."""

    def __init__(self, home: Path) -> None:
        self.home, self._lock = home, threading.Lock()

    def ask(self, run: RunFolder, question: dict[str, Any]) -> dict[str, Any]:
        """Ask a run's process, and start it if there is none. Gives {"right": ...} or {"wrong": words}."""
        with self._lock:
            visitor = self._knock(run) or self._start(run)
        with visitor:
            visitor.send_bytes(json.dumps(question).encode())
            if not visitor.poll(PATIENCE):
                return {"wrong": f"the run's process has not answered for {PATIENCE:.0f} seconds; it is still at work: "
                                 "ask again in a while"}
            try:
                return json.loads(visitor.recv_bytes(2**28))
            except (EOFError, OSError, ValueError):
                return {"wrong": f"the run's process ended while it was at work: {last_words(run)}"}

    def at_work(self) -> list[RunFolder]:
        """List the runs that have a process."""
        return [run for run in runs(self.home, MOST_LISTED) if self._lives(run)]

    def wake(self) -> None:
        """Start the processes of runs that were training when they were cut off: they go on from their checkpoints."""
        for run in runs(self.home, MOST_LISTED):
            if run.settings["state"] == "training" and not self._lives(run):
                with self._lock:
                    try:
                        self._start(run).close()
                    except (CutawayError, OSError):
                        return

    def end(self, run: RunFolder) -> None:
        """End a run's process; a training goes on from its checkpoint when the process is started again."""
        visitor = self._knock(run)
        if visitor is not None:
            with visitor:
                visitor.send_bytes(b'{"do": "end"}')
                visitor.poll(2)

    def _knock(self, run: RunFolder) -> Connection | None:
        try:
            door = json.loads((run.path / "door.json").read_text())
            return Client(door["address"], authkey=(run.path / "key").read_bytes())
        except (OSError, ValueError, KeyError, EOFError):
            return None

    def _lives(self, run: RunFolder) -> bool:
        visitor = self._knock(run)
        if visitor is not None:
            visitor.close()
        return visitor is not None

    def _start(self, run: RunFolder) -> Connection:
        working = self.at_work()
        if len(working) >= MOST_AT_WORK:
            idle = [one for one in working if one.settings["state"] != "training"]
            if not idle:
                raise ResourceError(f"{len(working)} runs are training, as many as the studio lets work at a time: "
                                    "stop one of them, or wait until one is done")
            self.end(idle[-1])
        (run.path / "door.json").unlink(missing_ok=True)
        with (run.path / "worker.log").open("ab") as log:
            # -P: no module is taken from the folder in which the studio happens to be started
            process = subprocess.Popen([sys.executable, "-P", "-m", "cutaway.studio.worker", str(run.path)],
                                       stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)
        threading.Thread(target=process.wait, daemon=True).start()  # so that no dead process stays in the list
        deadline = time.monotonic() + STARTS
        while time.monotonic() < deadline and process.poll() is None:
            if (visitor := self._knock(run)) is not None:
                return visitor
            time.sleep(0.02)
        raise ResourceError(f"the process of this run does not start: {last_words(run)}")


def last_words(run: RunFolder) -> str:
    """The last line that the process of a run wrote before it ended."""
    try:
        lines = (run.path / "worker.log").read_text(errors="replace").strip().splitlines()
    except OSError:
        lines = []
    return lines[-1][:300] if lines else "it left no message"
