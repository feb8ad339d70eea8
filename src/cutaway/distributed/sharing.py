"""What one process makes and all have (ct.distributed.shared), and what each has, for all (gathered)."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from typing import Any

import numpy as np

from .team import Team, current


def shared(make: Callable[[], Any]) -> Any:
    """Call a function on the first process alone, and give what it returns to all: an encoder fitted once, a split.

    All processes call this, in the same order. What comes back is a copy, by pickle. Before `start` it is the
    function's own. Raises TrainingError on the others where the function raises on the first.

    >>> import cutaway as ct
    >>> ct.distributed.shared(lambda: [1, 2])
    [1, 2]
    """
    team = current()
    if team is None or team.processes == 1:
        return make()
    with team.together("sharing what the first process makes"):
        with team.busy():
            made = pickle.dumps(make()) if team.rank == 0 else b""
        return pickle.loads(_filled_up(team, made)[0].tobytes())


def gathered(value: Any) -> list[Any]:
    """Give what each process has, to all, in the order of ranks: some of its rows, the categories that it has seen.

    All processes call this, in the same order. What comes back are copies, by pickle. Before `start` it is this value
    alone.

    >>> import cutaway as ct
    >>> ct.distributed.gathered({"red", "blue"}) == [{"red", "blue"}]
    True
    """
    team = current()
    if team is None or team.processes == 1:
        return [value]
    with team.together("gathering what each process has"):
        return [pickle.loads(one.tobytes()) for one in _filled_up(team, pickle.dumps(value))]


def _filled_up(team: Team, own: bytes) -> np.ndarray:
    """The bytes of all processes, filled up with zeros, of which pickle needs to know nothing: (processes, longest)."""
    filled = np.zeros(team.highest(len(own))[0], np.uint8)
    filled[:len(own)] = np.frombuffer(own, np.uint8)
    return team.gathered(filled)
