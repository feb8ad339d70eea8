"""One stream of events for each page, of all runs that it shows: it goes on where it broke off, by Last-Event-ID.

What happened lies in the runs' folders, so that a page that comes late, or again, misses nothing, and a page that
reads slowly costs no memory.
"""

from __future__ import annotations

import asyncio
import json
import re
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

from ..errors import ArgumentError, CutawayError
from .folder import RunFolder, run_named
from .limits import EVERY, MOST_EVENTS, SIGN_OF_LIFE

MOST_FOLLOWED = 16


def places(home: Path, asked: str, last: str) -> dict[RunFolder, int]:
    """Find the runs that a page follows, and the place in each from which on it has not heard.

    asked: "a1b2c3d4e5f6,..."; last: the id of the last event that it got, "a1b2c3d4e5f6:120,...".
    """
    known = {name: int(at) for name, at in re.findall(r"([0-9a-f]{12}):(\d{1,15})", last)}
    names = list(dict.fromkeys(filter(None, asked.split(","))))
    if not names or len(names) > MOST_FOLLOWED:
        raise ArgumentError(f"a page follows 1 to {MOST_FOLLOWED} runs, got {len(names)}")
    return {run_named(home, name): known.get(name, 0) for name in names}


async def events(at: dict[RunFolder, int], ends: Callable[[], bool] = lambda: False) -> AsyncIterator[bytes]:
    """Write what happens as server-sent events, several in a message where they come fast, until the server ends."""
    yield b"retry: 500\n\n"
    told = time.monotonic()
    while not ends():
        for run, offset in at.items():
            found, at[run] = await asyncio.to_thread(run.events, offset, MOST_EVENTS)
            if found:
                place = ",".join(f"{one.name}:{where}" for one, where in at.items())
                yield _message(place, {"run": run.name, "events": found, "first": offset == 0})
                told = time.monotonic()
        if time.monotonic() - told > SIGN_OF_LIFE:
            yield b": here\n\n"
            told = time.monotonic()
        await asyncio.sleep(EVERY)


def _message(place: str, data: Any) -> bytes:
    return f"id: {place}\ndata: {json.dumps(data)}\n\n".encode()


__all__ = ["CutawayError", "events", "places"]
