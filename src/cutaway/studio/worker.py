"""The process of one run: it reads, trains and answers questions, whatever becomes of the page and of the server.

The server starts it as `python -m cutaway.studio.worker FOLDER`. It listens on a socket that only its owner may open,
and whoever asks must know the folder's key; questions and answers are JSON.
"""

from __future__ import annotations

import errno
import json
import os
import sys
import threading
import time
import traceback
from contextlib import suppress
from multiprocessing.connection import Connection, Listener
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import ArgumentError, CutawayError
from ..files.container import write_whole
from .folder import STOPPED, RunFolder
from .limits import IDLE
from .wording import on_the_page

if TYPE_CHECKING:
    from .forks import Forks
    from .inside import Inside
    from .training import RunTraining


class Worker:
    """What a run's process can be asked: the methods whose names do not begin with an underscore."""

    def __init__(self, folder: RunFolder) -> None:
        self._folder = folder
        self._inside: Inside | None = None
        self._thread: threading.Thread | None = None
        self._reading, self._loading = threading.Lock(), threading.Lock()
        self._loaded: tuple[RunTraining, Forks] | None = None
        self._asked = time.monotonic()

    def _load(self) -> tuple[RunTraining, Forks]:
        """Import what trains, once: it takes a second, in which the door is open already."""
        with self._loading:
            if self._loaded is None:
                from .forks import Forks
                from .training import RunTraining

                training = RunTraining(self._folder)
                self._loaded = training, Forks(training)
            return self._loaded

    @property
    def _training(self) -> RunTraining:
        return self._load()[0]

    @property
    def _forks(self) -> Forks:
        return self._load()[1]

    # ---- what can be asked -------------------------------------------------------------------------------------------
    def understand(self) -> dict[str, Any]:
        """Read the file once; what was understood of it stays in the folder."""
        known = self._folder.path / "understood.json"
        if not known.exists():
            with self._reading:
                write_whole(known, json.dumps(self._training.understand()).encode())
        return json.loads(known.read_text(encoding="utf-8"))

    def design(self, target: str = "", columns: Any = None, choices: Any = None) -> dict[str, Any]:
        self._refuse_in_training()
        with self._reading:
            if self._folder.settings["state"] not in ("new", "designed"):
                raise ArgumentError("this run has been trained: begin another one with the same file to design it anew")
            asked: dict[str, Any] = {"target": str(target), "columns": _words(columns, "columns")}
            asked["choices"] = _plain(choices)
            made = self._training.design(**asked)
            self._folder.put(state="designed", **asked)
            return made

    def train(self) -> dict[str, Any]:
        """Train in a thread of its own, from the start or from where it was stopped; a design under way ends first."""
        self._refuse_in_training()
        with self._reading:
            if self._folder.settings["state"] == "new":
                raise ArgumentError("design the network first")
            self._inside = None
            self._folder.put(state="training", ended="")
            self._begin()
        return {"state": "training"}

    def stop(self) -> dict[str, Any]:
        """Stop after the steps under way; all that was learnt is kept, and `train` goes on."""
        if self._training.run is not None and self._alive:
            self._training.stop(STOPPED)
        return {"state": "stopping"}

    def step(self, step: int, fork: int = 0) -> dict[str, Any]:
        return self._look(fork).step(_whole(step))

    def row(self, step: int, place: int, fork: int = 0) -> dict[str, Any]:
        return self._look(fork).row(_whole(step), _whole(place))

    def unit(self, step: int, place: int, name: str, unit: list[int], fork: int = 0) -> dict[str, Any]:
        return self._look(fork).unit(_whole(step), _whole(place), str(name), _places(unit))

    def weight(self, step: int, name: str, index: list[int], fork: int = 0) -> dict[str, Any]:
        return self._look(fork).weight(_whole(step), str(name), _places(index))

    def course(self, name: str, index: list[int], fork: int = 0) -> dict[str, Any]:
        return self._look(fork).course(str(name), _places(index))

    def regions(self, step: int, a: str = "", b: str = "", place: int | None = None, fork: int = 0,
                batch: bool = False) -> dict[str, Any]:
        given = None if place is None else _whole(place)
        return self._look(fork).regions(_whole(step), str(a), str(b), given, bool(batch))

    def landscape(self, until: int = 0, fork: int = 0) -> dict[str, Any]:
        return self._see("landscape_of", fork, _whole(until), self._look(0) if fork else None)

    def states(self, step: int, place: int, fork: int = 0) -> dict[str, Any]:
        return self._see("states_of", fork, _whole(step), _whole(place))

    def filters(self, step: int, fork: int = 0) -> dict[str, Any]:
        return self._see("filters_of", fork, _whole(step))

    def answers(self, step: int, fork: int = 0) -> dict[str, Any]:
        return self._see("answers_of", fork, _whole(step))

    def page(self) -> dict[str, Any]:
        """Write the page that goes on training in any browser; the notes say what it leaves out."""
        if self._folder.settings["state"] == "training":
            raise ArgumentError("this run is training: stop it, or wait until it is done, and take it home then")
        self._look(0)
        with self._reading:
            return self._training.page()

    def fork(self, step: int, change: Any) -> dict[str, Any]:
        return self._forks.make(self._look(0), _whole(step), change)

    def end(self) -> dict[str, Any]:
        """End the process, in a moment; the run stays on the disk."""
        threading.Timer(0.05, self._leave).start()
        return {"state": self._folder.settings["state"]}

    # ---- its life ----------------------------------------------------------------------------------------------------
    @property
    def _alive(self) -> bool:
        return self._thread is not None and self._thread.is_alive()

    def _refuse_in_training(self) -> None:
        if self._thread is not None and self._folder.settings["state"] != "training":
            self._thread.join(5)  # it has told of its end, and is about to
        if self._alive:
            raise ArgumentError("this run is training: stop it first")

    def _begin(self) -> None:
        self._thread = threading.Thread(target=self._train, name="training", daemon=True)
        self._thread.start()

    def _train(self) -> None:
        try:
            with self._reading:
                self._training.train()
            self._warm()
        except CutawayError as problem:
            self._fail(self._told(problem))
        except OSError as problem:
            self._fail(self._told(problem))
        except MemoryError:
            self._fail("there is not enough memory for this run: drop columns, or take fewer rows")
        except Exception as problem:
            traceback.print_exc()
            self._fail(f"{type(problem).__name__}: {problem} (the run's folder has the whole message, worker.log)")

    def _warm(self) -> None:
        if self._inside is not None:
            threading.Thread(target=self._inside.warm, daemon=True).start()

    def _fail(self, why: str) -> None:
        self._folder.put(state="failed", ended=why)
        self._folder.tell("failed", why=why)

    def _told(self, problem: CutawayError | OSError) -> str:
        """Say on the page what is wrong: its file by its name, not by where the studio keeps it."""
        if errno.ENOSPC in (getattr(one, "errno", None) for one in (problem, problem.__context__)):
            return f"the disk of {self._folder.path} has no room left for this run: free some, and let it go on"
        return on_the_page(str(problem).replace(f"{Path(self._folder.settings['file']).parent}{os.sep}", ""))

    def _look(self, fork: Any) -> Inside:
        """Get the inside of the run or of a fork; a run that was trained in another process is put back first."""
        if self._training.run is None and self._folder.settings["state"] in ("done", "stopped") and not self._alive:
            self._begin()
        deadline = time.monotonic() + 60
        while self._training.run is None and self._alive and time.monotonic() < deadline:
            time.sleep(0.02)
        from .inside import Inside

        if self._inside is None:
            self._inside = Inside.on(self._training)
            self._warm()
        return self._forks.get(self._inside, _whole(fork))

    def _see(self, what: str, fork: Any, *where: Any) -> dict[str, Any]:
        from . import seeing

        return getattr(seeing, what)(self._look(fork), *where)

    def _answer(self, question: Any) -> dict[str, Any]:
        self._asked = time.monotonic()
        do = question.pop("do", "") if isinstance(question, dict) else ""
        if not isinstance(do, str) or do.startswith("_") or not callable(getattr(Worker, do, None)):
            return {"wrong": f"a run cannot be asked to {do!r:.40}"}
        try:
            return {"right": getattr(self, do)(**question)}
        except CutawayError as problem:
            return {"wrong": self._told(problem)}
        except TypeError as problem:
            if "argument" not in str(problem):
                raise
            return {"wrong": f"{do}: {str(problem).partition('() ')[2]}"}
        except MemoryError:
            return {"wrong": "there is not enough memory for this file: drop columns, or take fewer rows"}
        except OSError as problem:
            return {"wrong": f"{problem.filename or self._folder.path}: {problem.strerror or problem}"}

    def _talk(self, visitor: Connection) -> None:
        with visitor:
            try:
                answer = self._answer(json.loads(visitor.recv_bytes(2**20)))
            except (EOFError, OSError, ValueError):
                return
            except Exception as problem:
                traceback.print_exc()
                answer = {"wrong": f"{type(problem).__name__}: {problem} (the run's folder has the whole message)"}
            with suppress(OSError):
                visitor.send_bytes(json.dumps(answer, allow_nan=False).encode())

    def _end_when_idle(self) -> None:
        while self._alive or time.monotonic() - self._asked < IDLE:
            time.sleep(1)
            if not (self._folder.path / "settings.json").exists():
                break
        self._leave()

    def _leave(self) -> None:
        (self._folder.path / "door.json").unlink(missing_ok=True)
        os._exit(0)

    def serve(self) -> None:
        """Answer until nobody asks any more."""
        key = (self._folder.path / "key").read_bytes()
        with Listener(None, authkey=key) as listener:
            door = self._folder.path / "door.json"
            with os.fdopen(os.open(door, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
                json.dump({"address": listener.address, "pid": os.getpid()}, file)
            if self._folder.settings["state"] == "training":
                self._begin()
            threading.Thread(target=self._load, daemon=True).start()
            threading.Thread(target=self._end_when_idle, daemon=True).start()
            while True:
                try:
                    visitor = listener.accept()
                except Exception:  # somebody who left, or has no key
                    continue
                threading.Thread(target=self._talk, args=(visitor,), daemon=True).start()


def _whole(value: Any) -> int:
    if type(value) is not int:
        raise ArgumentError(f"a whole number is needed here, got {value!r:.40}")
    return value


def _places(value: Any) -> tuple[int, ...]:
    if not isinstance(value, list) or len(value) > 8:
        raise ArgumentError(f"an index is a list of whole numbers, got {value!r:.40}")
    return tuple(map(_whole, value))


def _words(value: Any, what: str) -> dict[str, str]:
    if value is None:
        return {}
    if not isinstance(value, dict) or not all(isinstance(one, str) for one in value.values()):
        raise ArgumentError(f"{what} must be names with words, got {value!r:.40}")
    return value


def _plain(value: Any) -> dict[str, Any]:
    if value is None:
        return {}
    if not isinstance(value, dict) or not all(isinstance(one, str | int | float) for one in value.values()):
        raise ArgumentError(f"choices must be names with numbers or words, got {value!r:.40}")
    return value


if __name__ == "__main__":
    Worker(RunFolder(Path(sys.argv[1]))).serve()
