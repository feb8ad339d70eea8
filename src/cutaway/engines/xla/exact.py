"""Exact mode: a batch is cut into eight parts whatever the hardware, so that any number of devices gives the same bits.

Each part is computed by one compiled function, of one shape, on one device. The parts' gradients are brought together,
which is no arithmetic, and every process adds them up in their order and updates the weights, by one compiled function,
too. Nothing that adds knows how many devices there are.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any

import jax
import numpy as np
from jax import numpy as jnp

from ...errors import ArgumentError
from ...optim.hoisted import Hoisted
from ...program import Instruction, Listing
from .devices import PARTS, Devices
from .step import Arrays, Cuts, JaxStep, Pieces, constant_values, cuts, pieces, place

#: What makes one compiled function give the same bits in every call: on a CPU with several threads it may not otherwise
#: (JAX's issue 39741), and a GPU's sums are in any order.
SAME_BITS: dict[str, dict[str, Any]] = {
    "cpu": {"xla_cpu_multi_thread_eigen": False},
    "gpu": {"xla_gpu_deterministic_ops": True, "xla_gpu_autotune_level": 0},
}

class ExactSteps:
    """Does many steps, as the function that engine.py compiles for one device or several does."""

    def __init__(self, listing: Listing, update: Hoisted, devices: Devices) -> None:
        if listing.weight is None:
            raise ArgumentError("exact=True fills parts up with rows of weight zero: compile with weighted=True")
        refuse_mixing(listing)
        self.devices, self._weight = devices, listing.weight.name
        own = replace(listing, instructions=[i for i in listing.instructions if i.phase != "update"],
                      block={name: v for name, v in listing.block.items() if name in ("θ", "g")})
        last = replace(listing, instructions=[i for i in listing.instructions if i.phase == "update"])
        at = cuts(listing, listing.block["θ"].width)  # where vectors are cut is the same for both
        options: Any = SAME_BITS.get(devices.kind, {})
        self._own, self._last = constant_places(listing, own), constant_places(listing, last)
        self._part = jax.jit(partial(_part, own, at, devices.kind), static_argnums=0, compiler_options=options)
        self._update = jax.jit(partial(_update, last, at, devices.kind, update.function()), compiler_options=options)
        self._empty = np.zeros(1 + listing.block["g"].width, listing.block["g"].dtype)
        needed = [v for i in own.instructions for v in i.reads if v.home and v.home != "g"]
        self._needed = list(dict.fromkeys(place(own, v)[0] for v in needed))

    def __call__(self, n: int, count: Any, seed: Any, first: Any, order: np.ndarray, numbers: list[np.ndarray],
                 data: Arrays, state: Pieces, constants: list[Any]) -> tuple[bool, Pieces, np.ndarray, list[Any]]:
        vectors = {name: whole for name, (whole,) in state.items()}
        losses = np.full(len(order), np.nan, self._empty.dtype)
        for k in range(int(count)):
            t = np.uint32((int(first) + k) % 2**32)
            parts = self._parts(n, seed, t, order[k], data, vectors, [constants[c] for c in self._own])
            every = self.devices.gathered(parts, self._empty)
            finite, new, J = self._update(every, vectors, [some[k] for some in numbers], seed, t,
                                          [constants[c] for c in self._last])
            losses[k] = J
            if not finite:
                return False, {name: [a] for name, a in vectors.items()}, losses, []
            vectors = new
        return True, {name: [a] for name, a in vectors.items()}, losses, []

    def _parts(self, n: int, seed: Any, t: Any, rows: np.ndarray, data: Arrays, vectors: Arrays,
               constants: list[Any]) -> dict[Any, list[Any]]:
        """Compute the parts of this process, by device. One beyond the last row is of rows of weight zero."""
        m, last = -(-n // PARTS), self.devices.own(n).stop - 1
        found: dict[Any, list[Any]] = {}
        for device, numbers in self.devices.own_parts():
            needed = {name: jax.device_put(vectors[name], device) for name in self._needed}
            found[device] = []
            for part in numbers:
                places = np.arange(part * m, (part + 1) * m)
                some = rows[np.minimum(places, last)]
                batch = {name: array[some] for name, array in data.items()}  # a fresh array, which nobody fills again
                name = self._weight
                batch[name] = (batch[name] * np.where(places < n, m * PARTS / n, 0)).astype(batch[name].dtype)
                batch = {name: jax.device_put(array, device) for name, array in batch.items()}
                found[device].append(self._part(m, batch, needed, constants, seed, t, np.uint32(part)))
        return found


def _part(listing: Listing, at: Cuts, kind: str, m: int, batch: Arrays, vectors: Arrays, constants: list[Any],
          seed: Any, t: Any, part: Any) -> Any:
    """Compute J and the gradient of one part of a batch, as one vector."""
    assert listing.loss is not None
    step = JaxStep(listing, m, batch, _cut(vectors, at), at, constants, {"seed": seed, "t": t}, kind=kind, part=part)
    return jnp.concatenate([step.read(listing.loss).reshape(1), *step.vectors["g"]])


def _update(listing: Listing, at: Cuts, kind: str, rule: Any, parts: Any, vectors: Arrays, numbers: Any, seed: Any,
            t: Any, constants: list[Any]) -> tuple[Any, Arrays, Any]:
    """Add up what the parts found, one after the other, and do the update: whether it is finite, the vectors, J."""
    total = parts[0]
    for part in range(1, PARTS):
        total = total + parts[part]
    mean = total / PARTS  # a power of two: no rounding
    J, g = mean[0], mean[1:]
    step = JaxStep(listing, 0, {}, _cut(vectors | {"g": g}, at), at, constants, {"seed": seed, "t": t}, update=rule,
                   numbers=numbers, kind=kind, known={id(listing.loss): J})
    finite = jnp.isfinite(mean).all()
    new = {name: jnp.concatenate(step.vectors[name]).reshape(a.shape) for name, a in vectors.items()}
    return finite, {name: jnp.where(finite, new[name], a) for name, a in vectors.items()}, J


def _cut(vectors: Arrays, at: Cuts) -> dict[str, list[Any]]:
    return {name: pieces(a.reshape(-1), at[name]) for name, a in vectors.items()}


def constant_places(whole: Listing, part: Listing) -> list[int]:
    """Where among all constants those of some instructions stand."""
    every = {id(v): k for k, v in enumerate(constant_values(whole))}
    return [every[id(v)] for v in constant_values(part)]


def refuse_mixing(listing: Listing) -> None:
    """Raise ArgumentError where a row's numbers depend on other rows of the batch: parts would see only their own."""
    means: set[int] = set()  # of losses over the rows of a part, whose mean over the parts is that of the batch
    for i in listing.instructions:
        if i.phase in ("forward", "loss") and i.scope != "rows":
            rows, of_means = any(v.rows for v in i.reads), any(id(v) in means for v in i.reads)
            if i.op == "weighted_mean" or (of_means and i.op == "add" and not rows):
                means |= {id(v) for v in i.written}
            elif rows or of_means:
                raise _mixes(i)
        elif i.phase == "update" and i.op != "check" and any(not v.outside for v in i.reads):
            raise _mixes(i)


def _mixes(i: Instruction) -> ArgumentError:
    what = "batch norm" if i.op in ("batch_stats", "running_average", "assign") else i.title
    where = f"{i.layer}: " if i.layer else ""
    return ArgumentError(f"exact=True computes a batch in {PARTS} parts, and {where}{what} takes all rows of a batch "
                         'together: leave exact=True out, or take another layer, such as norm="layer"')
