"""A result as a notebook shows it: one piece of HTML with everything in it, in the notebook's own colours.

It holds no script and asks for nothing; pictures are data. Text has the colour of the text around it, so that it can be
read in light and dark; figures lie on a light sheet.
"""

from __future__ import annotations

import io
from base64 import b64encode
from typing import Any

from ..errors import CutawayError
from ..shown import Numbers, Picture, Preformatted, Shown, Table, Words, shown_parts
from ..text import counted, printable
from .html import Html, cell_text, tag

MOST_ROWS = 200  # of a table that is shown
DPI = 144  # of pictures that are shown at 96
STYLE = """
.cutaway{font:14px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,sans-serif;max-width:64rem;color:inherit}
.cutaway p{margin:.2em 0 .5em;max-width:48rem}.cutaway p.said{font-weight:600}
.cutaway .sheet{display:block;max-width:100%;height:auto;background:#fff;border-radius:4px;margin:.4em 0}
.cutaway .wide{overflow:auto;max-height:40rem;margin:.4em 0}
.cutaway .wide table{border-collapse:collapse;font-size:13px;margin:0;border:0;color:inherit;background:none}
.cutaway .wide table th,.cutaway .wide table td{padding:.2em 1.1em .2em 0;text-align:left;vertical-align:top;border:0;
border-bottom:1px solid rgba(128,128,128,.35);background:none;color:inherit;max-width:36rem;white-space:pre-line}
.cutaway .wide table th{font-weight:600}
.cutaway .wide table .n{text-align:right;white-space:nowrap;font-variant-numeric:tabular-nums}
.cutaway pre{font:12.5px/1.45 ui-monospace,SFMono-Regular,Menlo,monospace;margin:.4em 0;white-space:pre;color:inherit;
background:none;border:0;padding:0}
.cutaway summary{cursor:pointer;opacity:.8}
"""


def notebook(result: Shown) -> str:
    """The HTML of a result; of one that cannot be drawn now, what `print` gives."""
    try:
        parts = [_part(part, k) for k, part in enumerate(shown_parts(result))]
    except (CutawayError, ValueError, ArithmeticError):  # a picture that fails must not hide the words
        parts = [_part(Preformatted(str(result)), 0)]
    return tag("div", tag("style", Html(STYLE)), parts, class_="cutaway")


def _part(part: Any, k: int) -> Html:
    match part:
        case Words(text):
            lines = [line for line in text.splitlines() if line]
            return Html("".join(tag("p", line, class_=None if k or i else "said") for i, line in enumerate(lines)))
        case Preformatted(text):
            return tag("div", tag("pre", text), class_="wide")
        case Table(head, rows, right):
            return _table(head, rows, right)
        case Picture(drawn, about):
            return _picture(drawn, about)
        case Numbers(columns):
            return _numbers(columns())
    raise TypeError(f"no part of a result: {type(part).__name__}")


def _table(head: Any, rows: Any, right: Any) -> Html:
    def line(kind: str, cells: Any) -> Html:
        return tag("tr", [tag(kind, cell, class_="n" if k in right else None) for k, cell in enumerate(cells)])

    top = tag("thead", line("th", head)) if head else None
    return tag("div", tag("table", top, tag("tbody", [line("td", row) for row in rows])), class_="wide")


def _numbers(columns: Any) -> Html:
    """Fold a frame or dict of columns; of a long one the first rows."""
    names = list(columns.keys())
    values = [columns[name] for name in names]
    count = len(values[0]) if values else 0
    rows = [[cell_text(value) for value in row] for row in zip(*(list(v[:MOST_ROWS]) for v in values), strict=True)]
    title = f"Numbers: {counted(count, 'row')}"
    title += f", the first {MOST_ROWS} of them" if count > MOST_ROWS else ""
    right = [k for k, v in enumerate(values) if getattr(getattr(v, "dtype", None), "kind", "O") in "fiu"]
    return tag("details", tag("summary", title), _table([str(name) for name in names], rows, right))


def _picture(drawn: Any, about: str) -> Html:
    """Make an image that a browser treats as one: nothing in it runs, and no name in it is markup of the page."""
    if isinstance(drawn, str):
        return _image("svg+xml", drawn.encode("utf-8", "replace"), about, None)
    content = io.BytesIO()
    drawn.savefig(content, format="png", dpi=DPI)
    return _image("png", content.getvalue(), about, round(96 * drawn.get_size_inches()[0]))


def _image(kind: str, content: bytes, about: str, width: int | None) -> Html:
    image = f'<img class="sheet" src="data:image/{kind};base64,{b64encode(content).decode()}"'
    size = "" if width is None else f' width="{width}"'
    return Html(f"{image}{size} {tag('i', alt=printable(about))[3:-5]}>")
