"""A traced network as columns of units, from its inputs to its output: what the page draws."""

from __future__ import annotations

from itertools import groupby
from typing import Any

from ..inspect.traces.record import TracedInstruction
from ..inspect.traces.trace import Trace
from ..program import gradient_name
from ..rules import facts

SHAPED = ("reshape", "masked")  # the same numbers in another form


def columns(trace: Trace) -> list[dict[str, Any]]:
    """Make a column for each input, then one for each layer in the order in which they ran.

    label, about: its name, and the operations in it. units: how many neurons, channels or states. values: what it
    computed for each unit, in order; gradients: theirs. sources: numbers of the columns it reads. weights: the matrix
    (units, units of the column `source`) where there is one.
    """
    found: list[dict[str, Any]] = []
    home: dict[str, int] = {}  # the column of each value
    for v in trace.facts.values():
        if v.role == "input" and v.rows and v.shape[1:]:
            home[v.name] = len(found)
            found.append(_column(v.name, "input", v.shape[-1], [v.name], trace))
    forward = [i for i in trace.instructions if i.phase == "forward" and not i.backward]
    for layer, group in groupby(forward, key=lambda i: i.layer):
        steps = list(group)
        outputs = [name for i in steps if i.op not in SHAPED for name in i.results.values() if _has_units(trace, name)]
        sources = sorted({home[name] for i in steps for name in i.read if name in home})
        here = len(found) if outputs else sources[-1] if sources else 0
        home |= {name: here for i in steps for name in i.written}
        if not outputs:
            continue
        main = next((i.results["y"] for i in reversed(steps) if "gates" in i.results), outputs[-1])
        units = trace.facts[main].shape[-1]
        own = [name for name in outputs if trace.facts[name].shape[-1] == units]
        column = _column(layer or main, " · ".join(i.title for i in steps if i.op not in SHAPED), units, own, trace)
        column["values"] = [name for name in own if not _within_scan(steps, name)]
        found.append(column | {"sources": sources, "weights": _weights(trace, steps, home, found, units)})
    return found


def _column(label: str, about: str, units: int, values: list[str], trace: Trace) -> dict[str, Any]:
    gradients = [name for name in map(gradient_name, values) if name in trace.facts]
    return {"label": label, "about": about, "units": units, "values": values, "gradients": gradients, "sources": [],
            "weights": None}


def _has_units(trace: Trace, name: str) -> bool:
    v = trace.facts[name]
    return bool(v.rows) and len(v.shape) > 1


def _within_scan(steps: list[TracedInstruction], name: str) -> bool:
    """Whether a value is a recurrent layer's memory, or a part of what it shows: its last state."""
    return any(i.results.get(part) == name for i in steps if "gates" in i.results for part in ("h", "c", "cells", "v"))


def _weights(trace: Trace, steps: list[TracedInstruction], home: dict[str, int], before: list[dict[str, Any]],
             units: int) -> dict[str, Any] | None:
    for i in steps:
        W, source = i.operands.get("W", ""), home.get(i.operands.get("x", ""))
        if facts(i.op).units != "neuron" or W not in trace.parameters or source is None or source >= len(before):
            continue
        if trace.parameters[W].shape == (units, before[source]["units"]):
            return {"name": W, "gradient": gradient_name(W), "source": source}
    return None
