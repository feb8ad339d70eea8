"""HTML and SVG from Python calls: `tag` escapes every text it is given, so no name in a table can become markup."""

from __future__ import annotations

from html import escape
from typing import Any

from ..text import number, printable


class Html(str):
    """Text that is markup already."""

    __slots__ = ()


#: Elements without content, and whether SVG closes them.
EMPTY = {"meta", "br", "wbr", "input", "img"}


def tag(element: str, /, *content: Any, **attributes: Any) -> Html:
    """Write an element of HTML.

    >>> tag("p", "1 < 2 ", tag("b", "yes"), class_="note")
    '<p class="note">1 &lt; 2 <b>yes</b></p>'
    """
    attrs = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{escape(printable(value))}"'
        for key, value in attributes.items()
        if value is not None
    )
    return Html(f"<{element}{attrs}>") if element in EMPTY else Html(f"<{element}{attrs}>{join(*content)}</{element}>")


def join(*content: Any) -> Html:
    """Join pieces one after the other; None and False vanish, lists are laid flat."""
    out = []
    for piece in content:
        if isinstance(piece, Html):
            out.append(str(piece))
        elif isinstance(piece, list | tuple):
            out.append(join(*piece))
        elif piece is not None and piece is not False:
            out.append(escape(printable(piece, keep="\n")))
    return Html("".join(out))


def table(head: list[Any], rows: list[list[Any]], numbers: int = 0, **attributes: Any) -> Html:
    """Make a table, in a box that scrolls if too wide; its columns from number `numbers` on hold numbers (0: none)."""

    def cell(kind: str, i: int, content: Any) -> Html:
        scope = "col" if kind == "th" else None
        return tag(kind, content, scope=scope, class_="n" if numbers and i >= numbers else None)

    lines = [tag("tr", [cell("td", i, part) for i, part in enumerate(row)]) for row in rows]
    top = tag("thead", tag("tr", [cell("th", i, part) for i, part in enumerate(head)])) if head else None
    return scrolling(", ".join(map(str, head)) or "table", tag("table", top, tag("tbody", lines), **attributes))


def cell_text(value: Any) -> str:
    """The text of one value of a frame: numbers with five digits, '–' for what is not there."""
    return number(value, 5) if isinstance(value, float) else "–" if value is None else str(value)


def scrolling(label: str, content: Html) -> Html:
    """Put content into a box that scrolls if it is too wide, by keyboard too."""
    return tag("div", content, class_="wide", tabindex="0", role="group", aria_label=label)
