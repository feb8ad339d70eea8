"""A loss over a plane: as colours with contour lines, and as a surface in three dimensions."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...drawing.sheet import FAINT, INK, RISING, RULE, Sheet, colours, ends

STEEP = 10  # largest over smallest loss from which its logarithm is drawn
LEVELS = 16


def scale(J: np.ndarray) -> Any:
    """Choose how losses become colours: evenly, or by the logarithm where they span much."""
    from matplotlib.colors import LogNorm, Normalize

    low, high = ends(J)
    return LogNorm(low, high) if steep(J) else Normalize(low, high)


def steep(J: np.ndarray) -> bool:
    """Whether losses span so much that only their logarithm shows the small ones."""
    low, high = ends(J)
    return low > 0 and high > STEEP * low


def logarithmic(norm: Any) -> bool:
    from matplotlib.colors import LogNorm

    return isinstance(norm, LogNorm)


def contours(axes: Any, a: np.ndarray, b: np.ndarray, J: np.ndarray, norm: Any) -> Any:
    """Draw loss J (b, a) as colours, with lines of equal loss of which some are named."""
    levels = _levels(norm)
    J = np.ma.masked_invalid(J)
    filled = axes.contourf(a, b, J, levels, cmap=colours(RISING), norm=norm, extend="neither")
    named = levels[2:-1:3]
    inks = [INK if norm(level) < 0.55 else "white" for level in named]
    lines = axes.contour(a, b, J, named, colors=inks, linewidths=0.6)
    for text in axes.clabel(lines, fmt=lambda v: f"{v:.2g}", colors=inks, fontsize=8, inline_spacing=2, zorder=2):
        across, up = ((v - w[0]) / (w[-1] - w[0]) for v, w in zip(text.get_position(), (a, b), strict=True))
        ha = "left" if across < 0.06 else "right" if across > 0.94 else "center"
        va = "bottom" if up < 0.04 else "top" if up > 0.96 else "center"
        text.set(rotation=0, ha=ha, va=va)  # none is cut off by an edge
    axes.grid(False)
    axes.set_axisbelow(False)
    return filled


def _levels(norm: Any) -> np.ndarray:
    levels = (np.geomspace if logarithmic(norm) else np.linspace)(norm.vmin, norm.vmax, LEVELS)
    levels[0], levels[-1] = norm.vmin, norm.vmax  # the lowest and highest point belong to it
    return levels


def loss_axis(loss: str) -> str:
    """Name the axis of a loss.

    >>> loss_axis("cross_entropy")
    'loss J (cross entropy)'
    """
    return f"loss J ({loss.replace('_', ' ')})"


def loss_bar(sheet: Sheet, left: float, top: float, height: float, filled: Any, loss: str) -> None:
    """Draw what the colours stand for, with a few numbers."""
    from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

    bar = sheet.figure.colorbar(filled, cax=sheet.axes(left, top, 0.13, height))
    bar.outline.set(edgecolor=RULE, linewidth=0.6)
    levels = _levels(filled.norm)
    bar.locator, bar.minorlocator = FixedLocator(levels[:: (LEVELS - 1) // 5].tolist()), NullLocator()
    bar.formatter = FuncFormatter(lambda v, _: f"{v:.2g}")
    bar.update_ticks()
    bar.set_label(loss_axis(loss), size=10, color=INK)


def mountains(sheet: Sheet, left: float, top: float, width: float, height: float, a: np.ndarray, b: np.ndarray,
              J: np.ndarray, norm: Any) -> Any:
    """Draw the surface as it is seen from the side; heights go as the colours do."""
    from matplotlib.ticker import FuncFormatter, MaxNLocator

    box = (left / sheet.width, 1 - (top + height) / sheet.height, width / sheet.width, height / sheet.height)
    axes: Any = sheet.figure.add_axes(box, projection="3d")
    heights = np.log10(J) if logarithmic(norm) else J
    axes.plot_surface(*np.meshgrid(a, b), heights, facecolors=colours(RISING)(norm(J)), rcount=len(b), ccount=len(a),
                      linewidth=0, antialiased=False, rasterized=True, shade=False)
    axes.view_init(elev=34, azim=-60)
    axes.set_box_aspect((1, 1, 0.8), zoom=1.12)
    axes.set(xticks=a[[0, len(a) // 2, -1]], yticks=b[[0, len(b) // 2, -1]])
    axes.zaxis.set_major_locator(MaxNLocator(4))
    axes.tick_params(labelsize=8, colors=FAINT, pad=-2)
    axes.tick_params(axis="z", pad=1)
    if logarithmic(norm):
        axes.zaxis.set_major_formatter(FuncFormatter(lambda v, _: f"{10**v:.2g}"))
    for axis in (axes.xaxis, axes.yaxis, axes.zaxis):
        axis.set_pane_color((1, 1, 1, 0))
        axis.line.set_color(RULE)
        axis._axinfo["grid"].update(color=RULE, linewidth=0.4)
    return axes
