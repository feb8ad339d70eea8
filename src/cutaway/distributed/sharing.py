"""ct.distributed.shared: what one process makes, and all have."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from typing import Any

import numpy as np

from .team import current


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
        filled = np.zeros(team.highest(len(made))[0], np.uint8)
        filled[:len(made)] = np.frombuffer(made, np.uint8)
        return pickle.loads(team.gathered(filled)[0].tobytes())
