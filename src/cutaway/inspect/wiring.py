"""Wiring: which unit each number comes from that a layer reads, and which part of an input a unit sees."""

from __future__ import annotations

import itertools
import math
from typing import NamedTuple

from ..engines import Program
from ..program import Value
from .operations import Operation, operations_of, readers
from .reading import unknown, within

Places = tuple[tuple[int, int], ...]  # along each size, the first place and the one behind the last


class FeatureSource(NamedTuple):
    """Where a feature or channel comes from: its name, and the units (a value, and the number in it) behind it."""

    name: str
    units: tuple[tuple[int, int], ...] = ()


class Wiring:
    """The operations of a program, and what feeds what. names: what the input's features are called."""

    def __init__(self, program: Program, names: list[str] | None = None) -> None:
        self.operations = operations_of(program)
        self.names = names
        self._writers = {id(v): o for o in self.operations for v in o.main.written}
        self._known: dict[int, list[FeatureSource]] = {}

    # ---- units by name -----------------------------------------------------------------------------------------------
    def with_units(self) -> dict[str, Operation]:
        """Find the operations that have units, by layer; by the value they write where a layer has two."""
        every = [o for o in self.operations if o.rule.units]
        layers = [o.layer for o in every]
        return {o.layer if o.layer and layers.count(o.layer) == 1 else o.out.name: o for o in every}

    def find(self, layer: str) -> tuple[str, Operation]:
        """Find the operation of this name, or the only one inside the layer of this name."""
        known = self.with_units()
        if layer in known:
            return layer, known[layer]
        inside = [name for name, o in known.items() if within(o.layer, layer)]
        if len(inside) == 1:
            return inside[0], known[inside[0]]
        raise unknown("layer with units of its own" if not inside else "single layer", layer, inside or list(known))

    def activation(self, o: Operation) -> list[Operation]:
        """Find what is applied to the outputs of a layer, value by value, up to its activation function."""
        applied: list[Operation] = []
        v = o.out
        while not o.rule.sums and len(found := readers(self.operations, v)) == 1:
            (after,) = found
            if not after.rule.activates and not after.rule.normalises:
                break
            applied.append(after)
            if after.rule.activates:
                return applied
            v = after.out
        return []

    # ---- where features come from ------------------------------------------------------------------------------------
    def sources(self, v: Value) -> list[FeatureSource]:
        """Find where each feature or channel of a value (its last axis) comes from."""
        if id(v) not in self._known:
            self._known[id(v)] = self._sources(v)
        return self._known[id(v)]

    def _sources(self, v: Value) -> list[FeatureSource]:
        o = self._writers.get(id(v))
        count = v.shape[-1] if v.shape else 1
        if o is None:
            return self._input_sources(v, count)
        rule = o.rule
        if rule.units or rule.picks:
            name = o.layer or v.name
            return [FeatureSource(f"{name}[{k}]", ((id(o), k),)) for k in range(count)]
        before = o.reads
        if rule.variadic and o.main.attributes["axis"] in (-1, len(v.shape)):
            return [source for part in before for source in self.sources(part)]
        x = before[0] if before else None
        if x is not None and "channels" in rule.keeps and (rule.kind != "elementwise" or len(before) == 1):
            return self.sources(x) if x.shape[-1:] == v.shape[-1:] else _sources_of(v, count)
        if x is not None and rule.moves and not rule.variadic:
            last = o.main.attributes.get("axes", (len(x.shape),))[-1]
            if x.shape[-1:] == v.shape[-1:] and last == len(x.shape):
                return self.sources(x)
            if rule.kind == "view" and v.shape == (x.width,):
                return self._flat(x)
        if rule.kind == "elementwise":
            parts = [self.sources(part) for part in before if part.shape[-1:] == v.shape[-1:]]
            merged = [tuple(dict.fromkeys(unit for part in parts for unit in part[k].units)) for k in range(count)]
            return [FeatureSource(f"{v.name}[{k}]", units) for k, units in enumerate(merged)]
        return _sources_of(v, count)

    def _input_sources(self, v: Value, count: int) -> list[FeatureSource]:
        if self.names is not None and len(self.names) == count:
            return [FeatureSource(name) for name in self.names]
        one = count == 1 and len(v.shape) > 1
        return [FeatureSource(v.name if one else f"{v.name}[{k}]") for k in range(count)]

    def _flat(self, x: Value) -> list[FeatureSource]:
        """Flatten an image or sequence to one row: a source for each place and channel."""
        if id(x) not in self._writers and self.names is not None and len(self.names) == x.width:
            return [FeatureSource(name) for name in self.names]
        inner = self.sources(x)
        places = itertools.product(*(range(k) for k in x.shape[:-1]))
        return [FeatureSource(f"{source.name} at {', '.join(map(str, place))}" if place else source.name, source.units)
                for place in places for source in inner]

    # ---- what a unit sees --------------------------------------------------------------------------------------------
    def field(self, v: Value, places: Places) -> Places | None:
        """Find the part of the input that some places of a value depend on; None for all places."""
        o = self._writers.get(id(v))
        if o is None:
            return places
        inner: Places | None
        if o.rule.windows:
            own = o.main.attributes
            window = own.get("window") or o.operands["W"].shape[1:-1]
            dilation = own.get("dilation", (1,) * len(window))
            inner = tuple(
                (first * s - before, (last - 1) * s - before + d * (k - 1) + 1)
                for (first, last), s, (before, _), k, d in zip(
                    places, own["stride"], own["padding"], window, dilation, strict=True)
            )
        elif "places" in o.rule.keeps:
            inner = places
        else:
            return None
        inputs = [x for x in o.reads if len(x.shape) == len(places) + (not o.rule.picks)]
        fields = [self.field(x, inner) for x in inputs]
        if not fields or None in fields or len(inputs) < len(o.reads):
            return None
        return tuple((min(f[i][0] for f in fields if f), max(f[i][1] for f in fields if f)) for i in range(len(places)))


def _sources_of(v: Value, count: int) -> list[FeatureSource]:
    return [FeatureSource(f"{v.name}[{k}]") for k in range(count)]


def cropped(places: Places, shape: tuple[int, ...]) -> tuple[slice, ...]:
    """Cut a field to the part that lies inside an input with places of this shape."""
    return tuple(slice(max(first, 0), min(last, size)) for (first, last), size in zip(places, shape, strict=True))


def count_of(o: Operation) -> int:
    """Count the units of an operation."""
    return o.out.shape[-1] if o.out.shape else math.prod(o.out.shape)
