"""Optimizers that walk down a surface, as one HTML page that plays them: the numbers of a descent, and a script.

The page computes nothing of its own: places, gradients, states and rates are those that `ct.lab.descend` recorded.
"""

from __future__ import annotations

import re
from typing import Any

from ..files.container import write_whole
from ..files.endings import PAGE, PRINT, check_ending
from ..lab.descents.descend import Descent, DescentPath
from ..text import jsonable, listed, number, printable
from .contours import UNITS, Contour, contours
from .equations import equations, settings
from .html import Html, join, table, tag
from .scripted import button, keys_button, keys_dialog, scripted_page
from .style import theme_switch

BUTTONS = (
    ("first", "First step", "M6 5v14M19 5 9 12l10 7z"),
    ("back", "Back", "M17 5 7 12l10 7z"),
    ("play", "Play", "M7 4l13 8-13 8z"),
    ("next", "Next", "M7 5l10 7-10 7z"),
    ("last", "Last step", "M5 5l10 7-10 7zM18 5v14"),
)
KEYS = (("Space", "play, pause"), ("→ or ↑", "next step"), ("← or ↓", "back"), ("Page Up, Page Down", "ten steps"),
        ("Home, End", "first step, last step"), ("1 to 9", "look at this optimizer"),
        ("Tab", "from control to control"), ("?", "these keys"))
SPEEDS = (1, 2, 5, 10, 20, 50)  # steps a second
GRID = 241  # points along each side, fine enough for a narrow valley
ASPECT = (0.8, 1.6)  # of the map; beyond, its two scales differ


def write_descent_page(descent: Descent, path: Any) -> None:
    """Write the page to `path`, whole or not at all. See `Descent.to_html`."""
    check_ending(path, "a page", (*PAGE, ""), hint=PRINT)
    write_whole(path, descent_page(descent).encode("utf-8", "replace"))


def descent_page(descent: Descent) -> str:
    """The whole page as text."""
    title = f"{_title(descent)} · Cutaway"
    return scripted_page("descent_page", title, _skeleton(descent), _data(descent))


def _title(descent: Descent) -> str:
    name = printable(descent.surface.name)
    names = [path.name for path in descent.paths]
    return f"{name[:1].upper()}{name[1:]}: {listed(names, 4) if len(names) < 5 else f'{len(names)} optimizers'}"


# ---- the data --------------------------------------------------------------------------------------------------------


def _data(descent: Descent) -> dict[str, Any]:
    surface = descent.surface
    (x0, x1), (y0, y1) = surface.bounds
    return {
        "bounds": surface.bounds,
        "aspect": min(max((x1 - x0) / (y1 - y0), ASPECT[0]), ASPECT[1]),
        "minima": surface.minima or [],
        "noise": surface.noise > 0,
        "units": UNITS,
        "contours": [_contour(c) for c in contours(*surface.grid(GRID))],
        "paths": [_path(path) for path in descent.paths],
    }


def _contour(c: Contour) -> dict[str, Any]:
    """Give a contour's shape, its name, and some places where that may be written."""
    name = f"{float(f'{c.level:.3g}'):g}"
    return {"name": name, "shape": c.shape, "edge": c.edge[:: max(1, len(c.edge) // 24)].round().tolist()}


def _path(path: DescentPath) -> dict[str, Any]:
    """Describe a path for the page. Series begin with step 1: [k] is of the step that led to points[k + 1]."""
    lines, corrected = equations(path)
    series = {"g": path.gradient} | path.state | corrected
    return {
        "name": printable(path.name),
        "optimizer": printable(repr(path.optimizer)),
        "prepared": [printable(repr(step)) for step in path.optimizer.prepare],
        "ended": path.ended,
        "points": jsonable(path.points, 6),
        "loss": jsonable(path.loss, 6),
        "series": {name: jsonable(values, 6) for name, values in series.items()},
        "starts": {name: jsonable(path.optimizer.init(path.points[0])[name], 6) for name in path.state},
        "rate": jsonable(path.rate, 6),
        "settings": settings(path.optimizer, path.steps),
        "equations": [[e.gives, e.text, e.pieces] for e in lines],
        "charts": [{"of": name, "words": words, "log": log} for name, words, log in _charts(path)],
    }


def _charts(path: DescentPath) -> list[tuple[str, str, bool]]:
    """Give symbol and name of each of the optimizer's states, and whether it is drawn by its logarithm."""
    averages = "m" in path.state
    words = {"m": ("momentum", False), "v": ("accumulated squares", True) if averages else ("velocity", False),
             "G": ("accumulated squares", True), "E": ("accumulated squares", True),
             "top": ("largest v so far", True)}
    return [(name, *words.get(name, ("state", False))) for name in path.state]


# ---- the page before its script fills it -----------------------------------------------------------------------------


def _skeleton(descent: Descent) -> Html:
    surface, longest = descent.surface, max(path.steps for path in descent.paths)
    start = descent.paths[0].points[0]
    speeds = [tag("option", f"{s}", value=s) for s in SPEEDS]
    return join(
        tag("div", tag("a", "To the map", href="#map"), tag("a", "To the optimizers", href="#runs"),
            tag("a", "To the update in numbers", href="#update"), class_="skips"),
        tag(
            "header",
            tag("p", "Cutaway · optimizers on a loss surface", class_="kicker"),
            tag("h1", _title(descent)),
            tag("p", "J(x, y) = ", tag("span", _formula(surface.formula), class_="math"),
                f", from ({number(start[0])}, {number(start[1])})".replace("-", "−"),
                f"; gradients are noisy: each row of data tilts the surface, by {surface.noise:g} in standard deviation"
                if surface.noise else None, id="facts"),
            tag("div", theme_switch(), keys_button(), class_="tools"),
        ),
        tag("noscript", tag("p", "This page needs its script to play. Where each optimizer ended:"), _ends(descent)),
        tag(
            "main",
            tag("div", tag("section", "", id="map", tabindex="-1", aria_label="Map of the surface"),
                tag("section", "", id="runs", tabindex="-1", aria_label="Optimizers")),
            tag("div", tag("section", "", id="charts", aria_label="Charts over the steps"),
                tag("section", "", id="update", tabindex="-1", aria_label="The update in numbers")),
        ),
        tag("div", tag("div", [button(*b) for b in BUTTONS], class_="buttons"),
            tag("input", type="range", id="slider", min="0", max=longest, value="0", aria_label="Step"),
            tag("p", "", id="where", aria_hidden="true"),
            tag("label", tag("select", speeds, id="speed", aria_label="Steps a second"), " steps a second"),
            id="transport", role="region", aria_label="Playing"),
        tag("p", "", id="said", class_="unseen", role="status", aria_live="polite"),
        keys_dialog(KEYS),
    )


def _formula(text: str) -> str:
    """Write a formula for people.

    >>> _formula("(x^2 + 50 * y^2) / 2")
    '(x² + 50 y²) / 2'
    """
    text = re.sub(r"\^([234])(?![\d.])", lambda m: "²³⁴"[int(m[1]) - 2], printable(text).replace("**", "^"))
    return re.sub(r" ?\* ?", " ", text).replace("-", "−")


def _ends(descent: Descent) -> Html:
    rows = [[p.name, f"{p.steps}", *(number(v, 4) for v in (*p.points[-1], p.loss[-1])), p.ended]
            for p in descent.paths]
    return table(["optimizer", "steps", "x", "y", "J", ""], rows)
