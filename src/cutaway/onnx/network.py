"""A network as nodes: its evaluation, recorded as a program's listing, written instruction by instruction."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ..engines.compile import example_input
from ..errors import ArgumentError, CutawayError
from ..named_inputs import NamedInputs
from ..program import Instruction, Listing, Rows, Value, evaluation, trace_model
from ..sequences import Sequences
from .graph import OnnxArray, OnnxGraph
from .operations import Site, written

#: Instructions of an evaluation that move rows between the data and the program: a graph's inputs and outputs.
MOVES = ("batch", "gather", "store")


@dataclass
class Evaluation:
    """What a network does, and which sizes besides the rows are open: time steps, where any number of them will do."""

    listing: Listing
    arrays: dict[str, np.ndarray]
    open: dict[int, set[int]]

    @classmethod
    def of(cls, model: Any, example: Any) -> Evaluation:
        """Record a network on an example (a row or more), and on one of other time steps if it takes that."""
        if example is None:
            try:
                example = example_input(model)
            except CutawayError as reason:
                raise ArgumentError(
                    f"the input that this {type(model).__name__} takes is not known from its first layer ({reason}): "
                    "pass ct.export(..., input=), a row or two of data") from None
        X = NamedInputs.of(example)
        listing = evaluation(trace_model(model, None, X))
        tensors = [*model.named_parameters(), *model.named_buffers()]
        found = cls(listing, {name: t.data for name, t in tensors}, {})
        longer = X.each(_longer)
        if any(a is not b for a, b in zip(X.parts.values(), longer.parts.values(), strict=True)):
            try:
                other = evaluation(trace_model(model, None, longer))
            except CutawayError:  # it takes this number of steps alone
                return found
            found.open = _open(listing, other)
        return found

    def shape(self, v: Value) -> tuple[int | None, ...]:
        """The shape of a value, None for the sizes that are open."""
        sizes = self.open.get(id(v), set())
        rows: tuple[None, ...] = (None,) if v.rows else ()
        return rows + tuple(None if k in sizes else size for k, size in enumerate(v.shape))

    def write(self, g: OnnxGraph, inputs: dict[str, OnnxArray]) -> OnnxArray:
        """Write the nodes: give the raw outputs. inputs: the graph's arrays by the names of the listing's inputs."""
        known = {id(v): inputs[v.name] for v in self.listing.inputs}
        sources: dict[str, tuple[str, list[Any]]] = {}

        def array(v: Any) -> OnnxArray | None:
            if v is None:
                return None
            if id(v) not in known:
                if v.role not in ("parameter", "buffer", "constant"):
                    raise ArgumentError(f"{g.scope}: {v.name} is computed in training, and an ONNX file has no place "
                                        "for it")
                known[id(v)] = self._fixed(g, v)
            return known[id(v)]

        for i in self.listing.instructions:
            if i.op in MOVES:
                continue
            g.scope = i.layer
            values = [v for a in i.arguments for v in (a if isinstance(a, tuple) else (a,))]
            given = [array(v) for v in values]
            one = next((v for v in values if v is not None), None)
            place = Site(g, [self.shape(v) for v in i.written], one is not None and one.rows == i.written[0].rows,
                          sources)
            made = written(i.op, place, given, _settings(i))
            for v, a in zip(i.written, made, strict=False):
                if a.name not in g.constants and not any(a is x for x in given):
                    g.renamed(a, v.name)
                known[id(v)] = a
                sources[a.name] = i.op, given
        g.scope = ""
        return known[id(self.listing.output)]

    def _fixed(self, g: OnnxGraph, v: Value) -> OnnxArray:
        values = v.array if v.array is not None else self.arrays[v.name]
        values = values.astype(np.int64) if values.dtype.kind in "iu" else values
        return g.constant(values) if v.array is not None else g.parameter(v.name, values)


def _settings(i: Instruction) -> dict[str, Any]:
    def plain(value: Any) -> Any:
        if isinstance(value, tuple):
            return tuple(map(plain, value))
        return -1 if isinstance(value, Rows) else value

    if i.op == "index" and "Rows" in str([type(part).__name__ for part in _parts(i.attributes["key"])]):
        raise ArgumentError(f"{i.layer}: x[key] with as many rows as the batch has cannot be written")
    return {name: plain(value) for name, value in i.attributes.items()}


def _parts(key: Any) -> list[Any]:
    return [inner for part in key for inner in _parts(part)] if isinstance(key, tuple) else [key]


# ---- which sizes are open --------------------------------------------------------------------------------------------


def _longer(part: Any) -> Any:
    """Give rows more time steps, where an array may have some: twice as many and seven, so that whatever windows and
    strides make of them differs too."""
    values = part.values if isinstance(part, Sequences) else part
    dtype = getattr(values, "dtype", np.dtype(float))
    timed = isinstance(part, Sequences) or values.ndim == 3 or (values.ndim == 2 and dtype.kind in "iu")
    if not timed:
        return part
    more = np.concatenate([values, values, np.repeat(values[:, -1:], 7, axis=1)], axis=1)
    return Sequences(more, np.asarray(part.lengths)) if isinstance(part, Sequences) else more


def _open(one: Listing, other: Listing) -> dict[int, set[int]]:
    """Compare the listings of two numbers of steps: which sizes differ, by the value; none where more than sizes do."""
    differ: dict[int, set[int]] = {}
    pairs = list(zip(one.instructions, other.instructions, strict=False))
    if len(one.instructions) != len(other.instructions) or any(a.op != b.op for a, b in pairs):
        return {}
    for a, b in pairs:
        if a.op != "reshape" and str(a.attributes) != str(b.attributes):
            return {}
        for v, w in zip([*a.reads, *a.written], [*b.reads, *b.written], strict=False):
            if len(v.shape) != len(w.shape) or v.rows != w.rows or (v.array is not None and (
                    v.shape != w.shape or not np.array_equal(v.array, np.asarray(w.array)))):
                return {}
            sizes = {k for k, (m, n) in enumerate(zip(v.shape, w.shape, strict=True)) if m != n}
            if v.role in ("parameter", "buffer") and sizes:
                return {}
            differ[id(v)] = sizes
    return differ
