"""One seed, many streams: every use of chance has a name, and its numbers depend on (seed, name) alone."""

from __future__ import annotations

import hashlib
from contextlib import contextmanager

import numpy as np
from numpy.random.bit_generator import ISeedSequence

_process_seed = 0
_drawn = 0


class _Key(ISeedSequence):
    """A Philox key that is known: without one, NumPy asks the system for chance first, and that takes twice as long."""

    def __init__(self, key: np.ndarray) -> None:
        self.key = key

    def generate_state(self, n_words, dtype=np.uint32):
        return self.key


def stream(seed: int, *name: object) -> np.random.Generator:
    """Make a counter-based random generator for one use of chance.

    >>> stream(0, "batch order", 3).permutation(4).tolist() == stream(0, "batch order", 3).permutation(4).tolist()
    True
    """
    text = "\x1f".join([str(int(seed)), *map(str, name)])
    key = np.frombuffer(hashlib.sha256(text.encode()).digest()[:16], np.uint64)
    return np.random.Generator(np.random.Philox(_Key(key)))  # type: ignore[arg-type]


def seed(n: int) -> None:
    """Restart the process-wide stream from which layer constructors draw their first weights (0 at start)."""
    global _process_seed, _drawn
    _process_seed, _drawn = int(n), 0


def next_stream() -> np.random.Generator:
    """Make the process-wide stream's next generator: one for each parameter constructed."""
    global _drawn
    _drawn += 1
    return stream(_process_seed, "constructor", _drawn)


@contextmanager
def undisturbed():
    """Keep layers that are made in the block from changing the first weights of layers made later."""
    global _drawn
    drawn = _drawn
    try:
        yield
    finally:
        _drawn = drawn
