"""Where a gradient that was not finite is still seen after many steps, so that nobody needs to look at every step.

After Adam's m ← β₁ m + (1 - β₁) g, m is not finite where g was not, or m itself, whatever β₁ is: 0 · ∞ is NaN. Such a
number stays in every sum, difference, product and root; it may get lost by max, or where something is divided by it.
That is found from the optimizer's rule, as JAX records it. The reverse does not hold: v may overflow while g is finite.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import jax
from jax import numpy as jnp

from ...program import Instruction, Listing
from ...rules import bind
from .arrays import arrays
from .step import by_number, place

KEEPING = {"abs", "add", "add_any", "broadcast_in_dim", "convert_element_type", "copy", "mul", "neg", "sqrt", "square",
           "sub"}

Stretch = tuple[str, int, int]  # of a vector: its name, from where, to where


def lasting(listing: Listing, update: Callable, constants: int) -> list[Stretch]:
    """Find stretches of vectors that are not finite at the end if a gradient was not finite in any step; none if that
    is not known for every number of θ. constants: how many numbers the update takes after its vectors."""
    last = [i for i in listing.instructions if i.phase == "update" and i.op not in ("schedule", "check")]
    found: list[Stretch] = []
    for i in last:
        if i.op == "optimizer" and "lo" in i.attributes:
            name = _witness(listing, i, update, constants)
            found += [(name, i.attributes["lo"], i.attributes["hi"])] if name else []
    changed = [place(listing, v)[0] for i in last if i.op != "optimizer" for v in i.written]
    ends = sorted((lo, hi) for _, lo, hi in found)
    whole = bool(ends) and ends[0][0] == 0 and ends[-1][1] == listing.block["θ"].width and all(
        hi == lo for (_, hi), (lo, _) in itertools.pairwise(ends))
    return found if whole and not {"g", *(name for name, _, _ in found)} & set(changed) else []


def _witness(listing: Listing, i: Instruction, update: Callable, constants: int) -> str | None:
    """The vector that keeps what it had, or got from g, that was not finite."""
    names, dtypes = [place(listing, v)[0] for v in i.reads], [v.dtype for v in i.reads]
    rule = bind(update, arrays())
    numbers = [jnp.zeros((), i.written[0].dtype)] * constants
    if "g" not in names or not by_number(lambda *vectors: rule(*vectors, *numbers), dtypes):
        return None
    shapes = [jax.ShapeDtypeStruct((3,), dtype) for dtype in dtypes]
    made = jax.make_jaxpr(rule)(*shapes, *numbers).jaxpr
    kept = _kept(made, [{name} for name in names] + [set()] * constants)
    written = [place(listing, v)[0] for v in i.written]
    return next((name for name, sources in zip(written, kept, strict=True) if {"g", name} <= sources), None)


def _kept(jaxpr: Any, given: list[set[str]]) -> list[set[str]]:
    """Find for each result which of the given make it, number by number, not finite if they are not."""
    known = {id(v): names for v, names in zip(jaxpr.invars, given, strict=True)}
    for e in jaxpr.eqns:
        sources = [known.get(id(v), set()) for v in e.invars]
        lost: set[str] = set()
        if inner := next((p.jaxpr for p in e.params.values() if hasattr(p, "jaxpr")), None):
            made = _kept(inner, sources)
        elif not all(jnp.issubdtype(v.aval.dtype, jnp.floating) for v in (*e.invars, *e.outvars)):
            made = [lost] * len(e.outvars)
        elif e.primitive.name in KEEPING or (e.primitive.name == "integer_pow" and e.params["y"] > 0):
            made = [lost.union(*sources)]
        else:
            made = [sources[0]] if e.primitive.name == "div" else [lost] * len(e.outvars)
        known |= {id(v): names for v, names in zip(e.outvars, made, strict=True)}
    return [known.get(id(v), set()) for v in jaxpr.outvars]
