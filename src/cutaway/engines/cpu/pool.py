"""Threads that wait for work, shared by all programs of a process: to wake one takes microseconds, to start one many.

Each sleeps in native code (`serve` in stepping.py) without the GIL until a letter lies in its mailbox: [IDLE, POSTED or
TAKEN; who sleeps until that changes; the addresses of a function and of what it is given]. They never end, are daemons,
which a process that ends does not wait for, and do not exist in a forked child, which starts its own.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable

import numpy as np

from ...memory import aligned

_idle: list[np.ndarray] = []  # the mailboxes of those that nobody has taken
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_idle.clear)


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
