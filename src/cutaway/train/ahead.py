"""Read ahead: the next stage of data that lie on the disk is read by a thread while a program trains on this one."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any


def ahead(parts: Iterator[Any]) -> Iterator[Any]:
    """Give what an iterator gives, in its order; the next is made meanwhile, and its error is raised in its turn.

    What is given must be in arrays of its own: one that is filled again for the next would change under the program.
    """
    with ThreadPoolExecutor(1, "cutaway-reads-ahead") as pool:
        coming = pool.submit(next, parts, None)
        while (part := coming.result()) is not None:
            coming = pool.submit(next, parts, None)
            yield part
