"""Depth and features: what the units of each layer of a convolutional network respond to, from edges up."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from os import PathLike
from typing import Any, ClassVar

import numpy as np

from ...drawing.sheet import by
from ...errors import DataError, ShapeError
from ...inspect.filters import filter_weights
from ...inspect.operations import Operation
from ...inspect.pixels import Pixels, pixels_of
from ...inspect.reading import network_of
from ...inspect.wiring import Wiring
from ...text import counted, jsonable
from ..models import fresh, judged
from ..result import Result, table
from . import excitation
from .features_figure import sheet

UNITS, PATCHES, ROWS = 4, 4, 2000  # shown of each layer; real patches of each; images looked at


def features(model: Any, X: Any, y: Any = None, units: int = UNITS, patches: int = PATCHES, rows: int = ROWS,
             steps: int = 40, seed: int = 0) -> Features:
    """What each layer of a trained convolutional network responds to in images X, and how much of it is about class.

    >>> import cutaway as ct
    >>> X, y = ct.datasets.load("digits")
    >>> found = features(ct.nn.CNN((8, 8, 1), 10).init(0), X.reshape(-1, 8, 8, 1) / 16, y, rows=200)
    >>> [layer.sees for layer in found.layers]
    ['3 × 3', 'all', 'all']

    model: a network or a trained ct.Classifier, which encodes X. X: images (n, height, width, channels); y: their
    classes (n,), without which units are ranked by how much they vary. Of each layer the `units` most selective ones
    are shown, of different favourite classes where possible: the pattern that excites each most (of the first layer,
    the filter), and the `patches` places in X on which it is strongest. rows: images looked at, at most, spread evenly.
    steps: of the gradient ascent that finds patterns.

    A unit's selectivity is the share of the variance of its strongest response in an image that lies between classes
    (η²). The same network with the first weights of `seed` says what an untrained one has of it.

    Raises ArgumentError for a network without convolutions, ShapeError for images that do not fit.
    Source: the lecture's "Pixel → Edge → Shape → Face".
    """
    network = network_of(model)
    first = next(iter(filter_weights(network)))
    images = _images(model, network, X)
    if y is not None and len(y) != len(images):
        raise ShapeError(f"X has {len(images):,} images, y {len(y):,} labels: give one for each")
    kept = np.unique(np.linspace(0, len(images) - 1, min(rows, len(images))).astype(int))
    images = images[kept]
    program = excitation.program_for(network, images)
    classes, codes = (None, None) if y is None else _classes(model, y, kept, program)
    wiring = Wiring(program)
    seen = excitation.responses(program, wiring, images)
    start = fresh(network, seed)
    first_program = excitation.program_for(start, images)
    before = excitation.responses(first_program, Wiring(first_program), images)
    size = float(np.sqrt(np.mean(np.square(images, dtype=np.float64))))
    layers = []
    for name, o in wiring.with_units().items():
        layer = _layer(name, o, wiring, seen[name], codes)
        layer.untrained = _mean(selectivity(before[name].strongest, codes))
        layer.chosen = _choose(layer, units)
        layer.rows, layer.patches = _patches(wiring, o, seen[name], layer.chosen, images, patches)
        layers.append(layer)
    chosen = {layer.name: layer.chosen for layer in layers}
    pictures = excitation.patterns(network, wiring, chosen, images.shape[1:], size, steps, seed)
    for layer in layers:
        layer.patterns = pictures[layer.name]
    return Features(layers, edges(filter_weights(network)[first]), edges(filter_weights(start)[first]), len(images),
                    images.shape[1:], classes, kept,
                    pixels_of(model, images, X))


def _classes(model: Any, y: Any, kept: np.ndarray, program: Any) -> tuple[list, np.ndarray]:
    """The classes in the rows that are kept, and the number of each row's. Numbers are no classes."""
    outputs = int(np.prod(program.engine.listing.output.shape))
    labels, codes = judged(y, len(y), max(outputs, len(getattr(model, "classes_", ()))))
    if not labels:
        raise DataError(f"y holds {len(np.unique(codes)):,} different numbers, which are no classes: give classes, or "
                        "leave y out")
    present, own = np.unique(codes[kept], return_inverse=True)
    return [labels[k] for k in present], own


def _images(model: Any, network: Any, X: Any) -> np.ndarray:
    images = model.encode(X) if network is not model else np.asarray(X)
    if getattr(images, "ndim", 0) == 3:
        images = images[..., None]
    if getattr(images, "ndim", 0) != 4 or len(images) < 2:
        shape = getattr(images, "shape", "?")
        raise ShapeError(f"X has shape {shape}: give images (n, height, width, channels), two or more")
    return images if images.dtype.kind == "f" else images.astype(network.dtype)


def _layer(name: str, o: Operation, wiring: Wiring, seen: excitation.Responses,
           codes: np.ndarray | None) -> LayerFeatures:
    field = excitation.field_of(wiring, o)
    return LayerFeatures(
        name, o.op, seen.strongest.shape[1], None if field is None else tuple(last - first for first, last in field),
        selectivity(seen.strongest, codes), favourites(seen.strongest, codes),
        int((np.ptp(seen.strongest, axis=0) == 0).sum()), seen.strongest.std(0),
    )


def _choose(layer: LayerFeatures, units: int) -> list[int]:
    """The most selective units, first those whose favourite class no better one has; no silent ones."""
    score = layer.spread if np.isnan(layer.selectivity).all() else np.nan_to_num(layer.selectivity)
    ranked = [int(k) for k in np.argsort(-score, kind="stable") if layer.spread[k] > 0]
    new = [k for i, k in enumerate(ranked) if layer.favourite[k] not in layer.favourite[ranked[:i]]]
    return [*new, *(k for k in ranked if k not in new)][:units]


def _patches(wiring: Wiring, o: Operation, seen: excitation.Responses, chosen: list[int], images: np.ndarray,
             most: int) -> tuple[np.ndarray, np.ndarray]:
    """Find the images on which each chosen unit is strongest, and what it sees there."""
    rows = np.argsort(-seen.strongest[:, chosen], axis=0, kind="stable")[:most].T
    patches = [[excitation.cut(images[i], excitation.field_of(wiring, o, int(seen.place[i, k]))) for i in own]
               for k, own in zip(chosen, rows, strict=True)]
    return rows, np.array(patches)


# ---- measures --------------------------------------------------------------------------------------------------------


def selectivity(responses: np.ndarray, codes: np.ndarray | None) -> np.ndarray:
    """Compute η²: the share of the variance of each unit's responses (n, units) that lies between classes, NaN if none.

    >>> selectivity(np.array([[1.0, 0], [1, 1], [3, 0], [3, 1]]), np.array([0, 0, 1, 1])).tolist()
    [1.0, 0.0]
    """
    if codes is None:
        return np.full(responses.shape[1], np.nan)
    responses = responses.astype(np.float64)
    counts = np.bincount(codes)
    means = np.stack([responses[codes == c].mean(0) for c in range(len(counts))])
    between = counts @ np.square(means - responses.mean(0)) / len(responses)
    total = responses.var(0)
    return np.divide(between, total, out=np.full(len(total), np.nan), where=total > 0)


def favourites(responses: np.ndarray, codes: np.ndarray | None) -> np.ndarray:
    """The class on which each unit is strongest on average; -1 without classes."""
    if codes is None:
        return np.full(responses.shape[1], -1)
    return np.stack([responses[codes == c].mean(0) for c in range(codes.max() + 1)]).argmax(0)


@dataclass(frozen=True, eq=False)
class EdgeShares:
    """How much of each filter (out, height, width, in) is an edge: dark on one side, light on the other.

    share: of its energy Σ w², what the best plane through each channel explains, w ≈ a u + b v (its mean is no part of
    it). direction: in which it gets lighter, in degrees, 0 to the right and 90 downwards. chance: the share expected of
    filters drawn by chance, 2 / (height · width).
    """

    share: np.ndarray
    direction: np.ndarray
    chance: float

    @property
    def mean(self) -> float:
        """The share of all filters' energy together, each filter scaled to one."""
        return float(self.share.mean())


def edges(filters: np.ndarray) -> EdgeShares:
    """Fit an edge to every filter by least squares.

    >>> found = edges(np.array([[[-1, 0, 1], [-1, 0, 1], [-1, 0, 1]], [[0, 0, 0], [0, 1, 0], [0, 0, 0]]])[..., None])
    >>> found.share.round(6).tolist(), found.direction.tolist(), round(found.chance, 2)
    ([1.0, 0.0], [0.0, 0.0], 0.22)
    """
    high, wide = filters.shape[1:3]
    v, u = np.meshgrid(np.arange(high) - (high - 1) / 2, np.arange(wide) - (wide - 1) / 2, indexing="ij")
    planes = [p / np.linalg.norm(p) for p in (u, v) if p.any()]
    parts = np.stack([np.einsum("khwc,hw->kc", filters, p) for p in planes], axis=1)  # (filters, planes, channels)
    energy = np.square(filters, dtype=np.float64).sum((1, 2, 3))
    share = np.divide(np.square(parts).sum((1, 2)), energy, out=np.zeros(len(energy)), where=energy > 0)
    across = np.zeros((len(filters), 2))
    across[:, [k for k, p in enumerate((u, v)) if p.any()]] = parts.sum(2)
    return EdgeShares(share, np.degrees(np.arctan2(across[:, 1], across[:, 0])) % 360, len(planes) / (high * wide))


def _mean(values: np.ndarray) -> float:
    known = values[np.isfinite(values)]
    return float(known.mean()) if known.size else float("nan")


# ---- the result ------------------------------------------------------------------------------------------------------


@dataclass(eq=False)
class LayerFeatures:
    """One layer: what its units see, how selective they are, and what the chosen ones respond to.

    field: height and width of what a unit sees, in pixels; None for the whole image. selectivity (units,): η², NaN for
    units that never change, of which there are `silent`. favourite (units,): the class of the highest mean. spread:
    deviation of each unit's responses. untrained: the mean selectivity of this layer before training. chosen: units
    shown. patterns (chosen, height, width, channels) and patches (chosen, patches, height, width, channels), NaN beyond
    the image; rows (chosen, patches): the images that patches are cut from.
    """

    name: str
    op: str
    units: int
    field: tuple[int, ...] | None
    selectivity: np.ndarray
    favourite: np.ndarray
    silent: int
    spread: np.ndarray
    untrained: float = float("nan")
    chosen: Sequence[int] = ()
    patterns: Any = None
    patches: Any = None
    rows: Any = None

    @property
    def sees(self) -> str:
        return "all" if self.field is None else by(self.field)

    @property
    def mean(self) -> float:
        """Mean selectivity of the units that respond at all."""
        return _mean(self.selectivity)


@dataclass(eq=False, repr=False)
class Features(Result):
    """What `ct.lab.features` gives: its layers in order, and how much of the first filters is an edge."""

    kind: ClassVar[str] = "features"

    layers: list[LayerFeatures]
    edges: EdgeShares
    untrained_edges: EdgeShares
    images: int
    shape: tuple[int, ...]
    classes: list | None
    looked_at: np.ndarray
    pixels: Pixels = field(default_factory=Pixels)
    cut_short: str = ""

    @property
    def fields(self) -> list[int]:
        """Pixels that a unit of each layer sees, at most those of the image."""
        high, wide = self.shape[:2]
        return [high * wide if f is None else min(f[0], high) * min(f[1], wide) for f in (x.field for x in self.layers)]

    def to_pandas(self) -> Any:
        """Make a table with a row a unit: layer, unit, pixels seen, selectivity, favourite class, how it varies."""
        import pandas as pd

        return pd.concat([pd.DataFrame({
            "layer": layer.name, "unit": np.arange(layer.units), "pixels": pixels, "selectivity": layer.selectivity,
            "favourite": None if self.classes is None else np.array(self.classes)[layer.favourite],
            "deviation": layer.spread,
        }) for layer, pixels in zip(self.layers, self.fields, strict=True)], ignore_index=True)

    def to_json(self) -> dict[str, Any]:
        layers = [{
            "name": layer.name, "operation": layer.op, "units": layer.units, "field": layer.field, "pixels": pixels,
            "selectivity": layer.selectivity, "mean_selectivity": layer.mean, "untrained": layer.untrained,
            "favourite": layer.favourite, "silent": layer.silent, "chosen": layer.chosen, "patterns": layer.patterns,
            "patches": layer.patches, "rows": self.looked_at[layer.rows],
        } for layer, pixels in zip(self.layers, self.fields, strict=True)]
        edge = {name: vars(one) | {"mean": one.mean} for name, one in (("trained", self.edges),
                                                                      ("untrained", self.untrained_edges))}
        return jsonable({"kind": self.kind, "images": self.images, "shape": self.shape, "classes": self.classes,
                      "layers": layers, "edges": edge})

    def __str__(self) -> str:
        head = ["layer", "units", "sees", "classes explain", "untrained", "silent units"]
        rows = [[x.name, str(x.units), x.sees, _share(x.mean), _share(x.untrained), str(x.silent)] for x in self.layers]
        return f"{self._finding()}\n\n{table(head, rows)}\n\n{counted(self.images, 'image')} of {by(self.shape)}."

    def _finding(self) -> str:
        last, sees = self.layers[-1], [layer.sees for layer in self.layers]
        said = [f"A unit sees {', then '.join(dict.fromkeys(s for s in sees if s != 'all'))} pixels"
                + (", then the whole image." if "all" in sees else ".")]
        if self.classes is not None:
            share = [layer.mean for layer in self.layers]
            rises = "rises at every layer" if (np.diff(np.round(share, 2)) > 0).all() else "goes"
            said.append(f"The share of its response that classes explain {rises} from {_share(share[0])} to "
                        f"{_share(share[-1])} (untrained: {_share(self.layers[0].untrained)} to "
                        f"{_share(last.untrained)}).")
        first, before = self.edges, self.untrained_edges
        said.append(f"Edges make up {_share(first.mean)} of the first filters, {_share(before.mean)} before training, "
                    f"{_share(first.chance)} by chance.")
        return " ".join(said)

    def plot(self, path: str | PathLike | None = None) -> Any:
        """Draw a sheet with a row a layer: patterns that excite its units, and real patches that do."""
        return sheet(self).saved(path)


def _share(value: float) -> str:
    return f"{value:.0%}" if np.isfinite(value) else "-"
