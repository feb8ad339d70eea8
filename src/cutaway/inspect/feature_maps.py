"""Feature maps: what convolutions, activations and pooling make of one image, place by place."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from os import PathLike
from typing import Any

import numpy as np

from ..drawing.sheet import EDGE, FAINT, LINES, Sheet, by, ends, time_axis
from ..errors import ArgumentError
from ..rules import facts
from ..shown import Shown
from ..text import counted, jsonable
from .filters import filter_weights
from .pixels import Pixels, pixels_of
from .reading import evaluated, forward_steps, layer_name, layers_of, network_of, unknown, within

MOST_ROWS = 16


def feature_maps(model: Any, image: Any, layer: Any = None, engine: str = "cpu") -> FeatureMaps:
    """Show what one image becomes in a network: every value of its program that still has places, by name.

    >>> import numpy as np, cutaway as ct
    >>> net = ct.nn.CNN((28, 28, 1), 10).init(0)
    >>> maps = ct.inspect.feature_maps(net, np.ones((28, 28)))
    >>> list(maps)
    ['layer1.z', 'layer1.a', 'layer1.y', 'layer2.z', 'layer2.a', 'layer2.y']
    >>> maps["layer1.y"].shape
    (14, 14, 32)

    model: a network or a trained estimator, which encodes the image first. image: (height, width, channels), or
    (height, width) if there is one channel, also as a batch of one; (time, features) for networks of Conv1d.
    layer: only what this layer wrote, by its name or the layer itself. engine: who runs the program.
    Raises ArgumentError for a network without convolutions, several images, an unknown layer; ShapeError for an image
    that does not fit, with the layer and the shapes.
    """
    network = network_of(model)
    sizes = len(next(iter(filter_weights(network).values())).shape) - 2
    name = "" if layer is None else layer_name(network, layer)
    program = evaluated(model, image, sizes, engine)
    steps = [i for i in forward_steps(program) if i.op != "masked" and i.written and i.written[0].rows == 1
             and len(i.written[0].shape) == sizes + 1]
    chosen = [i for i in steps if within(i.layer, name)]
    if not chosen:
        raise unknown("layer with feature maps", name, layers_of(steps))
    maps = {i.written[0].name: program.value(i.written[0].name)[0].copy() for i in chosen}
    seen = program.value("x")[0].copy()
    return FeatureMaps(seen, maps, {i.written[0].name: i.op for i in chosen}, pixels_of(model, seen, image))


@dataclass(eq=False, repr=False)
class FeatureMaps(Mapping, Shown):
    """What `ct.inspect.feature_maps` gives: arrays (height, width, channels), or (time, channels), by their names.

    image: the input as the network saw it. operations: what computed each array ("conv", "relu", "max_pool", ...).
    pixels: which numbers of the image are black and white.
    """

    image: np.ndarray
    maps: dict[str, np.ndarray]
    operations: dict[str, str]
    pixels: Pixels = field(default_factory=Pixels)

    def __getitem__(self, name: str) -> np.ndarray:
        if name not in self.maps:
            raise KeyError(str(unknown("feature map", str(name), self.maps)))
        return self.maps[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.maps)

    def __len__(self) -> int:
        return len(self.maps)

    def to_json(self) -> dict[str, Any]:
        """Give plain lists of numbers with five digits."""
        values = [{"name": name, "operation": self.operations[name], "shape": list(a.shape), "values": jsonable(a, 5)}
                  for name, a in self.maps.items()]
        return {"kind": "feature_maps", "image": jsonable(self.image, 5), "maps": values}

    def __repr__(self) -> str:
        what = "image" if self.image.ndim == 3 else "sequence"
        parts = [f"{name} {by(a.shape)}" for name, a in self.maps.items()]
        parts = parts if len(parts) < 8 else [*parts[:3], f"{len(parts) - 5} more", *parts[-2:]]
        return f"FeatureMaps({what} {by(self.image.shape)} -> {', '.join(parts)})"

    # ---- the figure --------------------------------------------------------------------------------------------------
    def plot(self, path: str | PathLike | None = None, most: int = 8) -> Any:
        """Draw a matplotlib figure, also written to a file (.svg, .png, ...) if a path is given.

        One row for each value, with at most so many channels: those with the largest values behind the layer, the same
        ones in all of its rows, the strongest first. Each row is on its own scale from black, its smallest value, to
        white. Sequences are lines over time. A deep network shows only the last value of each layer.
        """
        if most < 1:
            raise ArgumentError(f"most must be a number of channels of at least 1, got {most!r}")
        groups = self._groups()
        if len(self) > MOST_ROWS:
            groups = [group[-1:] for group in groups][:MOST_ROWS]
        return (self._tiles(groups, most) if self.image.ndim == 3 else self._curves(groups, most)).saved(path)

    def _groups(self) -> list[list[str]]:
        """Group values whose channels are the same filters: from one convolution to the next."""
        groups: list[list[str]] = []
        for name, a in self.maps.items():
            if not groups or facts(self.operations[name]).units or a.shape[-1] != self.maps[groups[-1][-1]].shape[-1]:
                groups.append([])
            groups[-1].append(name)
        return groups

    def _strongest(self, group: list[str], most: int) -> list[int]:
        last = np.abs(self.maps[group[-1]])
        return [int(c) for c in np.argsort(-last.reshape(-1, last.shape[-1]).mean(0), kind="stable")[:most]]

    def _caption(self, sheet: Sheet, name: str, left: float, middle: float, extent: str = "") -> None:
        op = self.operations[name]
        sheet.words(left, middle - 0.04, name, 10, weight="bold", va="bottom")
        about = f"{facts(op).title}, {by(self.maps[name].shape)}"
        sheet.words(left, middle, about + extent, 8, FAINT, linespacing=1.35)

    def _tiles(self, groups: list[list[str]], most: int) -> Sheet:
        high, wide = self.image.shape[:2]
        height, width = min(0.72, 0.72 * high / wide), min(0.72, 0.72 * wide / high)
        picture = 1.5
        across = min(most, max(a.shape[-1] for a in self.maps.values()))
        left = EDGE + picture + 0.35
        tiles = left + 1.75
        top = EDGE + 0.6
        deep = sum(len(group) for group in groups) * (height + 0.1) + len(groups) * 0.26
        sheet = Sheet(tiles + across * (width + 0.08) + EDGE, top + max(deep, picture + 0.8) + 0.2)
        sheet.title("Feature maps", f"the {across} strongest channels of each layer, numbered; black is a row's lowest "
                                    "value, white its highest")
        deep = picture * min(1, high / wide)
        sheet.tile(EDGE, top + 0.26, picture * min(1, wide / high), deep, self.pixels(self.image), cmap="gray", vmin=0,
                   vmax=1)
        sheet.words(EDGE, top + 0.26 + deep + 0.1, "input", 10, weight="bold")
        sheet.words(EDGE, top + 0.26 + deep + 0.3, by(self.image.shape), 8, FAINT)
        sheet.words(EDGE, top + 0.26 + deep + 0.44, str(self.pixels), 8, FAINT, linespacing=1.35)
        at = top
        for group in groups:
            at += 0.26
            channels = self._strongest(group, most)
            for row, name in enumerate(group):
                black, white = ends(self.maps[name])
                extent = f"\n{black:.3g} to {white:.3g}".replace("-", "−")
                self._caption(sheet, name, left, at + height / 2, extent)
                for k, c in enumerate(channels):
                    place = tiles + k * (width + 0.08), at, width, height
                    sheet.tile(*place, self.maps[name][..., c], "" if row else str(c), cmap="gray", vmin=black,
                               vmax=white)
                at += height + 0.1
        return sheet

    def _curves(self, groups: list[list[str]], most: int) -> Sheet:
        most = min(most, 5, len(LINES))
        rows = [(name, self._strongest(group, most)) for group in groups for name in group]
        height, left, width, at = 0.85, EDGE + 2.3, 5.6, EDGE + 0.75
        steps = [len(self.image), *(len(self.maps[name]) for name, _ in rows)]
        gaps = [0.14 if steps[i] == steps[i + 1] else 0.34 for i in range(len(rows))]
        sheet = Sheet(left + width + 0.9, at + len(steps) * height + sum(gaps) + 0.6)
        sheet.title("Feature maps", f"the {counted(most, 'strongest channel')} of each layer, numbered, over time")
        sheet.words(EDGE, at + height / 2 - 0.04, "input", 10, weight="bold", va="bottom")
        sheet.words(EDGE, at + height / 2, by(self.image.shape), 8, FAINT)
        seen = self.image.shape[-1]
        axes = sheet.axes(left, at, width, height)
        _lines(axes, self.image, list(range(min(seen, len(LINES)))), numbered=seen > 1)
        for (name, channels), gap in zip(rows, gaps, strict=True):
            axes.tick_params(labelbottom=gap > 0.2)
            at += height + gap
            self._caption(sheet, name, EDGE, at + height / 2)
            axes = sheet.axes(left, at, width, height)
            _lines(axes, self.maps[name], channels, numbered=True)
        time_axis(axes)
        return sheet


def _lines(axes: Any, values: np.ndarray, channels: list[int], numbered: bool) -> None:
    for c, colour in zip(channels, LINES, strict=False):
        axes.plot(values[:, c], color=colour, lw=1.5, label=str(c), marker="o" if len(values) == 1 else None, ms=3)
    axes.margins(x=0.01)
    time_axis(axes, named=False)
    axes.spines[["top", "right"]].set_visible(False)
    if numbered:
        axes.legend(loc="center left", bbox_to_anchor=(1.0, 0.5), frameon=False, fontsize=7.5, handlelength=1.2,
                    labelspacing=0.15, borderaxespad=0.3)
