"""Units that no longer answer to their input: dead ReLUs, saturated sigmoids and tanhs."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from ....text import listed
from ...traces.trace import Trace
from ..changes import at_rate, drawn_anew
from ..evidence import Evidence
from ..finding import NOTICE, SERIOUS, Finding

DEAD = 0.75  # share of a layer's units that give zero for every row
DEAD_SERIOUS = 0.9
FEWEST_UNITS = 4
FLAT = 0.05  # of the largest slope: below, a unit is saturated
SATURATED = 0.75  # share of a layer's values that lie there
FITS = 0.3  # of a constant's loss: a network this good may be as sure as it likes

# The slope at an output a, as a share of the largest one.
SLOPES: dict[str, Callable] = {"sigmoid": lambda a: 4 * a * (1 - a), "tanh": lambda a: 1 - a * a,
                               "rnn": lambda a: 1 - a * a}


def dead_relus(e: Evidence) -> Iterator[Finding]:
    """Find ReLUs that are zero for all rows: neither they nor the weights before them learn any more."""
    found = {name: (layer, _dead(e.now, name)) for name, layer in _outputs(e.now, ("relu",))}
    found = {name: (layer, dead) for name, (layer, dead) in found.items()
             if dead.size >= FEWEST_UNITS and dead.mean() >= DEAD}
    if not found:
        return
    began = e.began(lambda t: any(_dead(t, name).mean() >= DEAD for name in found))
    layers = [layer for layer, _ in found.values()]
    if began:
        change = at_rate(e.optimizer, 0.1)
        why = "Too long a step threw them to where all inputs leave them at zero, and from there nothing moves them."
    else:
        change = "; ".join(dict.fromkeys(drawn_anew(e.model, layer) for layer in layers))
        why = "Fresh weights and biases of zero let about half of the rows through."
    counts = [f"{dead.sum():,} of {dead.size:,} units of {layer or 'the network'}" for layer, dead in found.values()]
    yield Finding(
        "dead ReLUs", SERIOUS if max(dead.mean() for _, dead in found.values()) >= DEAD_SERIOUS else NOTICE,
        f"{listed(counts, 4, 80)} give zero for every one of {len(e.now[next(iter(found))]):,} rows; their weights get "
        "no gradient.", change, why, layers,
        {"dead": {layer: np.flatnonzero(dead).tolist() for layer, dead in found.values()},
         "units": {layer: dead.size for layer, dead in found.values()}}, began,
    )


def saturated(e: Evidence) -> Iterator[Finding]:
    """Find sigmoids and tanhs on their flat ends, in a network that does not fit its data yet."""
    if e.trained and e.share < FITS:
        return
    found = {name: (layer, _flat(e.now, name)) for name, layer in _outputs(e.now, tuple(SLOPES))}
    found = {name: (layer, share) for name, (layer, share) in found.items() if share >= SATURATED}
    if not found:
        return
    began = e.began(lambda t: any(_flat(t, name) >= SATURATED for name in found))
    if began:
        change, why = at_rate(e.optimizer, 0.1), "Steps this long grow the weights until every sum is far from zero."
    else:
        change = f"for p in model.parameters(): p.data[...] *= {0.1 if len(found) == 1 else 0.3}"
        why = "Smaller first weights (and inputs of deviation 1) keep the sums where the function is steep."
    shares = [f"{share:.0%} of the values of {layer or 'the network'}" for layer, share in found.values()]
    yield Finding(
        "saturated activations", SERIOUS if max(share for _, share in found.values()) >= 0.9 else NOTICE,
        f"{listed(shares, 4, 80)} ({len(e.now[next(iter(found))]):,} rows) lie on a flat end of their sigmoid or tanh: "
        f"under {FLAT:.0%} of the gradient passes.",
        change, why, [layer for layer, _ in found.values()], {"shares": dict(found.values())}, began,
    )


def _outputs(t: Trace, ops: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    """Find hidden values that these operations wrote: (name, layer)."""
    for i in t.instructions:
        if i.phase == "forward" and not i.backward and i.op in ops:
            name = i.results.get("a") or i.results["y"]
            if t.keeps(name) and t.facts[name].rows and len(t.facts[name].shape) > 1 and name != t.about.output:
                yield name, i.layer


def _units(t: Trace, name: str) -> np.ndarray:
    """Reshape a value to a row for each sample (and place, and time step) and a column for each unit."""
    return t[name].reshape(-1, t.facts[name].shape[-1])


def _dead(t: Trace, name: str) -> np.ndarray:
    return ~(_units(t, name) != 0).any(axis=0)


def _flat(t: Trace, name: str) -> float:
    op = next(i.op for i in t.instructions if name in i.results.values())
    return float((SLOPES[op](t[name]) < FLAT).mean())
