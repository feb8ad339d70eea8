"""Pages that a script fills: one file with its data, style and script inside, which may run nothing else."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterable
from importlib.resources import files
from typing import Any

from ..drawing.modules import bundle
from .html import Html, join, tag
from .style import COLOURS


def scripted_page(name: str, title: str, skeleton: Html, data: Any, main: str = "", compiles: bool = False) -> str:
    """The whole page: its skeleton, its data as JSON, the style of scripted.css and `name`.css, and its script.

    main: the module that the script begins with, `name`.js unless given. compiles: the page brings WebAssembly.
    """
    style, script = COLOURS + _style("scripted") + _style(name), bundle(f"report/{main or name}")
    policy = f"default-src 'none'; img-src data:; style-src {_hash(style)}; script-src {_hash(script)}"
    policy += " 'wasm-unsafe-eval'" if compiles else ""
    head = [
        tag("meta", charset="utf-8"),
        tag("meta", http_equiv="Content-Security-Policy", content=policy),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("meta", name="color-scheme", content="light dark"),
        tag("title", title),
        tag("style", Html(style)),
    ]
    held = tag("script", Html(_safe(data)), type="application/json", id=name.removesuffix("_page"))
    body = tag("body", skeleton, held, tag("script", Html(script)))
    return "<!doctype html>\n" + tag("html", tag("head", head), body, lang="en")


def button(name: str, label: str, path: str) -> Html:
    """Make a button that shows a drawing; its name is told."""
    icon = tag("svg", tag("path", "", d=path), viewBox="0 0 24 24", aria_hidden="true")
    return tag("button", icon, id=name, type="button", aria_label=label, title=label)


def keys_button() -> Html:
    return tag("button", "Keys ", tag("kbd", "?"), id="help", type="button")


def keys_dialog(keys: Iterable[tuple[str, str]]) -> Html:
    """Write what each key does; opened by the button and by "?"."""
    return tag("dialog", tag("button", "Close", class_="close", type="button"), tag("h2", "Keys", id="keys-name"),
               tag("dl", [join(tag("dt", key), tag("dd", does)) for key, does in keys]), id="keys",
               aria_labelledby="keys-name")


def _style(name: str) -> str:
    return files("cutaway.report").joinpath(f"{name}.css").read_text(encoding="utf-8")


def _hash(text: str) -> str:
    """Make the hash by which the page's policy allows this text to run, and no other."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def _safe(data: Any) -> str:
    """Write JSON that no name in it can end: < and the like are escapes."""
    text = json.dumps(data, allow_nan=False, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")
