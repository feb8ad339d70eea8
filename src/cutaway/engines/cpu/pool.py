"""Threads that wait for work, shared by all programs of a process: to wake one takes microseconds, to start one many.

Each sleeps in native code (`serve` in stepping.py) without the GIL until a letter lies in its mailbox: [IDLE, POSTED or
TAKEN; who sleeps until that changes; the addresses of a function and of what it is given]. They never end, are daemons,
which a process that ends does not wait for, and do not exist in a forked child, which starts its own.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable

import numpy as np

from ...memory import aligned
from ...program import Listing, operations
from ...rules import OPS
from . import native

_idle: list[np.ndarray] = []  # the mailboxes of those that nobody has taken
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_idle.clear)


def choose_threads(listing: Listing, batch_size: int, threads: int | None) -> int:
    """Choose how many threads: one, or as many cores as leave each some 80 microseconds' work and eight rows. What
    counts is the matrix products: of layers, filters, scans and attention, forward and backward."""
    work = sum(operations(i, batch_size) for i in listing.instructions if i.op in OPS)
    wanted = threads if threads is not None else min(native.cores(), int(work // 8e6), batch_size // 8)
    return max(1, min(wanted, batch_size))


def take(count: int, serve: Callable[[int, int], None]) -> list[np.ndarray]:
    """Take waiting threads, of which more are started if needed: their mailboxes. serve: the machine code of their
    lives. Where the system gives no more threads, these are fewer."""
    taken: list[np.ndarray] = []
    try:
        while len(taken) < count:
            taken.append(_idle.pop() if _idle else _started(serve))
    except (IndexError, RuntimeError):  # another thread took the last one; the system gives no more
        pass
    except BaseException:
        give_back(taken)
        raise
    return taken


def give_back(mailboxes: list[np.ndarray]) -> None:
    """Let others have threads that were taken."""
    _idle.extend(mailboxes)


def mailbox() -> np.ndarray:
    """Make a mailbox, on a cache line of its own."""
    return aligned((8,), np.int64)


def _started(serve: Callable[[int, int], None]) -> np.ndarray:
    own = mailbox()

    def life() -> None:
        serve(own.ctypes.data, 0)  # the thread's own name for its mailbox keeps that for ever

    threading.Thread(target=life, name="cutaway", daemon=True).start()
    return own


SECONDS = 0.1  # of work in one call that holds no GIL
TRIAL, SOON, LATER = 0.005, 0.05, 1.0  # seconds of a trial, and until the next one at first and at most


class Pace:
    """How long a step takes with helpers and without, and which is faster: where another program keeps a core busy, or
    the cores are far apart, one thread can be. The slower way is tried again for a moment, soon after a change, then
    every second. One slow call changes nothing: another program may have been in the way, so that it only asks for a
    trial."""

    def __init__(self, threads: int) -> None:
        self.helped, self.trying = threads > 1, False
        self.seconds = {self.helped: 0.0} if threads == 1 else {True: 0.0, False: 0.0}  # a step; 0: not known yet
        self.wait, self.next = SOON, time.perf_counter() + SECONDS

    @property
    def steps(self) -> int:
        """How many steps to do in one call."""
        known = self.seconds[self.helped] or max(self.seconds.values())
        return max(1, int((TRIAL if self.trying else SECONDS) / known)) if known else 8

    def learn(self, seconds: float) -> None:
        """Note how long a step took just now, and choose the way of the next ones."""
        self.seconds[self.helped] = seconds
        other, now = self.seconds.get(not self.helped), time.perf_counter()
        if other is None:
            return
        if self.trying:
            self.trying, better = False, seconds < other
            self.helped ^= not better
            self.wait = SOON if better else min(2 * self.wait, LATER)
            self.next = now + self.wait
        elif now > self.next or 0 < other < seconds:
            self.helped, self.trying = not self.helped, True
