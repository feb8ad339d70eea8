"""The watch over other processes: each gives a sign of life every second; one that is lost is named by its rank.

Signs lie in the store of texts that JAX's first process keeps for all. A process is lost when it gives no sign (killed,
or stopped), when its script is over, or when all wait for it too long (stuck in code of its own).
"""

from __future__ import annotations

import atexit
import json
import os
import socket
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from ..errors import TrainingError
from .witness import Witness, answers, connected

BEAT = 1.0  # seconds between two signs of life
SILENT = 6.0  # seconds without one, after which a process is lost
BROKEN = 3.0  # the same where a connection broke, so that one is surely lost
LATE = 8.0  # seconds that others wait for a process before it is named
LAST_WORDS = 10.0  # seconds that the first process, which keeps the store, waits for others to end
OVER = -1  # in place of an attempt: this process takes part in none any more
GONE = "it was killed, or its machine is gone"
SIGNS = ("Gloo", "UNAVAILABLE", "NCCL", "DEADLINE_EXCEEDED", "ABORTED", "INTERNAL", "peer")


class Store:
    """The texts by name that JAX's coordinator keeps; all processes write and read them."""

    def __init__(self) -> None:
        from jax._src.distributed import global_state  # no public name gives it; JAX's own checkpoints use it too

        self.client: Any = global_state.client

    def put(self, name: str, text: str) -> None:
        self.client.key_value_set(name, text, allow_overwrite=True)

    def folder(self, name: str) -> dict[str, str]:
        """All texts below a name, by the rest of their names."""
        return {key.removeprefix(f"{name}/"): text for key, text in self.client.key_value_dir_get(f"{name}/")}


class Lookout:
    """Gives the signs of this process, and reads those of all others.

    doing: what this process does with the others, "" while it does nothing. lost: who was lost, in words; "" if nobody
    was. patience: seconds that others wait for a process that gives signs, but does not come.
    """

    def __init__(self, rank: int, processes: int, store: Any, address: str = "", patience: float = 60.0) -> None:
        self.rank, self.processes, self.store, self.address = rank, processes, store, address
        self.patience, self.doing, self.lost, self.who = patience, "", "", rank
        self._lock = threading.Lock()
        self._meetings, self._inside, self._since = 0, False, time.monotonic()
        self._seen: dict[int, tuple[dict[str, Any], float, float]] = {}  # sign, when it came, since when it is the same
        self._broken = self._failed = self._named = self._busy = self._gave_up = self._said = False
        self._attempt = 0  # at what all do together
        self._witness: Witness | None = None
        self._over, self._thread = threading.Event(), threading.Thread(target=self._watch, name="cutaway watch",
                                                                       daemon=True)

    def begin(self) -> None:
        atexit.register(self._end)  # before JAX waits for all to end
        self._thread.start()
        if self.rank:
            with suppress(OSError):
                self._witness = Witness(self.address)
            threading.Thread(target=self._hold_the_door, name="cutaway door", daemon=True).start()

    # ---- what this process does ------------------------------------------------------------------------------------
    @contextmanager
    def watching(self, doing: str) -> Iterator[None]:
        """Look after the others while the block runs, which all processes run."""
        before, self.doing = self.doing, doing
        if not before:
            self._attempt, self._failed = self._attempt + 1, False
            if self._gave_up:  # what all were refused in, or one was, is no matter to what they do next
                self.lost, self.who, self._gave_up = "", self.rank, False
        self._tell_witness()
        try:
            yield
            self._failed = False
        finally:
            self.doing = before
            self._tell_witness()

    @contextmanager
    def meeting(self) -> Iterator[None]:
        """Say that this process waits for all others, or works together with them, while the block runs."""
        with self._lock:
            self._meetings, self._inside, self._since = self._meetings + 1, True, time.monotonic()
        try:
            yield
        finally:
            with self._lock:
                self._inside, self._since = False, time.monotonic()

    @contextmanager
    def busy(self) -> Iterator[None]:
        """Say that the others wait for this process with reason."""
        self._busy = True
        try:
            yield
        finally:
            self._busy = False

    def leave(self, why: str) -> None:
        """Tell the others that this process gives up what all do now, and why."""
        self._failed = True
        self._tell(why, self._attempt)

    def _tell(self, why: str, attempt: int) -> None:
        over = {"why": why, "attempt": attempt, "lost": self.lost, "who": self.who}
        with suppress(Exception):  # the process that keeps the store may be the one that is lost
            self.store.put(f"cutaway/over/{self.rank}", json.dumps(over))

    def refuse_lost(self) -> None:
        """Raise TrainingError if a process was lost."""
        self._look(time.monotonic())
        if self.lost:
            raise TrainingError(self.lost)

    def who_is_lost(self, error: Exception) -> str:
        """Find the process whose end is behind an error of JAX's; "" where nobody's is."""
        if not self.lost and any(sign in str(error) for sign in SIGNS):
            self._broken = True
            if self.rank and not self._first_answers():
                self._lose(0, GONE)
            end = time.monotonic() + SILENT + 2 * BEAT
            while not self.lost and time.monotonic() < end:
                time.sleep(0.05)
        return self.lost

    def _first_answers(self) -> bool:
        """Whether the first process still keeps the store, asked by its door: the store itself would wait long."""
        return answers(self.address)

    def _hold_the_door(self) -> None:
        """Say it at once when the first process is gone: JAX ends this one a moment later, and names nobody."""
        while True:
            began = time.monotonic()
            try:
                with connected(self.address) as door:
                    door.settimeout(None)
                    while door.recv(4096):
                        pass
            except (OSError, ValueError):
                pass
            if not self._first_answers():
                break
            if time.monotonic() - began < BEAT:  # it lets nobody stand at its door for ever
                time.sleep(BEAT)
        if self.doing and not self.lost:
            self._lose(0, GONE)
            self._say_lost()

    # ---- what others do ----------------------------------------------------------------------------------------------
    def _watch(self) -> None:
        beat = 0
        while not self._over.is_set():
            beat += 1
            with self._lock:
                sign = {"beat": beat, "meetings": self._meetings, "inside": self._inside, "busy": self._busy,
                        "pid": os.getpid(), "host": socket.gethostname()}
            try:
                self.store.put(f"cutaway/signs/{self.rank}", json.dumps(sign))
                self._look(time.monotonic())
            except Exception:  # the store does not answer
                if self.rank and not self._first_answers():
                    self._lose(0, GONE)
            self._tell_witness()
            if self.lost and self.doing:
                self._get_out()
            self._over.wait(BEAT)

    def _look(self, now: float) -> None:
        """Read all signs, and see whether somebody is lost."""
        for name, text in self.store.folder("cutaway/over").items():
            over = json.loads(text)
            if int(name) != self.rank and self.doing and over["attempt"] in (self._attempt, OVER):
                self._gave_up |= not self.lost and over["attempt"] != OVER and not over["lost"]
                self._lose(over["who"], over["why"], over["lost"])
        for name, text in self.store.folder("cutaway/signs").items():
            rank, sign = int(name), json.loads(text)
            before, came, since = self._seen.get(rank, ({}, now, now))
            came = now if sign["beat"] != before.get("beat") else came
            same = all(sign[what] == before.get(what) for what in ("meetings", "inside"))
            self._seen[rank] = sign, came, since if same else now
            if rank != self.rank and self.doing:
                self._judge(rank, now)

    def _judge(self, rank: int, now: float) -> None:
        sign, came, since = self._seen[rank]
        silent = now - came
        if silent > (BROKEN if self._broken else SILENT):
            self._lose(rank, f"no sign of life for {silent:.0f} s, so it was killed or stopped")
            return
        with self._lock:
            waits, met = now - max(self._since, since) if self._inside else 0.0, self._meetings
        if waits <= LATE or sign["inside"] or sign["busy"] or sign["meetings"] >= met:
            return
        if waits > self.patience:
            self._lose(rank, f"all wait for it since {waits:.0f} s: it is stuck")
        elif not self._named:
            self._named = True
            _say(f"cutaway, rank {self.rank}: all wait for rank {rank} (process {sign['pid']} on {sign['host']}) since "
                 f"{waits:.0f} s; it works at something of its own. Training ends if it does not come within "
                 f"{self.patience:g} s.")

    def _lose(self, rank: int, why: str, words: str = "") -> None:
        if self.lost:
            return
        self.who = rank
        self.lost = words or self._words(rank, why)

    def _words(self, rank: int, why: str) -> str:
        sign = self._seen.get(rank, ({}, 0.0, 0.0))[0]
        where = f" (process {sign['pid']} on {sign['host']})" if sign else ""
        return (f"rank {rank}{where} was lost: {why}. Training ends on every process; with checkpoint=FOLDER "
                "(--checkpoint FOLDER) and resume=True (--resume) it goes on from the last checkpoint")

    def _say_lost(self) -> None:
        _say(f"cutaway, rank {self.rank}: {self.lost}.")
        self._said = True
        self._tell_witness()

    def _tell_witness(self) -> None:
        """Let the witness know what to say if JAX ends this process because the first one is gone."""
        if self._witness:
            words = f"cutaway, rank {self.rank}: {self.lost or self._words(0, GONE)}."
            self._witness.know(words if self.doing and not self._said else "")

    def _get_out(self) -> None:
        """End a process whose main thread waits for one that will never come, and which nothing wakes."""
        attempt = self._attempt
        time.sleep(2 * BEAT)  # it may come out by an error of its own, which says the same, and do something else now
        if self.doing and attempt == self._attempt and not self._failed:
            self._say_lost()
            self.leave(self.lost)
            self._end()

    def _end(self) -> None:
        """Say that this script is over. After a failure nobody waits for the others, as JAX would."""
        if not self._failed:
            self._tell("its script is over", OVER)
            self._over.set()  # a thread within the store as Python ends would bring the process down
            if self._thread.is_alive():
                self._thread.join(SILENT)
            if self._witness:
                self._witness.leave()
            return
        sys.stdout.flush()
        sys.stderr.flush()
        end = time.monotonic() + LAST_WORDS
        with suppress(Exception):
            gone = {self.who} - {self.rank}
            while self.rank == 0 and time.monotonic() < end:
                there = set(map(int, self.store.folder("cutaway/over"))) | gone
                if len(there | {0}) >= self.processes:
                    time.sleep(0.2)
                    break
                time.sleep(0.1)
        os._exit(1)


def _say(text: str) -> None:
    with suppress(OSError):
        os.write(2, f"{text}\n".encode())
