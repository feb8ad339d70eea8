"""A result as a notebook shows it: a sealed frame with everything in it.

The frame is a page of its own, which may run nothing (`sandbox`) and asks for nothing; pictures are data. So the styles
of notebook and result leave one another alone, and it looks alike everywhere. It has no script that could measure it:
its height is reckoned from what it holds, and can be drawn larger. Where a notebook is not trusted, frames and styles
are taken out: then the text stays, which is hidden otherwise.
"""

from __future__ import annotations

import io
import math
import re
from base64 import b64encode
from html import escape
from typing import Any

from ..errors import CutawayError
from ..shown import Numbers, Picture, Preformatted, Shown, Table, Words, shown_parts
from ..text import counted, printable, short
from .html import Html, cell_text, tag

MOST_ROWS = 200  # of a table that is shown
DPI = 144  # of pictures that are shown at 96
LINE, CHARACTER = 21, 7.0  # pixels of a line of text, and of a character
WIDE = 980  # pixels that a cell's output has, more or less
HIGHEST, OF_A_TABLE = 880, 640  # pixels of a frame and of a table in it; what is longer scrolls
STYLE = """
html{color-scheme:light dark}body{margin:2px 4px}
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
    height = min(HIGHEST, 12 + sum(pixels for _, pixels in parts))
    page = tag("body", tag("div", [html for html, _ in parts], class_="cutaway"))
    return framed(f'<!doctype html><html lang="en"><meta charset="utf-8">{tag("style", Html(STYLE))}{page}</html>',
                  result, round(height))


def framed(page: str, result: Any, height: int, title: str = "", may: str = "") -> str:
    """Put a result's page into a frame that runs nothing; its text is there instead where frames are taken out. title:
    says what it is, the first line of its repr unless given. may: what its sandbox lets it do."""
    title = escape(title or short(repr(result).partition("\n")[0], 100))
    style = f"width:100%;height:{height}px;border:0;resize:vertical"
    frame = Html(f'<iframe sandbox="{may}" title="{title}" style="{style}" srcdoc="{escape(page)}"></iframe>')
    whole = tag("div", tag("style", Html(".cutaway-text{display:none}")),
                tag("pre", str(result), class_="cutaway-text"), frame)
    return str(whole)  # a string and no kind of one, which marimo refuses


def _part(part: Any, k: int) -> tuple[Html, float]:
    """The HTML of a part, and the pixels that it is high, more or less."""
    match part:
        case Words(text):
            lines = [line for line in text.splitlines() if line]
            said = "".join(tag("p", line, class_=None if k or i else "said") for i, line in enumerate(lines))
            return Html(said), sum(LINE * math.ceil(len(line) * CHARACTER / 680) + 10 for line in lines)
        case Preformatted(text):
            lines = text.splitlines() or [""]
            bar = 16 * (max(map(len, lines)) * 7.6 > WIDE)
            return tag("div", tag("pre", text), class_="wide"), min(18.2 * len(lines), OF_A_TABLE) + 12 + bar
        case Table(head, rows, right):
            return _table(head, rows, right), min(_table_height(head, rows), OF_A_TABLE) + 12
        case Picture(drawn, about):
            return _picture(drawn, about)
        case Numbers(columns):
            return _numbers(columns()), LINE + 4
    raise TypeError(f"no part of a result: {type(part).__name__}")


def _table_height(head: Any, rows: Any) -> float:
    most = max((len(row) for row in rows), default=1)
    line = max(12.0, min(576, WIDE / most) / CHARACTER)  # characters, in columns that share the width
    deep = [max((sum(math.ceil(max(len(part), 1) / line) for part in str(cell).split("\n")) for cell in row), default=1)
            for row in rows]
    return sum(19.5 * lines + 6.5 for lines in [*deep, *([1] if head else [])])


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


def _picture(drawn: Any, about: str) -> tuple[Html, float]:
    """Make an image that a browser treats as one: nothing in it runs, and no name in it is markup of the page."""
    if isinstance(drawn, str):
        sizes = re.search(r'viewBox="[\d.-]+ [\d.-]+ ([\d.]+) ([\d.]+)"', drawn)
        width, height = map(float, sizes.groups()) if sizes else (WIDE, 400)
        return _image("svg+xml", drawn.encode("utf-8", "replace"), about, None), height * min(1, WIDE / width) + 12
    content = io.BytesIO()
    drawn.savefig(content, format="png", dpi=DPI)
    width, height = (96 * side for side in drawn.get_size_inches())
    return _image("png", content.getvalue(), about, round(width)), height * min(1, WIDE / width) + 12


def _image(kind: str, content: bytes, about: str, width: int | None) -> Html:
    image = f'<img class="sheet" src="data:image/{kind};base64,{b64encode(content).decode()}"'
    size = "" if width is None else f' width="{width}"'
    return Html(f"{image}{size} {tag('i', alt=printable(about))[3:-5]}>")
