"""Pictures of what columns do, as inline SVG: a curve, bars of levels, and the way from the mean to one prediction."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from ..text import number, short
from .charts import BOTTOM, HEIGHT, LEFT, RIGHT, TOP, WIDTH, Axis
from .html import Html, tag

LINE = 24                  # pixels of a bar and the space below it
LABELS, VALUES = 170, 64   # pixels for words at the left of bars, and for numbers at their right
MOST_LEVELS = 12           # of a category, the most frequent
MANY = 10_000              # numbers along an axis are written in thousands from here on
BAND = 40                  # pixels of the bars that show where values lie


def curve(one: dict[str, Any], beside: str) -> Html:
    """Draw what a number or date does over its value, where its values lie, and what a missing one does."""
    from ..inspect.effect import date_ticks, place_of

    first, last = one["view"]
    at, effect = one["at"][first : last + 1], one["effect"][first : last + 1]
    apart = [value for _, value, rows in one["apart"] if rows]
    if not at:
        return tag("p", "There is nothing to draw.", class_="note")
    low, high = min([*effect, *apart, 0]), max([*effect, *apart, 0])
    pad = 0.06 * ((high - low) or 1)
    bottom = HEIGHT - BOTTOM
    x = Axis(at[0], at[-1] if at[-1] > at[0] else at[0] + 1, LEFT, WIDTH - RIGHT)
    y = Axis(low - pad, high + pad, bottom - (BAND + 6) * bool(one["spread"]), TOP)
    marks = []
    most = max(one["spread"], default=0)
    wide = (WIDTH - RIGHT - LEFT) / max(len(one["spread"]), 1)
    for k, rows in enumerate(one["spread"]):
        tall = round(BAND * rows / most, 1)
        marks.append(tag("rect", x=round(LEFT + k * wide, 1), y=round(bottom - tall, 1), width=round(wide - 0.6, 1),
                         height=tall, class_="where"))
    for value in y.ticks():
        kind = "axis" if value == 0 else "grid"
        marks.append(tag("line", x1=LEFT, x2=WIDTH - RIGHT, y1=y(value), y2=y(value), class_=kind))
        marks.append(tag("text", y.label(value), x=LEFT - 7, y=y(value) + 4, text_anchor="end"))
    told = x.label if max(abs(at[0]), abs(at[-1])) >= MANY else partial(place_of, "number")  # years have no comma
    ticks = date_ticks(one["shape"], at[0], at[-1]) or [(value, told(value)) for value in x.ticks()]
    ticks = [(at[0], one["labels"][first])] if len(at) == 1 else ticks
    marks += [tag("text", label, x=x(value), y=bottom + 18, text_anchor=_anchor(x(value))) for value, label in ticks]
    marks.append(tag("line", x1=LEFT, x2=WIDTH - RIGHT, y1=bottom, y2=bottom, class_="axis"))
    marks.append(tag("text", short(one["column"], 40), x=WIDTH - RIGHT, y=HEIGHT - 5, text_anchor="end", class_="name"))
    marks.append(tag("text", short(beside, 30), x=4, y=14, class_="name"))
    for label, value, rows in one["apart"]:
        if rows:
            marks.append(tag("line", x1=LEFT, x2=WIDTH - RIGHT, y1=y(value), y2=y(value), class_="line b apart"))
            marks.append(tag("text", label, x=WIDTH - RIGHT, y=y(value) - 5, text_anchor="end"))
    if len(at) == 1:
        marks.append(tag("circle", cx=x(at[0]), cy=y(effect[0]), r=4, class_="dot a"))
    else:
        points = " ".join(f"{x(a)},{y(b)}" for a, b in zip(at, effect, strict=True))
        marks.append(tag("polyline", points=points, class_="line a"))
    return _svg(marks, f"What {one['column']} does, over its value", HEIGHT)


def bars(one: dict[str, Any], signed: Callable[[float], str]) -> Html:
    """Draw what each level of a category does as a bar from zero, with how many rows have it; `signed` writes numbers.
    """
    levels = list(zip(one["labels"], one["effect"], one["rows"], strict=True))
    shown = sorted(range(len(levels)), key=lambda k: -levels[k][2])[:MOST_LEVELS]
    levels = [levels[k] for k in sorted(shown)] + [tuple(point) for point in one["apart"]]
    left = len(one["labels"]) - len(shown) + one["left"]
    low, high = min(0.0, *(value for _, value, _ in levels)), max(0.0, *(value for _, value, _ in levels))
    x = Axis(low, high if high > low else low + 1, LABELS + VALUES * (low < 0), WIDTH - VALUES)
    marks = []
    for k, (label, value, rows) in enumerate(levels):
        top = 6 + k * LINE
        count = f"{rows:,}" if rows else "–"
        marks.append(tag("text", short(label, 15), x=0, y=top + 13, class_="name"))
        marks.append(tag("text", count, x=LABELS - 14, y=top + 13, text_anchor="end"))
        marks += _bar(x, 0.0, value, top, signed(value))
    end = 6 + len(levels) * LINE
    marks.append(tag("line", x1=x(0), x2=x(0), y1=2, y2=end, class_="axis"))
    words = f"level, rows{f'; {left:,} rarer ones are not shown' if left else ''}"
    marks.append(tag("text", words, x=0, y=end + 16))
    return _svg(marks, f"What each level of {one['column']} does", end + 24)


def waterfall(start: float, steps: list[tuple[str, float]], stop: float, ends: list[str], label: str) -> Html:
    """Draw the way from a mean prediction to one row's: a bar for each step (name, how far), each from where the one
    before ended; `ends` are the words for start and stop."""
    where = [start]
    for _, part in steps:
        where.append(where[-1] + part)
    low, high = min(*where, stop), max(*where, stop)
    x = Axis(low, high if high > low else low + 1, LABELS + VALUES, WIDTH - VALUES)
    marks = [tag("text", "on average", x=0, y=19, class_="name"),
             tag("circle", cx=x(start), cy=15, r=4, class_="start"), tag("text", ends[0], x=x(start) + 9, y=19)]
    for k, ((name, part), begun) in enumerate(zip(steps, where, strict=False)):
        top = 6 + (k + 1) * LINE
        marks.append(tag("line", x1=x(begun), x2=x(begun), y1=top - 9, y2=top + 17, class_="grid"))
        marks.append(tag("text", short(name, 28), x=0, y=top + 13, class_="name"))
        marks += _bar(x, begun, begun + part, top, f"+{number(part)}" if part > 0 else number(part))
    top = 6 + (len(steps) + 1) * LINE
    marks += [tag("text", "this row", x=0, y=top + 13, class_="name"),
              tag("circle", cx=x(stop), cy=top + 9, r=4, class_="end"), tag("text", ends[1], x=x(stop) + 9, y=top + 13)]
    return _svg(marks, label, top + LINE + 4)


def _bar(x: Axis, begun: float, ended: float, top: float, text: str) -> list[Html]:
    """Draw a bar from one value to another, and its number beyond its end."""
    low, high = sorted((x(begun), x(ended)))
    up = ended >= begun
    return [tag("rect", x=low, y=top, width=round(max(high - low, 1), 1), height=17, class_="up" if up else "down"),
            tag("text", text, x=high + 5 if up else low - 5, y=top + 13, text_anchor="start" if up else "end")]


def _anchor(place: float) -> str:
    """How a tick's words stand, so that they do not leave the picture."""
    return "end" if place > WIDTH - 40 else "middle"


def _svg(marks: list[Html], label: str, height: float) -> Html:
    return tag("svg", marks, viewBox=f"0 0 {WIDTH} {round(height)}", role="img", aria_label=label)
