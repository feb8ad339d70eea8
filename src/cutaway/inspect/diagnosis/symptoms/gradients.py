"""Gradients that fade or grow on their way back through the layers, or through time."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ...states import PARTS
from ...traces.trace import Trace
from ..changes import activations_of, instead, written
from ..evidence import Evidence, norm
from ..finding import SERIOUS, Finding

FADES = 1e-4  # of a layer's gradient against its weights, relative to that of the layer with the most
GROWS = 1e3  # how many times it grows towards the input, or from the last time step to the first
HUGE = 30.0  # ‖gradient‖ against ‖weights‖
FITS = 0.5  # of a constant's loss: a network that learns this well is not held up


def vanishing(e: Evidence) -> Iterator[Finding]:
    """Find layers near the input whose gradient is a trace of what the last layers get."""
    sizes = _relative(e.now)
    if len(sizes) < 2 or (e.trained and e.share < FITS):
        return
    most = max(sizes.values())
    if not 0 < most < np.inf or _dead_end(e, sizes):
        return
    low = [name for name, size in sizes.items() if size < FADES * most]
    first = next(iter(sizes))
    if first not in low or list(sizes.values()).index(most) < len(sizes) // 2:
        return
    bent = [(op, activations_of(e.model, op)) for op in ("sigmoid", "tanh")]
    op, layers = max(bent, key=lambda pair: len(pair[1]))
    change = instead(e.model, layers, "ct.nn.ReLU()") if layers else None
    why = f"The slope of {op} is at most {0.25 if op == 'sigmoid' else 1:g}, and backward multiplies it in each layer; "
    why += "that of a ReLU is 1."
    if change is None:
        change, why = "model.init(0)", "First weights drawn for the layers' widths keep gradients of one size."
    began = e.began(lambda t: _relative(t).get(first, 0.0) < FADES * max(_relative(t).values()))
    yield Finding(
        "vanishing gradients", SERIOUS,
        f"the gradient of {first} is {sizes[first]:.2g} of its weights, that of {_name(sizes, most)} {most:.2g}: "
        + (f"{most / sizes[first]:.3g} times as much." if sizes[first] else "the first layers get none."),
        change, why, low, {"relative gradients": sizes}, began,
    )


def exploding(e: Evidence) -> Iterator[Finding]:
    """Find gradients many times as large as the weights, or growing layer by layer or step by step towards the input:
    with the first weights, before any step was too long."""
    if not (e.trained and e.share < FITS):
        yield from _grown(e, e.start, 0 if e.run is not None else None)


def exploding_later(e: Evidence) -> Iterator[Finding]:
    """Find exploding gradients that came with training."""
    if e.trained and e.share >= FITS and not any(exploding(e)):
        yield from _grown(e, e.now, e.began(lambda t: any(_grown(e, t))))


def _grown(e: Evidence, t: Trace, began: int | None = None) -> Iterator[Finding]:
    sizes = _relative(t)
    if not sizes:
        return
    finite = {name: size for name, size in sizes.items() if np.isfinite(size)}
    most = max(finite.values(), default=np.inf)
    layer, growth = _over_time(t)
    first, last = next(iter(sizes)), list(sizes)[-1]
    if most > HUGE or len(finite) < len(sizes):
        where = _name(sizes, most)
        text = f"the gradient of {where} is {most:.3g} times as large as its weights."
    elif len(sizes) > 2 and sizes[first] > GROWS * sizes[last] > 0:
        where = first
        text = (f"gradients grow backwards: that of {last} is {sizes[last]:.2g} of its weights, that of {first} "
                f"{sizes[first]:.2g}.")
    elif growth > GROWS:
        where, text = layer, f"along time the gradient of {layer} grows {growth:.3g} times, from the last step back."
    else:
        return
    yield Finding(
        "exploding gradients", SERIOUS, text, f"optimizer = ct.optim.clip({written(e.optimizer)}, norm=1.0)",
        "Clipping keeps the direction and bounds the length, so that one steep place does not throw the weights away.",
        [where], {"relative gradients": sizes, "growth over time": growth}, began,
    )


def _relative(t: Trace) -> dict[str, float]:
    """Compute ‖∂J/∂W‖ / ‖W‖ for every matrix that is trained, from the input to the output."""
    order = [name for i in t.instructions if i.phase == "forward" and not i.backward for name in i.read]
    names = [name for name in dict.fromkeys(order) if name in t.parameters and t.parameters[name].trained
             and len(t.parameters[name].shape) > 1]
    return {name: norm(t.grad(name)) / max(norm(t[name]), 1e-30) for name in names if t.keeps(name)}


def _dead_end(e: Evidence, sizes: dict[str, float]) -> bool:
    """Whether the gradient is not small but gone: behind dead ReLUs, which are a finding of their own."""
    return any(size == 0 for size in sizes.values()) and bool(activations_of(e.model, "relu"))


def _over_time(t: Trace) -> tuple[str, float]:
    """Find how many times the gradient of a recurrent layer's sums grows from the last time step to the first."""
    found = ("", 0.0)
    for i in t.instructions:
        if i.op in PARTS and i.backward:
            name = next((n for n in i.results.values() if t.keeps(n) and len(t.facts[n].shape) == 3), None)
            if name is None:
                continue
            by_time = np.sqrt((t[name].astype(np.float64) ** 2).mean(axis=(0, 2)))
            late, early = by_time[[0, -1]] if i.settings.get("reverse") else by_time[[-1, 0]]
            if late > 0 and early / late > found[1]:
                found = (i.layer, float(early / late))
    return found


def _name(sizes: dict[str, float], size: float) -> str:
    return next((name for name, s in sizes.items() if s == size), next(iter(sizes)))
