"""The sheet of features: a row a layer, from edges up, and beside it how much classes explain."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...drawing.charts import MARKERS, chart, legend
from ...drawing.sheet import EDGE, FAINT, LINES, RULE, SIGNED, Sheet, colours, reach
from ...inspect.pixels import Pixels
from ...rules import OPS
from ...text import counted

TILE, GAP = 0.58, 0.04  # a pattern's side, and between small tiles, in inches
LEFT, PITCH = EDGE + 1.55, 0.95  # where tiles begin, and from row to row
CHART = 1.25


def sheet(found: Any) -> Sheet:
    """The figure of `Features`: a pattern and four patches for each unit; a dot a layer for the share that classes
    explain."""
    shown = max(len(layer.chosen) for layer in found.layers)
    unit = 2 * TILE + GAP + 0.16
    known = found.classes is not None
    top, right = EDGE + 1.16, LEFT + shown * unit
    deep = top + len(found.layers) * PITCH
    new = Sheet(right + (0.15 + CHART if known else 0) + EDGE, deep + (0.5 if known else 0.1))
    first = found.edges
    zero = "grey is zero" if found.shape[-1] == 3 else "orange above zero, blue below"
    new.title("What each layer responds to, from edges up",
               f"large: the pattern that excites a unit most, {zero}, each on its own scale;\n"
               f"small: images that do ({' '.join(str(found.pixels).split())})\n"
               f"the first filters: {first.mean:.0%} edge, {first.chance:.0%} by chance")
    for row, layer in enumerate(found.layers):
        at = top + row * PITCH
        _caption(new, layer, at)
        for column, k in enumerate(layer.chosen):
            left = LEFT + column * unit
            new.tile(left, at, TILE, TILE, **_pattern(layer.patterns[column]))
            new.words(left, at - 0.03, _label(found, layer, k), 9.5, FAINT, va="bottom")
            _patches(new, left + TILE + GAP, at, layer.patches[column][:4], found.pixels)
    if known:
        _shares(new, found, right + 0.1, top - 0.15)
    return new


def _caption(made: Sheet, layer: Any, at: float) -> None:
    what = OPS[layer.op].units
    field = f"see {layer.sees} pixels" if layer.field else "see the whole image"
    made.words(EDGE, at + 0.02, layer.name, 11, weight="bold")
    made.words(EDGE, at + 0.22, f"{counted(layer.units, what)}\n{field}", 9.5, FAINT, linespacing=1.35)


def _label(found: Any, layer: Any, k: int) -> str:
    return f"unit {k}" if found.classes is None else f"{k}: likes {str(found.classes[layer.favourite[k]])[:9]}"


def _pattern(pattern: np.ndarray) -> dict[str, Any]:
    """Draw a pattern in colour where it has three channels; else its one channel, or the sum of several."""
    most = reach(pattern)
    if pattern.shape[-1] == 3:
        return {"picture": np.nan_to_num(np.clip(0.5 + pattern / (2 * most), 0, 1), nan=0.8)}
    one = pattern.sum(-1)
    return {"picture": one, "cmap": _with_outside(colours(SIGNED)), "vmin": -reach(one), "vmax": reach(one)}


def _patches(made: Sheet, left: float, top: float, patches: np.ndarray, pixels: Pixels) -> None:
    """Draw patches two by two, in the images' own colours."""
    side = (TILE - GAP) / 2
    for i, patch in enumerate(patches):
        place = left + i % 2 * (side + GAP), top + i // 2 * (side + GAP), side, side
        shown = pixels(patch)
        if shown.ndim == 3:
            made.tile(*place, np.nan_to_num(shown, nan=0.8))
        else:
            made.tile(*place, shown, cmap=_with_outside("gray"), vmin=0, vmax=1)


def _with_outside(name: Any) -> Any:
    """Make a colour map that shows what lies beyond the image in the colour of rules."""
    import matplotlib

    return (matplotlib.colormaps[name] if isinstance(name, str) else name).with_extremes(bad=RULE)


def _shares(made: Sheet, found: Any, left: float, top: float) -> None:
    """Draw a dot a layer, at its row's height."""
    height = len(found.layers) * PITCH - 0.05
    axes = chart(made, left, top, CHART, height, "of a unit's response\nclasses explain", "")
    at = [0.15 + row * PITCH + TILE / 2 for row in range(len(found.layers))]
    for k, (name, shares) in enumerate({"untrained": [x.untrained for x in found.layers],
                                        "trained": [x.mean for x in found.layers]}.items()):
        axes.plot(100 * np.array(shares), at, marker=MARKERS[1 - k], color=(FAINT, LINES[1])[k], ms=6,
                  ls=("--", "-")[k], lw=1.3, label=name)
    axes.set(xlim=(0, 100), ylim=(height, 0), yticks=[], xticks=[0, 50, 100])
    axes.set_xticklabels(["0 %", "50 %", "100 %"])
    legend(axes, loc="lower center", bbox_to_anchor=(0.5, 1.0), handlelength=1.5)
