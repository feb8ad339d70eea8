"""Whether threads can share an operation by rows of the batch: a result's rows come from the operands' same rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ..rules import Op
from .instruction import Rows, Value

SAMPLES, SHARED = 3, -1


def keeps_rows_apart(rule: Op, inputs: Sequence[Value | None], outputs: Sequence[Value],
                     settings: Mapping[str, Any]) -> bool:
    """Whether every row of the results is made of the same sample's rows alone, and of what has no samples."""
    if not all(v.rows for v in outputs):
        return False
    if rule.shared and any(v is not None and v.rows for name, v in zip(rule.inputs, inputs, strict=True)
                           if name in rule.shared):
        return False
    if rule.reduces_batch:
        return _keeps_the_first_axis(inputs[0], settings.get("axis"))
    if rule.moves and rule.kind != "view":
        return _stays_with_its_sample(rule, inputs, outputs, settings)
    return True


def _keeps_the_first_axis(x: Value | None, axis: Any) -> bool:
    if x is None or axis is None:
        return False
    ndim = max(len(x.shape) + (x.rows > 0), 1)
    return 0 not in [k % ndim for k in (axis if isinstance(axis, tuple) else (axis,))]


def _stays_with_its_sample(rule: Op, inputs: Sequence[Value | None], outputs: Sequence[Value],
                           settings: Mapping[str, Any]) -> bool:
    """Move the samples' numbers in place of what they hold, and see where each of them comes to lie."""
    given = [None if v is None else np.broadcast_to(_samples(v), v.shape_at(SAMPLES)) for v in inputs]
    try:
        made = rule.forward(*given, **{name: _resolved(value) for name, value in settings.items()})
    except (IndexError, ValueError, TypeError, OverflowError, MemoryError):  # as the rule will say when it runs
        return False
    return all(bool(((there == SHARED) | (there == _samples(v))).all())
               for there, v in zip(made if isinstance(made, tuple) else (made,), outputs, strict=True))


def _samples(v: Value) -> np.ndarray:
    """Give the number of the sample that each row of a value belongs to."""
    if not v.rows:
        return np.full((1,) * len(v.shape), SHARED, np.int8)
    return np.repeat(np.arange(SAMPLES, dtype=np.int8), v.rows).reshape(-1, *(1,) * len(v.shape))


def _resolved(setting: Any) -> Any:
    if isinstance(setting, tuple):
        return tuple(map(_resolved, setting))
    return setting.per_sample * SAMPLES if isinstance(setting, Rows) else setting
