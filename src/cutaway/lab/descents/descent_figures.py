"""The figures of a descent: its paths from above and from the side, its effective learning rates, its loss."""

from __future__ import annotations

import re
from collections.abc import Callable
from os import PathLike
from typing import Any

import numpy as np

from ...drawing.charts import MARKERS, chart, legend, note, style
from ...drawing.sheet import FAINT, INK, LINES, RULE, Sheet, colours
from ...errors import check_name

GROUND = ("#ffffff", "#dbe7f4", "#a5c3e4")  # light, so that paths stand out
LEVELS = 15
STAR: dict[str, Any] = {"marker": "*", "markersize": 11, "color": "#f2c14e", "markeredgecolor": INK,
                        "markeredgewidth": 0.7, "linestyle": ""}


def draw(descent: Any, kind: str, path: str | PathLike | None) -> Any:
    """Draw a figure of a `Descent`, of this kind, also written to a file if a path is given."""
    check_name(kind, FIGURES, "figure of a descent")
    return FIGURES[kind](descent).saved(path)


def _contour(descent: Any) -> Sheet:
    """Draw a panel for each path, over the same lines of equal loss."""
    (x0, x1), (y0, y1) = descent.surface.bounds
    columns = 1 if len(descent.paths) < 3 else 2
    rows = -(-len(descent.paths) // columns)
    width = 6.6 if columns == 1 else 3.2
    height = width * float(np.clip((y1 - y0) / (x1 - x0), 0.36, 0.8))
    across, down = width + 0.55, height + 0.68
    sheet = Sheet(0.75 + columns * across, 0.85 + rows * down + 0.35)
    sheet.title(_subject(descent), descent.finding())
    x, y, J = descent.surface.grid(121)
    for k, p in enumerate(descent.paths):
        row, column = divmod(k, columns)
        last = k + columns >= len(descent.paths)
        axes = chart(sheet, 0.7 + column * across, 1.0 + row * down, width, height, "parameter x" if last else "",
                     "" if column else "parameter y", _called(p))
        _ground(axes, x, y, J, descent.lowest)
        points = p.points[: _until(p, descent)].T
        axes.plot(*points, color="white", linewidth=2.6, alpha=0.8)
        axes.plot(*points, color=LINES[k % len(LINES)], linewidth=1.3, marker=MARKERS[k % len(MARKERS)],
                  markersize=2.6, markeredgewidth=0)
        note(axes, f"turned back at {p.turns} of {p.steps} steps", 0.985, 0.03, ha="right", va="bottom", color=INK,
             bbox={"facecolor": "white", "alpha": 0.75, "edgecolor": "none", "pad": 1.5})
        axes.plot(*p.points[0], marker="o", markersize=6, markerfacecolor="white", color=INK)
        for place in descent.surface.minima or ():
            axes.plot(*place, **STAR)
        axes.set(xlim=(x0, x1), ylim=(y0, y1))
    return sheet


def _ground(axes: Any, x: np.ndarray, y: np.ndarray, J: np.ndarray, lowest: float) -> None:
    """Choose lines of equal loss, closer together near the lowest: heights grow with the cube of their number."""
    levels = lowest + (_highest(J, lowest) - lowest) * np.linspace(0, 1, LEVELS) ** 3
    J = np.ma.masked_invalid(np.clip(J, levels[0], levels[-1]))
    axes.contourf(x, y, J, levels, colors=colours(GROUND)(np.linspace(0, 1, LEVELS - 1)), zorder=-1)
    axes.set_rasterization_zorder(0)  # the colours as an image, or an SVG would hold a megabyte of outlines
    axes.contour(x[::2], y[::2], J[::2, ::2], levels[1:-1], colors=FAINT, linewidths=0.35)
    axes.grid(False)


def _relief(descent: Any) -> Sheet:
    """The surface from the side, cut off somewhat above where the paths began."""
    from mpl_toolkits.mplot3d import Axes3D  # noqa: F401  (gives figures their "3d")

    sheet = Sheet(7.8, 5.6)
    sheet.title(_subject(descent), descent.finding())
    axes: Any = sheet.figure.add_axes((0.0, 0.0, 0.86, 0.9), projection="3d", computed_zorder=False)
    x, y, J = descent.surface.grid(61)
    rise, top = descent.paths[0].loss[0] - descent.lowest, _highest(J, descent.lowest)
    top = min(top, descent.lowest + 2 * rise) if rise > 0 else top
    around = np.lib.stride_tricks.sliding_window_view(np.pad(J, 1, mode="edge"), (3, 3))
    shown = np.isfinite(J) & (around <= top).any((2, 3))  # up to the first that is higher, so that the rim is smooth
    heights = np.where(shown, np.fmin(J, top), np.nan)
    shade = colours(GROUND)(np.nan_to_num((heights - descent.lowest) / (top - descent.lowest)))
    axes.plot_surface(*np.meshgrid(x, y), heights, facecolors=shade, rcount=len(y), ccount=len(x), shade=False,
                      edgecolor="#5f5c5640", linewidth=0.2, rasterized=True, zorder=0)
    for k, p in enumerate(descent.paths):
        seen = descent.surface.shows(p.points) & (p.loss <= top)
        axes.plot(*np.where(seen, [*p.points.T, p.loss], np.nan), label=_called(p), zorder=k + 2,
                  marker=MARKERS[k % len(MARKERS)], markersize=2.6, **style(k))
    for place in descent.surface.minima or ():
        axes.plot(*([v] for v in place), [float(descent.surface.values(*place))], zorder=20, **STAR)
    axes.set(xlim=descent.surface.bounds[0], ylim=descent.surface.bounds[1], zlim=(descent.lowest, top))
    axes.set_xlabel("parameter x", size=10, color=INK)
    axes.set_ylabel("parameter y", size=10, color=INK)
    axes.set_zlabel("loss J", size=10, color=INK)
    axes.tick_params(labelsize=8, colors=FAINT, pad=0)
    axes.view_init(elev=38, azim=-62)
    axes.set_box_aspect((1.25, 1, 0.7), zoom=0.93)
    for axis in (axes.xaxis, axes.yaxis, axes.zaxis):
        axis.set_pane_color((1, 1, 1, 0))
        axis._axinfo["grid"].update(color=RULE, linewidth=0.4)
    legend(axes, loc="upper right", bbox_to_anchor=(1.14, 0.98))
    return sheet


def _rates(descent: Any) -> Sheet:
    """The effective learning rate of x and of y over the steps."""
    sheet = Sheet(8.5, 4.4)
    with np.errstate(all="ignore"):  # a rate that began at zero: "inf" in the title
        kept = [f"{p.name} × {p.rate[-1, 0] / p.rate[0, 0]:.2g} and {p.rate[-1, 1] / p.rate[0, 1]:.2g}"
                for p in descent.paths if p.steps]
    few = f". Last rate over first, x and y: {', '.join(kept)}" if 0 < len(kept) < 3 else ""
    sheet.title("The learning rate that each parameter effectively has", _subject(descent) + few)
    panels = [chart(sheet, 0.8 + 3.0 * k, 1.05, 2.5, 2.75, "step", "effective learning rate" if k == 0 else "",
                    f"parameter {axis}", log="y") for k, axis in enumerate("xy")]
    for k, p in enumerate(descent.paths):
        for axes, rate in zip(panels, p.rate.T, strict=True):
            axes.plot(np.arange(1, p.steps + 1), rate, label=_called(p), **style(k))
    low, high = (f([f(axes.get_ylim()) for axes in panels]) for f in (min, max))
    for axes in panels:
        axes.set_ylim(low, high)
    legend(panels[1], loc="upper left", bbox_to_anchor=(1.02, 1.02), borderaxespad=0)
    return sheet


def _loss(descent: Any) -> Sheet:
    """Draw how far each path is above the minimum, step by step."""
    sheet = Sheet(7.8, 4.2)
    sheet.title(_subject(descent), descent.finding())
    axes = chart(sheet, 0.85, 0.95, 4.5, 2.65, "step", "loss J above the minimum", log="y")
    for k, p in enumerate(descent.paths):
        above = p.loss - descent.lowest
        above = np.where((above > 0) & (above / 100 < above[0]), above, np.nan)  # what diverged leaves the picture
        axes.plot(np.arange(p.steps + 1), above, label=_called(p), **style(k))
    axes.axhline(descent.near - descent.lowest, color=FAINT, linewidth=0.8, linestyle=":")
    legend(axes, loc="upper left", bbox_to_anchor=(1.02, 1.02), borderaxespad=0)
    return sheet


FIGURES: dict[str, Callable[[Any], Sheet]] = {"contour": _contour, "3d": _relief, "rates": _rates, "loss": _loss}


def _subject(descent: Any) -> str:
    powers = re.sub(r"(?:\^|\*\*)([2-9])(?![\d.])", lambda m: "²³⁴⁵⁶⁷⁸⁹"[int(m[1]) - 2], descent.surface.formula)
    formula = re.sub(r"(?<!\*) *\* *(?!\*)", " · ", powers)
    formula = formula if len(formula) < 70 else f"{formula[:68]}…"
    return f"{descent.surface.name.capitalize()}: J = {formula}"


def _called(p: Any) -> str:
    return p.name if "lr" in p.name else f"{p.name}, lr {p.optimizer.rate(1):g}"


def _highest(J: np.ndarray, lowest: float) -> float:
    """The largest finite value, above the lowest even where all is flat."""
    return max(float(J[np.isfinite(J)].max()), lowest + 1e-6 * (1 + abs(lowest)))


def _until(p: Any, descent: Any) -> int:
    """Count the points that can be drawn: all, or those before the path is many times the picture's width away."""
    ends = np.array(descent.surface.bounds)
    away = (np.abs(p.points - ends.mean(1)) > 50 * np.diff(ends).T).any(1)
    return int(away.argmax()) if away.any() else len(away)
