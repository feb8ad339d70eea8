"""The figure of an approximation: fits, the pieces of one network, and errors by width and depth."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ...drawing.charts import band, chart, dots, legend, style
from ...drawing.sheet import FAINT, INK, LINES, RISING, RULE, SIGNED, Sheet, colours
from .hinges import hinges

ERROR = "error / standard deviation of f"
FEW = 8  # neurons whose pieces can be told apart


def draw(result: Any) -> Sheet:
    """Draw a sheet: four panels for one variable, five for two."""
    flat = result.target.variables == 1
    sheet = Sheet(7.6, 7.4)
    known = [w for w in result.widths if (w,) in result.networks]
    said = f"f = {result.target.name}, fitted by networks of ReLUs. "
    if known:
        few = (max((w for w in known if w <= (FEW if flat else 2 * FEW)), default=known[0]),)
        (_curves if flat else _maps)(sheet, result, known, few)
        said += f"{'Ticks' if flat else 'Lines'}: where {few[0]} neurons bend"
    else:
        said += "None of one hidden layer is done"
    sheet.title("Enough neurons fit any function", said)
    widths, count = np.array(result.widths), len(result.widths)
    axes = _errors(sheet, 0.8, 2.85, "neurons in one hidden layer", "The wider, the closer", "xy")
    axes.set_ylabel(ERROR, size=10, color=INK)
    for k, (name, runs) in enumerate({"root mean square": result.rms, "largest": result.largest}.items()):
        band(axes, widths, runs[:count].T, k, name)
    axes.set_xticks(widths, [str(w) for w in widths])
    axes.xaxis.minorticks_off()
    if known:
        legend(axes, loc="lower left")
    _depths(sheet, result)
    return sheet


def _errors(sheet: Sheet, left: float, width: float, x: str, title: str, log: str) -> Any:
    from matplotlib.ticker import LogLocator

    axes = chart(sheet, left, 4.65, width, 2.2, x, "", title, log)
    for axis in log:
        of = getattr(axes, f"{axis}axis")
        of.set_major_locator(LogLocator(subs=(1, 2, 5)))
        of.set_major_formatter("{x:g}")
        of.set_minor_formatter("")
    return axes


def _curves(sheet: Sheet, result: Any, known: list[int], few: tuple[int]) -> None:
    """The function with fits of three widths, and the pieces of which the network of few neurons is the sum."""
    X = result.target.grid(801)
    x, y = X[:, 0], result.target(X)
    axes = chart(sheet, 0.8, 1.15, 2.85, 2.5, "x", "f(x)", "Fits of three widths")
    axes.plot(x, y, color=FAINT, linewidth=4, alpha=0.35, label="f")
    for k, w in enumerate(sorted({known[min(1, len(known) - 1)], few[0], known[-1]})):
        axes.plot(x, result.networks[(w,)].predict(X)[:, 0], label=f"{w}", **style((1, 2, 0)[k]))
    low, high = y.min(), y.max()
    axes.set(ylim=(low - 0.35 * (high - low), high + 0.45 * (high - low)))
    legend(axes, ncols=4, loc="upper center", columnspacing=1, handlelength=1.6)

    found = hinges(result.networks[few])
    pieces, at = found.pieces(X), found.positions
    total = pieces.sum(0) + found.c
    inside = np.flatnonzero((at >= x[0]) & (at <= x[-1]))
    axes = chart(sheet, 4.55, 1.15, 2.75, 2.5, "x; ticks at -b/w", "", f"{few[0]} neurons: bent lines and their sum")
    for k, piece in enumerate(pieces):
        axes.plot(x, piece, linewidth=0.9, alpha=0.65, color=LINES[k % len(LINES)])
    axes.plot(x, total, color=INK, linewidth=1.8)
    axes.plot(at[inside], np.interp(at[inside], x, total), "o", color=INK, markersize=4)
    for k in inside.tolist():
        axes.axvline(at[k], 0, 0.05, color=LINES[k % len(LINES)], linewidth=2)
    axes.set(xlim=(x[0], x[-1]), ylim=(low - 0.75 * (high - low), high + 0.75 * (high - low)))


def _maps(sheet: Sheet, result: Any, known: list[int], few: tuple[int]) -> None:
    """The function, the fit of few neurons with the lines along which they bend, and the error of the widest."""
    target = result.target
    X = target.grid(101)
    shown = {"f": target(X), f"{few[0]} neurons": result.networks[few].predict(X)[:, 0]}
    error = result.networks[(known[-1],)].predict(X)[:, 0] - shown["f"]
    most = float(np.abs(error).max())
    how = {"cmap": colours(RISING), "vmin": shown["f"].min(), "vmax": shown["f"].max()}
    panels = [(name, values, how) for name, values in shown.items()]
    panels.append((f"error of {known[-1]} neurons", error, {"cmap": colours(SIGNED), "vmin": -most, "vmax": most}))
    (left, bottom), (right, top) = target.low, target.high
    for k, (name, values, how) in enumerate(panels):
        axes = chart(sheet, 0.8 + 2.35 * k, 1.15, 1.85, 1.85, "x", "y" if k == 0 else "", name)
        axes.grid(False)
        axes.set_axisbelow(False)
        image = axes.imshow(values.reshape(101, 101), origin="lower", extent=(left, right, bottom, top), aspect="auto",
                            interpolation="bilinear", zorder=0, **how)
        bar = sheet.figure.colorbar(image, cax=sheet.axes(0.8 + 2.35 * k, 3.55, 1.85, 0.1), orientation="horizontal")
        bar.outline.set(edgecolor=RULE, linewidth=0.6)
        bar.ax.locator_params(nbins=4)
        if k == 1:
            _lines(axes, result.networks[few])
        axes.set(xlim=(left, right), ylim=(bottom, top))


def _lines(axes: Any, network: Any) -> None:
    """Draw a line for each neuron, where w · x + b = 0."""
    found = hinges(network)
    for (w1, w2), b in zip(found.w, found.b, strict=True):
        if w1 or w2:
            foot = -b * np.array([w1, w2]) / (w1**2 + w2**2)
            axes.axline(foot, foot + np.array([-w2, w1]), color=INK, linewidth=0.8, alpha=0.7)


def named(shape: Sequence[int]) -> str:
    """The widths of hidden layers, for people.

    >>> named((64,)), named((12, 12))
    ('64', '12 × 12')
    """
    return " × ".join(map(str, shape))


def _depths(sheet: Sheet, result: Any) -> None:
    """Draw every run of the networks that have about as many parameters as the widest."""
    first = len(result.widths) - 1
    shapes, runs = result.shapes[first:], result.rms[first:]
    axes = _errors(sheet, 5.0, 2.3, ERROR, "Depth at equal parameters", "x")
    for k, row in enumerate(runs):
        row = row[np.isfinite(row)]
        if row.size:
            axes.plot(row, k + np.linspace(-0.15, 0.15, row.size), linestyle="", markersize=4.5, alpha=0.8, **dots(k))
            axes.plot([np.median(row)] * 2, [k - 0.3, k + 0.3], color=INK, linewidth=1.3)
    labels = [f"{named(shape)} ({count})" for shape, count in zip(shapes, result.parameters[first:], strict=True)]
    axes.set_yticks(range(len(shapes)), labels, size=8)
    axes.set(ylim=(len(shapes) - 0.5, -0.5))
    axes.grid(axis="y", visible=False)
