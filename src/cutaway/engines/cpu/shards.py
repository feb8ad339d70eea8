"""Shards: a listing rewritten for several threads, which share the rows of a batch.

Each thread runs the whole list on rows of its own. What cannot be divided by rows is divided otherwise: the weight
gradients of `linear` by the layer's neurons, each over the whole batch, so that they need no summing, and all of them
last, so that threads wait for each other once. Of any other gradient of a parameter each thread writes a copy, and the
copies are added up, in order, before the update. An instruction that runs by its rule in Python does so once, for the
whole batch.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise

from ...program import Instruction, Listing, Value, operations
from ...rules import facts

STACK = "g of all shards"


@dataclass
class Sharded(Listing):
    """A listing for several threads. copied: ids of the values of which each thread writes a copy of its own. cuts:
    where θ is cut in parts, one for each thread, from 0 to its end; empty for one thread. even: whether the neurons of
    each layer are divided evenly, and not where θ is cut."""

    threads: int = 1
    cuts: tuple[int, ...] = ()
    even: bool = False
    copied: set[int] = field(default_factory=set)

    @property
    def copies(self) -> int:
        """The number of copies of g: one for each thread, or one if no value of g is copied."""
        return self.threads if any(id(v) in self.copied for v in self.gradients.values()) else 1


def sharded(listing: Listing, threads: int, by_rule: Collection[int] = ()) -> Sharded:
    """Rewrite a listing for several threads; its values are the same. by_rule: ids of the instructions that run by
    their rules in Python."""
    out = Sharded(**vars(listing), threads=threads)
    if threads == 1:
        return out
    alone = [i for i in listing.instructions if id(i) in by_rule]
    written = {id(v) for i in alone for v in i.written}
    out.instructions = [replace(i, scope="once") if id(i) in by_rule or (_adds(i) and id(i.arguments[1]) in written)
                        else i for i in listing.instructions]
    if not listing.block:  # nothing that trains
        return out
    listing, added = out, _added(listing)
    whole = by_neuron(listing, {added.get(id(v), v).name for i in alone for v in i.written})
    out.copied = {id(v) for name, v in listing.gradients.items() if name not in whole}
    out.cuts = _cuts(listing, threads, whole)
    shared = {id(listing.gradients[name]) for name in whole}
    ahead = [i for i in listing.instructions if i.phase not in ("backward", "update")]
    after = [i for i in listing.instructions if i.phase == "update"]
    first, late = _backward(listing, out.copied, shared)
    out.even = _longest(late, out.cuts, True) * LOPSIDED < _longest(late, out.cuts, False)
    out.instructions = [*ahead, *first, *late, *_update(after, out)]
    return out


TILE = 8  # neurons that a matrix product computes together
LOPSIDED = 1.15  # times as many products for the slowest thread cost more than weights that another core's cache has


def _cuts(listing: Listing, threads: int, whole: Collection[str]) -> tuple[int, ...]:
    """Cut θ in parts of nearly the same size, layers of neurons between two tiles of them: a thread that computes the
    gradients of neurons checks and updates the same weights, and finds them in its core's cache."""
    size, found = listing.block["g"].width, [0]
    for shard in range(1, threads):
        aim = cut = size * shard // threads
        for name, v in listing.gradients.items():
            if v.at <= aim < v.at + v.width:
                step = TILE * v.width // v.shape[0] if name in whole and len(v.shape) > 1 else 2 * TILE
                cut = v.at + min(round((aim - v.at) / step) * step, v.width)
        found.append(max(cut, found[-1]))
    return (*found, size)


def _longest(late: Sequence[Instruction], cuts: Sequence[int], even: bool) -> float:
    """Count the products of the thread that has most of them, in gradients that are divided by neurons."""
    shares = [0.0] * (len(cuts) - 1)
    for i in late:
        if i.scope == "neurons" and (products := operations(i, 1)):
            parts = ends(i, 0, i.written[0].shape[0], cuts, even)
            for shard, (lo, hi) in enumerate(pairwise(parts)):
                shares[shard] += products * (hi - lo) / parts[-1]
    return max(shares)


def ends(i: Instruction, lo: int, hi: int, cuts: Sequence[int], even: bool = False) -> list[int]:
    """Where the shards' parts of lo..hi end, which an instruction counts in: numbers of θ, or a layer's neurons."""
    if not cuts:
        return [lo, hi]
    W = i.writes[1] if i.scope == "neurons" else None
    if W is not None and W.home == "g" and not even:
        cuts = [round((cut - W.at) * hi / W.width) for cut in cuts]
    elif i.scope == "neurons":  # for example a second gradient, or that of the bias alone
        shards = len(cuts) - 1
        cuts = [*(TILE * round(hi * shard / shards / TILE) for shard in range(shards)), hi]
    return [min(max(cut, lo), hi) for cut in cuts]


def by_neuron(listing: Listing, refused: Collection[str] = ()) -> set[str]:
    """Find trained parameters that only layers of neurons read: their gradients are divided by neurons, not rows.
    refused: names of gradients that are not."""
    ahead = [i for i in listing.instructions if i.phase not in ("backward", "store") and not _updates_weights(i)]
    trained = set(listing.gradients)
    chosen = {name for name in trained if listing.gradients[name].name not in refused}
    theta = listing.block["θ"]  # whole: a frozen weight is held in it, whatever the weights are called
    while True:
        others: set[str] = set()
        for i in ahead:
            read = [v.name for v in i.reads if v.role == "parameter" and v is not theta and v.name in trained]
            x = i.arguments[0] if i.arguments else None
            fits = i.op == "penalty" or (facts(i.op).units == "neuron" and x is not None and x.rows > 0 and all(
                v is None or (v.home and v.shape[:1] == i.arguments[1].shape[:1] and len(v.shape) == 2 - k)
                for k, v in enumerate(i.arguments[1:])))  # no computed weights, and a bias for each neuron
            if read and not (fits and chosen.issuperset(read)):
                others |= chosen.intersection(read)
        if not others:
            return chosen
        chosen = chosen - others


def _adds(i: Instruction) -> bool:
    """Whether an instruction adds a second gradient of a value to the first one."""
    return i.phase == "backward" and i.op == "add" and not i.backward


def _added(listing: Listing) -> dict[int, Value]:
    """The gradients to which second ones are added, by the ids of these."""
    return {id(i.arguments[1]): i.written[0] for i in listing.instructions if _adds(i)}


def _updates_weights(i: Instruction) -> bool:
    return i.phase == "update" and any(v.home == "g" for v in i.reads)


def _backward(listing: Listing, copied: set[int], shared: set[int]) -> tuple[list[Instruction], list[Instruction]]:
    """Rewrite the backward instructions: those whose work is divided by rows, and those after them, by neurons."""
    backward = [i for i in listing.instructions if i.phase == "backward"]
    added = _added(listing)
    first, late = [], []
    known: set[int] = set()
    for i in backward:
        adds = _adds(i)
        targets = [added.get(id(v), v) for v in i.written]
        if adds and id(i.written[0]) in shared:
            late.append(replace(i, scope="once"))
            continue
        if adds and id(i.written[0]) in copied and i.scope == "rows":
            copied.add(id(i.arguments[1]))
        if facts(i.op).units == "neuron" and i.backward and any(id(v) in shared for v in targets):
            late.append(replace(i, writes=(None, *i.writes[1:]), attributes={}, scope="neurons"))
            if i.writes[0] is None:
                continue
            i = replace(i, writes=(i.writes[0], None, None))
        for v in i.written:
            if id(v) in copied and id(v) not in known and i.scope == "once" and not adds:  # one thread alone writes it
                first.append(Instruction("backward", "fill", (), (v,), {"value": 0.0}, formula="0", layer=i.layer))
        known |= {id(v) for v in i.written}
        first.append(i)
    return first, late


def _update(update: list[Instruction], listing: Sharded) -> list[Instruction]:
    """Put before the update the instructions that add up the copies of gradients."""
    g = listing.block["g"]
    stack = Value(STACK, (listing.copies, *g.shape), 0, g.dtype, "gradient", STACK)
    adding = [Instruction("update", "reduce", (stack,), (g,), {"lo": v.at, "hi": v.at + v.width}, scope="range",
                          formula=f"g = sum of shards, in {v.name}")
              for v in listing.gradients.values() if id(v) in listing.copied]
    at = next((k for k, i in enumerate(update) if i.op == "check"), 0)
    return [*update[:at], *adding, *update[at:]]
