"""Ctrl-C during training: the steps under way are finished, and what was trained is kept."""

from __future__ import annotations

import signal
import threading
from contextlib import contextmanager
from typing import Any


@contextmanager
def interruptible(*runs: Any):
    """Let Ctrl-C stop runs (or sessions) after the steps under way, a second one at once. Only in the main thread."""
    main = threading.current_thread() is threading.main_thread()
    if not main or signal.getsignal(signal.SIGINT) is None:  # None: a handler that Python could not put back
        yield
        return

    def handle(number, frame):
        if all(run.stopping for run in runs):
            raise KeyboardInterrupt
        for run in runs:
            run.stop("interrupted")

    before = signal.signal(signal.SIGINT, handle)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
