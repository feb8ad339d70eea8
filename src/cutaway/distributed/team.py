"""The processes that train one model together: who they are, what they tell each other, and what all must agree on."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from ..errors import ArgumentError, CutawayError, TrainingError
from ..text import joined
from .watch import Lookout

LOOK = 0.02  # seconds between two looks at what others have told


class Alone:
    """One process that trains by itself: there is nobody to ask."""

    rank, processes = 0, 1

    def compare(self, what: str, parts: Callable[[], dict[str, Any]]) -> None:
        pass

    def highest(self, number: int) -> tuple[int, int]:
        return number, 0

    def rows_of_all(self, rows: np.ndarray) -> np.ndarray:
        return rows

    def of_first(self, compute: Callable[[], np.ndarray]) -> np.ndarray:
        return compute()

    @contextmanager
    def busy(self) -> Iterator[None]:
        yield

    @contextmanager
    def together(self, doing: str) -> Iterator[None]:
        yield


class Team(Alone):
    """All processes that `start` has joined. Every method but those of Lookout is called by all, in the same order."""

    def __init__(self, rank: int, processes: int, watch: Lookout) -> None:
        self.rank, self.processes, self.watch = rank, processes, watch
        self._compared = 0

    def compare(self, what: str, parts: Callable[[], dict[str, Any]]) -> None:
        """Refuse to go on where processes differ. parts: gives texts or numbers, by what they are called.

        Raises ArgumentError, on every process, that names what differs and who has what.
        """
        self._compared += 1
        store, place = self.watch.store, f"cutaway/compared/{self._compared}"
        store.put(f"{place}/{self.rank}", json.dumps({name: str(part) for name, part in parts().items()}))
        while len(told := store.folder(place)) < self.processes:
            self.watch.refuse_lost()
            time.sleep(LOOK)
        every = [json.loads(told[str(rank)]) for rank in range(self.processes)]
        differ = [name for name in dict.fromkeys(n for one in every for n in one)
                  if len({one.get(name) for one in every}) > 1]
        if differ:
            self._all_have_read(place)
            said = "; ".join(f"{name}: " + ", ".join(_who(every, name)) for name in differ)
            raise ArgumentError(f"the processes do not agree on {what}, so none of them begins. {said}. Run the same "
                                "script with the same arguments on the same data in each")

    def _all_have_read(self, place: str) -> None:
        """Wait until all have read what differs: the first process keeps the words, and may end before the others."""
        self.watch.store.put(f"{place} read/{self.rank}", "")
        end = time.monotonic() + 5
        while len(self.watch.store.folder(f"{place} read")) < self.processes and time.monotonic() < end:
            time.sleep(LOOK)

    def gathered(self, numbers: np.ndarray) -> np.ndarray:
        """Gather an array of every process, byte by byte: (processes, *shape)."""
        from jax.experimental.multihost_utils import process_allgather

        own = np.ascontiguousarray(numbers)
        with self.watch.meeting():
            found = np.asarray(process_allgather(np.frombuffer(own.tobytes(), np.uint8)))
        return found.reshape(self.processes, -1).copy().view(own.dtype).reshape(self.processes, *own.shape)

    def rows_of_all(self, rows: np.ndarray) -> np.ndarray:
        """Put together the rows of all processes, which have different numbers of them, in the order of ranks."""
        counts = self.gathered(np.array([len(rows)]))[:, 0]
        filled = np.zeros((counts.max(), *rows.shape[1:]), rows.dtype)
        filled[:len(rows)] = rows
        return np.concatenate([part[:n] for part, n in zip(self.gathered(filled), counts, strict=True)])

    def highest(self, number: int) -> tuple[int, int]:
        """Ask all for a number: give the highest, and the first process that has it."""
        every = self.gathered(np.array([number], np.int64))[:, 0]
        return int(every.max()), int(every.argmax())

    def of_first(self, compute: Callable[[], np.ndarray]) -> np.ndarray:
        """Let the first process compute numbers, which all then have; the others wait."""
        with self.busy():
            numbers = compute() if self.rank == 0 else None
        size = self.highest(0 if numbers is None else numbers.size)[0]
        return self.gathered(np.zeros(size) if numbers is None else numbers.astype(np.float64))[0]

    def busy(self) -> Any:
        return self.watch.busy()

    @contextmanager
    def together(self, doing: str) -> Iterator[None]:
        """Lookout over the others while all do the same. Raises TrainingError that names a process that was lost."""
        with self.watch.watching(doing):
            try:
                yield
            except Exception as error:
                lost = "" if isinstance(error, CutawayError) else self.watch.who_is_lost(error)
                self.watch.leave(f"{type(error).__name__}: {error}")
                if lost:
                    raise TrainingError(lost) from error
                raise
            except BaseException:
                self.watch.leave("it was interrupted")
                raise


ALONE = Alone()
_team: Team | None = None


def current() -> Team | None:
    """The team that this process belongs to; None where `start` was not called."""
    return _team


def join(team: Team) -> None:
    global _team
    _team = team


def rank() -> int:
    """The number of this process among those that train together, from 0; 0 where there is one."""
    return 0 if _team is None else _team.rank


def processes() -> int:
    """How many processes train together: 1 before `start` was called."""
    return 1 if _team is None else _team.processes


def _who(every: list[dict[str, str]], name: str) -> Iterator[str]:
    """Write who has what: "rank 0 has 1, ranks 1 and 2 have 2"."""
    for value in dict.fromkeys(one.get(name, "none") for one in every):
        ranks = [str(rank) for rank, one in enumerate(every) if one.get(name, "none") == value]
        yield f"rank{'s' * (len(ranks) > 1)} {joined(ranks)} {'have' if len(ranks) > 1 else 'has'} {value}"
