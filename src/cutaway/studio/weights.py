"""The weights of a unit: those that its value is made with, else those that read it; and which input a number is."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..inspect import Trace
from ..inspect.explanations.derivatives import sources, unit_backward
from ..inspect.traces.record import TracedInstruction
from ..program import gradient_name
from ..rules import OPS
from .limits import MOST_WEIGHTS

#: Operations that read one row of a table of parameters.
TABLES = "lookup", "embedding"
#: Numbers of parameters: a name, and an index in each row.
Places = list[tuple[str, np.ndarray]]


def weights_of(t: Trace, column: dict[str, Any], name: str, index: tuple[int, ...], names: list[str] | None
               ) -> tuple[bool, list[dict[str, Any]]]:
    """List a unit's weights, the largest gradients first, and say whether it reads with them: others read it.

    column: of the unit (report.columns); name, index: its value. names: of the inputs, by place, where they have some.
    """
    made = _own(t, column, name, index) or _behind(t, name, index)
    if made:
        return True, _largest(t, made, lambda W, at: _origin_of(t, W, at, index[0], names))
    read = _readers(t, column, index)
    return False, _largest(t, read, lambda W, at: ", ".join(map(str, at[:-1])))


def _own(t: Trace, column: dict[str, Any], name: str, index: tuple[int, ...]) -> Places:
    """Find the rows of a layer's parameters that make a unit: of a neuron, a member's neuron, a channel or a state;
    where a layer has no matrix, its factor and shift."""
    unit, units, label = index[1:], column["units"], column["label"]
    if column["weights"]:
        W = column["weights"]["name"]
        return [(W, _rows(t, W, unit[-1:]))] if unit[-1] < t.parameters[W].shape[0] else []
    found: Places = []
    for i in t.instructions:
        if i.phase != "forward" or i.layer != label or i.op in TABLES:
            continue
        for W in dict.fromkeys(i.operands.values()):
            part = t.parameters.get(W)
            if part is None or not part.trained:
                continue
            if not i.op.startswith("member_"):  # a row of units, or of them once more for each gate
                rows = range(unit[-1], part.shape[0], units) if part.shape[0] % units == 0 else ()
                found += [(W, _rows(t, W, (k,))) for k in rows]
            elif part.shape[:2] == t[name].shape[1:]:  # W[member, unit, ...]
                found.append((W, _rows(t, W, unit)))
    return [one for one in found if len(t.parameters[one[0]].shape) > 1] or found


def _rows(t: Trace, W: str, lead: tuple[int, ...]) -> np.ndarray:
    """The indices of all numbers of a parameter that begin with `lead`."""
    rest = t.parameters[W].shape[len(lead):]
    return np.array([(*lead, *k) for k in np.ndindex(rest)], int).reshape(-1, len(lead) + len(rest))


def _behind(t: Trace, name: str, index: tuple[int, ...]) -> Places:
    """Find the weights behind a number that was only moved: a place in a table that is looked up, or another unit's."""
    i = sources(t).get(name)
    if i is None or i.phase != "forward" or not (OPS[i.op].moves or i.op in TABLES):
        return []
    for operand, d in unit_backward(t, i, name, int(np.ravel_multi_index(index, t[name].shape))).items():
        own, places = i.operands[operand], np.argwhere(d)
        if len(places) and own in t.parameters:
            return [(own, places)] if t.parameters[own].trained else []
        if len(places):
            at = tuple(map(int, places[0]))
            return _made(t, own, at) or _behind(t, own, at)
    return []


def _made(t: Trace, name: str, index: tuple[int, ...]) -> Places:
    """Find a neuron's row of weights."""
    i = sources(t).get(name)
    if i is None or OPS[i.op].units != "neuron" or i.operands["W"] not in t.parameters:
        return []
    return [(i.operands["W"], _rows(t, i.operands["W"], index[-1:]))]


def _readers(t: Trace, column: dict[str, Any], index: tuple[int, ...]) -> Places:
    """Find the weights by which a unit is multiplied where it is read: those whose last index counts its units."""
    found: Places = []
    for i in t.instructions:
        if i.phase != "forward" or not (OPS[i.op].units or i.op.startswith("member_")):
            continue
        for W in i.operands.values() if i.operands.get("x") in column["values"] else ():
            part = t.parameters.get(W)
            if part is not None and part.trained and len(part.shape) > 1 and part.shape[-1] == column["units"]:
                found.append((W, np.array([(*k, index[-1]) for k in np.ndindex(part.shape[:-1])])))
    return found


def _largest(t: Trace, found: Places, words: Any) -> list[dict[str, Any]]:
    """Describe weights, the largest gradients first; without a gradient, the largest weights."""
    listed = []
    for W, places in found:
        values = t[W][tuple(places.T)]
        gradients = t.grad(W)[tuple(places.T)] if t.keeps(gradient_name(W)) else None
        size = np.abs(values if gradients is None else gradients)
        for k in np.argsort(-size, kind="stable")[:MOST_WEIGHTS].tolist():
            listed.append((-float(size[k]), W, places[k].tolist(), float(values[k]),
                           None if gradients is None else float(gradients[k])))
    some = sorted(listed, key=lambda one: one[0])[:MOST_WEIGHTS]
    return [{"name": W, "index": at, "from": words(W, at), "value": value, "gradient": gradient}
            for _, W, at, value, gradient in some]


# ---- which input a number is -----------------------------------------------------------------------------------------


def _origin_of(t: Trace, W: str, at: list[int], row: int, names: list[str] | None) -> str:
    """Say what a weight reads: the input's name where it has one, else the unit's number in the layer before."""
    plain = ", ".join(map(str, at[1:]))
    for i in t.instructions:
        if i.phase != "forward" or W not in i.operands.values() or len(at) == 1:
            continue
        if i.op == "lookup" and names:
            return names[i.settings["column"]]
        if i.op == "member_linear":
            return str(at[-1])
        if names and (i.op == "member_inputs" or OPS[i.op].units == "neuron"):
            x = i.operands["x"]
            between = (0,) * (t[x].ndim - 2)  # of which member is no matter: they are given the same inputs
            return input_name(t, x, (row, *between, at[-1]), names) or plain
    return plain


def input_name(t: Trace, name: str, index: tuple[int, ...], names: list[str]) -> str:
    """Find the input that a number is, or stands for, by way of what only moves, looks up or scales it; "" if none."""
    i: TracedInstruction | None
    while (i := sources(t).get(name)) is not None:
        if i.op == "piecewise":
            return names[int(t[i.operands["i"]][index[-1]])]
        if i.op == "lookup":
            return names[i.settings["column"]]
        if i.op == "member_inputs":
            name, index = i.operands["x"], (index[0], index[-1])
            continue
        if not OPS[i.op].moves:
            return ""
        back = unit_backward(t, i, name, int(np.ravel_multi_index(index, t[name].shape)))
        places = [(i.operands[operand], at) for operand, d in back.items() for at in np.argwhere(d)[:1].tolist()]
        if not places:
            return ""
        name, index = places[0][0], tuple(places[0][1])
    return names[index[-1]] if name == "x" else ""
