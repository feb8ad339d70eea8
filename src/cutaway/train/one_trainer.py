"""A model is trained by one thread at a time: two would mix their steps, and neither run could be told or repeated."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from ..errors import TrainingError

_trained: dict[int, int] = {}  # the thread that trains each parameter, by id


@contextmanager
def one_trainer(model: Any) -> Iterator[None]:
    """Refuse a model of which another thread is training a parameter; keep others away while the block runs."""
    me, mine = threading.get_ident(), []
    try:
        for p in model.parameters():
            if _trained.get(id(p)) == me:  # a run within a run
                continue
            if _trained.setdefault(id(p), me) != me:
                raise TrainingError(
                    "another thread is training this model: give each a model of its own, copy.deepcopy(model), or "
                    "train them all with ct.fit_many"
                )
            mine.append(id(p))
        yield
    finally:
        for key in mine:
            _trained.pop(key, None)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_trained.clear)  # the threads that trained are not in a forked child
