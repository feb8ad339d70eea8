"""How charts look: named axes, lines that differ in colour and dash, medians with their spread."""

from __future__ import annotations

from typing import Any

import numpy as np

from .sheet import FAINT, INK, LINES, RULE, Sheet

DASHES = ("-", (0, (5, 1.5)), (0, (1.5, 1.2)), (0, (6, 1.5, 1.5, 1.5)), (0, (3, 1, 1, 1, 1, 1)), (0, (8, 2)))
MARKERS = "os^Dv*PX"
RAISED = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def style(k: int) -> dict[str, Any]:
    """Choose colour and dash of the k-th line: what differs in one differs in the other, too."""
    return {"color": LINES[k % len(LINES)], "linestyle": DASHES[k % len(DASHES)], "linewidth": 1.6}


def dots(k: int) -> dict[str, Any]:
    """Choose colour and marker of the k-th group of points."""
    return {"color": LINES[k % len(LINES)], "marker": MARKERS[(k + k // len(LINES)) % len(MARKERS)]}


def chart(sheet: Sheet, left: float, top: float, width: float, height: float, x: str, y: str, title: str = "",
          log: str = "") -> Any:
    """Add axes at a place of the sheet (inches from its top left), named with units; log: "x", "y" or "xy"."""
    axes = sheet.axes(left, top, width, height)
    axes.tick_params(labelsize=9)
    axes.set_xlabel(x, size=10, color=INK)
    axes.set_ylabel(y, size=10, color=INK)
    axes.locator_params(axis="x", nbins=max(3, round(1.7 * width)))  # so that long numbers do not meet
    for axis in log:
        getattr(axes, f"set_{axis}scale")("log")
        _log_ticks(getattr(axes, f"{axis}axis"))
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(color=RULE, linewidth=0.5, alpha=0.6)
    axes.set_axisbelow(True)
    if title:
        axes.set_title(title, size=10.5, color=INK, loc="left", pad=8)
    return axes


def _log_ticks(axis: Any) -> None:
    """Set some four round ticks: powers of ten over many decades, 1, 2 and 5 of few, evenly spaced ones within one."""
    from matplotlib.ticker import FuncFormatter, Locator, MaxNLocator, NullLocator

    class Round(Locator):
        def __call__(self) -> Any:
            return self.tick_values(*sorted(axis.get_view_interval()))

        def tick_values(self, low: float, high: float) -> Any:
            if not 0 < low < high:
                return np.array([])
            decades = np.log10(high) - np.log10(low)
            if decades < 0.7:
                ticks = np.asarray(MaxNLocator(4).tick_values(low, high))
                return ticks[ticks > 0]
            powers = np.arange(np.ceil(np.log10(low)) - 1, np.log10(high) + 1)
            if decades < 1.7:
                return np.outer(10.0**powers, (1, 2, 5)).ravel()
            return 10.0 ** powers[:: max(1, int(np.ceil(decades / 5)))]

    def label(value: float, place: int | None = None) -> str:
        return f"{value:g}" if 1e-3 <= value < 1e5 else "10" + str(round(np.log10(value))).translate(RAISED)

    axis.set_major_locator(Round())
    axis.set_minor_locator(NullLocator())
    axis.set_major_formatter(FuncFormatter(label))


def band(axes: Any, x: np.ndarray, runs: np.ndarray, k: int, label: str = "") -> None:
    """Draw the median of several runs (runs, points), and a band between their quartiles; only finite numbers count."""
    known = np.where(np.isfinite(runs), runs, np.nan)
    points = ~np.isnan(known).all(0)
    if not points.any():
        return
    low, middle, high = np.nanquantile(known[:, points], [0.25, 0.5, 0.75], axis=0)
    x = np.asarray(x)[points]
    axes.fill_between(x, low, high, color=LINES[k % len(LINES)], alpha=0.15, linewidth=0)
    axes.plot(x, middle, label=label or None, **style(k))


def legend(axes: Any, **how: Any) -> Any:
    """Say what the lines stand for, without a frame."""
    return axes.legend(**({"frameon": False, "fontsize": 9, "labelcolor": INK, "handlelength": 2.8} | how))


def note(axes: Any, text: str, x: float = 0.02, y: float = 0.98, **how: Any) -> None:
    """Write a few faint words inside the axes, placed by shares of its width and height."""
    how = {"ha": "left", "va": "top", "size": 9, "color": FAINT} | how
    axes.text(x, y, text, transform=axes.transAxes, **how)
