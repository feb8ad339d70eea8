"""What excites a unit: the places in real images where it is strongest, and the pattern that gradient ascent finds."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from ...autodiff import Tensor
from ...engines import Program, evaluator
from ...inspect.operations import Operation
from ...inspect.wiring import Places, Wiring, cropped
from ...nn import Module
from ...random import stream

BATCH = 64
STEP = 0.3  # the first step of gradient ascent, as a share of the ball's radius; later ones get smaller


class Responses(NamedTuple):
    """The strongest response of each unit to each image (n, units), and where: its place's number (n, units)."""

    strongest: np.ndarray
    place: np.ndarray


def program_for(network: Module, images: np.ndarray) -> Program:
    """The evaluation program, which keeps every value."""
    return evaluator(network, images[:2], batch_size=BATCH, keep_all=True)


def responses(program: Program, wiring: Wiring, images: np.ndarray) -> dict[str, Responses]:
    """Measure how strongly every unit responds, behind its activation, by layer."""
    layers = wiring.with_units()
    values = {name: (wiring.activation(o) or [o])[-1].out for name, o in layers.items()}
    found: dict[str, list[Responses]] = {name: [] for name in layers}
    for at in range(0, len(images), BATCH):
        program.predict(images[at : at + BATCH])
        for name, v in values.items():
            a = program.value(v)
            a = a.reshape(len(a), -1, a.shape[-1])
            found[name].append(Responses(a.max(1), a.argmax(1)))
    return {name: Responses(*map(np.concatenate, zip(*parts, strict=True))) for name, parts in found.items()}


def field_of(wiring: Wiring, o: Operation, place: int | None = None) -> Places | None:
    """The part of the image, padding included, that a place of a layer's output sees (None: the middle one).

    None if that is all of the image: a layer without places, or one behind something that mixes all of them.
    """
    size = o.out.shape[:-1]
    if len(size) != 2:
        return None
    at = tuple(k // 2 for k in size) if place is None else tuple(map(int, np.unravel_index(place, size)))
    return wiring.field(o.out, tuple((p, p + 1) for p in at))


def cut(image: np.ndarray, field: Places | None) -> np.ndarray:
    """The part of an image that a field covers; NaN where it reaches beyond the image."""
    if field is None:
        return image
    patch = np.full((*(last - first for first, last in field), image.shape[-1]), np.nan, image.dtype)
    inside = cropped(field, image.shape[:2])
    patch[tuple(slice(own.start - first, own.stop - first) for own, (first, _) in zip(inside, field, strict=True))] = (
        image[inside])
    return patch


def patterns(network: Module, wiring: Wiring, units: Mapping[str, Sequence[int]], shape: tuple[int, ...], size: float,
             steps: int = 40, seed: int = 0) -> dict[str, np.ndarray]:
    """The pattern that excites each of some units most, by layer: (units, height, width, channels).

        max z(x) over x with ‖x‖ ≤ r

    Gradient ascent on the input, from faint noise, of z at the middle place of the unit's map, before the activation.
    The ball is the only regulariser: its radius lets x have `size` at each place that the unit sees (root mean square).
    So a unit of the first layer gets its own filter. NaN where a unit sees beyond the image. (Erhan, Bengio, Courville
    and Vincent, 2009.)
    """
    still = copy.deepcopy(network)
    for p in still.parameters():
        p.requires_grad = False
    layers = wiring.with_units()
    goals = [(layers[name], unit) for name, own in units.items() for unit in own]  # an image each, all at once
    fields = [field_of(wiring, o) for o, _ in goals]
    seen = np.stack([_inside(field, shape) for field in fields]).astype(still.dtype)
    radius = size * _norm(seen)
    x = 0.01 * size * seen * stream(seed, "ascent").standard_normal(seen.shape).astype(still.dtype)
    for step in range(steps):
        image = Tensor(x, requires_grad=True)
        _excitation(still(image), wiring, goals).backward()
        g: Any = image.grad
        g = g / np.maximum(_norm(g), 1e-12)
        x = x + STEP * (1 - step / steps) * radius * g
        x = x * np.minimum(1, radius / np.maximum(_norm(x), 1e-12))
    found = iter(cut(one, field) for one, field in zip(x, fields, strict=True))
    return {name: np.stack([next(found) for _ in own]) for name, own in units.items()}


def _excitation(out: Any, wiring: Wiring, goals: list[tuple[Operation, int]]) -> Tensor:
    """Add up z of each image's own unit at its middle place, read from the tape that led to `out`."""
    entries = out.tape.root().entries
    J: Any = 0.0
    for o in dict.fromkeys(o for o, _ in goals):
        alike = [other for other in wiring.operations if (other.op, other.layer) == (o.op, o.layer)]
        z = [e for e in entries if (e.op.name, e.scope) == (o.op, o.layer)][alike.index(o)].outputs[0]
        wanted = np.zeros(z.shape, z.dtype)
        for i, (own, unit) in enumerate(goals):
            if own is o:
                wanted[(i, *(k // 2 for k in z.shape[1:-1]), unit)] = 1
        J = J + (z * wanted).sum()
    return J


def _inside(field: Places | None, shape: tuple[int, ...]) -> np.ndarray:
    """Mark the part of an image that a field covers: one there, else zero."""
    seen = np.zeros(shape)
    seen[() if field is None else cropped(field, shape[:2])] = 1
    return seen


def _norm(x: np.ndarray) -> np.ndarray:
    return np.sqrt((x * x).sum(axis=(1, 2, 3), keepdims=True))
