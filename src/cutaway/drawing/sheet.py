"""How figures are drawn: on a light sheet measured in inches, in colours that everyone can tell apart."""

from __future__ import annotations

from os import PathLike, fspath
from typing import Any

import numpy as np

from ..text import printable
from .figure import write_figure

INK, FAINT, RULE = "#1f1e1b", "#5f5c56", "#cfcac0"
SIGNED = ("#0f3357", "#2a66a8", "#a5c3e4", "#ffffff", "#f3b78e", "#b8470b", "#6b2703")  # below zero, zero, above
RISING = ("#ffffff", "#bcd3ec", "#6f9fd2", "#2a66a8", "#0f3357")
LINES = ("#2a66a8", "#b8470b", "#5c8a3a", "#8a5aa8", "#b08a00", "#4a4a4a", "#3aa0a0", "#c0507a")
EDGE = 0.3  # inches around everything


def colours(names: tuple[str, ...]) -> Any:
    from matplotlib.colors import LinearSegmentedColormap

    return LinearSegmentedColormap.from_list("cutaway", names)


class Sheet:
    """A figure of so many inches; places on it are measured from its top left corner."""

    def __init__(self, width: float, height: float) -> None:
        from .drawn import Drawn

        self.width, self.height = width, height
        self.figure = Drawn(figsize=(width, height), facecolor="white")
        self._table: Any = None

    def axes(self, left: float, top: float, width: float, height: float) -> Any:
        """Add axes with thin lines and small numbers."""
        box = (left / self.width, 1 - (top + height) / self.height, width / self.width, height / self.height)
        axes = self.figure.add_axes(box)
        axes.tick_params(length=2.5, width=0.6, labelsize=8, colors=FAINT, pad=2)
        for spine in axes.spines.values():
            spine.set(color=RULE, linewidth=0.6)
        return axes

    def tile(self, left: float, top: float, width: float, height: float, picture: np.ndarray, label: str = "",
             **how: Any) -> Any:
        """Draw a picture in a thin frame, with a few letters above; all tiles lie on one axes, in inches."""
        from matplotlib.patches import Rectangle

        if self._table is None:
            self._table = self.axes(0, 0, self.width, self.height)
            self._table.set_axis_off()
            self._table.set(xlim=(0, self.width), ylim=(self.height, 0), autoscale_on=False)
        extent = (left, left + width, top + height, top)
        image = self._table.imshow(picture, extent=extent, aspect="auto", interpolation="nearest", **how)
        self._table.add_patch(Rectangle((left, top), width, height, fill=False, edgecolor=RULE, linewidth=0.6))
        if label:
            self._table.text(left + width / 2, top - 0.03, label, size=8, color=FAINT, ha="center", va="bottom")
        return image

    def words(self, left: float, top: float, text: str, size: float = 9, colour: str = INK, **how: Any) -> None:
        """Write text whose top left corner (unless told otherwise) is here."""
        how = {"ha": "left", "va": "top"} | how
        self.figure.text(left / self.width, 1 - top / self.height, text, size=size, color=colour, **how)

    def title(self, name: str, about: str) -> None:
        """Write what the figure shows, and under that how to read it."""
        self.words(EDGE, EDGE - 0.05, name, 13, weight="bold")
        self.words(EDGE, EDGE + 0.22, about, 9, FAINT)

    def colour_bar(self, left: float, top: float, height: float, image: Any, label: str = "") -> None:
        """Add a bar that says what the colours of an image stand for."""
        bar = self.figure.colorbar(image, cax=self.axes(left, top, 0.12, height))
        bar.outline.set(edgecolor=RULE, linewidth=0.6)
        bar.locator = _few_ticks(height)
        bar.update_ticks()
        if label:
            bar.set_label(label, size=9, color=FAINT)

    def saved(self, path: str | PathLike | None) -> Any:
        """Give the figure, also written to a file if a path is given; text in an SVG stays text."""
        _show_literally(self.figure)
        if path is not None:
            from matplotlib import rc_context

            undated: Any = {"metadata": {"Date": None}} if fspath(path).lower().endswith(".svg") else {}
            with rc_context({"svg.fonttype": "none", "svg.hashsalt": "cutaway"}):  # the same figure, the same file
                write_figure(self.figure, path, dpi=160, **undated)
        return self.figure


def _show_literally(figure: Any) -> None:
    """Show text as it is: no dollar sign begins a formula, and no character breaks a file."""
    from matplotlib.text import Text

    for text in figure.findobj(Text):
        if "\\mathdefault" not in text.get_text():  # what Matplotlib writes along axes of powers of ten
            text.set_text(printable(text.get_text(), keep="\n"))
            text.set_parse_math(False)


def time_axis(axes: Any, named: bool = True) -> None:
    """Put whole numbers under the axes: time steps."""
    from matplotlib.ticker import MaxNLocator

    axes.xaxis.set_major_locator(MaxNLocator(6, integer=True))
    if named:
        axes.set_xlabel("time step", size=9, color=FAINT)


def _few_ticks(height: float) -> Any:
    from matplotlib.ticker import MaxNLocator

    return MaxNLocator(max(2, min(6, int(height * 3))))


# ---- numbers ---------------------------------------------------------------------------------------------------------


def ends(values: np.ndarray) -> tuple[float, float]:
    """The smallest and the largest finite value, made different where they are equal."""
    known = values[np.isfinite(values)]
    low, high = (float(known.min()), float(known.max())) if known.size else (0.0, 1.0)
    return (low, high) if high > low else (low, low + 1)


def reach(values: np.ndarray) -> float:
    """Find how far values go from zero, for a scale with zero in its middle."""
    known = np.abs(values[np.isfinite(values)])
    return float(known.max()) if known.size and known.max() > 0 else 1.0


def by(shape: tuple[int, ...]) -> str:
    """Write a shape for people.

    >>> by((28, 28, 1))
    '28 × 28 × 1'
    """
    return " × ".join(map(str, shape))

