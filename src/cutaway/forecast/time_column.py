"""Which column says when the rows of a table are, where nobody names one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from ..data.timeline import moments, steps
from ..errors import DataError
from .panel import Roles, as_frame, framed

#: Numbers that rise are times where so large a share of the rows is one step from the row before.
STEADY = 0.9


def timed(data: Any, target: str | None, time: str | None, id: str | None, others: Sequence[str]
          ) -> tuple[Any, Roles, list[str]]:
    """The frame of what is given, what its columns are, and a note where the column of times was found, not named.

    others: columns that were said to be something else. Of several columns of dates the first one is taken.
    """
    frame, roles = framed(data, target, time, id)
    frame = as_frame(frame, roles)
    if roles.time is not None or not len(frame):
        return frame, roles, []
    left = [name for name in frame.columns if name not in (*roles.used, *others)]
    for says, what in ((_dates, "the first column of dates"), (_rises, "which rises by one step from row to row")):
        for name in left:
            if says(frame, name, roles):
                return frame, replace(roles, time=name), [f"times are those of {name!r}, {what}: name another column "
                                                          "if they are not"]
    return frame, roles, []


def _dates(frame: Any, name: str, roles: Roles) -> bool:
    """Whether every cell of a column is a date."""
    if frame[name].dtype.kind in "bfc":
        return False
    try:
        return moments(frame[name], name).dates is not None
    except DataError:
        return False


def _rises(frame: Any, name: str, roles: Roles) -> bool:
    """Whether a column holds numbers that rise within each series, nearly always by one step."""
    import pandas as pd

    if frame[name].dtype.kind not in "iuf" or not np.isfinite(frame[name].to_numpy(np.float64)).all():
        return False
    whose = np.zeros(len(frame), np.int64) if roles.id is None else pd.factorize(frame[roles.id])[0]
    order = np.argsort(whose, kind="stable")
    when, together = moments(frame[name], name)[order], np.diff(whose[order]) == 0
    if not together.any() or not (np.diff(when.order)[together] > 0).all():
        return False
    found = steps(when, together)
    return bool(found.every) and float((found.apart[together] == 1).mean()) >= STEADY
