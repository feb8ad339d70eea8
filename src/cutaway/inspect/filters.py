"""Filters: the weights of a convolution, each the small pattern that it looks for at every place."""

from __future__ import annotations

from dataclasses import dataclass
from os import PathLike
from typing import Any

import numpy as np

from ..drawing.sheet import EDGE, FAINT, SIGNED, Sheet, by, colours, reach
from ..errors import ArgumentError
from ..nn import Module
from ..shown import Shown
from ..text import counted, jsonable
from .reading import layer_name, network_of, unknown

MOST = 64  # tiles where each filter is one
ROWS, COLUMNS = 8, 12  # filters and input channels where each pair is one


def filters(model: Any, layer: Any = None) -> Filters:
    """Show the filters of a convolution: an array (out, height, width, in), or (out, window, in) for sequences.

    >>> import cutaway as ct
    >>> f = ct.inspect.filters(ct.nn.CNN((28, 28, 1), 10).init(0), "layer1")
    >>> f
    Filters(layer1: 32 filters of 3 × 3 × 1, weights from -1.21 to 1.31)
    >>> f.array.shape
    (32, 3, 3, 1)

    model: a network or a trained estimator. layer: a name as in state_dict ("layer1", "block.conv") or the layer
    itself; the first convolution unless given. `f.plot()` draws them.
    Raises ArgumentError for a network without convolutions and for a layer that has no filters.
    """
    network = network_of(model)
    known = filter_weights(network)
    name = next(iter(known)) if layer is None else layer_name(network, layer) or "weight"
    if name.removesuffix(".weight") not in known and name not in known:
        raise unknown("layer with filters", name, known)
    name = name if name in known else name.removesuffix(".weight")
    return Filters(name, known[name].copy())


def filter_weights(network: Module) -> dict[str, np.ndarray]:
    """Find the filters of every convolution by the layer's name: only they have three sizes or four."""
    known = {name.removesuffix(".weight") or "weight": p.data for name, p in network.named_parameters()
             if len(p.shape) in (3, 4)}
    if not known:
        raise ArgumentError(
            f"{type(network).__name__} has no convolution, whose filters and feature maps could be shown; it has "
            f"{', '.join(dict.fromkeys(type(m).__name__ for _, m in network.named_modules() if m is not network))}"
        )
    return known


@dataclass(eq=False, repr=False)
class Filters(Shown):
    """What `ct.inspect.filters` gives: the layer's name, and its filters (out, height, width, in) or (out, window, in).

    in: the channels that a filter sees, of one group where the layer has several.
    """

    layer: str
    array: np.ndarray

    def __len__(self) -> int:
        return len(self.array)

    def to_json(self) -> dict[str, Any]:
        """Give plain lists of numbers with five digits."""
        return {"kind": "filters", "layer": self.layer, "shape": list(self.array.shape),
                "weights": jsonable(self.array, 5)}

    def __repr__(self) -> str:
        low, high = self.array.min(), self.array.max()
        return f"Filters({self.layer}: {self._size()}, weights from {low:.3g} to {high:.3g})"

    def _size(self) -> str:
        return f"{counted(len(self), 'filter')} of {by(self.array.shape[1:])}"

    # ---- the figure --------------------------------------------------------------------------------------------------
    def plot(self, path: str | PathLike | None = None) -> Any:
        """Draw a matplotlib figure, also written to a file (.svg, .png, ...) if a path is given.

        One tile each, on one scale: orange above zero, blue below. Filters of three channels are a tile in colour, in
        which grey is zero, and one each for the weights of red, green and blue; with other channels there is a row for
        each filter and a tile for each channel, or for the strongest of them, and the same where there are many.
        Filters over sequences have their window from left to right and a line for each channel.
        """
        images = self.array.ndim == 4
        seen = self.array.shape[-1]
        sheet = self._grid() if not images or seen == 1 else self._colours() if seen == 3 else self._matrix()
        return sheet.saved(path)

    def _look(self) -> dict[str, Any]:
        most = reach(self.array)
        return {"cmap": colours(SIGNED), "vmin": -most, "vmax": most}

    def _grid(self) -> Sheet:
        """Draw a tile for each filter."""
        shown = _strongest(self.array, MOST)
        across = next((c for c in (8, 12) if len(shown) <= 4 * c), 16)
        across = min(across, len(shown))
        down = -(-len(shown) // across)
        width, height = self._tile()
        right = EDGE + across * (width + 0.12)
        deep = max(down * (height + 0.3) - 0.3, 0.8)
        sheet = Sheet(max(right + 0.9, 4.6), EDGE + 0.75 + deep + 0.3)
        sheet.title(f"{self.layer}: {self._size()}", self._reading(len(shown)))
        image = None
        for place, k in enumerate(shown):
            left = EDGE + place % across * (width + 0.12)
            top = EDGE + 0.75 + place // across * (height + 0.3)
            image = sheet.tile(left, top, width, height, self._picture(k), str(k), **self._look())
        sheet.colour_bar(right + 0.1, EDGE + 0.75, deep, image, "weight")
        return sheet

    def _colours(self) -> Sheet:
        """Draw a large tile in colour for each filter, and under it a small one for each of red, green and blue."""
        shown = _strongest(self.array, MOST)
        most = reach(self.array)
        across = min(8, len(shown))
        high, wide = self.array.shape[1:3]
        width, height = min(0.96, 0.96 * wide / high), min(0.96, 0.96 * high / wide)
        small, deep = width / 3 - 0.03, height / 3 - 0.03
        top = EDGE + 1.05
        pitch = height + deep + 0.42
        sheet = Sheet(max(2 * EDGE + across * (width + 0.2) - 0.2, 5.6), top + -(-len(shown) // across) * pitch)
        some = "" if len(shown) == len(self) else f"the {len(shown)} strongest; "
        sheet.title(f"{self.layer}: {self._size()}",
                    f"{some}large: red, green and blue weights together, grey is zero;\nsmall: each of the three, "
                    f"orange above zero, blue below; all from −{most:.3g} to {most:.3g}")
        for place, k in enumerate(shown):
            left, at = EDGE + place % across * (width + 0.2), top + place // across * pitch
            sheet.tile(left, at, width, height, 0.5 + self.array[k] / (2 * most), str(k))
            for c, name in enumerate("RGB"):
                x = left + c * (small + 0.045)
                sheet.tile(x, at + height + 0.045, small, deep, self.array[k, ..., c], **self._look())
                sheet.words(x + small / 2, at + height + deep + 0.06, name, 7, FAINT, ha="center")
        return sheet

    def _tile(self) -> tuple[float, float]:
        if self.array.ndim == 4:
            high, wide = self.array.shape[1:3]
            return min(0.62, 0.62 * wide / high), min(0.62, 0.62 * high / wide)
        window, seen = self.array.shape[1:]
        return float(np.clip(0.16 * window, 0.62, 2)), float(np.clip(0.16 * seen, 0.4, 2))

    def _picture(self, k: int) -> np.ndarray:
        return self.array[k, ..., 0] if self.array.ndim == 4 else self.array[k].T

    def _reading(self, shown: int) -> str:
        parts = [] if shown == len(self) else [f"the {shown} strongest"]
        parts.append("orange above zero, blue below")
        if self.array.ndim == 3:
            parts.append("window from left to right" + (", a line a channel" if self.array.shape[-1] > 1 else ""))
        return ", ".join(parts)

    def _matrix(self) -> Sheet:
        """Draw a row for each filter, with a tile for each channel that it sees."""
        chosen = _strongest(self.array, ROWS)
        every = self.array.shape[-1] <= COLUMNS
        across = min(self.array.shape[-1], COLUMNS)
        size, gap = 0.5, (0.1 if every else 0.24)
        left, top = EDGE + 0.75, EDGE + 0.85
        sheet = Sheet(max(left + across * (size + 0.1) + 1.0, 4.6), top + len(chosen) * (size + gap) + 0.25)
        about = [] if len(chosen) == len(self) else [f"the {len(chosen)} strongest filters"]
        about.append("a column a channel" if every else f"each with its {across} strongest channels, numbered")
        sheet.title(f"{self.layer}: {self._size()}", ", ".join([*about, "orange above zero, blue below"]))
        if every:
            sheet.words(left - 0.1, top - 0.03, "channel", 8, FAINT, ha="right", va="bottom")
        image = None
        for row, k in enumerate(chosen):
            at = top + row * (size + gap)
            sheet.words(left - 0.1, at + size / 2, f"filter {k}", 9, ha="right", va="center")
            seen = range(across) if every else _strongest(np.moveaxis(self.array[k], -1, 0), across, ranked=True)
            for column, c in enumerate(seen):
                label = str(c) if row == 0 or not every else ""
                place = left + column * (size + 0.1), at, size, size
                image = sheet.tile(*place, self.array[k, ..., c], label, **self._look())
        sheet.colour_bar(left + across * (size + 0.1) + 0.1, top, len(chosen) * (size + gap) - gap, image, "weight")
        return sheet


def _strongest(parts: np.ndarray, most: int, ranked: bool = False) -> list[int]:
    """Choose the parts with the largest weights, at most so many: in their own order, or the strongest first."""
    order = np.argsort(-np.abs(parts.reshape(len(parts), -1)).sum(1), kind="stable")[:most]
    return [int(k) for k in (order if ranked else np.sort(order))]
