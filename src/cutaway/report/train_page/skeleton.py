"""The body of a page that trains, before its script fills it."""

from __future__ import annotations

from ..html import Html, join, tag
from ..scripted import button, keys_button, keys_dialog
from ..style import theme_switch

BUTTONS = (
    ("first", "To the start", "M6 5v14M19 5 9 12l10 7z"),
    ("back", "Back one step", "M17 5 7 12l10 7z"),
    ("play", "Train", "M7 4l13 8-13 8z"),
    ("next", "One step", "M7 5l10 7-10 7z"),
    ("epoch", "To the end of the epoch", "M3 5l9 7-9 7zM12 5l9 7-9 7z"),
    ("last", "To the furthest step", "M5 5l10 7-10 7zM18 5v14"),
)
KEYS = (("Space", "train, or pause"), ("→ or ↑", "one step"), ("← or ↓", "back one step"),
        ("Page Up, Page Down", "one epoch, one epoch back"), ("Home, End", "to the start, to the furthest step"),
        ("f", "fork: a second future from here"), ("arrows in the network", "from neuron to neuron"),
        ("Enter or Space on a neuron", "its numbers and weights"), ("?", "these keys"))


def skeleton() -> Html:
    """The page's body, but for data and script."""
    section = lambda name: tag("section", "", id=name, tabindex="-1")  # noqa: E731
    return join(
        tag("div", tag("a", "To the controls", href="#controls"), tag("a", "To the network", href="#network"),
            tag("a", "To one weight", href="#why"), tag("a", "To the program", href="#program"), class_="skips"),
        tag("header", tag("p", "Cutaway · a network that trains in this page", class_="kicker"),
            tag("h1", "", id="title"), tag("div", "", id="facts"),
            tag("div", theme_switch(), keys_button(), class_="tools")),
        tag("noscript", tag("p", "This page trains a network with a script: allow it to run.")),
        tag("p", "", id="trouble", role="alert"),
        tag("main", [section(name) for name in ("controls", "network", "map", "curve", "why", "runs", "program")]),
        tag("div", tag("div", [button(*b) for b in BUTTONS], class_="buttons"),
            tag("div", tag("input", type="range", id="slider", min="0", value="0", max="1", aria_label="Step"),
                class_="rail"),
            tag("p", "", id="where", aria_hidden="true"), id="transport", role="region", aria_label="Training"),
        tag("p", "", id="said", class_="unseen", role="status", aria_live="polite"),
        keys_dialog(KEYS),
    )
