"""The figure that functions give: it shows itself once in a notebook, whether or not Matplotlib was set up there.

Imported only when something is drawn, since Matplotlib takes its time.
"""

from __future__ import annotations

import io
from base64 import b64encode
from typing import Any

from matplotlib.figure import Figure

DPI = 144  # of the picture, which is shown at 96


class Drawn(Figure):
    """A matplotlib Figure that is its picture where it is the last line of a cell."""

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> tuple[dict[str, str], dict[str, Any]]:
        content = io.BytesIO()
        self.savefig(content, format="png", dpi=DPI)
        width, height = (round(96 * inches) for inches in self.get_size_inches())
        data = {"text/plain": repr(self), "image/png": b64encode(content.getvalue()).decode()}
        return data, {"image/png": {"width": width, "height": height}}

    def __repr__(self) -> str:
        width, height = self.get_size_inches()
        return f"a figure of {width:.3g} × {height:.3g} inches; .savefig(path) writes it"
