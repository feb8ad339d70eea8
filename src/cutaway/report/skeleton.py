"""A trace's page before its script fills it: landmarks, controls, and the listing for want of a script."""

from __future__ import annotations

from collections.abc import Sequence

from ..inspect.traces.trace import Trace
from .html import Html, join, tag
from .scripted import button, keys_button, keys_dialog
from .style import theme_switch

BUTTONS = (
    ("first", "First instruction", "M6 5v14M19 5 9 12l10 7z"),
    ("phase-back", "Back one phase", "M12 5 3 12l9 7zM21 5l-9 7 9 7z"),
    ("back", "Back", "M17 5 7 12l10 7z"),
    ("play", "Play", "M7 4l13 8-13 8z"),
    ("next", "Next", "M7 5l10 7-10 7z"),
    ("phase-next", "Next phase", "M3 5l9 7-9 7zM12 5l9 7-9 7z"),
    ("last", "Last instruction", "M5 5l10 7-10 7zM18 5v14"),
)
KEYS = (("→ or ↓", "next instruction"), ("← or ↑", "back"), ("Page Down, Page Up", "next phase, phase before"),
        ("Home, End", "first instruction, last instruction"),
        ("Tab", "from control to control"), ("arrows in the drawing", "from neuron to neuron"),
        ("Enter or Space on a neuron", "its numbers, weights and explanation"), ("Esc", "close what is open"),
        ("?", "these keys"))


def skeleton(traces: Sequence[Trace]) -> Html:
    """The page's body, but for data and script."""
    return join(
        tag("div", tag("a", "To the current instruction", href="#now"), tag("a", "To the network", href="#network"),
            tag("a", "To the program", href="#program"), class_="skips"),
        tag(
            "header",
            tag("p", "Cutaway · a training step, opened up", class_="kicker"),
            tag("h1", "", id="title"), tag("div", "", id="facts"),
            tag("div", _steps(traces), theme_switch(), keys_button(), class_="tools"),
        ),
        tag("noscript", tag("p", "This page needs its script to step. The program, as it is printed:"),
            [tag("pre", str(t)) for t in traces]),
        tag(
            "main",
            tag("nav", tag("h2", "Program", id="program-name"), tag("ol", "", id="list"), id="program", tabindex="-1",
                aria_labelledby="program-name"),
            tag("section", "", id="now", tabindex="-1", aria_label="Current instruction"),
            tag("section", tag("div", tag("h2", "Network", id="network-name"), _sample(), class_="row"),
                tag("div", "", id="drawing"), tag("p", "", id="legend", class_="note"), id="network", tabindex="-1",
                aria_labelledby="network-name"),
            tag("section", "", id="values", aria_label="What it writes and reads"),
        ),
        tag("div", tag("div", [button(*b) for b in BUTTONS], class_="buttons"),
            tag("div", tag("div", "", id="phases", aria_hidden="true"),
                tag("input", type="range", id="slider", min="0", value="0", aria_label="Instruction"), class_="rail"),
            tag("p", "", id="where", aria_hidden="true"), id="transport", role="region", aria_label="Stepping"),
        tag("p", "", id="said", class_="unseen", role="status", aria_live="polite"),
        tag("dialog", tag("button", "Close", class_="close", type="button"), tag("div", "", id="told"), id="telling",
            aria_labelledby="told-name"),
        keys_dialog(KEYS),
    )


def _steps(traces: Sequence[Trace]) -> Html | None:
    if len(traces) == 1:
        return None
    options = [tag("option", f"{t.about.step}", value=k) for k, t in enumerate(traces)]
    return tag("label", "Step ", tag("select", options, id="step", aria_label="Step"))


def _sample() -> Html:
    number = tag("input", type="number", id="sample", min="0", value="0")
    return tag("label", "Sample ", number, tag("span", "", id="of"))
