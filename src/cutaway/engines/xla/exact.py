"""Exact mode: a batch is cut into eight parts whatever the hardware, so that any number of devices gives the same bits.

Each part is computed by one compiled function, of one shape, on one device. The parts' gradients are brought together,
which is no arithmetic, and every process adds them up in their order and updates the weights, by one compiled function,
too. Nothing that adds knows how many devices there are.

What needs all rows of a batch at once, such as the moments of batch norm, ends a stage of the parts: the rows that it
reads are brought together, every process computes it on all of them, by one compiled function again, and the parts go
on with what it gave. A gradient that rows share is the sum over the parts; one of all rows is the first part's alone,
and the others have zeros.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import jax
import numpy as np
from jax import numpy as jnp

from ...errors import ArgumentError
from ...optim.hoisted import Hoisted
from ...program import Instruction, Listing, Value
from .devices import PARTS, Devices
from .step import Arrays, Cuts, JaxStep, Pieces, constant_values, cuts, pieces, place

#: What makes one compiled function give the same bits in every call: on a CPU with several threads it may not otherwise
#: (JAX's issue 39741), and a GPU's sums are in any order.
SAME_BITS: dict[str, dict[str, Any]] = {
    "cpu": {"xla_cpu_multi_thread_eigen": False},
    "gpu": {"xla_gpu_deterministic_ops": True, "xla_gpu_autotune_level": 0},
}


@dataclass
class Stage:
    """Instructions that are done one after the other, by the parts or, `whole`, on all rows.

    kept: what it reads that stages of its own kind wrote. changed: what it reads that stages of the other kind wrote.
    told: what it writes that others read. gradients: ids of the values that are such. needed: the vectors of the state
    that it reads. constants: which of all. last: whether it ends with J and the gradient.
    """

    whole: bool
    last: bool
    listing: Listing
    kept: list[Value]
    changed: list[Value]
    told: list[Value]
    gradients: set[int]
    needed: list[str]
    constants: list[int]
    compiled: Any = None


class ExactSteps:
    """Does many steps, as the function that engine.py compiles for one device or several does."""

    def __init__(self, listing: Listing, update: Hoisted, devices: Devices) -> None:
        if listing.weight is None:
            raise ArgumentError("exact=True fills parts up with rows of weight zero: compile with weighted=True")
        self.devices, self._weight = devices, listing.weight.name
        last = replace(listing, instructions=[i for i in listing.instructions if i.phase == "update"])
        self._stages, self._shown = staged(listing)
        at = cuts(listing, listing.block["θ"].width)  # where vectors are cut is the same for both
        options: Any = SAME_BITS.get(devices.kind, {})
        for stage in self._stages:
            function = partial(_all_rows if stage.whole else _part, stage, at, devices.kind)
            stage.compiled = jax.jit(function, static_argnums=0, compiler_options=options)
        self._last, J = constant_places(listing, last), listing.loss
        assert J is not None
        self._update = jax.jit(partial(_update, last, at, devices.kind, update.function(), [J, *self._shown]),
                               static_argnums=0, compiler_options=options)
        self._empty = np.zeros(1 + listing.block["g"].width, listing.block["g"].dtype)

    def __call__(self, n: int, count: Any, seed: Any, first: Any, order: np.ndarray, numbers: list[np.ndarray],
                 data: Arrays, state: Pieces, constants: list[Any]) -> tuple[bool, Pieces, np.ndarray, list[Any]]:
        vectors = {name: whole for name, (whole,) in state.items()}
        losses = np.full(len(order), np.nan, self._empty.dtype)
        for k in range(int(count)):
            t = np.uint32((int(first) + k) % 2**32)
            every, shown = self._computed(n, seed, t, order[k], data, vectors, constants)
            finite, new, J = self._update(n if shown else 0, every, vectors, [some[k] for some in numbers], seed, t,
                                          [constants[c] for c in self._last], shown)
            losses[k] = J
            if not finite:
                return False, {name: [a] for name, a in vectors.items()}, losses, []
            vectors = new
        return True, {name: [a] for name, a in vectors.items()}, losses, []

    def _computed(self, n: int, seed: Any, t: Any, rows: np.ndarray, data: Arrays, vectors: Arrays,
                  constants: list[Any]) -> tuple[Any, list[Any]]:
        """Do all stages. Give what the parts found, J and g, and what the update reads beside them."""
        m = -(-n // PARTS)
        parts = Parts(self.devices, m)
        batches = self._batches(n, m, rows, data)
        of_all: dict[Any, Any] = {}  # by id of the value; "g": what was found of all rows for the first part
        for stage in self._stages:
            own = [constants[c] for c in stage.constants]
            needed = {name: vectors[name] for name in stage.needed}
            if stage.whole:
                brought = [parts.rows_of(v) for v in stage.changed]
                *told, g = stage.compiled(n, needed, own, seed, t, [of_all[id(v)] for v in stage.kept], brought)
                of_all |= _known(stage.told, told) | {"g": g}
                continue
            brought, added = [of_all[id(v)] for v in stage.changed], of_all.pop("g", None)
            for device, numbers in self.devices.own_parts():
                sent, there, more = jax.device_put((needed, brought, added), device)
                for part in numbers:
                    found = parts.found[part]
                    kept = [found[id(v)] for v in stage.kept]
                    *told, found["g"] = stage.compiled(m, batches.get(part, {}), sent, own, seed, t, np.uint32(part),
                                                       kept, there, found.get("g"), more)
                    found |= _known(stage.told, told)
            batches = {}
        return parts.gathered("g", self._empty), [of_all[id(v)] for v in self._shown]

    def _batches(self, n: int, m: int, rows: np.ndarray, data: Arrays) -> dict[int, Arrays]:
        """Send the rows of the parts of this process. A part beyond the last row is of rows of weight zero."""
        last, found = self.devices.own(n).stop - 1, {}
        for device, numbers in self.devices.own_parts():
            for part in numbers:
                places = np.arange(part * m, (part + 1) * m)
                some = rows[np.minimum(places, last)]
                batch = {name: array[some] for name, array in data.items()}  # a fresh array, which nobody fills again
                name = self._weight
                batch[name] = (batch[name] * np.where(places < n, m * PARTS / n, 0)).astype(batch[name].dtype)
                found[part] = {name: jax.device_put(array, device) for name, array in batch.items()}
        return found


class Parts:
    """What the parts of this process found, by part, then by id of the value; "g" is the gradient. m: rows of each."""

    def __init__(self, devices: Devices, m: int) -> None:
        self.devices, self.m = devices, m
        self.found: dict[int, dict[Any, Any]] = {part: {} for _, some in devices.own_parts() for part in some}

    def gathered(self, what: Any, empty: np.ndarray) -> Any:
        """Bring together what all parts found, those of other processes too."""
        return self.devices.gathered(
            {device: [self.found[part][what] for part in some] for device, some in self.devices.own_parts()}, empty)

    def rows_of(self, v: Value) -> Any:
        return self.gathered(id(v), np.zeros(v.shape_at(self.m), v.dtype))


def _part(stage: Stage, at: Cuts, kind: str, m: int, batch: Arrays, vectors: Arrays, constants: list[Any], seed: Any,
          t: Any, part: Any, kept: list[Any], changed: list[Any], g: Any, added: Any) -> list[Any]:
    """Compute a stage of one part of a batch: what others read, and the gradient so far. After the last stage that is
    J and the gradient, as one vector. added: the gradient that was found of all rows since."""
    if added is not None:
        own = jnp.where(part == 0, added, 0)
        g = own if g is None else g + own
    known = _known(stage.kept, kept) | {id(v): _of_part(v, a, part, m, id(v) in stage.gradients)
                                        for v, a in zip(stage.changed, changed, strict=True)}
    given = _cut(vectors if g is None else vectors | {"g": g}, at)
    step = JaxStep(stage.listing, m, batch, given, at, constants, {"seed": seed, "t": t}, kind=kind, part=part,
                   known=known)
    if stage.last:
        assert stage.listing.loss is not None
        return [jnp.concatenate([step.read(stage.listing.loss).reshape(1), *step.vectors["g"]])]
    return [*map(step.read, stage.told), _gradient(stage, step, g is not None)]


def _all_rows(stage: Stage, at: Cuts, kind: str, n: int, vectors: Arrays, constants: list[Any], seed: Any, t: Any,
              kept: list[Any], changed: list[Any]) -> list[Any]:
    """Compute a stage on all n rows of a batch: what others read, and the gradient that it found."""
    known = _known(stage.kept, kept) | {id(v): _of_all(v, a, n, id(v) in stage.gradients)
                                        for v, a in zip(stage.changed, changed, strict=True)}
    step = JaxStep(stage.listing, n, {}, _cut(vectors, at), at, constants, {"seed": seed, "t": t}, kind=kind,
                   known=known)
    return [*map(step.read, stage.told), _gradient(stage, step, False)]


def _known(values: list[Value], arrays: list[Any]) -> dict[int, Any]:
    return {id(v): a for v, a in zip(values, arrays, strict=True)}


def _gradient(stage: Stage, step: JaxStep, begun: bool) -> Any:
    """The gradient as a stage leaves it; None as long as nothing wrote into it."""
    writes = any(v.home == "g" for i in stage.listing.instructions for v in i.written)
    return jnp.concatenate(step.vectors["g"]) if begun or writes else None


def _of_part(v: Value, whole: Any, part: Any, m: int, gradient: bool) -> Any:
    """What one part of m rows has of a value of all rows. Filled up are rows of weight zero: of no gradient."""
    zero = jnp.zeros((), v.dtype)
    if not v.rows:
        return jnp.where(part == 0, whole, zero) if gradient else whole
    places = part * (m * v.rows) + jnp.arange(m * v.rows, dtype=jnp.uint32)
    rows = whole[jnp.minimum(places, len(whole) - 1)]
    return jnp.where((places < len(whole)).reshape(-1, *(1,) * len(v.shape)), rows, zero) if gradient else rows


def _of_all(v: Value, parts: Any, n: int, gradient: bool) -> Any:
    """A value of all n rows, made of what the parts have of it."""
    if v.rows:
        return parts.reshape(-1, *v.shape)[: v.rows * n]
    return _added_up(parts) if gradient else parts[0]


def _added_up(parts: Any) -> Any:
    """Add up what the parts found, one after the other."""
    total = parts[0]
    for part in range(1, PARTS):
        total = total + parts[part]
    return total


def _update(listing: Listing, at: Cuts, kind: str, rule: Any, reads: list[Value], n: int, parts: Any, vectors: Arrays,
            numbers: Any, seed: Any, t: Any, constants: list[Any], of_all: list[Any]) -> tuple[Any, Arrays, Any]:
    """Add up what the parts found and do the update: whether it is finite, the vectors, J. reads: J, and what it reads
    of all n rows, such as the moments that running averages take."""
    mean = _added_up(parts) / PARTS  # a power of two: no rounding
    J, g = mean[0], mean[1:]
    step = JaxStep(listing, n, {}, _cut(vectors | {"g": g}, at), at, constants, {"seed": seed, "t": t}, update=rule,
                   numbers=numbers, kind=kind, known=_known(reads, [J, *of_all]))
    finite = jnp.isfinite(mean).all()
    new = {name: jnp.concatenate(step.vectors[name]).reshape(a.shape) for name, a in vectors.items()}
    return finite, {name: jnp.where(finite, new[name], a) for name, a in vectors.items()}, J


def _cut(vectors: Arrays, at: Cuts) -> dict[str, list[Any]]:
    return {name: pieces(a.reshape(-1), at[name]) for name, a in vectors.items()}


def constant_places(whole: Listing, part: Listing) -> list[int]:
    """Where among all constants those of some instructions stand."""
    every = {id(v): k for k, v in enumerate(constant_values(whole))}
    return [every[id(v)] for v in constant_values(part)]


# ---- what is computed by parts, and what of all rows -----------------------------------------------------------------


def staged(listing: Listing) -> tuple[list[Stage], list[Value]]:
    """Cut a step, up to its update, into stages, the first and the last of which are of parts. Give those, and what the
    update reads of all rows."""
    mixing = on_all_rows(listing)
    groups: list[tuple[bool, list[Instruction]]] = [(False, [])]
    for i in listing.instructions:
        if i.phase != "update":
            if (id(i) in mixing) != groups[-1][0]:
                groups.append((id(i) in mixing, []))
            groups[-1][1].append(i)
    if groups[-1][0]:
        groups.append((False, []))
    update = [i for i in listing.instructions if i.phase == "update"]
    read = [{id(v): v for i in some for v in i.reads if not v.outside} for _, some in groups]
    assert listing.loss is not None
    read[-1][id(listing.loss)] = listing.loss
    shown = _read_by_update(update, listing.loss)
    later = [{**{key: v for some in read[k + 1:] for key, v in some.items()}, **{id(v): v for v in shown}}
             for k in range(len(groups))]
    block, stages = {name: v for name, v in listing.block.items() if name in ("θ", "g")}, []
    wrote: dict[int, bool] = {}  # of a value: whether of all rows
    gradients = {id(v) for i in listing.instructions if i.phase == "backward" for v in i.written}
    for k, (whole, some) in enumerate(groups):
        before = [(v, wrote[key]) for key, v in read[k].items() if key in wrote]
        written = {id(v): v for i in some for v in i.written if not v.home}
        wrote |= dict.fromkeys(written, whole)
        own, last = replace(listing, instructions=some, block=block), k == len(groups) - 1
        stages.append(Stage(
            whole, last, own, [v for v, by in before if by == whole], [v for v, by in before if by != whole],
            [] if last else [v for key, v in written.items() if key in later[k]], gradients,
            list(dict.fromkeys(place(own, v)[0] for i in some for v in i.reads if v.home and v.home != "g")),
            constant_places(listing, own)))
    for i in update:
        if any(not wrote.get(id(v), True) for v in i.reads if v in shown):
            raise _mixes(i)
    return stages, shown


def _read_by_update(update: list[Instruction], J: Value) -> list[Value]:
    """List what an update reads that lives within a step, and that it does not write itself, but J."""
    own = {id(v) for i in update for v in i.written} | {id(J)}
    return list({id(v): v for i in update for v in i.reads if not v.outside and id(v) not in own}.values())


def on_all_rows(listing: Listing) -> set[int]:
    """Find the instructions, by id, in which a row's numbers depend on other rows of the batch: parts would see only
    their own. Raises ArgumentError where a loss is such."""
    means: set[int] = set()  # of losses over the rows of a part, whose mean over the parts is that of the batch
    found: set[int] = set()
    mixing: set[tuple[str, str]] = set()
    for i in listing.instructions:
        rows = any(v.rows for v in (*i.reads, *i.written))
        if i.phase == "forward" and i.scope != "rows" and rows:
            mixing.add((i.op, i.layer))
        elif i.phase == "loss" and i.scope != "rows":
            of_means = any(id(v) in means for v in i.reads)
            if i.op == "weighted_mean" or (of_means and i.op == "add" and not rows):
                means |= {id(v) for v in i.written}
            elif rows or of_means:
                raise _mixes(i)
        if i.phase in ("forward", "backward") and (i.op, i.layer) in mixing:
            found.add(id(i))
    return found


def _mixes(i: Instruction) -> ArgumentError:
    where = f"{i.layer}: " if i.layer else ""
    what = "parts cannot keep" if i.phase == "update" else "parts cannot add up"
    return ArgumentError(f"exact=True computes a batch in {PARTS} parts, and what {where}{i.title} computes {what}: "
                         "leave exact=True out, or take another layer, or a loss by its name")
