"""Collapse: layers without an activation between them are one linear layer, however many there are."""

from __future__ import annotations

from dataclasses import dataclass

from ..engines import Program
from ..program import Value
from ..text import joined
from .operations import Operation, operations_of, readers


@dataclass(frozen=True)
class LinearStretch:
    """Layers that are one linear layer. print says which, and what to do.

    layers: their names, in order. between: what lies between them ("flatten"). widths: features or channels before the
    first, between, and behind the last. separable: whether one of them is a convolution in groups.
    """

    layers: tuple[str, ...]
    between: tuple[str, ...]
    widths: tuple[int, ...]
    separable: bool = False

    def __str__(self) -> str:
        names = joined(self.layers)
        lie = f"only {' and '.join(self.between)} lie" if len(self.between) > 1 else (
            f"only {self.between[0]} lies" if self.between else "no activation lies")
        inner = min(self.widths[1:-1])
        narrow = inner < min(self.widths[0], self.widths[-1])
        meant = f" of rank {inner} at most" if narrow else ""
        if narrow or self.separable:
            advice = "If that is not meant, put an activation between them."
        else:
            advice = "Put an activation between them, or use one layer."
        return f"{names} are one linear layer{meant}: {lie} between them. {advice}"


def collapses(program: Program) -> list[LinearStretch]:
    """Find the longest rows of layers of neurons or filters in an evaluation program with no activation between."""
    every = operations_of(program)
    layers = [o for o in every if o.rule.units in ("neuron", "filter")]
    after = {id(o): _next(o, every) for o in layers}
    behind = {id(found[0]) for found in after.values() if found is not None}
    out = []
    for first in layers:
        if id(first) in behind or after[id(first)] is None:
            continue
        chain: list[Operation] = [first]
        between: list[str] = []
        while (found := after.get(id(chain[-1]))) is not None:
            chain.append(found[0])
            between += found[1]
        widths = [chain[0].operands["x"].shape[-1], *(o.out.shape[-1] for o in chain)]
        out.append(LinearStretch(tuple(o.layer or o.out.name for o in chain),
                                 tuple(dict.fromkeys(filter(None, between))), tuple(widths),
                                 any(o.main.attributes.get("groups", 1) > 1 for o in chain)))
    return out


def _next(layer: Operation, every: list[Operation]) -> tuple[Operation, list[str]] | None:
    """Find the layer that alone reads what this one gives, and what lies between; None if that is not linear."""
    v = layer.out
    between: list[str] = []
    while len(found := readers(every, v)) == 1:
        (o,) = found
        if o.rule.units in ("neuron", "filter"):
            return (o, between) if o.operands["x"] is v else None
        if not _straight(o, v):
            return None
        quiet = o.rule.passes or o.rule.moves or o.rule.kind == "elementwise"
        between.append("flatten" if o.rule.kind == "view" else "" if quiet else o.kind)
        v = o.out
    return None


def _straight(o: Operation, v: Value) -> bool:
    """Whether an operation of an evaluation is linear or affine in this value, and reads no other of the batch."""
    if len(o.reads) != 1 or o.rule.variadic or o.rule.reduces:
        return False
    name = next(name for name, read in o.operands.items() if read is v)
    return o.rule.passes or o.rule.moves or bool(o.rule.linear_with(name))
