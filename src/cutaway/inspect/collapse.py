"""Collapse: layers without an activation between them are one linear layer, however many there are."""

from __future__ import annotations

from dataclasses import dataclass

from ..engines import Program
from ..text import joined
from .operations import Operation, operations_of, readers

# In evaluation each of these is linear in its input, so that what is linear before and behind it stays linear.
TRANSPARENT = {"reshape": "flatten", "transpose": "", "identity": "", "neg": "", "masked": "", "avg_pool": "avg pool",
               "global_average": "average", "batch_norm": "batch norm"}


@dataclass(frozen=True)
class Collapse:
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


def collapses(program: Program) -> list[Collapse]:
    """Every longest row of layers of neurons or filters that an evaluation program has no activation between."""
    every = operations_of(program)
    layers = [o for o in every if o.op in ("linear", "conv")]
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
        out.append(Collapse(tuple(o.layer or o.out.name for o in chain), tuple(dict.fromkeys(filter(None, between))),
                            tuple(widths), any(o.main.attributes.get("groups", 1) > 1 for o in chain)))
    return out


def _next(layer: Operation, every: list[Operation]) -> tuple[Operation, list[str]] | None:
    """The layer that alone reads what this one gives, with what lies between; None if that is not linear."""
    v = layer.out
    between: list[str] = []
    while len(found := readers(every, v)) == 1:
        (o,) = found
        if o.op in ("linear", "conv"):
            return (o, between) if o.operands["x"] is v else None
        if o.op not in TRANSPARENT:
            return None
        between.append(TRANSPARENT[o.op])
        v = o.out
    return None
