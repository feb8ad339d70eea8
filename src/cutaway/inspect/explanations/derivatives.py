"""Local derivatives: how far each number that an instruction wrote depends on each number that it read.

Everything comes from the operation's own rule: its backward applied to unit vectors, its forward where that is linear,
on the arrays of a trace in double precision. `edges` gives them for one instruction, as sparse as they are.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from ...errors import ArgumentError
from ...rules import OPS, facts
from ...rules.convolution import by_group, in_windows
from ...rules.namespace import NUMPY
from ...rules.shape import sum_back
from ..traces.record import Record, TracedInstruction
from .edges import Edges, array, factor
from .scan_derivatives import scan_edges, sums_name

CHUNK = 2**22  # numbers of a batch of unit vectors


def differentiable(trace: Record) -> list[TracedInstruction]:
    """Find the instructions of the forward pass and the loss that have a derivative, in order."""
    return [i for i in trace.instructions if i.phase in ("forward", "loss") and i.op in OPS
            and OPS[i.op].backward is not None]


def edges(trace: Record, i: TracedInstruction, reached: dict[str, np.ndarray], rows: np.ndarray,
          direct: bool = False) -> Iterator[Edges]:
    """Compute derivatives of what an instruction wrote by the numbers that `reached` marks (flat, by value's name).

    rows: of what has samples, only these. direct: no further than one step inside a scan.
    """
    if facts(i.op).sums:
        yield from scan_edges(trace, i, reached, rows, direct)
        return
    for operand, source in i.operands.items():
        if source in reached and trace[source].dtype.kind == "f":
            for e in _by(trace, i, operand, reached[source], rows):
                kept = reached[source][e.by] & (e.d != 0)
                if kept.any():
                    yield e.where(kept)


def rows_of(trace: Record, name: str, places: np.ndarray) -> np.ndarray:
    """Find the sample that each place of a flat array belongs to; -1 where a value has no samples."""
    v = trace.facts[name]
    if not v.rows:
        return np.full(len(places), -1)
    return places // (math.prod(v.shape) // len(trace.about.rows))


def unit_backward(trace: Record, i: TracedInstruction, target: str, place: int) -> dict[str, np.ndarray]:
    """Compute how one number that an instruction wrote depends on each number read, by the names of its operands."""
    unit = [np.zeros(trace[i.results[o]].shape) for o in OPS[i.op].differentiable]
    which = [i.results[o] for o in OPS[i.op].differentiable].index(target)
    unit[which].flat[place] = 1
    return {k: a for k, a in _backward(trace, i, *unit).items() if a is not None and k in i.operands}


def settings(trace: Record, i: TracedInstruction) -> dict[str, Any]:
    """Collect an instruction's settings as its rule takes them."""
    if "key" in i.settings:  # it may hold slices, which a trace keeps as text only
        if trace.origin is None:
            raise ArgumentError("this trace came from a file, which does not say what `index` picks: trace it again")
        return {"key": i.key}
    return {k: _tuples(v) for k, v in i.settings.items()}


def _tuples(value: Any) -> Any:
    return tuple(_tuples(v) for v in value) if isinstance(value, list) else value


def _by(trace: Record, i: TracedInstruction, operand: str, reached: np.ndarray, rows: np.ndarray) -> Iterator[Edges]:
    rule, source = OPS[i.op], i.operands[operand]
    target = i.results[rule.differentiable[0]]
    has_rows = trace.facts[source].rows > 0

    def edge(to: np.ndarray, by: np.ndarray, d: np.ndarray, target: str = target) -> Edges:
        to, by, d = np.broadcast_arrays(to, by, d)
        to, by, d = to.ravel(), by.ravel(), d.ravel()
        e = Edges(source, target, to, by, d, i.op, operand)
        for name, places in ((source, by), (target, to)):
            if trace.facts[name].rows:
                inside = np.isin(rows_of(trace, name, places), rows)
                if not inside.all():
                    return edge(to[inside], by[inside], d[inside], target)
        return e

    if rule.kind == "elementwise" or rule.passes:  # from the number at the same place
        shape = trace[target].shape
        by = np.broadcast_to(_places(trace[source].shape), shape)
        yield edge(_places(shape), by, _backward(trace, i, np.ones(shape))[operand])
    elif rule.moves:
        yield edge(*_moved(trace, i, operand))
    elif rule.reduces:  # each number goes into one
        to = sum_back(_places(trace[target].shape), trace[source].shape, **settings(trace, i))
        yield edge(to, _places(trace[source].shape), _backward(trace, i, np.ones(trace[target].shape))["x"])
    elif not trace[target].shape:  # all of them into the one
        yield edge(np.zeros(1, int), _places(trace[source].shape), _backward(trace, i, np.ones(()))[operand])
    elif rule.reduces_batch and not trace.facts[target].rows:  # each into the statistics of its column
        places = _places(trace[source].shape)
        for o in rule.differentiable:
            units = (np.full(trace[i.results[name]].shape, float(name == o)) for name in rule.differentiable)
            d = _backward(trace, i, *units)[operand]
            yield edge(places % d.shape[-1], places, d, i.results[o])
    elif rule.reduces_batch and rule.inputs != (operand,):
        shape = trace[target].shape
        by = _places(shape) if operand == rule.inputs[0] else _places(shape) % shape[-1]
        yield edge(_places(shape), by, _every_number_by_itself(trace, i)[operand])
    elif rule.linear_with(operand) and (not has_rows or rule.reduces_batch or operand in ("W", "b")):
        for place in np.flatnonzero(reached):
            d = _by_one_number(trace, i, operand, int(place))
            to = np.flatnonzero(d)
            yield edge(to, np.full(len(to), place), d.ravel()[to])
    elif rule.units == "neuron":
        W = factor(trace, i, "W")
        by = np.flatnonzero(reached)
        by = by[np.isin(rows_of(trace, source, by), rows)]
        at, k = np.divmod(by, W.shape[1])
        yield edge(at[:, None] * W.shape[0] + np.arange(W.shape[0]), by[:, None], W[:, k].T)
    elif rule.windows:
        yield from (edge(*e) for e in _by_windows(trace, i, reached, rows))
    elif has_rows:
        yield from (edge(*e) for e in _by_samples(trace, i, operand, rows))
    else:
        raise ArgumentError(f"{i.op} has no derivative by {operand} ({source}) that could be taken apart")


def _places(shape: tuple[int, ...]) -> np.ndarray:
    return np.arange(math.prod(shape)).reshape(shape)


def _arguments(trace: Record, i: TracedInstruction) -> dict[str, Any]:
    """Collect the arrays that a backward rule may name besides gradients, by the rule's names."""
    rule = OPS[i.op]
    results = {name: array(trace, value) for name, value in i.results.items()}
    if rule.variadic:
        return {rule.inputs[0]: tuple(array(trace, value) for value in i.operands.values())} | results
    return {name: factor(trace, i, name) if name in i.operands else None for name in rule.inputs} | results


def _call_backward(i: TracedInstruction, given: tuple, known: dict[str, Any], own: dict[str, Any]) -> dict[str, Any]:
    """Call the backward rule on arrays by name; give what it returns for each input, by the input's name."""
    rule = OPS[i.op]
    got = rule.call_backward(known, dict(zip(rule.differentiable, given, strict=True)), own)
    return dict(zip(i.operands if rule.variadic else rule.inputs, got, strict=False))


def _backward(trace: Record, i: TracedInstruction, *given: np.ndarray) -> dict[str, Any]:
    """Call the backward rule on the whole batch; give what it returns for each input."""
    return _call_backward(i, given, _arguments(trace, i), settings(trace, i))


def _moved(trace: Record, i: TracedInstruction, operand: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Follow an operation that only moves numbers: its forward rule moves their places instead."""
    given = {name: np.zeros(trace[value].shape) for name, value in i.operands.items()}
    given[operand] = 1.0 + _places(given[operand].shape)
    moved = OPS[i.op].forward(*given.values(), **settings(trace, i))
    to = np.flatnonzero(moved)
    return to, moved.ravel()[to].astype(int) - 1, np.ones(len(to))


def _by_one_number(trace: Record, i: TracedInstruction, operand: str, k: int) -> np.ndarray:
    """Compute the derivative by one number of an operand of a linear operation: run it forward with 1 there, else 0."""
    rule, known = OPS[i.op], _arguments(trace, i)
    for other in rule.linear_with(operand):
        if known[other] is not None:
            known[other] = np.zeros_like(known[other])
    unit = np.zeros_like(known[operand])
    unit.flat[k] = 1
    known[operand] = unit
    out = rule.forward(*(known[name] for name in rule.inputs), **settings(trace, i))
    return out[0] if isinstance(out, tuple) else out


def _every_number_by_itself(trace: Record, i: TracedInstruction) -> dict[str, np.ndarray]:
    """Call batch norm's backward with each number in a column of its own, so that nothing mixes."""
    known = _arguments(trace, i)
    shape = known["x"].shape
    known = {k: np.broadcast_to(a, shape).reshape(1, -1) if k in ("x", "y") else np.broadcast_to(a, shape).ravel()
             for k, a in known.items()}
    got = _call_backward(i, (np.ones_like(known["x"]),), known, settings(trace, i))
    return {k: a.reshape(shape) for k, a in got.items()}


def _by_samples(trace: Record, i: TracedInstruction, operand: str, rows: np.ndarray) -> Iterator[tuple]:
    """Take apart an operation that treats samples one by one: repeat a sample, with a unit vector for each output."""
    rule, n = OPS[i.op], len(trace.about.rows)
    known, own = _arguments(trace, i), settings(trace, i)
    names = i.operands | i.results
    per = {k: trace.facts[names[k]].rows for k in names}
    out = rule.differentiable[0]
    m, width = trace[i.results[out]].size // n, trace[i.operands[operand]].size // n
    if m == 1:  # a loss: no sample has anything to do with another's
        d = _backward(trace, i, np.ones(trace[i.results[out]].shape))[operand].reshape(n, width)
        yield rows[:, None], np.arange(n * width).reshape(n, width)[rows], d[rows]
        return
    for s in rows:
        for start in range(0, m, step := max(1, CHUNK // max(width, m))):
            units = np.arange(start, min(start + step, m))
            some = {k: a if a is None or not per.get(k) else _again(a, s, per[k], len(units)) for k, a in known.items()}
            unit = np.zeros((len(units), m))
            unit[np.arange(len(units)), units] = 1
            shape = known[out].shape
            given = [unit.reshape(len(units) * per[out], *shape[1:]) if o == out else
                     np.zeros((len(units) * per[o], *known[o].shape[1:])) for o in rule.differentiable]
            d = _call_backward(i, tuple(given), some, own)[operand].reshape(len(units), width)
            to, by = np.nonzero(d)
            yield s * m + units[to], s * width + by, d[to, by]


def _by_windows(trace: Record, i: TracedInstruction, reached: np.ndarray, rows: np.ndarray) -> Iterator[tuple]:
    """Take apart convolution or pooling by its input: the input's places move into windows instead of its numbers."""
    own, x = settings(trace, i), trace[i.operands["x"]]
    places = (1.0 + np.arange(x.size)).reshape(x.shape)[rows]
    marked = np.where(reached.reshape(x.shape)[rows], places, 0)
    rule, result = OPS[i.op], trace[i.results[OPS[i.op].outputs[0]]]
    out = np.arange(result.size).reshape(result.shape)[rows]
    if rule.units:
        W = factor(trace, i, "W")
        groups, filters = own["groups"], W.shape[0] // own["groups"]
        seen = NUMPY.patches(marked, W.shape[1:-1], own["stride"], own["padding"], own["dilation"], 0)
        seen = by_group(seen, out.shape[1:-1], groups)  # (groups, places of all samples, window and channels)
        to = out.reshape(-1, groups, filters)
        weights = W.reshape(groups, filters, -1)
        for g in range(groups):
            at, offset = np.nonzero(seen[g])
            by = seen[g, at, offset].astype(int)[:, None] - 1
            yield to[at, g], by, weights[g][:, offset].T
        return
    seen = in_windows(marked, own["window"], own["stride"], own["padding"], 0)  # (n, *places, window, channels)
    to = np.broadcast_to(np.expand_dims(out, -2), seen.shape)
    if rule.linear_with("x"):
        chosen = seen > 0
        yield to[chosen], seen[chosen].astype(int) - 1, 1 / seen.shape[-2]
        return
    numbers = in_windows(array(trace, i.operands["x"])[rows], own["window"], own["stride"], own["padding"], -np.inf)
    won = np.expand_dims(numbers.argmax(-2), -2)
    by = np.take_along_axis(seen, won, -2)
    to = np.take_along_axis(to, won, -2)
    yield to[by > 0], by[by > 0].astype(int) - 1, 1.0


def _again(a: np.ndarray, sample: int, per: int, times: int) -> np.ndarray:
    own = a[sample * per : (sample + 1) * per]
    return np.concatenate([own] * times) if times > 1 else own


def sources(trace: Record) -> dict[str, TracedInstruction]:
    """Find the instruction of the forward pass that wrote each value; a scan also its sums."""
    found: dict[str, TracedInstruction] = {}
    for i in trace.instructions:
        if i.phase in ("forward", "loss"):
            found |= {name: i for name in i.results.values()}
            if facts(i.op).sums:
                found[sums_name(i)] = i
    return found
