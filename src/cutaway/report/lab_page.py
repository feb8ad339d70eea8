"""The result of an experiment as one HTML page: what was found, the figure, and the numbers; without scripts."""

from __future__ import annotations

import io
from os import PathLike
from typing import Any

from ..files.container import write_whole
from ..files.endings import PAGE, PRINT, check_ending
from ..lab.result import Result
from .html import Html, cell_text, scrolling, table, tag
from .style import STYLE, theme_switch

#: So many rows of numbers are shown; `.csv` has them all.
MOST_ROWS = 200
#: Figures are drawn on a light sheet, in the dark too.
FIGURE = """
.drawn{background:#fff;border-radius:4px;padding:.5rem;margin:1.5rem 0;max-width:62rem}
.drawn svg text{fill:#1f1e1b}
"""


def write_lab_page(result: Result, path: str | PathLike) -> None:
    """Write the page, whole or not at all. Raises FileError where it cannot be written."""
    check_ending(path, "a page", (*PAGE, ""), hint=PRINT)
    write_whole(path, lab_page(result).encode("utf-8", "replace"))


def lab_page(result: Result) -> str:
    """The whole page as text."""
    found, _, rest = str(result).partition("\n\n")
    frame = result.to_pandas()
    shown = [[cell_text(value) for value in row] for row in frame.head(MOST_ROWS).itertuples(index=False)]
    more = f"The first {MOST_ROWS} of {len(frame):,} rows; --out with .csv or .json has all." if (
        len(frame) > MOST_ROWS) else ""
    policy = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"
    head = [
        tag("meta", charset="utf-8"),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("meta", name="color-scheme", content="light dark"),
        tag("meta", http_equiv="Content-Security-Policy", content=policy),
        tag("title", f"{result.kind} · Cutaway"),
        tag("style", Html(STYLE + FIGURE)),
    ]
    main = tag(
        "main",
        tag("header", tag("div", tag("p", "Cutaway · an experiment", class_="kicker"), theme_switch(), class_="top"),
            tag("h1", result.kind.capitalize()), [tag("p", line, class_="verdict") for line in found.splitlines()],
            result.cut_short and tag("p", f"Cut short: {result.cut_short}", class_="note")),
        tag("figure", _drawn(result.plot(), found), class_="drawn"),
        rest and tag("section", tag("h2", "What was found"), scrolling("what was found", tag("pre", rest))),
        tag("section", tag("h2", "Numbers"), more and tag("p", more, class_="note"),
            table([str(name) for name in frame.columns], shown, numbers=1)),
    )
    return "<!doctype html>\n" + tag("html", tag("head", head), tag("body", main), lang="en")


def _drawn(figure: Any, about: str) -> Html:
    """Write a matplotlib figure as markup whose text is text, told to those who cannot see it."""
    from matplotlib import rc_context

    out = io.StringIO()
    with rc_context({"svg.fonttype": "none", "svg.hashsalt": "cutaway"}):
        figure.savefig(out, format="svg", metadata={"Date": None})
    start = out.getvalue().index("<svg")
    named = tag("svg", role="img", aria_label=about).removesuffix("></svg>")
    return Html(named + out.getvalue()[start + len("<svg") :])

