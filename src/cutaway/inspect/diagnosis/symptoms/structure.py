"""Layers that together are no more than one."""

from __future__ import annotations

from collections.abc import Iterator

from ....engines import evaluator
from ...collapse import collapses
from ..changes import behind, layer_called
from ..evidence import Evidence
from ..finding import SERIOUS, Finding


def collapse(e: Evidence) -> Iterator[Finding]:
    """Find linear layers with no activation between. A narrow one between wide ones may be meant, and is left alone."""
    program = evaluator(e.model, e.sample.inputs[:2], engine="reference", batch_size=1)
    for found in collapses(program):
        if found.separable or min(found.widths[1:-1]) < min(found.widths[0], found.widths[-1]):
            continue
        layers = [layer_called(e.model, name) for name in found.layers[:-1]]
        changes = [behind(e.model, layer, "ct.nn.ReLU()") for layer in layers[::-1] if layer is not None]
        yield Finding(
            "layers that collapse", SERIOUS, f"{str(found).partition('. ')[0]}: W₂ (W₁ x + b₁) + b₂ = W x + b.",
            "; ".join(filter(None, changes)) or "model = ct.nn.MLP(...)",
            "An activation between them lets the network learn more than sums of its inputs.",
            list(found.layers), {"widths": list(found.widths)}, 0 if e.run is not None else None,
        )
