"""explain: where a single number of a traced step comes from.

    print(t.explain("layer1.weight", 3, 2))                  ∂J/∂w: input times δ, over the samples, and every path to J
    print(t.explain("layer1.z", 17, 3))                      a value: the weighted sum that made it
    print(t.explain("layer1.z", 17, 3, of="gradient"))       δ: through which numbers it reaches J
    print(t.explain("layer1.weight", 3, 2, of="update"))     the optimizer's step in parts

It reads the trace's arrays and the operations' own rules, and knows no formula besides theirs.
"""

from __future__ import annotations

import re
from typing import Any

from ...errors import ArgumentError
from ..traces.record import Record
from .gradient import GradientExplainer
from .symbols import indexed
from .update import explain_update
from .value import ValueExplainer

KINDS = ("gradient", "value", "update")


def explain(trace: Record, name: str, *index: int, of: str | None = None, check: bool = True) -> Any:
    """See `Trace.explain`."""
    if of is not None and of not in KINDS:
        raise ArgumentError(f'of must be "gradient", "value" or "update", got {of!r}')
    name, index = _timed(trace, name, index)
    known = trace.name(name)
    if known in trace.vectors:
        raise ArgumentError(f"{known} is a whole vector: explain one of its parts, such as "
                            f"{trace.vectors[known][0]!r}")
    if of is None:
        of = "gradient" if known in trace.parameters else "value"
    if of == "update":
        return explain_update(trace, known, *index)
    place = indexed(trace, known, index)
    if of == "gradient":
        known, place = trace.whole(known, place)
        return GradientExplainer(trace).of(known, place, check)
    return ValueExplainer(trace).of(known, place)


def _timed(trace: Record, name: str, index: tuple[int, ...]) -> tuple[str, tuple[int, ...]]:
    """Put a time step among the indices: layer1.lstm.y[5], 3, 0 is layer1.lstm.y, 3, 5, 0."""
    match = re.fullmatch(r"(.+)\[(-?\d+)\]", str(name))
    if match and name not in trace.facts and index:
        trace._timed(name, trace._during)  # which says what is wrong with a time step
        return match[1], (index[0], int(match[2]), *index[1:])
    return name, index
